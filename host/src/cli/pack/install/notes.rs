//! What whoever installs a version is to know about it: that its tag says another one, and that it is older than the one before.

use petrel_registry::tags::{is_mistaken, version};
use petrel_registry::{Locked, Reference};

use crate::print;

/// Tells it.
pub(super) fn tell(pack: &Locked, before: Option<&Locked>) {
    notes(pack, before).iter().for_each(|note| print::note(&format!("note: {note}")));
}

fn notes(pack: &Locked, before: Option<&Locked>) -> Vec<String> {
    let Locked { name, version: found, reference, digest, .. } = pack;
    let is_same = before.is_some_and(|before| before.digest == *digest && before.reference == *reference);
    let tag = reference.parse().ok().and_then(|named: Reference| named.tag);
    let mut notes = Vec::new();
    if tag.is_some_and(|tag| is_mistaken(&tag, found)) && !is_same {
        notes.push(format!("{reference} is the version {found} of {name}, whatever its tag says"));
    }
    if let Some(before) = before
        && let (Some(now), Some(then)) = (version(found), version(&before.version))
        && now < then
    {
        let then = &before.version;
        notes.push(format!(
            "{name} was {then} and is {found} again, which is older; `petrel pack rollback {name}` brings {then} back"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use petrel_registry::Digest;

    use super::*;

    fn locked(version: &str, tag: &str) -> Locked {
        Locked {
            name: "mine".into(),
            version: version.into(),
            reference: if tag.is_empty() { String::new() } else { format!("r.example.com/packs/mine{tag}") },
            resolved: String::new(),
            digest: Digest::of(version.as_bytes()),
            native: false,
            signature: None,
            key: None,
        }
    }

    #[test]
    fn a_tag_of_another_version_and_an_older_version_are_told() {
        let by_digest = format!("@{}", Digest::of(b"1.0.0"));
        for (version, tag, before, expected) in [
            ("1.1.0", ":1.1.0", None, &[][..]),
            ("1.1.0", ":1.1.0", Some(("1.0.0", ":1.0.0")), &[]),
            ("1.0.0", ":latest", Some(("1.0.0", ":1.0.0")), &[]),
            ("1.0.0", ":9.9.9", None, &["mine:9.9.9 is the version 1.0.0 of mine"]),
            ("1.0.0", ":9.9.9", Some(("1.0.0", ":1.0.0")), &["mine:9.9.9 is the version 1.0.0 of mine"]),
            // The same once more.
            ("1.0.0", ":9.9.9", Some(("1.0.0", ":9.9.9")), &[]),
            (
                "1.0.0",
                ":9.9.9",
                Some(("1.1.0", ":1.1.0")),
                &["mine:9.9.9 is the version 1.0.0 of mine", "mine was 1.1.0 and is 1.0.0 again"],
            ),
            (
                "1.0.0",
                &by_digest,
                Some(("1.1.0", ":1.1.0")),
                &["`petrel pack rollback mine` brings 1.1.0 back"],
            ),
            // A file without a reference.
            ("1.0.0", "", Some(("1.1.0", "")), &["mine was 1.1.0"]),
            ("dev", ":dev", Some(("1.1.0", ":1.1.0")), &[]),
        ] {
            let before = before.map(|(version, tag)| locked(version, tag));
            let found = notes(&locked(version, tag), before.as_ref());
            assert_eq!(found.len(), expected.len(), "{version} {tag}: {found:?}");
            assert!(found.iter().zip(expected).all(|(note, says)| note.contains(says)), "{tag}: {found:?}");
        }
    }
}

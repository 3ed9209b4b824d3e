//! What keeps a pack from being installed, apart from its signatures: what it would run, what the lock says, and what is not here.

use petrel_model::quoted::{listed, quoted};
use petrel_registry::card::Card;
use petrel_registry::tags::{is_mistaken, version};
use petrel_registry::{Digest, Locked, Reference};

use crate::exit::{Code, Failure};

/// The kind of the refusal of a tag that does not name what it says.
pub(in crate::cli::pack) const WRONG_TAG: &str = "registry.tag";
/// The entries that a refusal names.
const MOST_NAMED: usize = 5;

/// Refuses a pack whose actions or sensors run as processes.
pub(super) fn refuse_native(card: &Card) -> Result<(), Failure> {
    let named: Vec<_> =
        card.native().map(|entry| format!("{}.{} ({})", card.reference, entry.name, entry.by)).collect();
    if named.is_empty() {
        return Ok(());
    }
    let shown = listed(named.iter().map(String::as_str), MOST_NAMED);
    let message = format!(
        "the pack {} {} runs processes on the machine of the host: {shown}; nothing was changed",
        card.reference, card.version
    );
    Err(Failure::new(
        Code::Unaccepted,
        "unaccepted",
        message,
        "look at it with `petrel pack pull`, and repeat this with --allow-native if you trust it",
    ))
}

pub(super) fn not_locked(name: &str) -> Failure {
    let message = format!("{name} is not in the lock, and nothing else may be installed with --locked");
    Failure::new(Code::Conflict, "lock", message, "`petrel pack install REF` without --locked puts it there")
}

pub(super) fn refuse_other(locked: &Locked, found: &Digest) -> Result<(), Failure> {
    if locked.digest == *found {
        return Ok(());
    }
    let message = format!(
        "the lock has {} {} with the digest {}, and this is {found}",
        locked.name, locked.version, locked.digest
    );
    let hint = "install it without --locked if that is what you want; the lock is changed then";
    Err(Failure::new(Code::Conflict, "lock", message, hint))
}

pub(super) fn of_no_registry(locked: &Locked) -> Failure {
    let message = format!(
        "{} {} is not on this machine, and the lock names no registry that has it: it was installed from a file",
        locked.name, locked.version
    );
    let hint = "install that file, `petrel pack install --locked FILE`; its digest is compared with the lock";
    Failure::new(Code::NotFound, "lock", message, hint)
}

pub(super) fn offline(name: &str) -> Failure {
    let message = format!("{name} is not on this machine, and no registry may be asked with --offline");
    Failure::new(
        Code::NotFound,
        "offline",
        message,
        "leave out --offline, or install a file of `petrel pack save`",
    )
}

/// Refuses an artifact that is no update of the pack `name`, whatever its tag says: whoever may push tags needs no key to have one
/// name an old version, which is signed as well, or another pack.
pub(in crate::cli::pack) fn refuse_no_update(
    name: &str,
    known: Option<&Locked>,
    card: &Card,
    reference: &Reference,
) -> Result<(), Failure> {
    let found = &card.version;
    let tag = reference.tag.as_deref().unwrap_or_default();
    let why = if card.reference != name {
        format!("the pack {}, and not {name}", quoted(&card.reference))
    } else if let Some(known) = known.filter(|known| version(found) <= version(&known.version)) {
        format!("the version {} of {name}, which is not newer than {}", quoted(found), known.version)
    } else if is_mistaken(tag, found) {
        format!("the version {} of {name}, whatever its tag says", quoted(found))
    } else {
        return Ok(());
    };
    let message = format!("{reference} is {why}; nothing was changed");
    let hint = "ask whoever pushes to that repository; `petrel pack install REF` installs any version";
    Err(Failure::new(Code::Conflict, WRONG_TAG, message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_makes_no_old_version_a_new_one() {
        let known = Locked {
            name: "mine".into(),
            version: "1.1.0".into(),
            reference: String::new(),
            resolved: String::new(),
            digest: Digest::of(b""),
            native: false,
            signature: None,
            key: None,
        };
        for (pack, found, tag, says) in [
            ("mine", "1.2.0", "1.2.0", None),
            ("mine", "1.2.0+linux", "1.2.0_linux", None),
            (
                "mine",
                "1.1.0",
                "2.0.0",
                Some("2.0.0 is the version 1.1.0 of mine, which is not newer than 1.1.0"),
            ),
            ("mine", "1.0.9", "2.0.0", Some("not newer")),
            ("mine", "none", "2.0.0", Some("not newer")),
            ("mine", "1.2.0", "2.0.0", Some("2.0.0 is the version 1.2.0 of mine, whatever its tag says")),
            ("other", "2.0.0", "2.0.0", Some("2.0.0 is the pack other, and not mine")),
        ] {
            let reference: Reference = format!("r.example.com/packs/mine:{tag}").parse().unwrap();
            let card = format!(r#"{{"schema": 1, "ref": "{pack}", "version": "{found}"}}"#);
            let card = Card::read(card.as_bytes()).unwrap();
            let refused = refuse_no_update("mine", Some(&known), &card, &reference).err();
            assert_eq!(refused.is_some(), says.is_some(), "{pack} {found} {tag}: {refused:?}");
            assert!(refused.iter().zip(says).all(|(refused, says)| refused.message.contains(says)), "{tag}");
            // Who has it no more has nothing to compare it with but its tag.
            let alone = refuse_no_update("mine", None, &card, &reference);
            assert_eq!(alone.is_ok(), pack == "mine" && !is_mistaken(tag, found), "{pack} {found} {tag}");
        }
    }
}

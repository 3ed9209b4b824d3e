//! What keeps a pack from being installed, apart from its signatures: what it would run, what the lock says, and what is not here.

use petrel_model::quoted::listed;
use petrel_registry::card::Card;
use petrel_registry::tags::version;
use petrel_registry::{Digest, Locked, Reference};

use crate::exit::{Code, Failure};

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

/// Refuses an artifact that is no newer than the one in the lock, whatever its tag says: an old one is signed as well.
pub(super) fn refuse_older(
    known: Option<&Locked>,
    found: &str,
    reference: &Reference,
) -> Result<(), Failure> {
    let Some(known) = known.filter(|known| version(found) <= version(&known.version)) else { return Ok(()) };
    let message = format!(
        "{reference} is the version {found} of {}, which is not newer than {}; nothing was changed",
        known.name, known.version
    );
    let hint = "ask whoever pushes to that repository; `petrel pack install REF` installs any version";
    Err(Failure::new(Code::Conflict, "conflict", message, hint))
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
        let reference: Reference = "r.example.com/packs/mine:2.0.0".parse().unwrap();
        for (found, is_newer) in [("1.2.0", true), ("1.1.0", false), ("1.0.9", false), ("none", false)] {
            let done = refuse_older(Some(&known), found, &reference);
            assert_eq!(done.is_ok(), is_newer, "{found}");
            assert!(done.err().is_none_or(|refused| refused.message.contains("2.0.0 is the version")));
        }
        assert!(refuse_older(None, "1.0.0", &reference).is_ok());
    }
}

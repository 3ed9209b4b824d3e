//! Tests of the vault.

use super::*;

#[test]
fn a_row_is_opened_in_its_place_alone_and_by_its_key() {
    let (old, new) = (VaultKey::of([1; KEY]), VaultKey::of([2; KEY]));
    let before = Vault::new(vec![old.clone()]);
    let after = Vault::new(vec![new.clone(), old.clone()]);
    let sealed = Sealer::seal(&before, b"{\"pin\": \"s3cret\"}", b"\x11a").unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"s3cret"));
    assert_eq!(Sealer::open(&after, &sealed, b"\x11a").unwrap(), b"{\"pin\": \"s3cret\"}");
    for (vault, sealed, place, says) in [
        (&after, sealed.as_slice(), b"\x11b", "sealed for something else"),
        (&after, &sealed[..30], b"\x11a", "damaged"),
        (&after, &sealed[..3], b"\x11a", "damaged"),
        (&Vault::new(vec![new]), sealed.as_slice(), b"\x11a", old.id()),
        (&Vault::locked("put it back"), sealed.as_slice(), b"\x11a", "put it back"),
    ] {
        let refused = Sealer::open(vault, sealed, place).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
    assert!(Sealer::seal(&Vault::locked("put it back"), b"x", b"y").unwrap_err().contains("put it back"));
}

fn vault() -> Vault {
    Vault::new(vec![VaultKey::of([7; KEY]), VaultKey::of([8; KEY])])
}

#[test]
fn a_text_is_sealed_and_opened_for_its_owner_alone() {
    let vault = vault();
    for text in ["", "s3cret", "grün 🦆", &"x".repeat(1 << 20)] {
        let sealed = vault.seal(text, "a").unwrap();
        assert!(Vault::is_sealed(&sealed) && vault.is_current(&sealed), "{sealed}");
        assert!(text.is_empty() || !sealed.contains(text));
        assert_ne!(vault.seal(text, "a").unwrap(), sealed, "each has a nonce of its own");
        assert_eq!(vault.open(&sealed, "a").as_deref(), Ok(text));
        assert_eq!(vault.open(&sealed, "b"), Err(VaultError::Damaged));
    }
}

#[test]
fn what_was_changed_is_not_opened() {
    let vault = vault();
    let sealed = vault.seal("s3cret", "a").unwrap();
    let start = sealed.rfind(':').unwrap() + 1;
    for place in start..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(vault.open(&changed, "a"), Err(VaultError::Damaged), "{place}");
    }
    for (changed, error) in [
        (sealed[..start + 8].to_owned(), VaultError::Damaged),
        (sealed[..start].to_owned(), VaultError::Damaged),
        ("s3cret".to_owned(), VaultError::NotSealed),
        (String::new(), VaultError::NotSealed),
    ] {
        assert_eq!(vault.open(&changed, "a"), Err(error), "{changed}");
    }
}

#[test]
fn an_older_key_opens_and_another_one_does_not() {
    let (old, new) = (VaultKey::of([1; KEY]), VaultKey::of([2; KEY]));
    let sealed = Vault::new(vec![old.clone()]).seal("s3cret", "a").unwrap();
    let rotated = Vault::new(vec![new.clone(), old.clone()]);
    assert_eq!(rotated.open(&sealed, "a").as_deref(), Ok("s3cret"));
    assert!(rotated.has_key_of(&sealed) && !rotated.is_current(&sealed));
    let other = Vault::new(vec![new]);
    assert!(!other.has_key_of(&sealed));
    assert_eq!(other.open(&sealed, "a"), Err(VaultError::UnknownKey(old.id().to_owned())));
    let locked = Vault::locked("put it back");
    assert_eq!(locked.open(&sealed, "a"), Err(VaultError::NoKey("put it back".into())));
    assert_eq!(locked.seal("x", "a"), Err(VaultError::NoKey("put it back".into())));
    assert!(Vault::default().seal("x", "a").unwrap_err().to_string().contains("see the log"));
}

#[test]
fn keys_are_written_and_read_back_and_never_shown() {
    let keys = vec![VaultKey::generate().unwrap(), VaultKey::of([9; KEY])];
    let text = VaultKey::write_all(&keys);
    assert_eq!(VaultKey::read_all(&text).as_ref(), Ok(&keys));
    assert_eq!(VaultKey::read_all(&format!("{text}\n\n")).as_ref(), Ok(&keys));
    let shown = format!("{:?}", Vault::new(keys.clone()));
    assert!(shown.contains(keys[0].id()) && !shown.contains(&STANDARD.encode([9; KEY])), "{shown}");
    for (text, line) in [
        ("", 1),
        ("something else", 1),
        ("petrel-vault 1\n", 2),
        ("petrel-vault 1\nabc\n", 2),
        ("petrel-vault 1\nabc CQkJ\n", 2),
        (&text.replace(keys[1].id(), keys[0].id()), 3),
    ] {
        let refused = VaultKey::read_all(text).unwrap_err();
        assert_eq!(refused.line, line, "{text}: {refused}");
    }
}

#[test]
fn a_key_that_is_not_that_of_the_store_opens_and_does_not_seal() {
    let key = VaultKey::of([1; KEY]);
    let sealed = Vault::new(vec![key.clone()]).seal("s3cret", "a").unwrap();
    let foreign = Vault::foreign(vec![key.clone()], "put it back");
    assert_eq!(foreign.open(&sealed, "a").as_deref(), Ok("s3cret"));
    assert_eq!(foreign.seal("x", "a"), Err(VaultError::Foreign("put it back".into())));
    assert!(Sealer::seal(&foreign, b"x", b"y").unwrap_err().contains("put it back"));
    assert_eq!((Sealer::key(&foreign), foreign.is_begun_anew()), (None, false));
    let row = Sealer::seal(&Vault::new(vec![key.clone()]), b"x", b"y").unwrap();
    assert_eq!(Sealer::key_of(&foreign, &row).as_deref(), Some(key.id()));
    assert_eq!(Sealer::key_of(&foreign, b"short"), None);
}

#[test]
fn a_key_in_the_place_of_a_lost_one_stays_that_over_its_file() {
    let keys = vec![VaultKey::of([1; KEY]).begun_anew(), VaultKey::of([2; KEY])];
    let read = VaultKey::read_all(&VaultKey::write_all(&keys)).unwrap();
    assert_eq!(read, keys);
    assert_eq!(read.iter().map(VaultKey::is_begun_anew).collect::<Vec<_>>(), [true, false]);
    assert!(Vault::new(read).is_begun_anew());
}

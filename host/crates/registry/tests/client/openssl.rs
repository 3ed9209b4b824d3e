//! Keys and signatures against those of `openssl`, which others verify and make them with.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use petrel_registry::{PrivateKey, PublicKey};
use petrel_test_support::skip;

const MESSAGE: &[u8] = b"{\"critical\":{}}";

/// Runs `openssl` in a directory. `None` if this machine has none.
fn openssl(place: &Path, arguments: &str) -> Option<bool> {
    let mut command = Command::new("openssl");
    let command = command.args(arguments.split(' ')).current_dir(place).stdin(Stdio::null());
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.ok().map(|status| status.success())
}

#[test]
fn openssl_verifies_what_we_sign_and_we_what_it_signs() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    if openssl(at, "version").is_none() {
        return skip("there is no openssl");
    }
    let (key, other) = (PrivateKey::made().unwrap(), PrivateKey::made().unwrap());
    for (name, content) in [
        ("message", MESSAGE.to_owned()),
        ("ours.key", key.pem().into_bytes()),
        ("ours.pub", key.public().pem().into_bytes()),
        ("other.pub", other.public().pem().into_bytes()),
        ("ours.sig", key.sign(MESSAGE).unwrap()),
    ] {
        fs::write(at.join(name), content).unwrap();
    }
    for (arguments, is_done) in [
        ("dgst -sha256 -verify ours.pub -signature ours.sig message", true),
        ("dgst -sha256 -verify other.pub -signature ours.sig message", false),
        // It reads our private key, and makes the same public one of it.
        ("pkey -in ours.key -pubout -out again.pub", true),
        ("dgst -sha256 -sign ours.key -out theirs.sig message", true),
        // A pair of its own, in the form that we ask for.
        ("ecparam -name prime256v1 -genkey -noout -out old.key", true),
        ("pkcs8 -topk8 -nocrypt -in old.key -out new.key", true),
        ("pkey -in new.key -pubout -out new.pub", true),
        ("dgst -sha256 -sign new.key -out new.sig message", true),
    ] {
        assert_eq!(openssl(at, arguments), Some(is_done), "{arguments}");
    }
    let text = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    let public = |name: &str| PublicKey::read(&text(name), name).unwrap();
    assert_eq!(public("again.pub"), key.public());
    for (name, key) in [("theirs.sig", key.public()), ("new.sig", public("new.pub"))] {
        let signature = fs::read(at.join(name)).unwrap();
        assert!(key.verifies(MESSAGE, &signature) && !key.verifies(b"another", &signature), "{name}");
        assert!(!other.public().verifies(MESSAGE, &signature), "{name}");
    }
    let made = PrivateKey::read(&text("new.key"), "new.key").unwrap();
    assert_eq!(made.public(), public("new.pub"));
    let old = PrivateKey::read(&text("old.key"), "old.key").unwrap_err();
    assert!(old.hint.contains("openssl pkcs8 -topk8 -nocrypt -in old.key"), "{old}");
}

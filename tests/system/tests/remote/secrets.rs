//! Secrets of calls by SSH: they work, and no command line of any process shows them.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use petrel_system_tests::{Place, assert_says, eventually, skip};
use serde_json::json;

use super::server::{PASSPHRASE, server};
use super::{ended, request, run};

/// The password of the user whom the test makes.
const PASSWORD: &str = "hush-hush-42";

/// Asserts that no process of the machine has any of these texts on its command line.
fn assert_unseen(secrets: &[&str]) {
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        for secret in secrets {
            assert!(!line.contains(secret), "{secret} is on a command line: {line}");
        }
    }
}

#[test]
fn a_passphrase_opens_a_key_and_is_not_seen() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let host = place.start(&[]);
    let (there, go) = (place.path("there"), place.path("go"));
    let key = fs::read_to_string(server.key("sealed")).unwrap();
    let id = request(
        &host,
        &server,
        "127.0.0.1",
        &json!({
            "private_key": key, "passphrase": PASSPHRASE, "env": {"TOKEN": "tell-nobody-9"}, "timeout": 300,
            "cmd": format!("touch {there}; until [ -e {go} ]; do sleep 0.1; done; echo $TOKEN | tr a-z A-Z"),
        }),
    );
    eventually("it runs", || fs::exists(&there).unwrap_or(false).then_some(()));
    let path = server.key("sealed");
    assert_unseen(&[PASSPHRASE, "tell-nobody-9", "PRIVATE KEY", &path]);
    fs::write(&go, "").unwrap();
    let ran = ended(&host, &id);
    assert_eq!(ran["result"]["127.0.0.1"]["stdout"], "TELL-NOBODY-9", "{ran}");
    // The files in which ssh gets them are gone with it.
    let open = fs::read_to_string(place.data().join("store/lock")).unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", open.trim())).unwrap().flatten();
    let hidden = open.filter(|file| {
        fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().contains("petrel-ssh"))
    });
    assert_eq!(hidden.count(), 0);
    host.stop();
}

/// A user of the machine with a password. It is removed on drop.
struct User(String);

impl User {
    /// `None` where none can be made.
    fn make() -> Option<Self> {
        let user = Self(format!("petrel-t{}", std::process::id()));
        let made = Command::new("useradd").args(["-M", "-d", "/tmp", "-s", "/bin/sh", &user.0]).output();
        if !made.is_ok_and(|made| made.status.success()) {
            skip("no user with a password can be made: that takes root, and useradd");
            return None;
        }
        let mut changed = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(
            &mut changed.stdin.take().unwrap(),
            format!("{}:{PASSWORD}\n", user.0).as_bytes(),
        )
        .unwrap();
        assert!(changed.wait().unwrap().success());
        Some(user)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        drop(Command::new("userdel").arg(&self.0).output());
    }
}

#[test]
fn a_password_signs_in_and_is_not_seen() {
    let place = Place::default();
    let Some(server) = server(&place, "a") else { return };
    let Some(user) = User::make() else { return };
    let host = place.start(&[]);
    let at = tempfile::tempdir().unwrap();
    // The other user writes there.
    fs::set_permissions(at.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let at = at.path().to_str().unwrap();
    let cmd = format!("touch {at}/there; until [ -e {at}/go ]; do sleep 0.1; done; id -un");
    let id = request(
        &host,
        &server,
        "127.0.0.1",
        &json!({"username": user.0, "password": PASSWORD, "cmd": cmd, "timeout": 300}),
    );
    eventually("it runs", || fs::exists(format!("{at}/there")).unwrap_or(false).then_some(()));
    assert_unseen(&[PASSWORD]);
    fs::write(format!("{at}/go"), "").unwrap();
    let ran = ended(&host, &id);
    assert_eq!(ran["result"]["127.0.0.1"]["stdout"], json!(user.0), "{ran}");
    let ran = run(&host, &server, "127.0.0.1", &json!({"username": user.0, "password": "wrong"}));
    let part = &ran["result"]["127.0.0.1"];
    assert_eq!(part["code"], "ssh.denied", "{ran}");
    assert_says(part["error"].as_str().unwrap(), &["127.0.0.1", &user.0, "password"]);
    host.stop();
}

//! The binary as cargo has built it for the tests. That there is a test here makes cargo build it with the
//! rest of the workspace; the tests of the whole system, in other packages, then find it fresh.

use std::process::Command;

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_petrel")).arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.trim(), format!("petrel {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn nobody_need_read_what_it_says() {
    for words in [&["frobnicate"][..], &["--data-dir", "/nowhere/at/all", "status"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_petrel"));
        command.args(words).stdout(writer.try_clone().unwrap()).stderr(writer);
        // 101 is the code of a panic.
        assert_ne!(command.status().unwrap().code(), Some(101), "{words:?}");
    }
}

//! What keeps a host from starting, each with what to do about it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use petrel_system_tests::{Place, assert_says};

#[test]
fn a_data_directory_has_one_host() {
    let place = Place::default();
    let host = place.start(&[]);
    let refused = place.petrel(&["serve", "--listen", "127.0.0.1:0"]).with_code(8);
    let process = format!(
        "in use by process {}",
        fs::read_to_string(place.data().join("store/lock")).unwrap_or_default().trim()
    );
    assert_says(&refused.stderr, &["data", &process, "--data-dir"]);
    assert_eq!(refused.stdout, "");
    // The first one does not mind.
    host.ok(&["run", "core.noop"]);
    host.stop();
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let place = Place::default();
    place.start(&[]).stop();
    let format = place.data().join("store/format");
    for (text, says) in [
        ("petrel-store 99\n", &["has format 99", "newer"][..]),
        ("something\n", &["`petrel-store 2` and `engine sled`", "restore from a backup"]),
    ] {
        fs::write(&format, text).unwrap();
        let refused = place.petrel(&["serve", "--listen", "127.0.0.1:0"]).with_code(8);
        assert_says(&refused.stderr, &[&["error: ", "store"], says].concat());
        assert_eq!(fs::read_to_string(&format).unwrap(), text);
    }
    fs::write(&format, "petrel-store 1\n").unwrap();
    place.start(&[]).stop();
}

#[test]
fn a_port_in_use_is_said() {
    let place = Place::default();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.petrel(&["serve", "--listen", &address]).with_code(8);
    assert_says(&refused.stderr, &[&format!("cannot listen on {address}"), "another process", "--listen"]);
    let object = place.petrel(&["serve", "--listen", &address, "--json"]).with_code(8).json();
    assert_eq!(object["code"], "listen");
    assert!(!place.data().join("store").exists());
}

#[test]
fn settings_that_would_do_harm_are_refused() {
    let place = Place::default();
    for (arguments, says) in [
        (&["--listen", "0.0.0.0:0"][..], &["0.0.0.0:0", "other machines", "--allow-plain-http", "TLS"][..]),
        (&["--listen", "[::]:0"], &["other machines", "--allow-plain-http"]),
        (&["--listen", "here"], &["here", "--listen"]),
        (&["--process-slots", "0"], &["slots", "at least 1"]),
        (&["--process-slots", "few"], &["few", "--process-slots"]),
        (&["--datastore-max-mib", "0"], &["datastore.max_mib", "at least 1"]),
        (&["--sensors-poll-timeout", "86401"], &["sensors.poll_timeout", "at most 86400"]),
        (
            &["--listen", "127.0.0.1:0", "--grant-directory", "core=/tmp"],
            &["core=/tmp", "PACK=HOST-DIR:GUEST-PATH"],
        ),
    ] {
        let refused = place.petrel(&[&["serve"], arguments].concat()).with_code(2);
        assert_says(&refused.stderr, says);
        assert_eq!(refused.stdout, "");
    }
    assert!(!place.data().exists());
    place.start(&["--listen", "0.0.0.0:0", "--allow-plain-http"]).stop();
}

#[test]
fn what_is_secret_is_for_its_owner() {
    let place = Place::default();
    let host = place.start(&[]);
    let mode = |name: &str| fs::metadata(place.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("admin-token")), (0o700, 0o600));
    let token = host.token.clone();
    assert!(!host.greeting.contains(&token));
    host.stop();
    let host = place.start(&[]);
    assert_eq!(host.token, token);
    assert!(!place.read("log").contains(&token));
    host.stop();
}

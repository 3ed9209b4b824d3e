//! Encrypted connections, what keeps a host from offering them, and connections that send nothing.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use petrel_system_tests::{PATIENCE, Place, assert_says};

/// A certificate for this machine, and its key, written down as `NAME.crt` and `NAME.key`.
fn certificate(place: &Place, name: &str, last_year: i32) -> (String, String) {
    let mut wanted = rcgen::CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    wanted.not_after = rcgen::date_time_ymd(last_year, 6, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = wanted.self_signed(&key).unwrap();
    (
        place.write(&format!("{name}.crt"), &made.pem()),
        place.write(&format!("{name}.key"), &key.serialize_pem()),
    )
}

#[test]
fn a_host_with_a_certificate_is_reached_by_who_trusts_it() {
    let place = Place::default();
    let (certificate, key) = certificate(&place, "host", 2100);
    let host = place.start(&["--tls-certificate", &certificate, "--tls-key", &key]);
    assert_says(&host.greeting, &["listens on https://127.0.0.1:"]);
    let line = host.greeting.lines().find_map(|line| line.trim().strip_prefix("try ")).unwrap();
    place.script(&format!("unset PETREL_DATA_DIR\n{line}"), &[]).with_code(0);
    let url = format!("--url=https://{}", host.address);
    let trusting = ["--ca-file", &certificate];
    assert_says(
        &host
            .cli(&[&["run", "core.local", "cmd=echo hello", &url], &trusting[..]].concat())
            .with_code(0)
            .stdout,
        &["hello"],
    );
    let refused = host.cli(&["whoami", &url]).with_code(8);
    assert_says(&refused.stderr, &["certificate", "--ca-file"]);
    let plain = host.cli(&["whoami"]).with_code(8);
    assert_says(&plain.stderr, &["no host answers at http://"]);
    let nothing = place.write("empty.crt", "");
    assert_says(
        &host.cli(&["whoami", &url, "--ca-file", &nothing]).with_code(2).stderr,
        &[&nothing, "--ca-file"],
    );
    host.stop();
    // With it a host may listen to other machines.
    place.start(&["--tls-certificate", &certificate, "--tls-key", &key, "--listen", "0.0.0.0:0"]).stop();
}

#[test]
fn a_certificate_that_will_not_do_is_refused_before_anything_is_touched() {
    let place = Place::default();
    let (good, key) = certificate(&place, "good", 2100);
    let (expired, expired_key) = certificate(&place, "expired", 2020);
    let (missing, garbage) = (place.path("missing.crt"), place.write("garbage", "garbage"));
    for (certificate, key, says) in [
        (&good, "", &["tls.key is empty", "give both"][..]),
        (&good, expired_key.as_str(), &["does not fit the certificate", "tls.key"]),
        (&expired, expired_key.as_str(), &["expired.crt expired on 2020-06-01", "renew"]),
        (&missing, key.as_str(), &["missing.crt cannot be read", "tls.certificate"]),
        (&garbage, key.as_str(), &["garbage", "there is no certificate in it", "PEM"]),
        (&good, garbage.as_str(), &["garbage cannot be read", "tls.key must name"]),
    ] {
        let refused = place.petrel(&[
            "serve",
            "--listen=127.0.0.1:0",
            "--tls-certificate",
            certificate,
            "--tls-key",
            key,
        ]);
        assert_says(&refused.with_code(2).stderr, says);
    }
    assert!(!place.data().join("store").exists());
}

#[test]
fn a_connection_that_sends_nothing_is_closed() {
    let place = Place::default();
    let host = place.start(&["--idle-seconds", "1"]);
    for begun in ["", "GET /healthz HTTP/1.1\r\nHost: petrel\r\n"] {
        let mut idle = TcpStream::connect(&host.address).unwrap();
        idle.set_read_timeout(Some(PATIENCE)).unwrap();
        idle.write_all(begun.as_bytes()).unwrap();
        // The end comes, with or without a word about it.
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    host.get("/status").with_status(200);
    host.stop();
}

//! A host without its key for secrets, or with that of another: what is encrypted stays as it is, nobody gets at it by what is
//! registered meanwhile, and nothing new is encrypted by a key that is not that of the store.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::path::PathBuf;

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

const SECRET: &str = "hush-90be12d7-configured";
const JSON: &str = "Content-Type: application/json\r\n";

/// A pack in the directory `at`, with a secret in its configuration. Its action gives that away.
fn pack(place: &Place, at: &str) -> String {
    for (file, text) in [
        ("pack.yaml", "name: safe\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n"),
        ("config.schema.yaml", "token: {type: string, secret: true}\n"),
        ("actions/open.yaml", "name: open\nrunner_type: python-script\nentry_point: open.py\n"),
        (
            "actions/open.py",
            "from st2common.runners.base_action import Action\nclass Open(Action):\n    def run(self):\n        return (self.config or {}).get('token', '')[::-1]\n",
        ),
    ] {
        place.write(&format!("{at}/{file}"), text);
    }
    place.path(at)
}

/// A host with the pack configured, which has stopped, and the file with its key.
fn configured(place: &Place) -> PathBuf {
    let directory = pack(place, "safe");
    let host = place.start(&[]);
    host.ok(&["pack", "register", &directory]);
    assert_eq!(configure(&host, SECRET).0, 200);
    host.stop();
    place.data().join("vault-key")
}

/// The status and the body of a request that configures the pack.
fn configure(host: &Host<'_>, token: &str) -> (u16, String) {
    let values = json!({"token": token}).to_string();
    let answer = host.try_send("PUT", "/configs/safe", JSON, values.as_bytes()).unwrap();
    (answer.status, answer.body)
}

fn is_whole(host: &Host<'_>) {
    assert_says(&host.get("/configs/safe?show_secrets=true").with_status(200).body, &[SECRET]);
}

/// The head of requests of a user who is no admin.
fn of_ada(host: &Host<'_>) -> String {
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    // `ada:correct horse`
    let basic = "Authorization: Basic YWRhOmNvcnJlY3QgaG9yc2U=\r\n";
    let made = host.send_plain("POST", "/auth/v1/tokens", basic, b"{}").with_status(201).json();
    format!("X-Auth-Token: {}\r\n{JSON}", made.get("token").and_then(Value::as_str).unwrap())
}

#[test]
fn while_the_key_is_lost_nobody_takes_a_configured_pack_over() {
    let place = Place::default();
    let file = configured(&place);
    let elsewhere = json!({"path": pack(&place, "elsewhere")}).to_string();
    let aside = place.path("aside");
    let host = place.start(&[]);
    let ada = of_ada(&host);
    let register =
        |host: &Host<'_>| host.send_plain("POST", "/api/v1/packs/register", &ada, elsewhere.as_bytes());
    assert_says(&register(&host).with_status(403).body, &["only the admin may register it"]);
    host.stop();
    fs::rename(&file, &aside).unwrap();
    let host = place.start(&[]);
    assert_says(&register(&host).with_status(403).body, &["only the admin may register it"]);
    // The same directory is the same pack, and does not forget what it cannot read.
    host.ok(&["pack", "register", &place.path("safe")]);
    // Nor does it go with the pack.
    assert_says(
        &host.cli(&["pack", "remove", "safe"]).with_code(2).stderr,
        &["stays as it is", "rotate-key --lost"],
    );
    assert_says(&register(&host).with_status(403).body, &["only the admin may register it"]);
    host.stop();
    fs::rename(&aside, &file).unwrap();
    let host = place.start(&[]);
    is_whole(&host);
    host.stop();
}

#[test]
fn with_the_key_of_another_host_nothing_is_replaced_and_nothing_new_is_encrypted() {
    let place = Place::default();
    let file = configured(&place);
    let own = fs::read(&file).unwrap();
    let other_place = Place::default();
    let other = configured(&other_place);
    fs::copy(&other, &file).unwrap();
    let host = place.start(&[]);
    assert_says(
        &host.get("/configs/safe").with_status(400).body,
        &["cannot be read", "put the file with that key back"],
    );
    let (status, body) = configure(&host, "another");
    assert_eq!(status, 400, "{body}");
    assert_says(&body, &["stays as it is", "rotate-key --lost"]);
    assert_eq!(host.try_send("DELETE", "/configs/safe", "", b"").unwrap().status, 400);
    assert_says(&host.cli(&["key", "set", "pin", "x", "--encrypt"]).with_code(2).stderr, &["add-key"]);
    let notes = host.get("/status").with_status(200).json()["notes"].to_string();
    assert_says(&notes, &["nothing secret can be stored", "add-key", "rotate-key --lost"]);
    host.until(&host.shell("echo fine"), "succeeded");
    host.stop();
    // Both keys: what is there is read, and what is new is encrypted.
    let kept = place.path("kept");
    fs::write(&kept, &own).unwrap();
    place.petrel(&["store", "add-key", &kept]).with_code(0);
    let host = place.start(&[]);
    is_whole(&host);
    host.ok(&["key", "set", "pin", "x", "--encrypt"]);
    host.stop();
    // The right one alone still opens what it has encrypted, and goes on.
    fs::write(&file, &own).unwrap();
    let host = place.start(&[]);
    is_whole(&host);
    assert_eq!(configure(&host, SECRET).0, 200);
    host.stop();
}

#[test]
fn a_key_that_is_lost_for_good_is_replaced_once_the_operator_says_so() {
    let place = Place::default();
    let file = configured(&place);
    fs::remove_file(&file).unwrap();
    let host = place.start(&[]);
    assert_eq!(configure(&host, "another").0, 400);
    host.stop();
    place.petrel(&["store", "rotate-key", "--lost"]).with_code(0);
    let host = place.start(&[]);
    assert_says(&host.get("/configs/safe").with_status(400).body, &["cannot be read"]);
    assert_eq!(configure(&host, SECRET).0, 200);
    is_whole(&host);
    host.ok(&["key", "set", "pin", "x", "--encrypt"]);
    host.stop();
    let host = place.start(&[]);
    is_whole(&host);
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), "x");
    host.stop();
}

//! The datastore of the real host: scopes, secrets, expiry and expected states.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::fs;
use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const SECRET: &str = "hush-7f3a91c2-of-all";
const OWN: &str = "hush-5b8e20d4-of-ada";

/// The head of requests of a user who is not the admin.
fn ada(host: &Host<'_>) -> String {
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "ada"})).with_status(201).json();
    format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap())
}

fn send(host: &Host<'_>, head: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let head = format!("{head}Content-Type: application/json\r\n");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = host.send_plain(method, &format!("/api/v1{path}"), &head, body.as_bytes());
    let json = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, json)
}

/// The files below `directory` that contain one of `texts`.
fn containing(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(containing(&path, texts));
        } else if let Ok(content) = fs::read(&path) {
            let has = |text: &&&str| content.windows(text.len()).any(|part| part == text.as_bytes());
            found.extend(texts.iter().find(has).map(|text| format!("{}: {text}", path.display())));
        }
    }
    found
}

#[test]
fn a_key_in_the_other_scope_is_told_of() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["key", "set", "mine", "x", "--scope", "user", "--ttl", "10m"]);
    host.ok(&["key", "set", "ours", "x"]);
    for verb in ["get", "delete"] {
        let absent = host.cli(&["key", verb, "mine"]).with_code(3);
        assert_says(&absent.stderr, &["`petrel key get mine --scope user`"]);
        let absent = host.cli(&["key", verb, "ours", "--scope", "user"]).with_code(3);
        assert_says(&absent.stderr, &["`petrel key get ours`"]);
    }
    let refused = host.cli(&["key", "set", "a", "b", "--ttl", "10x"]).with_code(2);
    assert_says(&refused.stderr, &["--ttl", "10m"]);
    let refused = host.cli(&["maintenance", "create", "u", "--until", "2h"]).with_code(2);
    assert_says(&refused.stderr, &["--pack", "--rule", "--tag"]);
    host.stop();
}

#[test]
fn a_secret_is_in_no_file_and_is_shown_to_who_may_read_it() {
    let place = Place::default();
    let host = place.start(&[]);
    let ada = ada(&host);
    host.ok(&["key", "set", "pin", SECRET, "--encrypt"]);
    host.ok(&["key", "set", "open", "plain-and-open"]);
    let own = json!({"value": OWN, "scope": "user", "secret": true});
    assert_eq!(send(&host, &ada, "PUT", "/keys/pin", &own).0, 200);
    // Changed and deleted ones leave nothing behind either.
    host.ok(&["key", "set", "gone", SECRET, "--encrypt"]);
    host.ok(&["key", "delete", "gone"]);
    let got = host.ok(&["key", "get", "pin"]);
    assert!(got.stdout.starts_with("petrel:1:"), "{}", got.stdout);
    assert_says(&got.stderr, &["--decrypt"]);
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), SECRET);
    assert_says(&host.ok(&["key", "list"]).stdout, &["(encrypted)", "plain-and-open"]);
    assert_says(&host.ok(&["key", "list", "--decrypt"]).stdout, &[SECRET]);
    let (status, shown) = send(&host, &ada, "GET", "/keys/pin", &Value::Null);
    assert_eq!((status, &shown["secret"], &shown["encrypted"]), (200, &json!(true), &json!(true)));
    for (path, expected) in [
        ("/keys/pin?decrypt=true", 403),
        ("/keys?decrypt=true", 403),
        ("/keys?scope=all&decrypt=true", 403),
        ("/keys?scope=user&user=admin", 403),
        ("/keys/pin?scope=user&user=admin&decrypt=true", 403),
        ("/keys/pin?scope=user&decrypt=true", 200),
    ] {
        let (status, shown) = send(&host, &ada, "GET", path, &Value::Null);
        assert_eq!(status, expected, "{path}: {shown}");
        assert!(!shown.to_string().contains(SECRET), "{path}");
    }
    let encrypted = json!({"value": shown["value"], "encrypted": true});
    assert_eq!(send(&host, &ada, "PUT", "/keys/pin", &encrypted).0, 403);
    assert_eq!(host.list("/keys?scope=user").len(), 0, "the keys of ada are not those of the admin");
    let of_ada = host.list("/keys?scope=user&user=ada&decrypt=true");
    assert_eq!((&of_ada[0]["value"], &of_ada[0]["user"]), (&json!(OWN), &json!("ada")));
    host.stop();
    // The journal is in the base by now, or still beside it: it is in neither.
    let data = place.data().to_path_buf();
    assert_eq!(containing(&data, &[SECRET, OWN]), Vec::<String>::new());
    assert_ne!(
        containing(&data, &["plain-and-open"]),
        Vec::<String>::new(),
        "the search finds what is there"
    );
    let host = place.start(&[]);
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), SECRET);
    host.stop();
}

#[test]
fn actions_and_configurations_read_a_secret_when_they_decrypt_it() {
    let place = Place::default();
    place.write(
        "hush/pack.yaml",
        "ref: hush\nname: hush\ndescription: H.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write("hush/config.schema.yaml", "token: {type: string, secret: true}\nopen: {type: string}\n");
    place.write(
        "hush/actions/say.yaml",
        "name: say\nrunner_type: local-shell-cmd\nenabled: true\nparameters:\n  cmd: {default: 'echo {{ config_context.token }}', immutable: true}\n",
    );
    let host = place.start(&[]);
    let ada = ada(&host);
    host.ok(&["key", "set", "pin", SECRET, "--encrypt"]);
    host.ok(&["pack", "register", &place.path("hush")]);
    let config =
        place.write("hush.yaml", "token: '{{ st2kv.system.pin }}'\nopen: '{{ st2kv.system.pin }}'\n");
    host.ok(&["pack", "configure", "hush", &config]);
    let run = |action: &str, parameters: Value| {
        let id = host.request(&json!({"action": action, "parameters": parameters}));
        host.until(&id, "succeeded")
    };
    let said = |execution: &Value| execution["result"]["stdout"].as_str().unwrap_or_default().to_owned();
    // What a secret was made of is masked where it is shown.
    let shown = run("hush.say", json!({}));
    assert!(!shown["parameters"].to_string().contains(SECRET), "{shown}");
    let quiet = json!({"cmd": "test '{{ st2kv.system.pin | decrypt_kv }}' = '".to_owned() + SECRET + "'"});
    let shown = run("core.local", quiet);
    assert_eq!(shown["parameters"]["cmd"], "********", "{shown}");
    let sealed = said(&run("core.local", json!({"cmd": "echo {{ st2kv.system.pin }}"})));
    assert!(sealed.starts_with("petrel:1:"), "{sealed}");
    let body =
        json!({"action": "core.local", "parameters": {"cmd": "echo {{ st2kv.system.pin | decrypt_kv }}"}});
    let (status, refused) = send(&host, &ada, "POST", "/executions", &body);
    assert_eq!((status, refused["code"].as_str()), (403, Some("forbidden")), "{refused}");
    let open = json!({"action": "core.local", "parameters": {"cmd": "echo {{ 'x' | decrypt_kv }}"}});
    host.post("/executions", &open).with_status(400);
    host.stop();
}

#[test]
fn a_key_expires_and_its_change_can_be_made_to_expect_a_state() {
    let place = Place::default();
    let host = place.start(&[]);
    let put = |head: &str, body: &Value| {
        host.try_send("PUT", "/keys/lock", head, body.to_string().as_bytes()).unwrap()
    };
    let first = put("If-None-Match: *\r\n", &json!({"value": "ada", "ttl": 3600})).with_status(200);
    assert!(first.json()["expire_timestamp"].is_string(), "{first:?}");
    put("If-None-Match: *\r\n", &json!({"value": "bob"})).with_status(412);
    let mark = first.header("etag").to_owned();
    put("If-Match: \"0\"\r\n", &json!({"value": "bob"})).with_status(412);
    put(&format!("If-Match: {mark}\r\n"), &json!({"value": "bob", "ttl": 1})).with_status(200);
    put(&format!("If-Match: {mark}\r\n"), &json!({"value": "eve"})).with_status(412);
    eventually("it expires", || (host.get("/keys/lock").status == 404).then_some(()));
    for body in [json!({"value": "x", "ttl": 0}), json!({"value": "x", "ttl": -5})] {
        assert_says(&put("", &body).with_status(400).body, &["the time to live in seconds"]);
    }
    assert_says(
        &host.cli(&["key", "set", "a", "b", "--scope", "usr"]).with_code(2).stderr,
        &["system and user"],
    );
    host.stop();
}

#[test]
fn names_and_scopes_are_kept_over_files_restarts_and_rotations() {
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.write(
        "keys.yaml",
        "- {name: 'a/b:ü 🦆', value: one}\n- {name: mine, value: two, scope: user}\n- {name: pin, value: hush, secret: true}\n- {name: list, value: [1, 2]}\n",
    );
    assert_says(&host.cli(&["key", "load", &file]).with_code(2).stderr, &["`list`", "--convert"]);
    assert_eq!(host.list("/keys?scope=all").len(), 0, "nothing of it was set");
    host.ok(&["key", "load", "--convert", &file]);
    host.stop();
    assert_says(
        &place.petrel(&["store", "rotate-key"]).with_code(0).stdout,
        &["a new key, before 1 older key"],
    );
    let host = place.start(&[]);
    assert_eq!(host.ok(&["key", "get", "a/b:ü 🦆"]).stdout.trim(), "one");
    assert_eq!(host.ok(&["key", "get", "mine", "--scope", "user"]).stdout.trim(), "two");
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), "hush");
    assert_eq!(host.ok(&["key", "get", "list"]).stdout.trim(), "[1,2]");
    host.stop();
    // A lost key is told, and is replaced by none.
    let key = place.data().join("vault-key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let host = place.start(&[]);
    assert_says(
        &host.cli(&["key", "get", "pin", "--decrypt"]).with_code(2).stderr,
        &["vault-key", "put it back"],
    );
    assert_says(
        &host.cli(&["key", "set", "x", "y", "--encrypt"]).with_code(2).stderr,
        &["cannot be kept secret"],
    );
    assert_eq!(host.ok(&["key", "get", "mine", "--scope", "user"]).stdout.trim(), "two");
    host.stop();
    assert!(!key.exists());
    fs::write(&key, kept).unwrap();
    let host = place.start(&[]);
    assert_eq!(host.ok(&["key", "get", "pin", "--decrypt"]).stdout.trim(), "hush");
    host.stop();
}

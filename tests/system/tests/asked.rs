//! A component asks the host for keys, a secret and another action: each is denied with the command that grants it, and then
//! works, and users see its keys.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const ACTIONS: [&str; 5] = ["kv_get", "kv_set", "reveal", "send_secret", "call"];

/// Answers every request, and keeps its head.
fn listen() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let into = Arc::clone(&heard);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            into.lock().unwrap().push(head);
            let _gone =
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _gone = connection.read(&mut [0; 16]);
        }
    });
    (url, heard)
}

/// A pack with these actions of the component that does as it is told.
fn asking_pack(place: &Place, url: &str) -> String {
    let host = url.trim_start_matches("http://");
    let (host, port) = host.split_once(':').unwrap();
    let capabilities = json!({
        "http": [{
            "id": "api", "reason": "sends", "host": host, "ports": [port], "schemes": ["http"], "private": true,
            "secrets": [{"name": "token", "in": ["header"]}],
        }],
        "kv": ["pack"],
        "secrets": {"use": ["token"], "reveal": ["token"]},
        "call": ["core.*", "asker.kv_get"],
    });
    let component = json!([{"name": "behave", "path": "wasm/behave.wasm", "actions": ACTIONS}]);
    place.write(
        "asker/pack.yaml",
        &format!(
            "ref: asker\nname: asker\ndescription: It asks.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n\
             capabilities: {capabilities}\nwasm: {{components: {component}}}\n"
        ),
    );
    for name in ACTIONS {
        place.write(
            &format!("asker/actions/{name}.yaml"),
            &format!(
                "name: {name}\nrunner_type: wasm-component\nentry_point: wasm/behave.wasm\nparameters:\n  at: {{type: string, default: ''}}\n  \
                 name: {{type: string, default: ''}}\n  value: {{type: string, default: ''}}\n  place: {{type: string, default: ''}}\n"
            ),
        );
    }
    let component = place.write("asker/wasm/behave.wasm", "");
    std::fs::copy(petrel_test_components::BEHAVE, component).unwrap();
    place.path("asker")
}

/// Runs an action of the pack to its end.
fn run(host: &Host<'_>, action: &str, parameters: &Value, status: &str) -> Value {
    let id = host.request(&json!({"action": format!("asker.{action}"), "parameters": parameters}));
    host.until(&id, status)
}

/// Runs it in vain, and grants what its remedy says.
fn denied_then_granted(host: &Host<'_>, action: &str, parameters: &Value, words: &str) {
    let failed = run(host, action, parameters, "failed");
    let told = failed["result"].to_string();
    assert_says(&told, &[&format!("`petrel pack grant asker '{words}'`")]);
    host.ok(&["pack", "grant", "asker", words]);
}

#[test]
fn a_component_is_given_what_it_asks_for_and_is_granted() {
    let ((url, heard), place) = (listen(), Place::default());
    let host = place.start(&[]);
    host.ok(&["pack", "register", &asking_pack(&place, &url)]);

    let set = json!({"at": "pack", "name": "cursor", "value": "17"});
    denied_then_granted(&host, "kv_set", &set, "kv=pack");
    run(&host, "kv_set", &set, "succeeded");
    assert_eq!(host.ok(&["key", "get", "asker:cursor"]).stdout.trim(), "17");
    host.ok(&["key", "set", "asker:cursor", "18"]);
    let got = run(&host, "kv_get", &json!({"at": "pack", "name": "cursor"}), "succeeded");
    assert_says(got["result"].as_str().unwrap(), &[" 18"]);

    host.ok(&["key", "set", "asker:token", "hush-hush", "--encrypt"]);
    let send = json!({"at": format!("{url}/"), "name": "token", "value": "Bearer {}", "place": "header"});
    denied_then_granted(&host, "send_secret", &send, "secrets=token");
    host.ok(&["pack", "grant", "asker", "http=api"]);
    run(&host, "send_secret", &send, "succeeded");
    assert_says(&heard.lock().unwrap().concat(), &["x-token: Bearer hush-hush"]);
    denied_then_granted(&host, "reveal", &json!({"name": "token"}), "reveal=token");
    assert_eq!(run(&host, "reveal", &json!({"name": "token"}), "succeeded")["result"], "hush-hush");

    let call = json!({"at": "core.local", "value": "{\"cmd\": \"echo called\"}"});
    denied_then_granted(&host, "call", &call, "call=core.*");
    let called = run(&host, "call", &call, "succeeded");
    assert_says(called["result"].as_str().unwrap(), &["called"]);
    let id = called["id"].as_str().unwrap();
    let children = host.list(&format!("/executions/{id}/children"));
    assert_eq!(children.len(), 1);
    assert_eq!(children[0]["parent"], json!(id));
    assert_eq!(children[0]["action"]["ref"], "core.local");

    let sleep = json!({"at": "core.local", "value": "{\"cmd\": \"sleep 100\"}"});
    let caller = host.request(&json!({"action": "asker.call", "parameters": sleep}));
    let child = eventually("the other action runs", || {
        let children = host.list(&format!("/executions/{caller}/children"));
        children.first().filter(|child| child["status"] == "running").map(|child| child["id"].clone())
    });
    host.ok(&["execution", "cancel", &caller]);
    host.until(&caller, "canceled");
    host.until(child.as_str().unwrap(), "canceled");
    host.stop();
}

#[test]
fn what_goes_with_a_pack_is_told_as_revoked_whoever_removes_it() {
    let place = Place::default();
    let host = place.start(&["--log-level", "info"]);
    host.ok(&["pack", "register", &asking_pack(&place, "http://127.0.0.1:9")]);
    host.ok(&["pack", "grant", "asker", "kv=pack", "secrets=token"]);
    host.post("/users", &json!({"name": "bob", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "bob"})).with_status(201).json();
    let bob = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap());
    host.send_plain("DELETE", "/api/v1/packs/asker", &bob, b"").with_status(200);
    host.stop();
    let log = place.read("log");
    let told: Vec<_> = log.lines().filter(|line| line.contains("cap.revoked")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for line in &told {
        assert_says(line, &["petrel_audit", "user=\"bob\"", "pack=\"asker\""]);
    }
    assert_says(&told.join("\n"), &["kv=pack", "secrets=token"]);
}

/// `petrel pack run` of the asking pack in its directory.
fn tried(place: &Place, words: &[&str]) -> Value {
    let directory = place.path("asker");
    place.petrel(&[&["pack", "run", "--directory", &directory, "--json"], words].concat()).with_code(0).json()
}

#[test]
fn a_trial_tells_the_least_that_would_have_sufficed() {
    let ((url, heard), place) = (listen(), Place::default());
    // It has what is compiled once.
    let host = place.start(&[]);
    asking_pack(&place, &url);
    let text = place.read("asker/pack.yaml");
    // What is asked for is taken out, apart from one thing.
    let text: String =
        text.lines().filter(|line| !line.starts_with("capabilities")).collect::<Vec<_>>().join("\n");
    place.write("asker/pack.yaml", &format!("{text}\ncapabilities: {{kv: [pack]}}\n"));
    let directory = place.path("asker");
    let denied = place.petrel(&["pack", "run", "kv_get", "at=notes", "name=a", "--directory", &directory]);
    assert_says(&denied.with_code(1).stdout, &["denied.kv"]);

    let got = tried(&place, &["kv_get", "at=notes", "name=a", "--record"]);
    assert_eq!(got["capabilities"], json!({"kv": {"stores": [{"name": "notes", "access": ["read"]}]}}));
    assert_eq!(got["not_asked_for"], json!(["kv notes"]));
    let set = tried(&place, &["asker.kv_set", "at=pack", "name=a", "value=b", "--record"]);
    assert_eq!(
        (&set["capabilities"], &set["not_asked_for"]),
        (&json!({"kv": {"stores": ["pack"]}}), &json!([]))
    );

    let secrets = place.write("secrets.yaml", "token: hush-hush\n");
    let at = format!("at={url}/things");
    let words = [
        "send_secret",
        &at,
        "name=token",
        "value=Bearer {}",
        "place=header",
        "--record",
        "--secrets",
        &secrets,
    ];
    let sent = tried(&place, &words);
    assert_says(&heard.lock().unwrap().concat(), &["x-token: Bearer hush-hush"]);
    let wish = &sent["capabilities"]["http"][0];
    assert_eq!((&wish["paths"], &wish["schemes"]), (&json!(["/things"]), &json!(["http"])));
    assert_eq!(wish["secrets"], json!([{"name": "token", "in": ["header"]}]));
    assert_eq!(sent["capabilities"]["secrets"], json!({"use": ["token"]}));

    // It is what stands in pack.yaml, and it suffices.
    let shown =
        place.petrel(&[&["pack", "run", "--directory", &directory], &words[..]].concat()).with_code(0);
    let written = &shown.stdout[shown.stdout.find("capabilities:").unwrap()..];
    place.write("asker/pack.yaml", &format!("{text}\n{written}"));
    let again: Vec<_> = words.into_iter().filter(|word| *word != "--record").collect();
    tried(&place, &again);
    let unknown = place.petrel(&["pack", "run", "kv_gett", "--directory", &directory]).with_code(2);
    assert_says(&unknown.stderr, &["no action `kv_gett`", "its actions are call, kv_get"]);
    host.stop();
}

//! Secrets are masked wherever they are shown, but for the admin who asks for them.

use petrel_system_tests::{Host, Place};
use serde_json::{Value, json};

const MASK: &str = "********";
const SECRET: &str = "tops3cret";

/// A pack whose action takes secrets and gives some.
fn pack(place: &Place) {
    place.write(
        "vault/pack.yaml",
        "name: vault\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n",
    );
    place.write(
        "vault/actions/open.yaml",
        "name: open\nrunner_type: python-script\nentry_point: open.py\nparameters:\n  pin: {type: string, secret: true}\n  login: {type: object, properties: {user: {type: string}, password: {type: string, secret: true}}}\noutput_schema:\n  token: {type: string, secret: true}\n  name: {type: string}\n",
    );
    place.write(
        "vault/actions/open.py",
        "from st2common.runners.base_action import Action\nclass Open(Action):\n    def run(self, pin=None, login=None):\n        return {'token': pin, 'name': 'n'}\n",
    );
}

/// What an answer says, as text.
fn text(host: &Host<'_>, path: &str) -> String {
    host.get(path).with_status(200).body
}

#[test]
fn secrets_are_masked_where_they_are_shown() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    host.ok(&["pack", "register", &place.path("vault")]);
    let parameters = json!({"pin": SECRET, "login": {"user": "u", "password": SECRET}});
    let id = host.request(&json!({"action": "vault.open", "parameters": parameters}));
    let ended = host.until(&id, "succeeded");
    assert_eq!(ended["parameters"], json!({"pin": MASK, "login": {"user": "u", "password": MASK}}));
    assert_eq!(ended["result"]["result"], json!({"token": MASK, "name": "n"}));
    let rule = json!({"pack": "examples", "name": "r", "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "vault.open", "parameters": parameters}});
    host.post("/rules", &rule).with_status(201);

    let paths = [
        "/executions".to_owned(),
        format!("/executions/{id}"),
        format!("/executions/{id}/result"),
        format!("/executions/{id}/attribute/result"),
        "/rules".to_owned(),
        "/rules/examples.r".to_owned(),
    ];
    host.post("/users", &json!({"name": "bob", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "bob"})).with_status(201).json();
    let bob = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap());
    for path in &paths {
        assert!(!text(&host, path).contains(SECRET), "{path}");
        let asked = format!("{path}?show_secrets=true");
        assert!(text(&host, &asked).contains(SECRET), "{path}: the admin may see it");
        let others = host.send_plain("GET", &format!("/api/v1{asked}"), &bob, b"").with_status(200);
        assert!(!others.body.contains(SECRET), "{path}: others may not");
    }
    // What was printed comes back, and stands for what it was.
    let mut printed: Value = host.get("/rules/examples.r").json();
    printed["description"] = json!("changed");
    let body = printed.to_string();
    host.try_send("PUT", "/rules/examples.r", "", body.as_bytes()).unwrap().with_status(200);
    assert!(text(&host, "/rules/examples.r?show_secrets=true").contains(SECRET));
    // It is no secret where none is kept.
    printed["name"] = json!("copy");
    let refused = host.post("/rules", &printed).with_status(400);
    assert!(refused.body.contains("where no secret is kept"), "{}", refused.body);

    // What is wrong with a secret is said without it.
    let wrong = json!({"action": "vault.open", "parameters": {"login": {"password": [SECRET]}}});
    let refused = host.post("/executions", &wrong).with_status(400);
    assert!(!refused.body.contains(SECRET), "{}", refused.body);

    // What was secret of something that is gone is not known any more: nothing of it is shown.
    host.ok(&["rule", "delete", "examples.r"]);
    host.post("/rules", &rule).with_status(201);
    std::fs::remove_file(place.path("vault/actions/open.yaml")).unwrap();
    host.ok(&["pack", "register", &place.path("vault")]);
    for path in ["/rules", "/rules/examples.r", "/executions", &format!("/executions/{id}")] {
        let shown = text(&host, path);
        assert!(!shown.contains("\"pin\":\"tops3cret\""), "{path}: {shown}");
    }
    host.stop();
}

//! What is told of secrets without showing them: by templates that others write, and by results that repeat them.

use petrel_system_tests::{Place, assert_says};
use serde_json::{Value, json};

use super::{MASK, SECRET, pack, text};

#[test]
fn others_write_no_template_that_reads_a_secret() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    place.write("vault/config.schema.yaml", "ckey: {type: string, secret: true}\nurl: {type: string}\n");
    place.write(
        "vault/actions/note.yaml",
        "name: note\nrunner_type: noop\nparameters: {note: {type: string}, key: {type: string, default: '{{ config_context.ckey }}'}}\n",
    );
    host.ok(&["pack", "register", &place.path("vault")]);
    let values = json!({"ckey": SECRET, "url": "u"}).to_string();
    host.try_send("PUT", "/configs/vault", "", values.as_bytes()).unwrap().with_status(200);
    host.post("/users", &json!({"name": "bob", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "bob"})).with_status(201).json();
    let bob = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap());
    let by_bob = |method: &str, path: &str, body: &Value| {
        host.send_plain(method, &format!("/api/v1{path}"), &bob, body.to_string().as_bytes())
    };
    let run = |note: &str| json!({"action": "vault.note", "parameters": {"note": note}});
    let rule = |name: &str, note: &str| {
        json!({"pack": "examples", "name": name, "enabled": true, "criteria": {},
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": name}},
            "action": {"ref": "vault.note", "parameters": {"note": note}}})
    };
    let made = by_bob("POST", "/executions", &run("{{ config_context.url }}")).with_status(201).json();
    let again = format!("/executions/{}/re_run", made["id"].as_str().unwrap());
    // Whether it begins with this letter or not is told to nobody.
    for letter in ["t", "X"] {
        for of in ["config_context.ckey", "config_context['c' ~ 'key']", "key"] {
            let note = format!("{{{{ 1/0 if {of}.startswith('{letter}') else 'n' }}}}");
            for (path, body) in [
                ("/executions", run(&note)),
                ("/rules", rule("oracle", &note)),
                (again.as_str(), json!({"parameters": {"note": note}})),
            ] {
                let refused = by_bob("POST", path, &body).with_status(403);
                assert_says(&refused.body, &["`note` reads a secret", "have the admin write the template"]);
            }
        }
    }
    let reads = rule("reads", "{{ config_context.ckey }}");
    host.post("/rules", &reads).with_status(201);
    by_bob("PUT", "/rules/examples.reads", &reads).with_status(200);
    by_bob("PUT", "/rules/examples.reads", &rule("reads", "{{ config_context.ckey[0] }}")).with_status(403);
    host.stop();
}

#[test]
fn what_was_given_as_a_secret_is_not_repeated_by_a_result() {
    let place = Place::default();
    let host = place.start(&[]);
    pack(&place);
    place.write(
        "vault/actions/echo.yaml",
        "name: echo\nrunner_type: python-script\nentry_point: echo.py\nparameters: {note: {type: string}, pin: {type: string, secret: true}}\n",
    );
    place.write(
        "vault/actions/echo.py",
        "from st2common.runners.base_action import Action\nclass Echo(Action):\n    def run(self, note=None, pin=None):\n        print('it is ' + note)\n        return {'note': note}\n",
    );
    place.write(
        "vault/actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\nparameters: {pin: {type: string, secret: true}}\n",
    );
    place.write(
        "vault/actions/workflows/flow.yaml",
        "version: 1.0\ninput: [pin]\ntasks: {a: {action: core.noop}}\noutput: [{said: <% ctx().pin %>}]\n",
    );
    host.ok(&["pack", "register", &place.path("vault")]);
    let run = |action: &str, given: Value, part: &str| {
        let id = host.request(&json!({"action": action, "parameters": given}));
        let shown = host.until(&id, "succeeded")["result"].clone();
        let path = format!("/executions/{id}");
        for path in [path.clone(), format!("{path}/result"), format!("{path}/output"), "/executions".into()] {
            assert!(!text(&host, &path).contains(SECRET), "{path}");
        }
        assert!(
            text(&host, &format!("{path}?show_secrets=true")).contains(SECRET),
            "{path}: the admin may see it"
        );
        shown.pointer(part).cloned()
    };
    let note = run("vault.echo", json!({"note": "{{ pin }}", "pin": SECRET}), "/result/note");
    assert_eq!(note, Some(json!(MASK)));
    assert_eq!(run("vault.flow", json!({"pin": SECRET}), "/output/said"), Some(json!(MASK)));
    host.stop();
}

//! Faults of content: what comes in as text, is logged, rendered, shown, or lies in a pack.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "these are the parts of a test")]

use petrel_system_tests::{Place, eventually};
use serde_json::{Value, json};

use super::{Scene, echo_rule};

/// Text that has broken others.
const UNUSUAL: &[&str] = &[
    "\u{1b}[35;7mred\u{1b}[0m",
    "a\r\nWARN forged line",
    "\u{202e}desrever",
    "\u{feff}\u{200b}",
    "\u{0}",
    "\u{fffe}\u{ffff}",
    "e\u{301}\u{301}\u{301}",
    "\u{10ffff}",
    "\u{85}\u{2028}\u{2029}",
    "%ed%a0%80",
    "{}{:?}{0}%s%n",
    "\u{1f468}\u{200d}\u{1f469}",
];

pub(super) fn unusual_text_is_logged_and_escaped(_: &Scene<'_>) {
    let place = Place::default();
    let host = place.start_with(&[], &[("PETREL_LOG", "debug")]);
    for text in UNUSUAL {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in ["executions", "rules", "webhooks", "keys", "users", "packs", "triggerinstances"] {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let answer = host.try_send(method, &format!("/{path}/{escaped}"), "", b"{}").unwrap();
                assert!(answer.status < 500, "{method} {path} {text:?}: {answer:?}");
            }
        }
        for (method, path, body) in [
            ("POST", "/rules", echo_rule(text, text)),
            ("POST", "/executions", json!({"action": text})),
            (
                "POST",
                "/executions",
                json!({"action": "core.echo", "parameters": {"message": text}, "user": text}),
            ),
            ("POST", "/users", json!({"name": text, "password": text})),
            ("POST", "/packs/register", json!({"path": text})),
            ("POST", "/apikeys", json!({"metadata": {(*text): text}})),
        ] {
            let answer = host.try_send(method, path, "", body.to_string().as_bytes()).unwrap();
            assert!(answer.status < 500, "{method} {path} {text:?}: {answer:?}");
        }
    }
    // What is no text at all.
    for (path, head, body) in [
        ("/rules", "", &b"name: \xff\xfe"[..]),
        ("/executions", "", br#"{"action": "core.noop", "context": {"x": "\ud800"}}"#),
        ("/webhooks/x", "Content-Type: application/x-www-form-urlencoded\r\n", b"%ff=%ed%a0%80"),
        ("/executions", "X-Request-Id: \u{e9}\u{e9}\r\n", b"{}"),
    ] {
        let answer = host.try_send("POST", path, head, body).unwrap();
        assert!(answer.status < 500, "{path}: {answer:?}");
    }
    host.get("/status").with_status(200);
    host.stop();
    let log = place.read("log");
    assert!(!log.contains("\u{1b}[35;7m"), "a sequence for terminals is in the log as it was sent");
    assert!(!log.lines().any(|line| line.starts_with("WARN forged line")), "a line of the log was forged");
}

/// Templates that look for the objects behind values.
const WALKS: &[&str] = &[
    "{{ self.__init__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ [].append.__func__ }}",
    "{{ {}.items.__self__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ namespace.__class__ }}",
    "{{ config }}",
    "{{ self._TemplateReference__context }}",
    "{{ range.__init__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''['__class__'] }}",
    "{{ request }}",
    "{% import 'os' as os %}{{ os }}",
    "{% include '/etc/passwd' %}",
    "{% extends 'x' %}",
    "<% ''.__class__ %>",
    "<% $.__class__ %>",
    "<% call('__import__', ['os'], {}) %>",
    "<% ctx().__init__ %>",
    "<% let(x => __import__) -> $x %>",
];

pub(super) fn templates_reach_no_objects(scene: &Scene<'_>) {
    for walk in WALKS {
        let body = json!({"action": "core.echo", "parameters": {"message": format!("[{walk}]")}});
        let answer = scene.host.post("/executions", &body);
        if answer.status == 400 {
            continue;
        }
        let id = answer.with_status(201).json()["id"].as_str().unwrap().to_owned();
        let ended = eventually("it ends", || {
            let shown = scene.host.execution(&id);
            ["succeeded", "failed"].contains(&shown["status"].as_str()?).then_some(shown)
        });
        let said = ended["result"]["stdout"].as_str().unwrap_or_default();
        for sign in ["<class", "<function", "<module", "<built", "object at 0x", "root:", "dyn ", "Arc"] {
            assert!(!said.contains(sign), "{walk}: {said}");
        }
    }
}

pub(super) fn what_is_shown_is_never_a_page(scene: &Scene<'_>) {
    const PAGE: &str = "<script>alert(1)</script>";
    let mut rule = echo_rule("page", PAGE);
    rule["description"] = json!(PAGE);
    rule["tags"] = json!([]);
    scene.host.post("/rules", &rule).with_status(201);
    let answer = scene.host.post("/webhooks/page", &json!({"x": PAGE})).with_status(202);
    let id = answer.header("x-execution-ids").to_owned();
    scene.host.until(&id, "succeeded");
    scene
        .host
        .try_send("PUT", "/keys/page", "", json!({"value": PAGE}).to_string().as_bytes())
        .unwrap()
        .with_status(200);
    for path in [
        "/rules/examples.page".to_owned(),
        "/webhooks".to_owned(),
        format!("/executions/{id}"),
        format!("/executions/{id}/output"),
        "/triggerinstances/last".to_owned(),
        "/keys/page".to_owned(),
        "/%3Cscript%3Ealert(1)%3C%2fscript%3E".to_owned(),
        "/executions/%3Cscript%3E".to_owned(),
        "/executions?status=%3Cscript%3E".to_owned(),
    ] {
        let answer = scene.host.get(&path);
        let kind = answer.header("content-type");
        assert!(kind.starts_with("application/json") || kind.starts_with("text/plain"), "{path}: {kind}");
    }
}

/// A call that reads a body, with one that is right.
fn parsers(scene: &Scene<'_>) -> Vec<(&'static str, &'static str, String)> {
    let rule = echo_rule("typed", "x");
    let pack = json!({"path": scene.place.path("nowhere")});
    let json_of = |value: Value| value.to_string();
    vec![
        ("POST", "/executions", json_of(json!({"action": "core.noop"}))),
        ("POST", "/rules", json_of(rule.clone())),
        ("PUT", "/rules/examples.typed", json_of(rule)),
        ("PUT", "/rules/examples.typed/enabled", "true".into()),
        ("POST", "/webhooks/typed", json_of(json!({"path": "/etc/passwd", "filepath": "/etc/passwd"}))),
        ("POST", "/users", json_of(json!({"name": "typed", "password": "x"}))),
        ("POST", "/apikeys", json_of(json!({"metadata": {}}))),
        ("PUT", "/keys/typed", json_of(json!({"value": "v"}))),
        ("PUT", "/configs/core", json_of(json!({}))),
        ("PUT", "/log", json_of(json!({"level": "warn"}))),
        ("POST", "/workflows/inspect", "version: 1.0\ntasks: {a: {action: core.noop}}\n".into()),
        ("POST", "/packs/register", json_of(pack)),
    ]
}

/// What a body may claim to be.
const TYPES: &[&str] = &[
    "",
    "application/json",
    "application/json; charset=utf-16",
    "application/yaml",
    "text/plain",
    "text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/xml",
    "application/octet-stream",
    "application/vnd.petrel+json",
    "x",
    "*/*",
    "application/x-yaml; x=\"",
];

pub(super) fn every_type_of_content_meets_every_parser(scene: &Scene<'_>) {
    // A part of a form that says where a file lies is text like any other.
    let form = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"/etc/passwd\"\r\n\r\n/etc/passwd\r\n--x--\r\n";
    for kind in TYPES {
        let head = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        for (method, path, good) in parsers(scene) {
            for body in [
                good.as_bytes(),
                form.as_bytes(),
                b"f=/etc/passwd&f[path]=/etc/passwd",
                b"\0\0\0{",
                b"<!DOCTYPE x SYSTEM \"file:///etc/passwd\">",
            ] {
                let answer = scene.host.try_send(method, path, &head, body).unwrap();
                assert!(answer.status < 500, "{kind} {method} {path}: {answer:?}");
                assert!(!answer.body.contains("root:"), "{kind} {method} {path}: {answer:?}");
            }
        }
    }
    scene.assert_whole();
    scene.host.delete("/rules/examples.typed").with_status(204);
}

pub(super) fn what_an_expression_gave_is_not_rendered_again(scene: &Scene<'_>) {
    let put = |name: &str, value: &str| {
        let body = json!({"value": value}).to_string();
        scene.host.try_send("PUT", &format!("/keys/{name}"), "", body.as_bytes()).unwrap().with_status(200);
    };
    put("topsecret", "the-secret");
    scene.host.post("/rules", &echo_rule("again", "{{ trigger.body.t }}")).with_status(201);
    for text in [
        "{{ st2kv.system.topsecret }}",
        "<% st2kv('system.topsecret') %>",
        "{{ '{{' }} 1 }}",
        "{% raw %}{{ 1 }}{% endraw %}",
    ] {
        let answer = scene.host.post("/webhooks/again", &json!({"t": text})).with_status(202);
        let ended = scene.host.until(answer.header("x-execution-ids"), "succeeded");
        assert_eq!(ended["result"]["stdout"], text);
        // What the caller writes is a template; what the datastore gives it is not.
        put("data", text);
        let asked = json!({"action": "core.echo", "parameters": {"message": "{{ st2kv.system.data }}"}});
        let ended = scene.host.until(&scene.host.request(&asked), "succeeded");
        assert_eq!(ended["result"]["stdout"], text);
    }
}

pub(super) fn registering_a_pack_runs_nothing_of_it(scene: &Scene<'_>) {
    let place = scene.place;
    let touched = place.path("it-ran");
    let python = format!(
        "from st2common.runners.base_action import Action\n\nopen({touched:?}, 'a').write('x')\n\n\nclass Act(Action):\n    \
         def run(self):\n        pass\n"
    );
    place.write(
        "eager/pack.yaml",
        "ref: eager\nname: eager\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    for file in [
        "__init__.py",
        "setup.py",
        "actions/__init__.py",
        "actions/act.py",
        "actions/lib/__init__.py",
        "sensors/__init__.py",
        "sensors/watch.py",
        "etc/hook.py",
    ] {
        place.write(&format!("eager/{file}"), &python);
    }
    // What is listed here is installed when the pack is registered, which runs what that brings.
    place.write("eager/requirements.txt", "# ./setup.py\n");
    // One that is enabled begins at once.
    let sensor = "class_name: Watch\nentry_point: watch.py\nenabled: false\ntrigger_types: []\n";
    place.write("eager/sensors/watch.yaml", sensor);
    place.write("eager/actions/act.yaml", "name: act\nrunner_type: python-script\nentry_point: act.py\n");
    place.write("eager/actions/sh.yaml", "name: sh\nrunner_type: local-shell-script\nentry_point: sh.sh\n");
    place.write_script("eager/actions/sh.sh", &format!("#!/bin/sh\ntouch {touched}\n"));
    place.petrel(&["pack", "check", &place.path("eager")]).with_code(0);
    scene.host.ok(&["pack", "register", &place.path("eager")]);
    scene.host.ok(&["pack", "reload", "eager"]);
    scene.host.ok(&["action", "get", "eager.act"]);
    scene.host.ok(&["run", "core.local", "cmd=true"]);
    assert!(!std::path::Path::new(&touched).exists(), "something of the pack was run");
    // The test can tell: what is run does write.
    scene.host.ok(&["run", "eager.sh"]);
    assert!(std::path::Path::new(&touched).exists());
    scene.host.ok(&["pack", "remove", "eager"]);
}

//! What is right: a valid document for every call of the API that takes one, so that much of what is sent is
//! accepted; and the pack that it is about.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::random::Random;

/// What can be run without a shell.
const ACTIONS: &[&str] =
    &["core.noop", "core.noop", "core.echo", "core.echo", "hostile.flow", "hostile.items", "hostile.chain"];
/// The operators of criteria that are used.
const OPERATORS: &[&str] = &[
    "equals",
    "nequals",
    "contains",
    "icontains",
    "startswith",
    "regex",
    "exists",
    "nexists",
    "greaterthan",
    "in",
];
/// How many names there are of each kind. Few, so that what is made stays little.
const RULES: usize = 16;
const HOOKS: usize = 6;
const KEYS: usize = 40;
const USERS: usize = 6;

const FLOW: &str = r"
version: 1.0
input: [text]
tasks:
  one: {action: core.noop, next: [{when: <% succeeded() %>, publish: [{said: <% ctx().text %>}], do: two}]}
  two: {action: core.echo, input: {message: <% str(ctx().said) %>}}
output: [{said: <% ctx().said %>}]
";
const ITEMS: &str = r"
version: 1.0
input: [list]
tasks:
  all: {with: {items: <% ctx().list %>, concurrency: 3}, action: core.noop}
";
const CHAIN: &str = r#"
chain:
  - {name: one, ref: core.echo, parameters: {message: "{{ text }}"}, on-success: two}
  - {name: two, ref: core.noop}
"#;

/// What is sent with a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document {
    /// JSON.
    Json(Value),
    /// Text.
    Text(String),
}

/// Writes the pack that documents are about; says where it is.
pub(crate) fn write_pack(directory: &Path) -> std::io::Result<PathBuf> {
    let pack = directory.join("hostile");
    fs::create_dir_all(pack.join("actions/workflows"))?;
    fs::write(
        pack.join("pack.yaml"),
        "ref: hostile\nname: hostile\ndescription: What is attacked.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    )?;
    fs::write(
        pack.join("config.schema.yaml"),
        "word: {type: string, default: x}\nnumber: {type: integer}\nsecret: {type: string, secret: true}\n",
    )?;
    for (name, runner, parameters, definition) in [
        ("flow", "orquesta", "{text: {}}", FLOW),
        ("items", "orquesta", "{list: {type: array, default: [1, 2, 3]}}", ITEMS),
        ("chain", "action-chain", "{text: {type: string, default: x}}", CHAIN),
    ] {
        let metadata = format!(
            "name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {parameters}\n"
        );
        fs::write(pack.join(format!("actions/{name}.yaml")), metadata)?;
        fs::write(pack.join(format!("actions/workflows/{name}.yaml")), definition)?;
    }
    Ok(pack)
}

/// A name that may be good, of the kind that a resource has.
pub(crate) fn name(resource: &str, random: &mut Random) -> String {
    match resource {
        "rules" => format!("examples.rule{}", random.below(RULES)),
        "webhooks" => format!("hook{}", random.below(HOOKS)),
        "keys" => format!("key{}", random.below(KEYS)),
        "users" => format!("user{}", random.below(USERS)),
        "packs" | "configs" | "config_schemas" => {
            random.word(&["hostile", "hostile", "core", "examples"]).to_owned()
        }
        "actions" => random.word(ACTIONS).to_owned(),
        "runnertypes" => random.word(&["orquesta", "local-shell-cmd", "wasm-component"]).to_owned(),
        "triggertypes" | "triggers" => "core.st2.webhook".to_owned(),
        _ => "last".to_owned(),
    }
}

/// A document that the call takes: by the path behind `/api/v1` and the method.
pub(crate) fn valid(path: &str, method: &str, pack: &Path, random: &mut Random) -> Document {
    Document::Json(match (path, method) {
        ("/executions", _) => execution(random),
        ("/executions/{id}/re_run", _) => again(random),
        ("/executions/{id}", _) => {
            json!({"status": random.word(&["pausing", "paused", "resuming", "running", "canceling", "canceled"])})
        }
        ("/rules/{name}/enabled", _) => json!(random.one_in(2)),
        ("/rules" | "/rules/{name}", _) => rule(random),
        ("/users", _) => json!({"name": name("users", random), "password": "a long password"}),
        ("/users/{name}/password", _) => json!({"password": format!("a long password {}", random.below(3))}),
        ("/apikeys" | "/apikeys/{id}", _) => {
            json!({"user": "admin", "metadata": {"used_by": name("keys", random)}, "enabled": random.one_in(2)})
        }
        ("/log", _) => json!({"level": "off"}),
        ("/keys/{name}", _) => {
            json!({"value": random.word(&["a", "{{ 1 }}", "<% 1 %>", "{\"a\": [1, 2]}", "é", ""])})
        }
        ("/workflows/inspect", _) => return Document::Text(random.word(&[FLOW, ITEMS, CHAIN]).to_owned()),
        ("/configs/{pack}", _) => json!({"word": "y", "number": random.below(100), "secret": "s"}),
        ("/packs/register", _) => json!({"path": pack}),
        ("/webhooks/{*url}", _) => event(random),
        (_, "DELETE" | "GET") => json!({}),
        (path, _) if path.ends_with("/tokens") => json!({"ttl": random.below(100)}),
        (path, _) if path.ends_with("/tokens/validate") => json!({"token": "nonsense"}),
        // A call that is not known here yet.
        _ => {
            json!({"name": "x", "id": "last", "value": "y", "path": pack, "status": "canceled", "list": [1, {"a": null}]})
        }
    })
}

fn event(random: &mut Random) -> Value {
    json!({
        "kind": random.word(&["alert", "notice", "other"]),
        "text": random.word(&["plain", "é", "{{ 1 }}", "<% 1 %>", "a\nb", ""]),
        "n": random.below(100),
        "list": [1, "two", {"three": null}],
    })
}

fn execution(random: &mut Random) -> Value {
    let action = random.word(ACTIONS);
    let mut request = json!({"action": action, "parameters": parameters(action, random)});
    if let Some(request) = request.as_object_mut() {
        if random.one_in(8) {
            request.insert("delay".into(), json!(random.below(50)));
        }
        if random.one_in(8) {
            request.insert("context".into(), json!({"trace": {"id": "x"}, "ticket": random.below(9)}));
        }
        if random.one_in(20) {
            request.insert("user".into(), json!("admin"));
        }
    }
    request
}

fn parameters(action: &str, random: &mut Random) -> Value {
    match action {
        "core.echo" => {
            json!({"message": random.word(&["hello", "{{ 1 + 1 }}", "{{ st2kv.system.key1 }}", "é"])})
        }
        "hostile.flow" => json!({"text": event(random)}),
        "hostile.items" => json!({"list": [1, 2, 3, 4]}),
        "hostile.chain" => json!({"text": "x"}),
        _ => json!({}),
    }
}

fn again(random: &mut Random) -> Value {
    match random.below(3) {
        0 => json!({"tasks": ["two"]}),
        1 => json!({"tasks": ["one"], "reset": ["one"]}),
        _ => json!({"parameters": {}}),
    }
}

fn rule(random: &mut Random) -> Value {
    let action = random.word(ACTIONS);
    let mut parameters = parameters(action, random);
    if action == "core.echo" {
        parameters = json!({"message": random.word(&["{{ trigger.body.text }}", "{{ trigger }}", "x"])});
    }
    json!({
        "name": name("rules", random).trim_start_matches("examples."),
        "pack": "examples",
        "description": "Made by a fuzzer.",
        "enabled": !random.one_in(4),
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": name("webhooks", random)}},
        "criteria": {
            "trigger.body.kind": {"type": random.word(OPERATORS), "pattern": random.word(&["alert", "a.*", "5"])},
        },
        "action": {"ref": action, "parameters": parameters},
        "tags": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_differ_and_are_made_again() {
        let made = |number| valid("/rules", "POST", Path::new("p"), &mut Random::numbered(3, number));
        assert_eq!(made(1), made(1));
        assert!((2..20).any(|number| made(number) != made(1)));
    }
}

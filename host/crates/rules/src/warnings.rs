//! Warnings about rules that can be stored and are likely mistakes: outside text that reaches a shell unquoted,
//! parameters that the action does not take or lacks, criteria on names that do not exist, events that are never made.
//! [`templates`] has the warnings about words in templates, [`keys`] those about keys of the datastore, [`fields`] those
//! about fields of the event, and [`host_made`] knows which values of events are no outside text.

mod fields;
mod host_made;
mod keys;
mod templates;

use std::collections::BTreeSet;

use petrel_expressions::with_scope;
use petrel_model::Rule;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::quoted::quoted;
use petrel_model::trigger::not_made;
use serde_json::Value;

pub use fields::field_warnings;
pub use keys::{key_warnings, pack_key_warnings};

/// The names that a criterion can begin with: the event and the datastore.
const ROOTS: [&str; 4] = ["trigger", "system", "user", "st2kv"];

/// The action that a rule runs.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The name of its runner.
    pub runner_type: &'a str,
    /// Its parameters, including those of its runner if they are known.
    pub declared: &'a Parameters,
    /// Whether its runner is known, so that it takes no other parameters.
    pub is_whole: bool,
}

/// Warnings for the author of `rule`, one sentence each. Without a target, nothing is known about its action.
pub fn warnings(rule: &Rule, target: Option<Target<'_>>) -> Vec<String> {
    let mut found = unquoted(rule, target);
    if let Some(target) = target.filter(|target| target.is_whole) {
        found.extend(misfits(rule, target.declared));
    }
    let baseless = rule.criteria.iter().filter(|(key, _)| !has_known_root(key));
    found.extend(baseless.map(|(key, _)| without_root(rule, key)));
    found.extend(templates::meaningless(rule, target));
    let silent = not_made(rule.trigger.kind.as_str());
    found.extend(silent.map(|why| format!("rule {}: {why}", rule.reference)));
    found
}

/// The warning about a criterion whose key begins with nothing that exists.
fn without_root(rule: &Rule, key: &str) -> String {
    let path = key.trim_start_matches("$.").split('#').next().unwrap_or_default();
    let root = path.split(['.', '[']).next().unwrap_or_default();
    let behind = path.strip_prefix("st2kv.");
    let near = nearest(root, ROOTS).filter(|_| behind.is_none());
    let remedy = match (near, behind.filter(|behind| !behind.is_empty())) {
        (_, Some(path)) => format!("did you mean {}?", quoted(&with_scope(path))),
        (Some(near), None) => format!("did you mean {near}?"),
        (None, None) => {
            "begin its key with trigger. for the event, or with system. for the datastore".to_owned()
        }
    };
    format!("rule {}: the criterion {} is about nothing that exists; {remedy}", rule.reference, quoted(key))
}

/// Parameters that the action does not take, and required ones that the rule does not give.
fn misfits(rule: &Rule, parameters: &Parameters) -> Vec<String> {
    let (given, action) = (&rule.action.parameters, &rule.action.reference);
    let unknown = given.keys().filter(|name| !parameters.contains_key(*name)).map(|name| {
        let known: Vec<_> = parameters.keys().map(String::as_str).collect();
        let near = nearest(name, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        format!(
            "rule {}: the action {action} takes no parameter {}, so every match will fail; {near}it takes {}",
            rule.reference,
            quoted(name),
            known.join(", ")
        )
    });
    let is_missing = |name: &str, schema: &Value| {
        let schema = Schema::of(schema);
        schema.is_required() && schema.default().is_none_or(Value::is_null) && !given.contains_key(name)
    };
    let missing = parameters.iter().filter(|(name, schema)| is_missing(name, schema)).map(|(name, _)| {
        format!(
            "rule {}: the action {action} needs the parameter {name}, so every match will fail; give it in the rule",
            rule.reference
        )
    });
    unknown.chain(missing).collect()
}

/// Whether the key of a criterion begins with a name that exists, and that of a key of the datastore with its scope.
fn has_known_root(key: &str) -> bool {
    let key = key.trim_start_matches("$.");
    if let Some(path) = key.strip_prefix("st2kv.") {
        return ["system", "user"].iter().any(|scope| path.split(['.', '[', '#']).next() == Some(*scope));
    }
    ROOTS
        .iter()
        .filter_map(|root| key.strip_prefix(root))
        .any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// One warning for each parameter of `rule` that passes text of the payload to a shell command without `| shell_quote`.
/// The host quotes arguments of scripts itself, and neither numbers nor values that the host made need quotes.
fn unquoted(rule: &Rule, target: Option<Target<'_>>) -> Vec<String> {
    let exposed = target.map(|target| exposed(rule, target));
    let is_exposed = |name: &str| match &exposed {
        Some(exposed) => exposed.contains(name),
        // The action does not exist yet, so the name of the parameter has to decide.
        None => name == COMMAND,
    };
    let parameters = rule.action.parameters.iter();
    let kind = rule.trigger.kind.as_str();
    let risky = parameters.filter(|(name, value)| is_exposed(name) && is_risky(value, kind));
    risky
        .map(|(name, _)| {
            format!(
                "rule {}: parameter {name} puts text of the payload into a shell command, where it can run \
                 anything; end each {{{{ trigger… }}}} in it with | shell_quote",
                rule.reference
            )
        })
        .collect()
}

/// The name of the parameter that is a shell command line.
const COMMAND: &str = "cmd";

/// The parameters that become part of a shell command line: `cmd` itself, and those that the default of such a
/// parameter inserts without quoting.
fn exposed<'a>(rule: &'a Rule, target: Target<'a>) -> BTreeSet<&'a str> {
    let mut exposed = BTreeSet::new();
    if !matches!(target.runner_type, "local-shell-cmd" | "remote-shell-cmd") {
        return exposed;
    }
    let mut left = vec![COMMAND];
    while let Some(name) = left.pop() {
        let schema = Schema::named(target.declared, name);
        let is_number = schema
            .and_then(Schema::kind)
            .is_some_and(|kind| matches!(kind, "integer" | "number" | "boolean" | "null"));
        if is_number || !exposed.insert(name) {
            continue;
        }
        // A value in the rule replaces the default and is checked by itself, unless the action does not take it.
        let is_given = rule.action.parameters.contains_key(name);
        let default = schema.filter(|schema| !is_given || schema.is_immutable()).and_then(Schema::default);
        let text = default.and_then(Value::as_str).unwrap_or_default();
        let open =
            tags(text).into_iter().filter(|tag| tag.writes && last_filter(tag.inner) != Some("shell_quote"));
        left.extend(open.flat_map(|tag| words(tag.inner)).filter(|word| target.declared.contains_key(*word)));
    }
    exposed
}

/// Whether a value of a rule that listens to the trigger type `kind` inserts the payload without quoting.
fn is_risky(value: &Value, kind: &str) -> bool {
    match value {
        Value::String(text) => is_risky_text(text, kind),
        Value::Array(items) => items.iter().any(|item| is_risky(item, kind)),
        Value::Object(object) => object.values().any(|value| is_risky(value, kind)),
        _ => false,
    }
}

/// Whether an expression inserts the payload, or a variable derived from it, without quoting.
fn is_risky_text(text: &str, kind: &str) -> bool {
    let text = host_made::left_out(text, kind);
    let mut tainted = BTreeSet::from(["trigger"]);
    for tag in tags(&text) {
        let words: Vec<_> = words(tag.inner).collect();
        let is_tainted = words.iter().any(|word| tainted.contains(word));
        if tag.writes {
            if is_tainted && last_filter(tag.inner) != Some("shell_quote") {
                return true;
            }
            continue;
        }
        if is_tainted && matches!(words.first(), Some(&("for" | "set" | "with"))) {
            let ends = |word: &&&str| **word != "in" && !tainted.contains(**word);
            let names: Vec<_> = words.iter().skip(1).take_while(ends).copied().collect();
            tainted.extend(names);
        }
    }
    false
}

/// The contents of `{{ }}` (which writes) or `{% %}`.
struct Tag<'a> {
    inner: &'a str,
    writes: bool,
}

fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let writes = rest.get(start..start + 2) == Some("{{");
        let body = rest.get(start + 2..).unwrap_or_default();
        let end = end_of(body, if writes { "}}" } else { "%}" });
        let (inner, after) = body.split_at_checked(end).unwrap_or((body, ""));
        tags.push(Tag { inner: inner.trim_matches(['-', '+']), writes });
        rest = after.get(2..).unwrap_or_default();
    }
    tags
}

/// The position of `close` outside of quotes.
fn end_of(body: &str, close: &str) -> usize {
    let mut quote = None;
    for (place, char) in body.char_indices() {
        match quote {
            Some(open) if char == open => quote = None,
            None if matches!(char, '\'' | '"') => quote = Some(char),
            None if body.get(place..).is_some_and(|rest| rest.starts_with(close)) => return place,
            Some(_) | None => {}
        }
    }
    body.len()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !(char.is_alphanumeric() || char == '_')).filter(|word| !word.is_empty())
}

/// The last filter of an expression, if nothing else follows the last bar.
fn last_filter(expression: &str) -> Option<&str> {
    let (_, filter) = expression.rsplit_once('|')?;
    Some(filter.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_criterion_on_nothing_that_exists_is_told_with_what_is_meant() {
        for (key, says) in [
            ("trigger.body.x", None),
            ("triger.body.x", Some("did you mean trigger?")),
            ("st2kv.limit", Some("did you mean system.limit?")),
            ("st2kv.systemd.unit", Some("did you mean system.systemd.unit?")),
            ("st2kv.", Some("begin its key with trigger. for the event, or with system. for the datastore")),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "criteria": {key: {"type": "exists"}}, "action": {"ref": "core.local"},
            });
            let told = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(told.len(), usize::from(says.is_some()), "{key}: {told:?}");
            assert!(says.is_none_or(|says| told[0].ends_with(says)), "{key}: {told:?}");
        }
    }

    fn warned(given: &Value, runner: Option<&str>, declared: &Value) -> Vec<String> {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "action": {"ref": "core.local", "parameters": given},
        });
        let declared = declared.as_object().unwrap();
        let target = runner.map(|runner_type| Target { runner_type, declared, is_whole: false });
        warnings(&serde_json::from_value(rule).unwrap(), target)
    }

    #[test]
    fn what_the_action_does_not_take_or_lacks_is_warned_about() {
        let parameters = json!({
            "cmd": {"type": "string", "required": true},
            "timeout": {"type": "integer", "default": 60, "required": true},
            "env": {"type": "object"},
        });
        for (given, says) in [
            (json!({"cmd": "date"}), vec![]),
            (json!({"cmd": "date", "env": {}, "timeout": 1}), vec![]),
            (
                json!({"cmd": "date", "timout": 1}),
                vec!["takes no parameter timout", "did you mean timeout? it takes cmd, timeout, env"],
            ),
            (json!({"env": {}}), vec!["needs the parameter cmd"]),
            (json!({"comand": "date"}), vec!["takes no parameter comand", "needs the parameter cmd"]),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.local", "parameters": given},
            });
            let declared = parameters.as_object().unwrap();
            let target = Target { runner_type: "noop", declared, is_whole: true };
            let said = warnings(&serde_json::from_value(rule).unwrap(), Some(target)).join("\n");
            assert_eq!(said.is_empty(), says.is_empty(), "{given}: {said}");
            assert!(says.iter().all(|says| said.contains(says)), "{given}: {said}");
        }
    }

    #[test]
    fn a_criterion_about_nothing_is_warned_about() {
        for (key, is_fine) in [
            ("trigger.body.name", true),
            ("trigger", true),
            ("trigger['body']", true),
            ("$.trigger.body", true),
            ("system.limit", true),
            ("st2kv.system.limit", true),
            ("st2kv.system.limit#2", true),
            ("st2kv.limit", false),
            ("st2kv.systm.limit", false),
            ("body.name", false),
            ("triger.body", false),
            ("triggers.body", false),
            ("", false),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.noop"}, "criteria": {key: {"type": "exists"}},
            });
            let said = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(said.is_empty(), is_fine, "{key}: {said:?}");
            let is_near = key.starts_with("trig");
            assert!(is_fine || said[0].contains("did you mean trigger?") == is_near, "{key}: {said:?}");
            let is_key = key.starts_with("st2kv.");
            assert!(is_fine || said[0].contains("did you mean system.limit?") == is_key, "{key}: {said:?}");
        }
    }

    #[test]
    fn payload_text_in_a_command_is_warned_about() {
        for (cmd, count) in [
            ("echo {{ trigger.body.name }}", 1),
            ("echo {{ trigger.body.name | shell_quote }}", 0),
            ("echo {{ trigger.name | shell_quote | upper }}", 1),
            ("echo {{ 'trigger' }} {{ st2kv.system.x }}", 1),
            ("echo {{ st2kv.system.x }} trigger.name", 0),
            ("{% for i in trigger.items %}{{ i }}{% endfor %}", 1),
            ("{% for i in trigger.items %}{{ i|shell_quote }}{% endfor %}", 0),
            ("{% set n = trigger.n %}{{ n }}", 1),
            ("{% if trigger.n %}x{% endif %}", 0),
        ] {
            assert_eq!(warned(&json!({"cmd": cmd}), None, &json!({})).len(), count, "{cmd}");
        }
    }

    #[test]
    fn only_what_reaches_a_command_line_as_it_is_counts() {
        let who = json!({"who": "{{ trigger.body.who }}"});
        let cmd =
            |text: &str| json!({"who": {"type": "string"}, "cmd": {"immutable": true, "default": text}});
        let through = json!({
            "who": {"type": "string"}, "line": {"default": "hello {{ who }}"}, "cmd": {"default": "{{ line }}"},
        });
        let number = json!({"who": {"type": "integer"}, "cmd": {"default": "echo {{ who }}"}});
        let none = json!({});
        for (given, runner, declared, count) in [
            (&json!({"cmd": "echo {{ trigger.body }}"}), "local-shell-cmd", &none, 1),
            (&json!({"cmd": "echo {{ trigger.body }}"}), "remote-shell-cmd", &none, 1),
            (&json!({"cmd": "echo {{ trigger.body }}"}), "python-script", &none, 0),
            (&who, "local-shell-cmd", &cmd("echo {{ who }}"), 1),
            (&who, "local-shell-cmd", &cmd("echo {{ who | upper }}"), 1),
            (&who, "local-shell-cmd", &cmd("echo {{ who | shell_quote }}"), 0),
            (&who, "local-shell-cmd", &cmd("date"), 0),
            (&who, "local-shell-cmd", &through, 1),
            (&who, "local-shell-cmd", &number, 0),
            (&who, "local-shell-script", &none, 0),
            (&who, "remote-shell-script", &none, 0),
            (
                &json!({"env": {"N": "{{ trigger.n }}"}, "cwd": "{{ trigger.d }}"}),
                "local-shell-cmd",
                &none,
                0,
            ),
        ] {
            let said = warned(given, Some(runner), declared);
            assert_eq!(said.len(), count, "{runner} {given} {declared}: {said:?}");
            assert!(said.iter().all(|said| said.starts_with("rule p.r: parameter ")), "{said:?}");
        }
    }
}

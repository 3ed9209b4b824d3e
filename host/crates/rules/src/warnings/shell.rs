//! Warnings about text of an event that reaches a shell command where it can run anything: unquoted, or quoted inside other
//! quotes, which [`quoting`](super::quoting) finds.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::Rule;
use petrel_model::parameters::Schema;
use serde_json::Value;

use super::quoting::{Around, CommandLine};
use super::{Target, host_made};

/// The filter that makes a word of a value.
const QUOTE: &str = "shell_quote";

/// The name of the parameter that is a shell command line.
const COMMAND: &str = "cmd";

/// One warning for each parameter of `rule` that passes text of the payload to a shell command otherwise than as a word.
/// The host quotes arguments of scripts itself, and neither numbers nor values that the host made need quotes.
pub(super) fn unquoted(rule: &Rule, target: Option<Target<'_>>) -> Vec<String> {
    let exposed = target.map(|target| exposed(rule, target));
    let within = |name: &str| match &exposed {
        Some(exposed) => exposed.get(name).copied(),
        // The action does not exist yet, so the name of the parameter has to decide.
        None => (name == COMMAND).then_some(Within::Nothing),
    };
    let kind = rule.trigger.kind.as_str();
    let mut found = Vec::new();
    for (name, value) in &rule.action.parameters {
        let Some(within) = within(name) else { continue };
        let mut risk = Risk::default();
        risk.add(value, kind);
        let said = match within {
            Within::Nothing => risk.told(),
            Within::Quotes => risk.reads_event.then(|| {
                format!(
                    "puts text of the payload into quotes, backquotes or a here-document of the command line of {}, where \
                     it can run anything; correct that action: it has to write {{{{ {name} | {QUOTE} }}}} with no quotes \
                     around it",
                    rule.action.reference
                )
            }),
        };
        found.extend(said.map(|said| format!("rule {}: parameter {name} {said}", rule.reference)));
    }
    found
}

/// The place of a parameter in the command line of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Within {
    Nothing,
    Quotes,
}

/// The parameters that become part of a shell command line: `cmd` itself, and those that the default of such a
/// parameter inserts otherwise than as a word.
fn exposed<'a>(rule: &'a Rule, target: Target<'a>) -> BTreeMap<&'a str, Within> {
    let mut exposed = BTreeMap::new();
    if !matches!(target.runner_type, "local-shell-cmd" | "remote-shell-cmd") {
        return exposed;
    }
    let mut left = vec![(COMMAND, Within::Nothing)];
    while let Some((name, within)) = left.pop() {
        let schema = Schema::named(target.declared, name);
        let is_number = schema
            .and_then(Schema::kind)
            .is_some_and(|kind| matches!(kind, "integer" | "number" | "boolean" | "null"));
        if is_number || exposed.get(name).is_some_and(|known| *known >= within) {
            continue;
        }
        exposed.insert(name, within);
        // A value in the rule replaces the default and is checked by itself, unless the action does not take it.
        let is_given = rule.action.parameters.contains_key(name);
        let default = schema.filter(|schema| !is_given || schema.is_immutable()).and_then(Schema::default);
        let text = default.and_then(Value::as_str).unwrap_or_default();
        for tag in tags(text).into_iter().filter(|tag| tag.writes) {
            // Inside quotes that are around all of this text its own do nothing.
            if tag.is_quoted() && tag.around.is_none() && within == Within::Nothing {
                continue;
            }
            let within = if tag.around.is_some() { Within::Quotes } else { within };
            let known = words(tag.inner).filter(|word| target.declared.contains_key(*word));
            left.extend(known.map(|word| (word, within)));
        }
    }
    exposed
}

/// What a value does with text of the event.
#[derive(Debug, Default)]
struct Risk {
    /// Whether it inserts any, or a variable derived from it.
    reads_event: bool,
    /// Whether it inserts it unquoted.
    is_bare: bool,
    /// What is around the places where it inserts it.
    around: Vec<Around>,
}

impl Risk {
    /// Adds a value of a rule that listens to the trigger type `kind`.
    fn add(&mut self, value: &Value, kind: &str) {
        match value {
            Value::String(text) => self.add_text(text, kind),
            Value::Array(items) => items.iter().for_each(|item| self.add(item, kind)),
            Value::Object(object) => object.values().for_each(|value| self.add(value, kind)),
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str, kind: &str) {
        let text = host_made::left_out(text, kind);
        let mut tainted = BTreeSet::from(["trigger"]);
        for tag in tags(&text) {
            let words: Vec<_> = words(tag.inner).collect();
            if !words.iter().any(|word| tainted.contains(word)) {
                continue;
            }
            if tag.writes {
                self.reads_event = true;
                self.is_bare |= !tag.is_quoted();
                self.around.extend(tag.around);
            } else if matches!(words.first(), Some(&("for" | "set" | "with"))) {
                let ends = |word: &&&str| **word != "in" && !tainted.contains(**word);
                let names: Vec<_> = words.iter().skip(1).take_while(ends).copied().collect();
                tainted.extend(names);
            }
        }
    }

    /// The risk and its remedy, if there is one.
    fn told(&self) -> Option<String> {
        if !self.is_bare && self.around.is_empty() {
            return None;
        }
        let mut remedies = Vec::new();
        if self.is_bare {
            remedies.push(format!("end each {{{{ trigger… }}}} in it with | {QUOTE}"));
        }
        let around = [
            (Around::Quotes, "drop the quotes around it, which end where its own begin"),
            (Around::Backquotes, "write $(…) for the backquotes around it, which one in the text ends"),
            (
                Around::HereDocument,
                "take it out of the here-document, as by printf %s, since quotes do nothing there",
            ),
        ];
        let told = around.into_iter().filter(|(around, _)| self.around.contains(around));
        remedies.extend(told.map(|(_, remedy)| remedy.to_owned()));
        let quoted = if self.is_bare { "" } else { ", although it is quoted" };
        Some(format!(
            "puts text of the payload into a shell command, where it can run anything{quoted}; {}",
            remedies.join(", and ")
        ))
    }
}

/// The contents of `{{ }}` (which writes) or `{% %}`.
struct Tag<'a> {
    inner: &'a str,
    writes: bool,
    /// What is around it, if its text is a command line.
    around: Option<Around>,
}

impl Tag<'_> {
    fn is_quoted(&self) -> bool {
        last_filter(self.inner) == Some(QUOTE)
    }
}

fn tags(text: &str) -> Vec<Tag<'_>> {
    let (mut tags, mut line) = (Vec::new(), CommandLine::default());
    let mut rest = text;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        line.read(rest.get(..start).unwrap_or_default());
        let writes = rest.get(start..start + 2) == Some("{{");
        let body = rest.get(start + 2..).unwrap_or_default();
        let end = end_of(body, if writes { "}}" } else { "%}" });
        let (inner, after) = body.split_at_checked(end).unwrap_or((body, ""));
        tags.push(Tag { inner: inner.trim_matches(['-', '+']), writes, around: line.around() });
        if writes {
            line.pass();
        }
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

    use super::super::warnings;
    use super::*;

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
            ("echo \"{{ trigger.n | shell_quote }}\"", 1),
            ("echo \"a\" {{ trigger.n | shell_quote }} 'b'", 0),
            ("echo \"{{ st2kv.system.x }}\"", 0),
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
            (&who, "local-shell-cmd", &cmd("echo '{{ who | shell_quote }}'"), 1),
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

    #[test]
    fn what_is_quoted_inside_quotes_is_warned_about_with_what_to_drop() {
        const BARE: &str = "end each {{ trigger… }} in it with | shell_quote";
        const QUOTES: &str = "drop the quotes around it";
        const DOLLAR: &str = "write $(…) for the backquotes around it";
        const OUT: &str = "take it out of the here-document";
        for (cmd, says) in [
            (r#"echo "{{trigger.body.name}}" >> f"#, &[BARE, QUOTES][..]),
            (r#"echo "{{trigger.body.name | shell_quote}}" >> f"#, &["although it is quoted; drop", QUOTES]),
            ("echo '{{ trigger.n|shell_quote }}'", &[QUOTES]),
            ("sh -c \"echo {{ trigger.n | shell_quote }}\"", &[QUOTES]),
            ("echo {{ trigger.n | shell_quote }} \"{{ trigger.m }}\"", &[BARE, QUOTES]),
            ("echo `date -d {{ trigger.n | shell_quote }}`", &[DOLLAR]),
            ("echo \"$(date -d {{ trigger.n | shell_quote }})\"", &[]),
            ("cat <<EOF\n{{ trigger.n | shell_quote }}\nEOF", &[OUT]),
            ("cat <<EOF\n{{ trigger.n }}\nEOF\necho {{ trigger.n | shell_quote }}", &[BARE, OUT]),
            ("{% for i in trigger.items %}'{{ i | shell_quote }}' {% endfor %}", &[QUOTES]),
            ("{% if trigger.n %}'a'{% endif %} {{ trigger.n | shell_quote }}", &[]),
        ] {
            let said = warned(&json!({"cmd": cmd}), None, &json!({})).join("\n");
            assert_eq!(said.is_empty(), says.is_empty(), "{cmd}: {said}");
            let remedies = [BARE, QUOTES, DOLLAR, OUT];
            let is_right =
                |remedy: &&str| said.contains(*remedy) == says.iter().any(|says| says.contains(remedy));
            assert!(remedies.iter().all(is_right), "{cmd}: {said}");
            assert!(says.iter().all(|says| said.contains(says)), "{cmd}: {said}");
        }
    }

    #[test]
    fn an_action_that_quotes_around_a_parameter_is_to_be_corrected_itself() {
        let line = "hello {{ who | shell_quote }}";
        for (cmd, count) in
            [("sh -c \"{{ line }}\"", 1), ("echo '{{ who | shell_quote }}'", 1), ("{{ line }}", 0)]
        {
            let declared = json!({
                "who": {"type": "string"}, "line": {"default": line}, "cmd": {"default": cmd},
            });
            for who in ["{{ trigger.body.who }}", "{{ trigger.body.who | shell_quote }}"] {
                let said = warned(&json!({"who": who}), Some("local-shell-cmd"), &declared);
                assert_eq!(said.len(), count, "{cmd} {who}: {said:?}");
                let remedy =
                    "correct that action: it has to write {{ who | shell_quote }} with no quotes around it";
                assert!(said.iter().all(|said| said.ends_with(remedy)), "{cmd} {who}: {said:?}");
            }
        }
    }
}

//! `petrel rule test`: what a rule would do on an event. The host tries it; here its answer is put into lines.

use petrel_api_types::Trial;
use petrel_model::Object;
use reqwest::Method;
use serde_json::Value;

use crate::cli::input::{read_payload, read_rule};
use crate::cli::session::{Secrets, Session};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Endings of the names of files. What has none of these, and no slash, is a reference.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Try a rule on an event, with nothing run: exit with 0 if it matches and its action would run, else with 1
#[derive(Debug, clap::Args)]
// A group, so that the parser's error names both.
#[command(group = clap::ArgGroup::new("event").required(true).args(["instance", "payload"]))]
pub(crate) struct Test {
    /// The rule, as pack.name, or a file of one that need not be created (rule.yaml, ./FILE, or - for standard input)
    #[arg(value_name = "RULE|FILE")]
    rule: String,
    /// The id of an event that came in, or `last`
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// The payload of an event, as rules see it by the name `trigger`: JSON, or @FILE
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    #[command(flatten)]
    secrets: Secrets,
}

impl Test {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let Self { rule, instance, payload, secrets } = self;
        let mut body = Object::new();
        if is_file(&rule) {
            body.insert("definition".into(), read_rule(&rule)?.into());
        } else {
            body.insert("rule".into(), rule.into());
        }
        if let Some(id) = instance {
            body.insert("trigger_instance".into(), id.into());
        }
        if let Some(payload) = payload {
            body.insert("payload".into(), read_payload(&payload)?);
        }
        let path = secrets.asked("/rules/test");
        let answer = session.client.send_json(Method::POST, &path, &Value::Object(body)).await?;
        let trial: Trial<'_> = read(&answer)?;
        match session.form {
            Form::Json => print::json(&answer),
            Form::Text => {
                lines(&trial).iter().for_each(|line| print::line(line));
                trial.notes.iter().for_each(|note| print::note(&format!("note: {note}")));
            }
        }
        let would_run = trial.matched && trial.failure_reason.is_none();
        Ok(if would_run { Code::Ok } else { Code::Failed })
    }
}

/// Whether an argument names a file and no rule.
fn is_file(rule: &str) -> bool {
    rule == "-" || rule.contains('/') || ENDINGS.iter().any(|ending| rule.ends_with(ending))
}

/// The verdict, a line for each criterion, and what would be run.
fn lines(trial: &Trial<'_>) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", trial.rule, trial.verdict)];
    lines.extend(trial.criteria.iter().map(|criterion| format!("  {}", criterion.text)));
    if let Some(reason) = &trial.failure_reason {
        lines.push(format!("{} would not run: {reason}", trial.action));
    } else if let Some(parameters) = &trial.parameters {
        let end = if parameters.is_empty() { " without parameters" } else { " with" };
        lines.push(format!("{} would run{end}", trial.action));
        lines.extend(parameters.iter().map(|(name, value)| format!("  {name}: {value}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        _test: Test,
    }

    #[test]
    fn one_event_is_given_by_its_id_or_its_payload() {
        let both = ["--instance <ID>", "--payload <JSON>"];
        for (words, says) in [
            (&["p.r"][..], &both[..]),
            (&["p.r", "--instance", "last", "--payload", "{}"], &both),
            (&["p.r", "--instance", "last"], &[]),
            (&["p.r", "--payload", "{}"], &[]),
        ] {
            let parsed = Line::try_parse_from([&["petrel"][..], words].concat());
            let told = parsed.map_or_else(|error| error.to_string(), |_| String::new());
            assert_eq!(told.is_empty(), says.is_empty(), "{words:?}: {told}");
            says.iter().for_each(|part| assert!(told.contains(part), "{words:?}: {told}"));
        }
    }

    #[test]
    fn a_file_is_told_from_a_rule_by_its_name() {
        for (argument, expected) in [
            ("examples.sample", false),
            ("6a1e5c2f9b1d4e5f60718293", false),
            ("rule.yaml", true),
            ("./examples.sample", true),
            ("r.json", true),
            ("-", true),
        ] {
            assert_eq!(is_file(argument), expected, "{argument}");
        }
    }

    #[test]
    fn what_would_be_run_stands_below_the_criteria() {
        let criterion = json!({
            "path": "trigger.a", "operator": "exists", "pattern": null, "value": 1, "holds": true, "text": "a holds",
        });
        let trial = json!({
            "rule": "p.r", "matched": true, "verdict": "matches", "criteria": [criterion], "action": "core.local",
        });
        for (more, last) in [
            (json!({}), &["  a holds"][..]),
            (json!({"parameters": {}}), &["core.local would run without parameters"]),
            (
                json!({"parameters": {"cmd": "ls", "n": 5}}),
                &["core.local would run with", "  cmd: \"ls\"", "  n: 5"],
            ),
            (json!({"failure_reason": "it is gone"}), &["core.local would not run: it is gone"]),
        ] {
            let mut answer = trial.clone();
            for (name, value) in more.as_object().into_iter().flatten() {
                answer[name] = value.clone();
            }
            let told = lines(&serde_json::from_value(answer).unwrap());
            assert_eq!(told[..2], ["p.r: matches", "  a holds"]);
            assert_eq!(told[told.len() - last.len()..], *last);
        }
    }
}

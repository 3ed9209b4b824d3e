//! Checks of a rule when it is written, instead of failures when it is evaluated.

use std::fmt;

use petrel_expressions::Template;
use petrel_expressions::words::blank;
use petrel_model::correlation::CORRELATION;
use petrel_model::quoted::quoted;
use petrel_model::rule::Criterion;
use petrel_model::texts;
use petrel_model::{Correlation, Rule};
use serde_json::Value;

use crate::compiled::CompiledCriterion;
use crate::criteria::{Error, Operator};
use crate::pattern::Pattern;

/// A problem to correct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its place, such as `criteria.trigger.body.name`.
    pub at: String,
    /// The problem and its remedy.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

/// All problems that keep `rule` from working: unknown or missing operators, missing patterns, keys that are not
/// JSONPath, and invalid Jinja. Beyond StackStorm, `exists` and `nexists` need no pattern. Parameters for which
/// `is_secret` holds are not quoted.
pub fn check(rule: &Rule, is_secret: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, criterion) in rule.criteria.iter() {
        check_criterion("criteria", key, criterion, &mut problems);
    }
    if let Some(correlation) = rule.correlation() {
        check_correlation(rule, correlation, &mut problems);
    }
    for (name, value) in &rule.action.parameters {
        check_templates(
            &format!("action.parameters.{}", quoted(name)),
            value,
            is_secret(name),
            &mut problems,
        );
    }
    problems
}

/// Checks what a correlation has besides the shape of its parameters.
fn check_correlation(rule: &Rule, correlation: &Correlation, problems: &mut Vec<Problem>) {
    let at = "type.parameters";
    let mut by = |at: &str, by: Option<&str>| {
        check_templates(&format!("{at}.by"), &Value::from(by.unwrap_or_default()), false, problems);
    };
    by(at, correlation.by.as_deref());
    for (place, event) in correlation.events.iter().enumerate() {
        by(&format!("{at}.events[{place}]"), event.by.as_deref());
    }
    for (place, event) in correlation.events.iter().enumerate() {
        for (key, criterion) in event.criteria.iter() {
            check_criterion(&format!("{at}.events[{place}].criteria"), key, criterion, problems);
        }
    }
    if rule.triggers().any(|trigger| trigger.kind.as_str() == CORRELATION) {
        let message = format!(
            "a correlation cannot listen to {CORRELATION}, as which correlations fire; listen to the events themselves"
        );
        problems.push(Problem { at: "trigger".into(), message });
    }
}

fn check_criterion(parent: &str, key: &str, criterion: &Criterion, problems: &mut Vec<Problem>) {
    let at = format!("{parent}.{}", quoted(key));
    let compiled = CompiledCriterion::compile(key, criterion);
    let mut add = |message: String| problems.push(Problem { at: at.clone(), message });
    match &compiled.operator {
        None => add("the criterion has no type; add one, such as type: equals".into()),
        Some(Err(Error::UnknownOperator(name))) => add(unknown_operator(name)),
        Some(Err(error)) => add(error.to_string()),
        Some(Ok(_)) => {}
    }
    let needs_pattern = !matches!(compiled.operator, Some(Ok(Operator::Exists | Operator::NotExists)));
    if criterion.pattern.is_none() && needs_pattern {
        add("the criterion has no pattern; add what it compares with, such as pattern: 1".into());
    }
    if let Err(error) = &compiled.path {
        add(error.to_string());
    }
    if let Pattern::Broken(error) = &compiled.pattern {
        let source = criterion.pattern.as_ref().and_then(Value::as_str).unwrap_or_default();
        add(with_blank(error, source));
    }
    if let Some(Err(error)) = &compiled.regex {
        add(error.to_string());
    }
    match (&compiled.search, &criterion.pattern) {
        (Some(Err(error)), Some(_)) => add(error.to_string()),
        (Some(Ok(_)), Some(pattern)) => {
            let children: Option<petrel_model::rule::Criteria> = serde_json::from_value(pattern.clone()).ok();
            for (child, criterion) in children.iter().flat_map(petrel_model::rule::Ordered::iter) {
                check_criterion(&at, child, criterion, problems);
            }
        }
        _ => {}
    }
}

fn unknown_operator(name: &str) -> String {
    let lower = name.to_lowercase();
    let near = Operator::NAMES
        .iter()
        // A comparison takes the product of the lengths, and a name may have any. Two letters have at most eight bytes.
        .filter(|known| known.len().abs_diff(lower.len()) <= 8)
        .map(|known| (strsim::damerau_levenshtein(&lower, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    // A name that contains an operator or is part of one, such as `inlist` for `in`.
    let is_part = |known: &&&str| {
        lower.starts_with(**known) || lower.ends_with(**known) || known.contains(lower.as_str())
    };
    let part = || Operator::NAMES.iter().filter(is_part).max_by_key(|known| known.len());
    match near.map(|(_, near)| near).or_else(|| part().filter(|_| !lower.is_empty())) {
        Some(near) => format!("`{}` is not an operator; did you mean {near}?", quoted(name)),
        None => Error::UnknownOperator(name.to_owned()).to_string(),
    }
}

fn check_templates(at: &str, value: &Value, is_secret: bool, problems: &mut Vec<Problem>) {
    texts::each(value, at, &mut |at: &str, text: &str| {
        if petrel_expressions::is_template(text)
            && let Err(error) = Template::compile(text)
        {
            let message = if is_secret { unreadable(&error) } else { with_blank(&error, text) };
            problems.push(Problem { at: at.to_owned(), message });
        }
    });
}

/// The message for a template with a syntax error, with the form that reads a name with a blank.
fn with_blank(error: &petrel_expressions::Error, source: &str) -> String {
    blank(source).map_or_else(|| error.to_string(), |blank| format!("{error}; {blank}"))
}

/// The message for a template with a syntax error, without quoting it.
fn unreadable(error: &petrel_expressions::Error) -> String {
    let line = match error {
        petrel_expressions::Error::Syntax { line, .. } => *line,
        _ => 1,
    };
    format!("the template cannot be read, in its line {line}; it may hold a secret, so its text is not shown")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let rule: Rule = serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": "p.r", "enabled": true,
            "trigger": {"type": "core.st2.webhook"},
            "criteria": {
                "trigger.a": {"type": "equal", "pattern": 1},
                "trigger.b": {"type": "equals"},
                "trigger.there": {"type": "exists"},
                "trigger.gone": {"type": "NEXISTS"},
                "trigger.0": {"pattern": "{{ bad ( }}"},
                "trigger.c": {"type": "regex", "pattern": "("},
                "trigger.d": {"type": "search", "condition": "some", "pattern": {}},
                "trigger.e": {
                    "type": "search", "condition": "any",
                    "pattern": {"item.x": {"type": "sounds_like", "pattern": 1}, "item.y": {"type": "exists"}},
                },
                "trigger.f": {"type": "inlist", "pattern": [1]},
                "trigger.g": {"type": "search", "pattern": {}},
                "trigger.fine#1": {"type": "gt", "pattern": 1},
            },
            "action": {"ref": "core.local", "parameters": {"cmd": ["{{ a", "{{ ok }}", "{{ trigger.my key }}"]}},
        }))
        .unwrap();
        let found: Vec<_> = check(&rule, |_| false).iter().map(ToString::to_string).collect();
        let expected = [
            "criteria.trigger.a: `equal` is not an operator; did you mean equals?",
            "criteria.trigger.b: the criterion has no pattern; add what it compares with",
            "criteria.trigger.0: the criterion has no type",
            "criteria.trigger.0: `trigger.0` is not a JSONPath",
            "criteria.trigger.0: template `{{ bad ( }}`, line 1",
            "criteria.trigger.c: `(` is not a regular expression",
            "criteria.trigger.d: `some` is not a condition of search",
            "criteria.trigger.e.item.x: `sounds_like` is not an operator; operators are equals",
            "criteria.trigger.f: `inlist` is not an operator; did you mean in?",
            "criteria.trigger.g: search needs a condition; write `condition: any`",
            "action.parameters.cmd[0]: template `{{ a`, line 1",
            "action.parameters.cmd[2]: template `{{ trigger.my key }}`, line 1",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
        let blank = "a name with a blank is read by `trigger['my key']`";
        assert!(found.last().is_some_and(|last| last.ends_with(blank)), "{found:?}");
    }

    #[test]
    fn what_a_correlation_waits_for_is_checked_too() {
        let rule: Rule = serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": "p.r", "enabled": true,
            "type": {"ref": "correlation", "parameters": {
                "kind": "none_within", "within": "5m", "by": "{{ bad ( }}",
                "events": [
                    {"trigger": {"type": "core.correlation"}, "by": "{{ trigger.a"},
                    {"trigger": {"type": "p.t"}, "criteria": {"trigger.a": {"type": "equal", "pattern": 1}}},
                ],
            }},
            "trigger": {"type": "p.t"}, "action": {"ref": "core.noop"},
        }))
        .unwrap();
        let found: Vec<_> = check(&rule, |_| false).iter().map(ToString::to_string).collect();
        let expected = [
            "type.parameters.by: template `{{ bad ( }}`, line 1",
            "type.parameters.events[0].by: template `{{ trigger.a`",
            "type.parameters.events[1].criteria.trigger.a: `equal` is not an operator; did you mean equals?",
            "trigger: a correlation cannot listen to core.correlation",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn a_long_name_of_an_operator_is_cut() {
        for (name, says) in [
            ("x".repeat(1 << 20), " is not an operator; operators are equals"),
            (format!("{}in", "x".repeat(1 << 20)), "` is not an operator; did you mean in?"),
        ] {
            let said = unknown_operator(&name);
            assert!(said.contains(says) && said.len() < 2_000, "{} {said:.100}", said.len());
        }
    }

    #[test]
    fn a_secret_that_is_no_template_is_not_quoted() {
        let rule: Rule = serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "action": {"ref": "p.a", "parameters": {
                "pin": "hush {{ hush ( }}", "login": {"user": "a", "keys": ["fine", "hush {% hush %}"]},
                "cmd": "{{ open",
            }},
        }))
        .unwrap();
        let found = check(&rule, |name| ["pin", "login"].contains(&name));
        let said: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 3, "{said:#?}");
        for (said, starts) in said.iter().zip([
            "action.parameters.pin: the template cannot be read, in its line 1",
            "action.parameters.login.keys[1]: the template cannot be read",
            "action.parameters.cmd: template `{{ open`",
        ]) {
            assert!(said.starts_with(starts) && !said.contains("hush"), "{said}");
        }
    }
}

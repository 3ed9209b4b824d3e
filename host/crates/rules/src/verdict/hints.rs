//! Corrections of criteria that are likely slips: a path that leads to nothing, or a missing key of the datastore. Near names
//! are only for people who ask why; no event is held up by them. [`numbers`](super::numbers) has those about numbers.

use std::borrow::Cow;

use petrel_expressions::words::dashed;
use petrel_expressions::{DATASTORE, Datastore, JsonPath, with_scope};
use petrel_model::nearest::nearest;
use petrel_model::quoted::{beginning, quoted};
use serde_json::{Map, Value};

use super::{CriterionVerdict, Outcome, Verdict};
use crate::compiled::{CompiledCriterion, CompiledRule};
use crate::criteria::{Error, Operator};
use crate::pattern::Pattern;

/// Largest number of criteria of a rule that get near names.
const MOST_CRITERIA: usize = 20;
/// Largest number of names in a message.
const MOST_TOLD: usize = 10;
/// Largest number of names that are compared with the missing one.
const MOST_COMPARED: usize = 200;
/// Bytes of a name that is compared, and characters of one in a message.
pub(super) const LONGEST: usize = 60;

impl Verdict<'_> {
    /// Adds corrections to the criteria of `rule` whose path leads to nothing. `payload` is the whole payload. Criteria on
    /// secrets get none.
    #[must_use]
    pub fn with_near_names(mut self, rule: &CompiledRule, payload: &Value) -> Self {
        let without_value = self.criteria.iter_mut().zip(rule.criteria()).filter(|(verdict, criterion)| {
            verdict.value.is_null() && !verdict.is_secret && criterion.datastore_key.is_none()
        });
        for (verdict, criterion) in without_value.take(MOST_CRITERIA) {
            let Ok(path) = &criterion.path else { continue };
            let is_meant = verdict.outcome == Outcome::Holds
                && matches!(criterion.operator, Some(Ok(Operator::NotExists)));
            let hint = of_path(path, payload, is_meant).or_else(|| of_pattern(criterion, verdict, payload));
            if hint.is_some() {
                verdict.hint = hint;
            }
        }
        self
    }

    /// Adds to the criteria of `rule` that read missing keys of `datastore` the existing keys that are likely meant.
    #[must_use]
    pub fn with_near_keys(mut self, rule: &CompiledRule, datastore: &Datastore) -> Self {
        let reading =
            self.criteria.iter_mut().zip(rule.criteria()).filter(|(verdict, _)| {
                verdict.missing.is_some() && verdict.hint.is_none() && !verdict.is_secret
            });
        for (verdict, criterion) in reading.take(MOST_CRITERIA) {
            let mut keys = Vec::new();
            criterion.keys(&mut keys);
            verdict.hint = datastore.meant(keys);
        }
        self
    }
}

/// The correction of a pattern that cannot be rendered, which has a dash in a name, or reads what is not in the event.
fn of_pattern(
    criterion: &CompiledCriterion,
    verdict: &CriterionVerdict<'_>,
    payload: &Value,
) -> Option<String> {
    let Outcome::Failed(error @ Error::Pattern(_)) = &verdict.outcome else { return None };
    let Pattern::Rendered { text, .. } = &criterion.pattern else { return None };
    dashed(text.source(), None).or_else(|| of_reason(&error.to_string(), payload))
}

/// The correction where `reason`, the error of a template, is that a part of the event is not defined: the near name, and
/// what there is. A part that is called without `trigger` is one if the event has it.
pub fn of_reason(reason: &str, payload: &Value) -> Option<String> {
    let (before, _) = reason.split_once("` is not defined")?;
    let path = JsonPath::parse(before.rsplit('`').next()?).ok()?;
    let is_there = |name: &str| {
        payload.get(name).is_some() || payload.get("body").is_some_and(|body| body.get(name).is_some())
    };
    let first = *path.plain_start()?.first()?;
    (first == "trigger" || is_there(first)).then(|| of_path(&path, payload, false))?
}

/// `trigger.body has no envi: did you mean env? There is: env, host`. Nothing if `path` leads somewhere, or consists of
/// more than names. With `is_meant` the criterion asks for absence, so only a near name is worth a message.
fn of_path(path: &JsonPath, payload: &Value, is_meant: bool) -> Option<String> {
    let names = path.plain_start()?;
    let (first, names) = names.split_first()?;
    if *first != "trigger" {
        return if is_meant { None } else { elsewhere(first, names, payload) };
    }
    let (mut at, mut place) = (payload, String::from("trigger"));
    for name in names {
        match at.get(*name) {
            Some(below) => {
                at = below;
                place.push('.');
                place.push_str(&shown(name));
            }
            None => return absent(&quoted(&place), name, at, is_meant),
        }
    }
    None
}

/// The message about a path, of `first` and `rest`, that does not begin with `trigger`.
fn elsewhere(first: &str, rest: &[&str], payload: &Value) -> Option<String> {
    if first == DATASTORE {
        // Rules run on behalf of nobody in particular, so one that all share is meant.
        let names: Vec<_> = rest.iter().copied().skip_while(|name| *name == "user").collect();
        // A scope alone, or none, names no key that could be meant.
        if matches!(names.as_slice(), [] | ["system"]) {
            return None;
        }
        let meant = with_scope(&names.join("."));
        return Some(format!(
            "a key of the datastore has a scope: did you mean {DATASTORE}.{}?",
            quoted(&meant)
        ));
    }
    let body = payload.get("body").and_then(|body| body.get(first));
    let (root, is_first_meant) = if payload.get(first).is_some() {
        ("trigger", true)
    } else if first.len() <= LONGEST && nearest(first, ["trigger"]).is_some() {
        ("trigger", false)
    } else if body.is_some() {
        ("trigger.body", true)
    } else {
        return Some("what came in is called trigger; begin the key with `trigger.`".to_owned());
    };
    let mut meant = root.to_owned();
    for name in std::iter::once(first).filter(|_| is_first_meant).chain(rest.iter().copied()) {
        meant.push('.');
        meant.push_str(&shown(name));
    }
    Some(format!("what came in is called trigger: did you mean {}?", quoted(&meant)))
}

/// The message about a missing `name` in the value `at` the place.
fn absent(place: &str, name: &str, at: &Value, is_meant: bool) -> Option<String> {
    let Some(object) = at.as_object() else {
        let name = shown(name);
        return (!is_meant).then(|| match at {
            Value::Array(_) => format!("{place} is a list; name an item of it, as in {place}[0].{name}"),
            other => {
                format!("{place} has no {name}, since it is of type {}", petrel_python::type_name(other))
            }
        });
    };
    let meant = meant(name, object);
    if is_meant && meant.is_none() {
        return None;
    }
    let name = shown(name);
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
    if object.is_empty() {
        return Some(format!("{place} has no {name}, since it is empty"));
    }
    let told: Vec<_> = object.keys().take(MOST_TOLD).map(|name| shown(name)).collect();
    let more = match object.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let separator = if meant.is_empty() { ". " } else { " " };
    Some(format!("{place} has no {name}{meant}{separator}There is: {}{more}", told.join(", ")))
}

/// The name that is likely meant by `name`: a near one, or the same one a level down.
fn meant(name: &str, object: &Map<String, Value>) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    let names = object.keys().filter(|known| known.len() <= LONGEST).take(MOST_COMPARED);
    if let Some(near) = nearest(name, names.map(String::as_str)) {
        return Some(shown(near).into_owned());
    }
    let mut below = object.iter().take(MOST_COMPARED);
    let (within, _) = below.find(|(_, value)| value.get(name).is_some())?;
    Some(format!("{}.{}", shown(within), shown(name)))
}

/// A name as a path has it: in quotes if it would not be a single name otherwise.
fn shown(name: &str) -> Cow<'_, str> {
    let is_plain = !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-'));
    let told = beginning(name, LONGEST);
    if is_plain { told } else { Cow::Owned(format!("{:?}", &*told)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_that_leads_to_nothing_is_told_what_there_is() {
        let payload = json!({
            "headers": {"X-Github-Event": "push"}, "headers_lower": {"x-github-event": "push"},
            "body": {"env": "prod", "host": "a", "user": {"id": 7}, "list": [{"id": 1}], "2nd": 2, "none": {}},
        });
        let there = r#"There is: env, host, user, list, "2nd", none"#;
        for (path, says) in [
            ("trigger.body.env", None),
            ("trigger.body.list[0].nothing", None),
            ("trigger.body.envi", Some(format!("trigger.body has no envi: did you mean env? {there}"))),
            ("trigger.body.colour", Some(format!("trigger.body has no colour. {there}"))),
            ("trigger.body.id", Some(format!("trigger.body has no id: did you mean user.id? {there}"))),
            (
                "trigger.env",
                Some(
                    "trigger has no env: did you mean body.env? There is: headers, headers_lower, body"
                        .to_owned(),
                ),
            ),
            (
                "trigger.headers.X-GitHub-Event",
                Some(
                    "trigger.headers has no X-GitHub-Event: did you mean X-Github-Event? There is: X-Github-Event"
                        .to_owned(),
                ),
            ),
            (
                "trigger.body.list.id",
                Some("trigger.body.list is a list; name an item of it, as in trigger.body.list[0].id".to_owned()),
            ),
            (
                "trigger.body.env.id",
                Some("trigger.body.env has no id, since it is of type string".to_owned()),
            ),
            ("trigger.body.none.x", Some("trigger.body.none has no x, since it is empty".to_owned())),
            ("triger.body.env", Some("what came in is called trigger: did you mean trigger.body.env?".to_owned())),
            ("st2kv.limit", Some("a key of the datastore has a scope: did you mean st2kv.system.limit?".to_owned())),
            ("st2kv", None),
            ("st2kv.user", None),
            ("st2kv.system", None),
            ("st2kv.systemd.unit", Some("a key of the datastore has a scope: did you mean st2kv.system.systemd.unit?".to_owned())),
            ("body.env", Some("what came in is called trigger: did you mean trigger.body.env?".to_owned())),
            ("env", Some("what came in is called trigger: did you mean trigger.body.env?".to_owned())),
        ] {
            let parsed = JsonPath::parse(path).unwrap();
            assert_eq!(of_path(&parsed, &payload, false), says, "{path}");
        }
        let absent_is_meant = |path: &str| of_path(&JsonPath::parse(path).unwrap(), &payload, true);
        assert_eq!(absent_is_meant("trigger.body.colour"), None);
        assert!(absent_is_meant("trigger.body.envi").is_some());
    }

    #[test]
    fn a_template_that_reads_what_is_not_there_is_told_what_there_is() {
        let payload = json!({"body": {"name": "a"}});
        for (reason, says) in [
            (
                "parameter x: template `{{ a }}` cannot be rendered: `trigger.body.nmae` is not defined; check",
                Some("trigger.body has no nmae: did you mean name? There is: name"),
            ),
            (
                "template `{{ a }}` cannot be rendered: `trigger.payload` is not defined, and",
                Some("trigger has no payload. There is: body"),
            ),
            (
                "template `{{ a }}` cannot be rendered: `body` is not defined; check",
                Some("what came in is called trigger: did you mean trigger.body?"),
            ),
            (
                "template `{{ a }}` cannot be rendered: `name` is not defined; check",
                Some("what came in is called trigger: did you mean trigger.body.name?"),
            ),
            ("parameter x: template `{{ a }}` cannot be rendered: `nmae` is not defined; check", None),
            ("parameter x: something else", None),
        ] {
            let said = of_reason(reason, &payload);
            assert_eq!(said.as_deref(), says, "{reason}");
        }
    }

    #[test]
    fn what_is_told_has_an_end() {
        let many: Map<_, _> = (0..5_000).map(|n| (format!("{}{n}", "k".repeat(500)), json!(n))).collect();
        let path = JsonPath::parse(&format!("trigger.{}", "x".repeat(5_000))).unwrap();
        let said = of_path(&path, &Value::Object(many), false).unwrap();
        assert!(said.chars().count() < 1_000 && said.ends_with(" and 4990 more"), "{said}");
    }
}

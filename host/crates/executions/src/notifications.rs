//! The events for those who are to be told of the end of an execution: the trigger type
//! `core.st2.generic.notifytrigger`, one event for each route, with StackStorm's payload. [`ends`](super::ends) commits them
//! with the end.
//!
//! The message and the data are templates. They see the parameters and the result as they are shown to those who see no
//! secrets, and decrypt nothing, since everybody may read an event. The commit of the end waits for them, so they get a few
//! milliseconds; what cannot be rendered is told as it was written, with the reason in the message. Of what a notification
//! about a notification has set off nobody is told.

use petrel_catalog::Catalog;
use petrel_datastore::Keys;
use petrel_engine_core::evaluation::quick;
use petrel_engine_core::{Core, Error, Report};
use petrel_expressions::{Scope, Template, is_template};
use petrel_model::notify::{Section, TRIGGER};
use petrel_model::quoted::{quoted, told};
use petrel_model::{Execution, Notify, Object, Timestamp, event_depth, size};
use petrel_persistence::Change;
use serde_json::{Value, json};

use super::masked_end::{LARGEST, MaskedEnd};

/// The greatest length of a message, in bytes. The rest of a longer one is left out.
const LONGEST_MESSAGE: usize = 64 << 10;

/// The reasons that a message gives.
const MOST_REASONS: usize = 3;

/// Refuses a request's `notify` whose templates cannot be used.
///
/// # Errors
/// With the place of the first one.
pub(crate) fn check(notify: &Notify) -> Result<(), Error> {
    for (place, text) in notify.texts() {
        if is_template(text)
            && let Err(reason) = compiled(text)
        {
            return Err(Error::invalid(
                format!("`{place}`: {reason}"),
                "correct the template; it sees action_parameters, action_results, action_context and st2kv",
            ));
        }
    }
    Ok(())
}

/// The events of those who are to be told of the end of `execution`, if anybody listens.
pub(super) fn events(core: &Core, catalog: &Catalog, keys: &Keys, execution: &Execution) -> Vec<Change> {
    // Of most executions nobody is told.
    let Some(notify) = execution.notify.as_ref().filter(|_| core.is_heard(TRIGGER)) else {
        return Vec::new();
    };
    let mut sections = notify.sections(execution.status).peekable();
    // Of a success nobody is told who waits for failures.
    if sections.peek().is_none() {
        return Vec::new();
    }
    if is_deep(execution) {
        if let Some(left_out) = core.may_log("notifications about notifications") {
            let left_out = Some(left_out).filter(|count| *count > 0);
            let hint = "have what a notification sets off tell nobody, or act by itself";
            tracing::warn!(execution.id = %execution.id, left_out, hint, "nobody is told of an end to which a notification about a notification led");
        }
        return Vec::new();
    }
    let end = MaskedEnd::of(&catalog.content(), execution);
    let at = execution.ended_at.unwrap_or_else(|| core.now());
    let mut events = Vec::new();
    for (section, word) in sections {
        let written =
            || section.message.clone().unwrap_or_else(|| format!("Action {} {word}.", execution.action));
        // A template that takes long is not tried again on a thread: the end would wait for it.
        let told = quick(|| Told::rendered(section, written(), &scope(keys, execution, &end)));
        let told = told.unwrap_or_else(|| Told::unrendered(section, written()));
        let report = || Report {
            payload: payload(execution, at, &end, told),
            trace: Some(execution.trace_id()),
            trace_tag: execution.context.trace_tag.clone(),
            caused_by: Some(execution.id),
            depth: event_depth::of_notification(execution.context.event_depth),
        };
        let route = |route: &String| {
            let fields = ["route", "channel"].map(|name| (name.to_owned(), json!(route)));
            fields.into_iter().collect::<Object>()
        };
        events.extend(core.report_each(TRIGGER, at, report, section.routes.iter().map(route)));
    }
    events
}

/// Whether an execution came of a notification about one that came of another, by whatever is between: who tells that telling
/// has failed, by several routes each time, would never come to an end.
fn is_deep(execution: &Execution) -> bool {
    event_depth::notifications(execution.context.event_depth) > 1
}

/// What the templates see, as in StackStorm.
fn scope(keys: &Keys, execution: &Execution, end: &MaskedEnd) -> Scope {
    let mut context = execution.context.shown();
    if let Some(parent) = &execution.parent {
        let above = json!({"execution_id": parent.execution, "user": execution.context.user});
        context.insert("parent".to_owned(), above);
    }
    Scope::new()
        .with("action_parameters", end.parameters.clone())
        .with("action_results", end.result.clone())
        .with("action_context", Value::Object(context))
        .with_datastore(keys.all())
}

fn payload(execution: &Execution, at: Timestamp, end: &MaskedEnd, told: Told) -> Object {
    let Told { message, mut data } = told;
    let mut left_out: Vec<&str> = end.left_out.clone();
    if size::of_value(&data) > LARGEST {
        left_out.push("data");
        data = Value::Object(Object::new());
    }
    if let Value::Object(data) = &mut data {
        // As in StackStorm, where a result is a text here.
        let result = Some(&end.result).filter(|result| !result.is_null()).map(Value::to_string);
        data.insert("result".to_owned(), json!(result));
    }
    let mut payload = Object::new();
    for (name, value) in [
        ("message", json!(message)),
        ("data", data),
        ("execution_id", json!(execution.id)),
        ("status", json!(execution.status.as_str())),
        ("start_timestamp", json!(with_offset(execution.requested_at))),
        ("end_timestamp", json!(with_offset(at))),
        ("action_ref", json!(execution.action)),
        ("runner_ref", json!(execution.runner)),
    ] {
        payload.insert(name.to_owned(), value);
    }
    if !left_out.is_empty() {
        payload.insert("left_out".to_owned(), json!(left_out));
    }
    payload
}

/// A time as StackStorm writes it here: `2026-11-20T12:00:00.000000+00:00`.
fn with_offset(time: Timestamp) -> String {
    format!("{}+00:00", time.to_string().trim_end_matches('Z'))
}

/// What is told.
#[derive(Debug, PartialEq)]
struct Told {
    message: String,
    data: Value,
}

impl Told {
    fn rendered(section: &Section, written: String, scope: &Scope) -> Self {
        let mut rendering = Rendering { scope, bytes: 0, reasons: Vec::new() };
        let data = rendering.value(&Value::Object(section.data.clone()), "data");
        let message = rendering.text(&written, "message").unwrap_or(written);
        Self { message: with_reasons(message, &rendering.reasons), data }
    }

    /// What is told where the templates take long.
    fn unrendered(section: &Section, written: String) -> Self {
        let reason =
            "the templates take too long for a notification; have the action of the rule do this".to_owned();
        Self { message: with_reasons(written, &[reason]), data: Value::Object(section.data.clone()) }
    }
}

/// The message, with the reasons why something is told as it was written.
fn with_reasons(message: String, reasons: &[String]) -> String {
    let message = shortened(message);
    if reasons.is_empty() {
        return message;
    }
    let shown: Vec<_> = reasons.iter().take(MOST_REASONS).map(String::as_str).collect();
    let more = match reasons.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{message} [not rendered: {}{more}]", shown.join("; "))
}

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push('…');
    }
    message
}

/// The rendering of what is told.
struct Rendering<'s> {
    scope: &'s Scope,
    /// The bytes of all texts that were rendered.
    bytes: usize,
    /// Why texts stayed as they were written.
    reasons: Vec<String>,
}

impl Rendering<'_> {
    /// `value` with its texts rendered. A text that cannot be stays as it was written, for one of the reasons; and so do all
    /// after data that are too large already, since they are left out.
    fn value(&mut self, value: &Value, place: &str) -> Value {
        match value {
            Value::String(_) if self.bytes > LARGEST => value.clone(),
            Value::String(written) => self.text(written, place).map_or_else(|| value.clone(), Value::String),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item, place)).collect()),
            Value::Object(entries) => {
                let below = entries.iter().map(|(key, entry)| {
                    let place = format!("{place}.{}", quoted(key));
                    (key.clone(), self.value(entry, &place))
                });
                Value::Object(below.collect())
            }
            other => other.clone(),
        }
    }

    /// The text that a template gives. `None` where it is none, or cannot be rendered.
    fn text(&mut self, written: &str, place: &str) -> Option<String> {
        if !is_template(written) {
            return None;
        }
        let rendered = compiled(written)
            .and_then(|template| template.render(self.scope).map_err(|error| error.to_string()));
        match rendered {
            Ok(text) => {
                self.bytes = self.bytes.saturating_add(text.len());
                Some(text)
            }
            Err(reason) => {
                self.reasons.push(format!("{place}: {}", told(&reason)));
                None
            }
        }
    }
}

fn compiled(written: &str) -> Result<Template, String> {
    let template = Template::compile(written).map_err(|error| error.to_string())?;
    if template.may_decrypt() {
        return Err("a notification decrypts nothing, since everybody may read its event".to_owned());
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new()
            .with("action_parameters", json!({"host": "web1"}))
            .with("action_results", json!({"stdout": "{{ 7 * 7 }}", "return_code": 3}))
    }

    fn section(message: Option<&str>, data: Value) -> Section {
        let Value::Object(data) = data else { panic!("not an object: {data}") };
        Section { message: message.map(str::to_owned), data, routes: vec!["r".to_owned()] }
    }

    #[test]
    fn texts_are_rendered_once_and_other_values_stay() {
        let data = json!({
            "code": "{{ action_results.return_code }}", "plain": "x", "n": 5,
            "deep": {"list": ["{{ action_parameters.host }}", true]},
        });
        let section = section(Some("{{ action_parameters.host }}: {{ action_results.stdout }}"), data);
        let told = Told::rendered(&section, section.message.clone().unwrap(), &scope());
        assert_eq!(told.message, "web1: {{ 7 * 7 }}", "what came out is data");
        let deep = json!({"list": ["web1", true]});
        assert_eq!(told.data, json!({"code": "3", "plain": "x", "n": 5, "deep": deep}));
    }

    #[test]
    fn nothing_is_rendered_after_what_is_too_large() {
        let data =
            json!({"a": format!("{{{{ 'x' * {} }}}}", LARGEST + 1), "b": ["{{ action_parameters.host }}"]});
        let section = section(None, data);
        let told = Told::rendered(&section, "{{ action_parameters.host }}".to_owned(), &scope());
        assert_eq!(
            (&told.data["b"], told.message.as_str()),
            (&json!(["{{ action_parameters.host }}"]), "web1")
        );
        assert!(size::of_value(&told.data) > LARGEST, "it is left out");
    }

    #[test]
    fn what_cannot_be_rendered_is_told_in_the_message() {
        for (message, data, says) in [
            (
                "{{ action_results.nothing.x }}",
                json!({}),
                &["{{ action_results.nothing.x }} [not rendered: message: "][..],
            ),
            ("{{ unclosed", json!({}), &["[not rendered: message: template"]),
            (
                "{{ st2kv.system.pin | decrypt_kv }}",
                json!({}),
                &["[not rendered: message: a notification decrypts nothing"],
            ),
            (
                "m",
                json!({"a": "{{ x }}", "b": "{{ x }}", "c": "{{ x }}", "d": "{{ x }}", "e": "{{ action_parameters.host }}"}),
                &["m [not rendered: data.a: ", "; data.c: ", "; and 1 more]"],
            ),
        ] {
            let section = section(Some(message), data);
            let told = Told::rendered(&section, message.to_owned(), &scope());
            assert!(says.iter().all(|says| told.message.contains(says)), "{told:?}");
            assert!(told.data.get("a").is_none_or(|a| a == "{{ x }}"), "{told:?}");
            assert!(told.data.get("e").is_none_or(|e| e == "web1"), "{told:?}");
        }
    }

    #[test]
    fn a_message_has_an_end() {
        let told = with_reasons("ä".repeat(LONGEST_MESSAGE), &[]);
        assert!(told.ends_with('…') && told.len() <= LONGEST_MESSAGE + 3, "{}", told.len());
    }

    #[test]
    fn a_request_whose_templates_are_wrong_is_refused() {
        for (message, is_refused) in [
            ("plain", false),
            ("{{ action_results.stdout }}", false),
            ("{{ unclosed", true),
            ("{{ st2kv.system.pin | decrypt_kv }}", true),
        ] {
            let written = json!({"on-failure": {"message": message, "routes": ["r"]}});
            let notify = Notify::read(written.as_object().unwrap()).unwrap().unwrap();
            let checked = check(&notify);
            assert_eq!(checked.is_err(), is_refused, "{message}: {checked:?}");
            let told = checked.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(told.contains("notify.on-failure.message"), is_refused, "{told}");
        }
    }

    #[test]
    fn times_are_written_as_stackstorm_does() {
        let time = Timestamp::from_micros(1_763_640_000_000_000);
        assert_eq!(with_offset(time), "2025-11-20T12:00:00.000000+00:00");
    }

    #[test]
    fn nobody_is_told_of_what_came_of_a_notification_about_a_notification() {
        let (first, second) = (event_depth::of_notification(0), event_depth::of_notification);
        for (depth, deep) in [
            (0, false),
            (2, false),
            (first, false),
            (first + 1, false),
            (second(first), true),
            (second(first + 1), true),
            (second(first + 1) + 3, true),
        ] {
            let execution: Execution = serde_json::from_value(json!({
                "id": "000000000001000000000001", "version": 1, "action": "a.b", "runner": "noop", "status": "requested",
                "requested_at": "2026-11-20T12:00:00Z", "parent": null, "context": {"event_depth": depth},
            }))
            .unwrap();
            assert_eq!(is_deep(&execution), deep, "{depth}");
        }
    }
}

//! Notifications: who is to be told of the end of an execution, as StackStorm's `notify` says it. An action has one for all
//! of its executions, a request and a task of a chain may have one of their own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::nearest::nearest;
use crate::quoted::quoted;
use crate::{Object, Status, depth};

/// The trigger type of a notification.
pub const TRIGGER: &str = "core.st2.generic.notifytrigger";

/// The route of a section that names none, as in StackStorm.
const DEFAULT_ROUTE: &str = "notify.default";

/// The greatest size of a `notify`, in bytes of JSON: it is in the row of each execution.
const LARGEST: usize = 4096;
/// The greatest number of routes of a section. Each makes an event of its own.
const MOST_ROUTES: usize = 8;
/// The greatest length of a route, in bytes.
const LONGEST_ROUTE: usize = 200;

/// The sections, and the end that each is for.
const SECTIONS: [&str; 3] = ["on-complete", "on-success", "on-failure"];
/// The fields of a section.
const FIELDS: [&str; 4] = ["message", "data", "routes", "channels"];

/// Who is to be told of the end of an execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Notify {
    /// Of any end.
    #[serde(rename = "on-complete", default, skip_serializing_if = "Option::is_none")]
    pub on_complete: Option<Section>,
    /// Of success.
    #[serde(rename = "on-success", default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Section>,
    /// Of a failure.
    #[serde(rename = "on-failure", default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Section>,
}

/// What is told of an end, and on which ways.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The message, a template. Default: the action and how it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Values beside the message, whose texts are templates.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub data: Object,
    /// The ways on which it is told. At least one.
    pub routes: Vec<String>,
}

/// A mistake in a `notify`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` {problem}; {hint}")]
pub struct Mistake {
    /// Its place, such as `notify.on-success.routes`.
    pub place: String,
    /// The problem.
    pub problem: String,
    /// The remedy.
    pub hint: String,
}

fn mistake(place: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Mistake {
    Mistake { place: place.into(), problem: problem.into(), hint: hint.into() }
}

/// The mistake of a field that is not among these.
fn unknown(place: &str, name: &str, known: &[&str]) -> Mistake {
    let near = nearest(name, known.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
    let problem = format!("has no field {}", quoted(name));
    mistake(place, problem, format!("{near}it takes {}", known.join(", ")))
}

impl Notify {
    /// Reads what somebody wrote. `None` if nobody is to be told.
    ///
    /// # Errors
    /// The first mistake in it, with its place.
    pub fn read(written: &Object) -> Result<Option<Self>, Mistake> {
        if written.is_empty() {
            return Ok(None);
        }
        if let Some(stranger) = written.keys().find(|name| !SECTIONS.contains(&name.as_str())) {
            return Err(unknown("notify", stranger, &SECTIONS));
        }
        let size = serde_json::to_string(written).map_or(usize::MAX, |text| text.len());
        if size > LARGEST {
            let problem = format!("has {size} bytes, and {LARGEST} is the limit");
            return Err(mistake("notify", problem, "let the action of the rule make long texts"));
        }
        let [on_complete, on_success, on_failure] = SECTIONS.map(|name| section(name, written.get(name)));
        let read = Self { on_complete: on_complete?, on_success: on_success?, on_failure: on_failure? };
        Ok(Some(read).filter(|read| *read != Self::default()))
    }

    /// The sections for an end with this status, in StackStorm's order, each with the word that says how it has ended.
    pub fn sections(&self, status: Status) -> impl Iterator<Item = (&Section, &'static str)> {
        let has_failed = matches!(status, Status::Failed | Status::Timeout | Status::Abandoned);
        let for_end = [
            (&self.on_complete, status.is_final(), "completed"),
            (&self.on_success, status == Status::Succeeded, "succeeded"),
            (&self.on_failure, has_failed, "failed"),
        ];
        for_end
            .into_iter()
            .filter(|(_, is_for_it, _)| *is_for_it)
            .filter_map(|(section, _, word)| section.as_ref().map(|section| (section, word)))
    }

    /// The texts that may be templates, each with its place.
    pub fn texts(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        for (name, section) in
            SECTIONS.into_iter().zip([&self.on_complete, &self.on_success, &self.on_failure])
        {
            let Some(section) = section else { continue };
            let place = format!("notify.{name}");
            found
                .extend(section.message.iter().map(|message| (format!("{place}.message"), message.as_str())));
            for (key, value) in &section.data {
                texts_of(value, &format!("{place}.data.{}", quoted(key)), &mut found);
            }
        }
        found
    }
}

fn texts_of<'v>(value: &'v Value, place: &str, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => found.push((place.to_owned(), text)),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, place, found)),
        Value::Object(entries) => entries.values().for_each(|entry| texts_of(entry, place, found)),
        _ => {}
    }
}

/// A section. As in StackStorm an empty one counts as none, and `channels` is the older name of `routes`.
fn section(name: &str, written: Option<&Value>) -> Result<Option<Section>, Mistake> {
    let place = format!("notify.{name}");
    let fields = match written {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(fields)) if fields.is_empty() => return Ok(None),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(mistake(place, "is no object", format!("it takes {}", FIELDS.join(", ")))),
    };
    if let Some(stranger) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown(&place, stranger, &FIELDS));
    }
    let message = match fields.get("message") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        Some(_) => return Err(mistake(format!("{place}.message"), "is no text", "write a text")),
    };
    let data = match fields.get("data") {
        None | Some(Value::Null) => Object::new(),
        Some(value) if depth::is_too_deep(value) => {
            let problem = format!("is nested deeper than {}", depth::LIMIT);
            return Err(mistake(format!("{place}.data"), problem, "write flat values"));
        }
        Some(Value::Object(data)) => data.clone(),
        Some(_) => return Err(mistake(format!("{place}.data"), "is no object", "write names with values")),
    };
    let mut routes = routes(&place, fields, "routes")?;
    if routes.is_empty() {
        routes = self::routes(&place, fields, "channels")?;
    }
    if routes.is_empty() {
        routes.push(DEFAULT_ROUTE.to_owned());
    }
    Ok(Some(Section { message, data, routes }))
}

fn routes(place: &str, fields: &Object, name: &str) -> Result<Vec<String>, Mistake> {
    let wrong = |problem: String| mistake(format!("{place}.{name}"), problem, "write a list of names");
    let written = match fields.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(written)) => written,
        Some(_) => return Err(wrong("is no list".to_owned())),
    };
    if written.len() > MOST_ROUTES {
        return Err(wrong(format!("has {} routes, and {MOST_ROUTES} is the limit", written.len())));
    }
    let route = |route: &Value| match route {
        Value::String(text) if text.is_empty() => Err(wrong("has an empty route".to_owned())),
        Value::String(text) if text.len() > LONGEST_ROUTE => {
            Err(wrong(format!("has a route of {} bytes, and {LONGEST_ROUTE} is the limit", text.len())))
        }
        Value::String(text) => Ok(text.clone()),
        _ => Err(wrong("has a route that is no text".to_owned())),
    };
    written.iter().map(route).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(written: Value) -> Result<Option<Notify>, Mistake> {
        let Value::Object(written) = written else { panic!("not an object: {written}") };
        Notify::read(&written)
    }

    #[test]
    fn what_stackstorm_takes_is_read() {
        for (written, shown) in [
            (json!({}), None),
            (json!({"on-complete": {}, "on-success": null}), None),
            (
                json!({"on-complete": {"routes": ["a", "b"], "message": "m", "data": {"x": [1]}}}),
                Some(json!({"on-complete": {"message": "m", "data": {"x": [1]}, "routes": ["a", "b"]}})),
            ),
            (json!({"on-failure": {"channels": ["old"]}}), Some(json!({"on-failure": {"routes": ["old"]}}))),
            (
                json!({"on-success": {"message": "m", "routes": []}}),
                Some(json!({"on-success": {"message": "m", "routes": ["notify.default"]}})),
            ),
        ] {
            let found = read(written.clone()).unwrap();
            assert_eq!(found.as_ref().map(|found| serde_json::to_value(found).unwrap()), shown, "{written}");
            let again = found.as_ref().map(|found| serde_json::from_value(json!(found)).unwrap());
            assert_eq!(found, again);
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_its_remedy() {
        let many: Vec<_> = (0..9).map(|n| n.to_string()).collect();
        for (written, says) in [
            (
                json!({"on-sucess": {}}),
                "`notify` has no field on-sucess; did you mean on-success? it takes on-com",
            ),
            (json!({"on-success": []}), "`notify.on-success` is no object; it takes message"),
            (json!({"on-success": {"route": []}}), "has no field route; did you mean routes?"),
            (json!({"on-success": {"routes": "a"}}), "`notify.on-success.routes` is no list; write a list"),
            (
                json!({"on-success": {"channels": [1]}}),
                "`notify.on-success.channels` has a route that is no text",
            ),
            (json!({"on-success": {"routes": [""]}}), "an empty route"),
            (json!({"on-success": {"routes": ["x".repeat(201)]}}), "201 bytes, and 200 is the limit"),
            (json!({"on-success": {"routes": many}}), "has 9 routes, and 8 is the limit"),
            (json!({"on-failure": {"message": 1}}), "`notify.on-failure.message` is no text"),
            (json!({"on-failure": {"data": "x"}}), "`notify.on-failure.data` is no object"),
            (json!({"on-failure": {"message": "x".repeat(5000)}}), "and 4096 is the limit"),
        ] {
            let told = read(written.clone()).unwrap_err().to_string();
            assert!(told.contains(says), "{written}: {told}");
        }
    }

    #[test]
    fn who_is_told_depends_on_the_end() {
        let section = json!({"routes": ["r"]});
        let all = read(json!({"on-complete": section, "on-success": section, "on-failure": section}));
        let all = all.unwrap().unwrap();
        for (status, words) in [
            (Status::Succeeded, &["completed", "succeeded"][..]),
            (Status::Failed, &["completed", "failed"]),
            (Status::Timeout, &["completed", "failed"]),
            (Status::Abandoned, &["completed", "failed"]),
            (Status::Canceled, &["completed"]),
            (Status::Running, &[]),
            (Status::Pending, &[]),
        ] {
            let told: Vec<_> = all.sections(status).map(|(_, word)| word).collect();
            assert_eq!(told, words, "{status}");
        }
    }

    #[test]
    fn texts_are_told_with_their_places() {
        let notify = json!({"on-success": {"message": "m", "data": {"a": ["x", 1], "b": {"c": "y"}}}});
        let notify = read(notify).unwrap().unwrap();
        let texts: Vec<_> = notify.texts();
        let texts: Vec<_> = texts.iter().map(|(place, text)| (place.as_str(), *text)).collect();
        assert_eq!(
            texts,
            [
                ("notify.on-success.message", "m"),
                ("notify.on-success.data.a", "x"),
                ("notify.on-success.data.b", "y"),
            ]
        );
    }
}

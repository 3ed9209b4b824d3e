//! The origin of an execution. Facts known to the host and values given by the caller are kept apart, so that no caller
//! can forge an origin.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::count::is_zero;
use crate::policy::Applied;
use crate::secrets::SecretPart;
use crate::{ExecutionId, Object, RuleId, TraceId, TraceTag, TriggerInstanceId};

/// The origin of an execution.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Context {
    /// The user on whose behalf it runs.
    pub user: String,
    /// The action's pack.
    pub pack: String,
    /// The event that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<Origin<TriggerInstanceId>>,
    /// The rule that requested it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin<RuleId>>,
    /// The user who made the request, if that is not `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_user: Option<String>,
    /// The user who canceled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// The user who answered it, if it is an inquiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// The execution that it repeats.
    #[serde(rename = "re-run", skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunOf>,
    /// What policies have done with it.
    #[serde(skip_serializing_if = "Applied::is_empty")]
    pub policies: Applied,
    /// The trace that it belongs to, if that does not follow from the ids above; see
    /// [`Execution::trace_id`](super::Execution::trace_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The tag of the trace, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_tag: Option<TraceTag>,
    /// The places in its parameters of what was secret when it was made, or was made from a secret, see
    /// [`Places`](crate::secrets::Places). It stays so, whatever its action says later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_places: Vec<String>,
    /// The parts of these parameters that are secrets by themselves, see [`SecretPart`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_parts: Vec<SecretPart>,
    /// The places at which the schema of its result marked secrets when it was made. Where that says less today, nobody
    /// knows what of the result is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub result_marks: Vec<String>,
    /// Whether it is stored encrypted although nothing of it is known to be secret: it may have copies of secrets, since
    /// the workflow around it has met some, or is the workflow that has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// Why its parameters, or what else it holds, cannot be read, if it is ended without them. Its result is then the
    /// host's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// The number of events of actions that led to it, one after the other, see
    /// [`InternalEvent::depth`](crate::InternalEvent::depth).
    #[serde(skip_serializing_if = "is_zero")]
    pub event_depth: u32,
    /// The maintenance window in which it was requested, if that holds it until its earliest start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<String>,
    /// Values given by the caller. No decision depends on them.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub given: Object,
}

/// An id, with the name that the object had at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin<T> {
    /// The id.
    pub id: T,
    /// The name.
    pub name: String,
}

/// The repetition of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerunOf {
    /// The execution.
    #[serde(rename = "ref")]
    pub execution: ExecutionId,
    /// The tasks to repeat, as `name` or `name|route`. Empty for the whole workflow.
    #[serde(default)]
    pub tasks: Vec<String>,
    /// The tasks among them of which all items are repeated.
    #[serde(default)]
    pub reset: Vec<String>,
}

/// The names that only the host sets where a context is shown. The last three come from the position in a workflow.
const OWN: [&str; 13] = [
    "user",
    "pack",
    "trigger_instance",
    "rule",
    "api_user",
    "cancelled_by",
    "answered_by",
    "re-run",
    "policies",
    "given",
    "parent",
    "orquesta",
    "chain",
];

impl Context {
    /// The context as StackStorm shows it, as one object. Values that the caller gave under a name of the host are
    /// shown below `given`. The trace is shown as StackStorm does, in `trace_context`, and only where a tag was given. The
    /// places of secrets, the number of events and the maintenance window are left out: they are the host's own.
    pub fn shown(&self) -> Object {
        let own = Self {
            given: Object::new(),
            trace: None,
            trace_tag: None,
            event_depth: 0,
            secret_places: Vec::new(),
            secret_parts: Vec::new(),
            result_marks: Vec::new(),
            sealed: false,
            unread: None,
            maintenance_window: None,
            policies: Applied { passed: Vec::new(), ..self.policies.clone() },
            ..self.clone()
        };
        let Ok(Value::Object(mut shown)) = serde_json::to_value(own) else { return Object::new() };
        let (beside, hidden) = self.given_apart();
        shown.extend(beside.into_owned());
        if !hidden.is_empty() {
            shown.insert("given".into(), Value::Object(hidden));
        }
        shown
    }

    /// A function that makes [`shown`](Self::shown) later, from the context as it is now.
    pub fn shown_late(&self) -> impl FnOnce() -> Object + Send + use<> {
        let own = self.clone();
        move || own.shown()
    }

    /// The values of the caller: those shown beside the values of the host, with the trace if that was given a tag, and
    /// those with a name of the host's.
    pub fn given_apart(&self) -> (Cow<'_, Object>, Object) {
        let is_own = |name: &str| OWN.contains(&name);
        let (mut beside, mut hidden) = (Cow::Borrowed(&self.given), Object::new());
        if self.given.keys().any(|name| is_own(name)) {
            let (own, others) = self.given.clone().into_iter().partition(|(name, _)| is_own(name));
            (hidden, beside) = (own, Cow::Owned(others));
        }
        if let Some(tag) = &self.trace_tag {
            let mut trace = Object::new();
            trace.insert("trace_tag".into(), tag.as_str().into());
            trace.extend(self.trace.map(|id| ("id_".to_owned(), id.to_string().into())));
            beside.to_mut().insert("trace_context".into(), trace.into());
        }
        (beside, hidden)
    }

    /// Stores a value that was read under `name`. A second value with that name, or one that the host would not write,
    /// came from a caller: versions before 0.1.0 stored values of callers beside those of the host.
    fn put(&mut self, name: String, value: Value, seen: &mut Vec<String>) {
        let of_caller = if seen.contains(&name) { Some(value) } else { self.take(&name, value) };
        match of_caller {
            Some(value) => drop(self.given.insert(name, value)),
            None => seen.push(name),
        }
    }

    /// Takes a value of the host, or returns it if the host would not write it under `name`.
    fn take(&mut self, name: &str, value: Value) -> Option<Value> {
        match (name, value) {
            ("user", Value::String(text)) => self.user = text,
            ("pack", Value::String(text)) => self.pack = text,
            ("trigger_instance", value) => return fill(&mut self.trigger_instance, value),
            ("rule", value) => return fill(&mut self.rule, value),
            ("api_user", value) => return fill(&mut self.api_user, value),
            ("cancelled_by", value) => return fill(&mut self.cancelled_by, value),
            ("answered_by", value) => return fill(&mut self.answered_by, value),
            ("re-run", value) => return fill(&mut self.rerun, value),
            ("policies", value) => match Applied::deserialize(&value) {
                Ok(applied) => self.policies = applied,
                Err(_other_form) => return Some(value),
            },
            ("trace", value) => return fill(&mut self.trace, value),
            ("trace_tag", value) => return fill(&mut self.trace_tag, value),
            ("secret_places", value) => return fill_list(&mut self.secret_places, value),
            ("secret_parts", value) => return fill_list(&mut self.secret_parts, value),
            ("result_marks", value) => return fill_list(&mut self.result_marks, value),
            ("sealed", Value::Bool(sealed)) => self.sealed = sealed,
            ("unread", value) => return fill(&mut self.unread, value),
            ("event_depth", value) => match u32::deserialize(&value) {
                Ok(depth) => self.event_depth = depth,
                Err(_other_form) => return Some(value),
            },
            ("maintenance_window", value) => return fill(&mut self.maintenance_window, value),
            ("given", Value::Object(given)) => self.given.extend(given),
            (_, value) => return Some(value),
        }
        None
    }
}

/// Reads `value` into `place`, or returns it if it is of another form.
fn fill<T: DeserializeOwned>(place: &mut Option<T>, value: Value) -> Option<Value> {
    *place = T::deserialize(&value).ok();
    place.is_none().then_some(value)
}

/// As [`fill`], for a list.
fn fill_list<T: DeserializeOwned>(place: &mut Vec<T>, value: Value) -> Option<Value> {
    match Vec::<T>::deserialize(&value) {
        Ok(items) => *place = items,
        Err(_other_form) => return Some(value),
    }
    None
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Context;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Context, A::Error> {
                let (mut context, mut seen) = (Context::default(), Vec::new());
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    context.put(name, value, &mut seen);
                }
                Ok(context)
            }

            fn visit_unit<E>(self) -> Result<Context, E> {
                Ok(Context::default())
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Context, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Context::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(value: Value) -> Context {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_a_caller_gives_is_kept_apart_and_shown_beside() {
        let given = json!({"user": "x", "rule": {"id": 1}, "re-run": {"ref": "y"}, "source": "chat"});
        let Value::Object(given) = given else { return };
        let context = Context { user: "ada".into(), pack: "core".into(), given, ..Context::default() };
        let stored = serde_json::to_string(&context).unwrap();
        assert_eq!(serde_json::from_str::<Context>(&stored).unwrap(), context);
        assert_eq!(
            Value::Object(context.shown()),
            json!({
                "user": "ada",
                "pack": "core",
                "source": "chat",
                "given": {"user": "x", "rule": {"id": 1}, "re-run": {"ref": "y"}},
            })
        );
    }

    #[test]
    fn where_secrets_are_is_stored_and_not_shown() {
        let given = context(json!({"given": {"secret_places": ["/forged"]}})).given;
        let context = Context {
            secret_places: vec!["/pin".to_owned(), "/login/password".to_owned()],
            secret_parts: vec![SecretPart { at: "/pin".to_owned(), from: 1, length: 6 }],
            result_marks: vec!["/properties/token".to_owned()],
            sealed: true,
            unread: Some("the key is gone".to_owned()),
            maintenance_window: Some("w".to_owned()),
            given,
            ..Context::default()
        };
        let stored = serde_json::to_string(&context).unwrap();
        assert_eq!(serde_json::from_str::<Context>(&stored).unwrap(), context);
        assert_eq!(context.shown().get("secret_places"), Some(&json!(["/forged"])), "what the caller gave");
        assert_eq!(
            ["maintenance_window", "sealed", "unread"].map(|name| context.shown().contains_key(name)),
            [false; 3]
        );
        let none = serde_json::to_string(&Context::default()).unwrap();
        assert!(!context.shown().contains_key("secret_parts") && !none.contains("secret_parts"), "{none}");
        assert!(!none.contains("secret_places") && !none.contains("result_marks"), "{none}");
        assert!(!none.contains("unread"), "{none}");
    }

    #[test]
    fn a_tag_is_stored_and_shown_as_in_stackstorm() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let tagged = |trace: Option<&str>| Context {
            trace: trace.and_then(|trace| trace.parse().ok()),
            trace_tag: "release".parse().ok(),
            ..Context::default()
        };
        for (context, shown) in [
            (Context::default(), None),
            (tagged(None), Some(json!({"trace_tag": "release"}))),
            (tagged(Some(trace)), Some(json!({"trace_tag": "release", "id_": trace}))),
        ] {
            let stored = serde_json::to_string(&context).unwrap();
            assert_eq!(serde_json::from_str::<Context>(&stored).unwrap(), context);
            assert_eq!(context.shown().get("trace_context"), shown.as_ref());
        }
    }

    #[test]
    fn what_was_stored_side_by_side_is_still_read() {
        let text = r#"{"user": "ada", "pack": "core", "source": "chat", "user": "x", "rule": {"forged": 1}, "cancelled_by": "bob"}"#;
        let read: Context = serde_json::from_str(text).unwrap();
        assert_eq!((read.user.as_str(), read.cancelled_by.as_deref()), ("ada", Some("bob")));
        assert_eq!(read.rule, None);
        assert_eq!(Value::Object(read.given), json!({"source": "chat", "user": "x", "rule": {"forged": 1}}));
        let rerun = context(json!({"re-run": {"ref": "000000000001000000000001", "tasks": ["a"]}})).rerun;
        assert_eq!(rerun.map(|rerun| rerun.tasks), Some(vec!["a".to_owned()]));
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(context(json!({"trace": trace})).trace, trace.parse().ok());
        let called_so = context(json!({"trace": "t1"}));
        assert_eq!((called_so.trace, Value::Object(called_so.given)), (None, json!({"trace": "t1"})));
        for odd in [json!(null), json!([1]), json!({"user": 1})] {
            assert_eq!(context(odd).user, "");
        }
    }
}

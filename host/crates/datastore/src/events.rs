//! The internal events of changes of keys, with the payloads of StackStorm. A secret value is in them as it is stored.

use petrel_engine_core::{Core, Report};
use petrel_model::{Object, Timestamp};
use petrel_persistence::Change;
use serde_json::{Value, json};

use crate::key::Entry;

const CREATED: &str = "core.st2.key_value_pair.create";
const UPDATED: &str = "core.st2.key_value_pair.update";
const VALUE_CHANGED: &str = "core.st2.key_value_pair.value_change";
const DELETED: &str = "core.st2.key_value_pair.delete";

/// Adds the events of a key that was set; `has_changed` says whether its value is another one than that of `before`.
pub(crate) fn set(
    core: &Core,
    at: Timestamp,
    (before, after): (Option<&Entry<'_>>, &Entry<'_>),
    has_changed: bool,
    changes: &mut Vec<Change>,
) {
    let Some(before) = before else {
        changes.extend(core.report(CREATED, at, || report([("object", after)])));
        return;
    };
    changes.extend(core.report(UPDATED, at, || report([("object", after)])));
    if has_changed {
        let both = || report([("old_object", before), ("new_object", after)]);
        changes.extend(core.report(VALUE_CHANGED, at, both));
    }
}

/// Adds the event of a key that was deleted, or has expired.
pub(crate) fn deleted(core: &Core, at: Timestamp, entry: &Entry<'_>, changes: &mut Vec<Change>) {
    changes.extend(core.report(DELETED, at, || report([("object", entry)])));
}

fn report<const N: usize>(entries: [(&str, &Entry<'_>); N]) -> Report {
    let payload = entries.into_iter().map(|(name, entry)| (name.to_owned(), shown(entry)));
    Report { payload: payload.collect::<Object>(), ..Report::default() }
}

/// A key as StackStorm's API shows it.
fn shown(entry: &Entry<'_>) -> Value {
    let (scope, of_scope) = match &entry.owner {
        None => ("st2kv.system", entry.name.to_string()),
        Some(owner) => ("st2kv.user", format!("{owner}:{}", entry.name)),
    };
    let mut shown = Object::new();
    let mut show = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    show("id", json!(entry.name));
    show("uid", json!(format!("key_value_pair:{scope}:{of_scope}")));
    show("name", json!(entry.name));
    show("value", json!(entry.value));
    show("scope", json!(scope));
    show("secret", json!(entry.secret));
    show("encrypted", json!(entry.secret));
    if let Some(at) = entry.expires_at {
        show("expire_timestamp", json!(at));
    }
    if let Some(owner) = &entry.owner {
        show("user", json!(owner));
    }
    Value::Object(shown)
}

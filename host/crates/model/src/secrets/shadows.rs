//! Parts of a schema that hide the secrecy of a fallback: `properties` are looked at before `additionalProperties`, and
//! `prefixItems` before `items`. Who adds `properties: {token: {}}` beside `additionalProperties: {secret: true}` shows what was
//! masked, although the mark is still there.

use serde_json::Value;

use super::marks::{has_secret, keeps_marks};
use crate::Object;
use crate::parameters::Schema;
use crate::pointer::step;

/// A part that shows what the schema behind it calls secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shadow {
    /// The JSON pointer of the part.
    pub(super) place: String,
    /// The JSON pointer of the schema that counts where no such part is.
    pub(super) behind: String,
}

/// All such parts of a schema, at every depth.
pub(super) fn shadows(schema: &Value) -> Vec<Shadow> {
    let mut found = Vec::new();
    collect(schema, "", &mut found);
    found
}

/// Whether all that is secret by the schema `old` is secret by `new` too: it is marked in the same place or around it, and
/// nothing stands before such a mark that was not there.
pub fn keeps_secrets(old: &Value, new: Option<&Value>) -> bool {
    let is_whole = new.is_some_and(|new| Schema::of(new).is_secret());
    is_whole || keeps_marks(old, new) && new.is_none_or(|new| !lays_open(old, new))
}

/// Whether `new` shows by a shadow what `old` calls secret.
fn lays_open(old: &Value, new: &Value) -> bool {
    let was_secret = |shadow: &Shadow| old.pointer(&shadow.behind).is_some_and(has_secret);
    let lifted: Vec<_> = shadows(new).into_iter().filter(was_secret).collect();
    if lifted.is_empty() {
        return false;
    }
    let before = shadows(old);
    lifted.iter().any(|shadow| before.iter().all(|known| known.place != shadow.place))
}

fn collect(schema: &Value, at: &str, found: &mut Vec<Shadow>) {
    match schema {
        Value::Object(parts) => {
            of_fields(parts, at, found);
            of_items(parts, at, found);
            parts.iter().for_each(|(name, part)| collect(part, &format!("{at}{}", step(name)), found));
        }
        Value::Array(parts) => {
            parts.iter().enumerate().for_each(|(n, part)| collect(part, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

fn of_fields(schema: &Object, at: &str, found: &mut Vec<Shadow>) {
    let Some(Value::Object(named)) = schema.get("properties") else { return };
    let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
    let patterns = patterns.map(|(name, part)| (format!("{at}/patternProperties{}", step(name)), part));
    let rest = schema.get("additionalProperties").map(|part| (format!("{at}/additionalProperties"), part));
    for (behind, fallback) in patterns.chain(rest).filter(|(_, fallback)| has_secret(fallback)) {
        for (name, _) in named.iter().filter(|(_, part)| !keeps_marks(fallback, Some(*part))) {
            let place = format!("{at}/properties{}", step(name));
            found.push(Shadow { place, behind: behind.clone() });
        }
    }
}

fn of_items(schema: &Object, at: &str, found: &mut Vec<Shadow>) {
    // In the order in which `Marks::of_item` looks.
    let list = |name: &'static str| Some((name, schema.get(name)?.as_array()?));
    let Some((key, places)) = ["prefixItems", "items"].into_iter().find_map(list) else { return };
    let whole = |name: &'static str| Some((name, schema.get(name).filter(|part| part.is_object())?));
    let Some((rest, fallback)) = ["items", "additionalItems"].into_iter().find_map(whole) else { return };
    if !has_secret(fallback) {
        return;
    }
    for (n, _) in places.iter().enumerate().filter(|(_, part)| !keeps_marks(fallback, Some(*part))) {
        found.push(Shadow { place: format!("{at}/{key}/{n}"), behind: format!("{at}/{rest}") });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_secret_any_more_is_noticed_at_every_depth() {
        let secret = json!({"type": "string", "secret": true});
        let open = json!({"type": "string"});
        let around = |part: &Value| {
            [
                part.clone(),
                json!({"properties": {"a": part, "b": {}}}),
                json!({"items": [{}, part]}),
                json!({"anyOf": [{"type": "array"}, {"properties": {"a": {"items": part}}}]}),
            ]
        };
        for (before, lifted) in around(&secret).iter().zip(&around(&open)) {
            assert!(keeps_secrets(before, Some(before)), "{before}");
            assert!(!keeps_secrets(before, Some(lifted)) && !keeps_secrets(before, None), "{before}");
            assert!(keeps_secrets(lifted, Some(before)) && keeps_secrets(lifted, None), "{lifted}");
            assert!(keeps_secrets(before, Some(&secret)), "{before}: all of it is secret now");
        }
    }

    #[test]
    fn a_new_part_before_a_secret_fallback_lifts_it() {
        let secret = json!({"type": "string", "secret": true});
        for (before, now, is_kept) in [
            (
                json!({"additionalProperties": secret}),
                json!({"additionalProperties": secret, "properties": {"token": {"type": "string"}}}),
                false,
            ),
            (
                json!({"additionalProperties": secret}),
                json!({"additionalProperties": secret, "properties": {"token": secret}}),
                true,
            ),
            // What was open before stays so.
            (
                json!({"additionalProperties": secret, "properties": {"user": {}}}),
                json!({"additionalProperties": secret, "properties": {"user": {"type": "string"}}}),
                true,
            ),
            (
                json!({"additionalProperties": secret, "properties": {"user": {}}}),
                json!({"additionalProperties": secret, "properties": {"user": {}, "token": {}}}),
                false,
            ),
            // Nothing was secret there.
            (
                json!({"properties": {"user": {}, "pin": secret}}),
                json!({"properties": {"user": {}, "pin": secret}, "additionalProperties": secret}),
                true,
            ),
            (
                json!({"patternProperties": {"^t": secret}}),
                json!({"patternProperties": {"^t": secret}, "properties": {"token": {}}}),
                false,
            ),
            (json!({"items": secret}), json!({"items": secret, "prefixItems": [{}]}), false),
            (
                json!({"items": [{}], "additionalItems": secret}),
                json!({"items": [{}, {}], "additionalItems": secret}),
                false,
            ),
            (
                json!({"properties": {"a/b": {"additionalProperties": {"properties": {"pin": secret}}}}}),
                json!({"properties": {"a/b": {
                    "additionalProperties": {"properties": {"pin": secret}},
                    "properties": {"one": {"properties": {"pin": {}}}},
                }}}),
                false,
            ),
        ] {
            assert_eq!(keeps_secrets(&before, Some(&now)), is_kept, "{before} -> {now}");
            assert!(keeps_secrets(&now, Some(&now)), "{now}");
        }
    }
}

//! The places of secrets in the parameters of an execution, as JSON pointers (RFC 6901). They are stored with
//! the execution: a value that was secret when it was given stays secret, whatever the schemas of the action
//! declare later. So does a value made from a secret, of which no schema tells.

use serde_json::Value;

use super::shadows::{Shadow, shadows};
use super::texts::MOST_WORK;
use super::{MASK, Marks, masked};
use crate::parameters::Schema;
use crate::pointer::{self, step};
use crate::{Object, size};

/// The largest number of places within one parameter; with more, all of it is secret.
const MOST_WITHIN: usize = 8;
/// The most bytes of all places; with more, all parameters are secret. The places are in the row of the
/// execution, which is written again at each change of status.
const MOST_BYTES: usize = 1024;

/// A collection of places, for the time of a search.
#[derive(Debug, Default)]
pub struct Places(Vec<String>);

impl Places {
    /// A collection of these places, which are known already.
    pub fn known(places: &[String]) -> Self {
        Self(places.to_vec())
    }

    /// Adds the parameter `name` as a whole.
    pub fn add_whole(&mut self, name: &str) {
        self.0.push(step(name));
    }

    /// Adds the parts of `parameters` in which one of these [texts](super::secret_texts_at) is quoted; all of them if the
    /// search would take long.
    pub fn add_quoting(&mut self, parameters: &Object, texts: &[String]) {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        if texts.len().saturating_mul(bytes) > MOST_WORK {
            self.0.push(String::new());
            return;
        }
        for (name, value) in parameters {
            let mut found = Vec::new();
            collect_quoting(value, texts, &step(name), &mut found);
            self.add_within(name, found);
        }
    }

    /// Adds the parts of the parameter `name` that `schema` marks as secret.
    pub fn add_marked(&mut self, name: &str, value: &Value, schema: &Value) {
        let mut found = Vec::new();
        collect(value, &Marks::of(schema), &step(name), &mut found);
        self.add_within(name, found);
    }

    /// Adds what was `found` in the parameter `name`.
    fn add_within(&mut self, name: &str, mut found: Vec<String>) {
        if found.len() > MOST_WITHIN {
            self.add_whole(name);
        } else {
            self.0.append(&mut found);
        }
    }

    /// The places in order; if they exceed the bound, the single place of all parameters.
    pub fn into_bounded(mut self) -> Vec<String> {
        self.0.sort();
        self.0.dedup();
        let bytes: usize = self.0.iter().map(String::len).sum();
        // The empty pointer stands for all parameters.
        if bytes > MOST_BYTES { vec![String::new()] } else { self.0 }
    }
}

/// Adds the places of texts and numbers in `value`, which is at `at`, that one of `texts` is in. An object with such a
/// name counts as a whole.
fn collect_quoting(value: &Value, texts: &[String], at: &str, found: &mut Vec<String>) {
    if found.len() > MOST_WITHIN {
        return;
    }
    let quotes = |text: &str| texts.iter().any(|secret| text.contains(secret.as_str()));
    let is_quoting = match value {
        Value::String(text) => quotes(text),
        Value::Number(number) => texts.contains(&number.to_string()),
        Value::Object(fields) => fields.keys().any(|name| quotes(name)),
        Value::Array(_) | Value::Null | Value::Bool(_) => false,
    };
    match value {
        _ if is_quoting => found.push(at.to_owned()),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, item)| {
            collect_quoting(item, texts, &format!("{at}/{place}"), found);
        }),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            collect_quoting(field, texts, &format!("{at}{}", step(name)), found);
        }),
        _ => {}
    }
}

fn collect(value: &Value, marks: &Marks<'_>, at: &str, found: &mut Vec<String>) {
    // One place too many is enough to know that the whole parameter counts as secret.
    if value.is_null() || found.len() > MOST_WITHIN || !marks.has_secret() {
        return;
    }
    if marks.is_secret() {
        found.push(at.to_owned());
        return;
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            collect(field, &marks.of_field(name), &format!("{at}{}", step(name)), found);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, item)| {
            collect(item, &marks.of_item(place), &format!("{at}/{place}"), found);
        }),
        _ => {}
    }
}

/// The first character of an entry about parts that are open although the schema behind them is secret, see [`shadows`]. No
/// JSON pointer begins so. After it stands the place of such a part, or, if there are too many, [`MANY`] and a digest of all
/// places; the bare character says that there is none. Rows of before have no such entry.
const OPEN: char = '-';
/// The first character of a digest. No JSON pointer begins so.
const MANY: char = '#';
/// The length of an entry with a digest.
const DIGEST_BYTES: usize = 18;

/// The places at which `schema` marks secrets, as many as there is room for; behind these the parts that are open before
/// a mark.
pub fn marked_places(schema: &Value) -> Vec<String> {
    let (mut places, mut room) = (Vec::new(), MOST_BYTES - DIGEST_BYTES);
    add_marks(schema, "", &mut places);
    places.retain(|place| {
        let fits = place.len() <= room;
        room = room.saturating_sub(place.len());
        fits
    });
    if !places.is_empty() {
        let open = open_places(&shadows(schema));
        let bytes: usize = open.iter().map(|place| place.len() + 1).sum();
        match open.len() {
            0 => places.push(OPEN.to_string()),
            _ if bytes > room => places.push(format!("{OPEN}{MANY}{}", digest(&open))),
            _ => places.extend(open.iter().map(|place| format!("{OPEN}{place}"))),
        }
    }
    places
}

fn open_places(shadows: &[Shadow]) -> Vec<String> {
    let mut open: Vec<_> = shadows.iter().map(|shadow| shadow.place.clone()).collect();
    open.sort_unstable();
    open.dedup();
    open
}

/// A digest of places (FNV-1a, 64 bits). It is stored, so it must stay as it is.
fn digest(places: &[String]) -> String {
    let bytes = places.iter().flat_map(|place| place.bytes().chain([0]));
    let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{digest:016x}")
}

fn add_marks(schema: &Value, at: &str, places: &mut Vec<String>) {
    if Schema::of(schema).is_secret() {
        places.push(at.to_owned());
    }
    match schema {
        Value::Object(parts) => {
            parts.iter().for_each(|(name, part)| add_marks(part, &format!("{at}{}", step(name)), places));
        }
        Value::Array(parts) => {
            parts.iter().enumerate().for_each(|(n, part)| add_marks(part, &format!("{at}/{n}"), places));
        }
        _ => {}
    }
}

/// Whether `schema` still has the marks at these places, or a mark on all that it describes.
pub fn marks_places(schema: &Value, places: &[String]) -> bool {
    if Schema::of(schema).is_secret() {
        return true;
    }
    let is_marked = |place: &String| schema.pointer(place).is_some_and(|part| Schema::of(part).is_secret());
    let mut marks = places.iter().filter(|place| !place.starts_with(OPEN));
    marks.all(is_marked) && !lifts_by_shadow(&shadows(schema), places)
}

/// Whether a part is open now before a schema that had a mark among `places`, and was not open then.
fn lifts_by_shadow(shadows: &[Shadow], places: &[String]) -> bool {
    let open: Vec<_> = places.iter().filter_map(|place| place.strip_prefix(OPEN)).collect();
    match open.as_slice() {
        // What was open is not known of rows of before; that their marks are still there has to do.
        [] => false,
        [one] if one.starts_with(MANY) => one.strip_prefix(MANY) != Some(&digest(&open_places(shadows))),
        _ => shadows.iter().any(|shadow| {
            let was_marked = places.iter().any(|place| pointer::within(place, &shadow.behind).is_some());
            was_marked && !open.contains(&shadow.place.as_str())
        }),
    }
}

/// Whether one of `places` is the parameter `name`, or within it.
pub fn is_secret_at(places: &[String], name: &str) -> bool {
    if places.is_empty() {
        return false;
    }
    let whole = step(name);
    places.iter().any(|place| place.is_empty() || pointer::within(place, &whole).is_some())
}

/// The places outside the parameters that `given` has.
pub fn places_beside(places: &[String], given: &Object) -> Vec<String> {
    let is_beside = |place: &&String| place.is_empty() || !given.contains_key(&pointer::first(place));
    places.iter().filter(is_beside).cloned().collect()
}

/// A copy of `values` with [`MASK`] at these places.
pub fn masked_at(values: &Object, places: &[String]) -> Object {
    if places.iter().any(String::is_empty) {
        return masked(values, None);
    }
    let mut shown = Value::Object(values.clone());
    for place in places {
        if let Some(part) = shown.pointer_mut(place).filter(|part| !part.is_null()) {
            *part = Value::from(MASK);
        }
    }
    match shown {
        Value::Object(shown) => shown,
        _ => masked(values, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("not an object: {value}") };
        object
    }

    #[test]
    fn what_is_secret_is_found_and_masked_without_the_schema() {
        let secret = json!({"type": "string", "secret": true});
        let login = json!({"properties": {"user": {}, "a/b~c": secret}});
        for (schema, given, places, shown) in [
            (secret.clone(), json!("s"), &["/p"][..], json!(MASK)),
            (secret.clone(), json!(null), &[][..], json!(null)),
            (json!({}), json!("s"), &[][..], json!("s")),
            (
                login,
                json!({"user": "u", "a/b~c": "s"}),
                &["/p/a~1b~0c"][..],
                json!({"user": "u", "a/b~c": MASK}),
            ),
            (json!({"items": [{}, secret]}), json!(["a", "s"]), &["/p/1"][..], json!(["a", MASK])),
            (json!({"items": secret}), json!(vec!["s"; 9]), &["/p"][..], json!(MASK)),
        ] {
            let mut found = Places::default();
            found.add_marked("p", &given, &schema);
            let found = found.into_bounded();
            assert_eq!(found, places, "{schema}");
            assert_eq!(is_secret_at(&found, "p"), !places.is_empty(), "{schema}");
            assert!(!is_secret_at(&found, "pp") && !is_secret_at(&found, "o"), "{schema}");
            assert_eq!(places_beside(&found, &object(json!({"o": 1}))), found, "{schema}");
            assert!(places_beside(&found, &object(json!({"p": 1}))).is_empty(), "{schema}");
            let values = object(json!({"p": given, "o": "open"}));
            assert_eq!(Value::Object(masked_at(&values, &found)), json!({"p": shown, "o": "open"}));
        }
    }

    #[test]
    fn parameters_that_quote_a_secret_are_secret() {
        let texts = ["hunter2".to_owned(), "123456".to_owned()];
        let given = object(json!({
            "same": "hunter2", "within": ["-p", {"x": "a hunter2 b"}], "number": 123_456,
            "name": {"o": {"hunter2": 1}, "p": "open"}, "other": "hunter", "longer": 1_234_567, "none": null,
            "is": true, "many": vec!["hunter2"; 9],
        }));
        let mut found = Places::default();
        found.add_quoting(&given, &texts);
        assert_eq!(found.into_bounded(), ["/many", "/name/o", "/number", "/same", "/within/1/x"]);
        let mut none = Places::default();
        none.add_quoting(&given, &[]);
        assert!(none.into_bounded().is_empty());
    }

    #[test]
    fn marks_that_are_gone_are_missed() {
        let schema =
            |token: Value| json!({"properties": {"token": token, "list": {"items": [{}, {"secret": true}]}}});
        let (secret, open) = (json!({"secret": true}), json!({"type": "string"}));
        let places = marked_places(&schema(secret.clone()));
        assert_eq!(places.len(), 3);
        assert_eq!(places[2], "-", "no part is open before a mark");
        assert!(places.iter().any(|place| place == "/properties/list/items/1"), "{places:?}");
        assert!(marks_places(&schema(secret.clone()), &places) && marks_places(&secret, &places));
        for lifted in [schema(open.clone()), json!({}), json!({"properties": {"token": secret}})] {
            assert!(!marks_places(&lifted, &places), "{lifted}");
        }
        assert!(marked_places(&open).is_empty() && marks_places(&open, &[]));
        let many: Object = (0..500).map(|n| (format!("p{n}"), secret.clone())).collect();
        let many = json!({"properties": many});
        let places = marked_places(&many);
        let bytes: usize = places.iter().map(String::len).sum();
        assert!(!places.is_empty() && bytes <= MOST_BYTES && marks_places(&many, &places), "{bytes}");
    }

    #[test]
    fn a_part_that_is_new_before_a_mark_is_missed() {
        let secret = json!({"secret": true});
        let before = json!({"additionalProperties": secret, "properties": {"user": {}}});
        let places = marked_places(&before);
        assert_eq!(places, ["/additionalProperties", "-/properties/user"]);
        for (named, is_kept) in [
            (json!({"user": {"type": "string"}}), true),
            (json!({"user": {}, "token": secret}), true),
            (json!({"user": {}, "token": {}}), false),
        ] {
            let now = json!({"additionalProperties": secret, "properties": named});
            assert_eq!(marks_places(&now, &places), is_kept, "{now}");
            assert!(marks_places(&now, &marked_places(&now)), "{now}");
        }
        // Nothing was secret behind it.
        let places = marked_places(&json!({"properties": {"pin": secret}}));
        assert!(marks_places(
            &json!({"properties": {"pin": secret, "user": {}}, "additionalProperties": secret}),
            &places
        ));
    }

    #[test]
    fn many_places_are_all_of_them() {
        let mut found = Places::known(&["/known".to_owned()]);
        found.add_whole("known");
        (0..500).for_each(|number| found.add_whole(&format!("p{number}")));
        let found = found.into_bounded();
        assert_eq!(found, [""]);
        assert!(is_secret_at(&found, "anything"));
        let values = object(json!({"p": 1, "o": {"x": 2}}));
        assert_eq!(Value::Object(masked_at(&values, &found)), json!({"p": MASK, "o": MASK}));
    }
}

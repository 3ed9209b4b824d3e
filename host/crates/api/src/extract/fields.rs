//! The fields of JSON bodies. A field that the call does not know is refused where StackStorm refuses it, and where it
//! cannot be ignored: a misspelt one, or one that asks for an effect, would be left out without a word, and something else
//! would be done than was asked for. Other fields are ignored where StackStorm ignores them.

use std::fmt;

use petrel_model::Object;
use petrel_model::unfit::unfit;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::ApiError;
use crate::words::{is_idle, known, shown};

/// The greatest number of fields in a body: each that is not known is compared with all that are.
const MOST_FIELDS: usize = 1_000;

/// A type of JSON bodies.
pub(crate) trait Body: DeserializeOwned + Send + 'static {
    /// Fields of StackStorm's that clients may send, and that have no effect here.
    const WITHOUT_EFFECT: &'static [&'static str] = &[];
    /// Whether StackStorm ignores fields that this call does not know.
    const IGNORES_OTHERS: bool = false;
}

impl Body for bool {}
impl Body for Object {}

/// The body with this value.
///
/// # Errors
/// 400 when it is not of this type. The hint names the fields of the type.
pub(super) fn fitting<T: Body>(value: Value) -> Result<T, ApiError> {
    let fields = fields::<T>();
    if let Some(fields) = fields {
        check::<T>(&value, fields)?;
    }
    serde_json::from_value(value).map_err(|error| {
        let plain = || "send the value alone, in the form that this call takes".to_owned();
        let hint = fields.map_or_else(plain, |fields| format!("it takes {}", fields.join(", ")));
        ApiError::invalid(format!("the body does not fit this call: {}", unfit(&error)), hint)
    })
}

/// Refuses a body that is no object, or that has another field than `fields` which `T` does not ignore.
fn check<T: Body>(body: &Value, fields: &[&str]) -> Result<(), ApiError> {
    let Value::Object(object) = body else {
        let message = format!("the body is {}, and this call takes an object", kind(body));
        return Err(ApiError::invalid(message, format!("send an object; it takes {}", fields.join(", "))));
    };
    if object.len() > MOST_FIELDS {
        let message = format!("the body has {} fields, and {MOST_FIELDS} is the limit", object.len());
        return Err(ApiError::invalid(message, format!("it takes {}", fields.join(", "))));
    }
    let is_known = |name: &str| fields.contains(&name) || T::WITHOUT_EFFECT.contains(&name);
    let is_ignored = |name: &str, value: &Value| {
        let is_off = matches!(value, Value::Null | Value::Bool(false));
        T::IGNORES_OTHERS && is_idle(name, is_off, fields.iter().copied())
    };
    match object.iter().find(|(name, value)| !is_known(name) && !is_ignored(name, value)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("the body has a field `{}`, which this call does not know", shown(name));
            Err(ApiError::invalid(message, known(name, "it takes", fields)))
        }
    }
}

/// The kind of a JSON value, for people.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The fields of a struct, as its deserialization names them; `None` for any other type.
fn fields<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    T::deserialize(Fields).err().and_then(|Told(fields)| fields)
}

/// A deserializer that has no value, and tells the fields that are asked of it.
struct Fields;

/// The fields of a struct, in the form of an error: there is no other way out of a deserialization.
#[derive(Debug)]
struct Told(Option<&'static [&'static str]>);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value")
    }
}

impl std::error::Error for Told {}

impl de::Error for Told {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }
}

impl<'de> Deserializer<'de> for Fields {
    type Error = Told;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Told> {
        Err(Told(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Told> {
        Err(Told(Some(fields)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        name: String,
        #[serde(default, rename = "delay")]
        late: Option<u64>,
    }

    impl Body for Thing {
        const WITHOUT_EFFECT: &'static [&'static str] = &["notify"];
    }

    #[test]
    fn a_body_is_taken_or_told_what_is_wrong_with_it() {
        for (body, says) in [
            (r#"{"name": "a"}"#, &[][..]),
            (r#"{"name": "a", "delay": 5, "notify": {}}"#, &[]),
            ("{}", &["missing field `name`", "it takes name, delay"]),
            (r#"{"name": 5}"#, &["does not fit this call", "it takes name, delay"]),
            (r#"{"nmae": "a"}"#, &["a field `nmae`", "did you mean name? it takes name, delay"]),
            (r#"{"name": "a", "late": 5}"#, &["a field `late`", "it takes name, delay"]),
            ("[]", &["the body is a list", "send an object; it takes name"]),
            (r#""a""#, &["the body is a text"]),
        ] {
            match fitting::<Thing>(serde_json::from_str(body).unwrap()) {
                Ok(thing) => assert!(says.is_empty() && thing.name == "a" && thing.late != Some(1), "{body}"),
                Err(error) => {
                    let told = format!("{error:?}");
                    assert!(
                        !says.is_empty() && says.iter().all(|says| told.contains(says)),
                        "{body}: {told}"
                    );
                }
            }
        }
    }

    #[derive(Debug, Deserialize)]
    struct Easy {
        #[serde(default)]
        parameters: Option<Object>,
    }

    impl Body for Easy {
        const IGNORES_OTHERS: bool = true;
    }

    #[test]
    fn where_stackstorm_ignores_fields_those_that_matter_are_refused() {
        for (body, says) in [
            (json!({"parameters": {}, "colour": 1, "trace_context": {}}), None),
            (json!({"dry_run": false, "secret": null}), None),
            (json!({"paramters": {}}), Some("did you mean parameters? it takes parameters")),
            (json!({"dry_run": true}), Some("a field `dry_run`, which this call does not know")),
            (json!({"secret": "yes"}), Some("a field `secret`")),
            (json!([]), Some("the body is a list")),
            (
                (0..2_000).map(|number| (number.to_string(), json!(1))).collect(),
                Some("has 2000 fields, and 1000"),
            ),
        ] {
            let told = match fitting::<Easy>(body.clone()) {
                Ok(easy) => {
                    assert!(easy.parameters.is_none_or(|parameters| parameters.is_empty()), "{body}");
                    None
                }
                Err(error) => Some(format!("{error:?}")),
            };
            assert_eq!(told.is_some(), says.is_some(), "{body}: {told:?}");
            assert!(told.is_none_or(|told| told.contains(says.unwrap_or_default())), "{body}");
        }
    }

    #[test]
    fn what_is_no_struct_has_no_fields() {
        assert_eq!((fields::<bool>(), fields::<Object>()), (None, None));
        assert!(fitting::<bool>(json!(true)).unwrap() && fitting::<bool>(json!(5)).is_err());
        assert!(fitting::<Object>(json!({"any": 1})).is_ok() && fitting::<Object>(json!([])).is_err());
    }
}

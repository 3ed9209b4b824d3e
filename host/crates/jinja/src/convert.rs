//! Conversions between JSON and the template engine's values.

use minijinja::Value;
use minijinja::value::ValueKind;
use petrel_python::number;
use serde_json::{Map, Value as Json};

use crate::display;
use crate::filters::{UNCALLED, is_function};
use crate::weight::weigh;
use crate::work::{self, Exceeded};

/// An invalid value that carries `limit`. The engine fails where it meets it.
pub(crate) fn beyond(limit: Exceeded) -> Value {
    Value::from(minijinja::Error::from(limit))
}

/// `text` as a value of the engine, or the limit that the copy exceeds.
pub(crate) fn from_text(text: &str) -> Value {
    work::make(text.len() + work::PLACE).map_or_else(beyond, |()| Value::from(text))
}

/// `json` as a value of the engine, with its keys in order. A part at a limit becomes an invalid value.
pub(crate) fn from_json(json: &Json) -> Value {
    let size = json.as_str().map_or(0, str::len) + work::PLACE;
    if let Err(limit) = work::make(size) {
        return beyond(limit);
    }
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (_, Some(number)) => Value::from(number),
            _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(from_json).collect(),
        Json::Object(object) => {
            // Each name is copied and hashed.
            let names = object.keys().map(String::len).sum::<usize>();
            if let Err(limit) = work::make(names.saturating_mul(2)) {
                return beyond(limit);
            }
            Value::from_pairs(object.iter().map(|(key, item)| (key.as_str(), from_json(item))))
        }
    }
}

/// `value` as JSON: tuples and iterators become lists, keys become text. The error names a value without a JSON form.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    nested_to_json(value, 0)
}

/// The depth of lists in JSON, up to which `serde_json` reads.
const DEPTH: usize = 127;

fn nested_to_json(value: &Value, depth: usize) -> Result<Json, String> {
    let size = value.as_str().map_or(0, str::len) + 2 * work::PLACE;
    work::make(size).map_err(|limit| limit.to_string())?;
    if depth > DEPTH {
        return Err(format!("lists nest deeper than {DEPTH}"));
    }
    if is_function(value) {
        return Err(UNCALLED.to_owned());
    }
    let no_json = || format!("a value of type {} has no JSON form", value.kind());
    match value.kind() {
        ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::String | ValueKind::Plain => match value.as_str() {
            Some(text) => Ok(Json::String(text.to_owned())),
            None => display::to_text(value).map(Json::String).map_err(|_too_much| no_json()),
        },
        ValueKind::Number => {
            let json = if value.is_integer() {
                i128::try_from(value.clone()).ok().and_then(number::integer)
            } else {
                f64::try_from(value.clone()).ok().and_then(number::float)
            };
            json.ok_or_else(|| format!("{value} is outside of what JSON numbers hold here"))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_unreadable| no_json())?;
            items.map(|item| nested_to_json(&item, depth + 1)).collect()
        }
        ValueKind::Map => {
            let keys = value.try_iter().map_err(|_unreadable| no_json())?;
            let entries = keys.map(|key| {
                weigh(&key).map_err(|limit| limit.to_string())?;
                let item = value.get_item(&key).map_err(|_unreadable| no_json())?;
                Ok((
                    match key.as_str() {
                        Some(key) => {
                            work::make(key.len()).map_err(|limit| limit.to_string())?;
                            key.to_owned()
                        }
                        None => display::to_text(&key).map_err(|_too_much| no_json())?,
                    },
                    nested_to_json(&item, depth + 1)?,
                ))
            });
            entries.collect::<Result<Map<_, _>, String>>().map(Json::Object)
        }
        _ => Err(no_json()),
    }
}

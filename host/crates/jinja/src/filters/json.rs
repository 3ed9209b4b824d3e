//! Filters on JSON text. [`json`] writes it.

use minijinja::{Error, Value};
use petrel_scope::functions::json::{self, Style};
use serde_json::Value as Json;

use super::arguments::Arguments;
use super::{defined, wrong};
use crate::work::Exceeded;
use crate::{convert, display};

pub(super) fn to_complex(args: &Arguments) -> Result<Value, Error> {
    let style = Style { comma: ", ", colon: ": ", indent: None, sort_keys: false };
    Ok(Value::from(json::write(&to_json(args.value(0))?, &style).map_err(Exceeded)?))
}

pub(super) fn to_json_string(args: &Arguments) -> Result<Value, Error> {
    let indent = args.present(1).map(|_| args.count(1, 0)).transpose()?.map(|indent| indent.min(64));
    let separators = args.present(3).cloned().map(super::items).transpose()?;
    let separators: Option<Vec<_>> =
        separators.map(|given| given.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect());
    let (comma, colon) = match separators.as_deref() {
        Some([comma, colon]) => (comma.as_str(), colon.as_str()),
        Some(_) => return Err(wrong("to_json_string needs two separators, such as (',', ': ')")),
        None => (",", ": "),
    };
    let style = Style { comma, colon, indent, sort_keys: args.flag(2) };
    Ok(Value::from(json::write(&to_json(args.value(0))?, &style).map_err(Exceeded)?))
}

pub(super) fn from_json_string(args: &Arguments) -> Result<Value, Error> {
    read(args.value(0))
}

/// Parses a JSON text.
pub(super) fn read(value: Value) -> Result<Value, Error> {
    let text = display::to_text(&defined(value)?)?;
    json::charge_parsing(&text).map_err(Exceeded)?;
    let json: Json = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("from_json_string was given what is no JSON: {error}")))?;
    Ok(convert::from_json(&json))
}

/// The inside of a JSON string. A value that is not text becomes JSON first.
pub(super) fn json_escape(args: &Arguments) -> Result<Value, Error> {
    let value = to_json(args.value(0))?;
    let Some(text) = value.as_str() else { return to_complex(args) };
    Ok(Value::from(json::escaped(text).map_err(Exceeded)?))
}

fn to_json(value: Value) -> Result<Json, Error> {
    convert::to_json(&defined(value)?).map_err(wrong)
}

//! Masks secrets in the text of a payload. It may have megabytes, so it is not parsed into values, and everything that
//! is not secret is copied unchanged.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, Value};

use super::{MASK, Marks};
use crate::Payload;

/// `payload`, with the values that `schema` marks as secret replaced by [`MASK`].
pub fn masked_payload(payload: &Payload, schema: &Value) -> Payload {
    let mut masked = String::with_capacity(payload.text().len());
    let written = write(payload.text(), &Marks::of(schema), &mut masked);
    // If it cannot be read, any part of it may be secret.
    written.and_then(|()| Payload::from_text(masked)).unwrap_or_else(|_unreadable| {
        let nothing = Value::from(MASK);
        Payload::from(&nothing)
    })
}

fn write(text: &str, marks: &Marks<'_>, out: &mut String) -> Result<(), Error> {
    let text = text.trim();
    if marks.is_secret() && text != "null" {
        out.push_str(&Value::from(MASK).to_string());
        return Ok(());
    }
    if !text.starts_with(['{', '[']) || !marks.has_secret() {
        out.push_str(text);
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Parts { marks, out })?;
    deserializer.end()
}

/// Writes the members of an object or a list, one after the other.
struct Parts<'m, 's, 'o> {
    marks: &'m Marks<'s>,
    out: &'o mut String,
}

impl<'de> Visitor<'de> for Parts<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.out.push('{');
        let mut is_first = true;
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value::<&RawValue>()?;
            if !std::mem::take(&mut is_first) {
                self.out.push(',');
            }
            self.out.push_str(&Value::from(name.as_str()).to_string());
            self.out.push(':');
            write(value.get(), &self.marks.of_field(&name), self.out).map_err(A::Error::custom)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push('[');
        let mut place = 0;
        while let Some(item) = items.next_element::<&RawValue>()? {
            if place > 0 {
                self.out.push(',');
            }
            write(item.get(), &self.marks.of_item(place), self.out).map_err(A::Error::custom)?;
            place += 1;
        }
        self.out.push(']');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(text: &str, schema: &Value) -> String {
        masked_payload(&Payload::from_text(text.to_owned()).unwrap(), schema).text().to_owned()
    }

    #[test]
    fn secrets_in_a_payload_are_masked_at_every_depth() {
        let schema = json!({"type": "object", "properties": {"body": {"anyOf": [{"type": "array"}, {
            "properties": {
                "pin": {"secret": true},
                "hosts": {"type": "array", "items": {"properties": {"token": {"secret": true}}}},
            },
        }]}}});
        for (text, shown) in [
            (
                r#"{"head": [1,  2.50], "body": {"pin": "p", "n": 1e2, "hosts": [{"token": {"a": 1}, "b": "\u0041"}]}}"#,
                r#"{"head":[1,  2.50],"body":{"pin":"********","n":1e2,"hosts":[{"token":"********","b":"\u0041"}]}}"#,
            ),
            // If two fields have the same name, both are masked.
            (
                r#"{"body": {"pin": 1, "pin": 2, "hosts": {}}}"#,
                r#"{"body":{"pin":"********","pin":"********","hosts":{}}}"#,
            ),
            (r#"{"body": {"pin": null, "hosts": []}}"#, r#"{"body":{"pin":null,"hosts":[]}}"#),
            (r#"{"body": ["pin"], "\"": {"pin": 1}}"#, r#"{"body":["pin"],"\"":{"pin": 1}}"#),
            ("[1]", "[1]"),
            ("{}", "{}"),
            ("7", "7"),
        ] {
            assert_eq!(masked(text, &schema), shown);
        }
        assert_eq!(masked(r#"{"a": 1}"#, &json!({"secret": true})), r#""********""#);
        assert_eq!(masked(r#"{"a": [ 1 ]}"#, &json!({"type": "object"})), r#"{"a": [ 1 ]}"#);
    }
}

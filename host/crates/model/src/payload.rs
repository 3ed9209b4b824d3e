//! The payload of an event: JSON text that is only parsed by code that looks inside.
//!
//! A body of small numbers takes a hundred times its size in memory once it is parsed. Most of an event is only stored
//! and shown, and for that the text is enough: it is written and read unchanged.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A JSON value as text. Shared, since large payloads are passed between services. Default: null.
#[derive(Clone)]
pub struct Payload(Arc<RawValue>);

impl Payload {
    /// Takes `text` unchanged.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::from)
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Parses the whole payload.
    ///
    /// # Errors
    /// If a string or a number inside it is invalid, which [`from_text`](Self::from_text) does not check.
    pub fn parse(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

impl From<Box<RawValue>> for Payload {
    fn from(raw: Box<RawValue>) -> Self {
        Self(Arc::from(raw))
    }
}

impl From<&Value> for Payload {
    fn from(value: &Value) -> Self {
        // Serializing a value cannot fail.
        to_raw_value(value).map_or_else(|_never| Self::default(), Self::from)
    }
}

impl Default for Payload {
    fn default() -> Self {
        RawValue::NULL.to_owned().into()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_goes_through_as_it_stands() {
        let text = r#"{"b":[1,  2.50],"a":"\u0041","a":1e2}"#;
        let payload = Payload::from_text(text.to_owned()).unwrap();
        let stored = serde_json::to_vec(&payload).unwrap();
        assert_eq!(stored, text.as_bytes());
        assert_eq!(serde_json::from_slice::<Payload>(&stored).unwrap(), payload);
        assert_eq!(payload.parse().unwrap(), json!({"b": [1, 2.5], "a": 100.0}));
    }

    #[test]
    fn a_value_becomes_text_and_comes_back() {
        for value in [json!(null), json!({"z": 1, "a": [1.0, "é"]}), json!("x")] {
            let payload = Payload::from(&value);
            assert_eq!((payload.text(), payload.parse().unwrap()), (value.to_string().as_str(), value));
        }
        assert_eq!(Payload::default().text(), "null");
        assert!(Payload::from_text("{".into()).is_err());
    }
}

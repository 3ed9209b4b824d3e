//! Parses those parts of a JSON text that are read, and skips the rest.

use std::fmt;

use petrel_model::Object;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::Reads;

pub(super) fn take(reads: &Reads, text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Part(reads).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Parses the next value, as far as it is read.
struct Part<'r>(&'r Reads);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0.is_whole { Value::deserialize(deserializer) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        // The field may be a method of texts, which needs the whole text.
        let is_read = !self.0.fields.is_empty();
        Ok(if is_read { text.into() } else { text.chars().take(1).collect::<String>().into() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let first = items.next_element_seed(Part(&Reads::default()))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(first.into_iter().collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (mut object, only_kind) = (Object::new(), Reads::default());
        while let Some(name) = entries.next_key::<String>()? {
            match self.0.fields.get(&name) {
                Some(reads) => {
                    object.insert(name, entries.next_value_seed(Part(reads))?);
                }
                None if object.is_empty() => {
                    object.insert(name, entries.next_value_seed(Part(&only_kind))?);
                }
                None => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(object))
    }
}

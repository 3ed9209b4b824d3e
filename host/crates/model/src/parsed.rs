//! Nouns that are stored as text and parsed from it. Every row has several, so the text is not copied first.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a text, and parses it where it stands.
pub(crate) fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Text(PhantomData::<T>))
}

struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Id, Ref, Timestamp};

    #[test]
    fn a_text_is_parsed_wherever_it_comes_from() {
        let (id, time) = (Id::from_parts(1, 2), Timestamp::from_micros(3));
        let reference: Ref = "core.st2.webhook".parse().unwrap();
        let all = json!([id, time, reference]);
        let expected = (id, time, reference);
        let escaped = all.to_string().replace("core", "c\\u006fre");
        assert!(escaped.contains('\\'));
        for text in [all.to_string(), escaped] {
            assert_eq!(serde_json::from_str::<(Id, Timestamp, Ref)>(&text).unwrap(), expected);
        }
        assert_eq!(serde_json::from_value::<(Id, Timestamp, Ref)>(all).unwrap(), expected);
        let refused = |value: Value| serde_json::from_value::<Ref>(value).unwrap_err().to_string();
        assert_eq!(refused(json!(1)), "invalid type: integer `1`, expected a string");
        assert!(refused(json!("x")).contains("`x` is not a reference"));
    }
}

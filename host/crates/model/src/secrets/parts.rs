//! Secrets within parameters that are made from them: a command quotes a password, and what it writes may repeat that
//! alone. The place of the quote is stored, and never its text, see [`Places`](super::Places).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::texts::MOST_WORK;
use crate::pointer::{self, step};
use crate::{Object, size};

/// The fewest characters of a secret that is looked for. A shorter one is in too many other texts.
const FEWEST: usize = 6;
/// The largest number of parts, which are in the row of the execution. The longest are kept.
const MOST: usize = 32;

/// The part of a text that is a secret by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretPart {
    /// The place of the text among the parameters, as a JSON pointer.
    pub at: String,
    /// The byte at which the part begins.
    pub from: usize,
    /// Its length in bytes.
    pub length: usize,
}

impl SecretPart {
    /// The part of `parameters`; `None` if these are others.
    pub fn of<'p>(&self, parameters: &'p Object) -> Option<&'p str> {
        let (whole, rest) = parameters.iter().find_map(|(name, value)| {
            let rest = pointer::within(&self.at, &step(name))?;
            Some((value, rest))
        })?;
        let text = whole.pointer(rest)?.as_str()?;
        text.get(self.from..self.from.checked_add(self.length)?)
    }
}

/// The parts of `parameters` in which one of these secret `texts` stands beside other text: the first of each text.
pub fn secret_parts(parameters: &Object, texts: &[String]) -> Vec<SecretPart> {
    let mut wanted: Vec<_> = texts.iter().map(String::as_str).collect();
    // Output is written and searched line by line.
    wanted
        .extend(texts.iter().filter(|text| text.contains('\n')).flat_map(|text| text.lines().map(str::trim)));
    wanted.retain(|text| text.chars().count() >= FEWEST && text.chars().any(|char| char != '*'));
    wanted.sort_by(|one, other| (other.len(), *one).cmp(&(one.len(), *other)));
    wanted.dedup();
    let bytes: usize = parameters.values().map(size::of_value).sum();
    if wanted.len().saturating_mul(bytes) > MOST_WORK {
        wanted.truncate(MOST);
    }
    let mut parts = Vec::new();
    for text in wanted {
        if parts.len() == MOST {
            break;
        }
        parts.extend(parameters.iter().find_map(|(name, value)| first_part(value, text, &step(name))));
    }
    parts
}

/// The first part of `value`, which is at `at`, that is `text` beside other text.
fn first_part(value: &Value, text: &str, at: &str) -> Option<SecretPart> {
    match value {
        // A text that is nothing else is secret as a whole, and found by its place.
        Value::String(whole) if whole == text => None,
        Value::String(whole) => {
            let from = whole.find(text)?;
            Some(SecretPart { at: at.to_owned(), from, length: text.len() })
        }
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(place, item)| first_part(item, text, &format!("{at}/{place}")))
        }
        Value::Object(fields) => {
            let mut fields = fields.iter();
            fields.find_map(|(name, field)| first_part(field, text, &format!("{at}{}", step(name))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
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
    fn a_secret_beside_other_text_is_found_without_its_text() {
        let texts =
            ["hunter22", "hunter22-and-more", "short", "********", "first line\nsecond line", "apart1"];
        let texts = texts.map(str::to_owned);
        for (given, expected) in [
            (json!({"cmd": "echo ü hunter22"}), &["hunter22"][..]),
            (json!({"cmd": "echo hunter22-and-more"}), &["hunter22-and-more", "hunter22"]),
            (json!({"a/b": ["-p", {"x~": "p=hunter22;"}]}), &["hunter22"]),
            (json!({"cmd": "hunter22"}), &[]),
            (json!({"cmd": "echo short ********", "n": 1, "none": null, "is": true}), &[]),
            (json!({"cmd": "x second line"}), &["second line"]),
            (json!({"one": "x apart1", "two": "y apart1"}), &["apart1"]),
        ] {
            let given = object(given);
            let parts = secret_parts(&given, &texts);
            let found: Vec<_> = parts.iter().map(|part| part.of(&given).unwrap()).collect();
            assert_eq!(found, expected, "{given:?}");
            let stored = serde_json::to_string(&parts).unwrap();
            assert!(!stored.contains("hunter22"), "{stored}");
        }
        assert!(secret_parts(&object(json!({"cmd": "echo hunter22"})), &[]).is_empty());
    }

    #[test]
    fn a_part_of_other_parameters_is_none() {
        let part = |at: &str, from, length| SecretPart { at: at.to_owned(), from, length };
        let given = object(json!({"cmd": "über", "list": ["a"]}));
        for (part, expected) in [
            (part("/cmd", 2, 3), Some("ber")),
            (part("/cmd", 1, 3), None),
            (part("/cmd", 2, 30), None),
            (part("/cmd", usize::MAX, 2), None),
            (part("/list", 0, 1), None),
            (part("/list/0", 0, 1), Some("a")),
            (part("/other", 0, 1), None),
            (part("", 0, 1), None),
        ] {
            assert_eq!(part.of(&given), expected, "{part:?}");
        }
    }
}

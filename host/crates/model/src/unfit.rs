//! What serde says about a value of the wrong type, in the words of those who wrote the value.

use std::fmt::Display;

/// The types in the words of serde's errors, and in plain ones. The first that fits counts.
const TYPES: [(&str, &str); 15] = [
    ("u8", "a whole number"),
    ("u16", "a whole number"),
    ("u32", "a whole number"),
    ("u64", "a whole number"),
    ("usize", "a whole number"),
    ("i32", "a whole number"),
    ("i64", "a whole number"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("a borrowed string", "a text"),
    ("a sequence", "a list"),
    ("a map", "a mapping"),
    ("unit", "nothing"),
    ("struct", "a mapping"),
];

/// The whole numbers that are values of a type.
const RANGES: [(&str, &str); 7] = [
    ("u8", "0 to 255"),
    ("u16", "0 to 65535"),
    ("u32", "0 to 4294967295"),
    ("u64", "0 to 18446744073709551615"),
    ("usize", "0 to 18446744073709551615"),
    ("i32", "-2147483648 to 2147483647"),
    ("i64", "-9223372036854775808 to 9223372036854775807"),
];

/// The error of reading a value, in plain words: `"5" is a text, and a whole number is needed` for `invalid type: string "5",
/// expected u32`. Any other error is left as it is.
pub fn unfit(error: &impl Display) -> String {
    let said = error.to_string();
    plain(&said).unwrap_or(said)
}

fn plain(said: &str) -> Option<String> {
    let (is_type, rest) = match said.strip_prefix("invalid type: ") {
        Some(rest) => (true, rest),
        None => (false, said.strip_prefix("invalid value: ")?),
    };
    let (given, expected) = rest.rsplit_once(", expected ")?;
    let (expected, place) = match expected.split_once(" at line ") {
        Some((expected, place)) => (expected, format!(" (line {place})")),
        None => (expected, String::new()),
    };
    let needed = TYPES
        .iter()
        .find(|(theirs, _)| expected == *theirs || (*theirs == "struct" && expected.starts_with("struct ")));
    let needed = needed.map_or(expected, |(_, plain)| *plain);
    // A value of the right type is out of its range.
    let range = RANGES.iter().find(|(theirs, _)| !is_type && expected == *theirs);
    let range = range.map_or_else(String::new, |(_, range)| format!(" from {range}"));
    let given = if is_type { written(given) } else { format!("it is {}", value(given)) };
    Some(format!("{given}, and {needed}{range} is needed{place}"))
}

/// A value that serde describes: `string "5"` as `"5" is a text`.
fn written(given: &str) -> String {
    match given {
        "null" => "it is null".to_owned(),
        "map" => "it is a mapping".to_owned(),
        "sequence" => "it is a list".to_owned(),
        _ if given.starts_with("string ") => format!("{} is a text", value(given)),
        _ => format!("it is {}", value(given)),
    }
}

/// The value alone, without quotes of its own for numbers and booleans.
fn value(given: &str) -> &str {
    let kinds = ["string ", "integer ", "floating point ", "boolean ", "character "];
    let value = kinds.iter().find_map(|kind| given.strip_prefix(kind)).unwrap_or(given);
    value.strip_prefix('`').and_then(|value| value.strip_suffix('`')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> String {
        serde_json::from_value::<T>(value).err().map(|error| unfit(&error)).unwrap_or_default()
    }

    #[test]
    fn a_wrong_type_is_told_in_plain_words() {
        for (told, expected) in [
            (read::<u32>(json!("5")), "\"5\" is a text, and a whole number is needed"),
            (read::<u32>(json!(1.5)), "it is 1.5, and a whole number is needed"),
            (read::<u32>(json!(-1)), "it is -1, and a whole number from 0 to 4294967295 is needed"),
            (read::<u8>(json!(300)), "it is 300, and a whole number from 0 to 255 is needed"),
            (read::<bool>(json!(null)), "it is null, and true or false is needed"),
            (read::<String>(json!(true)), "it is true, and a text is needed"),
            (read::<Vec<u8>>(json!({"a": 1})), "it is a mapping, and a list is needed"),
            (read::<String>(json!([1])), "it is a list, and a text is needed"),
        ] {
            assert_eq!(told, expected);
        }
        assert_eq!(unfit(&"missing field `a`"), "missing field `a`");
    }
}

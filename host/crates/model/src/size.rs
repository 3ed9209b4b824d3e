//! Sizes of text and values: as JSON, as it is stored and sent, and in memory after parsing. Limits count these sizes,
//! since some bytes take six in JSON.

use serde_json::Value;

/// Bytes that a parsed value takes in addition to its text. Twice its size, since a list that has grown may be half
/// empty.
const VALUE_BYTES: usize = 2 * size_of::<Value>();

/// Bytes that a byte of text takes in a JSON string.
pub fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// Bytes that a byte of JSON takes when it is stored as JSON. Bytes that are not allowed there count as in a string,
/// since invalid JSON is stored as one.
pub fn in_json(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        byte => escaped(byte),
    }
}

/// Bytes that `bytes` take as a JSON string. Invalid UTF-8 is replaced by a character of three bytes.
pub fn of_text(bytes: &[u8]) -> usize {
    let of_chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let replaced = if chunk.invalid().is_empty() { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() };
        chunk.valid().bytes().map(escaped).sum::<usize>() + replaced
    };
    bytes.utf8_chunks().map(of_chunk).sum()
}

/// The number of leading `bytes` that take at most `room`, by `size`, and the room that they take.
pub fn fitting(bytes: &[u8], room: usize, size: fn(u8) -> usize) -> (usize, usize) {
    let mut taken = 0;
    for (count, byte) in bytes.iter().enumerate() {
        let more = size(*byte);
        if taken + more > room {
            return (count, taken);
        }
        taken += more;
    }
    (bytes.len(), taken)
}

/// Approximate memory of a value in addition to its text, in bytes. It must never change: limits of workflows depend
/// on it, and a replay of an old log must reach the same decisions.
const VALUE: usize = 72;

/// Approximate size of `value` in bytes: the larger of its size in memory and its size as JSON.
pub fn of_value(value: &Value) -> usize {
    VALUE
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => of_text(text.as_bytes()),
            Value::Array(items) => items.iter().map(of_value).sum::<usize>(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| of_text(name.as_bytes()) + VALUE + of_value(value))
                .sum::<usize>(),
        }
}

/// Memory that JSON or form data in `text` takes after parsing, in bytes: an estimate from its commas and brackets,
/// which is never far too low.
pub fn parsed(text: &[u8]) -> usize {
    let values = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':' | b'&' | b'=')).count();
    text.len().saturating_add(values.saturating_mul(VALUE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_takes_what_it_takes_when_it_is_written() {
        for bytes in [
            &b""[..],
            b"plain",
            b"\0\0\0",
            b"\x1f\x7f\x08\x0c\n\r\t",
            b"\"\\",
            "Gr\u{fc}\u{df}e".as_bytes(),
            b"\xff\xfe\xfcx",
        ] {
            let written = Value::from(String::from_utf8_lossy(bytes)).to_string();
            assert_eq!(of_text(bytes), written.len() - 2, "{bytes:?}");
        }
    }

    #[test]
    fn what_fits_is_a_beginning() {
        for (bytes, room, fits) in [
            (&b"abc"[..], 3, (3, 3)),
            (b"abc", 2, (2, 2)),
            (b"a\0b", 6, (1, 1)),
            (b"a\0b", 7, (2, 7)),
            (b"\0", 0, (0, 0)),
            (b"", 0, (0, 0)),
        ] {
            assert_eq!(fitting(bytes, room, escaped), fits, "{bytes:?}");
        }
        assert_eq!(fitting(b"{\"a\":\"\\n\"}", 10, in_json), (10, 10));
    }

    #[test]
    fn values_are_never_counted_as_less_than_their_json() {
        for value in [
            serde_json::json!(null),
            serde_json::json!("\0".repeat(1000)),
            serde_json::json!([1.5, true, "\u{1}\"", {"a\0": "b", "": []}]),
        ] {
            assert!(of_value(&value) >= value.to_string().len(), "{value}");
        }
    }

    #[test]
    fn small_numbers_take_many_times_their_size() {
        let numbers = format!("[{}1]", "1,".repeat(1000));
        assert!(parsed(numbers.as_bytes()) > 1000 * size_of::<Value>());
        let text = format!("\"{}\"", "x".repeat(1000));
        assert!(parsed(text.as_bytes()) < 2 * text.len());
    }
}

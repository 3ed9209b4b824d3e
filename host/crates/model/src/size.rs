//! How much text and values take: as JSON, where they are stored and sent, and in memory once they are parsed. What
//! has a limit is counted by this, since some bytes become six when they are written.

use serde_json::Value;

/// What a value takes in memory beside its text, in bytes, once it is parsed: as an item of a list that has grown.
const VALUE_BYTES: usize = 2 * size_of::<Value>();

/// What a byte of a text takes within JSON, in bytes.
pub fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// What a byte of a JSON text takes within JSON, in bytes: most are there as they will be. What may not be there takes
/// what it does in a text, for who keeps broken JSON as that.
pub fn in_json(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        byte => escaped(byte),
    }
}

/// What `bytes` take within JSON as text, in bytes; what is no UTF-8 is replaced by a character of three.
pub fn of_text(bytes: &[u8]) -> usize {
    let of_chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let replaced = if chunk.invalid().is_empty() { 0 } else { char::REPLACEMENT_CHARACTER.len_utf8() };
        chunk.valid().bytes().map(escaped).sum::<usize>() + replaced
    };
    bytes.utf8_chunks().map(of_chunk).sum()
}

/// How many of `bytes` take at most `room` bytes, if each takes what `size` says, and how much these take.
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

/// What a value takes in memory beside its text, in bytes, about. It is the same in every version: the limits of
/// workflows go by it, and what their logs say has to come to the same.
const VALUE: usize = 72;

/// About what `value` takes, in bytes: the larger of what it takes in memory and of what it takes as JSON.
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

/// What the JSON or the form in `text` takes in memory when all of it is parsed, in bytes: an estimate from its
/// commas and brackets, which is never far too low.
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

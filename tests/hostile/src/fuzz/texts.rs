//! What is hostile by itself: names, parts of JSON, queries, lines of a head, ends of a path. The lists are files
//! in `words/`, one thing a line. None of it is a command, nor a level of the log: what a fuzzer sends is not to be
//! run by a shell.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::Value;

use super::kept::unescaped;
use crate::random::Random;

/// Names that are no names, or look like others; as JSON.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| quoted(include_str!("../../words/names.txt")));
/// Keys that mean something to somebody; as JSON.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| quoted(include_str!("../../words/keys.txt")));
/// Parts of JSON, valid and not.
static PARTS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("../../words/parts.txt").lines().collect());
/// Queries, as they stand behind the question mark.
static QUERIES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../words/queries.txt").lines().collect());
/// What is put behind a path.
static SUFFIXES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../words/suffixes.txt").lines().collect());
/// Unusual lines of a head, with escapes.
static LINES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| include_str!("../../words/lines.txt").lines().map(unescaped).collect());
/// What a body claims to be, with escapes.
static CONTENT_TYPES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| include_str!("../../words/content_types.txt").lines().map(unescaped).collect());

fn quoted(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// A hostile name.
pub(crate) fn name(random: &mut Random) -> String {
    match random.below(40) {
        0 => "n".repeat(4096),
        1 => "é".repeat(128 + random.below(2)),
        2 => "a.".repeat(random.below(200)),
        3 => format!("n{}", random.below(1000)),
        _ => random.pick(&NAMES).cloned().unwrap_or_default(),
    }
}

/// A hostile part of a JSON document, as text; it need not be JSON.
pub(crate) fn json(random: &mut Random) -> String {
    match random.below(60) {
        0 => {
            let depth = random.pick(&[50, 90, 101, 130, 1_000, 100_000]).copied().unwrap_or_default();
            format!("{}{}", "[".repeat(depth), "]".repeat(depth))
        }
        1 => {
            let depth = random.pick(&[50, 99, 128, 5_000]).copied().unwrap_or_default();
            format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
        }
        2 => {
            let length = random.pick(&[255, 256, 300, 4_096, 65_536]).copied().unwrap_or_default();
            format!("\"{}\"", "x".repeat(length))
        }
        // Few of these: a page of such objects is long.
        3 if random.one_in(10) => format!("\"{}\"", "x".repeat(1 << 20)),
        4 => format!("[{}0]", "1,".repeat(random.below(1_000))),
        5 => {
            let mut object = String::from("{");
            for number in 0..random.below(300) {
                // Writing to a text does not fail.
                let _ = write!(object, "\"k{number}\":{number},");
            }
            object + "\"last\":null}"
        }
        6 => Value::from(name(random)).to_string(),
        _ => random.word(&PARTS).to_owned(),
    }
}

/// A key that means something to somebody.
pub(crate) fn key(random: &mut Random) -> &'static str {
    random.pick(&KEYS).map_or("", String::as_str)
}

/// A query, without the question mark.
pub(crate) fn query(random: &mut Random) -> &'static str {
    // Whole listings take their time.
    if random.one_in(150) { "limit=-1" } else { random.word(&QUERIES) }
}

/// What is put behind a path.
pub(crate) fn suffix(random: &mut Random) -> &'static str {
    random.word(&SUFFIXES)
}

/// A line of a head, without its end.
pub(crate) fn line(random: &mut Random) -> Vec<u8> {
    match random.below(40) {
        0 => format!("X-Big: {}", "b".repeat(60_000)).into_bytes(),
        1 => {
            (0..150).map(|number| format!("X-Many-{number}: 1")).collect::<Vec<_>>().join("\r\n").into_bytes()
        }
        _ => random.pick(&LINES).cloned().unwrap_or_default(),
    }
}

/// What a body claims to be.
pub(crate) fn content_type(random: &mut Random) -> &'static [u8] {
    random.pick(&CONTENT_TYPES).map_or(b"", Vec::as_slice)
}

/// `document` with one or two of its places made hostile, as text.
pub(crate) fn mutated(document: &Value, random: &mut Random) -> String {
    let mut document = document.clone();
    let mut parts = Vec::new();
    for number in 0..=random.below(2) {
        let mark = format!("@hostile {number}@");
        change(&mut document, &mark, random);
        parts.push((mark, json(random)));
    }
    parts.iter().fold(document.to_string(), |text, (mark, part)| text.replace(&format!("\"{mark}\""), part))
}

/// Puts `mark` somewhere into `document`, or takes something away.
fn change(document: &mut Value, mark: &str, random: &mut Random) {
    let mut place = random.below(places(document));
    let (kind, number, key) = (random.below(4), random.below(16), key(random));
    let found = nth(document, &mut place);
    match (found, kind) {
        (Some(Value::Object(fields)), 0) => drop(fields.insert(key.into(), mark.into())),
        (Some(Value::Object(fields)), 1) if !fields.is_empty() => {
            let name = fields.keys().nth(number % fields.len()).cloned().unwrap_or_default();
            fields.remove(&name);
        }
        (Some(Value::Array(items)), 0) => items.push(mark.into()),
        (Some(place), _) => *place = mark.into(),
        (None, _) => {}
    }
}

/// How many values there are in one, with itself.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    }
}

/// The value at a place, counted from the outside.
fn nth<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, place)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_of_a_document_is_reached() {
        let mut document = json!({"a": [1, {"b": 2}], "c": null});
        assert_eq!(places(&document), 6);
        for (place, expected) in [(0, document.clone()), (2, json!(1)), (4, json!(2)), (5, json!(null))] {
            let mut left = place;
            assert_eq!(nth(&mut document, &mut left).cloned(), Some(expected), "{place}");
        }
        assert!(nth(&mut document, &mut 6).is_none());
    }

    #[test]
    fn every_line_of_a_list_is_read() {
        assert_eq!(NAMES.len(), include_str!("../../words/names.txt").lines().count());
        assert_eq!(KEYS.len(), include_str!("../../words/keys.txt").lines().count());
        assert!(LINES.contains(&b"X-Bad: \xff\xfe\x80".to_vec()));
        // A line of a head ends where it ends.
        assert!(LINES.iter().chain(CONTENT_TYPES.iter()).all(|line| !line.contains(&b'\n')));
    }

    #[test]
    fn what_is_made_hostile_holds_no_marks() {
        let document = json!({"name": "x", "list": [1, 2], "deep": {"er": true}});
        for number in 0..2_000 {
            let text = mutated(&document, &mut Random::numbered(1, number));
            assert!(!text.contains("@hostile"), "{text}");
        }
    }
}

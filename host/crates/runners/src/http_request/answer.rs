//! The outcome of an answered request, with its result in StackStorm's shape: `{status_code, body, parsed, headers}`.
//!
//! Status codes from 200 to 206 are a success. The body is parsed if its content type is JSON and it is valid. Beyond
//! StackStorm, that includes types such as `application/problem+json`. Header names are written as most servers write
//! them (`Content-Type`), whatever case they arrived in.

use petrel_model::{Object, media_type, size};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use crate::output::OutputSink;
use crate::{End, Outcome};

/// The outcome of a request that was answered.
pub(super) fn outcome(status: u16, headers: &HeaderMap, body: Vec<u8>, output: &OutputSink) -> Outcome {
    let text = text(body, kind(headers));
    let parsed = is_json(headers).then(|| output.parse(&text)).flatten();
    let mut named = Object::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        named.insert(title(name.as_str()), values.join(", ").into());
    }
    // Inserted one by one, since `json!` would copy values that may be large.
    let mut result = Object::new();
    result.insert("status_code".into(), status.into());
    result.insert("parsed".into(), parsed.is_some().into());
    result.insert("body".into(), parsed.unwrap_or_else(|| text.into()));
    result.insert("headers".into(), Value::Object(named));
    if let Some(shortfall) = output.shortfall() {
        result.insert("error".into(), shortfall.into());
    }
    // StackStorm's codes of success.
    let end = if (200..=206).contains(&status) { End::Succeeded } else { End::Failed };
    Outcome { end, result: Value::Object(result) }
}

/// Chooses the function that measures a part of the body as stored, in bytes.
pub(super) fn stored_size(headers: &HeaderMap) -> fn(&[u8]) -> usize {
    let of_json = |part: &[u8]| part.iter().map(|byte| size::in_json(*byte)).sum();
    if is_json(headers) { of_json } else { size::of_text }
}

/// Whether the server declares its answer to be JSON.
fn is_json(headers: &HeaderMap) -> bool {
    media_type::is_json(kind(headers))
}

fn kind(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// Turns `content-type` into `Content-Type`.
fn title(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// The body as text: UTF-8, or Latin-1 if the server declares that or it is not valid UTF-8.
fn text(body: Vec<u8>, kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let says_latin = ["iso-8859-1", "latin1", "windows-1252"].iter().any(|name| kind.contains(name));
    let of_latin = |body: &[u8]| body.iter().map(|byte| char::from(*byte)).collect::<String>();
    if says_latin {
        return of_latin(&body);
    }
    String::from_utf8(body).unwrap_or_else(|error| of_latin(error.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_shaped_as_stackstorm_shapes_them() {
        for (status, kind, body, end, expected) in [
            (200, "application/json; charset=utf-8", "{\"a\": 1}", End::Succeeded, (true, json!({"a": 1}))),
            (200, "application/json", "{\"a\": ", End::Succeeded, (false, json!("{\"a\": "))),
            (200, "Application/Problem+JSON", "[1]", End::Succeeded, (true, json!([1]))),
            (201, "application/json", "", End::Succeeded, (false, json!(""))),
            (206, "text/plain", "5", End::Succeeded, (false, json!("5"))),
            (207, "text/plain", "x", End::Failed, (false, json!("x"))),
            (302, "text/html", "", End::Failed, (false, json!(""))),
            (404, "application/json", "null", End::Failed, (true, json!(null))),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            let outcome = outcome(status, &headers, body.into(), &OutputSink::new(0));
            let (parsed, value) = expected;
            let wanted = json!({"status_code": status, "parsed": parsed, "body": value, "headers": {"Content-Type": kind}});
            assert_eq!((outcome.end, &outcome.result), (end, &wanted));
        }
    }

    #[test]
    fn bodies_are_read_by_their_character_set() {
        assert_eq!(text("Grüße".into(), "text/plain"), "Grüße");
        assert_eq!(text(b"Gr\xfc\xdfe".to_vec(), "text/plain; charset=ISO-8859-1"), "Grüße");
        assert_eq!(text(b"Gr\xfc\xdfe".to_vec(), "text/plain"), "Grüße");
    }
}

//! Forms as bodies of webhooks: `application/x-www-form-urlencoded`, and `multipart/form-data` (RFC 7578). Each
//! becomes an object of lists, since a field may occur more than once. Of a file only the name, the type and the size
//! are kept.
//!
//! `body.rs` limits the length of a body.

use percent_encoding::percent_decode_str;
use petrel_model::quoted::quoted;
use petrel_model::{Object, media_type};
use serde_json::{Value, json};

use crate::ApiError;

/// The greatest number of parts in a form.
const PARTS: usize = 1000;
/// The longest boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;

/// Whether the type is `application/x-www-form-urlencoded`.
pub(crate) fn is_urlencoded(content_type: &str) -> bool {
    media_type::is(content_type, "application/x-www-form-urlencoded")
}

/// Whether the type is `multipart/form-data`.
pub(crate) fn is_multipart(content_type: &str) -> bool {
    media_type::is(content_type, "multipart/form-data")
}

/// The fields of a URL-encoded form.
pub(crate) fn urlencoded(bytes: &[u8]) -> Object {
    let mut form = Object::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        add(&mut form, name.into_owned(), value.into_owned().into());
    }
    form
}

/// The fields of a multipart form; `content_type` names the boundary between its parts.
///
/// # Errors
/// 400 when the form is malformed or has too many parts, or a field is not UTF-8.
pub(crate) fn multipart(content_type: &str, bytes: &[u8]) -> Result<Object, ApiError> {
    let boundary = media_type::parameter(content_type, "boundary")
        .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()))
        .ok_or_else(|| wrong("its Content-Type names no boundary"))?;
    let between = format!("\r\n--{boundary}");
    // The first boundary may stand at the very beginning, without a line end before it.
    let first = between.trim_start().as_bytes();
    // What stands before the first boundary is a preamble, which RFC 2046 has readers ignore.
    let mut rest = match bytes.strip_prefix(first) {
        Some(rest) => rest,
        None => behind(bytes, between.as_bytes()).ok_or_else(|| wrong("its boundary is not in it"))?.1,
    };
    let mut form = Object::new();
    for _ in 0..=PARTS {
        if rest.starts_with(b"--") {
            return Ok(form);
        }
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let part = rest.get(blanks..).and_then(|rest| rest.strip_prefix(b"\r\n"));
        let part = part.ok_or_else(|| wrong("something stands behind a boundary"))?;
        let (part, after) = behind(part, between.as_bytes()).ok_or_else(|| wrong("it breaks off"))?;
        let (name, value) = field(part)?;
        add(&mut form, name, value);
        rest = after;
    }
    Err(wrong(&format!("it has more than {PARTS} parts")))
}

/// The name and the value of a part.
fn field(part: &[u8]) -> Result<(String, Value), ApiError> {
    let (head, content) = behind(part, b"\r\n\r\n").ok_or_else(|| wrong("a part has no header"))?;
    let head = std::str::from_utf8(head).map_err(|_invalid| wrong("the header of a part is not UTF-8"))?;
    let header = |wanted: &str| {
        let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .into_iter()
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let name = media_type::parameter(disposition, "name").ok_or_else(|| wrong("a part has no name"))?;
    let file = media_type::parameter(disposition, "filename")
        .or_else(|| media_type::parameter(disposition, "filename*").map(|file| extended(&file)));
    let value = match file {
        Some(file) => json!({
            "filename": file,
            "content_type": header("content-type").unwrap_or("application/octet-stream"),
            "size": content.len(),
        }),
        None => match std::str::from_utf8(content) {
            Ok(text) => text.into(),
            Err(_invalid) => {
                return Err(wrong(&format!("the field `{}` is neither UTF-8 nor a file", quoted(&name))));
            }
        },
    };
    Ok((name, value))
}

/// Decodes a name such as `UTF-8''na%C3%AFve.txt` (RFC 8187), for clients that give no plain one.
fn extended(written: &str) -> String {
    let name = written.splitn(3, '\'').nth(2).unwrap_or(written);
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

fn add(form: &mut Object, name: String, value: Value) {
    let values = form.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if let Some(values) = values.as_array_mut() {
        values.push(value);
    }
}

/// The bytes before `separator` and those behind it.
fn behind<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + separator.len()..)?))
}

fn wrong(why: &str) -> ApiError {
    let hint = "send text fields as multipart/form-data, or send a JSON object";
    ApiError::invalid(format!("the body is not a valid multipart form: {why}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "Multipart/Form-Data; boundary=\"b 1\"";

    fn read(parts: &[&str]) -> Result<Value, ApiError> {
        let body: String = parts.iter().map(|part| format!("--b 1{part}")).collect();
        multipart(TYPE, body.as_bytes()).map(Value::Object)
    }

    #[test]
    fn fields_become_lists_and_files_are_named() {
        let form = read(&[
            "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n",
            "  \r\ncontent-disposition: form-data; name=a\r\nContent-Type: text/plain\r\n\r\ntwo\r\n\r\n--b\r\n",
            "\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n",
            "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x;y.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n\u{1}\u{2}é\r\n",
            "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n",
            "\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''na%C3%AFve%.txt\r\n\r\n1\r\n",
            "--\r\nwhatever follows",
        ]);
        let expected = json!({
            "a": ["one", "two\r\n\r\n--b"],
            "empty": [""],
            "f": [
                {"filename": "x;y.jpg", "content_type": "image/jpeg", "size": 4},
                {"filename": "", "content_type": "application/octet-stream", "size": 0},
                {"filename": "na\u{ef}ve%.txt", "content_type": "application/octet-stream", "size": 1},
            ],
        });
        assert_eq!(read(&["--"]).unwrap(), json!({}));
        assert_eq!(form.unwrap(), expected);
        let preamble = "ignored\r\n--b 1\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b 1--";
        assert_eq!(Value::Object(multipart(TYPE, preamble.as_bytes()).unwrap()), json!({"a": ["1"]}));
    }

    #[test]
    fn what_is_no_form_says_why() {
        let part = "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
        for (parts, says) in [
            (&["\r\nContent-Disposition: form-data; name=a\r\n\r\n1"][..], "it breaks off"),
            (&[part], "it breaks off"),
            (&["x"], "something stands behind a boundary"),
            (&["\r\nname: a\r\n\r\n1\r\n", "--"], "a part has no name"),
            (&["\r\nContent-Disposition: form-data; name=a\r\n", "--"], "a part has no header"),
            (&[part; PARTS + 2], "more than 1000 parts"),
        ] {
            let error = format!("{:?}", read(parts).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        let binary = b"--b 1\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--b 1--";
        for (kind, body, says) in [
            (TYPE, &binary[..], "the field `a` is neither UTF-8 nor a file"),
            (TYPE, b"{}", "its boundary is not in it"),
            ("multipart/form-data", b"{}", "names no boundary"),
            ("multipart/form-data; boundary=", b"{}", "names no boundary"),
        ] {
            let error = format!("{:?}", multipart(kind, body).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }
}

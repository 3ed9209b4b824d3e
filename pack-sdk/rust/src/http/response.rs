//! An answer: its body in the form that is asked for, within a bound, and the kind of error that its status is.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::date::retry_after;
use super::request::LARGEST_ANSWER;
use crate::{Error, ErrorKind};

/// So much of the body of a failure is kept in the details of its error, in bytes.
const LARGEST_EXCERPT: usize = 4 << 10;
/// So much of a text of a server is told in a message, in characters.
const LONGEST_TOLD: usize = 200;

/// An answer. Its body is read as it arrives.
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The largest body that is read.
    pub(crate) largest: usize,
    body: Box<dyn Read>,
}

impl Response {
    /// An answer with this body, as for a test.
    pub fn new(status: u16, body: impl Read + 'static) -> Self {
        Self { status, headers: Vec::new(), largest: LARGEST_ANSWER, body: Box::new(body) }
    }

    /// The value of a header as text, if it is there. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)?;
        str::from_utf8(value).ok()
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// This answer, if its status is one of success.
    ///
    /// # Errors
    ///
    /// With the status, the kind of error that follows from it, and the time after which the server wants to be asked again.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() { Ok(self) } else { Err(self.failure()) }
    }

    /// As [`success`](Self::success), with the beginning of the body (4 KiB) in the details of the error: an object with
    /// `status` and `body`, which is as the server sent it if that is JSON. It waits for that much of the body.
    ///
    /// # Errors
    ///
    /// As [`success`](Self::success).
    pub fn success_with_details(mut self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let mut excerpt = Vec::new();
        // What has come until it broke is shown.
        drop(self.body.by_ref().take(LARGEST_EXCERPT as u64).read_to_end(&mut excerpt));
        Err(self.failure().details(details(self.status, &excerpt)))
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole, is too large, or does not have the form of `T`: then as [`Error::unexpected_answer`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.json_where(|_any| true)
    }

    /// As [`json`](Self::json), for an answer of which the server's API promises more than the form of `T`: what `is_promised` says.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json), and if it is not what is promised.
    pub fn json_where<T: DeserializeOwned>(self, is_promised: impl Fn(&T) -> bool) -> Result<T, Error> {
        let (status, bytes) = (self.status, self.bytes()?);
        match serde_json::from_slice(&bytes) {
            Ok(value) if is_promised(&value) => Ok(value),
            Ok(_other) => Err(Error::unexpected_answer(status, &bytes, "it is JSON of something else")),
            Err(error) => Err(Error::unexpected_answer(status, &bytes, &error.to_string())),
        }
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole, is too large, or is not UTF-8.
    pub fn text(self) -> Result<String, Error> {
        String::from_utf8(self.bytes()?)
            .map_err(|_invalid| Error::permanent("the body of the answer is not UTF-8").code("http.text"))
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole, or is larger than the request has said.
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        // One more byte shows that there are more.
        self.body.by_ref().take(bound(self.largest)).read_to_end(&mut bytes)?;
        if bytes.len() > self.largest {
            let message = format!("the body of the answer is larger than {} bytes", self.largest);
            return Err(Error::permanent(message).code("http.too_large").hint("ask for less"));
        }
        Ok(bytes)
    }

    /// The lines of the body, as they arrive. After one that is longer than the request has said there is an error and no
    /// further line.
    pub fn lines(self) -> impl Iterator<Item = io::Result<String>> {
        Lines { body: BufReader::new(self.body), longest: self.largest, is_over: false }
    }

    /// The error of a status that is none of success.
    fn failure(&self) -> Error {
        use ErrorKind::{Conflict, NotFound, Permanent, RateLimited, Transient, Unauthenticated};
        let status = self.status;
        let after = || retry_after(self.header("retry-after"), self.header("date"));
        let kind = match status {
            401 | 403 => Unauthenticated,
            404 | 410 => NotFound,
            409 | 412 => Conflict,
            429 => RateLimited(after()),
            408 | 425 | 500.. => Transient(after()),
            _ => Permanent,
        };
        Error::new(kind, format!("the server answered with the status {status}"))
            .code(format!("http.{status}"))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Error {
    /// An answer with a status of success that is not what the server's API promises, as the page of a proxy that asks for a login.
    /// Its beginning is in the message, and more of it (4 KiB) in the details, as [`Response::success_with_details`] has them.
    pub fn unexpected_answer(status: u16, body: &[u8], why: &str) -> Self {
        let excerpt = body.get(..LARGEST_EXCERPT).unwrap_or(body);
        let begins = beginning(&String::from_utf8_lossy(excerpt));
        let begins = if begins.is_empty() { "there is nothing to see".into() } else { format!("`{begins}`") };
        Self::permanent(format!("the answer is not what the API of the server promises ({why}): {begins}"))
            .code("http.answer")
            .hint("see whether the address is that of the server: something on the way may have answered in its place")
            .details(details(status, excerpt))
    }

    /// The beginning of a text in the details, for a message: by its place, as [`Error::detail`].
    pub fn reason(&self, pointer: &str) -> Option<String> {
        self.detail(pointer).map(beginning).filter(|reason| !reason.is_empty())
    }
}

/// The details of an error: the status, and the beginning of the body, as it came if it is JSON.
fn details(status: u16, excerpt: &[u8]) -> Value {
    let mut details = Map::new();
    details.insert("status".into(), status.into());
    if !excerpt.is_empty() {
        let text = || Value::from(String::from_utf8_lossy(excerpt).into_owned());
        details.insert("body".into(), serde_json::from_slice(excerpt).unwrap_or_else(|_| text()));
    }
    Value::Object(details)
}

/// The beginning of a text from elsewhere for a message, which is one line: 200 characters, without any that control a terminal
/// or turn the direction of what follows.
pub fn beginning(text: &str) -> String {
    let is_told =
        |sign: char| !sign.is_control() && !matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut signs = text.trim().chars();
    let told = signs.by_ref().take(LONGEST_TOLD);
    let mut line: String = told.map(|sign| if is_told(sign) { sign } else { ' ' }).collect();
    if signs.next().is_some() {
        line.push('…');
    }
    line
}

/// So many bytes are read of what may have `largest`.
fn bound(largest: usize) -> u64 {
    u64::try_from(largest).unwrap_or(u64::MAX).saturating_add(1)
}

/// The lines of a body.
struct Lines {
    body: BufReader<Box<dyn Read>>,
    longest: usize,
    is_over: bool,
}

impl Iterator for Lines {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let mut line = Vec::new();
        // With its end, which does not count.
        let most = bound(self.longest).saturating_add(1);
        match self.body.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        if line.ends_with(b"\n") {
            line.pop();
            if line.ends_with(b"\r") {
                line.pop();
            }
        }
        let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        if line.len() > self.longest {
            self.is_over = true;
            return Some(Err(invalid(format!("a line is longer than {} bytes", self.longest))));
        }
        Some(String::from_utf8(line).map_err(|_invalid| invalid("a line is not UTF-8".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Response { headers: headers.collect(), ..Response::new(status, body.as_bytes()) }
    }

    fn limited(largest: usize, body: &'static str) -> Response {
        Response { largest, ..answer(200, &[], body) }
    }

    #[test]
    fn a_body_is_read_in_the_form_that_is_asked_for() {
        let whole = || answer(200, &[], "[1, 2]\r\n3");
        assert_eq!(whole().text().unwrap(), "[1, 2]\r\n3");
        assert_eq!(whole().lines().map(Result::unwrap).collect::<Vec<_>>(), ["[1, 2]", "3"]);
        let error = whole().json::<Vec<u8>>().unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Permanent, Some("http.answer")));
        assert_eq!(answer(200, &[], "[1]").json::<Vec<u8>>().unwrap(), [1]);
        let error = Response::new(200, &b"\xff"[..]).text().unwrap_err();
        assert_eq!(error.code.as_deref(), Some("http.text"));
    }

    #[test]
    fn no_more_is_read_than_the_request_has_said() {
        assert_eq!(limited(3, "abc").text().unwrap(), "abc");
        assert_eq!(limited(2, "abc").bytes().unwrap_err().code.as_deref(), Some("http.too_large"));
        let lines: Vec<_> = limited(2, "ab\n\ncd\r\nefg\nh").lines().map(|line| line.map_err(drop)).collect();
        assert_eq!(lines, [Ok("ab".into()), Ok(String::new()), Ok("cd".into()), Err(())]);
    }

    #[test]
    fn a_status_is_success_or_a_kind_of_error() {
        let kind = |status, headers: &[(&str, &str)]| {
            answer(status, headers, "").success().map(|_| ()).map_err(|error| error.kind)
        };
        let (after, seconds) = ([("retry-after", "7")], Some(Duration::from_secs(7)));
        for (status, headers, expected) in [
            (200, &[][..], Ok(())),
            (204, &[], Ok(())),
            (304, &[], Err(ErrorKind::Permanent)),
            (401, &[], Err(ErrorKind::Unauthenticated)),
            (404, &[], Err(ErrorKind::NotFound)),
            (409, &[], Err(ErrorKind::Conflict)),
            (429, &[], Err(ErrorKind::RateLimited(None))),
            (429, &after, Err(ErrorKind::RateLimited(seconds))),
            (503, &[], Err(ErrorKind::Transient(None))),
            (503, &after, Err(ErrorKind::Transient(seconds))),
        ] {
            assert_eq!(kind(status, headers), expected, "{status}");
        }
    }

    #[test]
    fn an_answer_that_nobody_has_promised_is_shown_by_its_beginning() {
        let long: &'static str = "x".repeat(5000).leak();
        for (body, says, shown) in [
            (
                "<html>\nsign in\u{1b}[2J\u{202e}",
                "`<html> sign in [2J `",
                json!("<html>\nsign in\u{1b}[2J\u{202e}"),
            ),
            (r#"{"ok": 1}"#, r#"something else): `{"ok": 1}`"#, json!({"ok": 1})),
            (long, &format!("`{}…`", "x".repeat(200)), json!("x".repeat(4096))),
        ] {
            let error = answer(200, &[], body).json_where(|value: &Value| value["ok"] == true).unwrap_err();
            assert!(error.message.contains(says), "{}", error.message);
            assert_eq!(error.code.as_deref(), Some("http.answer"));
            assert_eq!(error.details.as_deref(), Some(&json!({"status": 200, "body": shown})));
        }
        let error = answer(200, &[], " ").json::<Value>().unwrap_err();
        assert!(error.message.ends_with("): there is nothing to see"), "{}", error.message);
        let right = answer(200, &[], r#"{"ok": true}"#).json_where(|value: &Value| value["ok"] == true);
        assert_eq!(right.unwrap(), json!({"ok": true}));
    }

    #[test]
    fn the_reason_of_a_failure_is_a_line() {
        let long: &'static str = format!(r#"{{"message": "a\nb{}"}}"#, "x".repeat(300)).leak();
        let error = answer(422, &[], long).success_with_details().unwrap_err();
        let expected = format!("a b{}…", "x".repeat(197));
        assert_eq!((error.reason("/message"), error.reason("/body/message")), (None, Some(expected)));
    }

    #[test]
    fn the_body_of_a_failure_is_in_its_details() {
        let long: &'static str = "x".repeat(5000).leak();
        for (body, expected) in [
            (r#"{"message": "no"}"#, json!({"status": 422, "body": {"message": "no"}})),
            ("<html>", json!({"status": 422, "body": "<html>"})),
            ("", json!({"status": 422})),
            (long, json!({"status": 422, "body": "x".repeat(4096)})),
        ] {
            let error = answer(422, &[], body).success_with_details().unwrap_err();
            assert_eq!(error.details.as_deref(), Some(&expected));
            assert_eq!(error.code.as_deref(), Some("http.422"));
        }
        let error = answer(422, &[], r#"{"message": "no"}"#).success_with_details().unwrap_err();
        assert_eq!((error.detail("/body/message"), error.detail("/status")), (Some("no"), None));
        assert_eq!(answer(200, &[], "ok").success_with_details().unwrap().text().unwrap(), "ok");
    }
}

//! A request, built step by step.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::encoding::{base64, encoded};
use crate::Error;

/// The largest body of an answer that is read, in bytes, unless the request says less. It is the limit of the host.
pub(super) const LARGEST_ANSWER: usize = 16 << 20;

/// A request.
///
/// ```
/// use petrel_pack_sdk::Request;
///
/// let request = Request::get("https://tracker.example/api/").at(["issues", "a/b"])?.query("page", &2).bearer("hush");
/// assert_eq!(request.url, "https://tracker.example/api/issues/a%2Fb?page=2");
/// # Ok::<(), petrel_pack_sdk::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The address: `http` or `https`.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body. Default: empty.
    pub body: Vec<u8>,
    /// Longest time until the head of the answer arrives. Default: that of the host.
    pub timeout: Option<Duration>,
    /// The largest body of the answer that is read, in bytes; of one that is read by lines, the longest line. Default: 16 MiB.
    pub largest_answer: usize,
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            largest_answer: LARGEST_ANSWER,
        }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST. [`json`](Self::json) and [`body`](Self::body) say of what.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A POST of `body` as JSON.
    ///
    /// # Errors
    ///
    /// If `body` cannot be written as JSON.
    pub fn post_json(url: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        Self::post(url).json(body)
    }

    /// Goes on from the path of the address with these parts. Each is one part, whatever stands in it: what has a meaning in
    /// an address is encoded. Begin with the address of the server, and add the query afterwards.
    ///
    /// # Errors
    ///
    /// If a part is empty, `.` or `..`, which would lead to another place.
    pub fn at<'a>(mut self, parts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let query = self.url.split_off(self.url.find(['?', '#']).unwrap_or(self.url.len()));
        self.url.truncate(self.url.trim_end_matches('/').len());
        for part in parts {
            if matches!(part, "" | "." | "..") {
                return Err(Error::invalid_input(format!("`{part}` cannot be a part of an address"))
                    .code("http.address")
                    .hint("give a name"));
            }
            self.url.push('/');
            self.url.push_str(&encoded(part));
        }
        self.url.push_str(&query);
        Ok(self)
    }

    /// Adds to the query of the address. Name and value are encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: &(impl fmt::Display + ?Sized)) -> Self {
        // A fragment is not sent.
        self.url.truncate(self.url.find('#').unwrap_or(self.url.len()));
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(&format!("{}={}", encoded(name), encoded(&value.to_string())));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the header `Authorization` with a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds the header `Authorization` with a name and a password.
    #[must_use]
    pub fn basic(self, name: &str, password: &str) -> Self {
        self.header("authorization", format!("Basic {}", base64(format!("{name}:{password}").as_bytes())))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to `body` as JSON, and says so in a header unless there is one.
    ///
    /// # Errors
    ///
    /// If `body` cannot be written as JSON.
    pub fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let is_said = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let request = self.body(serde_json::to_vec(body)?);
        Ok(if is_said { request } else { request.header("content-type", "application/json") })
    }

    /// Sets the longest time until the head of the answer arrives.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the largest body of the answer that is read, in bytes; of one that is read by lines, the longest line.
    #[must_use]
    pub fn largest_answer(mut self, bytes: usize) -> Self {
        self.largest_answer = bytes;
        self
    }
}

/// Without the values of headers and without the query, which may be secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.split('?').next().unwrap_or_default())
            .field("headers", &names)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_built_from_parts_and_pairs() {
        let url = |base: &str, parts: &[&str]| {
            Request::get(base).at(parts.iter().copied()).map(|request| request.url)
        };
        for (base, parts, expected) in [
            ("https://a.example", &["x"][..], "https://a.example/x"),
            ("https://a.example//", &["x", "y z"], "https://a.example/x/y%20z"),
            ("https://a.example/api?k=v", &["../x"], "https://a.example/api/..%2Fx?k=v"),
        ] {
            assert_eq!(url(base, parts).unwrap(), expected);
        }
        for part in ["", ".", ".."] {
            let error = url("https://a.example", &["x", part]).unwrap_err();
            assert_eq!(error.code.as_deref(), Some("http.address"), "{part}");
        }
        let asked = Request::get("https://a.example/x#here").query("q", "a&b").query("n", &3);
        assert_eq!(asked.url, "https://a.example/x?q=a%26b&n=3");
    }

    #[test]
    fn credentials_are_headers_that_are_not_shown() {
        let request = Request::get("https://a.example?key=hush").bearer("hush").basic("ann", "hush");
        let expected = [("authorization", "Bearer hush"), ("authorization", "Basic YW5uOmh1c2g=")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.headers, expected);
        let shown = format!("{request:?}");
        assert!(
            shown.contains("authorization") && !shown.contains("hush") && !shown.contains("YW5u"),
            "{shown}"
        );
    }

    #[test]
    fn json_says_what_it_is_unless_it_is_said_already() {
        let kinds = |request: Request| -> Vec<String> {
            request.json(&json!({"a": 1})).unwrap().headers.into_iter().map(|(_, value)| value).collect()
        };
        assert_eq!(kinds(Request::post("https://a.example")), ["application/json"]);
        let patch = Request::new("PATCH", "https://a.example");
        assert_eq!(
            kinds(patch.header("Content-Type", "application/merge-patch+json")),
            ["application/merge-patch+json"]
        );
        let posted = Request::post_json("https://a.example", &[1]).unwrap();
        assert_eq!((posted.method.as_str(), posted.body), ("POST", b"[1]".to_vec()));
    }
}

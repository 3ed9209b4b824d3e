//! Requests over HTTP, and their answers. [`Services::fetch`](crate::Services::fetch) makes them.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl Request {
    /// A request with this method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { method: method.into(), url: url.into(), headers, body, timeout: None }
    }

    /// A GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST of `body` as JSON.
    ///
    /// # Errors
    ///
    /// If `body` cannot be written as JSON.
    pub fn post_json(url: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)?;
        Ok(Self { body, ..Self::new("POST", url).header("content-type", "application/json") })
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the longest time until the head of the answer arrives.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// An answer. Its body is read as it arrives.
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    body: Box<dyn Read>,
}

impl Response {
    /// An answer with this body, as for a test.
    pub fn new(status: u16, body: impl Read + 'static) -> Self {
        Self { status, headers: Vec::new(), body: Box::new(body) }
    }

    /// The value of a header as text, if it is there. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)?;
        str::from_utf8(value).ok()
    }

    /// This answer, if its status is one of success.
    ///
    /// # Errors
    ///
    /// With the status and the kind of error that follows from it.
    pub fn success(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(failed(self.status)) }
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole, or does not have the form of `T`.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.bytes()?)?)
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole, or is not UTF-8.
    pub fn text(mut self) -> Result<String, Error> {
        let mut text = String::new();
        self.body.read_to_string(&mut text)?;
        Ok(text)
    }

    /// The body.
    ///
    /// # Errors
    ///
    /// If it does not arrive whole.
    pub fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The lines of the body, as they arrive.
    pub fn lines(self) -> impl Iterator<Item = io::Result<String>> {
        BufReader::new(self.body).lines()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The error of an answer with this status.
fn failed(status: u16) -> Error {
    use crate::ErrorKind::{NotFound, Permanent, RateLimited, Transient, Unauthenticated};
    let kind = match status {
        401 | 403 => Unauthenticated,
        404 | 410 => NotFound,
        429 => RateLimited(None),
        408 | 500.. => Transient(None),
        _ => Permanent,
    };
    Error::new(kind, format!("the server answered with the status {status}")).code(format!("http.{status}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_body_is_read_in_the_form_that_is_asked_for() {
        let answer = || Response::new(200, "[1, 2]\n3".as_bytes());
        assert_eq!(answer().text().unwrap(), "[1, 2]\n3");
        assert_eq!(answer().lines().map(Result::unwrap).collect::<Vec<_>>(), ["[1, 2]", "3"]);
        answer().json::<Vec<u8>>().unwrap_err();
        assert_eq!(Response::new(200, "[1]".as_bytes()).json::<Vec<u8>>().unwrap(), [1]);
    }

    #[test]
    fn a_status_is_success_or_a_kind_of_error() {
        let kind =
            |status| Response::new(status, io::empty()).success().map(|_| ()).map_err(|error| error.kind);
        for (status, expected) in [
            (200, Ok(())),
            (204, Ok(())),
            (304, Err(ErrorKind::Permanent)),
            (401, Err(ErrorKind::Unauthenticated)),
            (404, Err(ErrorKind::NotFound)),
            (429, Err(ErrorKind::RateLimited(None))),
            (503, Err(ErrorKind::Transient(None))),
        ] {
            assert_eq!(kind(status), expected, "{status}");
        }
    }
}

//! A request that can be sent again: made by `request`, written as one line of JSON when it found something, and
//! read from there.

use anyhow::{Context as _, bail};
use petrel_test_support::{Broken, Client, Manner};
use serde_json::{Value, json};

/// Whose a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The admin's, by the token.
    Admin,
    /// Nobody's.
    Nobody,
    /// Somebody's whose token is worth nothing.
    Stranger,
}

/// A request, but for the token, which is another one at every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The route that it was made for.
    pub(crate) route: String,
    /// The method.
    pub(crate) method: String,
    /// Path and query, as they are sent.
    pub(crate) target: Vec<u8>,
    /// Whose it is.
    pub(crate) access: Access,
    /// Lines of the head, each with its end.
    pub(crate) head: Vec<u8>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// So many bytes of the body are sent, although all are announced.
    pub(crate) cut: Option<usize>,
    /// Whether it reaches its route for certain: nothing about path, method and head is unusual.
    pub(crate) is_plain: bool,
}

impl Request {
    /// Sends it.
    pub(crate) fn send(&self, client: &mut Client, token: &str) -> Result<u16, Broken> {
        let manner = Manner { is_head: self.method == "HEAD", is_cut: self.cut.is_some() };
        client.exchange(&self.bytes(token), manner).map(|answer| answer.status)
    }

    /// What goes over the wire.
    fn bytes(&self, token: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.body.len() + self.head.len() + 512);
        bytes.extend_from_slice(self.method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(&self.target);
        bytes.extend_from_slice(b" HTTP/1.1\r\nHost: petrel\r\n");
        match self.access {
            Access::Admin => bytes.extend_from_slice(format!("X-Auth-Token: {token}\r\n").as_bytes()),
            Access::Nobody => {}
            Access::Stranger => {
                bytes.extend_from_slice(b"X-Auth-Token: 00000000000000000000000000000000\r\n");
            }
        }
        bytes.extend_from_slice(&self.head);
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        let sent = self.cut.unwrap_or(self.body.len());
        bytes.extend_from_slice(self.body.get(..sent).unwrap_or(&self.body));
        bytes
    }

    /// The line that it is kept as.
    pub(crate) fn written(&self, what: &str) -> String {
        let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string();
        json!({
            "what": what,
            "route": self.route,
            "method": self.method,
            "target": escaped(&self.target),
            "access": match self.access {
                Access::Admin => "admin",
                Access::Nobody => "nobody",
                Access::Stranger => "stranger",
            },
            "head": escaped(&self.head),
            "body": escaped(&self.body),
            "cut": self.cut,
            "is_plain": self.is_plain,
        })
        .to_string()
    }

    /// The request in such a line, and what it has found.
    pub(crate) fn read(line: &str) -> anyhow::Result<(String, Self)> {
        let kept: Value = serde_json::from_str(line).context("a line of kept requests is not JSON")?;
        let text = |name: &str| kept.get(name).and_then(Value::as_str).unwrap_or_default();
        let access = match text("access") {
            "admin" => Access::Admin,
            "nobody" => Access::Nobody,
            "stranger" => Access::Stranger,
            other => bail!("a kept request is of `{other}`; write admin, nobody or stranger"),
        };
        let request = Self {
            route: text("route").to_owned(),
            method: text("method").to_owned(),
            target: unescaped(text("target")),
            access,
            head: unescaped(text("head")),
            body: unescaped(text("body")),
            cut: kept.get("cut").and_then(Value::as_u64).and_then(|cut| usize::try_from(cut).ok()),
            is_plain: kept.get("is_plain").and_then(Value::as_bool).unwrap_or(false),
        };
        Ok((text("what").to_owned(), request))
    }
}

/// The bytes that `escape_ascii` has written as `text`.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'x') => {
                let mut digit = || char::from(rest.next().unwrap_or(b'0')).to_digit(16).unwrap_or(0);
                let value = digit() * 16 + digit();
                bytes.push(u8::try_from(value).unwrap_or_default());
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_kept_is_sent_again_byte_by_byte() {
        let body: Vec<u8> = (0..=255).collect();
        let request = Request {
            route: "/api/v1/rules".into(),
            method: "POST".into(),
            target: b"/api/v1/rules?x=\xff".to_vec(),
            access: Access::Stranger,
            head: b"X-Bad: \xff\\\r\n".to_vec(),
            body,
            cut: Some(100),
            is_plain: false,
        };
        let (what, read) = Request::read(&request.written("status 500")).unwrap();
        assert_eq!((what.as_str(), &read), ("status 500", &request));
        assert_eq!(read.bytes("t"), request.bytes("t"));
        let wire = request.bytes("t");
        assert!(wire.starts_with(b"POST /api/v1/rules?x=\xff HTTP/1.1\r\n") && wire.ends_with(&[98, 99]));
        assert!(Request::read("{}").is_err() && Request::read("nonsense").is_err());
    }
}

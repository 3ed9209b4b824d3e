//! An answer as tests speak of it: what is not as it should be is a panic. It comes from the client of all tests.

use petrel_test_support::Client;
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    headers: Vec<(String, String)>,
}

impl From<petrel_test_support::Answer> for Answer {
    fn from(answer: petrel_test_support::Answer) -> Self {
        Self { status: answer.status, body: answer.text(), headers: answer.headers }
    }
}

impl Answer {
    /// A header by its lower-case name; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| unreachable!("{error}: {self:?}"))
    }

    /// The same, once it is clear that the status is right.
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The error that this is: `[code, message, hint]`.
    #[track_caller]
    pub fn error(&self) -> [String; 3] {
        let body = self.json();
        ["code", "faultstring", "hint"].map(|name| body[name].as_str().unwrap().to_owned())
    }
}

/// Sends a request with these lines of the head, on a connection that ends with it.
pub(crate) fn send(
    client: &mut Client,
    method: &str,
    path: &str,
    head: &str,
    body: &[u8],
) -> anyhow::Result<Answer> {
    Ok(client.send_with(method, path, &format!("Connection: close\r\n{head}"), body)?.into())
}

//! The HTTP/1.1 client of all tests: blocking, with one kept connection, any bytes in a request, and bounded time for
//! an answer. [`answer`](crate::answer) reads answers.
//!
//! It talks to hosts that are killed, flooded, or sent bytes that are no HTTP at all. So it is written here, where
//! nothing corrects a request on its way, and a broken connection is a value that says how it broke.

use std::fmt;
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::answer::{Answer, Reader};
use crate::wait::PATIENCE;

/// The reasons why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Nothing has come for the client's patience.
    Hang,
    /// The connection ended before the answer did.
    HungUp(String),
    /// Nobody listens at the address.
    Unreachable(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hang => write!(f, "the host does not answer in time"),
            Self::HungUp(why) => write!(f, "the connection ended: {why}"),
            Self::Unreachable(why) => write!(f, "nobody listens: {why}"),
        }
    }
}

impl std::error::Error for Broken {}

/// The manner of reading an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// The answer has no body, because the request is a `HEAD`.
    pub is_head: bool,
    /// The request is incomplete, and nothing more will be sent on this connection.
    pub is_cut: bool,
}

/// A client with one connection, which is opened when it is needed. If the host ends a kept connection before it
/// answers, the request is sent once more on a new one, so the host may have taken it twice.
#[derive(Debug)]
pub struct Client {
    address: String,
    token: Option<String>,
    patience: Duration,
    connection: Option<TcpStream>,
}

impl Client {
    /// A client without a token for the host at `address`, such as `127.0.0.1:9101`. Its patience is [`PATIENCE`].
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), token: None, patience: PATIENCE, connection: None }
    }

    /// Adds a token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Sets the time that the host may be silent, before an answer or within it.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Gets a path.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&mut self, path: &str) -> Result<Answer, Broken> {
        self.send("GET", path, b"")
    }

    /// Sends a request with a body of JSON, and the token.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer, Broken> {
        self.send_with(method, path, "Content-Type: application/json\r\n", body)
    }

    /// Sends a request with these lines of the head, each with its line end, and the token.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send_with(&mut self, method: &str, path: &str, head: &str, body: &[u8]) -> Result<Answer, Broken> {
        let token = self.token.as_ref().map(|token| format!("X-Auth-Token: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: petrel\r\n{token}{head}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let manner = Manner { is_head: method == "HEAD", is_cut: false };
        self.exchange(&[head.as_bytes(), body].concat(), manner)
    }

    /// Sends the bytes of a request as they are, and reads the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn exchange(&mut self, request: &[u8], manner: Manner) -> Result<Answer, Broken> {
        if let Some(kept) = self.connection.take() {
            match self.exchange_on(kept, request, manner) {
                // The host may have ended an idle connection at this very moment.
                Err(Broken::HungUp(_)) => {}
                result => return result,
            }
        }
        let fresh = self.connect()?;
        self.exchange_on(fresh, request, manner)
    }

    fn connect(&self) -> Result<TcpStream, Broken> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(self.patience))?;
            Ok(stream)
        };
        open().map_err(|error| Broken::Unreachable(error.to_string()))
    }

    fn exchange_on(&mut self, stream: TcpStream, request: &[u8], manner: Manner) -> Result<Answer, Broken> {
        let mut reader = Reader::new(stream, self.patience);
        // A host may answer before it has read everything.
        let is_sent = reader.stream.write_all(request).is_ok();
        if manner.is_cut {
            drop(reader.stream.shutdown(Shutdown::Write));
        }
        let (answer, is_last) = reader.answer(manner.is_head)?;
        if is_sent && reader.is_clean() && !is_last && !manner.is_cut {
            self.connection = Some(reader.stream);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;

//! The HTTP/1.1 client of all tests: blocking, one kept connection, any bytes out, and whatever comes back in bounded
//! time. What comes back is read in [`answer`](crate::answer).
//!
//! It speaks to hosts that are killed, flooded, or sent what is no HTTP at all: so it is written here, where nothing
//! mends a request on its way, and a break is a value that says how the connection broke.

use std::fmt;
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::answer::{Answer, Reader};
use crate::wait::PATIENCE;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Nothing has come for as long as the client has patience.
    Hang,
    /// The connection ended before the answer did.
    HungUp(String),
    /// Nobody listens.
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

/// How an answer is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// It has no body: `HEAD`.
    pub is_head: bool,
    /// The request is not whole: nothing more will come on this connection.
    pub is_cut: bool,
}

/// A client with one connection, which is opened when there is need. A request on a connection that was kept, and that
/// the host ends before it answers, is sent once more on a new one: so it may have been taken twice.
#[derive(Debug)]
pub struct Client {
    address: String,
    token: Option<String>,
    patience: Duration,
    connection: Option<TcpStream>,
}

impl Client {
    /// A client without a token of the host at `address`, as `127.0.0.1:9101`. It waits for [`PATIENCE`].
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), token: None, patience: PATIENCE, connection: None }
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// The same that waits for so long when the host is silent, before its answer or within it.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Reads what is at a path.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&mut self, path: &str) -> Result<Answer, Broken> {
        self.send("GET", path, b"")
    }

    /// Sends a request with JSON in it, with the token.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer, Broken> {
        self.send_with(method, path, "Content-Type: application/json\r\n", body)
    }

    /// Sends a request with these lines of the head, each with its end, and the token.
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

    /// Sends the bytes of a request, as they are, and reads its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn exchange(&mut self, request: &[u8], manner: Manner) -> Result<Answer, Broken> {
        if let Some(kept) = self.connection.take() {
            match self.exchange_on(kept, request, manner) {
                // The host may have ended a connection that was idle, at the very moment.
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
        // A host that has seen enough answers before it has read everything.
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

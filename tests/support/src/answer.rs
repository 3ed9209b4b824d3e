//! HTTP answers, and the reading of one from a connection: in time, as a whole, and not a byte too many.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use crate::http::Broken;

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The header with this lower-case name; empty if it is absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with replacements for bytes that are not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("the answer is not JSON: {}", self.text()))
    }
}

/// A reader of answers from a connection.
pub(crate) struct Reader {
    pub(crate) stream: TcpStream,
    /// The bytes that have come.
    bytes: Vec<u8>,
    /// The number of bytes that have been read from these.
    at: usize,
    /// The time that the host may be silent.
    patience: Duration,
    deadline: Instant,
}

impl Reader {
    /// A reader that gives up when nothing has come for `patience`.
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, bytes: Vec::new(), at: 0, patience, deadline: Instant::now() + patience }
    }

    /// Whether all bytes that came have been read.
    pub(crate) fn is_clean(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads an answer, and whether the connection ends with it. The answer to a `HEAD` has no body.
    pub(crate) fn answer(&mut self, is_head: bool) -> Result<(Answer, bool), Broken> {
        loop {
            let status = self.status()?;
            let headers = self.headers()?;
            // A status of 100 to 199 announces another one.
            if (100..200).contains(&status) {
                continue;
            }
            let mut answer = Answer { status, headers, body: Vec::new() };
            let mut is_last =
                answer.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
            let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
            if is_head || status == 204 || status == 304 {
                return Ok((answer, is_last));
            }
            answer.body = match length {
                Some(length) => self.exactly(length)?,
                None if answer.header("transfer-encoding") == Some("chunked") => self.chunks()?,
                None => {
                    is_last = true;
                    self.rest()?
                }
            };
            return Ok((answer, is_last));
        }
    }

    fn status(&mut self) -> Result<u16, Broken> {
        let line = self.line()?;
        let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.ok_or_else(|| Broken::HungUp(format!("{line:?} is no status")))
    }

    fn headers(&mut self) -> Result<Vec<(String, String)>, Broken> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Ok(headers) };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16);
            let length = length.map_err(|_no_number| Broken::HungUp(format!("{line:?} is no length")))?;
            body.extend(self.exactly(length)?);
            self.line()?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> Result<String, Broken> {
        loop {
            let waiting = self.bytes.get(self.at..).unwrap_or_default();
            if let Some(length) = waiting.iter().position(|byte| *byte == b'\n') {
                let line =
                    String::from_utf8_lossy(waiting.get(..length).unwrap_or_default()).trim_end().to_owned();
                self.at += length + 1;
                return Ok(line);
            }
            if !self.more()? {
                return Err(Broken::HungUp("the host hung up before it had answered".into()));
            }
        }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        while self.bytes.len() - self.at < length {
            if !self.more()? {
                return Err(Broken::HungUp("the host hung up within its answer".into()));
            }
        }
        let body = self.bytes.get(self.at..self.at + length).unwrap_or_default().to_vec();
        self.at += length;
        Ok(body)
    }

    fn rest(&mut self) -> Result<Vec<u8>, Broken> {
        while self.more()? {}
        let body = self.bytes.get(self.at..).unwrap_or_default().to_vec();
        self.at = self.bytes.len();
        Ok(body)
    }

    /// Reads more bytes; false at the end of the connection.
    fn more(&mut self) -> Result<bool, Broken> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Broken::Hang);
        }
        let gone = |error: std::io::Error| Broken::HungUp(error.to_string());
        self.stream.set_read_timeout(Some(left)).map_err(gone)?;
        let mut part = [0; 8192];
        match self.stream.read(&mut part) {
            Ok(count) => {
                self.deadline = Instant::now() + self.patience;
                self.bytes.extend_from_slice(part.get(..count).unwrap_or_default());
                Ok(count > 0)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Broken::Hang)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(gone(error)),
        }
    }
}

//! HTTP/1.1 as an attacker speaks it: any bytes out on a kept connection, whatever comes back in bounded time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// How long a host may be silent before its answer, and within it. What it does at lower priority, such as registering
/// packs, takes its time on a machine where others compute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers, by their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Nothing has come for [`PATIENCE`].
    Hang,
    /// The connection ended before it.
    HungUp(String),
    /// Nobody listens.
    Unreachable(String),
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// It has no body: `HEAD`.
    pub(crate) is_head: bool,
    /// The request is not whole: nothing more will come on this connection.
    pub(crate) is_cut: bool,
}

/// A client with one connection, which is opened when there is need.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
    connection: Option<TcpStream>,
}

impl Client {
    /// A client of the host at `address`.
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// Sends the bytes of a request and reads its answer.
    pub(crate) fn exchange(&mut self, request: &[u8], manner: Manner) -> Result<Answer, Broken> {
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

    /// Reads what is at a path, as the owner of `token`.
    pub(crate) fn get(&mut self, path: &str, token: &str) -> Result<Answer, Broken> {
        self.send("GET", path, token, b"")
    }

    /// Sends a request of the ordinary kind.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &[u8],
    ) -> Result<Answer, Broken> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.exchange(&[head.as_bytes(), body].concat(), Manner::default())
    }

    fn connect(&self) -> Result<TcpStream, Broken> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        open().map_err(|error| Broken::Unreachable(error.to_string()))
    }

    fn exchange_on(&mut self, stream: TcpStream, request: &[u8], manner: Manner) -> Result<Answer, Broken> {
        let mut reader = Reader { stream, bytes: Vec::new(), at: 0, deadline: Instant::now() + PATIENCE };
        // A host that has seen enough answers before it has read everything.
        let is_sent = reader.stream.write_all(request).is_ok();
        if manner.is_cut {
            drop(reader.stream.shutdown(Shutdown::Write));
        }
        let (answer, is_last) = reader.answer(manner.is_head)?;
        let is_clean = reader.at == reader.bytes.len();
        if is_sent && is_clean && !is_last && !manner.is_cut {
            self.connection = Some(reader.stream);
        }
        Ok(answer)
    }
}

/// Reads an answer from a connection.
struct Reader {
    stream: TcpStream,
    bytes: Vec<u8>,
    at: usize,
    deadline: Instant,
}

impl Reader {
    /// The answer, and whether the connection ends with it.
    fn answer(&mut self, is_head: bool) -> Result<(Answer, bool), Broken> {
        loop {
            let status = self.status()?;
            let headers = self.headers()?;
            // 100 says that the body may come; it has.
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

    /// Reads more; false at the end.
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
                self.deadline = Instant::now() + PATIENCE;
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

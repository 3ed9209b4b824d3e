//! HTTP as the harness needs it: blocking, one kept connection, answers with a length.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::invariants::Acknowledged;

/// A connection to a host.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    token: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(address: &str, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream), token: token.to_owned() })
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// When the host goes away.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status =
            self.line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
        let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                Some((name, value)) => {
                    answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => break,
            }
        }
        let length = answer.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the host hung up");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Sends an event to a webhook; what comes back is acknowledged.
    ///
    /// # Errors
    /// When it was not.
    pub fn event(&mut self, webhook: &str, body: &str) -> anyhow::Result<Acknowledged> {
        let answer = self.send("POST", &format!("/webhooks/{webhook}"), body)?;
        if answer.status != 202 {
            bail!("the event was answered with {}", answer.status);
        }
        let executions = answer.header("x-execution-ids").unwrap_or_default();
        Ok(Acknowledged {
            trigger_instance: answer.header("x-trigger-instance-id").context("no id")?.to_owned(),
            executions: executions.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        })
    }
}

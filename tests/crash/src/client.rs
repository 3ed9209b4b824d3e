//! What the harness asks of a host: by paths below `/api/v1`, with the admin's token. The client itself is that of all
//! tests.

use anyhow::{Context as _, ensure};
use petrel_test_support::{Answer, Host};

use crate::invariants::Acknowledged;

/// A connection to a host.
#[derive(Debug)]
pub struct Client(petrel_test_support::Client);

impl Client {
    /// A client of this host, for whichever thread.
    pub fn of(host: &Host) -> Self {
        Self(host.client())
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// When the host goes away.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        Ok(self.0.send(method, &format!("/api/v1{path}"), body.as_bytes())?)
    }

    /// As [`send`](Self::send), with further lines of the head, each with its end.
    ///
    /// # Errors
    /// When the host goes away.
    pub fn send_with(&mut self, method: &str, path: &str, head: &str, body: &str) -> anyhow::Result<Answer> {
        Ok(self.0.send_with(method, &format!("/api/v1{path}"), head, body.as_bytes())?)
    }

    /// Sends an event to a webhook; what comes back is acknowledged.
    ///
    /// # Errors
    /// When it was not.
    pub fn event(&mut self, webhook: &str, body: &str) -> anyhow::Result<Acknowledged> {
        let answer = self.send("POST", &format!("/webhooks/{webhook}"), body)?;
        ensure!(answer.status == 202, "the event was answered with {}", answer.status);
        let executions = answer.header("x-execution-ids").unwrap_or_default();
        Ok(Acknowledged {
            trigger_instance: answer.header("x-trigger-instance-id").context("no id")?.to_owned(),
            executions: executions.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        })
    }
}

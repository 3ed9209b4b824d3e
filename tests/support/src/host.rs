//! A listening host, as seen from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::http::Client;
use crate::process::Process;
use crate::wait::PATIENCE;

/// The time that a host whose output has ended may take to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A listening host. On drop it is killed.
#[derive(Debug)]
pub struct Host {
    /// The process of the host.
    pub process: Process,
    /// The address, such as `127.0.0.1:9101`.
    pub address: String,
    token_file: PathBuf,
}

impl Host {
    /// Turns a process into a host, once it has printed its address.
    pub(crate) fn of(mut process: Process, data: &Path) -> anyhow::Result<Self> {
        let Some(first) = process.said(PATIENCE, |lines| lines.first().cloned()) else {
            let how =
                process.wait(LAST_WORDS).map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(anyhow!("the host did not come up ({how}); its log:\n{}", process.log()));
        };
        let Some((_, address)) = first.split_once("://") else {
            // The reason may still be on its way to the log.
            drop(process.wait(LAST_WORDS));
            return Err(anyhow!(
                "the host did not say where it listens, but {first:?}; its log:\n{}",
                process.log()
            ));
        };
        Ok(Self { address: address.trim().to_owned(), token_file: data.join("admin-token"), process })
    }

    /// The admin's token in its file; empty if the file cannot be read.
    pub fn token(&self) -> String {
        fs::read_to_string(&self.token_file).unwrap_or_default().trim().to_owned()
    }

    /// A client with the admin's token.
    pub fn client(&self) -> Client {
        Client::new(&self.address).with_token(&self.token())
    }

    /// The lines that the host has printed, up to the one that contains `word`.
    ///
    /// # Errors
    /// When no such line comes.
    pub fn said(&self, word: &str) -> anyhow::Result<String> {
        let up_to = |lines: &[String]| -> Option<String> {
            let last = lines.iter().position(|line| line.contains(word))?;
            Some(lines.iter().take(last + 1).map(|line| format!("{line}\n")).collect())
        };
        self.process.said(PATIENCE, up_to).with_context(|| format!("the host did not say {word:?}"))
    }

    /// Adds the host's log to an error.
    ///
    /// # Errors
    /// When `outcome` is an error.
    pub fn explain<T>(&self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        let log = || match self.process.log() {
            empty if empty.is_empty() => "(the host has logged nothing)".to_owned(),
            log => format!("(the log of the host ends so:)\n{log}"),
        };
        outcome.map_err(|error| anyhow!("{error:#}\n{}", log()))
    }
}

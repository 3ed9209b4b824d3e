//! The host under load: started here on a data directory of its own, or running already. How one is started is in
//! `tests/support`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use petrel_test_support::{PATIENCE, ProcessId, Start};
use tempfile::TempDir;

/// A host to put load on. One that was started here is killed when this is dropped.
pub(crate) struct Host {
    pub(crate) address: String,
    pub(crate) token: String,
    own: Option<Own>,
}

/// A host that was started here.
struct Own {
    start: Start,
    host: petrel_test_support::Host,
    /// Removed when the host is gone.
    data: TempDir,
}

impl Host {
    /// A host that runs already.
    pub(crate) fn running(url: &str, token_file: &Path) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("the URL must begin with http://")?;
        let token =
            fs::read_to_string(token_file).with_context(|| format!("reading {}", token_file.display()))?;
        Ok(Self { address: address.trim_end_matches('/').into(), token: token.trim().into(), own: None })
    }

    /// Starts a host on an empty data directory, on a free port, with default settings but for `flags`.
    pub(crate) fn start(
        binary: Option<&Path>,
        data_root: Option<&Path>,
        flags: &[String],
    ) -> anyhow::Result<Self> {
        let root = data_root.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let data = TempDir::with_prefix_in("petrel-load-", root)?;
        let start = match binary {
            Some(binary) => Start::of(binary, data.path()),
            None => Start::new(data.path())?,
        };
        let start = start.flags(flags);
        let host = start.start()?;
        let (address, token) = (host.address.clone(), host.token());
        Ok(Self { address, token, own: Some(Own { start, host, data }) })
    }

    /// Ends the host, by SIGKILL or in order, and starts it again. Returns the time from its start to the
    /// first 200 of `/healthz`.
    pub(crate) fn restart(&mut self, killed: bool) -> anyhow::Result<Duration> {
        let own = self.own.as_mut().context("a host that was not started here is not restarted")?;
        if killed {
            own.host.process.kill()?;
        } else {
            own.host.process.terminate()?;
            own.host.process.wait(PATIENCE)?;
        }
        let started = Instant::now();
        own.host = own.start.start()?;
        self.address.clone_from(&own.host.address);
        let mut client = own.host.client();
        while client.get("/healthz")?.status != 200 {
            ensure!(started.elapsed() < PATIENCE, "the host does not become healthy");
        }
        Ok(started.elapsed())
    }

    /// What the data directory takes on the disk, in MiB.
    pub(crate) fn disk_mib(&self) -> Option<u64> {
        let own = self.own.as_ref()?;
        let output = Command::new("du").args(["-sm"]).arg(own.data.path()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.split_whitespace().next()?.parse().ok()
    }

    /// CPU time of the host and of the processes it has waited for.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.process()?.processor_time()
    }

    /// Resident memory of the host in MiB.
    pub(crate) fn rss_mib(&self) -> Option<f64> {
        let kib = u32::try_from(self.process()?.resident()? >> 10).ok()?;
        Some(f64::from(kib) / 1024.0)
    }

    /// Adds to what went wrong what a host that was started here has logged.
    pub(crate) fn explain<T>(&self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        match &self.own {
            Some(own) => own.host.explain(outcome),
            None => outcome,
        }
    }

    fn process(&self) -> Option<ProcessId> {
        Some(self.own.as_ref()?.host.process.id())
    }
}

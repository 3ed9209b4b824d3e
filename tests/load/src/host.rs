//! The host under load: started here on a data directory of its own, or running already.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A host to put load on. One that was started here is killed when this is dropped.
pub(crate) struct Host {
    pub(crate) address: String,
    pub(crate) token: String,
    process: Option<(Child, TempDir)>,
}

impl Host {
    /// A host that runs already.
    pub(crate) fn running(url: &str, token_file: &Path) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").context("the URL must begin with http://")?;
        let token =
            fs::read_to_string(token_file).with_context(|| format!("reading {}", token_file.display()))?;
        Ok(Self { address: address.trim_end_matches('/').into(), token: token.trim().into(), process: None })
    }

    /// Starts a host with default settings on an empty data directory, on a free port.
    pub(crate) fn start(binary: Option<&Path>, data_root: Option<&Path>) -> anyhow::Result<Self> {
        let binary = match binary {
            Some(binary) => binary.to_path_buf(),
            None => beside_this_program()?,
        };
        let root = data_root.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let data = TempDir::with_prefix_in("petrel-load-", root)?;
        let mut process = Command::new(&binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .env("PETREL_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let stdout = process.stdout.take().context("the host has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let Some(first) = lines.next().transpose()? else { bail!("the host ended before it listened") };
        let address =
            first.split("http://").nth(1).context("the host did not say where it listens")?.to_owned();
        let token = fs::read_to_string(data.path().join("admin-token"))?;
        Ok(Self { address, token, process: Some((process, data)) })
    }

    /// CPU time of the host and of the processes it has waited for.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let (process, _) = self.process.as_ref()?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).ok()?;
        // Fields 14 to 17 (utime, stime, cutime, cstime), counted behind the name in brackets.
        let ticks: u64 = stat
            .rsplit(')')
            .next()?
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|n| n.parse::<u64>().ok())
            .sum();
        Some(Duration::from_millis(ticks * 10))
    }

    /// Resident memory of the host in MiB.
    pub(crate) fn rss_mib(&self) -> Option<f64> {
        let (process, _) = self.process.as_ref()?;
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kib: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some((mut process, _data)) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

fn beside_this_program() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("petrel");
    if !binary.exists() {
        bail!("{} is not there; build it first: cargo build --release", binary.display());
    }
    Ok(binary)
}

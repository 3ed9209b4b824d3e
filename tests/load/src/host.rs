//! The host under load: started here on a data directory of its own, or running already.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A host to put load on. One that was started here is killed when this is dropped.
pub(crate) struct Host {
    pub(crate) address: String,
    pub(crate) token: String,
    own: Option<Own>,
}

/// A host that was started here.
struct Own {
    binary: PathBuf,
    flags: Vec<String>,
    process: Child,
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
        let binary = match binary {
            Some(binary) => binary.to_path_buf(),
            None => beside_this_program()?,
        };
        let root = data_root.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let data = TempDir::with_prefix_in("petrel-load-", root)?;
        let (process, address) = spawn(&binary, data.path(), flags)?;
        let token = fs::read_to_string(data.path().join("admin-token"))?;
        let own = Own { binary, flags: flags.to_vec(), process, data };
        Ok(Self { address, token, own: Some(own) })
    }

    /// Ends the host, by SIGKILL or in order, and starts it again. Returns the time from its start to the
    /// first 200 of `/healthz`.
    pub(crate) fn restart(&mut self, killed: bool) -> anyhow::Result<Duration> {
        let own = self.own.as_mut().context("a host that was not started here is not restarted")?;
        if killed {
            own.process.kill()?;
        } else {
            Command::new("kill").arg(own.process.id().to_string()).status()?;
        }
        own.process.wait()?;
        let started = Instant::now();
        (own.process, self.address) = spawn(&own.binary, own.data.path(), &own.flags)?;
        loop {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer)?;
            if answer.ends_with(b"200") {
                return Ok(started.elapsed());
            }
            anyhow::ensure!(started.elapsed() < Duration::from_secs(60), "the host does not become healthy");
        }
    }

    /// What the data directory takes on the disk, in MiB.
    pub(crate) fn disk_mib(&self) -> Option<u64> {
        let own = self.own.as_ref()?;
        let output = Command::new("du").args(["-sm"]).arg(own.data.path()).output().ok()?;
        String::from_utf8(output.stdout).ok()?.split_whitespace().next()?.parse().ok()
    }

    /// CPU time of the host and of the processes it has waited for.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.own.as_ref()?.process.id())).ok()?;
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
        let status = fs::read_to_string(format!("/proc/{}/status", self.own.as_ref()?.process.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kib: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(f64::from(kib) / 1024.0)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            drop(own.process.kill());
            drop(own.process.wait());
        }
    }
}

/// Starts a host and reads where it listens.
fn spawn(binary: &Path, data: &Path, flags: &[String]) -> anyhow::Result<(Child, String)> {
    let mut process = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .args(flags)
        .env("PETREL_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let stdout = process.stdout.take().context("the host has no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let Some(first) = lines.next().transpose()? else { bail!("the host ended before it listened") };
    let address = first.split("http://").nth(1).context("the host did not say where it listens")?.to_owned();
    // Read on to the end, so that the host never waits for its reader.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    Ok((process, address))
}

fn beside_this_program() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name("petrel");
    if !binary.exists() {
        bail!("{} is not there; build it first: cargo build --release", binary.display());
    }
    Ok(binary)
}

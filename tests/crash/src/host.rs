//! The host as a process: started on a data directory, killed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::client::Client;

/// How long a host may take to open its store.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running host. It is killed when this is dropped.
#[derive(Debug)]
pub struct Host {
    process: Child,
    /// Where it listens.
    pub address: String,
    token_file: PathBuf,
}

impl Host {
    /// Starts a host with these flags and waits until it listens.
    ///
    /// # Errors
    /// When it does not: its store could not be opened, most likely.
    pub fn start(binary: &Path, data: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_by(Self::command(binary, data, flags), data)
    }

    /// As [`Host::start`], by a [`Host::command`] to which something was added.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn start_by(mut command: Command, data: &Path) -> anyhow::Result<Self> {
        let mut process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let stdout = process.stdout.take().context("no standard output")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Read on to the end, so that the host never waits for its reader.
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let Ok(first) = receiver.recv_timeout(PATIENCE) else {
            drop(process.kill());
            let status = process.wait()?;
            bail!("the host did not come up ({status}); see its log above");
        };
        let address =
            first.split("http://").nth(1).context("the host did not say where it listens")?.to_owned();
        Ok(Self { process, address, token_file: data.join("admin-token") })
    }

    /// Starts a host with these flags and does not wait for anything.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub fn spawn(binary: &Path, data: &Path, flags: &[&str]) -> anyhow::Result<Child> {
        let mut command = Self::command(binary, data, flags);
        command.spawn().with_context(|| format!("starting {}", binary.display()))
    }

    /// What starts a host with these flags.
    pub fn command(binary: &Path, data: &Path, flags: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(flags)
            .env("PETREL_LOG", "off")
            .stdout(Stdio::piped());
        command
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The admin's token, as it is in its file now; empty when it cannot be read.
    pub fn token(&self) -> String {
        fs::read_to_string(&self.token_file).unwrap_or_default().trim().to_owned()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.address, &self.token())
    }

    /// What opens connections to it, for other threads.
    pub fn connector(&self) -> impl Fn() -> anyhow::Result<Client> + Send + 'static {
        let (address, token) = (self.address.clone(), self.token());
        move || Client::connect(&address, &token)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have been killed already.
        drop(self.kill());
    }
}

/// The binary of the host: `PETREL_BINARY`, or the one beside this program. Called from a test, it is
/// built first, in the profile of the test: `cargo test` does not build it for tests of another package,
/// or it may be left from an earlier build.
///
/// # Errors
/// When it is not there, or cannot be built.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PETREL_BINARY") {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let directory = here.parent().context("this program is nowhere")?;
    if directory.file_name().is_some_and(|name| name == "deps") {
        return build(directory.parent().context("there is no target directory")?);
    }
    let binary = directory.join("petrel");
    ensure!(binary.exists(), "{} is not there; build it first: cargo build --release", binary.display());
    Ok(binary)
}

/// Whether the binary is newer than everything that cargo says it was made of. Under `cargo test --workspace`
/// it is, and another build would resolve features differently and compile everything a second time.
fn is_fresh(binary: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let (Ok(built), Ok(list)) = (modified(binary), fs::read_to_string(binary.with_extension("d"))) else {
        return false;
    };
    let Some((_, sources)) = list.split_once(": ") else { return false };
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_ok_and(|source| source <= built))
}

/// Builds the binary into the target directory that `profile` (`TARGET/debug`) is in; once a process.
fn build(profile: &Path) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<bool> = Mutex::new(false);
    let mut is_built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let binary = profile.join("petrel");
    if *is_built || is_fresh(&binary) {
        return Ok(binary);
    }
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    cargo
        .args(["build", "--quiet", "--package", "petrel", "--profile", name, "--manifest-path"])
        .arg(Path::new(&package).join("../../Cargo.toml"))
        .arg("--target-dir")
        .arg(profile.parent().context("there is no target directory")?);
    // What cargo tells this package about itself would make build scripts of others run again.
    for (name, _) in std::env::vars_os() {
        let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_ours) {
            cargo.env_remove(name);
        }
    }
    ensure!(cargo.status()?.success(), "petrel could not be built");
    *is_built = true;
    Ok(binary)
}

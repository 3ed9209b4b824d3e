//! The start of a host: on a data directory, on loopback and a free port, with default settings except those of the
//! caller. Settings of a host in the environment of the tests are removed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::binary::binary;
use crate::host::Host;
use crate::log::Log;
use crate::process::Process;

/// The recipe for starting a host, any number of times.
#[derive(Debug, Clone)]
pub struct Start {
    binary: PathBuf,
    data: PathBuf,
    /// A shell script that runs before the host, in the same process.
    entry: Option<String>,
    flags: Vec<String>,
    environment: Vec<(String, OsString)>,
    log: Option<PathBuf>,
}

impl Start {
    /// A host of the [`binary()`] on this data directory.
    ///
    /// # Errors
    /// When the binary does not exist, or cannot be built.
    pub fn new(data: &Path) -> anyhow::Result<Self> {
        Ok(Self::of(&binary()?, data))
    }

    /// A host of `binary` on the data directory `data`.
    pub fn of(binary: &Path, data: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            entry: None,
            flags: Vec::new(),
            environment: Vec::new(),
            log: None,
        }
    }

    /// Adds flags.
    #[must_use]
    pub fn flags(mut self, flags: &[impl AsRef<str>]) -> Self {
        self.flags.extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs a shell script first, in the process that becomes the host.
    #[must_use]
    pub fn behind(mut self, entry: &str) -> Self {
        self.entry = Some(entry.to_owned());
        self
    }

    /// Appends the log to a file that stays. By default the log is deleted with the process.
    #[must_use]
    pub fn log_to(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// Starts a host and waits until it listens.
    ///
    /// # Errors
    /// When it does not listen, with its log. Most likely its store could not be opened.
    pub fn start(&self) -> anyhow::Result<Host> {
        Host::of(self.spawn()?, &self.data)
    }

    /// Starts a host without waiting for anything.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub fn spawn(&self) -> anyhow::Result<Process> {
        let log = Log::open(self.log.as_deref()).context("making a log")?;
        Process::start(&mut self.command(), log)
    }

    fn command(&self) -> Command {
        let mut command = match &self.entry {
            None => without_settings(&self.binary, &self.data),
            Some(entry) => {
                let mut shell = without_settings(Path::new("sh"), &self.data);
                shell.arg("-c").arg(format!("{entry}\nexec \"$0\" \"$@\"")).arg(&self.binary);
                shell
            }
        };
        command.env("PETREL_LISTEN", "127.0.0.1:0");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("serve").args(&self.flags);
        command
    }

    /// The report of `petrel store check` on the store, which no host may have open; `None` if it finds no damage.
    ///
    /// # Errors
    /// When the binary cannot be started.
    pub fn check_store(&self) -> anyhow::Result<Option<String>> {
        let mut command = without_settings(&self.binary, &self.data);
        command.args(["store", "check"]);
        // The flags of the store apply here too; those of a running host do not.
        let store =
            self.flags.chunks(2).filter(|pair| pair.first().is_some_and(|flag| flag == "--store-engine"));
        command.args(store.flatten());
        let output = command.output().context("starting `petrel store check`")?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ok((!output.status.success()).then(|| format!("{}: {}", output.status, said.trim())))
    }
}

/// A command for this data directory that finds no other settings, neither in the environment nor in the home
/// directory.
pub fn without_settings(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PETREL_") {
            command.env_remove(name);
        }
    }
    command.env("PETREL_DATA_DIR", data).env("PETREL_LOG", "warn");
    command.env("XDG_CONFIG_HOME", data.with_extension("config"));
    command
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait::{PATIENCE, until};

    /// Something in the place of a host: a shell that does not become one.
    fn shell(directory: &Path, script: &str) -> Start {
        Start::of(Path::new("true"), &directory.join("data")).behind(script)
    }

    #[test]
    fn a_host_that_does_not_come_up_is_explained_by_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let cases = [
            (
                "echo the store is torn >&2; exit 3",
                ["did not come up", "exit status: 3", "the store is torn"],
            ),
            ("echo hello; echo why >&2; exit 0", ["did not say where it listens", "hello", "why"]),
        ];
        for (script, parts) in cases {
            let error = format!("{:#}", shell(directory.path(), script).start().unwrap_err());
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_host_is_found_where_it_says_and_gone_with_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("data")).unwrap();
        std::fs::write(directory.path().join("data/admin-token"), "abc\n").unwrap();
        let script = "echo 'petrel listens on http://127.0.0.1:1'; echo \"  try $WORD\"; exec sleep 60";
        let host = shell(directory.path(), script).env("WORD", "petrel run").start().unwrap();
        assert_eq!((host.address.as_str(), host.token()), ("127.0.0.1:1", "abc".to_owned()));
        let said = host.said("petrel run").unwrap();
        assert_eq!(said, "petrel listens on http://127.0.0.1:1\n  try petrel run\n");
        let id = host.process.id();
        assert!(id.resident().is_some());
        drop(host);
        assert!(id.resident().is_none());
    }

    #[test]
    fn a_host_has_the_settings_of_its_caller_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = "env | grep ^PETREL_ | sort >&2; for word; do echo \"$word\" >&2; done; exit 0";
        let start = shell(directory.path(), script).flags(&["--one", "two"]).env("PETREL_LOG", "info");
        let mut process = start.log_to(&log).spawn().unwrap();
        assert!(process.wait(PATIENCE).unwrap().success());
        let data = directory.path().join("data");
        let expected = format!(
            "PETREL_DATA_DIR={}\nPETREL_LISTEN=127.0.0.1:0\nPETREL_LOG=info\nserve\n--one\ntwo\n",
            data.display()
        );
        assert_eq!(std::fs::read_to_string(log).unwrap(), expected);
    }

    #[test]
    fn who_is_asked_to_end_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let script = "trap 'exit 7' TERM; echo 'http://x'; while :; do sleep 0.01; done";
        let mut host = shell(directory.path(), script).start().unwrap();
        assert!(host.process.wait(Duration::from_millis(1)).is_err());
        host.process.terminate().unwrap();
        assert_eq!(host.process.wait(PATIENCE).unwrap().code(), Some(7));
        let ended = until("how it ended", PATIENCE, || host.process.ended()).unwrap();
        assert_eq!(ended.code(), Some(7));
    }
}

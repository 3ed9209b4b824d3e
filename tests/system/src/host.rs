//! A place for a host, and the host in it, with the requests of tests. `tests/support` starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use petrel_test_support::{Client, Start, binary, without_settings};
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::process::{Ended, Running};
use crate::{PATIENCE, count_files, eventually};

/// A directory for a host and its test.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    data: PathBuf,
}

impl Default for Place {
    fn default() -> Self {
        let directory = TempDir::with_prefix("petrel-system-").unwrap();
        let data = directory.path().join("data");
        Self { directory, data }
    }
}

impl Place {
    /// A place with its data directory elsewhere.
    pub fn with_data(data: &Path) -> Self {
        Self { data: data.to_owned(), ..Self::default() }
    }

    /// The data directory of the host.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The path of the file with this name.
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes an executable file and returns its path.
    pub fn write_script(&self, name: &str, content: &str) -> String {
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The content of a file; empty if it does not exist.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn command(&self) -> Command {
        self.command_of(&binary().unwrap())
    }

    /// A command with the environment of this place.
    fn command_of(&self, program: &Path) -> Command {
        let mut command = without_settings(program, &self.data);
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command
    }

    /// Runs the command line without a host of this place.
    pub fn petrel(&self, arguments: &[&str]) -> Ended {
        Running::start(self.command().args(arguments)).end()
    }

    /// As [`Place::petrel`], for what may take longer than anything of ours: compilers of other languages.
    pub fn petrel_within(&self, patience: Duration, arguments: &[&str]) -> Ended {
        Running::start(self.command().args(arguments)).end_within(patience)
    }

    /// Runs a shell script in this place, with `petrel` on its path and further variables.
    pub fn script(&self, script: &str, environment: &[(&str, &str)]) -> Ended {
        let commands = self.path("bin");
        let petrel = Path::new(&commands).join("petrel");
        if !petrel.exists() {
            fs::create_dir_all(&commands).unwrap();
            let binary = fs::canonicalize(binary().unwrap()).unwrap();
            std::os::unix::fs::symlink(binary, petrel).unwrap();
        }
        let others = std::env::var("PATH").unwrap_or_default();
        let mut command = self.command_of(Path::new("sh"));
        command.args(["-c", script]).env("PATH", format!("{commands}:{others}"));
        command.envs(environment.iter().copied()).current_dir(self.directory.path());
        Running::start(&mut command).end()
    }

    /// Starts a host with further arguments.
    pub fn start(&self, arguments: &[&str]) -> Host<'_> {
        self.start_with(arguments, &[])
    }

    /// Starts a host with further arguments and variables.
    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Host<'_> {
        let start = self.how_to_start(arguments);
        Host::of(self, &environment.iter().fold(start, |start, (name, value)| start.env(name, *value)))
    }

    /// Starts a host behind a shell script, in the same process.
    pub fn start_behind(&self, entry: &str, arguments: &[&str]) -> Host<'_> {
        Host::of(self, &self.how_to_start(arguments).behind(entry))
    }

    fn how_to_start(&self, arguments: &[&str]) -> Start {
        let start = Start::new(&self.data).unwrap().flags(arguments);
        start.env("XDG_CONFIG_HOME", self.path("config")).log_to(self.path("log"))
    }
}

/// A listening host. On drop it is killed, and if the test has failed by then its log is printed.
#[derive(Debug)]
pub struct Host<'a> {
    place: &'a Place,
    started: petrel_test_support::Host,
    /// The address of the host.
    pub address: String,
    /// The admin's token.
    pub token: String,
    /// The greeting of the host.
    pub greeting: String,
    /// The admin's password, at the first start.
    pub password: String,
}

impl<'a> Host<'a> {
    fn of(place: &'a Place, start: &Start) -> Self {
        let is_first = !place.data.join("store").exists();
        let host = start.start().unwrap();
        let greeting = host.said("petrel run").unwrap();
        let password = if is_first {
            let said = host.said("  password  ").unwrap();
            let line = said.lines().last().unwrap().trim();
            line.strip_prefix("password").unwrap().trim().to_owned()
        } else {
            String::new()
        };
        Self { place, address: host.address.clone(), token: host.token(), greeting, password, started: host }
    }
}

impl Host<'_> {
    /// Sends a request to a path below `/api/v1`, with the token and these lines of the head.
    ///
    /// # Errors
    /// When the host does not answer.
    pub fn try_send(&self, method: &str, path: &str, head: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let mut client = Client::new(&self.address).with_token(&self.token);
        http::send(&mut client, method, &format!("/api/v1{path}"), head, body)
    }

    /// Sends a request to any path, with only these lines of the head.
    #[track_caller]
    pub fn send_plain(&self, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
        http::send(&mut Client::new(&self.address), method, path, head, body).unwrap()
    }

    /// Gets a path below `/api/v1`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.try_send("GET", path, "", b"").unwrap()
    }

    /// Posts JSON to a path below `/api/v1`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_send("POST", path, "Content-Type: application/json\r\n", body.to_string().as_bytes())
            .unwrap()
    }

    /// Deletes a path below `/api/v1`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.try_send("DELETE", path, "", b"").unwrap()
    }

    /// Runs the command line against this host.
    pub fn cli(&self, arguments: &[&str]) -> Ended {
        self.start_cli(arguments).end()
    }

    /// Runs the command line with `input`, and without the admin's token.
    pub fn cli_with(&self, arguments: &[&str], input: &str) -> Ended {
        let url = format!("http://{}", self.address);
        let mut command = self.place.command();
        command.env("PETREL_URL", url).env("PETREL_DATA_DIR", self.place.path("nowhere")).args(arguments);
        Running::start_with(&mut command, input).end()
    }

    /// Runs the command line with further variables.
    pub fn cli_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let url = format!("http://{}", self.address);
        let mut command = self.place.command();
        command.env("PETREL_URL", url).envs(environment.iter().copied()).args(arguments);
        Running::start(&mut command).end()
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ended {
        self.cli(arguments).with_code(0)
    }

    /// Runs the command line, and `meanwhile` at the same time.
    pub fn cli_while(&self, arguments: &[&str], meanwhile: impl FnOnce()) -> Ended {
        let running = self.start_cli(arguments);
        meanwhile();
        running.end()
    }

    fn start_cli(&self, arguments: &[&str]) -> Running {
        let url = format!("http://{}", self.address);
        Running::start(self.place.command().env("PETREL_URL", url).args(arguments))
    }

    /// Requests an execution of `core.local` and returns its id.
    #[track_caller]
    pub fn shell(&self, cmd: &str) -> String {
        self.request(&serde_json::json!({"action": "core.local", "parameters": {"cmd": cmd}}))
    }

    /// Requests an execution and returns its id.
    #[track_caller]
    pub fn request(&self, body: &Value) -> String {
        let made = self.post("/executions", body).with_status(201).json();
        assert_eq!(made["status"], "requested");
        made["id"].as_str().unwrap().to_owned()
    }

    /// The present state of an execution.
    #[track_caller]
    pub fn execution(&self, id: &str) -> Value {
        self.get(&format!("/executions/{id}")).with_status(200).json()
    }

    /// Waits until an execution has a status, and returns it.
    #[track_caller]
    pub fn until(&self, id: &str, status: &str) -> Value {
        eventually(&format!("execution {id} is {status}"), || {
            Some(self.execution(id)).filter(|execution| execution["status"] == status)
        })
    }

    /// Gets a listing.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        self.get(path).with_status(200).json().as_array().unwrap().clone()
    }

    /// Waits until the components of shipped packs are compiled, which takes memory too.
    pub fn until_prepared(&self) {
        let data = self.place.data();
        let shipped = count_files(&data.join("packs"), "wasm");
        eventually("the components that ship are compiled", || {
            (count_files(&data.join("components"), "cwasm") >= shipped).then_some(())
        });
    }

    /// The peak of the host's memory, in bytes.
    pub fn largest_memory(&self) -> usize {
        self.started.process.id().largest().unwrap().try_into().unwrap()
    }

    /// The processor time of the host so far, with the children that it has waited for.
    pub fn processor_time(&self) -> Duration {
        self.started.process.id().processor_time().unwrap()
    }

    /// Whether the host is in a control group of its own, which its processes inherit.
    pub fn has_its_own_cgroup(&self) -> bool {
        let groups = self.started.process.id().control_groups();
        groups.lines().any(|line| line.starts_with("0::") && line.contains("/petrel-host-"))
    }

    /// Asks the host to stop.
    pub fn terminate(&self) {
        self.started.process.terminate().unwrap();
    }

    /// Waits until the host has stopped, and returns its exit code.
    pub fn stopped(mut self) -> i32 {
        self.started.process.wait(PATIENCE).unwrap().code().unwrap_or(-1)
    }

    /// Stops the host in order.
    #[track_caller]
    pub fn stop(self) {
        self.terminate();
        assert_eq!(self.stopped(), 0);
    }
}

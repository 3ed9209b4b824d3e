//! The runner of sensors written in Python, with StackStorm's classes (`st2reactor.sensor.base`). Each sensor has a process of
//! its own for as long as it runs, with the interpreter of the actions of its pack ([`python_script`](crate::python_script)).
//!
//! `petrel_sensor.py` of the [library] runs in it. It talks with the host by the lines that `lines`
//! describes, over a socket that is its standard input: so events and configuration are on no command line, and the
//! standard output and standard error are the sensor's own, and its log. `talk` is the host's side of that.
//!
//! An event counts for the sensor once it is stored: `dispatch` returns then. The process is ended with its whole group, by
//! SIGTERM, on which the sensor cleans up, and by SIGKILL after that. If the host itself is killed, the process notices that
//! the socket is closed and ends, and the next host ends what is left ([`mark_of`]).

mod lines;
mod talk;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::Ref;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::process::{self, Exit, Input, Spec};
use crate::python_script::{Environments, Options, library};
use crate::sensors::{Emitter, Polled, Received, Reply, SensorCall, SensorFailure, SensorKind, SensorRunner};
use crate::{NotPrepared, OutputSink};
use talk::{Conversation, Heard};

/// The number of sensors that begin at once: an interpreter and its imports take a processor for a while.
const BEGIN_AT_ONCE: usize = 4;

/// Whether a file is one of a sensor in Python.
pub fn is_python(entry_point: &str) -> bool {
    Path::new(entry_point).extension().is_some_and(|extension| extension == "py")
}

/// The mark of the processes of a sensor, by which [`end_leftovers`](process::end_leftovers) finds those of an earlier host.
pub fn mark_of(sensor: &Ref) -> String {
    format!("sensor:{sensor}")
}

/// Runs sensors written in Python.
#[derive(Debug)]
pub struct PythonSensors {
    options: Options,
    environments: Option<Environments>,
    beginning: Arc<Semaphore>,
}

impl PythonSensors {
    /// Creates a runner with the options of that of Python actions.
    pub fn new(options: Options) -> Self {
        Self { options, environments: None, beginning: Arc::new(Semaphore::new(BEGIN_AT_ONCE)) }
    }

    /// Runs the sensors of a pack in its virtual environment.
    #[must_use]
    pub fn in_environments(self, environments: Environments) -> Self {
        Self { environments: Some(environments), ..self }
    }

    fn spec(&self, sensor: &Ref, pack: &Path, interpreter: PathBuf) -> Spec {
        let mut environment: BTreeMap<String, String> = self.options.environment.iter().cloned().collect();
        let places = [pack.join("lib"), pack.join("actions/lib"), self.options.library.clone()];
        let places = places.map(|place| place.display().to_string()).join(":");
        environment.insert("PYTHONPATH".into(), places);
        // What is installed beside the interpreter is found by name, as in StackStorm.
        if let Some(folder) = interpreter.parent().filter(|_| interpreter.is_absolute()) {
            let path = environment.entry("PATH".into()).or_default();
            *path = format!("{}:{path}", folder.display());
        }
        environment.insert("ST2_API_URL".into(), self.options.api_url.clone());
        environment.entry("PYTHONIOENCODING".into()).or_insert_with(|| "utf-8".into());
        Spec {
            execution: mark_of(sensor),
            program: interpreter.into(),
            // Unbuffered, so that the log is there at once. The name is for people who look at processes.
            arguments: vec![
                "-u".into(),
                self.options.library.join(library::SENSOR_WRAPPER).into(),
                sensor.as_str().into(),
            ],
            environment: environment.into_iter().collect(),
            working_directory: self.options.working_directory.clone(),
            input: Input::Conversation,
            timeout: Duration::MAX,
            output_limit: 0,
            upkeep: self.options.upkeep.clone(),
        }
    }

    /// Runs a sensor until its process ends, and returns what that means.
    async fn run(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: &CancellationToken,
    ) -> Result<(), SensorFailure> {
        let Some(attendant) = call.attendant.clone() else {
            return Err(failure(
                "internal",
                "nothing attends to its process",
                "report this as a fault of the host",
            ));
        };
        let (file, interpreter) = (find(&call).await?, self.interpreter(&call).await?);
        let permit = Arc::clone(&self.beginning).acquire_owned();
        let Some(permit) = cancel.run_until_cancelled(permit).await else { return Ok(()) };
        let spec = self.spec(&call.sensor, &call.pack_path, interpreter);
        let program = Path::new(&spec.program).display().to_string();
        let command = format!("{program} -u {} {}", library::SENSOR_WRAPPER, call.sensor);
        let (heard, broken) = (Heard::default(), cancel.child_token());
        let exit = {
            let talking = Conversation {
                call: &call,
                file: &file,
                attendant: &attendant,
                emitter: &emitter,
                heard: &heard,
                broken: &broken,
            };
            let permit = permit.ok();
            process::converse(spec, &output, &broken, |peer| async move {
                talking.attendant.began(peer.process, &command).await;
                talking.go_on(peer.socket, permit).await;
            })
            .await
        };
        let exit = exit.map_err(|error| {
            let message = format!("its process cannot be started by {program}: {error}");
            failure(
                "process.start",
                message,
                "check the interpreter (--python PATH), and the limits of the host's user",
            )
        })?;
        if let Exit::Ended(status) = &exit {
            attendant.ended(status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1));
        }
        meaning(&exit, heard.failure(), &call.sensor)
    }

    /// The interpreter of the sensor's pack, else the host's, with the library in its place.
    async fn interpreter(&self, call: &SensorCall) -> Result<PathBuf, SensorFailure> {
        let environments = self.environments.as_ref();
        let own =
            environments.and_then(|all| all.interpreter(&self.options, call.sensor.pack(), &call.pack_path));
        let Some(found) = own.or_else(|| self.options.find_interpreter()) else {
            let message =
                format!("it needs Python, and there is no interpreter {}", self.options.interpreter);
            let hint = "install Python 3.8 or newer, or start the host with --python PATH";
            return Err(failure("python.missing", message, hint));
        };
        if !library::is_whole(&self.options.library) {
            // The interpreter would say that it finds no wrapper.
            self.options.upkeep.lay_out(self.options.library.clone()).await;
        }
        Ok(found)
    }
}

#[async_trait]
impl SensorRunner for PythonSensors {
    fn runs(&self, entry_point: &str) -> bool {
        is_python(entry_point)
    }

    fn starts_processes(&self) -> bool {
        true
    }

    async fn kind(&self, _pack_path: &Path, _entry_point: &str) -> Result<SensorKind, NotPrepared> {
        // Those that poll do so in their own time, in their process.
        Ok(SensorKind::Stream)
    }

    async fn poll(
        &self,
        _call: SensorCall,
        _cursor: Option<Arc<Value>>,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure> {
        Err(another_kind())
    }

    async fn receive(
        &self,
        _call: SensorCall,
        _request: Received,
        _output: OutputSink,
        _cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure> {
        Err(another_kind())
    }

    async fn stream(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure> {
        let ended = self.run(call, emitter, output, &cancel).await;
        // The end that was asked for is no failure.
        if cancel.is_cancelled() { Ok(()) } else { ended }
    }
}

/// What the end of a process means. `said` is what the sensor itself has said of it.
fn meaning(exit: &Exit, said: Option<SensorFailure>, sensor: &Ref) -> Result<(), SensorFailure> {
    if let Some(said) = said {
        return Err(said);
    }
    let how = match exit {
        Exit::Ended(status) if status.success() => return Ok(()),
        Exit::Ended(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (None, Some(signal)) => format!("by signal {signal}"),
            (None, None) => "in an unknown way".to_owned(),
        },
        Exit::Unknown => "in an unknown way".to_owned(),
        Exit::Canceled | Exit::TimedOut => return Ok(()),
    };
    Err(failure("sensor.exited", format!("its process has ended {how}"), logs(sensor)))
}

/// The file of a sensor, which must lie in its pack.
async fn find(call: &SensorCall) -> Result<PathBuf, SensorFailure> {
    let file = call.pack_path.join(&call.entry_point);
    let missing = |reason: String| {
        let hint = format!(
            "put it there, or correct entry_point and register the pack `{}` again",
            call.sensor.pack()
        );
        failure("script.missing", format!("its file {} {reason}", file.display()), hint)
    };
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => missing("does not exist".into()),
        _ => missing(format!("cannot be read: {error}")),
    };
    let pack = tokio::fs::canonicalize(&call.pack_path).await.map_err(unreadable)?;
    let found = tokio::fs::canonicalize(&file).await.map_err(unreadable)?;
    if !found.starts_with(&pack) {
        return Err(missing("is outside its pack".into()));
    }
    let is_file = tokio::fs::metadata(&found).await.map_err(unreadable)?.is_file();
    if is_file { Ok(found) } else { Err(missing("is not a plain file".into())) }
}

fn failure(code: &str, message: impl Into<String>, hint: impl Into<String>) -> SensorFailure {
    SensorFailure { code: code.into(), message: message.into(), hint: hint.into(), retry_after: None }
}

/// The place where people find out more.
fn logs(sensor: &Ref) -> String {
    format!("`petrel sensor logs {sensor}` shows what it has written")
}

fn another_kind() -> SensorFailure {
    failure("sensor.kind", "a sensor in Python goes on in its process", "begin it anew")
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn the_end_of_a_process_is_told_by_what_the_sensor_has_said_or_by_its_exit() {
        let sensor: Ref = "p.S".parse().unwrap();
        let said = || Some(failure("sensor.failed", "KeyError: 'x'", "h"));
        let ended = |raw| Exit::Ended(ExitStatus::from_raw(raw));
        for (exit, said, expected) in [
            (ended(0), None, None),
            (ended(0), said(), Some("KeyError: 'x'")),
            (ended(3 << 8), None, Some("its process has ended with exit code 3")),
            (ended(9), None, Some("its process has ended by signal 9")),
            (ended(1 << 8), said(), Some("KeyError: 'x'")),
            (Exit::Canceled, None, None),
        ] {
            let message = meaning(&exit, said, &sensor).err().map(|failure| failure.message);
            assert_eq!(message.as_deref(), expected, "{exit:?}");
        }
    }
}

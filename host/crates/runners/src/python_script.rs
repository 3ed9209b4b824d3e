//! The runner `python-script`: runs actions written in Python, as StackStorm does.
//!
//! Each execution has a process of its own, forked from an interpreter that is kept [`warm`](mod@warm) where there is one. Parameters, configuration and everything else travel through standard
//! input, which is a socket, and the result comes back through it ([`Input::Exchange`]). So the command line shows only
//! the interpreter and our wrapper, and standard output belongs to the action. The wrapper and the modules of
//! `st2common` that actions import are in `python/` of this crate; [`library`] lays them out. [`looking`] checks files
//! without running them.
//!
//! The result is `{result, stdout, stderr, exit_code}`, with `error` where nothing else explains a failure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::{Action, Object, Pack};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::call_parameters::{CallParameters, environment};
use crate::local_shell::exit;
use crate::output::{OutputSink, Stream};
use crate::process::{self, Captured, Exit, Finished, Input, Spec};
use crate::{
    Call, End, NotPrepared, Outcome, ProgressLine, Remark, Runner, RunnerType, Slots, entry_point, program,
};

pub mod environments;
pub mod library;
mod looking;
mod options;
mod warm;

pub use environments::Environments;
pub use options::Options;
pub use warm::WarmOptions;

use warm::{Found, Key, Warm};

/// The name of the runner.
pub const NAME: &str = "python-script";

/// Default timeout of an action, in seconds.
const TIMEOUT: f64 = 600.0;

/// Runs Python actions.
#[derive(Debug)]
pub struct PythonScript {
    runner_type: RunnerType,
    options: Options,
    warm: Option<Warm>,
    environments: Option<Environments>,
}

impl PythonScript {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        let parameters = json!({
            "debug": {"type": "boolean", "default": false, "required": false,
                "description": "Tell the action, by ST2_ACTION_DEBUG, to say more"},
            "env": {"type": "object", "description": "Variables to add to the environment"},
            "log_level": {"type": "string", "default": "DEBUG", "description": "What the action's logger lets through",
                "enum": ["AUDIT", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"]},
            "timeout": {"type": "integer", "default": 600, "description": "Seconds that the action may take"},
        });
        Self {
            runner_type: RunnerType {
                name: NAME,
                description: "Runs an action written in Python",
                parameters: parameters.as_object().cloned().unwrap_or_default(),
            },
            options,
            warm: None,
            environments: None,
        }
    }

    /// Runs the actions of a pack in its virtual environment.
    #[must_use]
    pub fn in_environments(self, environments: Environments) -> Self {
        Self { environments: Some(environments), ..self }
    }

    /// Keeps interpreters warm, within these bounds.
    #[must_use]
    pub fn kept_warm(self, options: WarmOptions) -> Self {
        Self { warm: (options.most > 0).then(|| Warm::new(options)), ..self }
    }

    /// The process of a call: one of its own, or one that is forked, which gets its environment with the request.
    fn spec(&self, call: &Call, file: &Path, interpreter: PathBuf, is_forked: bool) -> Result<Spec, Outcome> {
        let given = CallParameters(&call.parameters);
        let runner = &self.runner_type.parameters;
        let own = call.parameters.iter().filter(|(name, _)| !runner.contains_key(*name));
        let parameters: Object = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        let execution = call.execution_id.to_string();
        let mut environment = environment(call, &self.options.environment, &self.options.api_url);
        self.add_lasting(call, &mut environment);
        let mut request = json!({
            "file": file,
            "pack": call.action.reference.pack(),
            "pack_path": call.pack_path,
            "user": call.user,
            "log_level": given.text("log_level").unwrap_or("DEBUG"),
            "config": &*call.pack_config,
            "parameters": parameters,
        });
        if is_forked {
            environment.extend(process::marks_of(&execution));
            if let Some(request) = request.as_object_mut() {
                request.insert("environment".into(), json!(std::mem::take(&mut environment)));
            }
        }
        Ok(Spec {
            execution,
            program: interpreter.into(),
            // Unbuffered, so that output arrives while the action runs.
            arguments: vec!["-u".into(), self.options.library.join(library::WRAPPER).into()],
            environment: environment.into_iter().collect(),
            working_directory: self.options.working_directory.clone(),
            input: Input::Exchange {
                request: request.to_string().into_bytes(),
                answer_limit: self.options.result_limit,
            },
            timeout: given.timeout(TIMEOUT)?,
            output_limit: self.options.output_limit,
            upkeep: self.options.upkeep.clone(),
        })
    }

    /// Adds the variables that all executions of an action share.
    fn add_lasting(&self, call: &Call, environment: &mut BTreeMap<String, String>) {
        environment.insert("PYTHONPATH".into(), self.python_path(call));
        // What is installed there is found by name, as in StackStorm.
        if let Some(folder) = self.own_interpreter(call.action.reference.pack(), &call.pack_path)
            && let Some(folder) = folder.parent()
        {
            let path = environment.entry("PATH".into()).or_default();
            *path = format!("{}:{path}", folder.display());
        }
        environment.insert("ST2_API_URL".into(), self.options.api_url.clone());
        environment.entry("PYTHONIOENCODING".into()).or_insert_with(|| "utf-8".into());
    }

    /// The interpreter that is kept warm for an action, and the line that it begins with.
    fn warm_spec(&self, call: &Call, key: &Key) -> (Spec, Value) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut environment: BTreeMap<_, _> = self.options.environment.iter().cloned().collect();
        let pack = call.action.reference.pack();
        environment.insert("ST2_ACTION_PACK_NAME".into(), pack.to_owned());
        environment.insert("ST2_ACTION_API_URL".into(), self.options.api_url.clone());
        self.add_lasting(call, &mut environment);
        let spec = Spec {
            // No execution, and a name of its own: whoever ends it by its mark must not end another.
            execution: format!("warm-{}-{number}", std::process::id()),
            program: key.interpreter.clone().into(),
            arguments: vec!["-u".into(), self.options.library.join(library::WARM).into()],
            environment: environment.into_iter().collect(),
            working_directory: self.options.working_directory.clone(),
            input: Input::default(),
            timeout: Duration::MAX,
            output_limit: 0,
            upkeep: self.options.upkeep.clone(),
        };
        (spec, json!({"file": key.file, "pack": pack, "pack_path": call.pack_path}))
    }

    /// Has an execution forked from a warm interpreter. `None` if it has not begun, and has to begin cold.
    async fn run_warm(
        &self,
        call: &Call,
        key: &Key,
        output: &OutputSink,
        cancel: &CancellationToken,
    ) -> Option<Result<std::io::Result<Finished>, Outcome>> {
        let warm = self.warm.as_ref().filter(|_| !call.action.cold)?;
        let given = CallParameters(&call.parameters);
        let variables: Vec<String> = given.variables().map(|(name, _)| name.clone()).collect();
        if variables.iter().any(|name| warm::is_of_the_start(name)) {
            return None;
        }
        let forker = match warm.find(key, || self.warm_spec(call, key)) {
            Found::Warm(forker) => forker,
            Found::Nothing | Found::Cold(None) => return None,
            Found::Cold(Some(why)) => {
                output.line(Stream::Output, why);
                return None;
            }
        };
        let mut spec = match self.spec(call, &key.file, key.interpreter.clone(), true) {
            Ok(spec) => spec,
            Err(outcome) => return Some(Err(outcome)),
        };
        match process::run_forked(&mut spec, (&forker, &variables), output, cancel).await {
            Ok(finished) => Some(Ok(finished)),
            Err(why) => {
                if why.is_final {
                    warm.replace(key, &why);
                }
                None
            }
        }
    }

    /// Value of `PYTHONPATH`: the pack's `lib` and `actions/lib`, then `st2common`. A `PYTHONPATH` given by the caller
    /// is ignored, as in StackStorm.
    fn python_path(&self, call: &Call) -> String {
        let pack = &call.pack_path;
        let places = [pack.join("lib"), pack.join("actions/lib"), self.options.library.clone()];
        places.map(|place| place.display().to_string()).join(":")
    }

    /// The interpreter in the virtual environment of a pack, if it has one.
    fn own_interpreter(&self, pack: &str, directory: &Path) -> Option<PathBuf> {
        self.environments.as_ref()?.interpreter(&self.options, pack, directory)
    }

    /// The interpreter, or the failure of a call that needs it.
    fn interpreter(&self, call: &Call) -> Result<PathBuf, Outcome> {
        let own = self.own_interpreter(call.action.reference.pack(), &call.pack_path);
        own.or_else(|| self.options.find_interpreter()).ok_or_else(|| {
            let name = &self.options.interpreter;
            let folders = program::folders(&self.options.environment);
            let place = if name.contains('/') {
                "cannot be run".to_owned()
            } else {
                format!("is not on PATH ({folders})")
            };
            Outcome::failed(
                "python.missing",
                format!("{} needs Python, and the interpreter {name} {place}", call.action.reference),
                "install Python 3.8 or newer, or start the host with --python PATH",
            )
        })
    }
}

#[async_trait]
impl Runner for PythonScript {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Process
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let file = match entry_point::find(&call, &self.options.upkeep).await {
            Ok(file) => file,
            Err(outcome) => return outcome,
        };
        let interpreter = match self.interpreter(&call) {
            Ok(interpreter) => interpreter,
            Err(outcome) => return outcome,
        };
        if !library::is_whole(&self.options.library) {
            // The interpreter would say that it finds no wrapper.
            self.options.upkeep.lay_out(self.options.library.clone()).await;
        }
        let limit = match CallParameters(&call.parameters).timeout(TIMEOUT) {
            Ok(limit) => limit,
            Err(outcome) => return outcome,
        };
        let key = Key { interpreter, file };
        let finished = match self.run_warm(&call, &key, &output, &cancel).await {
            Some(Ok(finished)) => finished,
            Some(Err(outcome)) => return outcome,
            None => match self.spec(&call, &key.file, key.interpreter.clone(), false) {
                Ok(spec) => process::run(spec, &output, &cancel).await,
                Err(outcome) => return outcome,
            },
        };
        match finished {
            Ok(finished) => {
                exit::note_cuts(&finished, &output);
                outcome(finished, limit, &output)
            }
            Err(error) => {
                let directory = &self.options.working_directory;
                let program = key.interpreter.as_os_str();
                process::not_started(&call.action.reference, program, directory, &error)
            }
        }
    }

    async fn look_at(&self, pack_path: &Path, actions: &[Action]) -> Vec<Remark> {
        let pack = actions.first().map(|action| action.reference.pack()).unwrap_or_default();
        let mut options = self.options.clone();
        if let Some(interpreter) = self.own_interpreter(pack, pack_path) {
            options.interpreter = interpreter.display().to_string();
        }
        looking::remarks(&options, &self.runner_type.parameters, pack_path, actions).await
    }

    async fn equip(&self, pack: &Pack, directory: &Path) -> Result<Vec<String>, NotPrepared> {
        let Some(environments) = &self.environments else { return Ok(Vec::new()) };
        environments.equip(&self.options, pack, directory).await
    }

    fn progress(&self, after: u64) -> Vec<ProgressLine> {
        self.environments.as_ref().map(|environments| environments.progress(after)).unwrap_or_default()
    }

    fn removed(&self, pack: &str) {
        if let Some(environments) = self.environments.clone() {
            let pack = pack.to_owned();
            // Thousands of files; what cannot be removed now is for `petrel pack gc`.
            drop(tokio::task::spawn_blocking(move || environments.removed(&pack)));
        }
    }

    fn refresh(&self, pack_path: &Path) {
        // Files that it has imported are compared each time; what was found about others may be no longer so.
        self.forget(pack_path);
    }

    fn forget(&self, pack_path: &Path) {
        if let Some(warm) = &self.warm {
            warm.forget(pack_path);
        }
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

/// The outcome of an action whose process has ended.
fn outcome(finished: Finished, limit: Duration, output: &OutputSink) -> Outcome {
    let (mut end, mut exit_code, mut error) = exit::meaning(&finished.exit, limit);
    let (status, value) = answer(&finished.answer, output);
    if matches!(finished.exit, Exit::Unknown) && value.is_some() {
        // It has said what came of it, and nothing was left to do but to end.
        (end, exit_code, error) = (End::Succeeded, 0, None);
    }
    // StackStorm shows the text "None" when there is no result.
    let mut value = value.unwrap_or_else(|| "None".into());
    if end == End::Succeeded && status == Some(false) {
        end = End::Failed;
    }
    if finished.answer.dropped > 0 {
        let size = finished.answer.bytes.len() + finished.answer.dropped;
        let limit = finished.answer.bytes.len();
        end = if end == End::Succeeded { End::Failed } else { end };
        value = Value::Null;
        error = Some(if finished.answer.is_crowded_out {
            format!(
                "the result of {size} bytes of JSON was not accepted: {}; run it again when fewer actions run",
                output.refusal()
            )
        } else {
            format!(
                "the result has {size} bytes of JSON, and {limit} is the limit; return less, or write it to a file"
            )
        });
    }
    // Inserted one by one, since `json!` would copy values that may be large.
    let mut result = Object::new();
    result.insert("result".into(), value);
    result.insert("stdout".into(), finished.stdout.text().into());
    result.insert("stderr".into(), finished.stderr.text().into());
    result.insert("exit_code".into(), exit_code.into());
    if let Some(error) = error.or_else(|| output.shortfall()) {
        result.insert("error".into(), error.into());
    }
    Outcome { end, result: Value::Object(result) }
}

/// Reads status and result from the two lines of an answer. An answer that was cut short counts as none. A result
/// that is nested too deeply to be parsed, or for which there is no memory, is kept as its JSON text.
fn answer(captured: &Captured, output: &OutputSink) -> (Option<bool>, Option<Value>) {
    let text = String::from_utf8_lossy(&captured.bytes);
    let lines = text.strip_suffix('\n').and_then(|text| text.split_once('\n'));
    let Some((status, result)) = lines else { return (None, None) };
    let value = output.parse(result).unwrap_or_else(|| Value::from(result));
    (serde_json::from_str(status).unwrap_or_default(), Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_two_lines() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (text, expected) in [
            ("true\n{\"a\": 1}\n", (Some(true), Some(json!({"a": 1})))),
            ("false\nnull\n", (Some(false), Some(Value::Null))),
            ("null\n\"x\\ny\"\n", (None, Some(json!("x\ny")))),
            ("true\n{\"a\": 1", (None, None)),
            ("", (None, None)),
            (&format!("null\n{deep}\n"), (None, Some(Value::from(deep.as_str())))),
        ] {
            let captured = Captured { bytes: text.into(), ..Captured::default() };
            assert_eq!(answer(&captured, &OutputSink::new(0)), expected, "{text:?}");
        }
    }
}

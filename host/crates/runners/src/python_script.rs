//! The runner `python-script`: an action written in Python, as StackStorm's.
//!
//! One process an execution. Parameters, configuration and all else travel by standard input, a socket, and the
//! result comes back on it ([`Input::Exchange`]); so nothing is on the command line but the interpreter and our
//! file that runs the action, and standard output is the action's own. That file and what actions import from
//! `st2common` are in `python/` of this crate, and [`library`] lays them out.
//!
//! The result is `{result, stdout, stderr, exit_code}`, with `error` where nobody else says why.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::Object;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::given::{Given, environment};
use crate::local_shell::ending;
use crate::output::OutputSink;
use crate::process::{self, Captured, Finished, Input, Spec};
use crate::{Call, End, Outcome, Runner, RunnerType, Slots, entry_point, program};

pub mod library;

/// How many seconds an action may take, unless it says otherwise.
const TIMEOUT: f64 = 600.0;

/// How Python actions are run on this machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every process finds in its environment, beside what the call adds.
    pub environment: Vec<(String, String)>,
    /// Where a process starts.
    pub working_directory: PathBuf,
    /// The address of the API, for actions that call back.
    pub api_url: String,
    /// How many bytes of each stream are kept.
    pub output_limit: usize,
    /// How many bytes of JSON a result may have; a longer one fails the action.
    pub result_limit: usize,
    /// The interpreter: a path, or a name that is looked for on `PATH`.
    pub interpreter: String,
    /// Where [`library::lay_out`] has laid out what actions need.
    pub library: PathBuf,
}

impl Options {
    /// Where the interpreter is, if it is there.
    pub fn find_interpreter(&self) -> Option<PathBuf> {
        program::find(&self.interpreter, program::folders(&self.environment))
    }
}

/// Runs Python actions.
#[derive(Debug)]
pub struct PythonScript {
    runner_type: RunnerType,
    options: Options,
}

impl PythonScript {
    /// A runner that starts processes as `options` say.
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
                name: "python-script",
                description: "Runs an action written in Python",
                parameters: parameters.as_object().cloned().unwrap_or_default(),
                slots: Slots::Process,
            },
            options,
        }
    }

    fn spec(&self, call: &Call, file: &Path, interpreter: PathBuf) -> Result<Spec, Outcome> {
        let given = Given(&call.parameters);
        let runner = &self.runner_type.parameters;
        let own = call.parameters.iter().filter(|(name, _)| !runner.contains_key(*name));
        let parameters: Object = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        let request = json!({
            "file": file,
            "pack": call.action.reference.pack(),
            "pack_path": call.pack_path,
            "user": call.user,
            "log_level": given.text("log_level").unwrap_or("DEBUG"),
            "config": &*call.pack_config,
            "parameters": parameters,
        });
        let mut environment = environment(call, &self.options.environment, &self.options.api_url);
        environment.insert("PYTHONPATH".into(), self.python_path(call));
        environment.insert("ST2_API_URL".into(), self.options.api_url.clone());
        environment.entry("PYTHONIOENCODING".into()).or_insert_with(|| "utf-8".into());
        Ok(Spec {
            execution: call.execution_id.to_string(),
            program: interpreter.into(),
            // Unbuffered, so that output comes while the action runs.
            arguments: vec!["-u".into(), self.options.library.join(library::WRAPPER).into()],
            environment: environment.into_iter().collect(),
            working_directory: self.options.working_directory.clone(),
            input: Input::Exchange {
                request: request.to_string().into_bytes(),
                answer_limit: self.options.result_limit,
            },
            timeout: given.timeout(TIMEOUT)?,
            output_limit: self.options.output_limit,
        })
    }

    /// Where modules are looked for first: the pack's `lib` and `actions/lib`, and `st2common`. What a caller
    /// gives as `PYTHONPATH` does not count, as in StackStorm.
    fn python_path(&self, call: &Call) -> String {
        let pack = &call.pack_path;
        let places = [pack.join("lib"), pack.join("actions/lib"), self.options.library.clone()];
        places.map(|place| place.display().to_string()).join(":")
    }

    /// Where the interpreter is.
    fn interpreter(&self, call: &Call) -> Result<PathBuf, Outcome> {
        self.options.find_interpreter().ok_or_else(|| {
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

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let file = match entry_point::find(&call).await {
            Ok(file) => file,
            Err(outcome) => return outcome,
        };
        let interpreter = match self.interpreter(&call) {
            Ok(interpreter) => interpreter,
            Err(outcome) => return outcome,
        };
        let spec = match self.spec(&call, &file, interpreter) {
            Ok(spec) => spec,
            Err(outcome) => return outcome,
        };
        let program = spec.program.clone();
        let limit = spec.timeout;
        match process::run(spec, &output, &cancel).await {
            Ok(finished) => {
                ending::note_cuts(&finished, &output);
                outcome(finished, limit, &output)
            }
            Err(error) => {
                let directory = &self.options.working_directory;
                process::not_started(&call.action.reference, &program, directory, &error)
            }
        }
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

/// What came of an action.
fn outcome(finished: Finished, limit: Duration, output: &OutputSink) -> Outcome {
    let (mut end, exit_code, mut error) = ending::meaning(&finished.exit, limit);
    let (status, value) = answer(&finished.answer, output);
    // The text, as StackStorm has it, when there is no result.
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
                "the result of {size} bytes of JSON was not taken: {}; run it again when less runs",
                output.refusal()
            )
        } else {
            format!(
                "the result has {size} bytes of JSON, and {limit} is the limit; return less, or write it to a file"
            )
        });
    }
    // Moved in, one by one: the macro would copy what may be large.
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

/// Status and result, from the two lines of an answer; an answer that was cut short is none. A result that is
/// nested too deep to be read, or for which there is no room, is kept as its JSON text.
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

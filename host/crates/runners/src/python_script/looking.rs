//! Checks the files of Python actions when their pack is checked or registered, without running anything in them: whether
//! they compile with the interpreter that would run them, and whether `run` takes the declared parameters.
//!
//! One process reads all files (`petrel_look.py`), with bounds of memory and time. It writes what it found as JSON.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use petrel_model::Action;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::{quoted, told};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Options;
use crate::Remark;
use crate::output::OutputSink;
use crate::process::{self, Exit, Input, Spec};

const SCRIPT: &str = include_str!("../../python/petrel_look.py");

/// Longest time for all files of a pack.
const LONGEST: Duration = Duration::from_secs(30);

/// Bytes of the output of the process that are kept.
const OUTPUT_LIMIT: usize = 8 << 20;

/// Remarks about `actions` of the pack at `pack_path`, whose runner takes the parameters `of_runner`.
pub(super) async fn remarks(
    options: &Options,
    of_runner: &Parameters,
    pack_path: &Path,
    actions: &[Action],
) -> Vec<Remark> {
    let Some(first) = actions.first() else { return Vec::new() };
    match seen(options, of_runner, pack_path, actions).await {
        Ok(seen) => {
            let looked = actions.iter().zip(&seen);
            looked.flat_map(|(action, seen)| on_action(action, seen, of_runner)).collect()
        }
        Err(reason) => {
            let pack = first.reference.pack();
            let message = format!("the Python actions of the pack `{pack}` were not checked: {reason}");
            vec![Remark { action: first.reference.clone(), message, is_fatal: false }]
        }
    }
}

/// The findings in the file of each action.
///
/// # Errors
/// The reason for no findings, with a remedy.
async fn seen(
    options: &Options,
    of_runner: &Parameters,
    pack_path: &Path,
    actions: &[Action],
) -> Result<Vec<Value>, String> {
    let interpreter = options.find_interpreter().ok_or_else(|| {
        format!(
            "there is no interpreter {}; install Python 3.8 or newer, or name one with --python PATH",
            quoted(&options.interpreter)
        )
    })?;
    let request = |action: &Action| {
        let file = pack_path.join("actions").join(&action.entry_point);
        let own = action.parameters.keys().filter(|name| !of_runner.contains_key(*name));
        json!({"file": file.display().to_string(), "parameters": own.collect::<Vec<_>>()})
    };
    let request = Value::Array(actions.iter().map(request).collect());
    let spec = spec(options, interpreter, pack_path, &request);
    let finished = process::run(spec, &OutputSink::new(0), &CancellationToken::new())
        .await
        .map_err(|error| format!("{} cannot be started ({error}); check it", quoted(&options.interpreter)))?;
    if !matches!(finished.exit, Exit::Ended(_)) {
        return Err(format!("that took more than {} s; register fewer of them at once", LONGEST.as_secs()));
    }
    let error = finished.stderr.text();
    match serde_json::from_str(&finished.stdout.text()) {
        Ok(Value::Array(seen)) => Ok(seen),
        _ => {
            let last = error.trim().lines().next_back().unwrap_or("it ended without a word");
            Err(format!("{} failed: {}; check it", quoted(&options.interpreter), quoted(last)))
        }
    }
}

fn spec(options: &Options, interpreter: PathBuf, pack_path: &Path, request: &Value) -> Spec {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Spec {
        // No execution, and a name of its own: whoever ends it by its mark must not end another.
        execution: format!("look-{}-{number}", std::process::id()),
        program: interpreter.into(),
        // Isolated: nothing is imported from the pack, the environment or the user's directory.
        arguments: ["-I", "-S", "-c", SCRIPT].map(OsString::from).to_vec(),
        environment: options.environment.clone(),
        working_directory: pack_path.to_owned(),
        input: Input::Bytes(request.to_string().into_bytes()),
        timeout: LONGEST,
        output_limit: OUTPUT_LIMIT,
    }
}

/// Remarks about an action, from the findings in its file.
fn on_action(action: &Action, seen: &Value, of_runner: &Parameters) -> Vec<Remark> {
    let remark =
        |message: String, is_fatal: bool| Remark { action: action.reference.clone(), message, is_fatal };
    let number = |name: &str| seen.get(name).and_then(Value::as_u64);
    if let Some(reason) = seen.get("broken").and_then(Value::as_str) {
        let place = match (number("line"), number("column")) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: "),
            (Some(line), None) => format!("line {line}: "),
            (None, _) => String::new(),
        };
        let message = format!("{place}Python cannot compile it ({}); correct the file", told(reason));
        return vec![remark(message, true)];
    }
    let names =
        |key: &str| seen.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let place = format!("actions/{}:{}", action.entry_point, number("line").unwrap_or(1));
    let begin = |name: &str, verb: &str| format!("{place}: run() {verb} {}", quoted(name));
    let unknown = names("unknown").map(|name| {
        let begin = begin(name, "does not take");
        format!(
            "{begin}, which the action `{}` declares, so a run that gives it fails; add it to run()",
            action.reference
        )
    });
    let needed = names("needed").map(|name| {
        let begin = begin(name, "needs");
        if of_runner.contains_key(name) {
            return format!("{begin}, which is for the runner and is not passed on; give it a default");
        }
        format!(
            "{begin}, which the action `{}` does not declare, so every run fails; declare it, or give it a default",
            action.reference
        )
    });
    unknown.chain(needed).map(|message| remark(message, false)).collect()
}

//! Checks the files of Python actions when their pack is checked or registered, without running anything in them: whether
//! they compile with the interpreter that would run them, whether there is a class with a method `run` that takes the
//! declared parameters, and whether the modules exist that they import.
//!
//! One process reads all files (`petrel_look.py`, behind `petrel_modules.py`), with bounds of memory and time, and writes its
//! findings as JSON. A file that takes more is a note, never a refusal. [`told`](mod@told) words the findings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use petrel_model::Action;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::options::Options;
use crate::Remark;
use crate::output::OutputSink;
use crate::process::{self, Exit, Input, Spec};

mod told;

const SCRIPT: &str =
    concat!(include_str!("../../python/petrel_modules.py"), include_str!("../../python/petrel_look.py"));

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
        Ok(seen) => told::remarks(actions, &seen, of_runner, &options.interpreter),
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
    let request = json!({
        "pack": pack_path.display().to_string(),
        "actions": actions.iter().map(request).collect::<Vec<_>>(),
    });
    let spec = spec(options, interpreter, pack_path, &request);
    let finished = process::run(spec, &OutputSink::new(0), &CancellationToken::new())
        .await
        .map_err(|error| format!("{} cannot be started ({error}); check it", quoted(&options.interpreter)))?;
    if !matches!(finished.exit, Exit::Ended(_)) {
        return Err(format!("that took more than {} s; register fewer of them at once", LONGEST.as_secs()));
    }
    let error = finished.stderr.text();
    if let Ok(Value::Array(seen)) = serde_json::from_str(&finished.stdout.text()) {
        return Ok(seen);
    }
    let last = error.trim().lines().next_back().unwrap_or("it ended without a word, as for want of memory");
    Err(format!("{} failed: {}; check it", quoted(&options.interpreter), quoted(last)))
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
        upkeep: options.upkeep.clone(),
    }
}

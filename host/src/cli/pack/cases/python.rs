//! The Python tests of a pack, `tests/test_*.py`, with the classes that StackStorm gives to them (`st2tests.base`). They run in
//! the pack's virtual environment where a host on this machine has made one, else by the interpreter of the settings.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use petrel_runners::python_script::{Environments, library};
use serde_json::{Value, json};

use crate::config::Configuration;
use crate::exit::{Code, Failure};
use crate::print;
use crate::registries::Scratch;
use crate::server::runners::python_options;

/// The program that runs them.
const RUNNER: &str = "petrel_pack_test.py";

/// Whether a pack has Python tests.
pub(super) fn are_in(pack: &Path) -> bool {
    let entries = std::fs::read_dir(pack.join(super::FOLDER)).into_iter().flatten().flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| name.starts_with("test_") && Path::new(&name).extension().is_some_and(|end| end == "py"))
}

/// Runs those whose name contains `only`, with their output on standard error, and returns their numbers.
///
/// # Errors
/// When there is no interpreter, or it ends without a word on the tests.
pub(super) async fn run(pack: &Path, name: &str, only: Option<&str>) -> Result<Value, Failure> {
    let settings = Configuration::of_client()?;
    let data_dir = settings.data_dir();
    let options = python_options(&settings, &data_dir);
    let environments = Environments::new(settings.environments_in(&data_dir));
    let own = environments.interpreter(&options, name, pack);
    let interpreter: PathBuf = own.or_else(|| options.find_interpreter()).ok_or_else(|| {
        let message = format!("there is no interpreter `{}` for the tests in Python", options.interpreter);
        Failure::usage(message, "install Python 3.8 or newer, or name one in PETREL_PYTHON")
    })?;
    let scratch = Scratch::new()?;
    let failed = |error: std::io::Error| {
        let message = format!("the tests in Python cannot be run by {}: {error}", interpreter.display());
        Failure::new(Code::Failed, "python.tests", message, "check the interpreter")
    };
    library::lay_out(scratch.path()).map_err(failed)?;
    print::note(&format!("{} runs {}/test_*.py", interpreter.display(), super::FOLDER));
    let running = tokio::process::Command::new(&interpreter)
        .arg(scratch.path().join(RUNNER))
        .arg(pack)
        .args(only)
        .env("PYTHONPATH", scratch.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(pack)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let output = running.wait_with_output().await.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().next_back().unwrap_or_default();
    serde_json::from_str::<Value>(last).ok().filter(Value::is_object).ok_or_else(|| {
        let message =
            format!("the tests in Python ended ({}) without a word on what came of them", output.status);
        Failure::new(Code::Failed, "python.tests", message, "see what they have written")
    })
}

/// A number of the tests.
pub(super) fn number(told: &Value, name: &str) -> usize {
    told.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

/// What is told of them beside the cases.
pub(super) fn shown(told: &Value) -> Value {
    json!({
        "run": number(told, "run"),
        "failed": number(told, "failed"),
        "skipped": number(told, "skipped"),
        "names": told.get("names").cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_in_python_are_known_by_their_names() {
        let place = tempfile::tempdir().unwrap();
        assert!(!are_in(place.path()));
        let tests = place.path().join("tests");
        std::fs::create_dir(&tests).unwrap();
        for (name, expected) in [("helper.py", false), ("test_a.txt", false), ("test_a.py", true)] {
            std::fs::write(tests.join(name), "").unwrap();
            assert_eq!(are_in(place.path()), expected, "{name}");
        }
    }
}

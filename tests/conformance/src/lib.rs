//! Runs recorded cases of the original against our code.
//!
//! A suite is a function from a case's input to an [`Answer`] ([`suites`]); the rest is common: reading
//! cases, comparing answers ([`compare`]) and the list of known differences ([`exceptions`]).

mod answer;
pub mod compare;
pub mod exceptions;
pub mod suites;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

pub use answer::Answer;

/// A case whose answer is not the recorded one.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The case.
    pub id: String,
    /// The case without its expectation, as JSON.
    pub input: String,
    /// What the original said, as JSON.
    pub expected: String,
    /// What we said.
    pub got: String,
}

/// What came of all cases of a suite.
#[derive(Debug, Default)]
pub struct Report {
    /// The cases that agree.
    pub passed: Vec<String>,
    /// The others.
    pub differences: Vec<Difference>,
}

/// Runs every case found at `paths`, in this mode.
///
/// # Errors
/// A path that cannot be read, and cases that are none.
pub fn run(suite: suites::Suite, paths: &[PathBuf], mode: suites::Mode) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for path in paths {
        for case in cases(path)? {
            let id = case
                .get("id")
                .or_else(|| case.get("name"))
                .and_then(Value::as_str)
                .unwrap_or("without id")
                .to_owned();
            let expected = case.get("expect").cloned().unwrap_or_default();
            let is_lenient =
                [&case, &expected].iter().any(|value| value.get("lenient") == Some(&Value::Bool(true)));
            let answer = isolated(suite, &case, mode);
            let agrees = match &answer {
                Answer::Panic(_) => false,
                _ if is_lenient => true,
                answer => (suite.agrees)(&expected, answer),
            };
            if agrees {
                report.passed.push(id);
                continue;
            }
            let mut input = case;
            if let Some(fields) = input.as_object_mut() {
                fields.retain(|name, _| name != "expect" && name != "id");
            }
            report.differences.push(Difference {
                id,
                input: input.to_string(),
                expected: expected.to_string(),
                got: match answer {
                    Answer::Value(value) => value.to_string(),
                    Answer::Error(text) => format!("error: {text}"),
                    Answer::Panic(text) => format!("panic: {text}"),
                },
            });
        }
    }
    Ok(report)
}

/// The answer to one case, and a panic as one.
fn isolated(suite: suites::Suite, case: &Value, mode: suites::Mode) -> Answer {
    catch_unwind(AssertUnwindSafe(|| (suite.answer)(case, mode))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Answer::Panic(text.unwrap_or_default())
    })
}

/// The cases in a `.jsonl` file (one a line), a `.json` file (one, or a list), or a directory of such.
///
/// # Errors
/// A path that cannot be read, and cases that are none.
pub fn cases(path: &Path) -> anyhow::Result<Vec<Value>> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("read {}", path.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let cases = files.iter().map(|file| cases(file)).collect::<anyhow::Result<Vec<_>>>()?;
        return Ok(cases.into_iter().flatten().collect());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let parse = |text: &str| -> anyhow::Result<Value> {
        serde_json::from_str(text).with_context(|| format!("read a case of {}", path.display()))
    };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect(),
        Some("json") => Ok(match parse(&text)? {
            Value::Array(cases) => cases,
            case => vec![case],
        }),
        _ => bail!("{} is neither a directory, nor a .jsonl or .json file", path.display()),
    }
}

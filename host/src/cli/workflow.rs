//! `petrel workflow`: inspects, draws and tests workflows without running anything. It needs no host; if one answers
//! it is asked about the actions of a workflow.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use petrel_api_types::workflow::Finding;
use petrel_catalog::workflows::{Invalid, check, inspect as inspected, language};
use petrel_packs::limits::LARGEST_WORKFLOW;
use petrel_packs::plain_file;
use petrel_workflows::inspection::contents::NoActions;
use petrel_workflows::rehearsal::{self, Difference, Script};
use petrel_workflows::{Source, drawing};
use serde_json::{Value, json};

use super::input::read_file;
use super::session::Session;
use crate::client::{Connection, read};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod fitting;

use fitting::Names;

/// The interval at which `--watch` looks at files.
const LOOK: Duration = Duration::from_millis(300);

/// Inspect, draw and test workflows, without running anything.
#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Report all mistakes in workflows, with line and column
    #[command(after_help = "Examples:\n  petrel workflow inspect actions/workflows/deploy.yaml")]
    Inspect {
        /// Files of workflows or action chains, or - for standard input; for a directory all files in it, for a pack
        /// those in actions/workflows
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Do not ask a host about the actions of the workflows
        #[arg(long)]
        offline: bool,
    },
    /// Draw a workflow
    #[command(
        after_help = "Examples:\n  petrel workflow graph deploy.yaml | dot -Tpng > deploy.png\n  petrel workflow graph deploy.yaml --svg > deploy.svg"
    )]
    Graph {
        /// The file, or - for standard input
        file: String,
        /// Draw SVG instead of the language of Graphviz
        #[arg(long)]
        svg: bool,
    },
    /// Play workflows with scripted results, and compare with the expected outcome
    #[command(
        after_help = "Examples:\n  petrel workflow test tests/deploy.yaml\n  petrel workflow test tests/*.yaml --watch\n\nA test file names a workflow, its inputs, what the action of each task gives, and what to expect:\n\n  workflow: ../actions/workflows/deploy.yaml\n  input: {host: web1}\n  actions:\n    check: [{status: failed}, {result: {stdout: ok}}]\n  expect:\n    status: succeeded\n    tasks: [check, check, deploy]\n    output: {state: ok}"
    )]
    Test {
        /// The test files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Watch the files, and run the tests again whenever one of them or a workflow changes
        #[arg(long)]
        watch: bool,
    },
}

impl Workflow {
    pub(crate) async fn run(self, connection: &Connection, form: Form) -> Result<Code, Failure> {
        match self {
            Self::Inspect { files, offline: true } => inspect(None, form, &files).await,
            Self::Inspect { files, offline: false } => {
                let session = Session::open(connection, form);
                inspect(session.map_err(not_looked_at).ok(), form, &files).await
            }
            Self::Graph { file, svg } => {
                form.must_be_text("workflow graph", "a drawing")?;
                let source = read_file(&file)?;
                let Source::Orquesta(definition) = load(&file, &source)? else {
                    let message = format!("{file} is an action chain, which cannot be drawn");
                    return Err(Failure::usage(message, "give a workflow of Orquesta"));
                };
                print::text(&if svg { drawing::svg(&definition) } else { drawing::dot(&definition) });
                Ok(Code::Ok)
            }
            Self::Test { files, watch: false } => Ok(test(form, &files).0),
            Self::Test { files, watch: true } => watch(form, &files),
        }
    }
}

fn load(file: &str, source: &str) -> Result<Source, Failure> {
    check(language(source), source)
        .map_err(|invalid| Failure::usage(lines(file, &invalid).join("\n"), "correct it"))
}

/// The mistakes in a file, one on each line.
fn lines(file: &str, Invalid(found): &Invalid) -> Vec<String> {
    found.iter().map(|found| format!("{file}:{found}")).collect()
}

/// Inspects files with respect to the actions of the session's host, if there is one.
async fn inspect(mut session: Option<Session>, form: Form, files: &[String]) -> Result<Code, Failure> {
    let (mut code, mut all) = (Code::Ok, Vec::new());
    for file in &within(files)? {
        let source = read_file(file)?;
        let asked = match &session {
            Some(session) => session.client.inspect(source.clone()).await.map_err(not_looked_at).ok(),
            None => None,
        };
        // A host that does not answer is not asked again.
        session = session.filter(|_| asked.is_some());
        let found = asked
            .unwrap_or_else(|| inspected(language(&source), &source).beside(&NoActions).found().to_errors());
        let mut findings: Vec<Finding<'static>> = read(&found)?;
        findings.sort_by_key(|finding| (finding.line, finding.column));
        if form == Form::Text {
            findings.iter().for_each(|finding| print::line(&told(file, finding)));
            if findings.is_empty() {
                print::note(&format!("{file}: no problems found"));
            }
        }
        if findings.iter().any(|finding| !finding.is_note()) {
            code = Code::Failed;
        }
        all.push(json!({"file": file, "errors": found}));
    }
    if form == Form::Json {
        print::json(&Value::Array(all));
    }
    Ok(code)
}

/// The named files, with directories replaced by the workflows in them; for a pack those in `actions/workflows`.
fn within(files: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for file in files {
        let given = Path::new(file);
        if !given.is_dir() {
            all.push(file.clone());
            continue;
        }
        let of_pack = given.join("actions/workflows");
        let directory = if of_pack.is_dir() { of_pack } else { given.to_owned() };
        let unreadable = |error: std::io::Error| {
            let message = format!("{} cannot be read: {error}", directory.display());
            Failure::usage(message, "check the name of the directory")
        };
        let entries = std::fs::read_dir(&directory).map_err(unreadable)?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let mut found: Vec<_> = paths.filter(is_yaml).map(|path| path.display().to_string()).collect();
        if found.is_empty() {
            let message = format!("{} is a directory without a workflow", directory.display());
            return Err(Failure::usage(
                message,
                "name files, a directory of files, or the directory of a pack",
            ));
        }
        found.sort();
        all.append(&mut found);
    }
    Ok(all)
}

/// Notes that no host was asked, and why.
fn not_looked_at(failure: Failure) {
    let Failure { message, .. } = failure;
    print::note(&format!("the parameters of called actions were not checked: {message}"));
}

/// A finding in one line.
fn told(file: &str, finding: &Finding<'_>) -> String {
    let mut line = file.to_owned();
    if let (Some(row), Some(column)) = (finding.line, finding.column) {
        line.push_str(&format!(":{row}:{column}"));
    }
    line.push_str(if finding.is_note() { ": note: " } else { ": " });
    if let Some(path) = finding.spec_path.as_deref().filter(|path| !path.is_empty()) {
        line.push_str(&format!("{path}: "));
    }
    line.push_str(&finding.message);
    if let Some(hint) = &finding.hint {
        line.push_str(if finding.message.ends_with(['.', '?', '!']) { " " } else { ". " });
        line.push_str(hint);
    }
    if let Some(expression) = &finding.expression {
        line.push_str(&format!(" (in `{expression}`)"));
    }
    line
}

/// The outcome of one script.
struct Verdict {
    file: String,
    name: String,
    result: Result<(), String>,
}

/// Runs test files. Returns the exit code, and all files on which the result depends.
fn test(form: Form, files: &[String]) -> (Code, Vec<PathBuf>) {
    let mut verdicts = Vec::new();
    let mut seen = Vec::new();
    for file in files {
        seen.push(PathBuf::from(file));
        match scripts(file, &mut seen) {
            Ok((source, scripts)) => {
                for script in scripts {
                    let played = rehearsal::play(&source, &script);
                    let difference = rehearsal::first_difference(&script.expect, &played);
                    let result =
                        difference.map_or(Ok(()), |difference| Err(shown(&difference, &played.errors)));
                    verdicts.push(Verdict { file: file.clone(), name: script.name, result });
                }
            }
            Err(reason) => {
                verdicts.push(Verdict { file: file.clone(), name: String::new(), result: Err(reason) });
            }
        }
    }
    let failed = verdicts.iter().filter(|verdict| verdict.result.is_err()).count();
    report(form, &verdicts, failed);
    (if failed == 0 { Code::Ok } else { Code::Failed }, seen)
}

fn report(form: Form, verdicts: &[Verdict], failed: usize) {
    if form == Form::Json {
        let shown = verdicts.iter().map(|verdict| {
            json!({"file": verdict.file, "name": verdict.name, "passed": verdict.result.is_ok(), "difference": verdict.result.as_ref().err()})
        });
        print::json(&Value::Array(shown.collect()));
        return;
    }
    for Verdict { file, name, result } in verdicts {
        let title = if name.is_empty() { file.clone() } else { format!("{file}: {name}") };
        match result {
            Ok(()) => print::line(&format!("ok      {title}")),
            Err(reason) => print::line(&format!("FAILED  {title}\n{reason}")),
        }
    }
    print::line(&format!("{} passed, {failed} failed", verdicts.len() - failed));
}

/// The workflow and the scripts of a test file.
fn scripts(file: &str, seen: &mut Vec<PathBuf>) -> Result<(Source, Vec<Script>), String> {
    let text = plain_file::read_text(Path::new(file), LARGEST_WORKFLOW)
        .map_err(|error| format!("        {file} cannot be read: {error}"))?;
    let document = petrel_yaml::parse(&text).map_err(|error| format!("        {file}: {error}"))?;
    let (workflow, scripts) =
        rehearsal::parse(&document.value).map_err(|error| format!("        {file}: {error}"))?;
    // A test names its workflow relative to itself.
    let path = Path::new(file).parent().unwrap_or_else(|| Path::new("")).join(&workflow);
    seen.push(path.clone());
    let source = plain_file::read_text(&path, LARGEST_WORKFLOW)
        .map_err(|error| format!("        {} cannot be read: {error}", path.display()))?;
    let checked = check(language(&source), &source)
        .map_err(|invalid| lines(&format!("        {}", path.display()), &invalid).join("\n"))?;
    let written =
        petrel_yaml::parse(&source).map_err(|error| format!("        {}: {error}", path.display()))?;
    let names = Names::of(&checked, &written.value, &path);
    for script in &scripts {
        names.check(script).map_err(|error| {
            let test = if script.name.is_empty() { String::new() } else { format!(" ({})", script.name) };
            format!("        {file}{test}: {error}")
        })?;
    }
    Ok((checked, scripts))
}

/// A difference for people: its subject, both sides, the context, and errors.
fn shown(Difference { what, expected, actual, context }: &Difference, errors: &[String]) -> String {
    let mut text =
        format!("        {what} differs\n          expected {expected}\n          got      {actual}");
    for error in errors {
        text.push_str(&format!("\n          error    {error}"));
    }
    text.push_str("\n          context at that point");
    for (name, value) in context.as_object().into_iter().flatten() {
        text.push_str(&format!("\n            {name}: {value}"));
    }
    text
}

/// Runs test files again and again, whenever one of the files on which they depend has changed. Ends with the
/// process.
fn watch(form: Form, files: &[String]) -> Result<Code, Failure> {
    loop {
        let (_code, seen) = test(form, files);
        let times = |seen: &[PathBuf]| -> Vec<Option<SystemTime>> {
            seen.iter().map(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok()).collect()
        };
        let before = times(&seen);
        while times(&seen) == before {
            std::thread::sleep(LOOK);
        }
        print::note("a file has changed; running the tests again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_that_begins_with_its_place() {
        for (answer, expected) in [
            (
                json!({
                    "type": "expression", "message": "no", "spec_path": "tasks.t", "schema_path": "p",
                    "expression": "<% x %>", "line": 3, "column": 5,
                }),
                "f.yaml:3:5: tasks.t: no (in `<% x %>`)",
            ),
            (json!({"type": "syntax", "message": "no", "spec_path": null}), "f.yaml: no"),
            (json!({"message": "no", "spec_path": "", "severity": "note"}), "f.yaml: note: no"),
            (
                json!({"message": "It is not.", "hint": "Did you mean a?"}),
                "f.yaml: It is not. Did you mean a?",
            ),
        ] {
            assert_eq!(told("f.yaml", &serde_json::from_value(answer).unwrap()), expected);
        }
    }

    #[test]
    fn a_directory_stands_for_the_workflows_in_it() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        std::fs::create_dir_all(place.path().join("pack/actions/workflows")).unwrap();
        std::fs::create_dir_all(place.path().join("empty")).unwrap();
        for name in ["pack/actions/b.yaml", "pack/actions/workflows/b.yaml", "pack/actions/workflows/a.yml"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let flows = [path("pack/actions/workflows/a.yml"), path("pack/actions/workflows/b.yaml")];
        assert_eq!(within(&[path("pack")]).unwrap(), flows);
        assert_eq!(within(&[path("pack/actions/workflows"), "-".into()]).unwrap().len(), 3);
        assert_eq!(within(&[path("missing.yaml")]).unwrap(), [path("missing.yaml")]);
        let refused = within(&[path("empty")]).unwrap_err();
        assert!(refused.message.contains("without a workflow"), "{refused}");
    }
}

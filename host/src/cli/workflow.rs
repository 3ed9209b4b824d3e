//! `petrel workflow`: looks at workflows without running anything. It needs no host.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use petrel_engine::workflows::{ACTION_CHAIN, Invalid, ORQUESTA, check};
use petrel_packs::limits::LARGEST_WORKFLOW;
use petrel_packs::plain_file;
use petrel_workflows::rehearsal::{self, Difference, Script};
use petrel_workflows::{Source, drawing};
use serde_json::{Value, json};

use super::read_file;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// How often files are looked at with `--watch`.
const LOOK: Duration = Duration::from_millis(300);

/// Inspect, draw and test workflows, without running anything.
#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Say all that is wrong with workflows, by line and column
    #[command(after_help = "Examples:\n  petrel workflow inspect actions/workflows/deploy.yaml")]
    Inspect {
        /// Files of workflows or action chains, or - for standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
    },
    /// Draw a workflow
    #[command(
        after_help = "Examples:\n  petrel workflow graph deploy.yaml | dot -Tpng > deploy.png\n  petrel workflow graph deploy.yaml --svg > deploy.svg"
    )]
    Graph {
        /// The file, or - for standard input
        file: String,
        /// As SVG, instead of the language of Graphviz
        #[arg(long)]
        svg: bool,
    },
    /// Play workflows through with scripted results, and compare with what is expected
    #[command(
        after_help = "Examples:\n  petrel workflow test tests/deploy.yaml\n  petrel workflow test tests/*.yaml --watch\n\nA test file names a workflow, its inputs, what the action of each task gives, and what to expect:\n\n  workflow: ../actions/workflows/deploy.yaml\n  input: {host: web1}\n  actions:\n    check: [{status: failed}, {result: {stdout: ok}}]\n  expect:\n    status: succeeded\n    tasks: [check, check, deploy]\n    output: {state: ok}"
    )]
    Test {
        /// The test files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Go on, and run them again whenever one of them or a workflow changes
        #[arg(long)]
        watch: bool,
    },
}

impl Workflow {
    pub(crate) fn run(self, form: Form) -> Result<Code, Failure> {
        match self {
            Self::Inspect { files } => inspect(form, &files),
            Self::Graph { file, svg } => {
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

/// Which language a text is in: only chains have a `chain`.
fn language(source: &str) -> &'static str {
    let is_chain = petrel_yaml::parse(source).is_ok_and(|document| document.value.get("chain").is_some());
    if is_chain { ACTION_CHAIN } else { ORQUESTA }
}

fn load(file: &str, source: &str) -> Result<Source, Failure> {
    check(language(source), source)
        .map_err(|invalid| Failure::usage(lines(file, &invalid).join("\n"), "correct it"))
}

/// What is wrong with a file, a line each.
fn lines(file: &str, Invalid(found): &Invalid) -> Vec<String> {
    found.iter().map(|found| format!("{file}:{found}")).collect()
}

fn inspect(form: Form, files: &[String]) -> Result<Code, Failure> {
    let (mut code, mut all) = (Code::Ok, Vec::new());
    for file in files {
        let source = read_file(file)?;
        let result = check(language(&source), &source);
        let errors = result.as_ref().err().map_or_else(|| json!([]), Invalid::to_errors);
        all.push(json!({"file": file, "errors": errors}));
        match (result, form) {
            (Err(invalid), Form::Text) => lines(file, &invalid).iter().for_each(|line| print::line(line)),
            (Ok(_), Form::Text) => print::note(&format!("{file}: nothing is wrong")),
            (_, Form::Json) => {}
        }
        if errors != json!([]) {
            code = Code::Failed;
        }
    }
    if form == Form::Json {
        print::json(&Value::Array(all));
    }
    Ok(code)
}

/// What came of one script.
struct Verdict {
    file: String,
    name: String,
    result: Result<(), String>,
}

/// Runs test files; gives the exit code, and all files that the result depends on.
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
                        difference.map_or(Ok(()), |difference| Err(told(&difference, &played.errors)));
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
    let path = Path::new(file).parent().unwrap_or_else(|| Path::new("")).join(&workflow);
    seen.push(path.clone());
    let source = plain_file::read_text(&path, LARGEST_WORKFLOW)
        .map_err(|error| format!("        {} cannot be read: {error}", path.display()))?;
    let source = check(language(&source), &source)
        .map_err(|invalid| lines(&format!("        {}", path.display()), &invalid).join("\n"))?;
    Ok((source, scripts))
}

/// A difference for people: what, both sides, what was known, and what went wrong.
fn told(Difference { what, expected, actual, context }: &Difference, errors: &[String]) -> String {
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

/// Runs test files, and again whenever something that they depend on has changed. Ends with the process.
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
        print::note("something has changed; once more");
    }
}

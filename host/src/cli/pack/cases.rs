//! `petrel pack test`: runs the cases of a pack in `tests/*.yaml`, each in a fresh instance of its component, with answers
//! written in the case in the place of the network, and the tests in Python that it has (`tests/test_*.py`). No host is needed.

pub(super) mod events;
pub(super) mod keys;
mod network;
mod python;
mod stage;
mod verdict;

use std::path::{Path, PathBuf};

use clap::Args;
use petrel_packs::definition::{Case, read_cases};
use petrel_packs::limits::LARGEST_METADATA;
use petrel_packs::{Directory, PackContents, Problem, Source as _};
use serde_json::{Value, json};

use super::bench::{contents, told};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use stage::Stage;

/// The directory of a pack with its cases.
const FOLDER: &str = "tests";

/// The cases to run.
#[derive(Debug, Args)]
pub(crate) struct Cases {
    /// The directory with pack.yaml
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Run only the cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// A case with what came of it.
struct Tried {
    /// Its name, with its place.
    name: String,
    /// What is not as expected.
    differences: Vec<String>,
}

impl Cases {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        if let Some(mistaken) = super::typed::mistaken("test", &self.directory) {
            return Err(mistaken);
        }
        let pack = self.directory.canonicalize();
        let pack = pack.map_err(|error| super::wanted::unreadable("test", &self.directory, &error))?;
        let (only, mut cases) = (self.only.as_deref(), found(&pack)?);
        let has_python = python::are_in(&pack);
        if has_python {
            cases.retain(|(_, case)| only.is_none_or(|only| case.name.contains(only)));
        } else {
            cases = chosen(cases, only, &self.directory)?;
        }
        let contents = contents("test", &pack)?;
        let reference = contents.pack.reference.clone();
        let tried = if cases.is_empty() { Vec::new() } else { tried(form, &pack, contents, cases).await? };
        let by_python = if has_python { Some(python::run(&pack, &reference, only).await?) } else { None };
        Ok(summary(form, &tried, by_python.as_ref()))
    }
}

/// Runs cases, and tells of each.
async fn tried(
    form: Form,
    pack: &Path,
    contents: PackContents,
    cases: Vec<(String, Case)>,
) -> Result<Vec<Tried>, Failure> {
    let stage = Stage::of(pack, contents)?;
    let mut tried = Vec::new();
    for (file, case) in cases {
        let name = format!("{} ({file}:{})", case.name, case.position.line);
        let differences = stage.differences(&case).await;
        if form == Form::Text {
            let end = if differences.is_empty() { "passed" } else { "FAILED" };
            print::line(&format!("{end} {name}"));
            differences.iter().for_each(|line| print::line(&format!("  {line}")));
        }
        tried.push(Tried { name, differences });
    }
    Ok(tried)
}

/// Tells how many cases, and tests in Python, have passed.
fn summary(form: Form, tried: &[Tried], by_python: Option<&Value>) -> Code {
    let number = |name: &str| by_python.map_or(0, |told| python::number(told, name));
    let failed = tried.iter().filter(|one| !one.differences.is_empty()).count() + number("failed");
    let passed = (tried.len() + number("run")).saturating_sub(failed + number("skipped"));
    match form {
        Form::Json => {
            let cases: Value = tried
                .iter()
                .map(|Tried { name, differences }| {
                    json!({"name": name, "passed": differences.is_empty(), "differences": differences})
                })
                .collect();
            let mut told = json!({"passed": passed, "failed": failed, "cases": cases});
            if let (Some(told), Some(by_python)) = (told.as_object_mut(), by_python) {
                told.insert("python".to_owned(), python::shown(by_python));
            }
            print::json(&told);
        }
        Form::Text => print::note(&format!("{passed} passed, {failed} failed")),
    }
    if failed == 0 { Code::Ok } else { Code::Failed }
}

/// All cases of a pack, each with its file.
fn found(pack: &Path) -> Result<Vec<(String, Case)>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("{FOLDER} of the pack cannot be read: {error}"), "");
    let source = Directory::open(pack).map_err(unreadable)?;
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for name in source.list(FOLDER).map_err(unreadable)? {
        if !Path::new(&name).extension().is_some_and(|end| end == "yaml" || end == "yml") {
            continue;
        }
        let file = format!("{FOLDER}/{name}");
        let read = source.read(&file, LARGEST_METADATA);
        let read = read.map_err(|error| {
            vec![Problem {
                file: file.clone(),
                position: None,
                message: format!("it cannot be read: {error}"),
            }]
        });
        match read.and_then(|text| read_cases(&file, &text)) {
            Ok(found) => cases.extend(found.into_iter().map(|case| (file.clone(), case))),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(told("test", &problems)) }
}

/// The cases whose name contains `only`. There must be some.
fn chosen(
    mut cases: Vec<(String, Case)>,
    only: Option<&str>,
    directory: &Path,
) -> Result<Vec<(String, Case)>, Failure> {
    let place = directory.display();
    if cases.is_empty() {
        return Err(Failure::usage(
            format!("{place} has no cases"),
            format!(
                "write {FOLDER}/NAME.yaml: a list of cases such as `- {{action: greet, parameters: {{name: Ann}}, expect: {{result: {{text: Hi}}}}}}`"
            ),
        ));
    }
    if let Some(only) = only {
        cases.retain(|(_, case)| case.name.contains(only));
        if cases.is_empty() {
            let message = format!("no case of {place} has `{only}` in its name");
            return Err(Failure::usage(message, "leave out --only to run all of them"));
        }
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn cases_are_those_of_all_files_that_can_be_read() {
        let place = tempfile::tempdir().unwrap();
        let tests = place.path().join(FOLDER);
        fs::create_dir(&tests).unwrap();
        fs::write(tests.join("b.yaml"), "- {action: wave}\n").unwrap();
        fs::write(tests.join("a.yaml"), "- {name: one, action: greet}\n- {name: two, action: greet}\n")
            .unwrap();
        fs::write(tests.join("README.md"), "- none\n").unwrap();
        let all = found(place.path()).unwrap();
        let names: Vec<_> = all.iter().map(|(file, case)| (file.as_str(), case.name.as_str())).collect();
        assert_eq!(names, [("tests/a.yaml", "one"), ("tests/a.yaml", "two"), ("tests/b.yaml", "wave")]);
        assert_eq!(chosen(all.clone(), Some("w"), place.path()).unwrap().len(), 2);
        assert!(chosen(all, Some("none"), place.path()).is_err());
        assert!(chosen(Vec::new(), None, place.path()).unwrap_err().hint.contains("tests/NAME.yaml"));
        fs::write(tests.join("a.yaml"), "- {}\n").unwrap();
        let refused = found(place.path()).unwrap_err();
        assert!(refused.message.contains("tests/a.yaml:1:3: a case needs a field action"), "{refused}");
    }
}

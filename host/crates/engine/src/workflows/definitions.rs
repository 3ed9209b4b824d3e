//! The files that workflows are written in: read when one begins, inspected and compiled once for each
//! content, and kept by it, so that a workflow goes on by the definition it began with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use petrel_model::WorkflowDefinition;
use petrel_packs::limits::LARGEST_WORKFLOW;
use petrel_packs::plain_file;
use petrel_persistence::Store;
use petrel_runners::entry_point;
use petrel_workflows::chain::ChainDefinition;
use petrel_workflows::inspection::{Kind, Step};
use petrel_workflows::{Definition, Finding, Source, inspect};
use petrel_yaml::{Document, Position};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::content::RegisteredAction;
use crate::error::Error;
use crate::workflows::{ACTION_CHAIN, ORQUESTA};

/// The variables that every workflow begins with.
const SURROUNDINGS: [&str; 2] = ["st2", "parent"];

/// Findings that are told of one workflow.
const MOST_FINDINGS: usize = 1_000;

/// Bytes of expressions that are quoted in them.
const MOST_QUOTED: usize = 4 << 20;

/// A definition that can be run.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) stored: WorkflowDefinition,
    pub(crate) definition: Source,
    /// Whether the store is known to have it.
    is_stored: AtomicBool,
}

impl Compiled {
    /// Whether it must be stored with the workflow that begins with it.
    pub(crate) fn must_be_stored(&self) -> bool {
        !self.is_stored.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stored(&self) {
        self.is_stored.store(true, Ordering::Relaxed);
    }
}

/// Something wrong with a workflow's file, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What.
    pub finding: Finding,
    /// Where in the file, as near as it can be told.
    pub position: Option<Position>,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}: ")?;
        }
        f.write_str(&self.without_position())
    }
}

impl Found {
    /// What is wrong, and with what; where in the file is left to the caller.
    pub fn without_position(&self) -> String {
        let mut text = String::new();
        if let Some(path) = &self.finding.spec_path {
            text.push_str(path);
            text.push_str(": ");
        }
        text.push_str(&self.finding.message);
        if let Some(expression) = &self.finding.expression {
            text.push_str(" (in `");
            text.push_str(expression);
            text.push_str("`)");
        }
        text
    }
}

/// All that is wrong with a workflow's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Invalid(pub Vec<Found>);

impl Invalid {
    /// As a failed workflow reports it.
    pub fn to_errors(&self) -> Value {
        let of = |found: &Found| {
            let mut error = found.finding.to_value();
            if let (Some(object), Some(position)) = (error.as_object_mut(), found.position) {
                object.insert("line".to_owned(), json!(position.line));
                object.insert("column".to_owned(), json!(position.column));
            }
            error
        };
        Value::Array(self.0.iter().map(of).collect())
    }
}

/// Inspects and compiles the text of an Orquesta workflow.
///
/// # Errors
/// All that is wrong with it.
pub fn check_source(source: &str) -> Result<Definition, Invalid> {
    let document = petrel_yaml::parse(source).map_err(unreadable)?;
    let findings = inspect(&document.value, &SURROUNDINGS);
    if findings.is_empty() {
        return Definition::compile(&document.value)
            .map_err(|error| Invalid(vec![Found { finding: syntax(error.to_string()), position: None }]));
    }
    let found = |finding: Finding| Found { position: Some(position(&document, &finding.steps())), finding };
    Err(Invalid(as_many_as_are_told(findings).into_iter().map(found).collect()))
}

/// The first of these, and how many more there are: each may quote a text of the size of a workflow.
fn as_many_as_are_told(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut quoted = 0;
    let told = findings.iter().take(MOST_FINDINGS).take_while(|finding| {
        quoted += finding.expression.as_ref().map_or(0, |text| text.len());
        quoted <= MOST_QUOTED
    });
    let told = told.count().max(1);
    if let Some(more) = findings.len().checked_sub(told).filter(|more| *more > 0) {
        findings.truncate(told);
        findings.push(syntax(format!("and {more} more problems; correct these first")));
    }
    findings
}

/// Inspects and compiles the text of a workflow for the runner of this name.
///
/// # Errors
/// All that is wrong with it.
pub fn check(runner: &str, source: &str) -> Result<Source, Invalid> {
    check_as(runner, source, false)
}

/// As [`check`], of a workflow that `reevaluates` or not.
fn check_as(runner: &str, source: &str, reevaluates: bool) -> Result<Source, Invalid> {
    if runner != ACTION_CHAIN {
        let mut definition = check_source(source)?;
        definition.reevaluates = reevaluates;
        return Ok(Source::Orquesta(Arc::new(definition)));
    }
    let document = petrel_yaml::parse(source).map_err(unreadable)?;
    let mut chain = ChainDefinition::compile(&document.value).map_err(|problems| {
        let found = |problem: petrel_workflows::chain::Invalid| {
            let finding = Finding { spec_path: Some(problem.path), ..syntax(problem.message) };
            Found { position: Some(position(&document, &finding.steps())), finding }
        };
        Invalid(problems.into_iter().map(found).collect())
    })?;
    chain.reevaluates = reevaluates;
    Ok(Source::Chain(Arc::new(chain)))
}

/// What is behind the name of the runner in the digest of a definition that is evaluated as the original does.
const REEVALUATING: &str = "+reevaluate";

/// Compiles the text of a workflow that was inspected before. Its runner may be `REEVALUATING`.
fn recompile(runner: &str, source: &str) -> Result<Source, String> {
    let (runner, reevaluates) = match runner.strip_suffix(REEVALUATING) {
        Some(runner) => (runner, true),
        None => (runner, false),
    };
    let value = petrel_yaml::parse(source).map_err(|error| error.to_string())?.value;
    if runner == ACTION_CHAIN {
        let mut chain = ChainDefinition::compile(&value).map_err(|problems| {
            let told = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
            told.collect::<Vec<_>>().join("; ")
        })?;
        chain.reevaluates = reevaluates;
        return Ok(Source::Chain(Arc::new(chain)));
    }
    let mut definition = Definition::compile(&value).map_err(|error| error.to_string())?;
    definition.reevaluates = reevaluates;
    Ok(Source::Orquesta(Arc::new(definition)))
}

/// A finding about the text as a whole.
fn syntax(message: String) -> Finding {
    Finding {
        kind: Kind::Syntax,
        schema_path: None,
        spec_path: None,
        message,
        language: None,
        expression: None,
    }
}

/// A text that is no YAML.
fn unreadable(error: petrel_yaml::Error) -> Invalid {
    Invalid(vec![Found { position: Some(error.position), finding: syntax(error.message) }])
}

/// The place of the key or the item that `steps` lead to, or of the last that is there on the way.
fn position(document: &Document, steps: &[Step]) -> Position {
    let path: Vec<petrel_yaml::Step<'_>> = steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => petrel_yaml::Step::Key(key),
            Step::Index(index) => petrel_yaml::Step::Item(*index),
        })
        .collect();
    document.key_position(&path).unwrap_or_else(|| document.nearest_position(&path))
}

/// A file as it was when it was read: when it was changed, its length, and what is in it.
type File = (SystemTime, u64, Arc<Compiled>);

/// A file, and whether what its expressions give is evaluated again.
type Key = (PathBuf, bool);

/// Definitions that were used.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    files: Mutex<HashMap<Key, File>>,
    by_digest: Mutex<HashMap<Arc<str>, Arc<Compiled>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Definitions {
    /// The definition in the file of an action, as it is now, which `reevaluates` or not.
    ///
    /// # Errors
    /// What a workflow that cannot begin reports: `{"errors": [...], "output": null}`.
    pub(crate) async fn of_action(
        &self,
        action: &RegisteredAction,
        reevaluates: bool,
    ) -> Result<Arc<Compiled>, Value> {
        let path = entry_point::find_in(&action.pack_path, &action.action).await;
        let path = path.map_err(|outcome| {
            not_begun(&json!([{"type": "error", "message": outcome.result.get("error")}]))
        })?;
        let unreadable = |error: std::io::Error| {
            let message = format!("{} cannot be read: {error}", path.display());
            not_begun(&json!([{"type": "error", "message": message}]))
        };
        let metadata = tokio::fs::metadata(&path).await.map_err(unreadable)?;
        let (changed, length) = (metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len());
        let key = (path.clone(), reevaluates);
        if let Some((known, size, compiled)) = lock(&self.files).get(&key)
            && (*known, *size) == (changed, length)
        {
            return Ok(Arc::clone(compiled));
        }
        let file = path.clone();
        let read = tokio::task::spawn_blocking(move || plain_file::read_text(&file, LARGEST_WORKFLOW)).await;
        let source = read.unwrap_or_else(|error| Err(error.into())).map_err(unreadable)?;
        let compiled = self
            .compile(&action.action.runner_type, &source, reevaluates)
            .map_err(|invalid| not_begun(&invalid.to_errors()))?;
        lock(&self.files).insert(key, (changed, length, Arc::clone(&compiled)));
        Ok(compiled)
    }

    fn compile(&self, runner: &str, source: &str, reevaluates: bool) -> Result<Arc<Compiled>, Invalid> {
        // The same text may be meant in either language, and evaluated in either way.
        let mark = if reevaluates { REEVALUATING } else { "" };
        let digest: Arc<str> = format!("{runner}{mark}-{:x}", Sha256::digest(source.as_bytes())).into();
        if let Some(known) = lock(&self.by_digest).get(&digest) {
            return Ok(Arc::clone(known));
        }
        let compiled = Arc::new(Compiled {
            definition: check_as(runner, source, reevaluates)?,
            stored: WorkflowDefinition { digest: Arc::clone(&digest), source: source.into() },
            is_stored: AtomicBool::new(false),
        });
        lock(&self.by_digest).insert(digest, Arc::clone(&compiled));
        Ok(compiled)
    }

    /// A definition that a workflow began with.
    ///
    /// # Errors
    /// When the store fails, or does not have it.
    pub(crate) async fn stored(&self, store: &dyn Store, digest: &str) -> Result<Arc<Compiled>, Error> {
        if let Some(known) = lock(&self.by_digest).get(digest) {
            return Ok(Arc::clone(known));
        }
        let stored = store.definition(digest).await?;
        let stored =
            stored.ok_or_else(|| Error::Unreadable(format!("the definition {digest} is missing")))?;
        // It was inspected when it was new; what is asked for may have changed since.
        let runner = digest.rsplit_once('-').map_or(ORQUESTA, |(runner, _)| runner);
        let definition = recompile(runner, &stored.source).map_err(|reason| {
            Error::Unreadable(format!("the definition {digest} cannot be read: {reason}"))
        })?;
        let compiled = Arc::new(Compiled { definition, stored, is_stored: AtomicBool::new(true) });
        lock(&self.by_digest).insert(digest.into(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// The result of a workflow that could not begin.
pub(crate) fn not_begun(errors: &Value) -> Value {
    json!({"output": null, "errors": errors})
}

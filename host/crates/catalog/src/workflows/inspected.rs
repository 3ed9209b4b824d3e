//! Inspected texts of workflows: the findings with line and column, and the program if there are no errors.
//! [`super::known`] has the actions that a workflow may call. Whoever runs a workflow keeps the result.

use std::fmt;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::Datastore;
use petrel_expressions::members::ConfigKeys;
use petrel_model::Object;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::beginning;
use petrel_packs::questions::misspelt;
use petrel_workflows::chain::ChainDefinition;
use petrel_workflows::inspection::contents::{self, Actions, Call};
use petrel_workflows::inspection::{Kind, Mistake, Step, absent_keys, questions, slips, strange_config};
use petrel_workflows::{Definition, Finding, Language, Source};
use petrel_yaml::{Document, Position};
use serde_json::{Value, json};

use super::known::Registered;
use crate::service::Catalog;
use crate::validation::Validator;

/// The variables that every workflow has from the beginning.
const SURROUNDINGS: [&str; 2] = ["st2", "parent"];

/// The number of findings that are reported for one workflow.
const MOST_FINDINGS: usize = 1_000;

/// The length of a quoted expression, in characters.
const LONGEST_EXPRESSION: usize = 1_000;

/// The bytes of quoted expressions in all findings.
const MOST_QUOTED: usize = 4 << 20;

/// A finding in a workflow's file, with its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The finding, an error or a note.
    pub finding: Finding,
    /// The position in the file, as near as it is known.
    pub position: Option<Position>,
}

impl Catalog {
    /// Inspects the text of a workflow or a chain against the registered actions, off the workers. Returns all
    /// findings.
    ///
    /// # Errors
    /// When many wait for long evaluations, or the host stops meanwhile.
    pub async fn inspect_workflow(&self, source: String) -> Result<Invalid, Error> {
        self.evaluations().check_room()?;
        let catalog = self.clone();
        let work = move || {
            let inspected = inspect(language(&source), &source);
            let registered = Registered::on(&catalog.content(), &inspected.calls);
            inspected.beside(&registered).with_keys(&catalog.keys().all()).found()
        };
        self.evaluations().heavy(work).await
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}: ")?;
        }
        if self.finding.is_note() {
            f.write_str("note: ")?;
        }
        f.write_str(&self.without_position())
    }
}

impl Found {
    /// The message with its subject; position and severity are left to the caller.
    pub fn without_position(&self) -> String {
        let mut text = String::new();
        if let Some(path) = &self.finding.spec_path {
            text.push_str(path);
            text.push_str(": ");
        }
        text.push_str(&self.finding.told());
        if let Some(expression) = &self.finding.expression {
            text.push_str(" (in `");
            text.push_str(&beginning(expression, LONGEST_EXPRESSION));
            text.push_str("`)");
        }
        text
    }
}

/// The findings in a workflow's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Invalid(pub Vec<Found>);

impl Invalid {
    /// The findings in the form of a failed workflow's report.
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

    fn without_notes(mut self) -> Self {
        self.0.retain(|found| !found.finding.is_note());
        self
    }
}

/// The language of a text: only chains have a key `chain`.
pub fn language(source: &str) -> Language {
    let is_chain = petrel_yaml::parse(source).is_ok_and(|document| document.value.get("chain").is_some());
    if is_chain { Language::Chain } else { Language::Orquesta }
}

/// Inspects the text of a workflow in this language, by itself; [`Inspected::beside`] adds the calls of actions.
pub fn inspect(language: Language, source: &str) -> Inspected {
    inspect_as(language, source, false)
}

/// Inspects and compiles the text of a workflow in this language.
///
/// # Errors
/// All errors in the text itself; notes are left out.
pub fn check(language: Language, source: &str) -> Result<Source, Invalid> {
    inspect(language, source).into_source()
}

/// As [`inspect`], for a workflow that `reevaluates` or not.
pub fn inspect_as(language: Language, source: &str, reevaluates: bool) -> Inspected {
    match petrel_yaml::parse(source) {
        Ok(document) => match language {
            Language::Orquesta => of_workflow(document, reevaluates),
            Language::Chain => of_chain(document, reevaluates),
        },
        Err(error) => Inspected {
            source: None,
            findings: vec![Finding::syntax(error.message)],
            calls: Vec::new(),
            is_cut: false,
            place: Place::Known(error.position),
        },
    }
}

fn of_workflow(document: Document, reevaluates: bool) -> Inspected {
    let mut findings = petrel_workflows::inspect(&document.value, &SURROUNDINGS);
    let mut source = None;
    if findings.is_empty() {
        match Definition::compile(&document.value) {
            Ok(mut definition) => {
                definition.reevaluates = reevaluates;
                source = Some(Source::Orquesta(Arc::new(definition)));
            }
            Err(error) => findings.push(Finding::syntax(error.to_string())),
        }
    }
    findings.extend(slips(&document.value));
    findings.extend(questions(&document.value, wrong_in_question));
    let calls = contents::calls(&document.value);
    Inspected { source, findings, calls, is_cut: false, place: Place::In(document) }
}

/// What is wrong in the schema of a question.
fn wrong_in_question(schema: &Object) -> Vec<Mistake> {
    let fatal = Validator::wrong_question(schema).map(|why| {
        Mistake::Fatal(format!("the schema of the question is not valid, so it is not asked: {why}"))
    });
    let odd = misspelt(schema, "schema").into_iter().map(Mistake::Odd);
    fatal.into_iter().chain(odd).collect()
}

fn of_chain(document: Document, reevaluates: bool) -> Inspected {
    let (mut source, mut calls) = (None, Vec::new());
    let problems = match ChainDefinition::compile(&document.value) {
        Ok(mut chain) => {
            chain.reevaluates = reevaluates;
            calls = contents::calls_of_chain(&chain);
            let notes = std::mem::take(&mut chain.notes);
            source = Some(Source::Chain(Arc::new(chain)));
            notes
        }
        Err(problems) => problems,
    };
    let findings = problems.into_iter().map(Finding::from).collect();
    Inspected { source, findings, calls, is_cut: false, place: Place::In(document) }
}

/// An inspected text of a workflow.
#[derive(Debug)]
pub struct Inspected {
    source: Option<Source>,
    findings: Vec<Finding>,
    calls: Vec<Call>,
    /// Whether findings were left out.
    is_cut: bool,
    place: Place,
}

/// The places of findings.
#[derive(Debug)]
enum Place {
    /// Places within a document.
    In(Document),
    /// The place of a syntax error.
    Known(Position),
}

impl Inspected {
    /// Adds the findings about calls of actions, by the knowledge of `actions`.
    #[must_use]
    pub fn beside(mut self, actions: &dyn Actions) -> Self {
        let found = contents::inspect(&self.calls, actions);
        self.is_cut |= found.len() > contents::MOST_FINDINGS;
        self.findings.extend(found);
        self
    }

    /// Adds the notes on keys that the text reads by name and that `datastore` does not have now.
    #[must_use]
    pub(crate) fn with_keys(mut self, datastore: &Datastore) -> Self {
        match (&self.source, &self.place) {
            (Some(Source::Chain(chain)), _) => {
                self.findings.extend(chain.absent_keys(datastore).into_iter().map(Finding::from));
            }
            (_, Place::In(document)) => self.findings.extend(absent_keys(&document.value, datastore)),
            (_, Place::Known(_)) => {}
        }
        self
    }

    /// Adds the notes on keys that the text reads of the configuration of its pack, and that are not among `keys`.
    #[must_use]
    pub(crate) fn with_config(mut self, keys: &ConfigKeys) -> Self {
        match (&self.source, &self.place) {
            (Some(Source::Chain(chain)), _) => {
                self.findings.extend(chain.strange_config(keys).into_iter().map(Finding::from));
            }
            (_, Place::In(document)) => self.findings.extend(strange_config(&document.value, keys)),
            (_, Place::Known(_)) => {}
        }
        self
    }

    /// Adds the remarks about names in a chain whose action takes these parameters.
    #[must_use]
    pub(crate) fn of_action(mut self, parameters: &Parameters) -> Self {
        if let Some(Source::Chain(chain)) = &self.source {
            self.findings.extend(chain.strays(parameters).into_iter().map(Finding::from));
        }
        self
    }

    /// The calls of actions in the text.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Whether the workflow cannot begin.
    pub fn has_errors(&self) -> bool {
        self.source.is_none() || self.findings.iter().any(|finding| !finding.is_note())
    }

    /// All findings, errors first, each group in StackStorm's order.
    pub fn found(&self) -> Invalid {
        let mut findings = self.findings.clone();
        findings.sort_by(|one, other| (one.severity, one).cmp(&(other.severity, other)));
        findings.dedup();
        let found = |finding: Finding| {
            let position = match &self.place {
                Place::In(document) => position(document, &finding),
                Place::Known(position) => *position,
            };
            Found { position: Some(position), finding }
        };
        Invalid(as_many_as_are_told(findings, self.is_cut).into_iter().map(found).collect())
    }

    /// The program.
    ///
    /// # Errors
    /// All errors; notes are left out.
    pub fn into_source(self) -> Result<Source, Invalid> {
        let invalid = if self.has_errors() { Some(self.found().without_notes()) } else { None };
        match (self.source, invalid) {
            (Some(source), None) => Ok(source),
            (_, invalid) => Err(invalid.unwrap_or_else(|| Invalid(Vec::new()))),
        }
    }

    /// The program and its calls of actions.
    ///
    /// # Errors
    /// All errors; notes are left out.
    pub fn into_parts(mut self) -> Result<(Source, Vec<Call>), Invalid> {
        let calls = std::mem::take(&mut self.calls);
        self.into_source().map(|source| (source, calls))
    }
}

/// The errors of `calls` by the knowledge of `actions`, in the text of their workflow; notes are left out.
pub fn wrong_calls(calls: &[Call], actions: &dyn Actions, source: &str) -> Option<Invalid> {
    let mut findings = contents::inspect(calls, actions);
    let is_cut = findings.len() > contents::MOST_FINDINGS;
    findings.retain(|finding| !finding.is_note());
    if findings.is_empty() {
        return None;
    }
    let document = petrel_yaml::parse(source).ok();
    let found = |finding: Finding| Found {
        position: document.as_ref().map(|document| position(document, &finding)),
        finding,
    };
    Some(Invalid(as_many_as_are_told(findings, is_cut).into_iter().map(found).collect()))
}

/// The first findings, and the number of the others, which is unknown if they are `cut`. Each finding may quote a
/// text as long as the workflow.
fn as_many_as_are_told(mut findings: Vec<Finding>, is_cut: bool) -> Vec<Finding> {
    let mut quoted = 0;
    let told = findings.iter().take(MOST_FINDINGS).take_while(|finding| {
        quoted += finding.expression.as_ref().map_or(0, |text| text.len());
        quoted <= MOST_QUOTED
    });
    let told = told.count().max(1);
    if let Some(severity) = findings.get(told).map(|finding| finding.severity) {
        let more = if is_cut { String::new() } else { format!("{} ", findings.len() - told) };
        findings.truncate(told);
        let message = format!("and {more}more problems; correct these first");
        findings.push(Finding { severity, ..Finding::syntax(message) });
    }
    findings
}

/// The position of the key or the item in a finding, or of its nearest existing parent.
fn position(document: &Document, finding: &Finding) -> Position {
    let steps = finding.steps();
    let path: Vec<petrel_yaml::Step<'_>> = steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => petrel_yaml::Step::Key(key),
            Step::Index(index) => petrel_yaml::Step::Item(*index),
        })
        .collect();
    if let Some(position) = document.key_position(&path) {
        return position;
    }
    // Inputs may stand behind the name of their action.
    if let (Kind::Content, [tasks, task, ..]) = (finding.kind, path.as_slice())
        && document.key_position(&[*tasks, *task, petrel_yaml::Step::Key("input")]).is_none()
        && let Some(position) = document.key_position(&[*tasks, *task, petrel_yaml::Step::Key("action")])
    {
        return position;
    }
    document.nearest_position(&path)
}

#[cfg(test)]
mod tests;

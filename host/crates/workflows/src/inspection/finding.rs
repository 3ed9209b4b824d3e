//! Findings, and the places that they are about.

use std::sync::Arc;

use petrel_expressions::Language;
use serde::Serialize;
use serde_json::{Map, Value};

/// The subject of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Actions outside the workflow, and their parameters.
    Content,
    /// References to variables.
    Context,
    /// The text of expressions.
    Expression,
    /// Tasks and the graph that they form.
    Semantic,
    /// The schema of a definition.
    Syntax,
}

impl Kind {
    /// The name in StackStorm's reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Context => "context",
            Self::Expression => "expression",
            Self::Semantic => "semantic",
            Self::Syntax => "syntax",
        }
    }
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The workflow cannot be started.
    Error,
    /// The workflow can be started, and may not do what was meant.
    Note,
}

/// A problem of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Its subject.
    pub kind: Kind,
    /// Its place in the schema.
    pub schema_path: Option<String>,
    /// Its place in the definition, such as `tasks.t.next[0].when`. `None` for the definition as a whole.
    pub spec_path: Option<String>,
    /// The problem, in words.
    pub message: String,
    /// The language of the expression, if it is about one.
    pub language: Option<Language>,
    /// The expression, or the text around it. Shared by all findings in that text.
    pub expression: Option<Arc<str>>,
    /// Its severity.
    pub severity: Severity,
    /// The name that is not known, if the finding is about one.
    pub unknown: Option<Unknown>,
    /// The remedy, a sentence, where Orquesta's message has none.
    pub hint: Option<String>,
}

/// A name that is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// A task.
    Task(String),
    /// A variable.
    Variable(String),
}

/// A step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value under a key.
    Key(String),
    /// To an item of a list.
    Index(usize),
}

impl Finding {
    /// An error at `place`.
    pub(super) fn new(kind: Kind, place: &Place, message: impl Into<String>) -> Self {
        Self {
            kind,
            schema_path: Some(place.schema.clone()),
            spec_path: Some(place.spec.clone()),
            message: message.into(),
            language: None,
            expression: None,
            severity: Severity::Error,
            unknown: None,
            hint: None,
        }
    }

    /// The finding about this unknown name.
    #[must_use]
    pub(super) fn about(self, unknown: Unknown) -> Self {
        Self { unknown: Some(unknown), ..self }
    }

    /// Turns the finding into a note.
    #[must_use]
    pub(super) fn noted(self) -> Self {
        Self { severity: Severity::Note, ..self }
    }

    /// A syntax error of the definition as a whole.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Syntax,
            schema_path: None,
            spec_path: None,
            message: message.into(),
            language: None,
            expression: None,
            severity: Severity::Error,
            unknown: None,
            hint: None,
        }
    }

    /// The message with the remedy.
    pub fn told(&self) -> String {
        match &self.hint {
            Some(hint) if self.message.ends_with(['.', '?', '!']) => format!("{} {hint}", self.message),
            Some(hint) => format!("{}. {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// Whether the workflow can be started all the same.
    pub fn is_note(&self) -> bool {
        self.severity == Severity::Note
    }

    /// Its place in the definition, step by step.
    pub fn steps(&self) -> Vec<Step> {
        steps(self.spec_path.as_deref().unwrap_or_default())
    }

    /// The finding as StackStorm shows it, with the remedy. Notes, which StackStorm does not have, are marked.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), Value::from(self.kind.name()));
        if let Some(language) = self.language {
            object.insert("language".to_owned(), Value::from(language.name()));
        }
        if let Some(expression) = &self.expression {
            object.insert("expression".to_owned(), Value::from(&**expression));
        }
        object.insert("message".to_owned(), Value::from(self.message.clone()));
        object.insert("schema_path".to_owned(), Value::from(self.schema_path.clone()));
        object.insert("spec_path".to_owned(), Value::from(self.spec_path.clone()));
        if let Some(hint) = &self.hint {
            object.insert("hint".to_owned(), Value::from(hint.clone()));
        }
        if self.is_note() {
            object.insert("severity".to_owned(), Value::from("note"));
        }
        Value::Object(object)
    }
}

/// Splits the place of a finding into steps.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        if let Some(key) = pieces.next().filter(|key| !key.is_empty()) {
            steps.push(Step::Key(key.to_owned()));
        }
        let indices = pieces.filter_map(|piece| piece.strip_suffix(']')?.parse().ok());
        steps.extend(indices.map(Step::Index));
    }
    steps
}

/// A place in the definition, and the corresponding one in the schema.
#[derive(Debug, Clone)]
pub(super) struct Place {
    spec: String,
    schema: String,
}

impl Place {
    pub(super) fn root(property: &str) -> Self {
        Self { spec: property.to_owned(), schema: format!("properties.{property}") }
    }

    pub(super) fn task(name: &str) -> Self {
        Self { spec: format!("tasks.{name}"), schema: r"properties.tasks.patternProperties.^\w+$".to_owned() }
    }

    pub(super) fn property(&self, name: &str) -> Self {
        Self { spec: format!("{}.{name}", self.spec), schema: format!("{}.properties.{name}", self.schema) }
    }

    /// The place of a value whose key the author chose.
    pub(super) fn entry(&self, name: &str) -> Self {
        Self {
            spec: format!("{}.{name}", self.spec),
            schema: format!(r"{}.patternProperties.^\w+$", self.schema),
        }
    }

    pub(super) fn transition(&self, number: usize) -> Self {
        let next = self.property("next");
        Self { spec: format!("{}[{number}]", next.spec), schema: format!("{}.items", next.schema) }
    }

    pub(super) fn item(&self, number: usize) -> Self {
        Self { spec: format!("{}[{number}]", self.spec), schema: self.schema.clone() }
    }
}

//! Something that is wrong with a workflow's definition, and the place where it is.

use std::sync::Arc;

use petrel_expressions::Language;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What is outside of the workflow: actions and their parameters.
    Content,
    /// Variables.
    Context,
    /// Expressions.
    Expression,
    /// Tasks and how they hang together.
    Semantic,
    /// The grammar.
    Syntax,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The workflow does not begin.
    Error,
    /// The workflow begins, and may do other than was meant.
    Note,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// Where it is in the grammar.
    pub schema_path: Option<String>,
    /// Where it is in the definition: `tasks.t.next[0].when`; nowhere in particular when absent.
    pub spec_path: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The language of the expression.
    pub language: Option<Language>,
    /// The expression, or the text that it is in, which the findings in it share.
    pub expression: Option<Arc<str>>,
    /// How bad it is.
    pub severity: Severity,
}

/// A step from a value to one within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To what is under a key.
    Key(String),
    /// To an item of a list.
    Index(usize),
}

impl Finding {
    /// That something is wrong at a place.
    pub(super) fn new(kind: Kind, place: &Place, message: impl Into<String>) -> Self {
        Self {
            kind,
            schema_path: Some(place.schema.clone()),
            spec_path: Some(place.spec.clone()),
            message: message.into(),
            language: None,
            expression: None,
            severity: Severity::Error,
        }
    }

    /// The same as a note.
    #[must_use]
    pub(super) fn noted(self) -> Self {
        Self { severity: Severity::Note, ..self }
    }

    /// That something is wrong with the text as a whole.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Syntax,
            schema_path: None,
            spec_path: None,
            message: message.into(),
            language: None,
            expression: None,
            severity: Severity::Error,
        }
    }

    /// Whether the workflow begins all the same.
    pub fn is_note(&self) -> bool {
        self.severity == Severity::Note
    }

    /// Where it is in the definition, step by step.
    pub fn steps(&self) -> Vec<Step> {
        steps(self.spec_path.as_deref().unwrap_or_default())
    }

    /// As StackStorm shows it; a note, which StackStorm has not, says that it is one.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        let kind = serde_json::to_value(self.kind).unwrap_or_default();
        object.insert("type".to_owned(), kind);
        if let Some(language) = self.language {
            object.insert("language".to_owned(), Value::from(language.name()));
        }
        if let Some(expression) = &self.expression {
            object.insert("expression".to_owned(), Value::from(&**expression));
        }
        object.insert("message".to_owned(), Value::from(self.message.clone()));
        object.insert("schema_path".to_owned(), Value::from(self.schema_path.clone()));
        object.insert("spec_path".to_owned(), Value::from(self.spec_path.clone()));
        if self.is_note() {
            object.insert("severity".to_owned(), Value::from("note"));
        }
        Value::Object(object)
    }
}

/// The steps of a path as findings write it.
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

/// A place in the definition, and in the grammar.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As in [`Finding::spec_path`].
    spec: String,
    /// As in [`Finding::schema_path`].
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

    /// What is under a key that the author chose.
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

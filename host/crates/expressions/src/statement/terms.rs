//! What is said of statements and expressions: their languages, what may be wrong with one, and the variables that it
//! reads. Who finds it out is in the files beside this one, and in `statement.rs`.

use std::sync::Arc;

use petrel_model::quoted::told;

/// A language of expressions in workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// `{{ }}` and `{% %}`.
    Jinja,
    /// `<% %>`.
    Yaql,
}

impl Language {
    /// Its name as inspections report it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jinja => "jinja",
            Self::Yaql => "yaql",
        }
    }

    /// The name of the error that Orquesta reports for it.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Jinja => "JinjaEvaluationException",
            Self::Yaql => "YaqlEvaluationException",
        }
    }
}

/// Why an expression could not be evaluated, in the words of Orquesta's log of errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// It failed.
    #[error("{}: Unable to evaluate expression '{}'. {reason}", language.exception(), told(.expression))]
    Failed {
        /// Its language.
        language: Language,
        /// It, with its delimiters.
        expression: String,
        /// What happened, and in which column, for people.
        reason: String,
    },
    /// It reads a variable that is not there.
    #[error(
        "YaqlEvaluationException: Unable to resolve key '{}' in expression '{}' from context.",
        told(.key),
        told(.expression)
    )]
    UnknownKey {
        /// The key.
        key: String,
        /// The expression, with its delimiters.
        expression: String,
    },
    /// What it gave is not defined.
    #[error("JinjaEvaluationException: There are unresolved variables: {}", told(.expression))]
    Unresolved {
        /// The expression, without its delimiters.
        expression: String,
    },
}

/// Why a statement could not be evaluated, and in which entry, where it is an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    /// The name of the entry as it is written, if the statement is an object.
    pub entry: Option<String>,
    /// Why.
    pub error: EvaluationError,
}

/// A part of a statement that is no expression although it is delimited as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The language it is taken for; `None` when a text mixes both.
    pub language: Option<Language>,
    /// The expression, with its delimiters.
    pub expression: Arc<str>,
    /// What is wrong with it, and in which column, for people.
    pub message: String,
}

/// A variable of the workflow that a statement reads by a fixed name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The language of the expression.
    pub language: Language,
    /// The text that it is in, which all references in it share.
    pub expression: Arc<str>,
    /// The name of the variable.
    pub name: String,
}

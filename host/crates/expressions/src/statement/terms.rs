//! The vocabulary of statements and expressions: languages, errors, and references to variables. `statement.rs` and
//! the files beside this one produce them.

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
    /// The name in reports of inspections.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jinja => "jinja",
            Self::Yaql => "yaql",
        }
    }

    /// The name of the error that Orquesta reports.
    pub fn exception(self) -> &'static str {
        match self {
            Self::Jinja => "JinjaEvaluationException",
            Self::Yaql => "YaqlEvaluationException",
        }
    }
}

/// The reason why an expression could not be evaluated, in the words of Orquesta's log of errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The evaluation failed.
    #[error("{}: Unable to evaluate expression '{}'. {reason}", language.exception(), told(.expression))]
    Failed {
        /// The language.
        language: Language,
        /// The expression with its delimiters.
        expression: String,
        /// The reason with its column, for people.
        reason: String,
    },
    /// The expression reads a variable that does not exist.
    #[error(
        "YaqlEvaluationException: Unable to resolve key '{}' in expression '{}' from context.",
        told(.key),
        told(.expression)
    )]
    UnknownKey {
        /// The name of the variable.
        key: String,
        /// The expression, with its delimiters.
        expression: String,
    },
    /// The value is undefined.
    #[error("JinjaEvaluationException: There are unresolved variables: {}", told(.expression))]
    Unresolved {
        /// The expression, without its delimiters.
        expression: String,
    },
}

/// The reason why a statement could not be evaluated, with the entry if the statement is an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    /// The key of the entry as it is written, if the statement is an object.
    pub entry: Option<String>,
    /// The reason.
    pub error: EvaluationError,
}

/// A syntax error in a delimited part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The language by the delimiters; `None` when a text mixes both.
    pub language: Option<Language>,
    /// The expression with its delimiters.
    pub expression: Arc<str>,
    /// The error with its column, for people.
    pub message: String,
}

/// A variable of the workflow that a statement reads by a fixed name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The language of the expression.
    pub language: Language,
    /// The whole text, which all references in it share.
    pub expression: Arc<str>,
    /// The name of the variable.
    pub name: String,
}

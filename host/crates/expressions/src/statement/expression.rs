//! A single expression of a text, in either language, and its outcome.

use std::borrow::Cow;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_model::quoted::told;
use petrel_scope::WorkflowScope;
use petrel_yaql as yaql;
use serde_json::Value;

use super::terms::{EvaluationError, Language};

/// An expression with its delimiters, compiled as far as possible.
#[derive(Debug)]
pub(super) struct Expression {
    /// The expression with its delimiters.
    pub(super) source: String,
    compiled: Compiled,
}

#[derive(Debug)]
enum Compiled {
    Jinja(Result<jinja::Expression, jinja::Failure>),
    Yaql(Result<yaql::Expression, yaql::Error>),
}

impl Expression {
    pub(super) fn compile(language: Language, source: &str) -> Self {
        let inside = language.inside(source);
        let compiled = match language {
            Language::Jinja => Compiled::Jinja(jinja::Expression::compile(inside)),
            Language::Yaql => Compiled::Yaql(yaql::Expression::compile(inside)),
        };
        Self { source: source.to_owned(), compiled }
    }

    pub(super) fn evaluate(&self, scope: &WorkflowScope) -> Result<Outcome, EvaluationError> {
        match &self.compiled {
            Compiled::Jinja(Ok(expression)) => {
                let value = expression.evaluate(scope).map_err(|failure| self.failed(failure.to_string()))?;
                Ok(if value.is_undefined() { Outcome::Undefined } else { Outcome::Jinja(value) })
            }
            Compiled::Jinja(Err(failure)) => Err(self.failed(failure.to_string())),
            Compiled::Yaql(compiled) => {
                let expression = compiled.as_ref().map_err(|error| self.yaql_failed(error))?;
                expression.evaluate(scope).map(Outcome::Yaql).map_err(|error| self.yaql_failed(&error))
            }
        }
    }

    /// The syntax error of the expression, if it has one.
    pub(super) fn syntax_error(&self) -> Option<String> {
        match &self.compiled {
            Compiled::Jinja(compiled) => compiled.as_ref().err().map(|failure| failure.reason.clone()),
            Compiled::Yaql(compiled) => {
                compiled.as_ref().err().map(|error| told(&error.to_string()).into_owned())
            }
        }
    }

    fn yaql_failed(&self, error: &yaql::Error) -> EvaluationError {
        match error.unknown_key() {
            Some(key) => EvaluationError::UnknownKey { key: key.to_owned(), expression: self.source.clone() },
            None => self.failed(told(&format!("{}: {error}", error.exception())).into_owned()),
        }
    }

    /// The error that the evaluation failed for `reason`.
    pub(super) fn failed(&self, reason: String) -> EvaluationError {
        let language = match &self.compiled {
            Compiled::Jinja(_) => Language::Jinja,
            Compiled::Yaql(_) => Language::Yaql,
        };
        EvaluationError::Failed { language, expression: self.source.clone(), reason }
    }
}

/// The value of a text, or of one expression in it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Text that was built here.
    Text(String),
    /// A defined value of Jinja.
    Jinja(jinja::Value),
    /// Jinja's undefined value.
    Undefined,
    /// A value of YAQL.
    Yaql(yaql::Value),
}

impl Outcome {
    /// The value, if it is text.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Jinja(value) => value.as_text(),
            Self::Yaql(yaql::Value::Text(text)) => Some(text),
            Self::Undefined | Self::Yaql(_) => None,
        }
    }

    /// The value as Python's `str()` writes it; an error if it nests too deep.
    pub(super) fn display(&self) -> Result<Cow<'_, str>, String> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Jinja(value) => value.display().map(Cow::Owned),
            Self::Undefined => Ok(Cow::Borrowed("")),
            Self::Yaql(value) => value.display().map(Cow::Owned).map_err(|error| error.to_string()),
        }
    }

    /// The value as JSON; the error names a value without a JSON form.
    pub(super) fn into_json(self) -> Result<Arc<Value>, String> {
        match self {
            Self::Text(text) => Ok(Arc::new(Value::String(text))),
            Self::Jinja(value) => value.to_json(),
            Self::Undefined => Ok(Arc::new(Value::Null)),
            Self::Yaql(value) => value.to_json().map_err(|error| error.to_string()),
        }
    }
}

//! YAQL, the second language of workflows: `<% ctx().servers.where($.up).name %>`.
//!
//! The language is version 3.2 of the original, with its whole standard library. An expression is compiled once
//! ([`Expression::compile`]) and evaluated often. `petrel-expressions` finds expressions in text, and `petrel-scope`
//! defines what they see.
//!
//! [`lexer`] splits text into words, [`parser`] builds a tree of them ([`syntax`]), and [`evaluate`] walks it over
//! [`term`]s, with [`operators`], and with [`call`]s of the [`library`]. Every evaluation has [`limits`].
//!
//! Pure: no clock, no I/O. Start reading at `evaluate.rs`.

mod call;
mod compare;
mod context;
mod display;
mod error;
mod evaluate;
mod lexer;
mod library;
mod limits;
mod number;
mod operators;
mod ordering;
mod parser;
mod pattern;
mod sequence;
mod syntax;
mod term;
mod time;
mod unknown;
mod value;
mod view;

use std::sync::Arc;

use petrel_python::work::{self, Evaluation};
use petrel_scope::WorkflowScope;

pub use error::{Error, ErrorKind};
pub use limits::{DEPTH, LENGTH, MEMORY, NESTING, STEPS};
pub use value::Value;

use context::Context;
use limits::Run;
use syntax::Node;
use term::Term;

/// A compiled expression, without the `<%` and `%>` around it.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Arc<Node>,
}

impl Expression {
    /// Compiles `text`.
    ///
    /// # Errors
    /// The syntax error, with its column.
    pub fn compile(text: &str) -> Result<Self, Error> {
        parser::parse(text).map(|root| Self { root })
    }

    /// The unknown functions and methods that the expression calls, with a sentence on each, in the order of the
    /// text.
    pub fn unknown(&self) -> Vec<String> {
        unknown::find(&self.root)
    }

    /// Evaluates the expression in a workflow, where `$` is null.
    ///
    /// # Errors
    /// The reason why the expression has no value.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Value, Error> {
        self.evaluate_with(scope, None)
    }

    /// Evaluates the expression with `data` as `$`.
    ///
    /// # Errors
    /// The reason why the expression has no value.
    pub fn evaluate_data(&self, data: &Arc<serde_json::Value>) -> Result<Value, Error> {
        self.evaluate_with(&WorkflowScope::default(), Some(data))
    }

    /// Evaluates the expression in a workflow and with `data` as `$`.
    ///
    /// # Errors
    /// The reason why the expression has no value.
    pub fn evaluate_with(
        &self,
        scope: &WorkflowScope,
        data: Option<&Arc<serde_json::Value>>,
    ) -> Result<Value, Error> {
        let _evaluation = Evaluation::begin();
        work::check()?;
        let run = Run::new(Some(scope));
        let context = Context::root(data.map_or(Term::Null, view::term));
        let value =
            evaluate::evaluate(&run, &context, &self.root).and_then(|term| Value::from_term(&run, &term));
        // A charge that was refused may have left the value incomplete, so the value is no answer, and the limit is
        // the true reason of any other error.
        work::check()?;
        value
    }
}

//! YAQL, the other language of workflows: `<% ctx().servers.where($.up).name %>`.
//!
//! The language is version 3.2 of the original with its whole standard library. An expression is read once
//! ([`Expression::compile`]) and evaluated often. Where expressions stand in text is `petrel-expressions`, what
//! they see `petrel-scope`.
//!
//! [`lexer`] cuts text into words, [`parser`] makes a tree of them ([`syntax`]), [`evaluate`] walks it over
//! [`term`]s, with [`operators`], and [`call`]s into the [`library`]. Every evaluation has [`limits`].
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

/// An expression, without the `<%` and `%>` around it.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Arc<Node>,
}

impl Expression {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it, and in which column.
    pub fn compile(text: &str) -> Result<Self, Error> {
        parser::parse(text).map(|root| Self { root })
    }

    /// The functions and methods that it calls and nobody has, a sentence on each, in the order of the text.
    pub fn unknown(&self) -> Vec<String> {
        unknown::find(&self.root)
    }

    /// Its value in a workflow. `$` is null there.
    ///
    /// # Errors
    /// Why it has none.
    pub fn evaluate(&self, scope: &WorkflowScope) -> Result<Value, Error> {
        self.evaluate_with(scope, None)
    }

    /// Its value with `data` as `$`.
    ///
    /// # Errors
    /// Why it has none.
    pub fn evaluate_data(&self, data: &Arc<serde_json::Value>) -> Result<Value, Error> {
        self.evaluate_with(&WorkflowScope::default(), Some(data))
    }

    /// Its value in a workflow and with `data` as `$`.
    ///
    /// # Errors
    /// Why it has none.
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
        // What went on without a part that was too much is no answer, and no other error is the reason.
        work::check()?;
        value
    }
}

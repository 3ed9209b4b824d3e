//! Expressions: text and a scope in, text or a value out.
//!
//! Two languages of people live below: Jinja (`petrel-jinja`), in rules, parameters and workflows, and YAQL
//! (`petrel-yaql`), in workflows. How expressions of either stand in the values of a workflow is [`statement`];
//! [`words`] finds words of templates that mean nothing.
//!
//! What expressions see is `petrel-scope`, and how Python sees values `petrel-python`. What whoever evaluates needs of these
//! is handed on here; who compares, casts or reads dates asks `petrel-python`. What rules do with all this is
//! `petrel-rules`.
//!
//! What an evaluation may use up is the same for all of them, and counted in [`work`].
//!
//! Pure: no clock, no I/O, no loader of templates. What a template may see is handed in.

pub mod statement;
pub mod words;

pub use petrel_jinja::{Error, Template, is_template, render};
pub use petrel_python::regex::Price;
pub use petrel_python::work;
pub use petrel_scope::{
    DATASTORE, Datastore, JsonPath, KeyName, KeyScope, Scope, Variables, WorkflowScope, json_path, workflow,
};
pub use statement::{EntryError, EvaluationError, Language, Statement};

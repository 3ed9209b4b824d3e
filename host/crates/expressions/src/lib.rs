//! Expressions: text and a scope in, a value out.
//!
//! There are two languages: Jinja (`petrel-jinja`), in rules, parameters and workflows, and YAQL (`petrel-yaql`), in
//! workflows. [`statement`] evaluates values of a workflow that contain expressions of either; [`words`] finds words of
//! templates that mean nothing, [`members`] the keys that they read of an object.
//!
//! `petrel-scope` defines what expressions see, and `petrel-python` how Python sees values. This crate hands on the
//! parts of these that callers of evaluations need; code that compares, casts or reads dates depends on
//! `petrel-python` itself. `petrel-rules` is the user in rules.
//!
//! The limits of an evaluation are the same for both languages, and are counted in [`work`].
//!
//! Pure: no clock, no I/O, no loader of templates. All that a template may see is passed in.

mod dashes;
pub mod members;
pub mod statement;
mod unscoped;
pub mod words;

pub use petrel_jinja::{Error, Template, is_template, render};
pub use petrel_python::regex::Price;
pub use petrel_python::work;
pub use petrel_scope::{
    DATASTORE, DECRYPTS_NOTHING, DECRYPTS_PLAIN, Datastore, JsonPath, KeyName, KeyScope, NOT_ENCRYPTED,
    NOTHING_ENCRYPTED, Opener, Scope, Variables, WorkflowScope, json_path, open_any, with_scope, workflow,
};
pub use statement::{EntryError, EvaluationError, Language, Statement};

//! Expressions: text and a [`Scope`] in, text or a value out.
//!
//! Three languages of people live here: Jinja, in rules and parameters ([`template`]) and in workflows
//! ([`jinja`]), YAQL ([`yaql`]), and the JSONPath of criteria keys ([`json_path`]). How expressions stand in the
//! values of a workflow is [`statement`], and what they see there [`workflow`].
//!
//! All see values as Python does, since that is what the formats that Petrel reads were made for: [`python`]
//! holds Python's idea of equality, order, display and literals, [`regex`] its dialect of regular expressions.
//! Where the template engine differs, [`filters`], [`methods`], [`operators`] and [`rewrite`] bend it; what the
//! languages share is in [`functions`]. What rules do with all this is `petrel-rules`.
//!
//! What an evaluation may use up is the same for all of them, and counted in [`work`].
//!
//! Pure: no clock, no I/O, no loader of templates. What a template may see is handed in.

mod context;
mod convert;
pub mod datastore;
mod display;
mod environment;
mod error;
mod filters;
mod functions;
mod guard;
mod jinja;
pub mod json_path;
mod keys;
mod methods;
mod missing;
mod mutable;
mod names;
mod operators;
mod output;
mod parts;
pub mod python;
pub mod regex;
mod rewrite;
pub mod scope;
mod sequence;
pub mod statement;
pub mod template;
mod variables;
mod view;
mod weight;
pub mod work;
pub mod workflow;
pub mod yaql;

pub use datastore::{Datastore, KeyName, KeyScope};
pub use error::Error;
pub use json_path::JsonPath;
pub use scope::Scope;
pub use statement::{EntryError, EvaluationError, Language, Statement};
pub use template::{Template, is_template, render};
pub use variables::Variables;
pub use workflow::WorkflowScope;

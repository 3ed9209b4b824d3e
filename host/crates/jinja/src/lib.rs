//! Jinja. In rules and parameters a [`Template`] and a scope give text; in workflows ([`workflow`]) expressions give
//! values.
//!
//! The template engine is `minijinja`, which no other crate knows. Where it differs from Python's, [`filters`],
//! [`methods`], [`operators`] and [`rewrite`] adapt it. Values of the scope are read in place ([`view`]), and new
//! values are metered ([`work`], [`weight`]). `petrel-scope` defines the scopes; `petrel-expressions` finds
//! expressions in text.
//!
//! Pure: no clock, no I/O, no loader of templates. Start reading at `template.rs`.

mod context;
mod convert;
mod display;
mod environment;
mod error;
mod filters;
mod guard;
mod keys;
mod methods;
mod missing;
mod mutable;
mod operators;
mod output;
mod rewrite;
mod sequence;
mod template;
mod view;
mod weight;
mod work;
pub mod workflow;

pub use environment::OUTPUT_LIMIT;
pub use error::Error;
pub use template::{Template, is_template, render};

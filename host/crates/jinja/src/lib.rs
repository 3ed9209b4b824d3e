//! Jinja: in rules and parameters, where a [`Template`] and a scope give text, and in workflows ([`workflow`]), where
//! expressions give values.
//!
//! The template engine is `minijinja`, which this crate alone knows. Where it differs from Python's, [`filters`],
//! [`methods`], [`operators`] and [`rewrite`] bend it. What is handed in is seen in place ([`view`]), and
//! what it makes is counted ([`work`], [`weight`]). What templates see is `petrel-scope`; where
//! expressions stand in text is `petrel-expressions`.
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

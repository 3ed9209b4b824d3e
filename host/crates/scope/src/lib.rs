//! What expressions see: a [`Scope`] in rules and parameters, a [`WorkflowScope`] in workflows, with the [`Datastore`] and
//! the [`Variables`] in them. All of it comes in as data.
//!
//! Beside it stands what both languages have over plain values: JSONPath ([`json_path`]), the platform's functions
//! ([`functions`]), what to say of a name that nobody has ([`names`]), and what a part of shared JSON costs ([`parts`]).
//! The languages themselves are `petrel-jinja` and `petrel-yaql`; how Python sees values is `petrel-python`.
//!
//! Pure: no clock, no I/O. Start reading at `scope.rs`.

mod datastore;
pub mod functions;
pub mod json_path;
pub mod names;
pub mod parts;
mod scope;
mod variables;
pub mod workflow;

pub use datastore::{Datastore, KeyName, KeyScope};
pub use json_path::JsonPath;
pub use scope::{DATASTORE, Named, Scope};
pub use variables::Variables;
pub use workflow::WorkflowScope;

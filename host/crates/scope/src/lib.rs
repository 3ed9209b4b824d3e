//! The scopes of expressions: a [`Scope`] for rules and parameters, a [`WorkflowScope`] for workflows, and within
//! them the [`Datastore`] and the [`Variables`]. All of it comes in as data.
//!
//! Besides the scopes there is the code over plain values that both languages share: JSONPath ([`json_path`]), the
//! platform's functions ([`functions`]), suggestions for unknown names ([`names`]), and the costs of parts of shared
//! JSON ([`parts`]). The languages are `petrel-jinja` and `petrel-yaql`; `petrel-python` is Python's view of values.
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

pub use datastore::{
    DECRYPTS_NOTHING, DECRYPTS_PLAIN, Datastore, KeyName, KeyScope, NOT_ENCRYPTED, NOT_OF_A_KEY,
    NOTHING_ENCRYPTED, Opener, meant_with_scope, open_any, with_scope,
};
pub use json_path::JsonPath;
pub use scope::{DATASTORE, Named, Scope};
pub use variables::Variables;
pub use workflow::WorkflowScope;

//! What is registered: packs with their actions, trigger types and rules, and the configurations of packs.
//!
//! [`Catalog`] is the handle of this service; its state is nobody else's. All of it is in memory and follows the store
//! (`petrel_engine_core::Mirror`). A reader takes a snapshot, [`Catalog::content`], and so sees one moment; whoever handles
//! an event takes one for all of it. A change is decided on what there is then, committed, and only then shown.
//!
//! | | |
//! |---|---|
//! | `service` | the handle |
//! | [`content`] | all that is registered at one moment, for reading |
//! | [`registration`] | packs become content, all of one in one commit, and what is gone from them is forgotten |
//! | [`rule_book`] | rules are made, changed and deleted one by one |
//! | [`pack_configs`] | packs are configured through the API; `config_files`: by files of the operator |
//! | `masked` | secrets that come back as they were shown, for both of these |
//! | [`configuration`] | what actions get of a configuration |
//! | `preparation` | what actions start from is made ready before anybody waits for it |
//! | [`validation`] | values against the schemas that packs declare |
//! | [`workflows`] | what is wrong with the text of a workflow, beside the actions that there are |
//!
//! How packs are written is said by `petrel_packs`, how rules are evaluated by `petrel_rules`. Nothing is run here.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod config_files;
pub mod configuration;
pub mod content;
mod masked;
pub mod pack_configs;
mod preparation;
pub mod registration;
pub mod rule_book;
mod service;
pub mod validation;
pub mod workflows;

pub use masked::Giver;
pub use service::{Catalog, Options};

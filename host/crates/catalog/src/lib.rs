//! The catalog: packs with their actions, trigger types and rules, and the configurations of packs.
//!
//! [`Catalog`] is the handle of this service; its state is private. All of it is in memory and follows the store
//! (`petrel_engine_core::Mirror`). A reader takes a snapshot, [`Catalog::content`], and so sees one moment; an event is
//! handled with a single snapshot. A change is decided on the present state, committed, and only then shown.
//!
//! | | |
//! |---|---|
//! | `service` | the handle |
//! | [`content`] | the catalog at one moment, for reading |
//! | [`registration`] | the contents of a pack become part of the catalog in one commit; those that have left it are removed |
//! | [`rule_book`], [`policy_book`], [`trigger_book`] | single rules, policies, trigger types and triggers are created, changed and deleted; `addressed`: the triggers of events that somebody sends by hand |
//! | [`grants`] | what packs are granted, and what they have needed of it |
//! | `maintenance`, `sensors` | maintenance windows are made and deleted, sensors switched on and off |
//! | `host_keys` | keys of other hosts are pinned and forgotten |
//! | [`pack_configs`] | configurations of packs through the API; `config_files`: from files of the operator; `config_advice`: notes on both |
//! | `masked` | secrets that come back masked, for rules and configurations |
//! | [`secret_templates`] | templates of callers that read secrets |
//! | [`configuration`] | configurations as actions see them |
//! | `places` | places in configurations, for notes and errors |
//! | `pack_files` | packs whose files have gone |
//! | `preparation` | entry points of actions are prepared before anybody waits for them |
//! | [`validation`] | the validation of values against schemas of packs |
//! | [`workflows`] | the inspection of workflows, against the registered actions |
//!
//! `petrel_packs` defines the files of packs, `petrel_rules` evaluates rules. Nothing is run here.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod addressed;
mod config_advice;
mod config_files;
pub mod configuration;
pub mod content;
pub mod grants;
mod host_keys;
mod maintenance;
mod masked;
pub mod pack_configs;
mod pack_files;
mod places;
pub mod policy_book;
mod preparation;
pub mod registration;
pub mod rule_book;
pub mod secret_templates;
mod sensors;
mod service;
pub mod trigger_book;
pub mod validation;
pub mod workflows;

pub use masked::Giver;
pub use service::{Catalog, Options};

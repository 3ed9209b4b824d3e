//! The settings of the engine.

use std::time::Duration;

use crate::retention::Retention;

/// The settings of the engine, with defaults for one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The time that running executions have when the host stops. Default 30 seconds.
    pub drain: Duration,
    /// The time for which executions and events are kept.
    pub retention: Retention,
    /// The time that the expressions of one event, request or execution may take together. Default 5 seconds.
    pub longest_evaluation: Duration,
    /// The settings of the catalog.
    pub catalog: petrel_catalog::Options,
    /// The settings of executions.
    pub executions: petrel_executions::Options,
    /// The settings of workflows.
    pub workflows: petrel_workflow_engine::Options,
    /// The settings of events.
    pub triggers: petrel_triggers::Options,
    /// The settings of the datastore.
    pub datastore: petrel_datastore::Options,
    /// The keys for what is stored encrypted.
    pub vault: petrel_engine_core::Vault,
    /// The settings of users and tokens.
    pub access: petrel_access::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            retention: Retention::default(),
            longest_evaluation: Duration::from_secs(5),
            catalog: petrel_catalog::Options::default(),
            executions: petrel_executions::Options::default(),
            workflows: petrel_workflow_engine::Options::default(),
            triggers: petrel_triggers::Options::default(),
            datastore: petrel_datastore::Options::default(),
            vault: petrel_engine_core::Vault::default(),
            access: petrel_access::Options::default(),
        }
    }
}

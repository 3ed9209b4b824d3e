//! Settings of the engine.

use std::time::Duration;

use crate::retention::Retention;

/// Settings of the engine, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long what runs may go on when the host is to stop. Default 30 seconds.
    pub drain: Duration,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// How long the expressions of one event, request or execution may take together. Default 5 seconds.
    pub longest_evaluation: Duration,
    /// What is registered.
    pub catalog: petrel_catalog::Options,
    /// How many executions run and wait.
    pub executions: petrel_executions::Options,
    /// What workflows may take.
    pub workflows: petrel_workflow_engine::Options,
    /// How much is taken in at once.
    pub triggers: petrel_triggers::Options,
    /// How long tokens are good for, and who may act as somebody else.
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
            access: petrel_access::Options::default(),
        }
    }
}

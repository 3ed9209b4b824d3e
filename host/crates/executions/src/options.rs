//! The settings of this service. `host/src/config/table.rs` has their names for operators.

use petrel_model::Status;
use petrel_model::breaker::CircuitBreaker;

/// Settings of executions, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of components that run at once. Default 64.
    pub component_slots: usize,
    /// The number of processes that run at once. Default 16.
    pub process_slots: usize,
    /// The number of workflows that begin at once. Default 64.
    pub workflow_slots: usize,
    /// The number of waiting executions from which new ones are refused. Default 100,000.
    pub waiting_limit: usize,
    /// The share of these, in percent, that one rule, one user or the inside of one workflow may have. Inside
    /// workflows more may wait, which takes no room from others. Default 50.
    pub waiting_share: usize,
    /// The bytes of output that are kept of an execution, as they are stored. Default 2 MiB.
    pub output_limit: usize,
    /// The memory, in bytes, of the parameters of running executions, unless they are small; further
    /// executions wait. One user may have three quarters of it, one workflow or rule half. Default 96 MiB.
    pub given_limit: usize,
    /// The memory, in bytes, of the results of running executions. Default 128 MiB.
    pub results_limit: usize,
    /// The final statuses of which an end makes an event (`core.st2.generic.actiontrigger`). Default: all of them.
    pub action_trigger_when: Vec<Status>,
    /// The most actions that have called one another, one below the other, and workflows among them. Default 32.
    pub max_depth: u32,
    /// The circuit breaker of rules without one of their own. Default: none.
    pub circuit_breaker: Option<CircuitBreaker>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            component_slots: 64,
            process_slots: 16,
            workflow_slots: 64,
            waiting_limit: 100_000,
            waiting_share: 50,
            output_limit: 2 << 20,
            given_limit: 96 << 20,
            results_limit: 128 << 20,
            action_trigger_when: Status::FINAL.to_vec(),
            max_depth: 32,
            circuit_breaker: None,
        }
    }
}

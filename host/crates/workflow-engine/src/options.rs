//! The settings of this service. `host/src/config/table.rs` has their names for operators.

use petrel_model::WorkflowLimits;

/// Settings of workflows.
#[derive(Debug, Clone)]
pub struct Options {
    /// The greatest depth of workflows inside each other. Default 32.
    pub max_depth: u32,
    /// The greatest number of unfinished executions inside a workflow, at any depth. Default 100,000.
    pub max_descendants: usize,
    /// The limits of a workflow. Defaults: 1,000 items of a task at once, 10,000 tasks because of one event,
    /// 1,000,000 tasks in all, 128 MiB of variables.
    pub limits: WorkflowLimits,
    /// The memory, in bytes, of workflows that wait for executions inside them. Beyond it the ones that have
    /// been idle for longest are dropped, and rebuilt from their logs when needed. Default 64 MiB.
    pub waiting_memory: usize,
    /// The URL of the API, for actions that call it. Default: none.
    pub api_url: String,
    /// Whether workflows evaluate the results of expressions again, as the original does, even if the
    /// metadata of their action does not say so. Default: no, results are data.
    pub reevaluates: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_descendants: 100_000,
            limits: WorkflowLimits::default(),
            waiting_memory: 64 << 20,
            api_url: String::new(),
            reevaluates: false,
        }
    }
}

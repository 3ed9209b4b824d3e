//! Settings of workflows.

use petrel_model::WorkflowLimits;

/// Settings of workflows.
#[derive(Debug, Clone)]
pub struct Options {
    /// How deep workflows may be inside each other. Default 32.
    pub max_depth: u32,
    /// How many executions that have not ended may be inside a workflow, at any depth. Default 100,000.
    pub max_descendants: usize,
    /// What a workflow may take. Defaults: 1,000 items of a task at once, 10,000 tasks
    /// because of one event, 1,000,000 tasks in all, 128 MiB of variables.
    pub limits: WorkflowLimits,
    /// How much memory workflows may take that wait for what is inside them, in bytes; beyond it those to which nothing
    /// has happened for longest are made anew from their logs. Default 64 MiB.
    pub waiting_memory: usize,
    /// Where the API is reached, for those who ask from within. Default: nowhere.
    pub api_url: String,
    /// Whether workflows evaluate again what their expressions give, as the original does, without saying so in
    /// the metadata of their action. Default: no, it is data.
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

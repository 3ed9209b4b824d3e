//! Settings of the engine.

use std::time::Duration;

use petrel_model::WorkflowLimits;

use crate::retention::Retention;

/// Settings of the engine, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many components run at once. Default 64.
    pub component_slots: usize,
    /// How many processes run at once. Default 16.
    pub process_slots: usize,
    /// How many workflows begin at once. Default 64.
    pub workflow_slots: usize,
    /// How many executions may wait before new ones are refused. Default 100,000.
    pub waiting_limit: usize,
    /// What part of these one rule, one user or all that is inside one workflow may hold, in percent; of what is
    /// inside workflows more may wait, and takes no room from others. Default 50.
    pub waiting_share: usize,
    /// How deep workflows may be inside each other. Default 32.
    pub max_depth: u32,
    /// How many executions that have not ended may be inside a workflow, at any depth. Default 100,000.
    pub max_descendants: usize,
    /// What a workflow may take. Defaults: 1,000 items of a task at once, 10,000 tasks
    /// because of one event, 1,000,000 tasks in all, 128 MiB of variables.
    pub workflow_limits: WorkflowLimits,
    /// How much memory workflows may take that wait for what is inside them, in bytes; beyond it those to which nothing
    /// has happened for longest are made anew from their logs. Default 64 MiB.
    pub waiting_workflows: usize,
    /// How many events may be on their way to the store before new ones are refused. Default 4,096.
    pub accepting_limit: usize,
    /// How much memory requests may take that are being taken in, in bytes. Default 256 MiB.
    pub bytes_in_flight: usize,
    /// How many bytes of output are kept of an execution, as they are stored. Default 2 MiB.
    pub output_limit: usize,
    /// How much memory the parameters of all that runs may take, in bytes, unless they are small; more wait. One user
    /// may have three quarters of it, one workflow or rule a half. Default 96 MiB.
    pub given_limit: usize,
    /// How much memory the results of all that runs may take, in bytes. Default 128 MiB.
    pub results_limit: usize,
    /// How long what runs may go on when the host is to stop. Default 30 seconds.
    pub drain: Duration,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// Where the API is reached, for those who ask from within. Default: nowhere.
    pub api_url: String,
    /// How long the expressions of one event, request or execution may take together. Default 5 seconds.
    pub longest_evaluation: Duration,
    /// Whether workflows evaluate again what their expressions give, as the original does, without saying so in
    /// the metadata of their action. Default: no, it is data.
    pub reevaluates: bool,
    /// Where configurations of packs are.
    pub catalog: petrel_catalog::Options,
    /// How long tokens are good for, and who may act as somebody else.
    pub access: petrel_access::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            component_slots: 64,
            process_slots: 16,
            workflow_slots: 64,
            waiting_limit: 100_000,
            waiting_share: 50,
            max_depth: 32,
            max_descendants: 100_000,
            workflow_limits: WorkflowLimits::default(),
            waiting_workflows: 64 << 20,
            accepting_limit: 4096,
            bytes_in_flight: 256 << 20,
            output_limit: 2 << 20,
            given_limit: 96 << 20,
            results_limit: 128 << 20,
            drain: Duration::from_secs(30),
            retention: Retention::default(),
            api_url: String::new(),
            longest_evaluation: Duration::from_secs(5),
            reevaluates: false,
            catalog: petrel_catalog::Options::default(),
            access: petrel_access::Options::default(),
        }
    }
}

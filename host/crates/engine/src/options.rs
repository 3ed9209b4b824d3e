//! The settings of the engine.

use std::path::PathBuf;
use std::time::Duration;

use petrel_model::WorkflowLimits;

use crate::retention::Retention;

/// The settings of the engine, with defaults for one small machine.
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
    /// The greatest depth of workflows inside each other. Default 32.
    pub max_depth: u32,
    /// The greatest number of unfinished executions inside a workflow, at any depth. Default 100,000.
    pub max_descendants: usize,
    /// The limits of a workflow. Defaults: 1,000 items of a task at once, 10,000 tasks because of one event,
    /// 1,000,000 tasks in all, 128 MiB of variables.
    pub workflow_limits: WorkflowLimits,
    /// The memory, in bytes, of workflows that wait for executions inside them. Beyond it the ones that have been
    /// idle for longest are dropped, and rebuilt from their logs when needed. Default 64 MiB.
    pub waiting_workflows: usize,
    /// The number of events on their way to the store from which new ones are refused. Default 4,096.
    pub accepting_limit: usize,
    /// The memory, in bytes, of requests while they are accepted. Default 256 MiB.
    pub bytes_in_flight: usize,
    /// The bytes of output that are kept of an execution, as they are stored. Default 2 MiB.
    pub output_limit: usize,
    /// The memory, in bytes, of the parameters of running executions, unless they are small; further executions wait.
    /// One user may have three quarters of it, one workflow or rule half. Default 96 MiB.
    pub given_limit: usize,
    /// The memory, in bytes, of the results of running executions. Default 128 MiB.
    pub results_limit: usize,
    /// The time that running executions have when the host stops. Default 30 seconds.
    pub drain: Duration,
    /// The time for which executions and events are kept.
    pub retention: Retention,
    /// The URL of the API, for actions that call it. Default: none.
    pub api_url: String,
    /// The directory with configurations of packs, as `packs/NAME.yaml`. Default: none.
    pub config_directory: Option<PathBuf>,
    /// The time that the expressions of one event, request or execution may take together. Default 5 seconds.
    pub longest_evaluation: Duration,
    /// Whether workflows evaluate the results of expressions again, as the original does, even if the metadata of
    /// their action does not say so. Default: no, results are data.
    pub reevaluates: bool,
    /// The settings of users and tokens.
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
            config_directory: None,
            longest_evaluation: Duration::from_secs(5),
            reevaluates: false,
            access: petrel_access::Options::default(),
        }
    }
}

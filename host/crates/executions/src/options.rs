//! Settings of executions.

/// Settings of executions, with defaults that suit one small machine.
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
    /// How many bytes of output are kept of an execution, as they are stored. Default 2 MiB.
    pub output_limit: usize,
    /// How much memory the parameters of all that runs may take, in bytes, unless they are small; more wait. One user
    /// may have three quarters of it, one workflow or rule a half. Default 96 MiB.
    pub given_limit: usize,
    /// How much memory the results of all that runs may take, in bytes. Default 128 MiB.
    pub results_limit: usize,
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
        }
    }
}

//! The kinds of slots. Executions of one kind never wait for those of another.

use petrel_runners::{Runs, Slots};

/// A kind of slot. The number of each is a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// For runs inside this process.
    Component,
    /// For runs that start a process.
    Process,
    /// For workflows, while they begin.
    Workflow,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Component, Self::Process, Self::Workflow];

    /// The kind of slot for executions that are carried out by `runs`.
    pub(crate) fn of(runs: &Runs) -> Self {
        match runs {
            Runs::Conducted(_) => Self::Workflow,
            Runs::By(runner) => match runner.slots() {
                Slots::Component => Self::Component,
                Slots::Process => Self::Process,
            },
        }
    }

    /// The value of the label `kind` in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Process => "process",
            Self::Workflow => "workflow",
        }
    }
}

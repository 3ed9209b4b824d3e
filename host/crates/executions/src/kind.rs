//! The kinds of slots that executions compete for, so that none of a kind waits for those of another.

use petrel_runners::{Runs, Slots};

/// A kind of slot. How many there are of each is a setting.
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
    /// The kind that an execution takes which is carried out so.
    pub(crate) fn of(runs: &Runs) -> Self {
        match runs {
            Runs::Conducted(_) => Self::Workflow,
            Runs::By(runner) => match runner.slots() {
                Slots::Component => Self::Component,
                Slots::Process => Self::Process,
            },
        }
    }

    /// The word for it in figures.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Process => "process",
            Self::Workflow => "workflow",
        }
    }
}

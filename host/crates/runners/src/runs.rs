//! What carries out the actions of a runner type: a runner, or whoever conducts workflows. A type says which, so that
//! nobody compares names, and nothing is asked to run that cannot be run.

use std::fmt;
use std::sync::Arc;

use crate::{Runner, RunnerType};

/// What carries out the actions of one runner type.
#[derive(Clone)]
pub enum Runs {
    /// A runner: each execution is one call.
    By(Arc<dyn Runner>),
    /// The host itself, which conducts them: such an action is a workflow.
    Conducted(Arc<RunnerType>),
}

impl Runs {
    /// What is carried out by `runner`.
    pub fn by(runner: impl Runner + 'static) -> Self {
        Self::By(Arc::new(runner))
    }

    /// The description of the runner type.
    pub fn runner_type(&self) -> &RunnerType {
        match self {
            Self::By(runner) => runner.runner_type(),
            Self::Conducted(runner_type) => runner_type,
        }
    }

    /// The runner, if there is one.
    pub fn runner(&self) -> Option<&Arc<dyn Runner>> {
        match self {
            Self::By(runner) => Some(runner),
            Self::Conducted(_) => None,
        }
    }

    /// Whether the actions are workflows.
    pub fn is_conducted(&self) -> bool {
        matches!(self, Self::Conducted(_))
    }

    /// With the name by which actions ask for it.
    pub fn named(self) -> (String, Self) {
        (self.runner_type().name.to_owned(), self)
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_conducted() { "Conducted" } else { "By" };
        f.debug_tuple(kind).field(&self.runner_type().name).finish()
    }
}

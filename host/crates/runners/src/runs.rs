//! The ways in which the actions of a runner type are carried out: by a runner, or by the service that
//! conducts workflows. The type tells them apart, so that nobody compares names, and no runner is given a
//! workflow.

use std::fmt;
use std::sync::Arc;

use crate::{Runner, RunnerType};

/// The way in which the actions of one runner type are carried out.
#[derive(Clone)]
pub enum Runs {
    /// A runner: each execution is one call.
    By(Arc<dyn Runner>),
    /// The host itself conducts them: such an action is a workflow.
    Conducted(Arc<RunnerType>),
}

impl Runs {
    /// The type whose actions `runner` carries out.
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

    /// The type with its name, by which actions ask for it.
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

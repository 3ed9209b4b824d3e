//! A workflow in either language, behind one interface.

use std::sync::Arc;

use petrel_expressions::work::{UNITS, part};
use petrel_model::{Notify, WorkflowLimits};
use serde_json::{Map, Value};

use crate::chain::{Chain, ChainDefinition, ChainInput};
use crate::conductor::{Conductor, Event, Refused, Start, World};
use crate::definition::Definition;
use crate::status::Status;

/// Largest amount of work of all expressions in one event. A replay of the log must come to the same end, so it counts
/// work and not time.
const STEP: u64 = 5 * UNITS;

/// The definition of a workflow, in either language.
#[derive(Debug, Clone)]
pub enum Source {
    /// An Orquesta workflow.
    Orquesta(Arc<Definition>),
    /// An action chain.
    Chain(Arc<ChainDefinition>),
}

/// A running workflow, in either language.
#[derive(Debug, Clone)]
pub enum Conducted {
    /// An Orquesta workflow.
    Orquesta(Box<Conductor>),
    /// An action chain.
    Chain(Box<Chain>),
}

impl Conducted {
    /// Creates a workflow with `input`, in `context`: the initial variables of an Orquesta workflow, or the
    /// `action_context` of a chain. Both see its `config_context` under that name.
    pub fn new(
        source: &Source,
        input: &Arc<Map<String, Value>>,
        context: &Map<String, Value>,
        world: &World,
    ) -> Self {
        part(STEP, || Self::begun(source, input, context, world))
    }

    fn begun(
        source: &Source,
        input: &Arc<Map<String, Value>>,
        context: &Map<String, Value>,
        world: &World,
    ) -> Self {
        match source {
            Source::Orquesta(definition) => {
                Self::Orquesta(Box::new(Conductor::new(Arc::clone(definition), input, context, world)))
            }
            Source::Chain(definition) => {
                let part = |name: &str| Arc::new(context.get(name).cloned().unwrap_or_default());
                let given = ChainInput {
                    input: Arc::clone(input),
                    action_context: part("action_context"),
                    config: part("config_context"),
                    // A parameter of StackStorm's runner, which is on by default.
                    shows_published: context.get("display_published") != Some(&Value::Bool(false)),
                };
                Self::Chain(Box::new(Chain::new(definition, given, world)))
            }
        }
    }

    /// Whether results of expressions are evaluated again, as in StackStorm.
    pub fn reevaluates(&self) -> bool {
        match self {
            Self::Orquesta(conductor) => conductor.reevaluates(),
            Self::Chain(chain) => chain.reevaluates(),
        }
    }

    /// Sets its limits.
    #[must_use]
    pub fn with_limits(self, limits: WorkflowLimits) -> Self {
        match self {
            Self::Orquesta(conductor) => Self::Orquesta(Box::new(conductor.with_limits(limits))),
            Self::Chain(chain) => Self::Chain(Box::new(chain.with_limits(limits))),
        }
    }

    /// Sets the edition of the conductor's rules: the one that was current when the workflow began.
    #[must_use]
    pub fn with_edition(self, edition: u32) -> Self {
        match self {
            Self::Orquesta(conductor) => Self::Orquesta(Box::new(conductor.with_edition(edition))),
            Self::Chain(_) => self,
        }
    }

    /// Whether any task is active. Tasks that ran beside one that failed may still be active after the workflow has
    /// failed.
    pub fn is_active(&self) -> bool {
        match self {
            Self::Orquesta(conductor) => conductor.is_active(),
            Self::Chain(chain) => chain.status().is_active(),
        }
    }

    /// Applies an event, and returns the tasks that start because of it.
    ///
    /// # Errors
    /// If the status does not allow the request. Nothing has changed then.
    pub fn apply(&mut self, event: &Event, world: &World) -> Result<Vec<Start>, Refused> {
        part(STEP, || match self {
            Self::Orquesta(conductor) => conductor.apply(event, world),
            Self::Chain(chain) => chain.apply(event, world),
        })
    }

    /// Whether a task rests although all its items have ended, so that the workflow must be asked for
    /// [`Status::Running`] once it goes on.
    pub fn holds_ends(&self) -> bool {
        match self {
            Self::Orquesta(conductor) => conductor.holds_ends(),
            Self::Chain(_) => false,
        }
    }

    /// Its status.
    pub fn status(&self) -> Status {
        match self {
            Self::Orquesta(conductor) => conductor.status(),
            Self::Chain(chain) => chain.status(),
        }
    }

    /// Its timeout in seconds, from the start.
    pub fn timeout(&self) -> Option<i64> {
        match self {
            Self::Orquesta(conductor) => conductor.timeout(),
            Self::Chain(_) => None,
        }
    }

    /// Approximate memory of its tasks and variables, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Orquesta(conductor) => conductor.bytes(),
            Self::Chain(chain) => chain.bytes(),
        }
    }

    /// The number of the latest run of a task.
    pub fn number(&self, task: &str, route: u32) -> Option<usize> {
        match self {
            Self::Orquesta(conductor) => conductor.number(task, route),
            Self::Chain(chain) => chain.number(task),
        }
    }

    /// Who is told of the end of a task's action, as the task says it, which only chains do.
    pub fn notify_of(&self, task: &str) -> Option<Arc<Notify>> {
        match self {
            Self::Orquesta(_) => None,
            Self::Chain(chain) => chain.notify_of(task),
        }
    }

    /// The variables that a run of a task saw, by its number. For a chain: the present ones.
    pub fn known_to(&self, number: usize) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.known_to(number),
            Self::Chain(chain) => chain.variables(),
        }
    }

    /// Its final variables.
    pub fn variables(&self) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.final_variables().to_value(),
            Self::Chain(chain) => chain.variables(),
        }
    }

    /// The result of its execution.
    pub fn result(&self) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.result(),
            Self::Chain(chain) => chain.result(),
        }
    }
}

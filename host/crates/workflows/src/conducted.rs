//! A workflow in either language, as whoever runs workflows sees it.

use std::sync::Arc;

use petrel_expressions::work::{UNITS, part};
use petrel_model::WorkflowLimits;
use serde_json::{Map, Value};

use crate::chain::{Chain, ChainDefinition, Given};
use crate::conductor::{Conductor, Event, Refused, Start, World};
use crate::definition::Definition;
use crate::status::Status;

/// How much all expressions of one event may do together. It is the same whenever the log is read again, so it is
/// counted in work and not in time.
const STEP: u64 = 5 * UNITS;

/// The definition of a workflow.
#[derive(Debug, Clone)]
pub enum Source {
    /// In the language of Orquesta.
    Orquesta(Arc<Definition>),
    /// An action chain.
    Chain(Arc<ChainDefinition>),
}

/// A workflow that runs.
#[derive(Debug, Clone)]
pub enum Conducted {
    /// In the language of Orquesta.
    Orquesta(Box<Conductor>),
    /// An action chain.
    Chain(Box<Chain>),
}

impl Conducted {
    /// A workflow that was given `input`, in `context`: what Orquesta has as variables to begin with, and what
    /// the templates of a chain see as `action_context`. Both see its `config_context` under that name.
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
                let given = Given {
                    input: Arc::clone(input),
                    action_context: part("action_context"),
                    config: part("config_context"),
                    shows_published: context.get("display_published") != Some(&Value::Bool(false)),
                };
                Self::Chain(Box::new(Chain::new(definition, given, world)))
            }
        }
    }

    /// Whether what its expressions give is evaluated again, as the original does.
    pub fn reevaluates(&self) -> bool {
        match self {
            Self::Orquesta(conductor) => conductor.reevaluates(),
            Self::Chain(chain) => chain.reevaluates(),
        }
    }

    /// The same with limits to what it may take.
    #[must_use]
    pub fn with_limits(self, limits: WorkflowLimits) -> Self {
        match self {
            Self::Orquesta(conductor) => Self::Orquesta(Box::new(conductor.with_limits(limits))),
            Self::Chain(chain) => Self::Chain(Box::new(chain.with_limits(limits))),
        }
    }

    /// The same by the rules of an edition of the conductor, which are those that were in force when it began.
    #[must_use]
    pub fn with_edition(self, edition: u32) -> Self {
        match self {
            Self::Orquesta(conductor) => Self::Orquesta(Box::new(conductor.with_edition(edition))),
            Self::Chain(_) => self,
        }
    }

    /// Whether any of its tasks is active. After it has failed, some may be that ran beside the one that failed.
    pub fn is_active(&self) -> bool {
        match self {
            Self::Orquesta(conductor) => conductor.is_active(),
            Self::Chain(chain) => chain.status().is_active(),
        }
    }

    /// Applies an event; gives what starts because of it.
    ///
    /// # Errors
    /// A request that the status does not allow; then nothing has changed.
    pub fn apply(&mut self, event: &Event, world: &World) -> Result<Vec<Start>, Refused> {
        part(STEP, || match self {
            Self::Orquesta(conductor) => conductor.apply(event, world),
            Self::Chain(chain) => chain.apply(event, world),
        })
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        match self {
            Self::Orquesta(conductor) => conductor.status(),
            Self::Chain(chain) => chain.status(),
        }
    }

    /// How many seconds it may take, from its beginning.
    pub fn timeout(&self) -> Option<i64> {
        match self {
            Self::Orquesta(conductor) => conductor.timeout(),
            Self::Chain(_) => None,
        }
    }

    /// About how much memory its tasks and variables take, in bytes.
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

    /// The variables that a run of a task sees, by its number; those of now in a chain.
    pub fn known_to(&self, number: usize) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.known_to(number),
            Self::Chain(chain) => chain.variables(),
        }
    }

    /// The variables that it ends with.
    pub fn variables(&self) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.final_variables().to_value(),
            Self::Chain(chain) => chain.variables(),
        }
    }

    /// What is kept as the result of its execution.
    pub fn result(&self) -> Value {
        match self {
            Self::Orquesta(conductor) => conductor.result(),
            Self::Chain(chain) => chain.result(),
        }
    }
}

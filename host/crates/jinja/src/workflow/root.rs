//! The context of an evaluation in a workflow. It has no names of the workflow itself, but holds the scope for its
//! functions, under a name that nobody can write.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object};
use minijinja::{State, Value};
use petrel_scope::workflow::{CurrentTask, Keys};
use petrel_scope::{Variables, WorkflowScope};

use crate::mutable::Thaw;
use crate::view::view;

/// The scope of one evaluation.
#[derive(Debug)]
pub(crate) struct Root {
    pub(super) scope: WorkflowScope,
    /// Mutable copies of the scope's values, if the expression changes values.
    pub(super) thaw: Option<Thaw>,
}

impl Root {
    /// The keys of the datastore.
    pub(crate) fn keys(&self) -> Option<&Arc<dyn Keys>> {
        self.scope.keys.as_ref()
    }

    /// The seed of random numbers.
    pub(crate) fn seed(&self) -> u64 {
        self.scope.moment.seed
    }

    /// `value`, or its mutable copy under `name` if the expression changes values.
    pub(super) fn thawed(&self, name: &str, value: Value) -> Value {
        match &self.thaw {
            Some(thaw) => thaw.get(name, || Some(value)).unwrap_or_default(),
            None => value,
        }
    }
}

/// The name under which functions find the scope. It is no identifier, so that no expression can read it.
const SCOPE: &str = " scope";

/// The configuration of the workflow's pack, the only name that needs no function, as in parameters.
const CONFIG: &str = "config_context";

/// The names that [`Root`] has without a function.
pub(super) const NAMES: [&str; 4] = ["__vars", "__current_task", "__current_item", CONFIG];

/// The context of an evaluation in `scope`; `changes` says whether it changes values.
pub(super) fn of(scope: &WorkflowScope, changes: bool) -> Value {
    Value::from_object(Root { scope: scope.clone(), thaw: changes.then(Thaw::default) })
}

/// The scope of the present evaluation.
pub(crate) fn scope(state: &State<'_, '_>) -> Option<Arc<Root>> {
    state.lookup(SCOPE)?.downcast_object::<Root>()
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        match name {
            SCOPE => Some(Value::from_dyn_object(Arc::clone(self))),
            // The original's internal names, which expressions in use read.
            "__vars" => Some(variables(&self.scope.variables)),
            "__current_task" => Some(self.scope.task.as_ref().map_or_else(|| Value::from(()), task)),
            "__current_item" => Some(self.scope.item.as_ref().map_or_else(|| Value::from(()), view)),
            CONFIG => self.scope.config.as_ref().map(|config| self.thawed(CONFIG, view(config))),
            _ => None,
        }
    }
}

fn task(task: &CurrentTask) -> Value {
    Value::from_pairs([
        ("id", Value::from(&*task.id)),
        ("route", Value::from(task.route)),
        ("result", view(&task.result)),
    ])
}

/// All variables except internal ones.
pub(super) fn variables(variables: &Variables) -> Value {
    Value::from_object(All(variables.clone()))
}

#[derive(Debug)]
pub(super) struct All(pub(super) Variables);

fn is_hidden(name: &str) -> bool {
    name.starts_with("__")
}

impl Object for All {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str().filter(|name| !is_hidden(name))?;
        self.0.get(name).map(view)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        if is_hidden(name) { None } else { self.0.get(name).map(view) }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.0.iter().map(|(name, _)| name).filter(|name| !is_hidden(name));
        Enumerator::Values(names.map(|name| Value::from(Arc::clone(name))).collect())
    }
}

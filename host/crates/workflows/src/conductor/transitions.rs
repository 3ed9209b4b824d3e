//! The end of a task: which transitions are followed, what they publish, and which tasks they stage.

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_expressions::{EvaluationError, Variables, WorkflowScope};
use petrel_model::size;
use serde_json::Value;

use super::context::Context;
use super::staging::Staged;
use super::state::{Arrival, Place};
use super::{Conductor, ErrorEntry, World};
use crate::definition::{Definition, Engine, Transition};

impl Conductor {
    /// Evaluates the transitions of a task that has ended, in the order of their targets. Returns the engine commands
    /// that they lead to.
    pub(super) fn follow(
        &mut self,
        place: Place,
        number: usize,
        result: &Arc<Value>,
        world: &World,
    ) -> VecDeque<Place> {
        let definition = Arc::clone(&self.definition);
        let transitions =
            definition.task(place.0).map(|task| task.transitions.as_slice()).unwrap_or_default();
        let Some(context) = self.table.entry(number).map(|entry| entry.context.clone()) else {
            return VecDeque::new();
        };
        if transitions.is_empty() {
            self.table_mut().set_terminal(number, true);
        }
        let (mut commands, mut ready) = (VecDeque::new(), Vec::new());
        for (which, transition) in transitions.iter().enumerate() {
            let published = {
                let scope = self.task_scope(place, &context, Arc::clone(result), world);
                let followed = is_followed(transition, &scope)
                    .map_err(|error| ErrorEntry::of_expression(error.to_string(), &scope));
                followed.map(|followed| followed.then(|| publish(transition, scope)))
            };
            let published = match published {
                Ok(published) => published,
                Err(error) => {
                    self.fail_transition(place, transition, [error]);
                    continue;
                }
            };
            self.table_mut().decide(number, which, published.is_some(), &definition);
            match published {
                None => {}
                Some(Err(errors)) => self.fail_transition(place, transition, errors),
                Some(Ok(published)) => {
                    self.known_bytes +=
                        published.iter().map(|(_, value)| size::of_value(value)).sum::<usize>();
                    let context = self.dictionaries.after(&context, &published);
                    let target = self.stage(place, number, transition, context);
                    if definition.task(target.0).is_some_and(|task| task.engine.is_some()) {
                        commands.push_back(target);
                    } else if self.staging.next(target).is_some_and(|staged| staged.is_ready) {
                        ready.push(target);
                    }
                }
            }
        }
        if commands.iter().any(|command| is_fail(&definition, *command)) {
            // As in Orquesta, the other targets of the task whose transition leads to `fail` still run.
            for place in ready {
                if let Some(staged) = self.staging.next_mut(place) {
                    staged.runs_on_failure = true;
                }
            }
        }
        commands
    }

    /// Stages the target of a followed transition, with the context that it passes on.
    fn stage(&mut self, source: Place, number: usize, transition: &Transition, context: Context) -> Place {
        let target = (transition.target, self.route_of(source.1, transition));
        let origin = (Arc::clone(&transition.origin), number);
        match self.staging.next_mut(target) {
            Some(staged) => {
                self.dictionaries.join(&mut staged.context, &context);
                // A transition that leads here again counts by its latest run.
                staged.origins.retain(|(name, _)| *name != origin.0);
                staged.origins.push(origin);
                staged.items = None;
                staged.is_completed = false;
            }
            None => self.staging.add_next(Staged::new(target, context, vec![origin], false)),
        }
        let is_join = self.definition.task(transition.target).is_some_and(|task| task.join.is_some());
        let is_ready = !is_join || self.arrival((transition.target, source.1)) == Arrival::Complete;
        if let Some(staged) = self.staging.next_mut(target) {
            staged.is_ready = is_ready;
        }
        target
    }

    /// The route on which the target of a transition runs. A task that several transitions lead to gets a new route
    /// for each path, unless it is on a cycle, where each round would add one.
    fn route_of(&mut self, route: u32, transition: &Transition) -> u32 {
        let is_split =
            self.definition.task(transition.target).is_some_and(|task| task.is_split && !task.is_in_cycle);
        let splits = usize::try_from(route).ok().and_then(|route| self.table.routes.get(route));
        match splits {
            Some(splits) if is_split && !splits.contains(&transition.origin) => {
                let mut splits = splits.clone();
                splits.push(Arc::clone(&transition.origin));
                let table = self.table_mut();
                table.routes.push(splits);
                u32::try_from(table.routes.len() - 1).unwrap_or(u32::MAX)
            }
            _ => route,
        }
    }

    /// Makes the workflow fail because a transition's condition or variables cannot be evaluated.
    fn fail_transition(
        &mut self,
        (task, route): Place,
        transition: &Transition,
        errors: impl IntoIterator<Item = ErrorEntry>,
    ) {
        for error in errors {
            self.errors.add(ErrorEntry {
                task_id: Some(self.definition.name(task)),
                route: Some(route),
                task_transition_id: Some(Arc::clone(&transition.id)),
                ..error
            });
        }
        self.fail();
    }
}

fn is_followed(transition: &Transition, scope: &WorkflowScope) -> Result<bool, EvaluationError> {
    let Some(when) = &transition.when else { return Ok(true) };
    Ok(petrel_python::is_true(&*when.evaluate(scope)?))
}

/// Evaluates the variables of a transition, each of which sees those before it. Returns them or all errors.
fn publish(transition: &Transition, mut scope: WorkflowScope) -> Result<Variables, Vec<ErrorEntry>> {
    let mut published = Variables::new();
    let mut errors = Vec::new();
    for (name, statement) in transition.publish.iter() {
        match statement.evaluate(&scope) {
            Ok(value) => {
                scope.variables.insert(name, Arc::clone(&value));
                published.insert(name, value);
            }
            Err(error) => errors.push(ErrorEntry::of_expression(error.to_string(), &scope)),
        }
    }
    if errors.is_empty() { Ok(published) } else { Err(errors) }
}

fn is_fail(definition: &Definition, (task, _): Place) -> bool {
    definition.task(task).is_some_and(|task| task.engine == Some(Engine::Fail))
}

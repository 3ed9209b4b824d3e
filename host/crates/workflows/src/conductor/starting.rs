//! Starting tasks: all ready tasks are evaluated and marked as running, then those without an action succeed, one after
//! the other, which may make further tasks ready.

use std::sync::Arc;

use petrel_expressions::{EntryError, WorkflowScope};
use petrel_model::WorkflowLimits;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::change::Change;
use super::event::{Action, Start};
use super::seconds::{as_integer, evaluated, within};
use super::staging::{ItemStates, Staged};
use super::state::Place;
use super::{Conductor, ErrorEntry, World, seconds};
use crate::definition::{Items, Task};
use crate::status::Status;

/// An evaluated task that is ready to start.
struct Ready {
    place: Place,
    start: Start,
    /// Its items, if it starts with them now.
    list: Option<Arc<Value>>,
}

/// A delay and a timeout, in seconds.
type Times = (Option<i64>, Option<i64>);

impl Conductor {
    /// Starts ready tasks until there are none.
    pub(super) fn start_ready(&mut self, world: &World) -> Vec<Start> {
        let mut started: Vec<Start> = Vec::new();
        loop {
            let ready = self.ready(world);
            self.render_output(world);
            if ready.is_empty() {
                return started;
            }
            if let Some(message) = self.exceeded(started.len() + ready.len(), &ready) {
                self.errors.add(ErrorEntry::new(message));
                self.fail();
                self.render_output(world);
                return started;
            }
            let Some(ready) = self.mark_running(ready, world) else {
                self.render_output(world);
                return started;
            };
            for (place, mut start) in ready {
                let has_nothing_to_do = self.has_nothing_to_do(place, &start);
                if has_nothing_to_do {
                    start.actions.clear();
                }
                started.push(start);
                if has_nothing_to_do {
                    let done = Change::Action { status: Status::Succeeded, result: None };
                    if self.rules.fails_idle_tasks() {
                        self.change_or_fail(place, &done, world);
                    } else {
                        drop(self.change(place, &done, world));
                    }
                    self.render_output(world);
                }
            }
        }
    }

    /// Whether a task that starts has no action or no items, so that it has succeeded already. An action whose
    /// reference evaluates to null is one all the same, and fails when somebody looks for it.
    fn has_nothing_to_do(&self, place: Place, start: &Start) -> bool {
        let names_an_action = || self.definition.task(place.0).is_some_and(|task| task.action.is_some());
        start.actions.iter().all(|action| action.action.is_null())
            && (start.actions.is_empty() || !self.rules.requests_null() || !names_an_action())
    }

    /// The limit that `ready` would exceed, with a remedy, as a message. `in_step` counts the tasks of this event.
    fn exceeded(&self, in_step: usize, ready: &[Ready]) -> Option<String> {
        let WorkflowLimits { tasks_in_step, tasks, variables, .. } = self.limits;
        // Every context of the past is kept, so published values add up: at 8 MB a step a workflow took 633 MiB before
        // this limit existed.
        if self.known_bytes + self.dictionaries.bytes() > variables {
            return Some(format!(
                "the input, results and published variables of the workflow take more than {} MiB, which is the limit \
                 (`workflows.max_variables_mib`), so it was ended; publish less, or a reference to the data",
                variables >> 20
            ));
        }
        if in_step > tasks_in_step {
            return Some(format!(
                "more than {tasks_in_step} tasks of the workflow started at once, which is the limit \
                 (`workflows.max_tasks_in_step`), so it was ended; give their cycle a condition to end, or an action"
            ));
        }
        // A task that has started and has more items to start is not a new one.
        let new = ready.iter().filter(|task| task.start.items.is_none() || task.list.is_some()).count();
        (self.table.entries().len() + new > tasks).then(|| {
            format!(
                "more than {tasks} tasks of the workflow started, which is the limit (`workflows.max_tasks`), so it \
                 was ended; give its cycles a condition to end, or split it into several"
            )
        })
    }

    /// Marks tasks as running before any of them starts. `None` if that fails for one of them.
    fn mark_running(&mut self, ready: Vec<Ready>, world: &World) -> Option<Vec<(Place, Start)>> {
        let mut running = Vec::with_capacity(ready.len());
        for Ready { place, mut start, list } in ready {
            if let Some(list) = list
                && let Some(staged) = self.staging.get_mut(place)
            {
                let count = list.as_array().map_or(0, Vec::len);
                let has_window = has_window(start.concurrency.as_deref(), count, self.limits.items_window);
                staged.items = Some(ItemStates::new(list, has_window));
            }
            let changes: Vec<Change<'_>> = if start.items.is_some() && !start.actions.is_empty() {
                let items = start.actions.iter().filter_map(|action| action.item);
                items.map(|item| Change::Item { item, status: Status::Running, result: None }).collect()
            } else {
                vec![Change::Action { status: Status::Running, result: None }]
            };
            let result = changes.iter().try_for_each(|change| self.change(place, change, world));
            if let Err(message) = result {
                // The number of repetitions could not be evaluated.
                self.errors.add(ErrorEntry::new(message));
                self.fail();
                return None;
            }
            start.number = self.table.latest(place).unwrap_or_default();
            running.push((place, start));
        }
        Some(running)
    }

    /// Evaluates the ready tasks, sorted by name and route. If one of them cannot be evaluated, none starts and the
    /// workflow fails.
    fn ready(&mut self, world: &World) -> Vec<Ready> {
        let is_failed = self.status == Status::Failed;
        if !self.status.is_running() && !is_failed {
            return Vec::new();
        }
        let can_start = self.staging.iter().filter(|staged| staged.can_start());
        let places: Vec<Place> = can_start
            .filter(|staged| !is_failed || staged.runs_on_failure)
            .map(|staged| staged.place)
            .collect();
        let mut ready = Vec::with_capacity(places.len());
        let mut has_failed = false;
        for place in places {
            match self.evaluate(place, world) {
                Ok(Some(task)) => ready.push(task),
                Ok(None) => {}
                Err(message) => {
                    has_failed = true;
                    let staged = self.staging.get(place);
                    let scope =
                        staged.map(|staged| self.task_scope(place, &staged.context, Arc::default(), world));
                    let error = match &scope {
                        Some(scope) => ErrorEntry::of_expression(message, scope),
                        None => ErrorEntry::new(message),
                    };
                    self.errors.add(ErrorEntry {
                        task_id: Some(self.definition.name(place.0)),
                        route: Some(place.1),
                        ..error
                    });
                }
            }
        }
        if has_failed {
            self.fail();
            return Vec::new();
        }
        // Orquesta starts ready tasks by name, whatever the order in which transitions led to them.
        ready.sort_by_key(|task| task.place);
        ready
    }

    /// Evaluates a staged task. `None` if none of its items can start now.
    fn evaluate(&mut self, place: Place, world: &World) -> Result<Option<Ready>, String> {
        let definition = Arc::clone(&self.definition);
        let Some(task) = definition.task(place.0) else { return Ok(None) };
        if let Some(staged) = self.staging.get_mut(place) {
            self.dictionaries.refresh(&mut staged.context);
        }
        let Some(staged) = self.staging.get(place) else { return Ok(None) };
        let scope = self.task_scope(place, &staged.context, Arc::default(), world);
        let times = || self.times(task, staged, &scope);
        let before = if self.rules.evaluates_actions_first() { None } else { Some(times()?) };
        let known =
            staged.items.as_ref().filter(|items| items.len() > 0).map(|items| Arc::clone(&items.list));
        let (actions, list) = match (&task.items, &known) {
            (None, _) => (vec![action(task, None, &scope, world)?], None),
            (Some(_), Some(list)) => (Vec::new(), Some(Arc::clone(list))),
            (Some(items), None) => (Vec::new(), Some(all_items(task, items, &scope, world)?)),
        };
        let (delay, timeout) = before.map_or_else(times, Ok)?;
        let mut start = Start {
            task: Arc::clone(&task.name),
            route: place.1,
            number: 0,
            actions,
            delay,
            retry: staged.attempts.as_ref().map(|attempts| attempts.tally),
            items: None,
            concurrency: None,
            timeout,
        };
        let (Some(items), Some(list)) = (&task.items, list) else {
            return Ok(Some(Ready { place, start, list: None }));
        };
        let concurrency = items.concurrency.as_ref().map(|concurrency| evaluated(concurrency, &scope));
        let concurrency = concurrency.transpose()?;
        let chosen = self.choose(place, &list, known.is_some(), concurrency.as_deref())?;
        let elements = list.as_array().map(Vec::as_slice).unwrap_or_default();
        for item in chosen {
            let Some(element) = elements.get(item) else { continue };
            start.actions.push(action(task, Some(item), &with_item(items, element, &scope), world)?);
        }
        start.items = Some(elements.len());
        start.concurrency = concurrency.map(at_least_one);
        if start.actions.is_empty() && !elements.is_empty() {
            return Ok(None);
        }
        Ok(Some(Ready { place, start, list: known.is_none().then_some(list) }))
    }

    /// The delay of a task in seconds, that of its repetition or else its own, and the timeout of its actions.
    fn times(&self, task: &Task, staged: &Staged, scope: &WorkflowScope) -> Result<Times, String> {
        let own = seconds::given("delay", Some(&task.name), task.delay.as_ref(), self.least(), scope)?;
        let delay = match &staged.attempts {
            Some(attempts) => Some(attempts.delay.unwrap_or_default()),
            None => own,
        };
        let timeout = seconds::given("timeout", Some(&task.name), task.timeout.as_ref(), 0, scope)?;
        Ok((delay, timeout))
    }

    /// The least number that an expression may return for a delay, a concurrency or a retry.
    pub(super) const fn least(&self) -> i64 {
        if self.rules.takes_negatives() { i64::MIN } else { 0 }
    }

    /// The items to start now: as many as the task's concurrency and the limit on started items allow.
    fn choose(
        &mut self,
        place: Place,
        list: &Value,
        is_known: bool,
        concurrency: Option<&Value>,
    ) -> Result<Vec<usize>, String> {
        // The window bounds what is requested at once. Without it, 100,000 items with a concurrency of 100,000 took
        // 763 MiB, and 10 s to cancel.
        let most = match concurrency {
            None | Some(Value::Null) => self.limits.items_window,
            Some(value) => {
                let number = as_integer(value).ok_or_else(|| {
                    let value = value.to_string();
                    let value = quoted(&value);
                    format!("TypeError: The value of task concurrency is not type of integer, but {value}.")
                })?;
                let name = self.definition.name(place.0);
                let number =
                    within(format_args!("concurrency"), Some(&name), number, (self.least(), i64::MAX))?;
                usize::try_from(number.max(1)).unwrap_or(usize::MAX).min(self.limits.items_window)
            }
        };
        let states = self.staging.get_mut(place).and_then(|staged| staged.items.as_mut());
        Ok(match states {
            Some(states) if is_known => states.unset(most.saturating_sub(states.active())),
            _ => (0..list.as_array().map_or(0, Vec::len)).take(most).collect(),
        })
    }
}

fn action(task: &Task, item: Option<usize>, scope: &WorkflowScope, world: &World) -> Result<Action, String> {
    let action = match &task.action {
        Some(action) => evaluated(action, scope)?,
        None => Arc::default(),
    };
    let input = match &task.input {
        Some(input) => {
            input.evaluate_entries(scope).map_err(|failed| input_error(&action, &failed, world))?
        }
        None => Arc::default(),
    };
    Ok(Action { action, input, item })
}

/// Explains why the input of an action cannot be evaluated. Secret parameters are named and not quoted.
fn input_error(action: &Value, failed: &EntryError, world: &World) -> String {
    let (action, parameter) = (action.as_str().unwrap_or_default(), failed.entry.as_deref());
    if !world.is_secret(action, parameter) {
        return failed.error.to_string();
    }
    let what = parameter.map_or_else(|| "input".to_owned(), |name| format!("parameter {name}"));
    format!(
        "The {what} of {action} cannot be evaluated; it may hold a secret, so neither its expression nor a value is \
         shown."
    )
}

/// Evaluates the items of a task that starts. The actions of all items are evaluated once, so that an error is found
/// before the first one starts; they are not kept, since there may be many.
fn all_items(task: &Task, items: &Items, scope: &WorkflowScope, world: &World) -> Result<Arc<Value>, String> {
    let list = evaluated(&items.list, scope)?;
    let elements = list
        .as_array()
        .ok_or_else(|| format!("TypeError: The value of \"{}\" is not type of list.", quoted(&items.text)))?;
    for element in elements {
        action(task, None, &with_item(items, element, scope), world)?;
    }
    Ok(list)
}

/// The scope of an item's action: the item itself, or its parts by name.
fn with_item(items: &Items, element: &Value, scope: &WorkflowScope) -> WorkflowScope {
    let item = match (items.names.as_slice(), element) {
        ([], element) => element.clone(),
        (names, Value::Array(parts)) => {
            let pairs = names.iter().zip(parts).map(|(name, part)| (name.to_string(), part.clone()));
            Value::Object(pairs.collect())
        }
        ([name], element) => Value::Object(Map::from_iter([(name.to_string(), element.clone())])),
        (_, element) => element.clone(),
    };
    WorkflowScope { item: Some(Arc::new(item)), ..scope.clone() }
}

/// Whether all `count` items would run at once without the limit on started items. Then the failure of one must not
/// keep others from starting, as it would not without the limit.
fn has_window(concurrency: Option<&Value>, count: usize, window: usize) -> bool {
    match concurrency {
        None | Some(Value::Null) => true,
        Some(value) => as_integer(value)
            .and_then(|number| usize::try_from(number).ok())
            .is_some_and(|number| number > window && number >= count),
    }
}

/// Replaces a concurrency of 0 by 1, as Orquesta does.
fn at_least_one(concurrency: Arc<Value>) -> Arc<Value> {
    match as_integer(&concurrency) {
        Some(number) if number <= 0 => Arc::new(Value::from(1)),
        _ => concurrency,
    }
}

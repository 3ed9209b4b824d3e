//! Changes of a task: a report of its action or of an item, an engine command, or a repetition.

use std::sync::Arc;

use petrel_model::size;
use serde_json::Value;

use super::change::Change;
use super::context::Context;
use super::seconds::{MOST_SECONDS, as_integer, within};
use super::staging::Staged;
use super::state::{Arrival, Attempts, Entry, Origin, Place};
use super::{Conductor, ErrorEntry, World};
use crate::definition::{Engine, Retry};
use crate::machine::{self, Remaining, TaskChange};
use crate::status::Status;

/// The message that every failed action leaves in the log of errors.
const FAILED: &str = "Execution failed. See result for details.";

impl Conductor {
    /// Applies a change of a task.
    ///
    /// # Errors
    /// The reason why it cannot be applied, as a message for the log of errors. Nothing has changed then.
    pub(super) fn change(&mut self, place: Place, change: &Change<'_>, world: &World) -> Result<(), String> {
        let number = self.table.latest(place);
        let is_new = match number.and_then(|number| self.table.entry(number)) {
            None => true,
            Some(entry) => {
                matches!(change, Change::Command(_))
                    || (entry.status.is_completed() && change.status().is_starting())
            }
        };
        let mut before = self.entry_before(place, is_new, world)?;
        let after = self.status_after(place, before.status, change);
        if after.unwrap_or(before.status).is_completed() {
            self.dictionaries.refresh(&mut before.context);
        }
        // Only built for an end: nobody reads it before, and a list of many item results is expensive.
        let ends = after.is_some_and(Status::is_completed);
        let result = if ends { self.result_of(place, change) } else { Arc::default() };
        let retries = match after {
            Some(status) if status.is_completed() => self.retries(place, &before, status, &result, world)?,
            _ => false,
        };
        let old = before.status;
        let is_late = !is_new && old.is_completed();
        // Every fallible step is above this line, so that an error leaves the state untouched.
        let number = match number {
            Some(number) if !is_new => {
                self.table_mut().set_context(number, before.context);
                number
            }
            _ => {
                let definition = Arc::clone(&self.definition);
                self.table_mut().add(before, &definition)
            }
        };
        self.note(place, change, is_late);
        if let Some(after) = after {
            self.table_mut().set_status(number, after, world.moment.micros);
        }
        let status = after.unwrap_or(old);
        if status.is_completed() {
            if retries {
                self.set_retrying(place, number, world);
                return Ok(());
            }
            self.unstage_completed(place, status, is_late);
            if status != old {
                let commands = self.follow(place, number, &result, world);
                self.propagate_to_workflow(place, number, world);
                for command in commands {
                    self.carry_out(command, world);
                }
                self.mark_terminal(number);
                return Ok(());
            }
        }
        self.propagate_to_workflow(place, number, world);
        self.mark_terminal(number);
        Ok(())
    }

    /// Executes an engine command that a transition led to.
    fn carry_out(&mut self, place: Place, world: &World) {
        if let Some(engine) = self.definition.task(place.0).and_then(|task| task.engine) {
            // Cannot fail: the command has just been staged.
            drop(self.change(place, &Change::Command(engine), world));
        }
    }

    /// The latest entry of a task, or the entry of the run that starts now.
    fn entry_before(&mut self, place: Place, is_new: bool, world: &World) -> Result<Entry, String> {
        if !is_new && let Some(entry) = self.table.latest_entry(place) {
            // Only its status and its context are used, so these are not copied.
            return Ok(Entry { next: Vec::new(), origins: Vec::new(), ..entry.clone() });
        }
        let staged = self.staging.get(place).ok_or_else(|| {
            let name = self.definition.name(place.0);
            format!("InvalidTaskStateEntry: The task \"{name}\" was not started.")
        })?;
        let (mut context, origins) = (staged.context.clone(), staged.origins.clone());
        if self.definition.task(place.0).is_some_and(|task| task.retry.is_some()) {
            // Only the number of its repetitions is evaluated in it.
            self.dictionaries.refresh(&mut context);
        }
        self.new_entry(place, context, origins, world)
    }

    /// The entry of a task that starts.
    pub(super) fn new_entry(
        &self,
        place: Place,
        context: Context,
        origins: Vec<Origin>,
        world: &World,
    ) -> Result<Entry, String> {
        let retry = self.definition.task(place.0).and_then(|task| task.retry.as_ref());
        let attempts = retry.map(|retry| self.attempts(place, retry, &context, world)).transpose()?;
        Ok(Entry {
            task: place.0,
            route: place.1,
            status: Status::Unset,
            context,
            origins,
            next: Vec::new(),
            attempts,
            is_terminal: false,
            started: world.moment.micros,
            ended: None,
        })
    }

    /// Evaluates the number and delay of repetitions.
    fn attempts(
        &self,
        place: Place,
        retry: &Retry,
        context: &Context,
        world: &World,
    ) -> Result<Attempts, String> {
        let scope = self.bare_scope(&context.full, world);
        let name = self.definition.name(place.0);
        let integer = |what: &str, statement: &petrel_expressions::Statement, most: i64| {
            let value = statement.evaluate(&scope).map_err(|error| error.to_string())?;
            let number = as_integer(&value).ok_or_else(|| {
                format!("ValueError: The retry {what} for task \"{name}\" is not an integer.")
            })?;
            within(format_args!("retry.{what}"), Some(&name), number, (self.least(), most))
        };
        let delay = retry.delay.as_ref().map(|delay| integer("delay", delay, MOST_SECONDS)).transpose()?;
        let count = integer("count", &retry.count, u32::MAX.into())?;
        Ok(Attempts { count, delay, tally: 0 })
    }

    /// The status of a task after a change.
    fn status_after(&self, place: Place, current: Status, change: &Change<'_>) -> Option<Status> {
        match change {
            Change::Action { status, .. } => machine::task_after_action(current, *status),
            Change::Held { .. } | Change::Command(_) => Some(change.status()),
            Change::Item { item, status, .. } => self.status_after_item(place, current, *item, *status),
        }
    }

    /// The result of a task: that of its action, or the list of its items' results.
    fn result_of(&self, place: Place, change: &Change<'_>) -> Arc<Value> {
        let has_items = self.definition.task(place.0).is_some_and(|task| task.items.is_some());
        if !change.status().is_completed() && !self.rules.has_result_at_rest() {
            return Arc::default();
        }
        if !has_items {
            return change.result().cloned().unwrap_or_default();
        }
        let Some(items) = self.staging.get(place).and_then(|staged| staged.items.as_ref()) else {
            return Arc::new(Value::Array(Vec::new()));
        };
        let Change::Item { item, result: Some(result), .. } = change else {
            return Arc::new(items.accumulated());
        };
        let mut all = items.accumulated();
        if let Some(slot) = all.get_mut(*item) {
            *slot = Value::clone(result);
        }
        Arc::new(all)
    }

    /// Whether a task that has ended is to be repeated.
    fn retries(
        &self,
        place: Place,
        entry: &Entry,
        status: Status,
        result: &Arc<Value>,
        world: &World,
    ) -> Result<bool, String> {
        let retry = self.definition.task(place.0).and_then(|task| task.retry.as_ref());
        let (Some(retry), Some(attempts)) = (retry, &entry.attempts) else { return Ok(false) };
        if !self.status.is_active() || i64::from(attempts.tally) >= attempts.count {
            return Ok(false);
        }
        // Orquesta means to repeat it if the condition holds, and its table has no such step: it recurses until it fails.
        if status == Status::Canceled && self.rules.lets_canceled_end() {
            return Ok(false);
        }
        // As in Orquesta: with a condition, a task that has succeeded may be repeated, too.
        let Some(when) = &retry.when else { return Ok(status.is_abended()) };
        let scope = self.upcoming_scope(place, status, &entry.context, Arc::clone(result), world);
        let value = when.evaluate(&scope).map_err(|error| error.to_string())?;
        Ok(petrel_python::is_true(&value))
    }

    /// Records a change in the staging, in the states of items and in the log of errors.
    fn note(&mut self, place: Place, change: &Change<'_>, is_late: bool) {
        let is_kept = matches!(change, Change::Item { .. }) || change.status() == Status::Failed;
        // These results stay in memory: with the items, or in the log of errors.
        if is_kept && change.status().is_completed() {
            self.known_bytes += change.result().map_or(0, |result| size::of_value(result));
        }
        match self.staging.get_mut(place) {
            Some(Staged { items: Some(items), .. }) => {
                if let Change::Item { item, status, result } = change {
                    items.set(*item, *status);
                    if status.is_completed()
                        && let Some(slot) = items.results.get_mut(*item)
                    {
                        *slot = result.map(Arc::clone);
                    }
                }
            }
            Some(_) if is_late && self.rules.spares_next_run() => {}
            Some(_) => self.staging.remove(place),
            None => {}
        }
        // The items of a task whose end was held back are in the log already.
        if change.status() == Status::Failed && !matches!(change, Change::Held { .. }) {
            self.errors.add(ErrorEntry {
                message: FAILED.to_owned(),
                task_id: Some(self.definition.name(place.0)),
                result: change.result().filter(|result| !result.is_null()).cloned(),
                ..ErrorEntry::default()
            });
        }
    }

    /// Unstages a task that has ended. One with failed items is kept for a rerun, and if it had ended before, its next
    /// run is still to start.
    fn unstage_completed(&mut self, place: Place, status: Status, is_late: bool) {
        let is_to_start = || self.staging.get(place).is_some_and(|staged| staged.items.is_none());
        if is_late && self.rules.spares_next_run() && is_to_start() {
            return;
        }
        let has_items = self.definition.task(place.0).is_some_and(|task| task.items.is_some());
        if has_items && status.is_abended() {
            self.staging.complete(place);
        } else {
            self.staging.remove(place);
        }
    }

    /// Stages the repetition of a task.
    fn set_retrying(&mut self, place: Place, number: usize, world: &World) {
        self.table_mut().set_status(number, Status::Retrying, world.moment.micros);
        if let Some(attempts) = self.table_mut().attempts_mut(number) {
            attempts.tally += 1;
        }
        if let Some(entry) = self.table.entry(number) {
            let mut staged = Staged::new(place, entry.context.clone(), entry.origins.clone(), true);
            staged.attempts.clone_from(&entry.attempts);
            self.staging.add_retry(staged);
        }
        self.propagate_to_workflow(place, number, world);
        self.mark_terminal(number);
    }

    /// Adds the variables of a task that changes after its workflow has ended to the workflow's output.
    fn mark_terminal(&mut self, number: usize) {
        if self.status.is_completed() {
            self.table_mut().set_terminal(number, true);
        }
    }

    /// Derives the status of the workflow from that of a task.
    fn propagate_to_workflow(&mut self, place: Place, number: usize, world: &World) {
        let Some(status) = self.table.entry(number).map(|entry| entry.status) else { return };
        let change = self.workflow_change(place, status);
        let Some(after) = machine::workflow_after_task(self.status, change) else { return };
        let before = std::mem::replace(&mut self.status, after);
        if before != after && matches!(after, Status::Canceling | Status::Pausing) {
            // In Orquesta a task with items in progress would not hear of it, and the workflow would wait for ever.
            self.propagate_to_item_tasks(after, world);
        }
        if after.is_completed() {
            self.find_impossible_joins();
        }
    }

    fn workflow_change(&self, place: Place, status: Status) -> TaskChange {
        let is_active = self.is_active();
        let is_remediated = status.is_abended() && self.leads_on(place, true);
        if status != Status::Succeeded && !is_remediated {
            return TaskChange::Plain { status, is_active };
        }
        // A task with items stays pausing when the workflow goes on before all of them rest, and until its end.
        let goes_on = self.rules.counts_resumed() && self.status.is_running();
        let rests = |one: Status| one.is_resting() || (one == Status::Pausing && !goes_on);
        let remaining = if self.table.has(|one| matches!(one, Status::Canceling | Status::Canceled)) {
            Remaining::Canceled
        } else if self.table.has(rests) {
            Remaining::Paused
        } else if self.staging.can_start() || self.leads_on(place, false) {
            Remaining::Incomplete
        } else {
            Remaining::Completed
        };
        TaskChange::Done { is_remediated, is_active, remaining }
    }

    /// Whether the latest run of a task was followed by a task, or by a command other than `continue`. A join counts
    /// if it may still start, or always with `any_join`.
    fn leads_on(&self, place: Place, any_join: bool) -> bool {
        let (Some(entry), Some(task)) = (self.table.latest_entry(place), self.definition.task(place.0))
        else {
            return false;
        };
        entry.status.is_completed()
            && task.transitions.iter().enumerate().any(|(number, transition)| {
                let Some(target) = self.definition.task(transition.target) else { return false };
                if target.engine == Some(Engine::Continue) || !entry.followed(number) {
                    return false;
                }
                any_join
                    || target.join.is_none()
                    || self.arrival((transition.target, place.1)) != Arrival::Impossible
            })
    }

    pub(super) fn arrival(&self, place: Place) -> Arrival {
        let goes_on = || self.is_active() || self.staging.can_start();
        // Whether others go on takes a look at all of them, and matters only then.
        match self.table.arrival(place, &self.definition, false) {
            Arrival::Impossible => self.table.arrival(place, &self.definition, goes_on()),
            arrival => arrival,
        }
    }

    /// Makes a workflow fail that ends while a join still waits for branches.
    fn find_impossible_joins(&mut self) {
        let waits = |staged: &&Staged| {
            !staged.is_ready
                && self.definition.task(staged.place.0).is_some_and(crate::definition::Task::is_barrier)
        };
        let impossible: Vec<Place> = self
            .staging
            .iter()
            .filter(waits)
            .map(|staged| staged.place)
            .filter(|place| self.arrival(*place) == Arrival::Impossible)
            .collect();
        for (task, route) in impossible {
            self.status = Status::Failed;
            let name = self.definition.name(task);
            let join = format!("{name}|{route}");
            self.errors.add(ErrorEntry {
                message: format!(
                    "UnreachableJoinError: The join task|route \"{join}\" is partially satisfied but unreachable."
                ),
                task_id: Some(name),
                route: Some(route),
                ..ErrorEntry::default()
            });
        }
    }
}

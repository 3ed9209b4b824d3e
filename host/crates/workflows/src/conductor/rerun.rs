//! Running a workflow again from some of its tasks, including everything that followed them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::Rerun;
use super::refused::Refused;
use super::staging::Staged;
use super::state::Place;
use super::{Conductor, World};
use crate::status::Status;

impl Conductor {
    /// Prepares a workflow that has ended for another run.
    pub(super) fn rerun(&mut self, rerun: &Rerun) -> Result<(), Refused> {
        if !self.status.is_completed() {
            return Err(Refused::NotEnded(self.status));
        }
        let candidates = self.candidates(rerun)?;
        // What never started, because it could not be evaluated, starts now.
        let has_work = !candidates.is_empty() || self.staging.can_start();
        if !has_work && self.rules.refuses_empty_reruns() {
            return Err(Refused::NothingToRerun(self.status));
        }
        // All tasks are prepared before the first is staged, so that a refusal changes nothing.
        let mut renewed = Vec::with_capacity(candidates.len());
        for (place, resets) in candidates {
            renewed.push(self.renew(place, resets)?);
        }
        for staged in renewed {
            self.stage_again(staged);
        }
        self.reopen_what_goes_on();
        self.output = None;
        self.status = Status::Resuming;
        Ok(())
    }

    /// The tasks to run again, and whether that includes all their items, sorted by name and route.
    fn candidates(&self, rerun: &Rerun) -> Result<BTreeMap<Place, bool>, Refused> {
        if rerun.tasks.is_empty() {
            let abended = self.table.terminal().filter(|(_, entry)| entry.status.is_abended());
            let places = abended.map(|(_, entry)| (entry.task, entry.route));
            let places = places.filter(|place| !self.is_command(*place));
            return Ok(places.map(|place| (place, false)).collect());
        }
        let mut wanted = BTreeMap::new();
        let mut unknown = Vec::new();
        for (name, route, resets) in &rerun.tasks {
            let place = self.definition.find(name).map(|task| (task, *route));
            let is_command = |place| self.rules.refuses_empty_reruns() && self.is_command(place);
            match place.filter(|place| self.table.latest(*place).is_some() && !is_command(*place)) {
                Some(place) => {
                    wanted.insert(place, *resets);
                }
                None => unknown.push(format!("{name} (route {route})")),
            }
        }
        if !unknown.is_empty() {
            return Err(Refused::NotRun(unknown.join(", ")));
        }
        // A listed task that follows another one in the list is run again because of that one.
        let sequences: BTreeMap<Place, BTreeSet<usize>> =
            wanted.keys().map(|place| (*place, self.followed_by(*place))).collect();
        let is_first = |place: &Place| {
            let own = sequences.get(place);
            !sequences.iter().any(|(other, sequence)| {
                other != place && own.is_some_and(|own| own != sequence && own.is_subset(sequence))
            })
        };
        Ok(wanted.into_iter().filter(|(place, _)| is_first(place)).collect())
    }

    /// Whether this is a command of the engine, such as `fail`, which has run nothing that could be run again.
    fn is_command(&self, place: Place) -> bool {
        self.definition.task(place.0).is_none_or(|task| task.engine.is_some())
    }

    /// The latest entry of a task, and all entries that followed from it.
    fn followed_by(&self, place: Place) -> BTreeSet<usize> {
        let mut all: BTreeSet<usize> = self.table.latest(place).into_iter().collect();
        let mut queue: Vec<usize> = all.iter().copied().collect();
        let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, entry) in self.table.entries().iter().enumerate() {
            for (_, origin) in &entry.origins {
                next.entry(*origin).or_default().push(number);
            }
        }
        while let Some(number) = queue.pop() {
            for &later in next.get(&number).into_iter().flatten() {
                if all.insert(later) {
                    queue.push(later);
                }
            }
        }
        all
    }

    /// The staged task that runs this task again.
    fn renew(&self, place: Place, resets: bool) -> Result<Staged, Refused> {
        let name = || self.definition.name(place.0).to_string();
        let not_ready = |reason: String| Refused::NotReady { task: name(), reason };
        let entry = self.table.latest_entry(place).ok_or_else(|| Refused::NotRun(name()))?;
        let has_items = self.definition.task(place.0).is_some_and(|task| task.items.is_some());
        if let Some(staged) = self.staging.get(place).filter(|_| has_items) {
            let mut staged = staged.clone();
            staged.is_completed = false;
            if let Some(items) = &mut staged.items {
                for item in 0..items.len() {
                    let status = items.statuses.get(item).copied().unwrap_or_default();
                    if resets || status.is_abended() {
                        items.set(item, Status::Unset);
                        if let Some(result) = items.results.get_mut(item) {
                            *result = None;
                        }
                    }
                }
            }
            return Ok(staged);
        }
        // Checked now, since nothing has changed yet.
        self.new_entry(place, entry.context.clone(), Vec::new(), &World::default()).map_err(not_ready)?;
        Ok(Staged::new(place, entry.context.clone(), entry.origins.clone(), true))
    }

    fn stage_again(&mut self, staged: Staged) {
        let place = staged.place;
        for number in self.followed_by(place) {
            self.table_mut().set_terminal(number, false);
        }
        self.errors.forget(&self.definition.name(place.0));
        let is_new = staged.items.is_none();
        if is_new
            // Cannot fail: `renew` has evaluated the same entry.
            && let Ok(entry) =
                self.new_entry(place, staged.context.clone(), staged.origins.clone(), &World::default())
        {
            let definition = Arc::clone(&self.definition);
            self.table_mut().add(entry, &definition);
        }
        self.staging.add(staged);
    }

    /// Unmarks terminal tasks whose followers run again.
    fn reopen_what_goes_on(&mut self) {
        let leads_on = |entry: &super::state::Entry| entry.next.iter().any(|(_, followed)| *followed);
        let open: Vec<usize> =
            self.table.terminal().filter(|(_, entry)| leads_on(entry)).map(|(number, _)| number).collect();
        for number in open {
            self.table_mut().set_terminal(number, false);
        }
    }
}

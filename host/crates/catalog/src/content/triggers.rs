//! Triggers: those that rules listen to, each once for all rules with equal parameters, and those that were made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::trigger::kind_of;
use petrel_model::{MadeTrigger, Ref, Rule, Sensor, Trigger};

use super::Content;

impl Content {
    /// All triggers, by reference.
    pub fn triggers(&self) -> impl Iterator<Item = (&Ref, &Trigger)> {
        // The map has no order, and a list should be the same each time.
        let made = self.made_triggers.iter().map(|(name, made)| (name, &made.trigger));
        let listened = self.triggers.iter().map(|(name, (trigger, _))| (name, &**trigger));
        let sorted: BTreeMap<_, _> = made.chain(listened).collect();
        sorted.into_iter()
    }

    /// The trigger with this reference, if a rule listens to it or it was made by hand.
    pub fn trigger(&self, reference: &Ref) -> Option<&Trigger> {
        let listened = self.triggers.get(reference).map(|(trigger, _)| &**trigger);
        listened.or_else(|| self.made_triggers.get(reference).map(|made| &made.trigger))
    }

    /// The trigger with this reference that was made by hand.
    pub fn made_trigger(&self, reference: &Ref) -> Option<&Arc<MadeTrigger>> {
        self.made_triggers.get(reference)
    }

    /// The triggers that were made by hand, by reference.
    pub(crate) fn made_triggers(&self) -> impl Iterator<Item = &MadeTrigger> {
        self.made_triggers.values().map(|made| &**made)
    }

    /// The error for a trigger that is not there. The hint names a near one.
    pub(crate) fn no_trigger(&self, name: &str) -> Error {
        Error::not_found("trigger", name, self.triggers().map(|(known, _)| known.as_str()))
    }

    /// The type of the trigger with this reference, which may have been there before and is gone. `None` if it is not a
    /// registered one.
    pub fn kind_of_trigger(&self, reference: &Ref) -> Option<Ref> {
        let kind = match self.trigger(reference) {
            Some(trigger) => trigger.kind.clone(),
            // Its name may look like that of a trigger.
            None if self.trigger_types.contains_key(reference) => reference.clone(),
            None => kind_of(reference.as_str()).parse().ok()?,
        };
        self.trigger_types.contains_key(&kind).then_some(kind)
    }

    /// The triggers of the types of `sensor` that enabled rules listen to, by reference.
    pub fn triggers_of<'a>(
        &'a self,
        sensor: &'a Sensor,
    ) -> impl Iterator<Item = (&'a Ref, &'a Arc<Trigger>)> {
        let kinds: BTreeSet<&Ref> = sensor.trigger_types.iter().collect();
        let references = kinds.into_iter().filter_map(|kind| self.by_kind.get(kind)).flatten();
        let enabled = references.filter(|reference| self.index.has_trigger(reference));
        enabled.filter_map(|reference| Some((reference, &self.triggers.get(reference)?.0)))
    }

    /// Whether a trigger type was made by hand.
    pub fn is_made(&self, kind: &Ref) -> bool {
        self.trigger_types.get(kind).is_some_and(|registered| registered.kind.made_by.is_some())
    }

    /// How often rules listen to triggers of a type.
    pub fn listeners_of(&self, kind: &Ref) -> usize {
        let references = self.by_kind.get(kind).into_iter().flatten();
        references.filter_map(|reference| self.triggers.get(reference)).map(|(_, count)| count).sum()
    }

    /// How often rules listen to a trigger.
    pub fn listeners_to(&self, reference: &Ref) -> usize {
        self.triggers.get(reference).map_or(0, |(_, count)| *count)
    }

    /// The rules that listen to a trigger for which `is_it` holds, by reference.
    pub fn rules_listening<'a>(
        &'a self,
        is_it: impl Fn(&Trigger) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Arc<Rule>> {
        self.rules.values().filter(move |rule| rule.triggers().any(&is_it))
    }

    /// Adds a trigger that was made by hand, in place of the one with its reference.
    pub(crate) fn put_made_trigger(&mut self, made: MadeTrigger) {
        Arc::make_mut(&mut self.made_triggers).insert(made.reference.clone(), Arc::new(made));
    }

    /// Removes a trigger that was made by hand.
    pub(crate) fn delete_made_trigger(&mut self, reference: &Ref) {
        Arc::make_mut(&mut self.made_triggers).remove(reference);
    }

    /// Notes that a rule listens to a trigger of a type.
    pub(super) fn note_kind(&mut self, kind: &Ref, reference: &Ref) {
        if self.by_kind.get(kind).is_none_or(|known| !known.contains(reference)) {
            Arc::make_mut(&mut self.by_kind).entry(kind.clone()).or_default().insert(reference.clone());
        }
    }

    /// Notes that no rule listens to a trigger of a type any more.
    pub(super) fn forget_kind(&mut self, kind: &Ref, reference: &Ref) {
        let by_kind = Arc::make_mut(&mut self.by_kind);
        let Some(known) = by_kind.get_mut(kind) else { return };
        known.remove(reference);
        if known.is_empty() {
            by_kind.remove(kind);
        }
    }
}

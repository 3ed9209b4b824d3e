//! The timers that enabled rules listen to. A timer is a trigger of certain types; rules with the same parameters share it.

use std::sync::Arc;

use petrel_model::{Ref, Trigger};

use super::Content;

impl Content {
    /// The timers that enabled rules listen to, by the reference of the trigger.
    pub fn timers(&self) -> impl Iterator<Item = (&Ref, &Arc<Trigger>)> {
        let all = self.triggers.iter().map(|(reference, (trigger, _))| (reference, trigger));
        all.filter(|(reference, trigger)| trigger.is_timer() && self.index.has_trigger(reference))
    }

    /// The timer with this reference, if an enabled rule listens to it.
    pub fn timer(&self, reference: &Ref) -> Option<&Arc<Trigger>> {
        let (trigger, _) = self.triggers.get(reference)?;
        (trigger.is_timer() && self.index.has_trigger(reference)).then_some(trigger)
    }
}

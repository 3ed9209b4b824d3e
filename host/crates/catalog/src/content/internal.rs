//! The internal events that enabled rules listen to, which are what the platform itself reports; triggers by reference.

use std::collections::BTreeSet;

use petrel_model::trigger::INTERNAL;
use petrel_model::{Ref, Trigger};

use super::Content;

impl Content {
    /// The trigger with this reference, if a rule listens to it.
    pub(crate) fn trigger(&self, reference: &Ref) -> Option<&Trigger> {
        self.triggers.get(reference).map(|(trigger, _)| &**trigger)
    }

    /// The trigger types of internal events that enabled rules listen to.
    pub fn internal_events(&self) -> BTreeSet<Ref> {
        let all = INTERNAL.iter().filter_map(|kind| kind.parse().ok());
        all.filter(|kind| self.index.has_trigger(kind)).collect()
    }
}

//! The internal events that enabled rules listen to, which are what the platform itself reports.

use std::collections::BTreeSet;

use petrel_model::Ref;
use petrel_model::trigger::INTERNAL;

use super::Content;

impl Content {
    /// The trigger types of internal events that enabled rules listen to.
    pub fn internal_events(&self) -> BTreeSet<Ref> {
        let all = INTERNAL.iter().filter_map(|kind| kind.parse().ok());
        all.filter(|kind| self.index.has_trigger(kind)).collect()
    }
}

//! Maintenance windows in the catalog at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{MaintenanceMode, MaintenanceWindow, Rule, Timestamp};

use super::Content;

impl Content {
    /// All maintenance windows, by name; those that have ended are among them.
    pub fn windows(&self) -> impl Iterator<Item = &Arc<MaintenanceWindow>> {
        self.windows.values()
    }

    /// A maintenance window.
    pub fn window(&self, name: &str) -> Result<&Arc<MaintenanceWindow>, Error> {
        let known = self.windows.keys().map(String::as_str);
        self.windows.get(name).ok_or_else(|| Error::not_found("maintenance", name, known))
    }

    /// Beginning and end of each maintenance window, by name.
    pub fn window_times(&self) -> BTreeMap<String, (Timestamp, Timestamp)> {
        self.windows.values().map(|window| (window.name.clone(), (window.from, window.until))).collect()
    }

    /// The maintenance window that lasts at `now` for `rule`. Of several one that drops counts, or else the last to end.
    pub fn window_of(&self, rule: &Rule, now: Timestamp) -> Option<&Arc<MaintenanceWindow>> {
        let lasting = self.windows.values().filter(|window| window.lasts(now) && window.is_for(rule));
        lasting.max_by_key(|window| (window.mode == MaintenanceMode::Drop, window.until))
    }

    /// The time from `at` on, the end of a window for `rule`, at which no window lasts for it: another may follow at once,
    /// or have begun before.
    pub fn free_from(&self, rule: &Rule, mut at: Timestamp) -> Timestamp {
        let lasting =
            |at| self.windows.values().filter(move |window| window.lasts(at) && window.is_for(rule));
        // Each ends after it lasts, so the time grows until none is left.
        while let Some(until) = lasting(at).map(|window| window.until).max() {
            at = until;
        }
        at
    }

    /// Adds a maintenance window.
    pub(crate) fn put_window(&mut self, window: MaintenanceWindow) {
        Arc::make_mut(&mut self.windows).insert(window.name.clone(), Arc::new(window));
    }

    /// Removes a maintenance window.
    pub(crate) fn delete_window(&mut self, name: &str) {
        Arc::make_mut(&mut self.windows).remove(name);
    }
}

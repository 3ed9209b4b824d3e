//! The timers as people see them: when they are due, and for which rules.

use petrel_engine_core::Error;
use petrel_model::{Ref, TimerState, Timestamp, Trigger};
use petrel_persistence::StoreExt as _;
use petrel_rules::timers::{Timer, UTC};

use crate::service::Triggers;

/// A timer that rules listen to.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The reference of the trigger.
    pub reference: Ref,
    /// The trigger.
    pub trigger: Trigger,
    /// The rules that listen to it, enabled or not, by reference.
    pub rules: Vec<Ref>,
    /// Its state, once it has begun.
    state: Option<TimerState>,
    /// Whether an enabled rule listens to it.
    is_enabled: bool,
}

impl Shown {
    /// The time for which it fired last, if it has.
    pub fn last_due_at(&self) -> Option<Timestamp> {
        self.state.as_ref()?.last_due_at
    }

    /// The time at which it is due next; `None` if it is never due again, or all its rules are disabled. Looked for
    /// when it is asked for, since a cron timer that is hardly ever due has centuries to go through.
    pub fn due_at(&self) -> Option<Timestamp> {
        let state = self.state.as_ref().filter(|_| self.is_enabled)?;
        let timer = Timer::new(state.trigger.kind.as_str(), &state.trigger.parameters, &UTC).ok()?;
        timer.next(state.made_at, state.open_from())
    }
}

impl Triggers {
    /// All timers that rules listen to, enabled or not, by reference.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn timers(&self) -> Result<Vec<Shown>, Error> {
        let states = self.store().all::<TimerState>().await?;
        let content = self.content();
        let timers = content.triggers().filter(|(_, trigger)| trigger.is_timer());
        let shown = timers.map(|(reference, trigger)| {
            let state = states.binary_search_by(|state| state.reference.cmp(reference)).ok();
            Shown {
                reference: reference.clone(),
                trigger: trigger.clone(),
                rules: Vec::new(),
                state: state.and_then(|place| states.get(place)).cloned(),
                is_enabled: content.timer(reference).is_some(),
            }
        });
        let mut shown: Vec<_> = shown.collect();
        let all = content.rules().flat_map(|rule| rule.triggers().map(move |trigger| (rule, trigger)));
        for (rule, trigger) in all.filter(|(_, trigger)| trigger.is_timer()) {
            let trigger = trigger.reference();
            let place = shown.binary_search_by(|timer| timer.reference.cmp(&trigger)).ok();
            if let Some(timer) = place.and_then(|place| shown.get_mut(place))
                && timer.rules.last() != Some(&rule.reference)
            {
                timer.rules.push(rule.reference.clone());
            }
        }
        Ok(shown)
    }
}

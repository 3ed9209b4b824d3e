//! The state of a timer: since when there is one, and how far its times have been dealt with. `petrel_rules::timers` has
//! the times themselves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Ref, Timestamp, Trigger};

/// The state of a timer. It advances in the commit of each event of the timer, so that no time fires twice or is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimerState {
    /// The reference of the trigger, see [`Trigger::reference`].
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// The trigger.
    pub trigger: Trigger,
    /// The time from which it is due. Intervals are counted from it.
    pub made_at: Timestamp,
    /// The end of what has been dealt with: no time up to it fires any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_until: Option<Timestamp>,
    /// The time for which it fired last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_due_at: Option<Timestamp>,
}

impl TimerState {
    /// The state of a timer that is made at `made_at`.
    pub fn new(reference: Ref, trigger: Trigger, made_at: Timestamp) -> Self {
        Self { reference, trigger, made_at, done_until: None, last_due_at: None }
    }

    /// The first moment at which it may be due.
    pub fn open_from(&self) -> Timestamp {
        self.done_until.map_or(self.made_at, |done| done.plus(Duration::from_micros(1)))
    }

    /// The state once it has fired for `due_at`.
    #[must_use]
    pub fn fired(&self, due_at: Timestamp) -> Self {
        Self { done_until: Some(due_at), last_due_at: Some(due_at), ..self.clone() }
    }

    /// The state once everything before `now` is passed over.
    #[must_use]
    pub fn passed_over(&self, now: Timestamp) -> Self {
        let before = now.minus(Duration::from_micros(1));
        let done = self.done_until.map_or(before, |done| done.max(before));
        Self { done_until: Some(done), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_advances_and_never_goes_back() {
        let at = Timestamp::from_micros;
        let state = json!({
            "ref": "core.st2.CronTimer", "trigger": {"type": "core.st2.CronTimer"}, "made_at": at(10),
        });
        let new: TimerState = serde_json::from_value(state).unwrap();
        assert_eq!((new.open_from(), new.passed_over(at(10)).open_from()), (at(10), at(10)));
        let fired = new.fired(at(20));
        assert_eq!((fired.open_from(), fired.last_due_at), (at(21), Some(at(20))));
        for (now, open_from) in [(15, 21), (21, 21), (22, 22), (40, 40)] {
            let passed = fired.passed_over(at(now));
            assert_eq!((passed.open_from(), passed.last_due_at), (at(open_from), Some(at(20))), "{now}");
        }
    }
}

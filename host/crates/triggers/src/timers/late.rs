//! The choice among several times at which a timer was due before it could fire: while the host was down, was suspended,
//! or refused its event.

use std::time::Duration;

use petrel_model::{TimerState, Timestamp};
use petrel_rules::timers::Timer;

use crate::options::Misfire;

/// The time for which a timer in this state fires at `now`; earlier ones are passed over. `None` if it is not due.
pub(super) fn chosen(
    timer: &Timer,
    state: &TimerState,
    misfire: Misfire,
    now: Timestamp,
) -> Option<Timestamp> {
    const STEP: Duration = Duration::from_micros(1);
    let (made, from) = (state.made_at, state.open_from());
    let first = timer.next(made, from).filter(|due| *due <= now)?;
    let most = match misfire {
        Misfire::FireOnce | Misfire::Skip => 1,
        Misfire::CatchUp(most) => most.max(1),
    };
    let mut last = first;
    for _ in 0..most {
        match timer.next(made, last.plus(STEP)).filter(|due| *due <= now) {
            Some(next) => last = next,
            // Mostly there is one alone.
            None => return Some(first),
        }
    }
    // There are more: the last ones count.
    let mut chosen = timer.latest(made, from, now)?;
    for _ in 1..most {
        chosen = timer.latest(made, from, chosen.minus(STEP))?;
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use petrel_model::Trigger;
    use petrel_rules::timers::{INTERVAL, UTC};
    use serde_json::json;

    use super::*;

    #[test]
    fn of_several_times_the_last_ones_count() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let parameters = json!({"unit": "seconds", "delta": 10}).as_object().cloned().unwrap();
        let timer = Timer::new(INTERVAL, &parameters, &UTC).unwrap();
        let trigger = Trigger { kind: INTERVAL.parse().unwrap(), parameters };
        let new = TimerState::new(trigger.reference(), trigger, at(0));
        for (misfire, done, now, expected) in [
            (Misfire::FireOnce, 0, 9, None),
            (Misfire::FireOnce, 0, 10, Some(10)),
            (Misfire::FireOnce, 0, 1_000_005, Some(1_000_000)),
            (Misfire::Skip, 0, 35, Some(30)),
            (Misfire::CatchUp(3), 0, 15, Some(10)),
            (Misfire::CatchUp(3), 0, 39, Some(10)),
            (Misfire::CatchUp(3), 0, 40, Some(20)),
            (Misfire::CatchUp(3), 20, 1_000_005, Some(999_980)),
            (Misfire::CatchUp(3), 999_980, 1_000_005, Some(999_990)),
            (Misfire::CatchUp(0), 0, 35, Some(30)),
        ] {
            let state = if done == 0 { new.clone() } else { new.fired(at(done)) };
            let found = chosen(&timer, &state, misfire, at(now));
            assert_eq!(found, expected.map(at), "{misfire:?} after {done} at {now}");
        }
    }
}

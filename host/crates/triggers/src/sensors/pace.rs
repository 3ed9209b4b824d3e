//! The pace of sensors: when one polls next, and when one that has failed is tried again.

use std::time::Duration;

use petrel_model::{Ref, Sensor, SensorState, Timestamp};

/// How long a sensor that has failed is left alone: at first, and at most. It is tried again without end.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// The longest time that a sensor itself may ask for.
const LONGEST: Duration = Duration::from_secs(604_800);
/// The shortest time between two polls that a sensor may ask for.
const SHORTEST: Duration = Duration::from_millis(100);
/// Intervals are longer by up to this part, so that sensors with the same interval do not all poll at once.
const SPREAD: u32 = 20;

/// When a sensor polls next that has polled at `now`. `asked` is the time that it asks for.
pub(super) fn after_poll(
    sensor: &Sensor,
    state: &SensorState,
    asked: Option<Duration>,
    now: Timestamp,
) -> Timestamp {
    if let Some(asked) = asked {
        return now.plus(asked.clamp(SHORTEST, LONGEST));
    }
    let interval = sensor.poll_interval();
    now.plus(interval + interval / SPREAD * u32::from(dice(&sensor.reference, state.polls)) / 256)
}

/// When a sensor has its first turn in a process: at the time that an earlier one has stored, but not much later than if it
/// polled now. The clock may have been ahead then.
pub(super) fn at_start(sensor: &Sensor, state: &SensorState, now: Timestamp) -> Timestamp {
    let interval = sensor.poll_interval();
    let latest = if state.failures == 0 { interval.saturating_add(interval / SPREAD) } else { LONGEST };
    state.next_at.map_or(now, |next| next.min(now.plus(latest)))
}

/// How long a sensor is left alone that has failed so many times in a row. `asked` is the time that it asks for.
pub(super) fn after_failure(failures: u32, asked: Option<Duration>) -> Duration {
    let (least, most) = AGAIN;
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).and_then(|times| least.checked_mul(times));
    let own = doubled.map_or(most, |pause| pause.min(most));
    asked.map_or(own, |asked| asked.clamp(least, LONGEST))
}

/// A number that differs from sensor to sensor and from poll to poll, and is the same whenever it is asked for.
fn dice(reference: &Ref, polls: u64) -> u8 {
    // FNV-1a, which is short and spreads well enough.
    let bytes = reference.as_str().bytes().chain(polls.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.to_le_bytes().iter().fold(0, |all, byte| all ^ byte)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sensor_that_fails_is_left_alone_for_longer_each_time_but_never_for_ever() {
        let seconds = Duration::from_secs;
        for (failures, asked, expected) in [
            (1, None, seconds(1)),
            (2, None, seconds(2)),
            (5, None, seconds(16)),
            (9, None, seconds(256)),
            (10, None, seconds(300)),
            (u32::MAX, None, seconds(300)),
            (1, Some(seconds(40)), seconds(40)),
            (1, Some(Duration::ZERO), seconds(1)),
        ] {
            assert_eq!(after_failure(failures, asked), expected, "{failures} {asked:?}");
        }
    }

    #[test]
    fn a_clock_that_was_ahead_once_keeps_no_sensor_from_its_turn() {
        let (now, seconds) = (Timestamp::from_micros(0), Duration::from_secs);
        let given = json!({"ref": "p.S", "entry_point": "s.wasm", "poll_interval": 20});
        let sensor: Sensor = serde_json::from_value(given).unwrap();
        for (next, failures, expected) in [
            (None, 0, 0),
            (Some(15), 0, 15),
            (Some(100_000_000), 0, 21),
            (Some(300), 3, 300),
            (Some(100_000_000), 3, 604_800),
        ] {
            let next_at = next.map(|next| now.plus(seconds(next)));
            let state = SensorState { failures, next_at, ..SensorState::new(sensor.reference.clone()) };
            let due = at_start(&sensor, &state, now).since(now);
            assert_eq!(due, seconds(expected), "{next:?} {failures}");
        }
    }

    #[test]
    fn polls_are_spread_within_bounds() {
        let at = Timestamp::from_micros(0);
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..100 {
            let given = json!({"ref": format!("p.S{number}"), "entry_point": "s.wasm", "poll_interval": 20});
            let sensor: Sensor = serde_json::from_value(given).unwrap();
            let state = SensorState::new(sensor.reference.clone());
            let next = after_poll(&sensor, &state, None, at).since(at);
            assert!((Duration::from_secs(20)..=Duration::from_secs(21)).contains(&next), "{next:?}");
            seen.insert(next);
            let asked = after_poll(&sensor, &state, Some(Duration::from_secs(3)), at);
            assert_eq!(asked.since(at), Duration::from_secs(3));
            assert_eq!(after_poll(&sensor, &state, Some(Duration::ZERO), at).since(at), SHORTEST);
        }
        assert!(seen.len() > 30, "{}", seen.len());
    }
}

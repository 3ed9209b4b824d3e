//! The innocent, whose latency counts; and the harmless, who take as much processor time as somebody hostile did.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use petrel_test_support::{Broken, ProcessId};

use super::kinds::Scene;
use crate::victim::PATIENCE;

/// A small event, which a rule matches.
const EVENT: &[u8] = br#"{"kind":"alert","host":"h1"}"#;
/// How long the innocent waits between events.
const PAUSE: Duration = Duration::from_millis(2);
/// After so many events it takes a new connection.
const EVENTS_A_CONNECTION: usize = 20;
/// How often the pace of the harmless is changed.
const STEP: Duration = Duration::from_millis(200);
/// The pauses that the harmless may make, in microseconds.
const PAUSES: (u64, u64) = (20, 500_000);

/// How the innocent fared.
#[derive(Debug, Clone, Default)]
pub(super) struct Fared {
    /// How long each event took until its 202, or until it was given up.
    pub(super) latencies: Vec<Duration>,
    /// How many were answered with something else.
    pub(super) refused: usize,
    /// How many were not answered.
    pub(super) unanswered: usize,
}

/// Sends events one after the other for as long.
pub(super) fn send_events(scene: &Scene, duration: Duration) -> Fared {
    let mut fared = Fared::default();
    let mut client = scene.client();
    let until = Instant::now() + duration;
    while Instant::now() < until {
        if fared.latencies.len().is_multiple_of(EVENTS_A_CONNECTION) {
            client = scene.client();
        }
        let begun = Instant::now();
        let outcome = client.send("POST", "/api/v1/webhooks/innocent", EVENT);
        let took = begun.elapsed();
        match outcome {
            Ok(answer) if answer.status == 202 => fared.latencies.push(took),
            // It has not got through: that is as bad as waiting in vain.
            Ok(_) => {
                fared.refused += 1;
                fared.latencies.push(PATIENCE);
            }
            Err(broken) => {
                fared.unanswered += 1;
                fared.latencies.push(PATIENCE);
                if matches!(broken, Broken::Unreachable(_)) {
                    std::thread::sleep(STEP);
                }
            }
        }
        std::thread::sleep(PAUSE);
    }
    fared
}

/// A pace that several clients keep, so that the host takes a certain share of a processor.
#[derive(Debug)]
pub(super) struct Pace {
    /// The share that is wanted: 1.0 is one processor.
    wanted: f64,
    /// How long a client waits between events, in microseconds.
    pause: AtomicU64,
}

impl Pace {
    /// A pace for that share.
    pub(super) fn for_share(wanted: f64) -> Self {
        Self { wanted, pause: AtomicU64::new(1_000) }
    }

    /// Sends ordinary events at this pace, until it is over.
    pub(super) fn keep(&self, scene: &Scene, is_over: &AtomicBool) {
        let mut client = scene.client();
        while !is_over.load(Ordering::Relaxed) {
            // Whether it is accepted does not matter here: it costs.
            drop(client.send("POST", "/api/v1/webhooks/ordinary", EVENT));
            std::thread::sleep(Duration::from_micros(self.pause.load(Ordering::Relaxed)));
        }
    }

    /// Makes the pace quicker or slower by what the process takes, until it is over.
    pub(super) fn steer(&self, process: ProcessId, is_over: &AtomicBool) {
        let taken = || process.processor_time().unwrap_or_default();
        let (mut before, mut at) = (taken(), Instant::now());
        while !is_over.load(Ordering::Relaxed) {
            std::thread::sleep(STEP);
            let now = taken();
            let share = share(now.saturating_sub(before), at.elapsed());
            (before, at) = (now, Instant::now());
            let pause = self.pause.load(Ordering::Relaxed);
            let next = if share < self.wanted { pause - pause / 5 } else { pause + pause / 4 + 1 };
            self.pause.store(next.clamp(PAUSES.0, PAUSES.1), Ordering::Relaxed);
        }
    }
}

/// The share of a processor that so much processor time is of a time.
pub(super) fn share(taken: Duration, of: Duration) -> f64 {
    taken.as_secs_f64() / of.as_secs_f64().max(0.001)
}

/// What so many of a hundred stay below; zero of nothing.
pub(super) fn percentile(latencies: &[Duration], percent: usize) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_shares_are_what_they_should_be() {
        let latencies: Vec<Duration> = (0..200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&latencies, 99), Duration::from_millis(198));
        assert_eq!(percentile(&latencies, 50), Duration::from_millis(100));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
        assert!((share(Duration::from_millis(500), Duration::from_secs(1)) - 0.5).abs() < 1e-9);
    }
}

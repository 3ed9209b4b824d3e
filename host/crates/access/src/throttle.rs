//! Slows down guessing of passwords: after some failures each user and each address has a growing delay.
//!
//! The code is pure: callers pass the time. An attempt counts as failed from its beginning until it has succeeded, so
//! that many attempts at once gain nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The pause after which a record is forgotten.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// The greatest number of records. The one that would be forgotten first makes room for a new one.
const LARGEST: usize = 10_000;

/// A property by which attempts are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The user named in the attempt, whether it exists or not.
    User(String),
    /// The address of the sender.
    Address(IpAddr),
}

impl Subject {
    /// The number of free attempts, and the longest delay. A user has the shorter one, because anybody can cause it;
    /// an address may be shared by many users.
    fn limits(&self) -> (u32, Duration) {
        match self {
            Self::User(_) => (5, Duration::from_secs(30)),
            Self::Address(_) => (20, Duration::from_secs(300)),
        }
    }
}

#[derive(Debug)]
struct Record {
    failures: u32,
    last: Instant,
    blocked_until: Instant,
}

/// The records of failed attempts.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    records: HashMap<Subject, Record>,
}

impl Throttle {
    /// Begins an attempt.
    ///
    /// # Errors
    /// The time to wait, if the attempt comes too early. It is not counted then.
    pub(crate) fn begin(&mut self, subjects: &[Subject], now: Instant) -> Result<(), Duration> {
        // Forgotten lazily, at each attempt: without attempts the records do no harm.
        self.records.retain(|_, record| record.blocked_until.max(record.last + MEMORY) > now);
        let blocked = subjects.iter().filter_map(|subject| self.records.get(subject));
        // The longest delay counts, whether it is the user's or the address's.
        if let Some(until) = blocked.map(|record| record.blocked_until).max().filter(|until| *until > now) {
            return Err(until - now);
        }
        for subject in subjects {
            // Before each insertion, because a single attempt may add two records.
            self.make_room();
            let (free, longest) = subject.limits();
            let record = self.records.entry(subject.clone()).or_insert(Record {
                failures: 0,
                last: now,
                blocked_until: now,
            });
            record.failures = record.failures.saturating_add(1);
            record.last = now;
            if let Some(beyond @ 1..) = record.failures.checked_sub(free) {
                record.blocked_until = now + longest.min(Duration::from_secs(1 << beyond.min(16)));
            }
        }
        Ok(())
    }

    /// Ends an attempt that succeeded. The user's record is deleted, but an address only loses this one failure:
    /// otherwise a guesser could clear its record with an account of its own.
    pub(crate) fn succeeded(&mut self, subjects: &[Subject], now: Instant) {
        for subject in subjects {
            match subject {
                Subject::User(_) => {
                    self.records.remove(subject);
                }
                Subject::Address(_) => {
                    if let Some(record) = self.records.get_mut(subject) {
                        record.failures = record.failures.saturating_sub(1);
                        record.blocked_until = now;
                    }
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.records.len() >= LARGEST {
            let oldest = self.records.iter().min_by_key(|(_, record)| record.last);
            if let Some(oldest) = oldest.map(|(subject, _)| subject.clone()) {
                self.records.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Subject {
        Subject::User(name.into())
    }

    fn address(last: u8) -> Subject {
        Subject::Address([10, 0, 0, last].into())
    }

    #[test]
    fn the_delay_of_a_user_grows_from_whatever_address_and_ends() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        for n in 1..=5 {
            assert_eq!(throttle.begin(&[user("ada"), address(n)], now), Ok(()));
        }
        let mut delays = Vec::new();
        for n in 6..=12 {
            assert_eq!(throttle.begin(&[user("ada"), address(n)], now), Ok(()));
            let delay = throttle.begin(&[user("ada"), address(n)], now).unwrap_err();
            assert_eq!(throttle.begin(&[user("bob"), address(200)], now), Ok(()));
            throttle.succeeded(&[user("bob"), address(200)], now);
            delays.push(delay.as_secs());
            now += delay;
        }
        assert_eq!(delays, [2, 4, 8, 16, 30, 30, 30]);
        now += MEMORY;
        for _ in 0..6 {
            assert_eq!(throttle.begin(&[user("ada")], now), Ok(()));
        }
    }

    #[test]
    fn an_address_that_tries_many_users_is_slowed_down() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..21 {
            assert_eq!(throttle.begin(&[user(&n.to_string()), address(1)], now), Ok(()));
        }
        assert!(throttle.begin(&[user("other"), address(1)], now).is_err());
        assert_eq!(throttle.begin(&[user("other"), address(2)], now), Ok(()));
    }

    #[test]
    fn who_succeeds_starts_anew_and_does_not_clear_the_address_for_guessing_on() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..100 {
            let subjects = [user("ada"), address(1)];
            assert_eq!(throttle.begin(&subjects, now), Ok(()));
            throttle.succeeded(&subjects, now);
        }
        for n in 0..10 {
            assert_eq!(throttle.begin(&[user(&n.to_string()), address(1)], now), Ok(()));
        }
        throttle.begin(&[user("ada"), address(1)], now).unwrap();
        throttle.succeeded(&[user("ada"), address(1)], now);
        assert_eq!(throttle.records[&address(1)].failures, 10);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..LARGEST as u64 + 100 {
            assert_eq!(throttle.begin(&[user(&n.to_string())], now + Duration::from_micros(n)), Ok(()));
        }
        assert_eq!(throttle.records.len(), LARGEST);
    }
}

//! The events of a poll on their way into the store. They are stored in one commit with the state of the sensor after
//! them; very many of them in several commits, the last of which has the state: so the cursor is never past events that
//! are not stored. While too much waits, events are held, and the sensor does not poll again.

use std::sync::Arc;
use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::sensor::SensorError;
use petrel_model::{SensorState, Timestamp};
use petrel_persistence::Change;
use petrel_runners::sensors::{Emitted, NotEmitted, Polled};
use serde_json::Value;

use super::board::{Ended, Turn};
use super::failure::failure;
use super::{emission, pace};
use crate::batch::{Member, Taken};
use crate::service::Triggers;

/// The greatest number of events that one poll may bring.
const MOST_EVENTS: usize = 10_000;
/// The bytes of events that one poll may bring.
const LARGEST_POLL: usize = 32 << 20;
/// The largest cursor, in bytes of JSON.
const LARGEST_CURSOR: usize = 1 << 20;
/// The number and the bytes of events that go into one commit.
const SLICE: (usize, usize) = (500, 4 << 20);
/// How long events are held before they are tried again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What a poll has brought so far.
#[derive(Debug, Clone, Default)]
struct Tally {
    stored: u64,
    refused: u64,
    /// Whether some events fit, also if they were known.
    has_fitting: bool,
    last_refusal: Option<SensorError>,
}

impl Tally {
    fn refuse(&mut self, why: &NotEmitted, now: Timestamp) {
        self.refused += 1;
        self.last_refusal = Some(emission::refusal(&why.to_string(), now));
    }

    fn add(&mut self, taken: &[Taken], now: Timestamp) {
        for one in taken {
            self.has_fitting |= !matches!(one, Taken::Refused(_));
            match one {
                Taken::Stored(_) => self.stored += 1,
                Taken::Repeated(_) => {}
                Taken::Refused(error) => self.refuse(&NotEmitted::Invalid(error.to_string()), now),
            }
        }
    }
}

/// A poll whose events are being stored.
struct Poll<'a> {
    turn: &'a Turn,
    cursor: Option<Arc<Value>>,
    /// The time until the next poll, if the sensor has said one.
    after: Option<Duration>,
}

impl Poll<'_> {
    /// The state of the sensor once everything is stored.
    fn state_after(&self, tally: &Tally, now: Timestamp) -> SensorState {
        let old = &self.turn.state;
        let next = pace::after_poll(&self.turn.sensor, old, self.after, now);
        SensorState {
            cursor: self.cursor.clone().or_else(|| old.cursor.clone()),
            polls: old.polls.saturating_add(1),
            events: old.events.saturating_add(tally.stored),
            refused: old.refused.saturating_add(tally.refused),
            // Nothing new says nothing about what comes next.
            refusing: !tally.has_fitting && (tally.refused > 0 || old.refusing),
            last_success_at: Some(now),
            last_error: tally.last_refusal.clone().or_else(|| old.last_error.clone()),
            failures: 0,
            next_at: Some(next),
            ..old.clone()
        }
    }

    /// Whether a state is worth a commit. Polls that bring nothing new are most, and cost none.
    fn is_news(&self, state: &SensorState) -> bool {
        let old = &self.turn.state;
        old.polls == 0 || old.failures > 0 || old.cursor != state.cursor || old.refused != state.refused
    }
}

impl Triggers {
    /// Stores what a poll has brought.
    pub(super) async fn take_polled(&self, turn: &Turn, polled: Polled) -> Ended {
        let Polled { events, cursor, next_poll } = polled;
        if turn.cancel.is_cancelled() {
            return self.canceled(turn);
        }
        if events.len() > MOST_EVENTS {
            let message = format!("one poll brought {} events, and {MOST_EVENTS} is the limit", events.len());
            let hint = "have it bring fewer, with a cursor, and ask for the next poll at once";
            return self.failed(turn, &failure("limit.events", message, hint)).await;
        }
        if cursor.as_ref().is_some_and(|cursor| cursor.to_string().len() > LARGEST_CURSOR) {
            let message = format!("its cursor is larger than {LARGEST_CURSOR} bytes, which is the limit");
            let hint = "have it keep a position, and not what it has seen";
            return self.failed(turn, &failure("limit.cursor", message, hint)).await;
        }
        let (members, mut tally) = self.members_of(turn, events);
        let bytes: usize = members.iter().map(size).sum();
        if bytes > LARGEST_POLL {
            let message =
                format!("one poll brought {bytes} bytes of events, and {LARGEST_POLL} is the limit");
            let hint = "have it bring fewer, with a cursor, and ask for the next poll at once";
            return self.failed(turn, &failure("limit.events", message, hint)).await;
        }
        let poll = Poll { turn, cursor: cursor.map(Arc::new), after: next_poll };
        let mut rest = members.as_slice();
        loop {
            let (slice, more) = rest.split_at(slice(rest));
            if more.is_empty() {
                return self.take_last(&poll, slice, &tally).await;
            }
            let Some(taken) = self.hold(turn, slice, |_| Vec::new()).await else {
                return self.canceled(turn);
            };
            self.log_refused(turn, &taken);
            tally.add(&taken, self.core().now());
            rest = more;
        }
    }

    /// Stores the last events of a poll, with the state after all of them.
    async fn take_last(&self, poll: &Poll<'_>, slice: &[Member], tally: &Tally) -> Ended {
        // One time for what is stored and what is shown, however long the events are held.
        let (turn, now) = (poll.turn, self.core().now());
        let state_after = |taken: &[Taken]| {
            let mut tally = tally.clone();
            tally.add(taken, now);
            poll.state_after(&tally, now)
        };
        let quiet = state_after(&[]);
        if slice.is_empty() && !poll.is_news(&quiet) {
            let next = quiet.next_at;
            return turn.ended(quiet, next);
        }
        let beside = |taken: &[Taken]| vec![Change::put(state_after(taken))];
        let Some(taken) = self.hold(turn, slice, beside).await else { return self.canceled(turn) };
        self.log_refused(turn, &taken);
        let state = state_after(&taken);
        let next = state.next_at;
        turn.ended(state, next)
    }

    /// Stores events as soon as there is room for them. `None` if the turn is ended before.
    async fn hold(
        &self,
        turn: &Turn,
        slice: &[Member],
        beside: impl Fn(&[Taken]) -> Vec<Change> + Send + Sync,
    ) -> Option<Vec<Taken>> {
        let (core, reference, mut pause) = (self.core(), &turn.sensor.reference, AGAIN.0);
        loop {
            // Whoever ends the turn lets it go on as long as it is not held: what is stored in part comes again.
            let error = match self.accept_all(slice, &beside).await {
                Ok(taken) => {
                    self.sensors().board().hold(reference, None);
                    return Some(taken);
                }
                Err(Error::Stopping) => return None,
                Err(error) => error,
            };
            if let Some(left_out) = core.may_log(reference.as_str()) {
                tracing::warn!(sensor = %reference, events = slice.len(), %error, hint = error.hint(), left_out, "the events of a sensor cannot be stored and are held; trying again");
            }
            self.sensors().board().hold(reference, Some(error.to_string()));
            self.sensors().woken.notify_one();
            turn.cancel.run_until_cancelled(core.sleep(pause)).await?;
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// The events of a poll that may be stored, and how many may not.
    fn members_of(&self, turn: &Turn, events: Vec<Emitted>) -> (Vec<Member>, Tally) {
        let (content, now, mut tally) = (self.content(), self.core().now(), Tally::default());
        let pack = turn.sensor.reference.pack();
        let mut members = Vec::with_capacity(events.len());
        for event in events {
            match emission::member(&content, pack, event) {
                Ok(member) => members.push(member),
                Err(why) => {
                    self.log_refusal(&turn.sensor.reference, &why.to_string());
                    tally.refuse(&why, now);
                }
            }
        }
        (members, tally)
    }

    fn log_refused(&self, turn: &Turn, taken: &[Taken]) {
        for one in taken {
            if let Taken::Refused(error) = one {
                self.log_refusal(&turn.sensor.reference, &error.to_string());
            }
        }
    }
}

/// The number of events that go into the next commit.
fn slice(members: &[Member]) -> usize {
    let (most, largest) = SLICE;
    let mut bytes = 0;
    let fitting = members.iter().take(most).take_while(|member| {
        bytes += size(member);
        bytes <= largest
    });
    // A single one is not larger than that, but it has to go somewhere.
    fitting.count().max(usize::from(!members.is_empty()))
}

fn size(member: &Member) -> usize {
    member.event.payload().text().len()
}

//! The task that takes internal events from the outbox, in the order of their ids: those that an earlier process has left,
//! and then each as it is reported ([`Core::report`]). An event leaves the outbox in the commit that makes the trigger
//! instance of it, with all its consequences, so that each is taken once.
//!
//! What is refused for the moment, as too much waits for its rule, is tried again, and what comes behind it is taken all the
//! same; so nothing is lost while rules are slow. What can
//! never be taken, as its payload does not fit the trigger type, is dropped with a line in the log, and holds up nobody. What
//! was there at a restore waits as long as executions are held.

mod shared;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use petrel_engine_core::{Core, Error};
use petrel_model::{InternalEvent, InternalEventId};
use petrel_persistence::{Change, Document, DocumentKey, DocumentKind, Noun as _};
use serde_json::Value;

use crate::alarm::sleep_until;
use crate::incoming::Event;
use crate::service::Triggers;

/// How many events are taken at once.
const AT_ONCE: usize = 16;
/// How many events may have to wait again until the others that wait are left to the next time.
const TRIED_AGAIN: usize = 256;
/// The pause after events that were refused: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The number of attempts at an event that fails for a reason of its own, such as a panic in its rules.
const TRIES: u32 = 10;

impl Triggers {
    /// Takes internal events, until the host stops.
    pub async fn run_outbox(self) {
        let stop = self.core().stop_starting().clone();
        let begun: InternalEventId = self.core().mint(self.core().now());
        let begun = InternalEvent::document_key(begun);
        let taker = async {
            self.drop_left_over().await;
            Taker::new(self.clone(), begun).run().await;
        };
        stop.run_until_cancelled(taker).await;
    }

    /// Stores an internal event as a trigger instance, with its consequences, and takes it from the outbox.
    async fn take(&self, event: InternalEvent) -> Result<(), Error> {
        let InternalEvent { id, kind, payload, trace, trace_tag, caused_by, depth, shares, .. } = event;
        let payload = self.whole_payload(payload, shares).await?;
        let taken = vec![Change::delete::<InternalEvent>(id)];
        let event = Event::from(Value::Object(payload)).in_trace(trace).tagged(trace_tag);
        let event = event.caused_by(caused_by).at_depth(depth);
        self.accept(kind.clone(), kind, event, taken, self.content()).await?;
        self.drop_shared(shares).await;
        Ok(())
    }
}

/// The task that takes internal events.
struct Taker {
    triggers: Triggers,
    /// The place in the outbox before which everything was left by an earlier process.
    begun: DocumentKey,
    /// The number of attempts at events that failed for a reason of their own.
    failed: HashMap<InternalEventId, u32>,
    /// The place before which everything was tried and some of it has to wait. `None`: nothing waits.
    ahead: Option<DocumentKey>,
    /// The place from which what waits is tried again: of much that waits some at a time, in turn.
    again_from: Option<DocumentKey>,
    /// When that is, and the pause before it.
    again_at: Option<Instant>,
    pause: Duration,
    /// Whether executions were held since a restore.
    was_held: bool,
}

/// A way through a part of the outbox.
#[derive(Default)]
struct Walk {
    /// The number of events that are no longer in the outbox.
    gone: usize,
    /// The number of those that have to wait, and the reason of one of them.
    refused: usize,
    why: Option<Error>,
    /// The place at which it ended.
    place: Option<DocumentKey>,
    /// Whether it came to the end of its part.
    is_whole: bool,
}

impl Taker {
    fn new(triggers: Triggers, begun: DocumentKey) -> Self {
        Self {
            triggers,
            begun,
            failed: HashMap::new(),
            ahead: None,
            again_from: None,
            again_at: None,
            pause: AGAIN.0 / 2,
            was_held: false,
        }
    }

    async fn run(mut self) {
        let triggers = self.triggers.clone();
        let core = triggers.core();
        loop {
            let why = self.take_some().await;
            if let Some(error) = &why
                && !core.is_stopping()
                && let Some(left_out) = core.may_log("the outbox of internal events")
            {
                tracing::warn!(%error, hint = error.hint(), left_out, "failed to take internal events; trying again");
            }
            if self.again_at.is_none() {
                core.outbox_filled().await;
                continue;
            }
            // What waits must not keep what comes meanwhile from being taken.
            tokio::select! {
                () = core.outbox_filled() => {}
                () = sleep_until(core, self.again_at) => {}
            }
        }
    }

    /// Takes what can be taken: of what waits if it is time for that, and of what has come since. Returns the reason why
    /// something waits.
    async fn take_some(&mut self) -> Option<Error> {
        let store = self.triggers.store();
        let is_held = store.held() > 0;
        // While executions are held since a restore, the events that were left wait with them: the host that the backup comes
        // from has likely taken them.
        let start = is_held.then(|| self.begun.clone());
        if self.was_held && !is_held {
            (self.ahead, self.again_from) = (None, None);
        }
        self.was_held = is_held;
        let mut why = None;
        if self.again_at.is_some_and(|at| at <= self.triggers.core().monotonic()) {
            self.again_at = None;
            why = self.take_what_waits(start.as_ref()).await;
        }
        if self.again_at.is_none() || self.ahead.is_some() {
            let from = self.ahead.clone().or(start);
            let new = self.walk(from.as_ref(), None, usize::MAX).await;
            if new.refused > 0 {
                self.ahead = new.place.or(from);
            } else if self.ahead.is_some() {
                self.ahead = new.place.or_else(|| self.ahead.take());
            }
            if new.why.is_some() {
                self.rest(new.gone);
            }
            why = why.or(new.why);
        }
        why
    }

    /// Tries again what waits, or a part of it.
    async fn take_what_waits(&mut self, start: Option<&DocumentKey>) -> Option<Error> {
        let from = self.again_from.take();
        let is_from_start = from.is_none();
        let ahead = self.ahead.clone()?;
        let again = self.walk(from.as_ref().or(start), Some(&ahead), TRIED_AGAIN).await;
        if again.is_whole && is_from_start && again.refused == 0 {
            self.ahead = None;
            self.pause = AGAIN.0 / 2;
            return None;
        }
        // The next time from where this ended, and behind the last one from the first.
        self.again_from = again.place.filter(|_| !again.is_whole);
        self.rest(again.gone);
        again.why
    }

    /// Has what waits tried again after a pause, which grows while none of it is `gone`.
    fn rest(&mut self, gone: usize) {
        if self.again_at.is_none() {
            self.pause = if gone > 0 { AGAIN.0 } else { (self.pause * 2).min(AGAIN.1) };
            self.again_at = self.triggers.core().monotonic().checked_add(self.pause);
        }
    }

    /// Takes the events after `from`, up to the place `until`, until so many have to wait, or none can be stored at all.
    async fn walk(&mut self, from: Option<&DocumentKey>, until: Option<&DocumentKey>, most: usize) -> Walk {
        let mut walk = Walk { place: from.cloned(), ..Walk::default() };
        loop {
            let kind = DocumentKind::InternalEvent;
            let found = match self.triggers.store().documents_after(kind, walk.place.as_ref(), AT_ONCE).await
            {
                Ok(found) => found,
                Err(error) => return Walk { why: Some(error.into()), ..walk },
            };
            let is_last = found.len() < AT_ONCE;
            let found: Vec<_> =
                found.into_iter().take_while(|one| until.is_none_or(|until| one.key() <= *until)).collect();
            let Some(last) = found.last().map(Document::key) else { return Walk { is_whole: true, ..walk } };
            let events = found.into_iter().filter_map(InternalEvent::from_document).collect();
            let is_full = self.take_all(events, &mut walk).await;
            if is_full {
                // From the same place, once there is room.
                walk.refused += 1;
                return walk;
            }
            walk.place = Some(last);
            if is_last {
                return Walk { is_whole: true, ..walk };
            }
            if walk.refused >= most {
                return walk;
            }
        }
    }

    /// Takes these events. Says whether none can be stored at present.
    async fn take_all(&mut self, events: Vec<InternalEvent>, walk: &mut Walk) -> bool {
        // All of them together, so that they share the syncs of the store. Each begins after the one before it.
        let takes = events.into_iter().map(|event| {
            let triggers = self.triggers.clone();
            let named = Named { id: event.id, kind: event.kind.to_string(), shares: event.shares };
            let take: Take = Box::pin(async move { (named, triggers.take(event).await) });
            take
        });
        let mut is_full = false;
        for (named, result) in all(takes.collect()).await {
            let gone = match result {
                Err(error) if self.is_hopeless(named.id, &error) => self.drop_event(&named, &error).await,
                result => result,
            };
            match gone {
                Ok(()) => {
                    self.failed.remove(&named.id);
                    walk.gone += 1;
                }
                Err(error) => {
                    is_full |= matches!(error, Error::NoRoom(_) | Error::Stopping);
                    walk.refused += 1;
                    walk.why = Some(error);
                }
            }
        }
        is_full
    }

    /// Whether an event can never be taken.
    fn is_hopeless(&mut self, id: InternalEventId, error: &Error) -> bool {
        match error {
            Error::Busy(_) | Error::NoRoom(_) | Error::Sealed(_) | Error::Stopping => false,
            Error::Internal(_) | Error::Unreadable(_) | Error::Conflict { .. } => {
                let tries = self.failed.entry(id).or_default();
                *tries += 1;
                *tries >= TRIES
            }
            _ => true,
        }
    }

    async fn drop_event(&self, named: &Named, error: &Error) -> Result<(), Error> {
        let core = self.triggers.core();
        core.commit(Vec::new(), vec![Change::delete::<InternalEvent>(named.id)]).await?;
        tell_dropped(core, named, error);
        self.triggers.drop_shared(named.shares).await;
        Ok(())
    }
}

fn tell_dropped(core: &Core, Named { id, kind, .. }: &Named, error: &Error) {
    if let Some(left_out) = core.may_log(kind) {
        let left_out = Some(left_out).filter(|count| *count > 0);
        tracing::error!(event = %id, kind, %error, hint = error.hint(), left_out, "dropped an internal event that can never be taken");
    }
}

/// What is remembered of an event that is taken.
struct Named {
    id: InternalEventId,
    /// The trigger type.
    kind: String,
    shares: Option<InternalEventId>,
}

/// The attempt at an event.
type Take = Pin<Box<dyn Future<Output = (Named, Result<(), Error>)> + Send>>;

/// Runs all of these to their ends; they begin in their order.
async fn all(mut takes: Vec<Take>) -> Vec<(Named, Result<(), Error>)> {
    let mut ended = Vec::with_capacity(takes.len());
    poll_fn(|context| {
        takes.retain_mut(|take| match take.as_mut().poll(context) {
            Poll::Ready(result) => {
                ended.push(result);
                false
            }
            Poll::Pending => true,
        });
        if takes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    ended
}

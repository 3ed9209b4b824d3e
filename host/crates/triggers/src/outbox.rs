//! The task that takes internal events from the outbox, in the order of their ids: those that an earlier process has left,
//! and then each as it is reported ([`Core::report`]). An event leaves the outbox in the commit that makes the trigger
//! instance of it, with all its consequences, so that each is taken once.
//!
//! What is refused for the moment, as too much waits, is tried again; so nothing is lost while rules are slow. What can
//! never be taken, as its payload does not fit the trigger type, is dropped with a line in the log, and holds up nobody. What
//! was there at a restore waits as long as executions are held.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use petrel_engine_core::{Core, Error};
use petrel_model::{InternalEvent, InternalEventId};
use petrel_persistence::{Change, DocumentKey, DocumentKind, Noun as _};
use serde_json::Value;

use crate::incoming::Event;
use crate::service::Triggers;

/// How many events are taken at once.
const AT_ONCE: usize = 16;
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
        stop.run_until_cancelled(Taker { triggers: self, begun, failed: HashMap::new() }.run()).await;
    }

    /// Stores an internal event as a trigger instance, with its consequences, and takes it from the outbox.
    async fn take(&self, event: InternalEvent) -> Result<(), Error> {
        let InternalEvent { id, kind, payload, trace, trace_tag, caused_by, depth, .. } = event;
        let taken = vec![Change::delete::<InternalEvent>(id)];
        let event = Event::from(Value::Object(payload)).in_trace(trace).tagged(trace_tag);
        let event = event.caused_by(caused_by).at_depth(depth);
        self.accept(kind.clone(), kind, event, taken, self.content()).await.map(drop)
    }
}

/// The task that takes internal events.
struct Taker {
    triggers: Triggers,
    /// The place in the outbox before which everything was left by an earlier process.
    begun: DocumentKey,
    /// The number of attempts at events that failed for a reason of their own.
    failed: HashMap<InternalEventId, u32>,
}

/// What became of the oldest events.
#[derive(Default)]
struct Round {
    /// The number of those that are no longer in the outbox.
    gone: usize,
    /// The reason why one has to wait, if one has to.
    waits: Option<Error>,
}

impl Taker {
    async fn run(mut self) {
        let triggers = self.triggers.clone();
        let (core, mut pause) = (triggers.core(), AGAIN.0);
        loop {
            let Round { gone, waits } = self.take_some().await;
            if gone > 0 {
                pause = AGAIN.0;
            }
            let Some(error) = waits else {
                if gone == 0 {
                    core.outbox_filled().await;
                }
                continue;
            };
            if !core.is_stopping()
                && let Some(left_out) = core.may_log("the outbox of internal events")
            {
                tracing::warn!(%error, hint = error.hint(), left_out, "failed to take internal events; trying again");
            }
            core.sleep(pause).await;
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Takes the oldest events.
    async fn take_some(&mut self) -> Round {
        let events = match self.oldest().await {
            Ok(events) => events,
            Err(error) => return Round { gone: 0, waits: Some(error) },
        };
        // All of them together, so that they share the syncs of the store. Each begins after the one before it.
        let takes = events.into_iter().map(|event| {
            let (triggers, id, kind) = (self.triggers.clone(), event.id, event.kind.clone());
            let take: Take = Box::pin(async move { (id, kind.to_string(), triggers.take(event).await) });
            take
        });
        let mut round = Round::default();
        for (id, kind, result) in all(takes.collect()).await {
            let gone = match result {
                Err(error) if self.is_hopeless(id, &error) => self.drop_event(id, &kind, &error).await,
                result => result,
            };
            match gone {
                Ok(()) => {
                    self.failed.remove(&id);
                    round.gone += 1;
                }
                Err(error) => round.waits = Some(error),
            }
        }
        round
    }

    /// The oldest events that may be taken. While executions are held since a restore, the events that were left wait with
    /// them: the host that the backup comes from has likely taken them.
    async fn oldest(&self) -> Result<Vec<InternalEvent>, Error> {
        let store = self.triggers.store();
        let after = (store.held() > 0).then_some(&self.begun);
        let found = store.documents_after(DocumentKind::InternalEvent, after, AT_ONCE).await?;
        Ok(found.into_iter().filter_map(InternalEvent::from_document).collect())
    }

    /// Whether an event can never be taken.
    fn is_hopeless(&mut self, id: InternalEventId, error: &Error) -> bool {
        match error {
            Error::Busy(_) | Error::NoRoom(_) | Error::Stopping => false,
            Error::Internal(_) | Error::Unreadable(_) | Error::Conflict { .. } => {
                let tries = self.failed.entry(id).or_default();
                *tries += 1;
                *tries >= TRIES
            }
            _ => true,
        }
    }

    async fn drop_event(&self, id: InternalEventId, kind: &str, error: &Error) -> Result<(), Error> {
        let core = self.triggers.core();
        core.commit(Vec::new(), vec![Change::delete::<InternalEvent>(id)]).await?;
        tell_dropped(core, id, kind, error);
        Ok(())
    }
}

fn tell_dropped(core: &Core, id: InternalEventId, kind: &str, error: &Error) {
    if let Some(left_out) = core.may_log(kind) {
        let left_out = Some(left_out).filter(|count| *count > 0);
        tracing::error!(event = %id, kind, %error, hint = error.hint(), left_out, "dropped an internal event that can never be taken");
    }
}

/// The attempt at an event, with its id and its trigger type.
type Take = Pin<Box<dyn Future<Output = (InternalEventId, String, Result<(), Error>)> + Send>>;

/// Runs all of these to their ends; they begin in their order.
async fn all(mut takes: Vec<Take>) -> Vec<(InternalEventId, String, Result<(), Error>)> {
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

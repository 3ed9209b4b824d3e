//! Several events in one commit, with what belongs to them: all that a poll of a sensor brought, for example.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_engine_core::{Error, refuse_depth};
use petrel_executions::{self as executions, Stage};
use petrel_model::{Ref, TraceId, TriggerInstanceId};
use petrel_persistence::Change;

use crate::correlation::Settled;
use crate::correlation::pending::Pending;
use crate::correlation::under_way::Coming;
use crate::dispatcher::{Accepted, Decided};
use crate::failures;
use crate::incoming::Event;
use crate::service::Triggers;

/// After so many events other tasks of the worker have a turn.
const IN_A_ROW: usize = 32;

/// An event of a trigger, which is to be stored with others. It may have a key by which it is taken once, see [`Event::taken_once`].
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The trigger; of one without parameters it is the type.
    pub(crate) trigger: Ref,
    /// The trigger type.
    pub(crate) kind: Ref,
    /// The event.
    pub(crate) event: Event,
}

/// What became of a member of a batch.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It was stored.
    Stored(Accepted),
    /// It is the same as this one, which was stored before.
    Repeated(TriggerInstanceId),
    /// It does not fit, so that it was left out.
    Refused(Error),
}

impl Triggers {
    /// Stores these events with all their consequences in one commit, and with the changes that `beside` makes of what
    /// became of each.
    ///
    /// # Errors
    /// When too much waits, the host is stopping, the same event has been stored meanwhile ([`Error::Conflict`]), or the
    /// store fails. Nothing was stored then.
    pub(crate) async fn accept_all(
        &self,
        members: &[Member],
        beside: impl FnOnce(&[Taken]) -> Vec<Change> + Send,
    ) -> Result<Vec<Taken>, Error> {
        self.queue().check_room()?;
        let _turn = self.accepting_turn()?;
        let coming = self.held().coming(self.core());
        let (mut all, mut changes, mut failed) = (Vec::with_capacity(members.len()), Vec::new(), Vec::new());
        let (mut known, mut expect) = (BTreeMap::new(), Vec::new());
        let (mut remembered, mut pending) = (Vec::new(), Vec::new());
        for (place, member) in members.iter().enumerate() {
            if place % IN_A_ROW == IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            let once = member.event.once();
            if let Some(first) = once.and_then(|once| known.get(once.digest())) {
                all.push(Taken::Repeated(*first));
                continue;
            }
            if let Some(once) = once
                && let Some(first) = self.first(once).await?
            {
                all.push(Taken::Repeated(first.id));
                continue;
            }
            match self.member(member).await {
                Ok((trace, Decided { accepted, changes: its, pending: its_pending })) => {
                    if let Some(once) = once {
                        known.insert(once.digest(), accepted.id);
                        expect.push(once.expectation());
                        remembered.push((Arc::clone(once), all.len()));
                    }
                    failed.push((trace, failures::among(&its)));
                    changes.extend(its);
                    pending.extend(its_pending);
                    all.push(Taken::Stored(accepted));
                }
                Err(error) if is_its_own_fault(&error) => all.push(Taken::Refused(error)),
                Err(error) => return Err(error),
            }
        }
        let settled = self.settle_all((pending, coming.as_ref()), &mut all, &mut changes).await?;
        let now = self.core().now();
        changes.extend(remembered.iter().filter_map(|(once, place)| match all.get(*place) {
            Some(Taken::Stored(accepted)) => Some(once.remembered(accepted, now)),
            _ => None,
        }));
        changes.extend(beside(&all));
        if changes.is_empty() {
            return Ok(all);
        }
        let started = self.core().monotonic();
        match settled {
            None => self.queue().commit_new(expect, changes).await?,
            Some(settled) => self.commit_settled(settled, expect, changes).await?,
        }
        self.count_stored(members, &all);
        executions::stage(Stage::AcceptCommit, self.core().since(started));
        failed.iter().for_each(|(trace, failed)| failures::log(self.core(), *trace, failed));
        Ok(all)
    }

    /// Counts the events that were stored in their traces.
    fn count_stored(&self, members: &[Member], all: &[Taken]) {
        for (member, taken) in members.iter().zip(all) {
            if matches!(taken, Taken::Stored(_)) {
                self.count_in_trace((member.event.trace(), member.event.depth()));
            }
        }
    }

    /// Adds what events do to what correlations hold, if they do.
    async fn settle_all(
        &self,
        (pending, coming): (Vec<Pending>, Option<&Coming>),
        all: &mut [Taken],
        changes: &mut Vec<Change>,
    ) -> Result<Option<Settled>, Error> {
        if pending.is_empty() {
            return Ok(None);
        }
        let settled = self.settle(pending, coming).await?;
        settled.add_to(changes);
        for taken in all {
            let Taken::Stored(accepted) = taken else { continue };
            accepted.executions.extend(settled.executions_of(accepted.id));
        }
        Ok(Some(settled))
    }

    /// The consequences of one of several events.
    async fn member(&self, member: &Member) -> Result<(TraceId, Decided), Error> {
        refuse_depth("the payload", member.event.values())?;
        self.refuse_deep(&member.kind, member.event.depth())?;
        self.refuse_crowded(&member.kind, (member.event.trace(), member.event.depth())).await?;
        let (trigger, kind) = (member.trigger.clone(), member.kind.clone());
        let arrived = self.arrived(trigger, kind, member.event.clone(), self.content());
        let trace = arrived.trace();
        Ok((trace, self.decided(arrived).await?))
    }
}

/// Whether an event is refused for what it is, so that it would be refused again.
fn is_its_own_fault(error: &Error) -> bool {
    matches!(error, Error::Invalid { .. } | Error::NotFound { .. } | Error::TooLarge { .. })
}

//! Rules that correlate events: what an event does to what is held, and to what that leads, in the commit of the event.
//!
//! An event that meets the criteria of such a rule is [`Pending`]. [`Triggers::settle`] takes the turn of its key, reads the
//! state, has [`petrel_rules::correlation`] decide, and adds the new state to the commit. What fires is an event of its own
//! ([`CORRELATION`]), of which the rule alone is asked; it is in the same commit. [`held`] knows when windows end, and
//! [`keeper`] ends them.

pub(crate) mod held;
mod keeper;
pub(crate) mod pending;
mod stored;
pub(crate) mod tried;
pub(crate) mod under_way;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::correlation::CORRELATION;
use petrel_model::count::counted;
use petrel_model::quoted::quoted;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{
    CorrelationState, Enforcement, EnforcementId, ExecutionId, Ref, Rule, TraceId, TriggerInstanceId,
};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;
use petrel_rules::correlation::{Firing, Step, bytes, ended, taken};
use tokio::sync::OwnedSemaphorePermit;

use crate::dispatcher::Decided;
use crate::failures;
use crate::incoming::Event;
use crate::service::Triggers;
use held::{MOST_BYTES_OF_RULE, MOST_KEYS};
use pending::Pending;
use under_way::Coming;

/// The number of keys of which a rule tells what is held.
const TOLD: usize = 3;

/// What comes of a correlation that fires, in this trace.
struct Fired {
    trace: TraceId,
    decided: Decided,
}

/// What events do to what is held. The turns last until the commit is made.
pub(crate) struct Settled {
    turns: Vec<OwnedSemaphorePermit>,
    /// The states as they were, and as they are after the commit.
    states: BTreeMap<String, (Option<CorrelationState>, Option<CorrelationState>)>,
    /// The changes of what fires.
    changes: Vec<Change>,
    /// The executions of what fires, by the event that had it fire.
    executions: Vec<(TriggerInstanceId, ExecutionId)>,
    /// The failed enforcements of events for which there is no room.
    refused: Vec<Enforcement>,
    /// All failed enforcements, each with the trace of its event, for the log.
    failed: Vec<(TraceId, Enforcement)>,
}

impl Settled {
    fn new(turns: Vec<OwnedSemaphorePermit>) -> Self {
        Self {
            turns,
            states: BTreeMap::new(),
            changes: Vec::new(),
            executions: Vec::new(),
            refused: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Takes in what comes of a correlation that fires, and returns its executions.
    fn take_in(&mut self, fired: Fired) -> Vec<ExecutionId> {
        let Fired { trace, decided: Decided { accepted, changes, .. } } = fired;
        self.failed.extend(failures::among(&changes).into_iter().map(|one| (trace, one)));
        self.changes.extend(changes);
        accepted.executions
    }

    /// Adds all of it to the changes of the events.
    pub(crate) fn add_to(&self, changes: &mut Vec<Change>) {
        for enforcement in &self.refused {
            for change in changes.iter_mut() {
                if let Change::CreateTriggerInstance(instance) = change
                    && instance.id == enforcement.trigger_instance_id
                {
                    instance.enforcements.push(enforcement.id);
                }
            }
            changes.push(Change::CreateEnforcement(enforcement.clone()));
        }
        changes.extend(self.changes.iter().cloned());
        for (before, after) in self.states.values() {
            stored::changes(before.as_ref(), after.as_ref(), changes);
        }
    }

    /// The executions of what an event had fire.
    pub(crate) fn executions_of(&self, event: TriggerInstanceId) -> impl Iterator<Item = ExecutionId> {
        self.executions.iter().filter(move |(of, _)| *of == event).map(|(_, execution)| *execution)
    }
}

impl Triggers {
    /// Decides what becomes of events that count for correlations, one after the other; `coming` says that they are under way.
    ///
    /// # Errors
    /// When the store fails, or too much waits for what fires. Nothing has changed then.
    pub(crate) async fn settle(
        &self,
        pending: Vec<Pending>,
        coming: Option<&Coming>,
    ) -> Result<Settled, Error> {
        for one in &pending {
            // It comes behind a window that has not ended yet. Before the turns, which what is waited for needs.
            if let Some(end) = self.held().due_at(&one.key).filter(|end| *end <= one.event.at) {
                self.held().passed(self.core(), end, coming).await;
            }
        }
        let turns = self.held().turns(pending.iter().map(|one| one.key.as_str())).await?;
        let mut settled = Settled::new(turns);
        for one in pending {
            self.settle_one(&mut settled, one).await?;
        }
        Ok(settled)
    }

    async fn settle_one(&self, settled: &mut Settled, one: Pending) -> Result<(), Error> {
        let compiled = Arc::clone(&one.rule);
        let Some(correlation) = compiled.rule().correlation() else { return Ok(()) };
        let (before, state) = if let Some(changed) = settled.states.get(&one.key) {
            changed.clone()
        } else {
            let stored = self.held_of(&one.key).await?;
            (stored.clone(), stored)
        };
        // What is there of the key has its place already, whether it still counts or not.
        let had = [&before, &state].into_iter().flatten().next().map_or((0, 0), |held| (1, bytes(held)));
        // What another version of the rule has left counts no more.
        let mut state = state.filter(|state| state.made_for == one.made_for());
        if let Some(over) = state.take_if(|state| state.due_at <= one.event.at)
            && let Some(firing) = ended(correlation, over)
        {
            let fired = self.fire_correlation(&compiled, firing).await?;
            settled.take_in(fired);
        }
        let Step { state: after, firing } =
            taken(correlation, state.clone(), || one.new_state(), one.event.clone());
        let has = after.as_ref().map_or((0, 0), |state| (1, bytes(state)));
        if let Some(reason) = self.no_room(compiled.rule(), settled, had, has) {
            let refused = self.refused(compiled.rule(), &one, reason);
            settled.failed.push((one.event.trace, refused.clone()));
            settled.refused.push(refused);
            settled.states.insert(one.key, (before, state));
            return Ok(());
        }
        if let Some(firing) = firing {
            let fired = self.fire_correlation(&compiled, firing).await?;
            let executions = settled.take_in(fired);
            settled.executions.extend(executions.into_iter().map(|execution| (one.event.id, execution)));
        }
        settled.states.insert(one.key, (before, after));
        Ok(())
    }

    /// What is held of a key. What cannot be read is as if it were not there: the next event begins anew.
    pub(crate) async fn held_of(&self, key: &str) -> Result<Option<CorrelationState>, Error> {
        stored::read(self.store(), key).await
    }

    /// What comes of a correlation that fires.
    async fn fire_correlation(&self, rule: &Arc<CompiledRule>, firing: Firing) -> Result<Fired, Error> {
        let Some(correlation) = rule.rule().correlation() else {
            return Err(Error::Internal(format!("rule {} correlates nothing", rule.rule().reference)));
        };
        let trigger: Ref =
            CORRELATION.parse().map_err(|error| Error::Internal(format!("{CORRELATION}: {error}")))?;
        let payload = firing.payload(&rule.rule().reference, correlation.kind);
        let event = Event::from(payload).in_trace(firing.trace()).tagged(firing.trace_tag());
        let decided = self.fired(self.whole(rule), trigger, event.at_depth(firing.depth())).await?;
        let trace = firing.trace().unwrap_or_else(|| TraceId::from(decided.accepted.id.0));
        Ok(Fired { trace, decided })
    }

    /// The rule of which this is perhaps one of the further events. Only the rule itself has its parameters.
    fn whole(&self, rule: &Arc<CompiledRule>) -> Arc<CompiledRule> {
        if rule.grouping().is_none_or(|grouping| grouping.part == 0) {
            return Arc::clone(rule);
        }
        let content = self.content();
        let known = content.index().get(rule.rule().id).filter(|known| known.rule() == rule.rule());
        known.map_or_else(|| Arc::new(CompiledRule::new(Arc::clone(rule.rule()))), Arc::clone)
    }

    /// The reason why no more is held for a rule: keys and bytes are `had` of a key, and would be `has`.
    fn no_room(
        &self,
        rule: &Rule,
        settled: &Settled,
        had: (usize, usize),
        has: (usize, usize),
    ) -> Option<String> {
        if has.0 <= had.0 && has.1 <= had.1 {
            return None;
        }
        let mut amount = self.held().amount(rule.id);
        let own = settled.states.values().filter_map(|(before, after)| match (before, after) {
            (None, Some(after)) if after.rule_id == rule.id => Some(bytes(after)),
            _ => None,
        });
        own.for_each(|bytes| {
            amount.keys += 1;
            amount.bytes += bytes;
        });
        let at = |limit: String| {
            format!(
                "its correlation holds {limit}, and that is the limit, so the event does not count for it; choose a key `by` with \
                 fewer values, a shorter window, or narrower criteria"
            )
        };
        if has.0 > had.0 && amount.keys >= MOST_KEYS {
            return Some(at(format!("events of {}", counted(amount.keys, "key"))));
        }
        let bytes = amount.bytes.saturating_add(has.1).saturating_sub(had.1);
        (has.1 > had.1 && bytes > MOST_BYTES_OF_RULE)
            .then(|| at(format!("{} MiB of events", amount.bytes >> 20)))
    }

    fn refused(&self, rule: &Rule, one: &Pending, reason: String) -> Enforcement {
        Enforcement {
            id: self.core().mint::<EnforcementId>(one.event.at),
            trigger_instance_id: one.event.id,
            rule_id: rule.id,
            rule: rule.reference.clone(),
            execution_id: None,
            failure_reason: Some(reason),
            note: None,
            replayed_as: None,
            enforced_at: one.event.at,
            status: EnforcementStatus::Failed,
        }
    }

    /// Commits what was settled with the changes of the events, in the turns of the keys, wakes who waits for their
    /// executions, and logs what failed of it.
    ///
    /// # Errors
    /// As a commit. Nothing has changed then.
    pub(crate) async fn commit_settled(
        &self,
        settled: Settled,
        expect: Vec<Expect>,
        mut changes: Vec<Change>,
    ) -> Result<(), Error> {
        let noted = self.queue().note_breakers(&mut changes).await;
        let schedulers = self.queue().schedulers_of(&changes);
        let triggers = self.clone();
        // The turns last until the commit is made, even if nobody waits for it any more.
        self.core()
            .run_detached(async move {
                triggers.core().commit(expect, changes).await?;
                noted.made();
                for (key, (_, after)) in &settled.states {
                    triggers.held().put(key, after.as_ref());
                }
                drop(settled.turns);
                triggers.queue().wake_these(schedulers);
                for (trace, one) in &settled.failed {
                    failures::log(triggers.core(), *trace, std::slice::from_ref(one));
                }
                Ok(())
            })
            .await
    }

    /// What a correlation holds, in words.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn told_of_held(&self, rule: &Rule) -> Result<Option<String>, Error> {
        let Some(correlation) = rule.correlation() else { return Ok(None) };
        let keys = self.held().amount(rule.id).keys;
        if keys == 0 {
            return Ok(Some("it holds no events".to_owned()));
        }
        let mut told = Vec::new();
        for key in self.held().windows_of(rule.id, TOLD) {
            let Some(state) = self.held_of(&key).await? else { continue };
            let need = match correlation.count {
                0 => String::new(),
                count => format!(" of {count}"),
            };
            let events = usize::try_from(state.count).unwrap_or(usize::MAX);
            told.push(format!(
                "`{}` with {}{need} until {}",
                quoted(&state.group),
                counted(events, "event"),
                state.due_at
            ));
        }
        Ok(Some(format!("it holds events of {}: {}", counted(keys, "key"), told.join(", "))))
    }
}

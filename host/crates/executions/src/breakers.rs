//! Circuit breakers of rules: what is remembered of the ends of their executions, changed in the commits of these ends. Of a
//! rule that is paused the first event after the pause tries, and all others are refused until that has ended.
//!
//! The states are in memory, and in rows for the next process. As long as none is there, it costs a look at a number.

use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::breaker::{BreakerState, CircuitBreaker, Pause};
use petrel_model::count::counted;
use petrel_model::{Execution, ExecutionId, Rule, RuleId, Timestamp, TriggerInstanceId};
use petrel_persistence::{Change, StoreExt as _};
use petrel_rules::breaker::{self, Change as Moved};

pub(crate) mod book;

use book::Kept;

use super::ends;
use super::queue::Queue;
use super::service::Executions;

/// The begin of the reason for which a rule that is paused does not fire.
pub const PAUSED: &str = "the circuit breaker pauses this rule";
/// The time for which an event that tries may be on its way to the store.
const ON_ITS_WAY: Duration = Duration::from_mins(1);

/// How the breaker of a rule stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerStanding {
    /// `closed`, `open` while the rule is paused, or `half-open` when it may try again.
    pub state: &'static str,
    /// The number of failures that count.
    pub failures: usize,
    /// The end of the pause.
    pub until: Option<Timestamp>,
    /// The execution that tries.
    pub trial: Option<ExecutionId>,
}

impl Queue {
    /// The breaker of a rule: its own, or that of the settings.
    pub fn breaker_of(&self, rule: &Rule) -> Option<CircuitBreaker> {
        rule.circuit_breaker.or_else(|| self.options().circuit_breaker)
    }

    /// Why a rule does not fire now on the event `event`, if its breaker keeps it from that. Once its pause is over, one event
    /// passes; it is this one from then on.
    pub fn refused_by_breaker(
        &self,
        rule: &Rule,
        event: TriggerInstanceId,
        now: Timestamp,
    ) -> Option<String> {
        let breaker = self.breaker_of(rule)?;
        if self.breakers().is_empty() {
            return None;
        }
        self.breakers().with(|states| {
            let kept = states.get_mut(&rule.id)?;
            let pause = kept.state.pause?;
            if now < pause.until {
                return Some(told(rule, breaker, &kept.state, now));
            }
            let is_running = pause.trial.is_some_and(|trial| self.store().is_active(trial));
            let is_on_its_way =
                kept.asking.is_some_and(|(other, since)| other != event && since.plus(ON_ITS_WAY) > now);
            if is_running || is_on_its_way {
                return Some(told(rule, breaker, &kept.state, now));
            }
            if kept.asking.is_none_or(|(other, _)| other != event) {
                kept.asking = Some((event, now));
            }
            None
        })
    }

    /// What keeps a rule from firing, in words, for whoever asks why.
    pub fn paused_by_breaker(&self, rule: &Rule, now: Timestamp) -> Option<String> {
        let breaker = self.breaker_of(rule)?;
        self.breakers().with(|states| {
            let state = &states.get(&rule.id)?.state;
            let pause = state.pause?;
            let is_trying = pause.trial.is_some_and(|trial| self.store().is_active(trial));
            (now < pause.until || is_trying).then(|| told(rule, breaker, state, now))
        })
    }

    /// How the breaker of a rule stands. `None` for a rule without one.
    pub fn breaker_standing(&self, rule: &Rule, now: Timestamp) -> Option<BreakerStanding> {
        self.breaker_of(rule)?;
        self.breakers().with(|states| {
            let state = states.get(&rule.id).map(|kept| &kept.state);
            let pause = state.and_then(|state| state.pause);
            Some(BreakerStanding {
                state: pause.map_or("closed", |pause| if now < pause.until { "open" } else { "half-open" }),
                failures: state.map_or(0, |state| state.failed.len()),
                until: pause.map(|pause| pause.until),
                trial: pause.and_then(|pause| pause.trial),
            })
        })
    }

    /// Adds to `changes` what the ends of executions among them, and the new executions that try, mean for the breakers of
    /// their rules. To be called right before their commit.
    pub fn note_breakers(&self, changes: &mut Vec<Change>) {
        let made = changes.as_slice();
        let mut more = Vec::new();
        for change in made {
            if let Some(ended) = ends::ended(change) {
                more.extend(self.note_start(ended));
                more.extend(self.note_end(ended, retry_of(made, ended.id)));
            } else if let Change::CreateExecution(execution) = change {
                more.extend(self.note_start(execution));
            }
        }
        changes.extend(more);
    }

    /// Takes note of an execution that tries.
    fn note_start(&self, execution: &Execution) -> Option<Change> {
        let origin = execution.context.rule.as_ref().filter(|_| execution.parent.is_none())?;
        if self.breakers().is_empty() {
            return None;
        }
        let event = execution.context.trigger_instance.as_ref()?.id;
        self.breakers().with(|states| {
            let kept = states.get_mut(&origin.id)?;
            let (asking, _) = kept.asking?;
            let pause = kept.state.pause.as_mut().filter(|_| asking == event)?;
            if execution.status.is_final() && pause.trial.is_some() {
                return None;
            }
            pause.trial = Some(execution.id);
            Some(Change::put(kept.state.clone()))
        })
    }

    /// Takes note of the end of an execution, of which `retry` is the next attempt.
    fn note_end(&self, ended: &Execution, retry: Option<ExecutionId>) -> Option<Change> {
        let origin = ended.context.rule.as_ref().filter(|_| ended.parent.is_none())?;
        let has_failed = is_failure(ended);
        let is_known = || self.breakers().with(|states| states.contains_key(&origin.id));
        if !has_failed && (self.breakers().is_empty() || !is_known()) {
            return None;
        }
        // By its id, as it may be called differently now.
        let content = self.catalog().content();
        let compiled = content.index().get(origin.id)?;
        let rule = compiled.rule();
        let breaker = self.breaker_of(rule)?;
        let at = ended.ended_at.unwrap_or_else(|| self.core().now());
        let (change, moved) = self.breakers().with(|states| {
            if let Some(retry) = retry {
                let changed = states.get_mut(&origin.id).and_then(|kept| moves_on(kept, ended.id, retry));
                return (changed, Moved::None);
            }
            // Now and then, so that it costs little, rules are forgotten that are gone. Their rows go at the next start.
            if !states.contains_key(&origin.id) && states.len().is_power_of_two() {
                states.retain(|id, _| content.index().get(*id).is_some());
            }
            let kept = states.entry(origin.id).or_insert_with(|| Kept::of(breaker::closed(origin.id)));
            if kept.closed_by == Some(ended.id) {
                return (Some(Change::delete::<BreakerState>(origin.id)), Moved::None);
            }
            let moved = breaker::ended(&mut kept.state, breaker, (ended.id, ended.status), at);
            match moved {
                Moved::None => return (None, moved),
                Moved::Counted => {}
                Moved::Paused(_) => kept.asking = None,
                Moved::Closed => {
                    (kept.asking, kept.closed_by) = (None, Some(ended.id));
                    return (Some(Change::delete::<BreakerState>(origin.id)), moved);
                }
            }
            if kept.state.pause.is_some_and(|pause| pause.trial.is_none()) {
                kept.asking = None;
            }
            (Some(Change::put(kept.state.clone())), moved)
        });
        if let Moved::Paused(until) = moved {
            let hint = format!("correct the action, then `petrel rule resume {}`", rule.reference);
            tracing::warn!(rule = %rule.reference, %until, execution = %ended.id, hint, "a rule is paused, as its action fails again and again");
        }
        change
    }
}

impl Executions {
    /// Lets a rule fire that its breaker pauses, and forgets its failures.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_rule(&self, rule: RuleId) -> Result<(), Error> {
        if !self.queue().breakers().with(|states| states.contains_key(&rule)) {
            return Ok(());
        }
        self.core().commit(Vec::new(), vec![Change::delete::<BreakerState>(rule)]).await?;
        self.queue().breakers().with(|states| drop(states.remove(&rule)));
        Ok(())
    }

    /// Takes up what an earlier process remembered. To be called before anything ends or starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn take_up_breakers(&self) -> Result<(), Error> {
        let states = self.store().all::<BreakerState>().await?;
        let content = self.queue().catalog().content();
        let is_needed = |state: &BreakerState| {
            let rule = content.index().get(state.rule);
            rule.is_some_and(|rule| self.queue().breaker_of(rule.rule()).is_some())
        };
        let (needed, over): (Vec<_>, Vec<_>) = states.into_iter().partition(is_needed);
        self.queue().breakers().with(|kept| {
            kept.extend(needed.into_iter().map(|state| (state.rule, Kept::of(state))));
        });
        if !over.is_empty() {
            let changes = over.into_iter().map(|state| Change::delete::<BreakerState>(state.rule)).collect();
            self.core().commit(Vec::new(), changes).await?;
        }
        Ok(())
    }
}

/// Has the next attempt at the execution that tries try in its place.
fn moves_on(kept: &mut Kept, ended: ExecutionId, retry: ExecutionId) -> Option<Change> {
    kept.state.pause.as_mut().filter(|pause| pause.trial == Some(ended))?.trial = Some(retry);
    Some(Change::put(kept.state.clone()))
}

fn is_failure(execution: &Execution) -> bool {
    use petrel_model::Status::{Abandoned, Failed, Timeout};
    matches!(execution.status, Failed | Timeout | Abandoned)
}

/// The next attempt at the execution `id` among these changes.
fn retry_of(changes: &[Change], id: ExecutionId) -> Option<ExecutionId> {
    changes.iter().find_map(|change| match change {
        Change::CreateExecution(next) => {
            let retry = next.context.policies.retry.as_ref();
            retry.filter(|retry| retry.retried_liveaction_id == id).map(|_| next.id)
        }
        _ => None,
    })
}

/// Why a rule is paused, until when, and the remedy.
fn told(rule: &Rule, breaker: CircuitBreaker, state: &BreakerState, now: Timestamp) -> String {
    let count = state.failed.len();
    let until = match state.pause {
        Some(pause) if now < pause.until => format!("until {}", pause.until),
        Some(Pause { trial: Some(trial), .. }) => {
            format!("until the execution {trial}, which tries once, has ended")
        }
        _ => "until one execution that tries has ended".to_owned(),
    };
    let last = state.failed.last().map(|run| format!(" (the last one is {})", run.execution));
    format!(
        "{PAUSED} {until}: its action {} failed {}, {} within {} being the limit{}; `petrel rule resume {}` has it \
         fire at once",
        rule.action.reference,
        counted(count, "time"),
        breaker.failures,
        breaker.within,
        last.unwrap_or_default(),
        rule.reference
    )
}

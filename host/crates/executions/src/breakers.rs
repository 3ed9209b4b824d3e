//! Circuit breakers of rules: what is remembered of the ends of their executions, changed by the commits of these ends
//! ([`noted`]). Of a rule that is paused the first event after the pause tries, and all others are refused until that has ended.
//!
//! The states are in memory, and in rows for the next process. As long as none is there, it costs a look at a number.

use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::breaker::{BreakerState, CircuitBreaker, Pause};
use petrel_model::count::counted;
use petrel_model::{ExecutionId, Rule, RuleId, Timestamp, TriggerInstanceId};
use petrel_persistence::{Change, StoreExt as _};

pub(crate) mod book;
pub(crate) mod noted;

use book::Kept;

use super::queue::Queue;
use super::service::Executions;

/// The begin of the reason for which a rule that is paused does not fire.
pub const PAUSED: &str = "the circuit breaker pauses this rule";
/// The time for which an event that tries may be on its way to the store, if nothing says what became of it.
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
            // Its end may be on its way as well.
            let is_running = pause
                .trial
                .is_some_and(|trial| self.store().is_active(trial) || self.breakers().is_changing(rule.id));
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

    /// The event `event` tries no more: it requests nothing of the rule.
    pub fn asks_no_more(&self, rule: RuleId, event: TriggerInstanceId) {
        self.breakers().asks_no_more(rule, event);
    }
}

impl Executions {
    /// Lets a rule fire that its breaker pauses, and forgets its failures.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_rule(&self, rule: RuleId) -> Result<(), Error> {
        // In turn with the ends that count, so that none is counted in between.
        let _turn = self.queue().breakers().turn(rule).await;
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

//! What a commit means for circuit breakers: decided in the turns of their rules, stored with it, and in memory once it is
//! made. Of one that is refused nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use petrel_engine_core::Error;
use petrel_model::breaker::BreakerState;
use petrel_model::execution::Origin;
use petrel_model::{Execution, ExecutionId, RuleId, Status, Timestamp, TriggerInstanceId};
use petrel_persistence::{Change, Expect};
use petrel_rules::breaker::{self, Change as Moved};

use super::book::{Kept, Turn};
use crate::ends;
use crate::outcomes;
use crate::queue::Queue;

/// What a commit means for breakers. To be kept until the commit is answered, since nobody else changes their states
/// meanwhile; mostly it is nothing.
#[must_use]
#[derive(Debug, Default)]
pub struct Noted {
    /// `None` once the commit was made, or if it means nothing for any.
    queue: Option<Queue>,
    drafts: BTreeMap<RuleId, Draft>,
    _turns: Vec<Turn>,
}

/// The state of a rule after the commit.
#[derive(Debug, Default)]
struct Draft {
    /// `None` if nothing is to be remembered.
    state: Option<BreakerState>,
    is_changed: bool,
    /// The event that has tried.
    asked: Option<TriggerInstanceId>,
    /// The end of the pause that begins, and the execution whose failure began it.
    paused: Option<(Timestamp, ExecutionId)>,
}

impl Queue {
    /// Adds to `changes` what the ends of executions among them, and the new executions that try, mean for the breakers of
    /// their rules. To be called right before their commit; [`Noted::made`] right after it.
    pub async fn note_breakers(&self, changes: &mut Vec<Change>) -> Noted {
        let rules = self.concerned(changes);
        if rules.is_empty() {
            return Noted::default();
        }
        let mut turns = Vec::with_capacity(rules.len());
        // In the order of their ids, so that no two wait for each other.
        for rule in &rules {
            turns.push(self.breakers().turn(*rule).await);
        }
        let mut drafts: BTreeMap<_, _> = self.breakers().with(|states| {
            let draft = |rule| {
                let state = states.get(&rule).map(|kept| kept.state.clone());
                (rule, Draft { state, ..Draft::default() })
            };
            rules.into_iter().map(draft).collect()
        });
        for change in changes.iter() {
            if let Some(ended) = ends::ended(change) {
                self.draft_start(ended, &mut drafts);
                self.draft_end(ended, retry_of(changes, ended.id), &mut drafts);
            } else if let Change::CreateExecution(execution) = change {
                self.draft_start(execution, &mut drafts);
            }
        }
        let changed = drafts.iter().filter(|(_, draft)| draft.is_changed);
        changes.extend(changed.map(|(rule, draft)| match &draft.state {
            Some(state) => Change::put(state.clone()),
            None => Change::delete::<BreakerState>(*rule),
        }));
        Noted { queue: Some(self.clone()), drafts, _turns: turns }
    }

    /// The rules for whose breakers these changes mean something.
    fn concerned(&self, changes: &[Change]) -> BTreeSet<RuleId> {
        let has_states = !self.breakers().is_empty();
        let concerned = |change: &Change| {
            let (execution, has_ended) = match (ends::ended(change), change) {
                (Some(ended), _) => (ended, true),
                (None, Change::CreateExecution(execution)) => (execution, false),
                _ => return None,
            };
            let rule = origin(execution)?.id;
            let is_kept = |which: &dyn Fn(&Kept) -> bool| {
                has_states && self.breakers().with(|states| states.get(&rule).is_some_and(which))
            };
            let is_concerned = if has_ended {
                (is_failure(execution) && self.has_breaker(rule)) || is_kept(&|_kept| true)
            } else {
                let event = execution.context.trigger_instance.as_ref()?.id;
                is_kept(&|kept| kept.is_asking(event))
            };
            is_concerned.then_some(rule)
        };
        changes.iter().filter_map(concerned).collect()
    }

    /// Whether a rule has a breaker, by its id, as it may be called differently now.
    fn has_breaker(&self, rule: RuleId) -> bool {
        let content = self.catalog().content();
        content.index().get(rule).is_some_and(|rule| self.breaker_of(rule.rule()).is_some())
    }

    /// Takes note of an execution that tries.
    fn draft_start(&self, execution: &Execution, drafts: &mut BTreeMap<RuleId, Draft>) {
        let Some(origin) = origin(execution) else { return };
        let Some(event) = &execution.context.trigger_instance else { return };
        let asks = self
            .breakers()
            .with(|states| states.get(&origin.id).is_some_and(|kept| kept.is_asking(event.id)));
        let draft = drafts.get_mut(&origin.id).filter(|_| asks);
        let Some(draft) = draft else { return };
        let Some(pause) = draft.state.as_mut().and_then(|state| state.pause.as_mut()) else { return };
        // Not the end of another one, when somebody tries already.
        if draft.asked.is_none() && !(execution.status.is_final() && pause.trial.is_some()) {
            pause.trial = Some(execution.id);
            (draft.asked, draft.is_changed) = (Some(event.id), true);
        }
    }

    /// Takes note of the end of an execution, of which `retry` is the next attempt.
    fn draft_end(&self, ended: &Execution, retry: Option<ExecutionId>, drafts: &mut BTreeMap<RuleId, Draft>) {
        let Some(origin) = origin(ended) else { return };
        let Some(draft) = drafts.get_mut(&origin.id) else { return };
        let content = self.catalog().content();
        let Some(compiled) = content.index().get(origin.id) else { return };
        let Some(breaker) = self.breaker_of(compiled.rule()) else { return };
        if let Some(retry) = retry {
            let pause = draft.state.as_mut().and_then(|state| state.pause.as_mut());
            if let Some(pause) = pause.filter(|pause| pause.trial == Some(ended.id)) {
                // The next attempt tries in its place.
                pause.trial = Some(retry);
                draft.is_changed = true;
            }
            return;
        }
        let at = ended.ended_at.unwrap_or_else(|| self.core().now());
        // What was lost with its host has neither failed nor succeeded.
        let status = if outcomes::is_lost(ended) { Status::Canceled } else { ended.status };
        let mut state = draft.state.take().unwrap_or_else(|| breaker::closed(origin.id));
        let moved = breaker::ended(&mut state, breaker, (ended.id, status), at);
        draft.is_changed |= moved != Moved::None;
        if let Moved::Paused(until) = moved {
            draft.paused = Some((until, ended.id));
        }
        let is_blank = state.failed.is_empty() && state.pause.is_none();
        draft.state = Some(state).filter(|_| !is_blank);
    }
}

impl Noted {
    /// Whether the commit means nothing for any breaker.
    pub(crate) fn is_nothing(&self) -> bool {
        self.queue.is_none()
    }

    /// The commit was made.
    pub fn made(mut self) {
        let Some(queue) = self.queue.take() else { return };
        let content = queue.catalog().content();
        queue.breakers().with(|states| {
            for (rule, draft) in self.drafts.iter().filter(|(_, draft)| draft.is_changed) {
                let Some(state) = &draft.state else {
                    states.remove(rule);
                    continue;
                };
                // Now and then, so that it costs little, rules are forgotten that are gone. Their rows go at the next start.
                if !states.contains_key(rule) && states.len().is_power_of_two() {
                    states.retain(|id, _| content.index().get(*id).is_some());
                }
                let kept = states.entry(*rule).or_insert_with(|| Kept::of(state.clone()));
                kept.state = state.clone();
                let is_over = draft.asked.is_some_and(|event| kept.is_asking(event));
                if is_over || draft.paused.is_some() {
                    kept.asking = None;
                }
            }
        });
        for (rule, draft) in &self.drafts {
            let rule = content.index().get(*rule).map(|rule| &rule.rule().reference);
            if let (Some((until, execution)), Some(rule)) = (draft.paused, rule) {
                let hint = format!("correct the action, then `petrel rule resume {rule}`");
                tracing::warn!(%rule, %until, %execution, hint, "a rule is paused, as its action fails again and again");
            }
        }
    }

    /// Makes the commit, to its end even if the caller goes away meanwhile, and then calls `then`.
    ///
    /// # Errors
    /// As a commit. Nothing is noted then.
    pub(crate) async fn commit(
        self,
        queue: &Queue,
        expect: Vec<Expect>,
        changes: Vec<Change>,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        let core = queue.core().clone();
        let made = async move {
            core.commit(expect, changes).await?;
            self.made();
            then();
            Ok(())
        };
        queue.core().run_detached(made).await
    }
}

/// What tried does not try any more if its commit was refused: another may.
impl Drop for Noted {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        for (rule, draft) in &self.drafts {
            if let Some(event) = draft.asked {
                queue.breakers().asks_no_more(*rule, event);
            }
        }
    }
}

/// The rule that requested an execution, if that is inside no workflow.
fn origin(execution: &Execution) -> Option<&Origin<RuleId>> {
    execution.context.rule.as_ref().filter(|_| execution.parent.is_none())
}

fn is_failure(execution: &Execution) -> bool {
    use Status::{Abandoned, Failed, Timeout};
    matches!(execution.status, Failed | Timeout | Abandoned) && !outcomes::is_lost(execution)
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

//! The passage of an execution that a scheduler has claimed. Whatever a policy has to remember is stored before the execution
//! starts, so that a crash may use up a start of a rate, but never exceeds the rate.
//!
//! The order: what was run before ends first, then the execution takes its places, and at last its time. It keeps its
//! places while it waits for its time, as those behind it would have to wait for theirs too.

use std::sync::Arc;

use petrel_catalog::content::{ActivePolicy, RegisteredAction};
use petrel_model::parameters::Schema;
use petrel_model::policy::Effect;
use petrel_model::policy::effect::{Dedupe, digest};
use petrel_model::{Execution, ExecutionId, Ref, Status, StatusEvent, Timestamp};
use petrel_persistence::{Change, Expect};
use serde_json::Value;

use super::book::{Book, Pace};
use super::lines::{Asked, Asker, Freed, Need, Standing};
use super::words;
use crate::kind::Kind;
use crate::queue::Queue;
use crate::service::Executions;
use crate::uncommitted::Uncommitted;
use crate::wake::Schedulers;

/// The number of attempts while others become the first with the same values.
const TRIES: usize = 5;

/// An execution with the places that it needs by these policies.
pub(super) async fn asker(
    queue: &Queue,
    kind: Kind,
    execution: &Execution,
    policies: &[ActivePolicy],
) -> Asker {
    let needs = needs(queue, execution, policies);
    // Who needs no place does not wait for those above, either.
    let above = if needs.is_empty() { Vec::new() } else { above(queue, execution).await };
    Asker { id: execution.id, kind, above, needs }
}

fn needs(queue: &Queue, execution: &Execution, policies: &[ActivePolicy]) -> Vec<Need> {
    let values = Values::of(queue, execution);
    let needs = policies.iter().filter_map(|policy| match &policy.effect {
        Effect::Concurrency(limit) => Some(Need {
            key: values.key(&policy.reference, &limit.attributes).into(),
            threshold: limit.threshold,
            otherwise: limit.otherwise,
        }),
        _ => None,
    });
    needs.collect()
}

/// The limits of rates of an execution among these policies, by those for which `counts` holds.
pub(super) fn paces(
    queue: &Queue,
    execution: &Execution,
    policies: &[ActivePolicy],
    counts: impl Fn(&Ref) -> bool,
) -> Vec<Pace> {
    let values = Values::of(queue, execution);
    let paces = policies.iter().filter_map(|policy| match &policy.effect {
        Effect::RateLimit(rate) if counts(&policy.reference) => Some(Pace {
            key: values.key(&policy.reference, &rate.attributes),
            limit: rate.limit,
            per: rate.per,
            otherwise: rate.otherwise,
        }),
        _ => None,
    });
    paces.collect()
}

/// The workflows that an execution is inside of. Its row names the nearest and the top one, and their rows those between.
async fn above(queue: &Queue, execution: &Execution) -> Vec<ExecutionId> {
    let Some(parent) = &execution.parent else { return Vec::new() };
    let mut above = vec![parent.root(), parent.execution];
    let mut nearest = parent.execution;
    for _ in 1..parent.depth {
        match queue.store().execution(nearest).await {
            Ok(Some(Execution { parent: Some(parent), .. })) => nearest = parent.execution,
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(execution.id = %execution.id, %error, "the workflows above an execution cannot be read, so that it may wait for one of them");
                break;
            }
        }
        above.push(nearest);
    }
    above
}

/// The values of an execution's parameters.
struct Values<'a> {
    execution: &'a Execution,
    registered: Option<Arc<RegisteredAction>>,
}

impl<'a> Values<'a> {
    fn of(queue: &Queue, execution: &'a Execution) -> Self {
        let content = queue.catalog().content();
        Self { execution, registered: content.registered(&execution.action).cloned() }
    }

    /// The key of what counts together by a policy. All executions of the action do if there are no `attributes`.
    fn key(&self, policy: &Ref, attributes: &[String]) -> String {
        if attributes.is_empty() { format!("{policy}:") } else { self.exact_key(policy, attributes) }
    }

    /// As [`key`](Self::key), and executions with the same parameters do if there are no `attributes`.
    fn exact_key(&self, policy: &Ref, attributes: &[String]) -> String {
        let default = |name: &str| {
            let schema = Schema::named(&self.registered.as_ref()?.parameters, name)?;
            schema.default().cloned()
        };
        format!("{policy}:{}", digest(attributes, &self.execution.parameters, default))
    }
}

impl Executions {
    /// Whether a claimed execution may start by these policies of its action. If not, it is taken care of.
    pub(crate) async fn passes(&self, kind: Kind, execution: &Execution, policies: &[ActivePolicy]) -> bool {
        // A retry comes after the end.
        if policies.iter().all(|policy| matches!(policy.effect, Effect::Retry(_))) {
            return true;
        }
        let now = self.core().now();
        Passage { executions: self, kind, execution, policies, now, changes: Vec::new() }.decide().await
    }
}

/// An execution on its way through the policies of its action.
struct Passage<'a> {
    executions: &'a Executions,
    kind: Kind,
    execution: &'a Execution,
    policies: &'a [ActivePolicy],
    now: Timestamp,
    /// What has to be stored before it starts.
    changes: Vec<Change>,
}

impl Passage<'_> {
    fn book(&self) -> &Book {
        self.executions.queue().policies()
    }

    async fn decide(mut self) -> bool {
        match self.book().claimed(self.execution.id) {
            Standing::Waits => return false,
            Standing::Passed => return true,
            Standing::Holds => {}
            Standing::Unknown => {
                if let Some((policy, first)) = self.duplicate().await {
                    self.cancel(words::duplicate(&policy, first));
                    return false;
                }
                let asker = asker(self.executions.queue(), self.kind, self.execution, self.policies).await;
                // After a restart it has been told already.
                let is_told = self.execution.status != Status::Delayed || !self.changes.is_empty();
                match self.book().ask(asker, is_told) {
                    Asked::Holds | Asked::Waits if self.has_ended() => return false,
                    Asked::Holds => {}
                    Asked::Waits => {
                        if is_told {
                            self.tell_to_wait();
                        }
                        return false;
                    }
                    Asked::Refused(need) => {
                        let result = words::too_many(&need, &self.execution.action);
                        self.cancel(result);
                        return false;
                    }
                }
            }
        }
        self.in_time()
    }

    /// Whether the execution has been canceled since it was claimed. Then it was told before it was in line, and leaves it.
    fn has_ended(&self) -> bool {
        let (queue, id) = (self.executions.queue(), self.execution.id);
        let has_ended = !queue.store().is_waiting(id);
        if has_ended {
            queue.let_go_on(queue.policies().forget(id));
        }
        has_ended
    }

    /// The execution that has run the same, or is about to, with the policy that says so. Otherwise this one is remembered.
    async fn duplicate(&mut self) -> Option<(Ref, ExecutionId)> {
        let context = &self.execution.context;
        // Somebody wants it again, or a policy does. If the one before has failed, others are the same as this one.
        let is_again = context.rerun.is_some() || context.policies.retry.is_some();
        for policy in self.policies {
            if let Effect::Dedupe(dedupe) = &policy.effect
                && let Some(first) = self.first(&policy.reference, dedupe).await
                && !is_again
            {
                return Some((policy.reference.clone(), first));
            }
        }
        None
    }

    /// The execution before this one by a policy.
    async fn first(&mut self, policy: &Ref, dedupe: &Dedupe) -> Option<ExecutionId> {
        let id = self.execution.id;
        let key = Values::of(self.executions.queue(), self.execution).exact_key(policy, &dedupe.attributes);
        let mut before = self.book().other(&key, id, self.now);
        for _ in 0..TRIES {
            if let Some(first) = before
                && self.counts(first).await
            {
                break;
            }
            if let Some(changes) = self.book().note_first(&key, id, before, self.now, dedupe.window) {
                self.changes.extend(changes);
                return None;
            }
            before = self.book().other(&key, id, self.now);
        }
        before
    }

    /// Whether an execution makes the same superfluous: it has succeeded, or may still do so.
    async fn counts(&self, first: ExecutionId) -> bool {
        match self.executions.store().execution(first).await {
            Ok(Some(first)) => !first.status.is_final() || first.status == Status::Succeeded,
            // Its row may be deleted or damaged, and nothing says that it has failed.
            Ok(None) | Err(_) => true,
        }
    }

    /// Whether its time has come. If so, it may start as soon as that is stored.
    fn in_time(mut self) -> bool {
        let passed = &self.execution.context.policies.passed;
        let is_left = |policy: &Ref| !passed.contains(policy);
        let paces = paces(self.executions.queue(), self.execution, self.policies, is_left);
        let (id, book) = (self.execution.id, self.book().clone());
        match book.take_start(&paces, self.now) {
            Err(pace) => {
                self.executions.queue().let_go_on(book.forget(id));
                let result = words::too_often(pace, &self.execution.action);
                self.cancel(result);
                false
            }
            Ok((at, changes)) => {
                self.changes.extend(changes);
                if at > self.now {
                    self.delay_until(at);
                } else if self.changes.is_empty() {
                    book.pass(id);
                    return true;
                } else {
                    self.store_first();
                }
                false
            }
        }
    }

    /// Tells the execution that it waits. It is in line already.
    fn tell_to_wait(self) {
        let (delayed, kind) = (self.delayed(), self.kind);
        self.change(delayed, move |queue, _id| {
            // Its turn may have come meanwhile, and the commit offers it.
            let mut schedulers = Schedulers::default();
            schedulers.add(kind);
            queue.wake_these(schedulers);
        });
    }

    /// Has the execution wait for its time, which is its own from now on.
    fn delay_until(self, at: Timestamp) {
        let mut delayed = self.delayed();
        if let Some(delayed) = &mut delayed {
            delayed.ready_at = Some(at);
            let limits = self.policies.iter().filter(|policy| matches!(policy.effect, Effect::RateLimit(_)));
            delayed.context.policies.passed = limits.map(|policy| policy.reference.clone()).collect();
        }
        // The store offers it when its time has come.
        self.change(delayed, |_queue, _id| {});
    }

    /// Stores what has to be remembered, and then has the execution offered again, which may start.
    fn store_first(self) {
        let kind = self.kind;
        self.change(None, move |queue, id| {
            queue.policies().pass(id);
            queue.let_go_on(vec![Freed { id, kind, is_claimed: true }]);
        });
    }

    /// The execution as a delayed one.
    fn delayed(&self) -> Option<Execution> {
        let mut delayed = self.execution.clone();
        // Only what waits is claimed, and all of that can be delayed.
        delayed.apply(StatusEvent::Delayed, self.now).ok()?;
        Some(delayed)
    }

    /// Commits the changes, with the execution if it has changed, and does the rest afterwards.
    fn change(self, changed: Option<Execution>, then: impl FnOnce(&Queue, ExecutionId) + Send + 'static) {
        let (queue, id) = (self.executions.queue().clone(), self.execution.id);
        let expect = Expect::ExecutionVersion(id, self.execution.version);
        let mut changes = self.changes;
        changes.extend(changed.map(Change::UpdateExecution));
        let work = async move {
            match queue.commit(vec![expect], changes).await {
                Ok(()) => then(&queue, id),
                Err(error) => {
                    if let Uncommitted::Failed(error) = &error {
                        tracing::error!(execution.id = %id, %error, "failed to store the wait of an execution");
                    }
                    // It asks anew, unless it has ended.
                    queue.let_go_on(queue.policies().forget(id));
                    queue.put_back(id);
                }
            }
        };
        self.executions.core().spawn("execution that policies have wait", work);
    }

    /// Ends the execution with this result.
    fn cancel(self, result: Value) {
        let (executions, mut canceled, mut changes) =
            (self.executions.clone(), self.execution.clone(), self.changes);
        let (id, expect) = (canceled.id, Expect::ExecutionVersion(canceled.id, canceled.version));
        if let Err(illegal) = canceled.apply(StatusEvent::Canceled, self.now) {
            tracing::error!(execution.id = %id, %illegal, "failed to cancel an execution by a policy");
            return;
        }
        canceled.result = Some(Arc::new(result));
        changes.push(Change::UpdateExecution(canceled.clone()));
        let work = async move {
            match executions.commit_outcome(&canceled, vec![expect], changes).await {
                Ok(()) => executions.queue().tell(&canceled),
                // It has ended.
                Err(Uncommitted::Moved) => {}
                Err(Uncommitted::Failed(error)) => {
                    tracing::error!(execution.id = %id, %error, "failed to cancel an execution by a policy");
                    executions.queue().put_back(id);
                }
            }
        };
        self.executions.core().spawn("execution that a policy cancels", work);
    }
}

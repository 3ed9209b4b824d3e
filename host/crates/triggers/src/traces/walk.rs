//! The members of a trace, found by following the rows: an event has its enforcements, these their executions, and those
//! their children; links lead to what came in later, one after the other. So a cause comes before what came of it, up to a
//! number of members.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use petrel_model::trace_link::LinkedTo;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Id, RuleId, Timestamp, TraceId, TriggerInstance,
    TriggerInstanceId,
};
use petrel_persistence::Error as ReadError;

use super::{Begun, Traces};

/// The number of links, and of children of a workflow, that are read at once.
const AT_ONCE: usize = 100;
/// After so many rows other tasks of the worker have a turn.
const IN_A_ROW: usize = 32;

/// A trace with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its beginning.
    pub begun: Begun,
    /// The members, a cause before what came of it.
    pub members: Vec<Member>,
    /// Whether there are more than are here.
    pub is_cut: bool,
    /// The number of members that cannot be read.
    pub unreadable: usize,
}

/// A member of a trace: names, ids, times and a status, and nothing that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The kind of the member, with its id.
    pub kind: MemberKind,
    /// The trigger of an event, the rule of an enforcement, or the action of an execution.
    pub reference: String,
    /// The status.
    pub status: &'static str,
    /// The time of the event, of the enforcement or of the request.
    pub at: Timestamp,
    /// The time of the end, for an execution that has ended.
    pub ended_at: Option<Timestamp>,
    /// The task of its workflow that it is of.
    pub task: Option<Arc<str>>,
    /// The member that led to it.
    pub cause: Option<Cause>,
}

/// The kind of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// An event.
    Event(TriggerInstanceId),
    /// A rule, with its enforcement.
    Rule(RuleId, EnforcementId),
    /// An execution.
    Execution(ExecutionId),
}

/// The member that led to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An event.
    Event(TriggerInstanceId),
    /// A rule, on an event.
    Rule(RuleId, TriggerInstanceId),
    /// An execution.
    Execution(ExecutionId),
}

/// A row to look at.
enum Step {
    Event(TriggerInstanceId),
    Enforcement(EnforcementId),
    Execution(ExecutionId),
    /// The children of an execution after this one.
    Children(ExecutionId, Option<ExecutionId>),
}

impl Traces<'_> {
    /// A trace with up to `most` of its members.
    pub async fn whole(self, begun: Begun, most: usize) -> Result<Trace, ReadError> {
        let first = if begun.is_event {
            Step::Event(TriggerInstanceId(begun.id))
        } else {
            Step::Execution(ExecutionId(begun.id))
        };
        let (trace, found) =
            (begun.trace, Trace { begun, members: Vec::new(), is_cut: false, unreadable: 0 });
        let walk = Walk {
            traces: self,
            trace,
            most,
            found,
            seen: BTreeSet::new(),
            waiting: VecDeque::from([first]),
            linked: VecDeque::new(),
            last_linked: None,
            has_more_links: true,
        };
        walk.end().await
    }
}

struct Walk<'a> {
    traces: Traces<'a>,
    trace: TraceId,
    most: usize,
    found: Trace,
    seen: BTreeSet<Id>,
    /// What rows lead to.
    waiting: VecDeque<Step>,
    /// What links lead to, as far as they were read.
    linked: VecDeque<LinkedTo>,
    last_linked: Option<LinkedTo>,
    has_more_links: bool,
}

impl Walk<'_> {
    async fn end(mut self) -> Result<Trace, ReadError> {
        let mut looked_at = 0_usize;
        while let Some(step) = self.next().await? {
            let done = match step {
                Step::Children(execution, after) => self.follow_children(execution, after).await,
                Step::Event(TriggerInstanceId(id))
                | Step::Enforcement(EnforcementId(id))
                | Step::Execution(ExecutionId(id))
                    if self.seen.contains(&id) =>
                {
                    continue;
                }
                // There is one more than there is room for.
                _ if self.found.members.len() >= self.most => {
                    self.found.is_cut = true;
                    break;
                }
                Step::Event(id) => self.add_event(id).await,
                Step::Enforcement(id) => self.add_enforcement(id).await,
                Step::Execution(id) => self.add_execution(id).await,
            };
            match done {
                Err(ReadError::Damaged { .. } | ReadError::Sealed { .. }) => self.found.unreadable += 1,
                done => done?,
            }
            looked_at += 1;
            if looked_at.is_multiple_of(IN_A_ROW) {
                tokio::task::yield_now().await;
            }
        }
        Ok(self.found)
    }

    /// The next row to look at. Links are followed when everything before them is there.
    async fn next(&mut self) -> Result<Option<Step>, ReadError> {
        if let Some(step) = self.waiting.pop_front() {
            return Ok(Some(step));
        }
        if self.linked.is_empty() && self.has_more_links {
            let links = self.traces.links(self.trace, self.last_linked, AT_ONCE).await?;
            self.has_more_links = links.len() == AT_ONCE;
            self.last_linked = links.last().copied();
            self.linked.extend(links);
        }
        Ok(self.linked.pop_front().map(|linked| match linked {
            LinkedTo::Event(id) => Step::Event(id),
            LinkedTo::Execution(id) => Step::Execution(id),
        }))
    }

    async fn follow_children(
        &mut self,
        execution: ExecutionId,
        after: Option<ExecutionId>,
    ) -> Result<(), ReadError> {
        let children = self.traces.store.children_ids(execution, after, AT_ONCE).await?;
        let more = children.last().copied().filter(|_| children.len() == AT_ONCE);
        self.waiting.extend(children.into_iter().map(Step::Execution));
        self.waiting.extend(more.map(|last| Step::Children(execution, Some(last))));
        Ok(())
    }

    async fn add_event(&mut self, id: TriggerInstanceId) -> Result<(), ReadError> {
        self.seen.insert(id.0);
        let Some(event) = self.traces.store.trigger_instance_head(id).await? else { return Ok(()) };
        self.waiting.extend(event.enforcements.iter().copied().map(Step::Enforcement));
        self.found.members.push(of_event(&event));
        Ok(())
    }

    async fn add_enforcement(&mut self, id: EnforcementId) -> Result<(), ReadError> {
        self.seen.insert(id.0);
        let Some(enforcement) = self.traces.store.enforcement(id).await? else { return Ok(()) };
        self.waiting.extend(enforcement.execution_id.map(Step::Execution));
        self.found.members.push(of_enforcement(&enforcement));
        Ok(())
    }

    async fn add_execution(&mut self, id: ExecutionId) -> Result<(), ReadError> {
        self.seen.insert(id.0);
        let Some(execution) = self.traces.store.execution_head(id).await? else { return Ok(()) };
        self.waiting.push_back(Step::Children(id, None));
        self.found.members.push(of_execution(&execution, self.traces.now));
        Ok(())
    }
}

fn of_event(event: &TriggerInstance) -> Member {
    let reported = event.caused_by.map(Cause::Execution);
    Member {
        kind: MemberKind::Event(event.id),
        reference: event.trigger.to_string(),
        status: event.status.as_str(),
        at: event.occurrence_time,
        ended_at: None,
        task: None,
        cause: reported.or_else(|| event.replay_of.map(Cause::Event)),
    }
}

fn of_enforcement(enforcement: &Enforcement) -> Member {
    Member {
        kind: MemberKind::Rule(enforcement.rule_id, enforcement.id),
        reference: enforcement.rule.to_string(),
        status: enforcement.status.as_str(),
        at: enforcement.enforced_at,
        ended_at: None,
        task: None,
        cause: Some(Cause::Event(enforcement.trigger_instance_id)),
    }
}

fn of_execution(execution: &Execution, now: Timestamp) -> Member {
    let context = &execution.context;
    let before = context.policies.retry.as_ref().map(|retry| retry.retried_liveaction_id);
    let before = before.or_else(|| context.rerun.as_ref().map(|rerun| rerun.execution));
    let above = execution.parent.as_ref().map(|parent| parent.execution);
    let rule = context.rule.as_ref().zip(context.trigger_instance.as_ref());
    Member {
        kind: MemberKind::Execution(execution.id),
        reference: execution.action.to_string(),
        status: execution.shown_status(now).as_str(),
        at: execution.requested_at,
        ended_at: execution.ended_at,
        task: execution.task().map(|parent| Arc::clone(&parent.task)),
        cause: above
            .or(before)
            .map(Cause::Execution)
            .or_else(|| rule.map(|(rule, event)| Cause::Rule(rule.id, event.id))),
    }
}

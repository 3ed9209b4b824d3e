//! The intake of events: checks the payload, finds and evaluates the rules, and commits the event with its
//! enforcements and requested executions at once. Only then is the sender answered. [`consequences`] has what comes of a
//! rule.

mod consequences;

use std::sync::Arc;

use petrel_access::RULE_USER;
use petrel_catalog::content::Content;
use petrel_catalog::validation::Validator;
use petrel_engine_core::evaluation::quick;
use petrel_engine_core::refuse_depth;
use petrel_executions::{self as executions, Stage, spans};
use petrel_model::execution::Account;
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{ExecutionId, Ref, Timestamp, TraceId, TraceLink, TriggerInstance, TriggerInstanceId};
use petrel_persistence::Change;
use petrel_rules::{CompiledRule, Decision, Enforced, Occurrence, enforce_candidates};
use serde_json::Value;
use tracing::Instrument as _;

use crate::correlation::pending::Pending;
use crate::correlation::under_way::Coming;
use crate::failures;
use crate::incoming::Event;
use crate::replay::repetition::{Replay, fires_again};
use crate::service::Triggers;
use petrel_engine_core::Error;

/// A stored event, with the executions that it requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event.
    pub id: TriggerInstanceId,
    /// The requested executions, in the order of the rules.
    pub executions: Vec<ExecutionId>,
    /// Whether it was stored before, when it came with the same key for the first time.
    pub is_repeat: bool,
}

/// An event of a trigger at the moment of its arrival.
pub(crate) struct Arrived {
    id: TriggerInstanceId,
    trigger: Ref,
    kind: Ref,
    event: Event,
    now: Timestamp,
    /// Changes that are committed with it.
    beside: Vec<Change>,
    /// The catalog at that moment, by which everything is decided.
    content: Arc<Content>,
    /// The event that it repeats, and the rule for which.
    replay: Option<Replay>,
    /// The correlation that fires with it.
    fires: Option<Arc<CompiledRule>>,
}

/// What is decided about an event.
pub(crate) struct Decided {
    pub(crate) accepted: Accepted,
    /// The changes that store it.
    pub(crate) changes: Vec<Change>,
    /// The correlations that it counts for. Mostly there are none.
    pub(crate) pending: Vec<Pending>,
}

impl Arrived {
    /// The sender's trace, or the one that begins with the event.
    pub(crate) fn trace(&self) -> TraceId {
        self.event.trace().unwrap_or_else(|| TraceId::from(self.id.0))
    }
}

impl Triggers {
    /// Accepts an event of a webhook.
    ///
    /// # Errors
    /// When no rule listens to the webhook, the payload does not fit the trigger, too much is waiting, or the
    /// host is stopping. Nothing was stored then.
    pub async fn accept_webhook(&self, url: &str, event: impl Into<Event>) -> Result<Accepted, Error> {
        let content = self.content();
        let (reference, trigger) = content.webhook(url)?;
        let (trigger, kind) = (reference.clone(), trigger.kind.clone());
        self.accept(trigger, kind, event.into(), Vec::new(), content).await
    }

    /// Accepts an event of a trigger. The changes `beside` it are committed with it, also if it came before (see
    /// [`Event::taken_once`]).
    pub(crate) async fn accept(
        &self,
        trigger: Ref,
        kind: Ref,
        event: Event,
        beside: Vec<Change>,
        content: Arc<Content>,
    ) -> Result<Accepted, Error> {
        if event.once().is_some() {
            return self.accept_once(trigger, kind, event, beside, content).await;
        }
        self.accept_new(None, (trigger, kind), event, beside, content).await
    }

    /// Accepts an event that did not come before, as far as is known; of a `replay` only one rule is asked.
    ///
    /// # Errors
    /// As [`accept_webhook`](Self::accept_webhook); [`Error::Conflict`] when its key has been stored meanwhile.
    pub(crate) async fn accept_new(
        &self,
        replay: Option<Replay>,
        (trigger, kind): (Ref, Ref),
        event: Event,
        beside: Vec<Change>,
        content: Arc<Content>,
    ) -> Result<Accepted, Error> {
        self.queue().check_room()?;
        refuse_depth("the payload", event.values())?;
        self.refuse_crowded(&kind, (event.trace(), event.depth())).await?;
        let _turn = self.accepting_turn()?;
        let coming = self.held().coming(self.core());
        let fires = match &replay {
            Some(replay) => replay.fires(&trigger, &content),
            None if event.is_repetition() => fires_again(&trigger, event.values(), &content),
            None => None,
        };
        let arrived = Arrived { beside, replay, fires, ..self.arrived(trigger, kind, event, content) };
        let span = spans::accept_event(arrived.id, arrived.trace());
        self.take_in(arrived, coming.as_ref()).instrument(span).await
    }

    /// An event that arrives now.
    pub(crate) fn arrived(&self, trigger: Ref, kind: Ref, event: Event, content: Arc<Content>) -> Arrived {
        let now = self.core().now();
        Arrived {
            id: self.core().mint(now),
            trigger,
            kind,
            event,
            now,
            beside: Vec::new(),
            content,
            replay: None,
            fires: None,
        }
    }

    /// What is decided about the event as which a correlation fires.
    pub(crate) async fn fired(
        &self,
        rule: Arc<CompiledRule>,
        trigger: Ref,
        event: Event,
    ) -> Result<Decided, Error> {
        let arrived = self.arrived(trigger.clone(), trigger, event, self.content());
        self.decided(Arrived { fires: Some(rule), ..arrived }).await
    }

    /// Decides the consequences of an event, and stores them.
    async fn take_in(&self, arrived: Arrived, coming: Option<&Coming>) -> Result<Accepted, Error> {
        let trace = arrived.trace();
        let once = arrived.event.once().cloned();
        let led_to = (arrived.event.trace(), arrived.event.depth());
        let replayed = arrived.replay.as_ref().map(Replay::expectation);
        let expect = once.iter().map(|once| once.expectation()).chain(replayed).collect();
        let now = arrived.now;
        let Decided { mut accepted, mut changes, pending } = self.decided(arrived).await?;
        // The commit takes the changes, so what is needed of them afterwards is taken out first.
        let failed = failures::among(&changes);
        let settled = if pending.is_empty() {
            None
        } else {
            let settled = self.settle(pending, coming).await?;
            settled.add_to(&mut changes);
            accepted.executions.extend(settled.executions_of(accepted.id));
            Some(settled)
        };
        changes.extend(once.map(|once| once.remembered(&accepted, now)));
        let started = self.core().monotonic();
        match settled {
            None => self.queue().commit_new(expect, changes).await?,
            Some(settled) => self.commit_settled(settled, expect, changes).await?,
        }
        self.count_in_trace(led_to);
        executions::stage(Stage::AcceptCommit, self.core().since(started));
        failures::log(self.core(), trace, &failed);
        tracing::debug!(executions = accepted.executions.len(), "the event is accepted");
        Ok(accepted)
    }

    /// The consequences of an event, and the changes that store them.
    pub(crate) async fn decided(&self, arrived: Arrived) -> Result<Decided, Error> {
        if let Some(decided) = quick(|| self.decide(&arrived)) {
            // Its snapshot of the catalog goes with it and is not kept over the commit: a change would have to copy
            // what it shares.
            return decided;
        }
        self.evaluations().check_room()?;
        let triggers = self.clone();
        let decide = move || {
            // It may have waited for its turn, and rules may have changed meanwhile.
            let arrived = Arrived { content: triggers.content(), ..arrived };
            triggers.decide(&arrived)
        };
        self.evaluations().heavy(decide).await?
    }

    /// The rules that match an event or cannot be evaluated, and the schema of the secrets in its payload.
    fn enforced(&self, arrived: &Arrived) -> Result<(Vec<Enforced>, Option<Arc<Value>>), Error> {
        let Arrived { trigger, kind, event, now, content, replay, fires, .. } = arrived;
        // Of a large event only those parts are there that the rules of then read.
        if !event.is_for(|| content.reads(trigger, kind)) {
            return Err(Error::Busy(format!("the rules of {trigger} have changed meanwhile")));
        }
        let mut candidates = content.index().candidates(trigger, event.values());
        if let Some(replay) = replay {
            candidates.retain(|rule| rule.rule().id == replay.letter.rule_id);
        }
        if let Some(rule) = fires {
            if replay.is_some() {
                // Its payload may be another one now.
                check_payload(content.trigger_type(kind)?.payload.as_ref(), kind, &event.unmarked())?;
            }
            // What the host has made fits, and no correlation can listen to it.
            candidates.retain(|listener| listener.grouping().is_none());
            let occurrence = self.occurrence(event.values(), *now, &candidates);
            let mut enforced = enforce_candidates(candidates, &occurrence);
            let matched = Decision::Matched;
            enforced.insert(0, Enforced { rule: Arc::clone(rule), decision: matched, missing: None });
            return Ok((enforced, None));
        }
        let registered = content.trigger_type(kind)?;
        check_payload(registered.payload.as_ref(), kind, &event.unmarked())?;
        let secrets = registered.secrets.clone();
        let occurrence = self.occurrence(event.values(), *now, &candidates).with_secrets(secrets.clone());
        Ok((enforce_candidates(candidates, &occurrence), secrets))
    }

    /// Evaluates the rules of an event, and composes the commit.
    fn decide(&self, arrived: &Arrived) -> Result<Decided, Error> {
        let _span = tracing::debug_span!("decide").entered();
        let (enforced, secrets) = self.enforced(arrived)?;
        // What only counts for a correlation requests nothing; what fires is asked by itself.
        for one in enforced.iter().filter(|one| !matches!(one.decision, Decision::Correlated(_))) {
            self.queue().check_share(Account::Rule(one.rule.rule().reference.as_str()))?;
        }
        let Arrived { id, trigger, kind, event, now, beside, replay, .. } = arrived;
        let mut instance = TriggerInstance {
            id: *id,
            trigger: trigger.clone(),
            trigger_type: kind.clone(),
            occurrence_time: *now,
            payload: event.payload().clone(),
            status: TriggerInstanceStatus::Processed,
            enforcements: Vec::new(),
            trace: event.trace(),
            trace_tag: event.tag(),
            caused_by: event.cause(),
            depth: event.depth(),
            replay_of: replay.as_ref().map(|replay| replay.letter.trigger_instance_id),
        };
        let mut changes = Vec::with_capacity(1 + 2 * enforced.len() + beside.len());
        changes.extend_from_slice(beside);
        let mut accepted = Accepted { id: instance.id, executions: Vec::new(), is_repeat: false };
        let mut pending = Vec::new();
        for one in enforced {
            if let Decision::Correlated(group) = one.decision {
                pending.push(Pending::of(one.rule, group, &instance, secrets.as_deref()));
                continue;
            }
            let (enforcement, execution) = self.follow(arrived, &instance, &one, secrets.as_deref());
            instance.enforcements.push(enforcement.id);
            changes.push(Change::CreateEnforcement(enforcement));
            if let Some(execution) = execution {
                accepted.executions.push(execution.id);
                changes.push(Change::CreateExecution(execution));
            }
        }
        changes.extend(replay.as_ref().and_then(|replay| replay.mark(&instance, !pending.is_empty())));
        changes.extend(TraceLink::of_event(&instance).into_iter().map(Change::put));
        changes.push(Change::CreateTriggerInstance(instance));
        // Parameters that cannot be used end their execution before it begins.
        self.queue().report_ends(&mut changes);
        Ok(Decided { accepted, changes, pending })
    }

    /// The event in the form that the criteria of `rules` see. Most rules do not read the datastore; then it
    /// is not read.
    pub(crate) fn occurrence(
        &self,
        payload: &Arc<Value>,
        at: Timestamp,
        rules: &[Arc<CompiledRule>],
    ) -> Occurrence {
        let asks = rules.iter().any(|rule| rule.reads_datastore());
        let datastore = if asks { self.keys().readable_by(RULE_USER) } else { Arc::default() };
        Occurrence::new(Arc::clone(payload), at, datastore)
    }
}

/// Checks a payload against the schema of its trigger type.
pub(crate) fn check_payload(validator: Option<&Validator>, kind: &Ref, payload: &Value) -> Result<(), Error> {
    let Some(validator) = validator else { return Ok(()) };
    validator.check(payload).map_err(|message| {
        Error::invalid(
            format!("the payload does not fit the trigger {kind}: {message}"),
            "correct what is sent, or the payload_schema of the trigger",
        )
    })
}

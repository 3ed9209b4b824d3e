//! The intake of events: checks the payload, finds and evaluates the rules, and commits the event with its
//! enforcements and requested executions at once. Only then is the sender answered.

use std::sync::Arc;

use petrel_access::RULE_USER;
use petrel_catalog::content::Content;
use petrel_catalog::validation::Validator;
use petrel_engine_core::evaluation::quick;
use petrel_engine_core::refuse_depth;
use petrel_executions::{self as executions, Stage, Templates, spans};
use petrel_model::execution::{Account, Context, Origin};
use petrel_model::rule::EnforcementStatus;
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, Rule, StatusEvent, Timestamp, TraceId,
    TriggerInstance, TriggerInstanceId,
};
use petrel_persistence::Change;
use petrel_rules::{CompiledRule, Decision, Enforced, Occurrence, enforce_candidates, parameters};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::failures;
use crate::incoming::Event;
use crate::service::Triggers;
use petrel_engine_core::Error;

/// A stored event, with the executions that it requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event.
    pub id: TriggerInstanceId,
    /// The requested executions, in the order of the rules.
    pub executions: Vec<ExecutionId>,
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

    /// Accepts an event of a trigger. The changes `beside` it are committed with it.
    pub(crate) async fn accept(
        &self,
        trigger: Ref,
        kind: Ref,
        event: Event,
        beside: Vec<Change>,
        content: Arc<Content>,
    ) -> Result<Accepted, Error> {
        self.queue().check_room()?;
        refuse_depth("the payload", event.values())?;
        let _turn = self.accepting_turn()?;
        let arrived = Arrived { beside, ..self.arrived(trigger, kind, event, content) };
        let span = spans::accept_event(arrived.id, arrived.trace());
        self.take_in(arrived).instrument(span).await
    }

    /// An event that arrives now.
    pub(crate) fn arrived(&self, trigger: Ref, kind: Ref, event: Event, content: Arc<Content>) -> Arrived {
        let now = self.core().now();
        Arrived { id: self.core().mint(now), trigger, kind, event, now, beside: Vec::new(), content }
    }

    /// Decides the consequences of an event, and stores them.
    async fn take_in(&self, arrived: Arrived) -> Result<Accepted, Error> {
        let trace = arrived.trace();
        let (accepted, changes) = self.decided(arrived).await?;
        // The commit takes the changes, so what is needed of them afterwards is taken out first.
        let failed = failures::among(&changes);
        let schedulers = self.queue().schedulers_of(&changes);
        let started = self.core().monotonic();
        self.core().commit(Vec::new(), changes).await?;
        executions::stage(Stage::AcceptCommit, self.core().since(started));
        failures::log(self.core(), trace, &failed);
        tracing::debug!(executions = accepted.executions.len(), "the event is accepted");
        self.queue().wake_these(schedulers);
        Ok(accepted)
    }

    /// The consequences of an event, and the changes that store them.
    pub(crate) async fn decided(&self, arrived: Arrived) -> Result<(Accepted, Vec<Change>), Error> {
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

    /// Evaluates the rules of an event, and composes the commit.
    fn decide(&self, arrived: &Arrived) -> Result<(Accepted, Vec<Change>), Error> {
        let _span = tracing::debug_span!("decide").entered();
        let Arrived { id, trigger, kind, event, now, beside, content } = arrived;
        // Of a large event only those parts are there that the rules of then read.
        if !event.is_for(|| content.reads(trigger, kind)) {
            return Err(Error::Busy(format!("the rules of {trigger} have changed meanwhile")));
        }
        let candidates = content.index().candidates(trigger, event.values());
        let registered = content.trigger_type(kind)?;
        check_payload(registered.payload.as_ref(), kind, event.values())?;
        let secrets = registered.secrets.clone();
        let occurrence = self.occurrence(event.values(), *now, &candidates).with_secrets(secrets.clone());
        let enforced = enforce_candidates(candidates, &occurrence);
        for one in &enforced {
            self.queue().check_share(Account::Rule(one.rule.rule().reference.as_str()))?;
        }
        let mut instance = TriggerInstance {
            id: *id,
            trigger: trigger.clone(),
            trigger_type: kind.clone(),
            occurrence_time: *now,
            payload: event.payload().clone(),
            status: TriggerInstanceStatus::Processed,
            enforcements: Vec::new(),
            trace: event.trace(),
        };
        let mut changes = Vec::with_capacity(1 + 2 * enforced.len() + beside.len());
        changes.extend_from_slice(beside);
        let mut accepted = Accepted { id: instance.id, executions: Vec::new() };
        for one in enforced {
            let (enforcement, execution) = self.follow(arrived, &instance, &one, secrets.as_deref());
            instance.enforcements.push(enforcement.id);
            changes.push(Change::CreateEnforcement(enforcement));
            if let Some(execution) = execution {
                accepted.executions.push(execution.id);
                changes.push(Change::CreateExecution(execution));
            }
        }
        changes.push(Change::CreateTriggerInstance(instance));
        Ok((accepted, changes))
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

    /// The consequences of a rule that matched or could not be evaluated.
    fn follow(
        &self,
        arrived: &Arrived,
        instance: &TriggerInstance,
        enforced: &Enforced,
        secrets: Option<&Value>,
    ) -> (Enforcement, Option<Execution>) {
        let (rule, now) = (enforced.rule.rule(), instance.occurrence_time);
        let (execution, failure_reason) = match &enforced.decision {
            Decision::Unverifiable(reason) => (None, Some(reason.clone())),
            Decision::Matched => self.execution_for(arrived, instance, &enforced.rule, secrets),
        };
        let enforcement = Enforcement {
            id: self.core().mint::<EnforcementId>(now),
            trigger_instance_id: instance.id,
            rule_id: rule.id,
            rule: rule.reference.clone(),
            execution_id: execution.as_ref().map(|execution| execution.id),
            status: match failure_reason {
                None => EnforcementStatus::Succeeded,
                Some(_) => EnforcementStatus::Failed,
            },
            note: self.read_in_vain(arrived, enforced, failure_reason.is_some()),
            failure_reason,
            enforced_at: now,
        };
        (enforcement, execution)
    }

    /// The missing keys of the datastore that a rule has read, in words. A failure's reason names those of
    /// parameters itself.
    fn read_in_vain(&self, arrived: &Arrived, enforced: &Enforced, has_failed: bool) -> Option<String> {
        let registered = arrived.content.registered(&enforced.rule.rule().action.reference);
        let of_parameters = registered.filter(|_| !has_failed).and_then(|registered| {
            let datastore = || self.keys().readable_by(RULE_USER);
            parameters::absent::read_in_vain(enforced.rule.parameters(), &registered.signature, datastore)
        });
        let notes: Vec<_> = enforced.missing.iter().chain(&of_parameters).map(String::as_str).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The execution that a matched rule requests, with its error if there is one. As in StackStorm,
    /// parameters that cannot be rendered or do not fit make a failed execution, which shows up where people
    /// look. The error quotes nothing if a parameter reads a value that `secrets`, a schema of the payload,
    /// declares secret.
    fn execution_for(
        &self,
        arrived: &Arrived,
        instance: &TriggerInstance,
        compiled: &CompiledRule,
        secrets: Option<&Value>,
    ) -> (Option<Execution>, Option<String>) {
        let (rule, now, content) = (compiled.rule(), instance.occurrence_time, &*arrived.content);
        let registered = match executions::runnable(content, &rule.action.reference) {
            Ok(registered) => registered,
            Err(error) => return (None, Some(format!("{error}; {}", error.hint()))),
        };
        let context = context(instance, rule);
        let given = compiled.parameters();
        let templates = Templates { keys: self.keys(), content, registered: &registered, given };
        // Asked only after an error.
        let hides = |parameter: Option<&str>| {
            let (given, signature) = (compiled.parameters(), &registered.signature);
            let hides_event = secrets.is_some_and(|schema| match parameter {
                Some(one) => parameters::reads_secret(one, "trigger", given, signature, schema),
                None => parameters::read_secret("trigger", given, signature, schema),
            });
            hides_event || templates.hide_value(parameter)
        };
        let told = |error: parameters::Error| {
            let (given, signature) = (compiled.parameters(), &registered.signature);
            let quotes_event = secrets.is_some_and(|schema| {
                parameters::may_quote_secret(&error, "trigger", given, signature, schema)
            });
            let is_hidden = quotes_event || templates.may_quote_configuration(&error);
            if is_hidden { error.hidden() } else { error }.to_string()
        };
        let made = executions::refuse_overrides(&registered, &rule.action.parameters)
            .map_err(|error| error.to_string())
            .and_then(|()| {
                let scope = templates.scope(&context.user, || context.shown_late());
                let payload = Arc::clone(arrived.event.values());
                let scope = scope.map(|scope| scope.with("trigger", payload));
                scope
                    .and_then(|scope| parameters::live(templates.given, &registered.signature, &scope))
                    .map_err(told)
            })
            .and_then(|given| match executions::checked(&registered, &given, hides) {
                Ok(()) => Ok(given),
                Err(error) => Err(error.to_string()),
            });
        let (parameters, wrong) = match made {
            Ok(given) => (given, None),
            Err(reason) => (rule.action.parameters.clone(), Some(reason)),
        };
        let secret_places = templates.secret_places(&parameters, secrets, &[]);
        let context = Context { secret_places, ..context };
        let mut execution =
            executions::new_execution(self.core().mint(now), &registered, parameters, context, now);
        let reason = wrong.map(|reason| fail(&mut execution, rule, instance, &reason));
        (Some(execution), reason)
    }
}

/// Fails an execution whose parameters cannot be used, and returns the reason.
fn fail(execution: &mut Execution, rule: &Rule, instance: &TriggerInstance, reason: &str) -> String {
    let reason = format!("the parameters of rule {} cannot be used: {reason}", rule.reference);
    execution.result = Some(Arc::new(json!({
        "error": reason,
        "code": "parameters",
        "hint": format!("correct action.parameters of the rule; `petrel trigger why {}` shows what it saw", instance.id),
    })));
    // A requested execution may fail at once; see the table of statuses.
    let _ = execution.apply(StatusEvent::Failed, instance.occurrence_time);
    reason
}

fn context(instance: &TriggerInstance, rule: &Rule) -> Context {
    Context {
        user: RULE_USER.into(),
        pack: rule.action.reference.pack().to_owned(),
        trigger_instance: Some(Origin { id: instance.id, name: instance.trigger.to_string() }),
        rule: Some(Origin { id: rule.id, name: rule.reference.to_string() }),
        trace: instance.trace,
        ..Context::default()
    }
}

fn check_payload(validator: Option<&Validator>, kind: &Ref, payload: &Value) -> Result<(), Error> {
    let Some(validator) = validator else { return Ok(()) };
    validator.check(payload).map_err(|message| {
        Error::invalid(
            format!("the payload does not fit the trigger {kind}: {message}"),
            "correct what is sent, or the payload_schema of the trigger",
        )
    })
}

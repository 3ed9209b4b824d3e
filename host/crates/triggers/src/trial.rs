//! Trials: what a rule would do on an event, be it a stored or a made-up one. Nothing is stored, and nothing is run.

use std::sync::Arc;

use petrel_access::RULE_USER;
use petrel_catalog::content::Content;
use petrel_engine_core::evaluation::quick;
use petrel_engine_core::{Error, refuse_depth};
use petrel_executions::{self as executions, Opened};
use petrel_model::execution::{Context, Origin};
use petrel_model::rule::RuleKind;
use petrel_model::secrets::{masked, masked_at};
use petrel_model::trigger::WEBHOOK;
use petrel_model::{Object, Ref, Rule, Timestamp, TriggerInstance, TriggerInstanceId};
use petrel_rules::parameters::absent::read_in_vain;
use petrel_rules::{CompiledRule, Occurrence, evaluate};
use serde_json::Value;

use crate::correlation::tried::{alone, heard, note};
use crate::dispatcher::check_payload;
use crate::explanation::{CriterionExplanation, Shown, behind, explain};
use crate::incoming::SMALL;
use crate::intake::Claim;
use crate::maintenance;
use crate::rendering::{Rendering, with_names};
use crate::service::Triggers;

/// The event on which a rule is tried.
#[derive(Debug, Clone)]
pub enum TriedEvent {
    /// One that came in.
    Stored(TriggerInstance),
    /// The payload of one that might come in, as rules see it by the name `trigger`.
    Payload(Arc<Value>),
}

/// What a rule would do on an event.
#[derive(Debug)]
pub struct Trial {
    /// The rule.
    pub rule: Ref,
    /// Whether it matches.
    pub matched: bool,
    /// The reason, in one line.
    pub verdict: String,
    /// Every criterion in order, also behind the first that does not hold.
    pub criteria: Vec<CriterionExplanation>,
    /// The action that it runs.
    pub action: Ref,
    /// The rendered parameters, if the rule matches and they can be used.
    pub parameters: Option<Object>,
    /// The reason why nothing would be run, or the execution would fail at once, although the rule matches.
    pub failure_reason: Option<String>,
    /// Remarks, each with its remedy.
    pub notes: Vec<String>,
}

/// The values of a tried event.
struct Tried {
    id: TriggerInstanceId,
    trigger: Ref,
    kind: Ref,
    at: Timestamp,
    values: Arc<Value>,
    /// Whether all of the values are there.
    is_whole: bool,
    _claim: Option<Claim>,
}

impl Triggers {
    /// The rule `name` (a reference or an id), compiled.
    ///
    /// # Errors
    /// When there is none.
    pub fn compiled_rule(&self, name: &str) -> Result<Arc<CompiledRule>, Error> {
        let content = self.content();
        let rule = content.rule(name)?;
        let known = content.index().get(rule.id).map(Arc::clone);
        Ok(known.unwrap_or_else(|| Arc::new(CompiledRule::new(Arc::clone(rule)))))
    }

    /// Tries `rule`, which need not be stored or enabled, on an event, with the present datastore. With `hides_secrets`
    /// no value is quoted that the trigger type or the action declares secret.
    ///
    /// # Errors
    /// When the payload does not fit the trigger, many wait for long evaluations, there is no memory for the values of
    /// the event, or the host stops.
    pub async fn try_rule(
        &self,
        rule: Arc<CompiledRule>,
        event: TriedEvent,
        hides_secrets: bool,
    ) -> Result<Trial, Error> {
        let is_small = match &event {
            TriedEvent::Stored(instance) => instance.payload.text().len() <= SMALL,
            TriedEvent::Payload(values) => {
                refuse_depth("the payload", values)?;
                true
            }
        };
        if is_small && let Some(tried) = quick(|| self.try_now(&rule, &event, hides_secrets)) {
            return tried;
        }
        self.evaluations().check_room()?;
        let triggers = self.clone();
        self.evaluations().heavy(move || triggers.try_now(&rule, &event, hides_secrets)).await?
    }

    fn try_now(
        &self,
        compiled: &Arc<CompiledRule>,
        event: &TriedEvent,
        hides_secrets: bool,
    ) -> Result<Trial, Error> {
        let (content, rule) = (self.content(), compiled.rule());
        let tried = self.tried(compiled, event, &content)?;
        let mut notes = Vec::new();
        if !rule.enabled {
            notes.push(format!(
                "it is disabled, and tried as if it were not: `petrel rule enable {}` enables it",
                rule.reference
            ));
        }
        let now = self.core().now();
        notes.extend(content.window_of(rule, now).map(|window| maintenance::lasting(window)));
        notes.extend(self.queue().paused_by_breaker(rule, now));
        if tried.kind.as_str() == WEBHOOK && tried.values.get("body").is_none() {
            notes.push(
                "the payload has no body: of a webhook it is {\"body\": …}, with what is posted below `body`"
                    .into(),
            );
        }
        let secrets = content.payload_secrets(&tried.kind);
        let others = others(compiled, &tried, &content);
        let all: Vec<_> = others.iter().chain([compiled]).chain(compiled.parts()).cloned().collect();
        let occurrence = self.occurrence(&tried.values, tried.at, &all);
        let enabled = if rule.enabled { Arc::clone(compiled) } else { enabled(rule) };
        let enabled = heard(&enabled, &tried.trigger, &occurrence);
        let (marks, hidden) = (secrets.as_deref(), secrets.as_deref().filter(|_| hides_secrets));
        let shown = Shown { is_whole: tried.is_whole, compares_keys: true, marks, secrets: hidden };
        let explained = explain(&enabled, &occurrence, &shown);
        let mut trial = Trial {
            rule: rule.reference.clone(),
            matched: explained.matched,
            verdict: explained.verdict,
            criteria: explained.criteria,
            action: rule.action.reference.clone(),
            parameters: None,
            failure_reason: None,
            notes,
        };
        if let Some(verdict) = unheard(&enabled, &tried, &others, &occurrence).filter(|_| trial.matched) {
            (trial.matched, trial.verdict) = (false, verdict);
        }
        match (trial.matched, enabled.grouping()) {
            (false, _) => {}
            (true, None) => {
                self.render(&mut trial, compiled, &tried, &content, (secrets.as_deref(), hides_secrets));
            }
            (true, Some(grouping)) => match grouping.key(&occurrence, secrets.as_deref()) {
                Ok(key) => {
                    trial.notes.extend(rule.correlation().map(|found| note(found, grouping.part, &key)));
                    let event = (&*tried.values, secrets.as_deref());
                    if let Some(payload) = alone(&enabled, &key, (tried.id, tried.at), event) {
                        let fired = Tried { values: Arc::new(payload), ..tried };
                        self.render(&mut trial, compiled, &fired, &content, (None, hides_secrets));
                    }
                }
                Err(reason) => {
                    trial.failure_reason = Some(with_names(reason, &tried.values, tried.is_whole, marks));
                }
            },
        }
        Ok(trial)
    }

    /// The values of the event that the rule reads.
    fn tried(&self, compiled: &CompiledRule, event: &TriedEvent, content: &Content) -> Result<Tried, Error> {
        let (rule, now) = (compiled.rule(), self.core().now());
        match event {
            TriedEvent::Payload(values) => {
                let kind = &rule.trigger.kind;
                check_payload(content.trigger_type(kind)?.payload.as_ref(), kind, values)?;
                let (values, kind) = (Arc::clone(values), kind.clone());
                let trigger = compiled.trigger().clone();
                let id = self.core().mint(now);
                Ok(Tried { id, trigger, kind, at: now, values, is_whole: true, _claim: None })
            }
            TriedEvent::Stored(instance) => {
                let (values, claim) = self.values_of(&instance.payload, |reads| {
                    // Backstops ask whether others match.
                    content.add_reads(compiled.trigger(), reads);
                    compiled.add_reads(reads);
                    compiled.parts().iter().for_each(|part| part.add_reads(reads));
                    if let Some(registered) = content.registered(&rule.action.reference) {
                        registered.signature.add_reads(reads);
                    }
                })?;
                Ok(Tried {
                    id: instance.id,
                    trigger: instance.trigger.clone(),
                    kind: instance.trigger_type.clone(),
                    at: instance.occurrence_time,
                    values: Arc::new(values),
                    is_whole: instance.payload.text().len() <= SMALL,
                    _claim: Some(claim),
                })
            }
        }
    }

    /// Adds what the rule, which matches, would run.
    fn render(
        &self,
        trial: &mut Trial,
        compiled: &CompiledRule,
        tried: &Tried,
        content: &Content,
        (secrets, hides_secrets): (Option<&Value>, bool),
    ) {
        let rule = compiled.rule();
        let registered = match executions::runnable(content, &rule.action.reference) {
            Ok(registered) => registered,
            Err(error) => {
                trial.failure_reason = Some(format!("{error}; {}", error.hint()));
                return;
            }
        };
        let (keys, event) = (self.keys(), &tried.values);
        let opened = Opened::default();
        let rendering =
            Rendering { keys, content, registered: &registered, rule: compiled, event, secrets, opened };
        match rendering.made(&context(rule, tried)) {
            Ok(made) if hides_secrets => {
                let shown = masked(&made, Some(&registered.parameters));
                trial.parameters = Some(masked_at(&shown, &rendering.secret_places(&made)));
            }
            Ok(made) => trial.parameters = Some(made),
            Err(reason) => {
                let reason = with_names(reason, event, tried.is_whole, secrets);
                trial.failure_reason = Some(format!("the parameters cannot be used: {reason}"));
                return;
            }
        }
        let datastore = || self.keys().readable_by(RULE_USER);
        trial.notes.extend(read_in_vain(compiled.parameters(), &registered.signature, datastore));
    }
}

/// A rule as it is once it is enabled.
fn enabled(rule: &Rule) -> Arc<CompiledRule> {
    Arc::new(CompiledRule::new(Arc::new(Rule { enabled: true, ..rule.clone() })))
}

/// The verdict on a rule whose criteria hold, and which is not asked even so.
fn unheard(
    compiled: &CompiledRule,
    tried: &Tried,
    others: &[Arc<CompiledRule>],
    occurrence: &Occurrence,
) -> Option<String> {
    if tried.trigger != *compiled.trigger() {
        let (of, to) = (&tried.trigger, compiled.trigger());
        return Some(format!("does not match: the event is one of {of}, and the rule listens to {to}"));
    }
    let other = others.iter().find(|other| evaluate(other, occurrence).matched)?;
    Some(behind(&other.rule().reference))
}

/// The context of the execution that the rule would request.
fn context(rule: &Rule, tried: &Tried) -> Context {
    Context {
        user: RULE_USER.into(),
        pack: rule.action.reference.pack().to_owned(),
        trigger_instance: Some(Origin { id: tried.id, name: tried.trigger.to_string() }),
        rule: Some(Origin { id: rule.id, name: rule.reference.to_string() }),
        ..Context::default()
    }
}

/// The rules before which a backstop stands back if they match; of any other rule none.
fn others(compiled: &CompiledRule, tried: &Tried, content: &Content) -> Vec<Arc<CompiledRule>> {
    let rule = compiled.rule();
    if rule.kind != RuleKind::Backstop {
        return Vec::new();
    }
    let mut others = content.index().candidates(compiled.trigger(), &tried.values);
    others
        .retain(|other| other.rule().kind != RuleKind::Backstop && other.rule().reference != rule.reference);
    others
}

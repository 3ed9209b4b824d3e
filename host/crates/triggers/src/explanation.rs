//! Why a rule did or did not match: evaluates the rules of a stored event again, and says criterion by
//! criterion what was compared with what. Nothing about a rule that did not match is ever stored; of one that did it is
//! stored what came of it: [`aftermath`] tells that.

mod aftermath;

use std::sync::Arc;

use petrel_engine_core::evaluation::quick;
use petrel_model::rule::RuleKind;
use petrel_model::{Ref, RuleId, TriggerInstance};
use petrel_rules::{CompiledRule, Occurrence, Outcome, evaluate_all};
use serde_json::Value;

use crate::incoming::SMALL;
use crate::service::Triggers;
use petrel_engine_core::Error;

/// What one rule makes of an event.
#[derive(Debug)]
pub struct Explanation {
    /// The rule.
    pub rule: Ref,
    id: RuleId,
    is_backstop: bool,
    reads_datastore: bool,
    /// What an enforcement says of the first criterion that does not hold.
    reason: Option<String>,
    /// Whether it matches.
    pub matched: bool,
    /// Why, in one line.
    pub verdict: String,
    /// What came of it then, in one line: the execution and how it stands, or why there is none.
    pub came_of_it: String,
    /// Why it failed to come to anything, if it did.
    pub failure_reason: Option<String>,
    /// Every criterion in order, also behind the first that does not hold.
    pub criteria: Vec<CriterionExplanation>,
}

/// What one criterion makes of an event.
#[derive(Debug)]
pub struct CriterionExplanation {
    /// Its key in the rule.
    pub path: String,
    /// Its operator.
    pub operator: String,
    /// What it compared with.
    pub pattern: Value,
    /// What was found in the payload.
    pub value: Value,
    /// Whether it holds.
    pub holds: bool,
    /// The same in one line, with what to write instead where it looks like a slip.
    pub text: String,
}

impl Triggers {
    /// What every rule that listens to the event's trigger now makes of it, and what came of it then. The rules, and the
    /// datastore, are those of now, not those of then. With `hides_secrets` nothing is quoted that the trigger type or the action calls secret.
    ///
    /// # Errors
    /// When too much waits to be evaluated, there is no room for what the rules read of the event, the store fails, or the
    /// host stops.
    pub async fn explain(
        &self,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<Vec<Explanation>, Error> {
        let mut explanations = self.explain_verdicts(instance, hides_secrets).await?;
        self.tell_what_came_of_it(&mut explanations, instance, hides_secrets).await?;
        Ok(explanations)
    }

    async fn explain_verdicts(
        &self,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<Vec<Explanation>, Error> {
        // To read a large event takes a while in itself.
        if instance.payload.text().len() <= SMALL
            && let Some(explanations) = quick(|| self.explain_now(instance, hides_secrets))
        {
            return explanations;
        }
        self.evaluations().check_room()?;
        // What it takes to read the event is not counted as time of its rules.
        let (triggers, event) = (self.clone(), instance.clone());
        let (payload, claim) = self
            .evaluations()
            .heavy_and_exact(move || triggers.stored_values(&event.trigger, &event.payload))
            .await??;
        let (triggers, event) = (self.clone(), instance.clone());
        self.evaluations()
            .heavy(move || {
                let _claim = claim;
                triggers.explain_read(&event, payload, hides_secrets)
            })
            .await
    }

    fn explain_now(
        &self,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<Vec<Explanation>, Error> {
        let (payload, _claim) = self.stored_values(&instance.trigger, &instance.payload)?;
        Ok(self.explain_read(instance, payload, hides_secrets))
    }

    /// As [`Self::explain`] has it, of what the rules read of the event.
    fn explain_read(
        &self,
        instance: &TriggerInstance,
        payload: Value,
        hides_secrets: bool,
    ) -> Vec<Explanation> {
        // What is registered is not held while they are evaluated.
        let (mut rules, secrets): (Vec<_>, _) = {
            let content = self.content();
            let secrets = if hides_secrets { content.payload_secrets(&instance.trigger_type) } else { None };
            (content.index().of(&instance.trigger).cloned().collect(), secrets)
        };
        rules.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        let occurrence = self.occurrence(&Arc::new(payload), instance.occurrence_time, &rules);
        // Of a large event only what the rules read is there, which says nothing about the names beside that.
        let is_whole = instance.payload.text().len() <= SMALL;
        rules.iter().map(|rule| explain(rule, &occurrence, is_whole, secrets.as_deref())).collect()
    }
}

fn explain(
    compiled: &CompiledRule,
    occurrence: &Occurrence,
    is_whole: bool,
    secrets: Option<&Value>,
) -> Explanation {
    let rule = compiled.rule();
    let mut verdict = evaluate_all(compiled, occurrence).without_secrets(compiled, secrets);
    let reason = verdict.first_without_success().map(ToString::to_string);
    if is_whole {
        verdict = verdict.with_near_names(compiled, occurrence.payload());
    }
    let criteria = verdict.criteria.iter().map(|criterion| CriterionExplanation {
        path: criterion.path.to_owned(),
        operator: criterion.operator.to_owned(),
        pattern: criterion.pattern.clone().into_owned(),
        value: criterion.value.clone().into_owned(),
        holds: criterion.outcome == Outcome::Holds,
        text: if criterion.reads_datastore {
            format!("{criterion} (the datastore is that of now)")
        } else {
            criterion.to_string()
        },
    });
    let criteria: Vec<_> = criteria.collect();
    let why = criteria
        .iter()
        .find(|criterion| !criterion.holds)
        .map_or_else(|| verdict.to_string(), |criterion| criterion.text.clone());
    let word = match (rule.enabled, verdict.matched) {
        (false, _) => "does not match: it is disabled".to_owned(),
        (true, true) => format!("matches: {why}"),
        (true, false) => format!("does not match: {why}"),
    };
    Explanation {
        rule: rule.reference.clone(),
        id: rule.id,
        is_backstop: rule.kind == RuleKind::Backstop,
        reads_datastore: compiled.reads_datastore(),
        reason,
        came_of_it: String::new(),
        failure_reason: None,
        matched: verdict.matched && rule.enabled,
        verdict: word,
        criteria,
    }
}

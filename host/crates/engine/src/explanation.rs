//! Why a rule did or did not match: evaluates the rules of a stored event again, and says criterion by
//! criterion what was compared with what. Nothing about a rule that did not match is ever stored; of one that did it is
//! stored what came of it, and that is said when it was nothing.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, Ref, RuleId, TriggerInstance};
use petrel_persistence as persistence;
use petrel_rules::{CompiledRule, Occurrence, Outcome, evaluate};
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::evaluation::quick;
use crate::incoming::SMALL;
use crate::service::Engine;

/// What one rule makes of an event.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The rule.
    pub rule: Ref,
    #[serde(skip)]
    id: RuleId,
    /// Whether it matches.
    pub matched: bool,
    /// Why, in one line; and why nothing came of it when it was taken up and that failed.
    pub verdict: String,
    /// Why nothing came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// The criteria in order, up to the first that does not hold.
    pub criteria: Vec<CriterionExplanation>,
}

/// What one criterion makes of an event.
#[derive(Debug, Serialize)]
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
    /// The same in one line.
    pub text: String,
}

impl Engine {
    /// What every rule that listens to the event's trigger now makes of it. The rules are those of now,
    /// not those of then. With `hides_secrets` nothing is quoted that the trigger type calls secret.
    ///
    /// # Errors
    /// When too much waits to be evaluated, there is no room for what the rules read of the event, or the host stops.
    pub async fn explain(
        &self,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<Vec<Explanation>, Error> {
        let mut explanations = self.explain_verdicts(instance, hides_secrets).await?;
        let failed = self.failed_enforcements(instance).await?;
        for explanation in &mut explanations {
            if let Some(enforcement) = failed.get(&explanation.id) {
                explanation.say_that_nothing_came_of_it(enforcement);
            }
        }
        Ok(explanations)
    }

    /// The enforcements of an event that have failed, by rule, as far as they can be read.
    async fn failed_enforcements(
        &self,
        instance: &TriggerInstance,
    ) -> Result<HashMap<RuleId, Enforcement>, Error> {
        let mut failed = HashMap::new();
        for id in &instance.enforcements {
            let enforcement = match self.store().enforcement(*id).await {
                Err(persistence::Error::Damaged { .. }) => None,
                found => found?,
            };
            if let Some(enforcement) = enforcement.filter(|one| one.status == EnforcementStatus::Failed) {
                failed.insert(enforcement.rule_id, enforcement);
            }
        }
        Ok(failed)
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
        self.check_evaluations()?;
        let (engine, instance) = (self.clone(), instance.clone());
        self.heavy(move || engine.explain_now(&instance, hides_secrets)).await?
    }

    fn explain_now(
        &self,
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<Vec<Explanation>, Error> {
        let (payload, _claim) = self.stored_values(&instance.trigger, &instance.payload)?;
        // What is registered is not held while they are evaluated.
        let (mut rules, secrets): (Vec<_>, _) = {
            let content = self.content();
            let secrets = if hides_secrets { content.payload_secrets(&instance.trigger_type) } else { None };
            (content.index().of(&instance.trigger).cloned().collect(), secrets)
        };
        rules.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        let occurrence = self.occurrence(&Arc::new(payload), instance.occurrence_time, &rules);
        Ok(rules.iter().map(|rule| explain(rule, &occurrence, secrets.as_deref())).collect())
    }
}

impl Explanation {
    /// What is evaluated now says whether a rule matches; what was stored, that it led to nothing.
    fn say_that_nothing_came_of_it(&mut self, enforcement: &Enforcement) {
        let reason = enforcement.failure_reason.as_deref().unwrap_or("the reason was not kept");
        let what = enforcement.execution_id.map_or_else(
            || "no execution came of it".to_owned(),
            |id| format!("its execution {id} failed before it began"),
        );
        let when = if self.matched { "but" } else { "when it came in" };
        self.verdict = format!("{}; {when} {what}: {reason}", self.verdict);
        self.failure_reason = Some(reason.to_owned());
    }
}

fn explain(compiled: &CompiledRule, occurrence: &Occurrence, secrets: Option<&Value>) -> Explanation {
    let rule = compiled.rule();
    let verdict = evaluate(compiled, occurrence).without_secrets(compiled, secrets);
    let criteria = verdict.criteria.iter().map(|criterion| CriterionExplanation {
        path: criterion.path.to_owned(),
        operator: criterion.operator.to_owned(),
        pattern: criterion.pattern.clone().into_owned(),
        value: criterion.value.clone().into_owned(),
        holds: criterion.outcome == Outcome::Holds,
        text: criterion.to_string(),
    });
    let word = match (rule.enabled, verdict.matched) {
        (false, _) => "does not match: it is disabled".to_owned(),
        (true, true) => format!("matches: {verdict}"),
        (true, false) => format!("does not match: {verdict}"),
    };
    Explanation {
        rule: rule.reference.clone(),
        id: rule.id,
        failure_reason: None,
        matched: verdict.matched && rule.enabled,
        verdict: word,
        criteria: criteria.collect(),
    }
}

//! Why a rule did or did not match: evaluates the rules of a stored event again, and says criterion by
//! criterion what was compared with what. Nothing about a rule that did not match is ever stored.

use std::sync::Arc;

use petrel_expressions::Datastore;
use petrel_model::{Ref, TriggerInstance};
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
    /// Whether it matches.
    pub matched: bool,
    /// Why, in one line.
    pub verdict: String,
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
        let occurrence =
            Occurrence::new(Arc::new(payload), instance.occurrence_time, Arc::new(Datastore::default()));
        let content = self.content();
        let secrets = if hides_secrets { content.payload_secrets(&instance.trigger_type) } else { None };
        let mut rules: Vec<_> = content.index().of(&instance.trigger).collect();
        rules.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        Ok(rules.into_iter().map(|rule| explain(rule, &occurrence, secrets.as_deref())).collect())
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
        matched: verdict.matched && rule.enabled,
        verdict: word,
        criteria: criteria.collect(),
    }
}

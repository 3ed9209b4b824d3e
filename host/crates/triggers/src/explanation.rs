//! Explanations of why rules did or did not match: evaluates the rules of a stored event again, and reports
//! each comparison. Nothing is ever stored of a rule that did not match; for one that did, [`aftermath`]
//! reports the stored consequences.

mod aftermath;

use std::collections::HashMap;
use std::sync::Arc;

use petrel_access::RULE_USER;
use petrel_catalog::content::Content;
use petrel_engine_core::evaluation::quick;
use petrel_expressions::KeyName;
use petrel_model::correlation::CORRELATION;
use petrel_model::quoted::quoted;
use petrel_model::rule::RuleKind;
use petrel_model::{Ref, RuleId, TriggerInstance};
use petrel_rules::parameters::absent::absent_keys;
use petrel_rules::{CompiledRule, Occurrence, Outcome, evaluate_all};
use serde_json::Value;

use crate::incoming::{MARK, SMALL};
use crate::service::Triggers;
use petrel_engine_core::Error;

/// Largest number of rules whose missing keys are compared with the existing ones. Nothing charges for that.
const MOST_MEANT: usize = 5;

/// The explanation of one rule's verdict on an event.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them go together")]
pub struct Explanation {
    /// The rule.
    pub rule: Ref,
    id: RuleId,
    is_backstop: bool,
    /// Whether it is a backstop whose criteria hold, and another rule matches.
    is_behind: bool,
    /// Whether it is a correlation, for which the event may count.
    correlates: bool,
    reads_datastore: bool,
    /// The keys of the datastore that are likely meant by missing ones that its parameters read, as a question.
    meant_keys: Option<String>,
    /// The values of the event, if all of them are there and none is hidden, for the near names of what a parameter reads.
    event: Option<Arc<Value>>,
    /// The reason in an enforcement for the first criterion that does not hold.
    reason: Option<String>,
    /// Whether the rule matches now.
    pub matched: bool,
    /// The reason, in one line.
    pub verdict: String,
    /// The consequences at that time, in one line: the execution with its status, or the reason why there is
    /// none.
    pub came_of_it: String,
    /// The reason why the rule led to no execution, if it matched.
    pub failure_reason: Option<String>,
    /// Every criterion in order, also behind the first that does not hold.
    pub criteria: Vec<CriterionExplanation>,
}

/// The explanation of one criterion.
#[derive(Debug)]
pub struct CriterionExplanation {
    /// The key of the criterion in the rule.
    pub path: String,
    /// Its operator.
    pub operator: String,
    /// The pattern of the rule.
    pub pattern: Value,
    /// The value in the payload.
    pub value: Value,
    /// Whether it holds.
    pub holds: bool,
    /// The whole in one line, with a correction of what looks like a slip.
    pub text: String,
}

impl Triggers {
    /// The verdicts of the rules that listen to the event's trigger, and their consequences at that time.
    /// Rules and datastore are the present ones. With `hides_secrets` no value is quoted that the trigger
    /// type or the action declares secret.
    ///
    /// # Errors
    /// When many wait for long evaluations, there is no memory for the parts of the event, the store fails,
    /// or the host stops.
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
        // Reading a large event takes long by itself.
        if instance.payload.text().len() <= SMALL
            && let Some(explanations) = quick(|| self.explain_now(instance, hides_secrets))
        {
            return explanations;
        }
        self.evaluations().check_room()?;
        // The time of reading the event does not count for its rules.
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

    /// The rest of [`Self::explain`], on the parts of the event that the rules read.
    fn explain_read(
        &self,
        instance: &TriggerInstance,
        payload: Value,
        hides_secrets: bool,
    ) -> Vec<Explanation> {
        // The lock of the catalog is not held while rules are evaluated.
        let (mut rules, marks, meant): (Vec<_>, _, HashMap<_, _>) = {
            let content = self.content();
            let marks = content.payload_secrets(&instance.trigger_type);
            let rules: Vec<_> = content.index().of(&instance.trigger).cloned().collect();
            let missing = rules.iter().filter_map(|rule| self.missing_keys(rule, &content)).take(MOST_MEANT);
            let datastore = self.keys().readable_by(RULE_USER);
            let meant = missing.filter_map(|(rule, keys)| Some((rule, datastore.meant(&keys)?))).collect();
            (rules, marks, meant)
        };
        let secrets = if hides_secrets { marks.as_deref() } else { None };
        rules.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        let occurrence = self.occurrence(&Arc::new(payload), instance.occurrence_time, &rules);
        // Of a large event only the parts that the rules read are there, so nothing can be said about other
        // names.
        let is_whole = instance.payload.text().len() <= SMALL;
        let event = (is_whole && secrets.is_none()).then(|| Arc::clone(occurrence.payload()));
        let reading = rules.iter().filter(|rule| rule.reads_datastore()).take(MOST_MEANT);
        let compared: Vec<_> = reading.map(|rule| rule.rule().id).collect();
        let told = rules.iter().map(|rule| {
            let id = &rule.rule().id;
            let meant_keys = meant.get(id).cloned();
            let compares_keys = compared.contains(id);
            let shown = Shown { is_whole, compares_keys, marks: marks.as_deref(), secrets };
            Explanation { meant_keys, event: event.clone(), ..explain(rule, &occurrence, &shown) }
        });
        let mut told: Vec<Explanation> = told.collect();
        if instance.trigger.as_str() == CORRELATION {
            told.extend(self.fired_by(&occurrence));
        }
        hold_back(&mut told);
        told
    }

    /// The explanation for the correlation that has fired with this event, if it is still there.
    fn fired_by(&self, occurrence: &Occurrence) -> Option<Explanation> {
        let content = self.content();
        // Nothing fires with one that is sent once more: only who listens to it is asked.
        let payload = Some(occurrence.payload()).filter(|payload| payload.get(MARK).is_none())?;
        let rule = content.rule(payload.get("rule")?.as_str()?).ok()?;
        let kind = rule.correlation()?.kind;
        Some(Explanation {
            rule: rule.reference.clone(),
            id: rule.id,
            is_backstop: false,
            is_behind: false,
            correlates: true,
            reads_datastore: false,
            meant_keys: None,
            event: None,
            reason: None,
            came_of_it: String::new(),
            failure_reason: None,
            matched: true,
            verdict: format!(
                "fires with this event: what its correlation `{}` waits for has come",
                kind.as_str()
            ),
            criteria: Vec::new(),
        })
    }

    /// The missing keys that the parameters of a rule read, with the id of the rule.
    fn missing_keys(&self, compiled: &CompiledRule, content: &Content) -> Option<(RuleId, Vec<KeyName>)> {
        let rule = compiled.rule();
        let registered = content.registered(&rule.action.reference)?;
        let (given, signature) = (compiled.parameters(), &registered.signature);
        given.datastore_keys().chain(signature.datastore_keys()).next()?;
        let datastore = self.keys().readable_by(RULE_USER);
        let missing = absent_keys(given, signature, &datastore).into_iter().map(|one| one.key.clone());
        let missing: Vec<_> = missing.collect();
        (!missing.is_empty()).then_some((rule.id, missing))
    }
}

/// Has backstops not match where another rule does.
fn hold_back(told: &mut [Explanation]) {
    let Some(other) = told.iter().find(|one| one.matched && !one.is_backstop) else { return };
    let other = other.rule.clone();
    for backstop in told.iter_mut().filter(|one| one.matched && one.is_backstop) {
        (backstop.matched, backstop.is_behind) = (false, true);
        backstop.verdict = behind(&other);
    }
}

/// The verdict of a backstop whose criteria hold, where the rule `other` matches.
pub(crate) fn behind(other: &Ref) -> String {
    format!("does not match: it is a backstop, which runs only if no other rule matches, and {other} does")
}

/// The parts of an event and its surroundings that an explanation may show.
pub(crate) struct Shown<'a> {
    /// Whether all of the event is there, so that near names in it can be told.
    pub(crate) is_whole: bool,
    /// Whether missing keys of the datastore are compared with the existing ones.
    pub(crate) compares_keys: bool,
    /// The schema that marks secrets of the payload, whoever sees them: none of them is the key of a correlation.
    pub(crate) marks: Option<&'a Value>,
    /// The schema of the payload whose secrets are hidden.
    pub(crate) secrets: Option<&'a Value>,
}

/// Evaluates every criterion of a rule, and explains the verdict.
pub(crate) fn explain(compiled: &CompiledRule, occurrence: &Occurrence, shown: &Shown<'_>) -> Explanation {
    let rule = compiled.rule();
    let mut verdict = evaluate_all(compiled, occurrence).without_secrets(compiled, shown.secrets);
    let reason = verdict.first_without_success().map(ToString::to_string);
    if shown.compares_keys {
        verdict = verdict.with_near_keys(compiled, occurrence.scope().datastore());
    }
    if shown.is_whole {
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
    let key =
        compiled.grouping().filter(|_| verdict.matched).map(|grouping| grouping.key(occurrence, shown.marks));
    let matched = verdict.matched && !matches!(key, Some(Err(_)));
    let word = match (rule.enabled, verdict.matched, key) {
        (false, ..) => "does not match: it is disabled".to_owned(),
        (true, true, None) => format!("matches: {why}"),
        (true, true, Some(Ok(key))) => {
            format!("counts for its correlation with the key `{}`: {why}", quoted(&key))
        }
        (true, true, Some(Err(reason))) => format!("does not count: {reason}"),
        (true, false, _) => format!("does not match: {why}"),
    };
    Explanation {
        rule: rule.reference.clone(),
        id: rule.id,
        is_backstop: rule.kind == RuleKind::Backstop,
        is_behind: false,
        correlates: compiled.grouping().is_some(),
        reads_datastore: compiled.reads_datastore(),
        meant_keys: None,
        event: None,
        reason,
        came_of_it: String::new(),
        failure_reason: None,
        matched: matched && rule.enabled,
        verdict: word,
        criteria,
    }
}

//! Enforcement: from a trigger instance to the rules that match it.

use std::sync::Arc;

use petrel_model::Ref;
use petrel_model::rule::RuleKind;

use crate::{CompiledRule, Occurrence, RuleIndex, evaluate};

/// A rule that leads to an enforcement.
#[derive(Debug, Clone)]
pub struct Enforced {
    /// The rule.
    pub rule: Arc<CompiledRule>,
    /// The decision on the rule.
    pub decision: Decision,
    /// The keys of the datastore that its criteria read although they do not exist, in words, if it matched.
    pub missing: Option<String>,
}

/// A decision that leads to an enforcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Every criterion holds: run the action.
    Matched,
    /// Every criterion holds, and the rule correlates events: this one has the key.
    Correlated(String),
    /// A criterion could not be checked: record a failed enforcement with this reason.
    Unverifiable(String),
}

/// Evaluates the enabled rules of `trigger`, in the order of their references: standard rules and correlations first, and
/// backstop rules only if none of these matched.
pub fn enforce(index: &RuleIndex, trigger: &Ref, occurrence: &Occurrence) -> Vec<Enforced> {
    enforce_candidates(index.candidates(trigger, occurrence.payload()), occurrence)
}

/// As [`enforce`], for the rules that [`RuleIndex::candidates`] returned, so that the index need not be locked
/// meanwhile.
pub fn enforce_candidates(candidates: Vec<Arc<CompiledRule>>, occurrence: &Occurrence) -> Vec<Enforced> {
    let (backstops, standard): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|rule| matches!(rule.rule().kind, RuleKind::Backstop));
    let mut enforced: Vec<_> = standard.into_iter().filter_map(|rule| one(rule, occurrence)).collect();
    // A rule that could not be checked has not matched, so it keeps no backstop from running.
    if enforced.iter().all(|enforced| matches!(enforced.decision, Decision::Unverifiable(_))) {
        enforced.extend(backstops.into_iter().filter_map(|rule| one(rule, occurrence)));
    }
    enforced
}

fn one(rule: Arc<CompiledRule>, occurrence: &Occurrence) -> Option<Enforced> {
    let (decision, missing) = {
        let verdict = evaluate(&rule, occurrence);
        if verdict.matched {
            (grouped(&rule, occurrence), verdict.missing())
        } else {
            verdict.failure()?;
            // The reason is stored, and shown to users who may not see secrets.
            let verdict = verdict.without_secrets(&rule, occurrence.secrets());
            (Decision::Unverifiable(verdict.criteria.last()?.failure_text()), None)
        }
    };
    Some(Enforced { rule, decision, missing })
}

/// The decision on a rule whose criteria hold.
fn grouped(rule: &CompiledRule, occurrence: &Occurrence) -> Decision {
    let Some(grouping) = rule.grouping() else { return Decision::Matched };
    match grouping.key(occurrence, occurrence.secrets()) {
        Ok(key) => Decision::Correlated(key),
        Err(reason) => Decision::Unverifiable(reason),
    }
}

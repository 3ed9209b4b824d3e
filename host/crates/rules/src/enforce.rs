//! From a trigger instance to the rules that it sets off.

use std::sync::Arc;

use petrel_model::Ref;
use petrel_model::rule::RuleKind;

use crate::{CompiledRule, Occurrence, RuleIndex, evaluate};

/// A rule that leads to an enforcement.
#[derive(Debug, Clone)]
pub struct Enforced {
    /// The rule.
    pub rule: Arc<CompiledRule>,
    /// Why.
    pub what: What,
}

/// What leads to an enforcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Every criterion holds: run the action.
    Matched,
    /// A criterion could not be checked: record a failed enforcement with this reason.
    Failed(String),
}

/// Evaluates the enabled rules of `trigger`, in the order of their references: standard rules first, and
/// backstop rules only if none of those matched.
pub fn enforce(index: &RuleIndex, trigger: &Ref, occurrence: &Occurrence) -> Vec<Enforced> {
    enforce_candidates(index.candidates(trigger, occurrence.payload()), occurrence)
}

/// As [`enforce`], of the rules that [`RuleIndex::candidates`] gave: the index need not be held while they are evaluated.
pub fn enforce_candidates(candidates: Vec<Arc<CompiledRule>>, occurrence: &Occurrence) -> Vec<Enforced> {
    let (backstops, standard): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|rule| rule.rule().kind == RuleKind::Backstop);
    let mut enforced: Vec<_> = standard.into_iter().filter_map(|rule| one(rule, occurrence)).collect();
    if !enforced.iter().any(|enforced| enforced.what == What::Matched) {
        enforced.extend(backstops.into_iter().filter_map(|rule| one(rule, occurrence)));
    }
    enforced
}

fn one(rule: Arc<CompiledRule>, occurrence: &Occurrence) -> Option<Enforced> {
    let what = {
        let verdict = evaluate(&rule, occurrence);
        if verdict.matched {
            What::Matched
        } else {
            verdict.failure()?;
            // The reason is stored, and shown to everybody.
            let verdict = verdict.without_secrets(&rule, occurrence.secrets());
            What::Failed(verdict.criteria.last()?.failure_text())
        }
    };
    Some(Enforced { rule, what })
}

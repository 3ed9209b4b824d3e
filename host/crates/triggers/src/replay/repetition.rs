//! What the decision about an event knows of it, if it repeats another one.

use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_model::correlation::CORRELATION;
use petrel_model::{Enforcement, Ref, TriggerInstance};
use petrel_persistence::{Change, Expect};
use petrel_rules::CompiledRule;
use serde_json::Value;

/// The repetition of an event for one of its rules.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// The failed enforcement, of which the event is repeated. Its rule is the only one that is asked.
    pub(crate) letter: Enforcement,
}

/// The correlation that fires again, if the event with these values, which repeats another one, is one as which it fired.
pub(crate) fn fires_again(trigger: &Ref, values: &Value, content: &Content) -> Option<Arc<CompiledRule>> {
    if trigger.as_str() != CORRELATION {
        return None;
    }
    let rule = content.rule(values.get("rule")?.as_str()?).ok()?;
    content
        .index()
        .get(rule.id)
        .filter(|rule| rule.rule().enabled && rule.grouping().is_some())
        .map(Arc::clone)
}

impl Replay {
    /// That nobody has replayed it since it was read.
    pub(crate) fn expectation(&self) -> Expect {
        Expect::ReplayedAs(self.letter.id, self.letter.replayed_as)
    }

    /// The mark of the failed enforcement, if the event led to another one.
    pub(crate) fn mark(&self, instance: &TriggerInstance, is_pending: bool) -> Option<Change> {
        let marked = Enforcement { replayed_as: Some(instance.id), ..self.letter.clone() };
        (is_pending || !instance.enforcements.is_empty()).then_some(Change::UpdateEnforcement(marked))
    }

    /// The correlation that fires again, if the event is one as which it fired.
    pub(crate) fn fires(&self, trigger: &Ref, content: &Content) -> Option<Arc<CompiledRule>> {
        let rule = Some(self.letter.rule_id).filter(|_| trigger.as_str() == CORRELATION)?;
        content.index().get(rule).filter(|rule| rule.grouping().is_some()).map(Arc::clone)
    }
}

//! The places of a definition that every run comes to: what fails there fails the workflow, whatever happens in it. What
//! fails elsewhere is a note, since a run may never come there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::finding::Finding;
use super::semantics::Graph;
use crate::definition::shape;

/// The parts of a first task that are evaluated in every run.
const OF_TASK: [&str; 6] = ["action", "delay", "input", "retry", "timeout", "with"];

/// The tasks with which a workflow begins.
pub(super) struct Certain<'a> {
    first: BTreeSet<&'a str>,
}

impl<'a> Certain<'a> {
    pub(super) fn of(definition: &'a Value) -> Self {
        let first = shape::tasks(definition).map(|tasks| Graph::new(tasks).starts());
        Self { first: first.into_iter().flatten().collect() }
    }

    /// `findings` of what fails where it is: notes, unless every run comes there.
    pub(super) fn settled(&self, findings: Vec<Finding>) -> impl Iterator<Item = Finding> {
        findings.into_iter().map(move |finding| if self.has(&finding) { finding } else { finding.noted() })
    }

    /// Whether every run comes to the place of a finding.
    fn has(&self, finding: &Finding) -> bool {
        let path = finding.spec_path.as_deref().unwrap_or_default();
        let Some((name, part)) = path.strip_prefix("tasks.").and_then(|rest| rest.split_once('.')) else {
            // The values of the workflow itself.
            return !path.is_empty() && !path.starts_with("tasks");
        };
        let is_evaluated = match part.split_once("].") {
            // Of a transition only the condition.
            Some((number, part)) if number.starts_with("next[") => part == "when",
            _ => OF_TASK.iter().any(|known| {
                part.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            }),
        };
        is_evaluated && self.first.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inspection::finding::{Kind, Place};

    #[test]
    fn what_every_run_comes_to_is_certain() {
        let definition = json!({"tasks": {
            "first": {"action": "core.noop", "next": [{"do": "second"}]}, "second": {"action": "core.noop"},
        }});
        let certain = Certain::of(&definition);
        for (place, is_certain) in [
            (Place::root("output").item(0), true),
            (Place::root("timeout"), true),
            (Place::root("tasks"), false),
            (Place::task("first").property("delay"), true),
            (Place::task("first").property("input").entry("x"), true),
            (Place::task("first").property("with").property("concurrency"), true),
            (Place::task("first").transition(0).property("when"), true),
            (Place::task("first").transition(0).property("publish").item(0), false),
            (Place::task("first").property("next"), false),
            (Place::task("second").property("input"), false),
        ] {
            let finding = Finding::new(Kind::Expression, &place, "it fails");
            let settled: Vec<_> = certain.settled(vec![finding]).collect();
            assert_eq!(settled[0].is_note(), !is_certain, "{place:?}");
        }
    }
}

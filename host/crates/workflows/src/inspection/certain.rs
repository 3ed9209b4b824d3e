//! The places of a definition that every run comes to: what fails there fails the workflow, whatever happens in it. What
//! fails elsewhere is a note, since a run may never come there.

use std::collections::BTreeSet;

use petrel_expressions::statement::is_lazy;
use serde_json::Value;

use super::finding::Finding;
use super::semantics::Graph;
use crate::definition::shape;

/// The parts of a first task that are evaluated in every run, whatever its items are.
const OF_TASK: [&str; 4] = ["delay", "retry", "timeout", "with"];
/// The parts of a first task that are evaluated once for each of its items: never, if its list is empty.
const OF_ITEM: [&str; 2] = ["action", "input"];

/// The tasks with which a workflow begins.
pub(super) struct Certain<'a> {
    first: BTreeSet<&'a str>,
    /// The tasks that run for each item of a list.
    with_items: BTreeSet<&'a str>,
}

impl<'a> Certain<'a> {
    pub(super) fn of(definition: &'a Value) -> Self {
        let first = shape::tasks(definition).map(|tasks| Graph::new(tasks).starts());
        let tasks = shape::tasks(definition).into_iter().flatten();
        let with_items = tasks.filter(|(_, task)| task.get("with").is_some_and(|with| !with.is_null()));
        Self {
            first: first.into_iter().flatten().collect(),
            with_items: with_items.map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// Whether every run calls the action of a task.
    pub(super) fn calls(&self, task: &str) -> bool {
        self.first.contains(task) && !self.with_items.contains(task)
    }

    /// `findings` of what fails where it is: notes, unless every run comes there.
    pub(super) fn settled(&self, findings: Vec<Finding>) -> impl Iterator<Item = Finding> {
        findings.into_iter().map(move |finding| if self.has(&finding) { finding } else { finding.noted() })
    }

    /// Whether every run comes to the place of a finding.
    fn has(&self, finding: &Finding) -> bool {
        if finding.expression.as_deref().is_some_and(is_lazy) {
            return false;
        }
        let path = finding.spec_path.as_deref().unwrap_or_default();
        let Some((name, part)) = path.strip_prefix("tasks.").and_then(|rest| rest.split_once('.')) else {
            // The values of the workflow itself. A default of its input counts only if the caller gives no value.
            return !path.is_empty() && !path.starts_with("tasks") && !path.starts_with("input");
        };
        let is_part = |parts: &[&str]| {
            parts.iter().any(|known| {
                part.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        let is_evaluated = match part.split_once("].") {
            // Of a transition only the condition.
            Some((number, part)) if number.starts_with("next[") => part == "when",
            _ => is_part(&OF_TASK) || (is_part(&OF_ITEM) && self.calls(name)),
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
            "many": {"with": "<% ctx(xs) %>", "action": "core.noop"},
        }});
        let certain = Certain::of(&definition);
        for (place, is_certain) in [
            (Place::root("output").item(0), true),
            (Place::root("timeout"), true),
            (Place::root("tasks"), false),
            (Place::root("vars").item(0).entry("x"), true),
            (Place::root("input").item(0).entry("x"), false),
            (Place::task("first").property("delay"), true),
            (Place::task("first").property("input").entry("x"), true),
            (Place::task("first").property("with").property("concurrency"), true),
            (Place::task("first").transition(0).property("when"), true),
            (Place::task("first").transition(0).property("publish").item(0), false),
            (Place::task("first").property("next"), false),
            (Place::task("second").property("input"), false),
            (Place::task("many").property("with"), true),
            (Place::task("many").property("delay"), true),
            (Place::task("many").property("input").entry("x"), false),
            (Place::task("many").property("action"), false),
        ] {
            let finding = Finding::new(Kind::Expression, &place, "it fails");
            let settled: Vec<_> = certain.settled(vec![finding]).collect();
            assert_eq!(settled[0].is_note(), !is_certain, "{place:?}");
        }
    }

    #[test]
    fn what_an_expression_may_leave_out_is_not_certain() {
        let definition = json!({"tasks": {"first": {"action": "core.noop"}}});
        for (expression, is_certain) in [
            ("{{ host }}", true),
            ("<% ctx().a-b + item() %>", true),
            ("{{ host if ctx('x') else 'none' }}", false),
            ("{{ host\nif ctx('x') else 'none' }}", false),
            ("<% switch(ctx(x) = 1 => item()) %>", false),
            ("<% coalesce(ctx(x), item()) %>", false),
            ("<% ctx(x) or item() %>", false),
            ("<% ctx(x) and item() %>", false),
            ("<% ctx(x)?.a(item()) %>", false),
            ("<% ctx(xs).where(item() = 1) %>", false),
            ("<% ctx(xs).select($ + item()) %>", false),
            ("<% ctx(xs).groupBy(item()) %>", false),
            ("<% ctx(xs).indexWhere(item()) %>", false),
            ("<% selectAllCases(ctx(x), item()) %>", false),
            ("<% ctx(xs).orderByDescending(item()) %>", false),
            ("{{ item() | default('x') }}", false),
            ("{% for x in ctx('xs') %}{{ item() }}{% endfor %}", false),
        ] {
            let place = Place::task("first").property("input").entry("x");
            let mut finding = Finding::new(Kind::Expression, &place, "it fails");
            finding.expression = Some(expression.into());
            let settled: Vec<_> = Certain::of(&definition).settled(vec![finding]).collect();
            assert_eq!(settled[0].is_note(), !is_certain, "{expression}");
        }
    }
}

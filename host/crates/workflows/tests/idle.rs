//! Tasks without an action or without items, whose end cannot be evaluated.

use std::sync::Arc;

use petrel_workflows::conductor::Event;
use petrel_workflows::{Conductor, Definition, EDITION, Status, World};
use serde_json::{Map, json};

#[test]
fn a_task_with_nothing_to_do_whose_repetition_cannot_be_evaluated_fails_its_workflow() {
    let retry = json!({"count": 1, "when": "{{ result().v > 4 }}"});
    for (task, was) in [
        (json!({"retry": retry}), "running"),
        // Before, it was started again and again, up to the limit.
        (json!({"retry": retry, "action": "core.noop", "with": "<% [] %>"}), "failed"),
    ] {
        let source = json!({"version": 1.0, "tasks": {"idle": task}});
        let begun = |edition| {
            let definition = Arc::new(Definition::compile(&source).unwrap());
            let conductor = Conductor::new(definition, &Map::new(), &Map::new(), &World::default());
            let mut conductor = conductor.with_edition(edition);
            conductor.apply(&Event::Request(Status::Running), &World::default()).unwrap();
            conductor
        };
        let conductor = begun(EDITION);
        assert_eq!(conductor.status(), Status::Failed, "{source}");
        let error = conductor.errors().last().unwrap();
        assert_eq!(error.task_id.as_deref(), Some("idle"), "{error:?}");
        assert!(error.message.starts_with("JinjaEvaluationException"), "{error:?}");
        // An older log replays to the same state as before.
        assert_eq!(begun(0).status().as_str(), was, "{source}");
    }
}

//! Random workflows with random orders of events: nothing panics, everything ends, final statuses stay, and a workflow
//! without anything left to do is final or paused.

#[path = "random/running.rs"]
mod running;

use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::conductor::Event;
use petrel_workflows::{Conductor, Definition, Status, World, inspect};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use running::{apply, ended, ending};
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Nothing leads to `a`, so that there is a start task.
const TARGETS: [&str; 9] = ["b", "c", "d", "e", "f", "noop", "fail", "continue", "retry"];
const CONDITIONS: [&str; 5] =
    ["<% succeeded() %>", "<% failed() %>", "{{ completed() }}", "<% true %>", "<% ctx().x > 2 %>"];

fn transition() -> impl Strategy<Value = Value> {
    let targets = prop::collection::vec(prop::sample::select(&TARGETS[..]), 0..3);
    (targets, prop::option::of(prop::sample::select(&CONDITIONS[..])), any::<bool>()).prop_map(
        |(targets, when, publishes)| {
            let mut transition = Map::new();
            if !targets.is_empty() {
                transition.insert("do".into(), json!(targets.join(", ")));
            }
            if let Some(when) = when {
                transition.insert("when".into(), json!(when));
            }
            if publishes {
                transition.insert("publish".into(), json!([{"x": "<% ctx().x + 1 %>"}]));
            }
            Value::Object(transition)
        },
    )
}

fn task() -> impl Strategy<Value = Value> {
    let join = prop_oneof![4 => Just(None), 1 => Just(Some(json!("all"))), 1 => (0_u32..4).prop_map(|n| Some(json!(n)))];
    let items = prop::option::weighted(0.3, (0_usize..4, prop::option::of(0_u32..3)));
    let retry = prop::option::weighted(0.2, 0_u32..3);
    (prop::collection::vec(transition(), 0..3), join, items, retry, prop::bool::weighted(0.9)).prop_map(
        |(next, join, items, retry, has_action)| {
            let mut task = Map::new();
            if has_action || items.is_some() {
                task.insert("action".into(), json!("core.noop"));
            }
            if let Some(join) = join {
                task.insert("join".into(), join);
            }
            if let Some((count, concurrency)) = items {
                let mut with = json!({"items": format!("<% range({count}).toList() %>")});
                if let (Some(concurrency), Some(with)) = (concurrency, with.as_object_mut()) {
                    with.insert("concurrency".into(), json!(concurrency));
                }
                task.insert("with".into(), with);
            }
            if let Some(count) = retry {
                task.insert("retry".into(), json!({"count": count}));
            }
            if !next.is_empty() {
                task.insert("next".into(), json!(next));
            }
            Value::Object(task)
        },
    )
}

fn workflow() -> impl Strategy<Value = Value> {
    prop::collection::vec(task(), 1..NAMES.len()).prop_map(|tasks| {
        let named = NAMES.iter().zip(tasks).map(|(name, task)| ((*name).to_owned(), task));
        let tasks: Map<String, Value> = named.collect();
        json!({"version": 1.0, "vars": [{"x": 0}], "tasks": tasks, "output": [{"x": "<% ctx().x %>"}]})
    })
}

/// Low limits, since branching cycles multiply and each case must take milliseconds only.
const LIMITS: WorkflowLimits =
    WorkflowLimits { items_window: 2, tasks_in_step: 100, tasks: 1_000, ..WorkflowLimits::NONE };

/// The next event: which running action reports, its status, and a possible request.
type Step = (prop::sample::Index, u8, u8);

fn play(definition: &Value, steps: &[Step], is_disturbed: bool) {
    if !inspect(definition, &[]).is_empty() {
        return;
    }
    let Ok(definition) = Definition::compile(definition) else { return };
    let world = World::default();
    let conductor = Conductor::new(Arc::new(definition), &Map::new(), &Map::new(), &world);
    let mut conductor = conductor.with_limits(LIMITS);
    let mut running = Vec::new();
    apply(&mut conductor, &Event::Request(Status::Running), &mut running);
    for (which, how, request) in steps {
        if is_disturbed {
            let wanted = match request % 16 {
                0 => Some(Status::Pausing),
                1 | 2 => Some(Status::Resuming),
                3 if request > &200 => Some(Status::Canceling),
                _ => None,
            };
            if let Some(wanted) = wanted {
                apply(&mut conductor, &Event::Request(wanted), &mut running);
            }
        }
        if running.is_empty() {
            continue;
        }
        let action = running.remove(which.index(running.len()));
        let event = ended(action, ending(*how, is_disturbed), json!(how));
        apply(&mut conductor, &event, &mut running);
    }
    // All running actions succeed from here on, until the workflow ends: at the latest by the limit of tasks.
    for _ in 0..20_000 {
        let Some(action) = running.pop() else { break };
        apply(&mut conductor, &ended(action, Status::Succeeded, Value::Null), &mut running);
    }
    let status = conductor.status();
    assert!(running.is_empty() || status.is_completed(), "{} actions run, and it is {status}", running.len());
    assert!(
        status.is_completed() || status == Status::Paused,
        "nothing is left to be done, and it is {status}"
    );
}

proptest! {
    // A failing case is printed with its seed and saved in `random.proptest-regressions`, whose cases run first.
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_workflow_that_nobody_disturbs_ends(
        definition in workflow(),
        steps in prop::collection::vec(any::<Step>(), 0..60),
    ) {
        play(&definition, &steps, false);
    }

    #[test]
    fn a_workflow_ends_or_rests_whatever_happens(
        definition in workflow(),
        steps in prop::collection::vec(any::<Step>(), 0..60),
    ) {
        play(&definition, &steps, true);
    }

    #[test]
    fn inspection_takes_anything(definition in workflow(), text in "\\PC{0,40}", place in 0_usize..6) {
        let mut broken = definition;
        let broken_value = json!(text);
        match place {
            0 => broken["tasks"]["a"]["action"] = broken_value,
            1 => broken["tasks"]["a"]["next"] = broken_value,
            2 => broken["tasks"][text.as_str()] = json!({}),
            3 => broken["vars"] = json!([{"y": text}]),
            4 => broken["tasks"]["a"]["with"] = broken_value,
            _ => broken["tasks"]["a"]["next"] = json!([{"when": text, "publish": text, "do": text}]),
        }
        inspect(&broken, &[]);
        play(&broken, &[], false);
    }
}

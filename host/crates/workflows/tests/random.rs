//! Random workflows with random orders of events: nothing panics, everything ends, final statuses stay, and a workflow
//! without anything left to do is final. It is paused only as long as somebody wants that.

#[path = "random/running.rs"]
mod running;

use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::conductor::Event;
use petrel_workflows::{Conductor, Definition, Status, World, inspect};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use running::{Action, apply, ended, ending};
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

/// A workflow with what runs and what rests inside it. What rests is a workflow itself: it goes on when this one does.
struct Played {
    conductor: Conductor,
    running: Vec<Action>,
    resting: Vec<Action>,
    /// Whether somebody has asked for a rest, or something inside rests, since somebody asked it to go on.
    may_rest: bool,
}

impl Played {
    fn apply(&mut self, event: &Event) {
        apply(&mut self.conductor, event, &mut self.running);
        // As a host does, also when something else lets the workflow go on.
        if matches!(self.status(), Status::Running | Status::Resuming) && self.conductor.holds_ends() {
            apply(&mut self.conductor, &Event::Request(Status::Running), &mut self.running);
        }
        let status = self.status();
        let rests = matches!(status, Status::Pausing | Status::Paused);
        assert!(self.may_rest || !rests, "nobody asked for it, and it is {status} after {event:?}");
    }

    fn status(&self) -> Status {
        self.conductor.status()
    }

    /// Somebody asks for a status.
    fn ask(&mut self, wanted: Status) {
        let rested = matches!(self.status(), Status::Pausing | Status::Paused);
        match wanted {
            Status::Pausing => self.may_rest = true,
            Status::Resuming if rested => {
                self.may_rest = false;
                self.running.append(&mut self.resting);
            }
            _ => {}
        }
        // As a host does: what ended during a rest counts when the workflow is asked to run.
        let takes_in = wanted == Status::Resuming && self.conductor.holds_ends();
        self.apply(&Event::Request(if takes_in { Status::Running } else { wanted }));
        let is_over = self.running.is_empty() && self.resting.is_empty();
        if wanted == Status::Resuming && rested && is_over {
            let status = self.status();
            assert!(status.is_completed(), "it goes on with nothing inside it, and it is {status}");
        }
    }

    /// What runs at a place reports how it ended, that it rests, or that it runs.
    fn report(&mut self, place: usize, how: u8, is_disturbed: bool) {
        let action = self.running.remove(place);
        let status = match how % 16 {
            4 | 5 if is_disturbed => Status::Paused,
            6 if is_disturbed => Status::Running,
            _ => ending(how, is_disturbed),
        };
        match status {
            Status::Paused => {
                self.may_rest = true;
                self.resting.push(action.clone());
            }
            Status::Running => self.running.push(action.clone()),
            _ => {}
        }
        self.apply(&ended(action, status, json!(how)));
    }

    /// What rests goes on by itself, or ends: without this workflow.
    fn disturb_resting(&mut self, request: u8) {
        let Some(action) = self.resting.pop() else { return };
        if request & 32 == 0 {
            self.running.push(action.clone());
            self.apply(&ended(action, Status::Running, Value::Null));
        } else {
            self.apply(&ended(action, Status::Succeeded, Value::Null));
        }
    }

    /// Whatever still runs ends well, as long as that ends: by the limit of tasks at the latest.
    fn play_out(&mut self) {
        for _ in 0..20_000 {
            let Some(action) = self.running.pop() else { break };
            self.apply(&ended(action, Status::Succeeded, Value::Null));
        }
        let status = self.status();
        assert!(
            self.running.is_empty() || status.is_completed(),
            "{} actions run, and it is {status}",
            self.running.len()
        );
        if status.is_completed() || status == Status::Canceling {
            // A host ends what is inside.
            while let Some(action) = self.resting.pop() {
                self.apply(&ended(action, Status::Canceled, Value::Null));
            }
        }
    }
}

fn play(definition: &Value, steps: &[Step], is_disturbed: bool) {
    if !inspect(definition, &[]).is_empty() {
        return;
    }
    let Ok(definition) = Definition::compile(definition) else { return };
    let world = World::default();
    let conductor =
        Conductor::new(Arc::new(definition), &Map::new(), &Map::new(), &world).with_limits(LIMITS);
    let mut played = Played { conductor, running: Vec::new(), resting: Vec::new(), may_rest: false };
    played.apply(&Event::Request(Status::Running));
    for (which, how, request) in steps {
        if is_disturbed {
            match request % 16 {
                0 => played.ask(Status::Pausing),
                1 | 2 => played.ask(Status::Resuming),
                3 if request > &200 => played.ask(Status::Canceling),
                4 => played.disturb_resting(*request),
                _ => {}
            }
        }
        if !played.running.is_empty() {
            played.report(which.index(played.running.len()), *how, is_disturbed);
        }
    }
    played.play_out();
    // Asked to go on, it ends: what it starts rests no more.
    if played.status() == Status::Paused {
        played.ask(Status::Resuming);
        played.play_out();
    }
    let status = played.status();
    assert!(status.is_completed(), "nothing is left to be done, and it is {status}");
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

//! A workflow that was paused goes on: the workflows inside it, as items and as tasks, go on with it, some at length and
//! some only to end. It ends too, and does not rest on the way unless somebody asks for it.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::conductor::{Event, Report};
use petrel_workflows::{Conductor, Definition, EDITION, Start, Status, World};
use serde_json::{Map, Value, json};

/// What runs, by task, route and item.
type Action = (Arc<str>, u32, Option<usize>);

/// How a workflow that rested goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Only its end is left of it, so that is all that it reports.
    Ends,
    /// It reports that it runs, and ends after all the others have reported.
    Runs,
    /// Somebody pauses it again before it does anything.
    Rests,
}
use Inside::{Ends, Rests, Runs};

/// The host of a workflow all of whose actions are workflows.
struct Host {
    conductor: Conductor,
    running: VecDeque<Action>,
}

impl Host {
    fn new(tasks: &Value, edition: u32) -> Self {
        let definition = Definition::compile(&json!({"version": 1.0, "tasks": tasks})).unwrap();
        let conductor = Conductor::new(Arc::new(definition), &Map::new(), &Map::new(), &World::default());
        let limits = WorkflowLimits { items_window: 3, ..WorkflowLimits::NONE };
        let conductor = conductor.with_limits(limits).with_edition(edition);
        let mut host = Self { conductor, running: VecDeque::new() };
        host.ask(Status::Running);
        host
    }

    fn ask(&mut self, status: Status) {
        let takes_in = status == Status::Resuming && self.conductor.holds_ends();
        let status = if takes_in { Status::Running } else { status };
        let starts = self.conductor.apply(&Event::Request(status), &World::default()).unwrap();
        self.take(starts);
        self.take_in_ends();
    }

    /// Asks for what a host asks for when the workflow goes on.
    fn take_in_ends(&mut self) {
        let goes_on = matches!(self.status(), Status::Running | Status::Resuming);
        if goes_on && self.conductor.holds_ends() {
            self.ask(Status::Running);
        }
    }

    fn take(&mut self, starts: Vec<Start>) {
        for start in starts {
            let actions = start.actions.iter();
            self.running.extend(actions.map(|action| (Arc::clone(&start.task), start.route, action.item)));
        }
    }

    fn report(&mut self, (task, route, item): Action, status: Status) {
        let report = Report { task, route, item, status, result: Arc::new(json!(item)), execution: None };
        let starts = self.conductor.apply(&Event::Report(report), &World::default()).unwrap();
        self.take(starts);
        self.take_in_ends();
    }

    fn status(&self) -> Status {
        self.conductor.status()
    }

    /// Pauses it; gives what rests inside it.
    fn paused(&mut self) -> Vec<Action> {
        self.ask(Status::Pausing);
        let resting: Vec<_> = self.running.drain(..).collect();
        for action in &resting {
            self.report(action.clone(), Status::Paused);
        }
        assert_eq!(self.status(), Status::Paused);
        resting
    }

    /// Whatever runs ends well.
    fn play(&mut self) {
        for _ in 0..100 {
            let Some(action) = self.running.pop_front() else { return };
            self.report(action, Status::Succeeded);
        }
        assert!(self.running.is_empty(), "it goes on without end");
    }
}

/// Tasks whose actions are workflows.
fn shapes() -> Vec<(&'static str, Value)> {
    let with = |count: usize| format!("<% range({count}).toList() %>");
    let items = |count| json!({"with": with(count), "action": "inside"});
    let chained = |count| {
        let next =
            json!([{"when": "<% succeeded() %>", "publish": [{"r": "<% result() %>"}], "do": "after"}]);
        let many = json!({"with": with(count), "action": "inside", "next": next});
        json!({"many": many, "after": {"action": "inside"}})
    };
    let in_turn = json!({"with": {"items": with(5), "concurrency": 2}, "action": "inside"});
    vec![
        ("one item", json!({"many": items(1)})),
        ("two items", json!({"many": items(2)})),
        ("three items", json!({"many": items(3)})),
        ("more items than the window", json!({"many": items(5)})),
        ("items in turn", json!({"many": in_turn})),
        ("a task follows", chained(2)),
        ("a task follows more than the window", chained(5)),
        ("two tasks with items", json!({"many": items(2), "others": items(2)})),
        ("beside a task without items", json!({"many": items(2), "one": {"action": "inside"}})),
        (
            "three tasks",
            json!({"a": {"action": "inside"}, "b": {"action": "inside"}, "c": {"action": "inside"}}),
        ),
        (
            "a join",
            json!({
                "a": {"action": "inside", "next": [{"do": "both"}]},
                "b": {"with": "<% range(2).toList() %>", "action": "inside", "next": [{"do": "both"}]},
                "both": {"join": "all", "action": "inside"},
            }),
        ),
    ]
}

/// How those inside go on, in turn.
const WAYS: &[&[Inside]] =
    &[&[Ends], &[Runs], &[Ends, Runs], &[Runs, Ends], &[Runs, Ends, Ends], &[Ends, Ends, Runs]];

#[test]
fn a_workflow_that_goes_on_ends_however_those_inside_it_do() {
    for (what, tasks) in shapes() {
        for ways in WAYS {
            for is_reversed in [false, true] {
                let mut host = Host::new(&tasks, EDITION);
                let mut resting = host.paused();
                host.ask(Status::Resuming);
                if is_reversed {
                    resting.reverse();
                }
                for (action, way) in resting.into_iter().zip(ways.iter().cycle()) {
                    if *way == Ends {
                        host.report(action, Status::Succeeded);
                    } else {
                        host.report(action.clone(), Status::Running);
                        host.running.push_back(action);
                    }
                    let status = host.status();
                    assert!(
                        !matches!(status, Status::Pausing | Status::Paused),
                        "{what}, {ways:?}: {status}"
                    );
                }
                host.play();
                assert_eq!(host.status(), Status::Succeeded, "{what}, {ways:?}, reversed: {is_reversed}");
            }
        }
    }
}

#[test]
fn it_fails_or_ends_early_by_what_ends_so_after_a_rest() {
    for (what, tasks) in shapes() {
        for (status, expected) in [
            (Status::Failed, Status::Failed),
            (Status::Timeout, Status::Failed),
            (Status::Canceled, Status::Canceled),
        ] {
            let mut host = Host::new(&tasks, EDITION);
            let resting = host.paused();
            host.ask(Status::Resuming);
            for action in resting {
                host.report(action, status);
            }
            while let Some(action) = host.running.pop_front() {
                host.report(action, status);
            }
            assert_eq!(host.status(), expected, "{what}, {status}");
        }
    }
}

#[test]
fn it_rests_again_once_all_that_is_left_inside_it_does() {
    for (what, tasks) in shapes() {
        for ways in [&[Rests][..], &[Ends, Rests], &[Rests, Ends], &[Runs, Rests], &[Rests, Runs, Runs]] {
            let mut host = Host::new(&tasks, EDITION);
            let resting = host.paused();
            host.ask(Status::Resuming);
            let (mut again, count) = (Vec::new(), resting.len());
            for (number, (action, way)) in resting.into_iter().zip(ways.iter().cycle()).enumerate() {
                match way {
                    Ends => host.report(action, Status::Succeeded),
                    Runs => {
                        host.report(action.clone(), Status::Running);
                        host.running.push_back(action);
                    }
                    Rests => {
                        host.report(action.clone(), Status::Paused);
                        again.push(action);
                    }
                }
                let status = host.status();
                assert!(number + 1 == count || status != Status::Paused, "{what}, {ways:?}: {status}");
            }
            host.play();
            if again.is_empty() {
                assert_eq!(host.status(), Status::Succeeded, "{what}, {ways:?}");
                continue;
            }
            assert_eq!(host.status(), Status::Paused, "{what}, {ways:?}");
            host.ask(Status::Resuming);
            host.running.extend(again);
            host.play();
            assert_eq!(host.status(), Status::Succeeded, "{what}, {ways:?}");
        }
    }
}

#[test]
fn what_ended_while_it_was_paused_counts_once_it_goes_on() {
    for (what, tasks) in shapes() {
        let has_items = |task: &Value| task["with"].is_string() || task["with"].is_object();
        // A task without items ends although its workflow is paused, and lets that go on.
        if !tasks.as_object().unwrap().values().all(has_items) {
            continue;
        }
        for (ends, expected) in [
            (Status::Succeeded, Status::Succeeded),
            (Status::Failed, Status::Failed),
            (Status::Canceled, Status::Canceled),
        ] {
            // What hangs in a store since before goes on when it is resumed, too.
            for edition in [EDITION, 1] {
                if edition == 1 && what == "more items than the window" {
                    // It did not come to rest.
                    continue;
                }
                let mut host = Host::new(&tasks, edition);
                for action in host.paused() {
                    host.report(action, ends);
                    assert_eq!(host.status(), Status::Paused, "{what}, {ends}");
                }
                let errors = host.conductor.errors().len();
                host.ask(Status::Resuming);
                host.play();
                assert_eq!(host.status(), expected, "{what}, {ends}, edition {edition}");
                assert_eq!(host.conductor.errors().len(), errors, "{what}, {ends}, edition {edition}");
            }
        }
    }
}

#[test]
fn a_task_follows_what_ended_while_it_was_paused() {
    let (_, tasks) = shapes().into_iter().find(|(what, _)| *what == "a task follows").unwrap();
    let mut host = Host::new(&tasks, EDITION);
    for action in host.paused() {
        host.report(action, Status::Succeeded);
    }
    host.ask(Status::Resuming);
    assert_eq!(host.running, [(Arc::from("after"), 0, None)]);
    host.play();
    assert_eq!(host.status(), Status::Succeeded);
}

#[test]
fn it_rests_or_ends_at_once_when_nothing_inside_it_goes_on_yet() {
    for (what, tasks) in shapes() {
        for (asked, expected) in [(Status::Pausing, Status::Paused), (Status::Canceling, Status::Canceled)] {
            let mut host = Host::new(&tasks, EDITION);
            let resting = host.paused();
            host.ask(Status::Resuming);
            // Items that had not started start, and end.
            host.ask(asked);
            host.play();
            assert_eq!(host.status(), expected, "{what}, {asked}");
            if asked == Status::Pausing {
                host.ask(Status::Resuming);
                host.running.extend(resting);
                host.play();
                assert_eq!(host.status(), Status::Succeeded, "{what}, {asked}");
            }
        }
    }
}

#[test]
fn it_goes_on_before_all_inside_it_rest() {
    for (what, tasks) in shapes() {
        let mut host = Host::new(&tasks, EDITION);
        host.ask(Status::Pausing);
        let first = host.running.pop_front().unwrap();
        host.report(first.clone(), Status::Paused);
        host.ask(Status::Resuming);
        host.running.push_front(first);
        host.play();
        assert_eq!(host.status(), Status::Succeeded, "{what}");
    }
}

#[test]
fn a_log_of_before_is_replayed_as_it_was() {
    let (_, tasks) = shapes().into_iter().find(|(what, _)| *what == "two items").unwrap();
    for (edition, came) in
        [(0, Status::Paused), (1, Status::Paused), (2, Status::Running), (EDITION, Status::Running)]
    {
        let mut host = Host::new(&tasks, edition);
        let resting = host.paused();
        host.ask(Status::Resuming);
        host.report(resting[0].clone(), Status::Succeeded);
        assert_eq!(host.status(), came, "edition {edition}");
        host.report(resting[1].clone(), Status::Succeeded);
        if came == Status::Paused {
            assert!(host.conductor.holds_ends(), "edition {edition}");
            host.ask(Status::Resuming);
        }
        assert_eq!(host.status(), Status::Succeeded, "edition {edition}");
    }
}

/// As in Orquesta, a task fails although one of its items rests, if another one has failed.
#[test]
fn an_item_that_its_task_has_left_behind_begins_nothing() {
    let many = json!({"with": "<% range(2).toList() %>", "action": "inside", "next": [{"do": "after"}]});
    for ends in [&[Status::Succeeded][..], &[Status::Failed], &[Status::Running, Status::Succeeded]] {
        let mut host = Host::new(&json!({"many": many, "after": {"action": "inside"}}), EDITION);
        host.ask(Status::Pausing);
        let (fails, rests) = (host.running.pop_front().unwrap(), host.running.pop_front().unwrap());
        host.report(fails, Status::Failed);
        host.report(rests.clone(), Status::Paused);
        host.ask(Status::Resuming);
        for end in ends {
            host.report(rests.clone(), *end);
            assert_eq!(host.running, [(Arc::from("after"), 0, None)], "{ends:?}");
        }
        host.play();
        let ended = host.status();
        assert!(ended.is_completed(), "{ends:?}: {ended}");
        host.report(rests, Status::Succeeded);
        assert_eq!((host.status(), host.running.len()), (ended, 0), "{ends:?}");
    }
}

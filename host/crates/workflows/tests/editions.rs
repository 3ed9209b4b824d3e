//! Decisions of which later editions of the rules differ from earlier ones: Orquesta's now, and in the log of a workflow
//! that began before, those of then.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::sync::Arc;

use petrel_workflows::conductor::{Action, Event, Report, Rerun};
use petrel_workflows::{Conductor, Definition, EDITION, Start, Status, World};
use serde_json::{Map, Value, json};

/// What happens to a workflow.
#[derive(Debug, Clone)]
enum Happens {
    /// An action reports, by task and item.
    Reports(&'static str, Option<usize>, Status, Value),
    /// Somebody asks for a status.
    Asked(Status),
}
use Happens::{Asked, Reports};

fn ends(task: &'static str, status: Status) -> Happens {
    Reports(task, None, status, Value::Null)
}

fn item(task: &'static str, item: usize, status: Status, result: Value) -> Happens {
    Reports(task, Some(item), status, result)
}

/// A workflow, and what it has started.
struct Played {
    conductor: Conductor,
    started: Vec<String>,
}

impl Played {
    fn new(source: &Value, edition: u32, happens: &[Happens]) -> Self {
        let definition = Definition::compile(source).unwrap();
        let conductor = Conductor::new(Arc::new(definition), &Map::new(), &Map::new(), &World::default());
        let mut played = Self { conductor: conductor.with_edition(edition), started: Vec::new() };
        played.happen(Asked(Status::Running));
        for one in happens {
            played.happen(one.clone());
        }
        played
    }

    /// Refusals are ignored: by the rules of one edition it may have ended already.
    fn happen(&mut self, happens: Happens) {
        let event = match happens {
            Asked(status) => Event::Request(status),
            Reports(task, item, status, result) => {
                let (task, result) = (Arc::from(task), Arc::new(result));
                Event::Report(Report { task, route: 0, item, status, result, execution: None })
            }
        };
        let starts = self.conductor.apply(&event, &World::default()).unwrap_or_default();
        self.take(starts);
    }

    fn take(&mut self, starts: Vec<Start>) {
        for start in starts {
            let named = |action: &Action| match action.item {
                Some(item) => format!("{}[{item}]", start.task),
                None => start.task.to_string(),
            };
            self.started.extend(start.actions.iter().map(named));
            if start.actions.is_empty() {
                self.started.push(format!("({})", start.task));
            }
        }
    }

    /// What it has started, its status, and its output or else its last error.
    fn told(&self) -> String {
        let said = match (self.conductor.output(), self.conductor.errors().last()) {
            (Some(output), _) => Value::Object(output.clone()).to_string(),
            (None, Some(error)) => error.message.clone(),
            (None, None) => "-".to_owned(),
        };
        format!("{}; {}; {said}", self.started.join(" "), self.conductor.status())
    }
}

/// Plays each workflow by the present rules and by those of edition 3, and compares what is told of it.
fn compare(cases: Vec<(&str, Value, Vec<Happens>, &str, &str)>) {
    for (what, source, happens, now, was) in cases {
        for (edition, expected) in [(EDITION, now), (3, was)] {
            assert_eq!(Played::new(&source, edition, &happens).told(), expected, "{what}, edition {edition}");
        }
    }
}

const FAILED: &str = "Execution failed. See result for details.";

#[test]
fn a_number_below_0_from_an_expression_is_no_delay_no_repetition_and_a_concurrency_of_1() {
    let of = |task: Value| json!({"version": 1.0, "vars": [{"n": -2}], "tasks": {"t": task}});
    let n = "<% ctx().n %>";
    let (done, fails) = (|| ends("t", Status::Succeeded), || ends("t", Status::Failed));
    let in_turn = json!({"with": {"items": "<% [1, 2] %>", "concurrency": n}, "action": "core.noop"});
    let first = item("t", 0, Status::Succeeded, Value::Null);
    let wrong = |key: &str, most: &str| {
        format!("; failed; ValueError: The {key} of task \"t\" is -2; it must be between 0 and {most}.")
    };
    compare(vec![
        (
            "concurrency",
            of(in_turn),
            vec![first],
            "t[0] t[1]; running; -",
            &wrong("concurrency", "9223372036854775807"),
        ),
        (
            "retry.count",
            of(json!({"action": "core.noop", "retry": {"count": n}})),
            vec![fails()],
            &format!("t; failed; {FAILED}"),
            &wrong("retry.count", "4294967295"),
        ),
        (
            "retry.delay",
            of(json!({"action": "core.noop", "retry": {"count": 1, "delay": n}})),
            vec![fails(), done()],
            &format!("t t; succeeded; {FAILED}"),
            &wrong("retry.delay", "3153600000"),
        ),
        (
            "delay",
            of(json!({"action": "core.noop", "delay": n})),
            vec![done()],
            "t; succeeded; -",
            &wrong("delay", "3153600000"),
        ),
    ]);
}

#[test]
fn a_canceled_task_is_not_repeated() {
    let of = |task: Value| json!({"version": 1.0, "tasks": {"t": task}});
    let retry = json!({"count": 1, "when": "<% completed() %>"});
    let (canceled, now, was) = (|| ends("t", Status::Canceled), "t; canceled; -", "t t; running; -");
    let of_items = json!({"with": "<% [1] %>", "action": "core.noop", "retry": retry});
    let reads = json!({"count": 1, "when": "<% result().v < 4 %>"});
    let low = Reports("t", None, Status::Canceled, json!({"v": 1}));
    compare(vec![
        ("a condition", of(json!({"action": "core.noop", "retry": retry})), vec![canceled()], now, was),
        ("by its result", of(json!({"action": "core.noop", "retry": reads})), vec![low], now, was),
        ("do", of(json!({"action": "core.noop", "next": [{"do": "retry"}]})), vec![canceled()], now, was),
        (
            "items",
            of(of_items),
            vec![item("t", 0, Status::Canceled, Value::Null)],
            "t[0]; canceled; -",
            "t[0] t[0]; running; -",
        ),
    ]);
}

#[test]
fn a_task_that_ends_with_an_item_at_rest_has_the_results_of_the_others() {
    let source = |next: Value| {
        json!({
            "version": 1.0,
            "tasks": {
                "t": {"with": "<% [1, 2] %>", "action": "core.noop", "next": [next]},
                "u": {"action": "core.noop"},
            },
            "output": [{"r": "<% ctx().get(r) %>"}],
        })
    };
    let next = json!({"when": "<% failed() %>", "publish": [{"r": "<% result() %>"}], "do": "u"});
    let happens = |result| {
        vec![
            item("t", 0, Status::Failed, json!("x")),
            item("t", 1, Status::Paused, result),
            ends("u", Status::Succeeded),
        ]
    };
    let was = "t[0] t[1] u; succeeded; {\"r\":null}";
    compare(vec![
        (
            "nothing of the item at rest",
            source(next.clone()),
            happens(Value::Null),
            "t[0] t[1] u; succeeded; {\"r\":[\"x\",null]}",
            was,
        ),
        (
            "a part of it",
            source(next),
            happens(json!({"part": 1})),
            "t[0] t[1] u; succeeded; {\"r\":[\"x\",{\"part\":1}]}",
            was,
        ),
    ]);
}

#[test]
fn an_action_that_evaluates_to_null_is_requested() {
    let of = |task: Value| {
        let tasks = json!({"t": task, "u": {}});
        json!({"version": 1.0, "vars": [{"a": null}], "tasks": tasks})
    };
    let next = json!([{"when": "<% failed() %>", "do": "u"}]);
    let many = json!({"with": "<% [1, 2] %>", "action": "<% ctx().a %>", "next": next});
    let all_fail = (0..2).map(|one| item("t", one, Status::Failed, Value::Null)).collect();
    compare(vec![
        (
            "an action",
            of(json!({"action": "<% ctx().a %>", "next": next})),
            vec![ends("t", Status::Failed)],
            &format!("t (u); succeeded; {FAILED}"),
            // The failure is late: nothing was requested.
            &format!("(t); succeeded; {FAILED}"),
        ),
        (
            "items",
            of(many),
            all_fail,
            &format!("t[0] t[1] (u); succeeded; {FAILED}"),
            &format!("(t); succeeded; {FAILED}"),
        ),
        (
            "no action",
            of(json!({"next": [{"do": "u"}]})),
            Vec::new(),
            "(t) (u); succeeded; -",
            "(t) (u); succeeded; -",
        ),
    ]);
}

#[test]
fn of_two_errors_that_of_the_action_is_told() {
    let of = |task: Value| json!({"version": 1.0, "vars": [{"d": {}}], "tasks": {"t": task}});
    let (x, y) = ("<% ctx().d.x %>", "<% ctx().d.y %>");
    let told = |key: &str| {
        format!(
            "; failed; YaqlEvaluationException: Unable to resolve key '{key}' in expression '<% ctx().d.{key} %>' from context."
        )
    };
    let many = json!({"with": x, "action": "core.noop", "delay": y});
    compare(vec![
        (
            "a parameter",
            of(json!({"action": "core.echo", "input": {"message": x}, "delay": y})),
            Vec::new(),
            &told("x"),
            &told("y"),
        ),
        ("a list of items", of(many), Vec::new(), &told("x"), &told("y")),
    ]);
}

#[test]
fn what_reports_late_leaves_the_next_run_alone() {
    let joined = |others: &[&str]| {
        let mut tasks = json!({"j": {"join": 1, "action": "core.noop"}});
        for other in others {
            tasks[other] = json!({"action": "core.noop", "next": [{"do": "j"}]});
        }
        json!({"version": 1.0, "tasks": tasks})
    };
    let done = |task| ends(task, Status::Succeeded);
    let late = |status| ends("j", status);
    let rests = vec![done("a"), done("b"), late(Status::Paused), done("j"), late(Status::Running), done("j")];
    let asks = vec![done("a"), done("b"), done("j"), late(Status::Pending), done("j")];
    // Two runs at once are one to Orquesta, and the third is still to start when the second says that it runs.
    let waits = vec![
        done("a"),
        done("b"),
        Asked(Status::Pausing),
        done("j"),
        done("c"),
        late(Status::Running),
        Asked(Status::Resuming),
        done("j"),
    ];
    let ends_late = vec![
        done("a"),
        done("b"),
        Asked(Status::Pausing),
        done("j"),
        done("c"),
        done("j"),
        Asked(Status::Resuming),
        done("j"),
    ];
    let missing = "failed; InvalidTaskStateEntry: The task \"j\" was not started.";
    compare(vec![
        ("it rested", joined(&["a", "b"]), rests, "a b j j; succeeded; -", &format!("a b j j; {missing}")),
        ("it asks", joined(&["a", "b"]), asks, "a b j j; succeeded; -", &format!("a b j j; {missing}")),
        (
            "another run waits",
            joined(&["a", "b", "c"]),
            waits,
            "a b c j j j; succeeded; -",
            "a b c j j; succeeded; -",
        ),
        (
            "another run waits for an end",
            joined(&["a", "b", "c"]),
            ends_late,
            "a b c j j j; succeeded; -",
            "a b c j j; succeeded; -",
        ),
    ]);
}

#[test]
fn a_rerun_with_nothing_to_run_is_refused() {
    let fails = json!([{"when": "<% succeeded() %>", "do": "u, fail"}]);
    let nothing = "there is nothing to run again: the workflow is";
    for (next, named, told) in [
        (json!([]), None, format!("{nothing} succeeded, and no task of it has failed; name the tasks to run again")),
        (fails.clone(), None, format!("{nothing} failed, and no task of it has failed; name the tasks to run again")),
        (
            fails,
            Some("fail"),
            "these tasks of the workflow were not run, so they cannot be run again: fail (route 0); name others".into(),
        ),
    ] {
        let source = json!({"version": 1.0, "tasks": {"t": {"action": "core.noop", "next": next}, "u": {}}});
        let rerun = Rerun { tasks: named.map(|name| (Arc::from(name), 0, false)).into_iter().collect() };
        for edition in [EDITION, 3] {
            let mut played = Played::new(&source, edition, &[ends("t", Status::Succeeded)]);
            let before = played.conductor.status();
            let result = played.conductor.apply(&Event::Rerun(rerun.clone()), &World::default());
            if edition == EDITION {
                assert_eq!(result.unwrap_err().to_string(), told);
                assert_eq!(played.conductor.status(), before);
            } else {
                assert!(result.is_ok(), "{told}");
            }
        }
    }
}

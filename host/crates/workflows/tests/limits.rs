//! Limits of workflows: concurrent items, tasks started by one event, tasks in all. The limit on items changes when
//! they run, and not what they result in.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::chain::ChainDefinition;
use petrel_workflows::conductor::{Event, Report, Rerun};
use petrel_workflows::{Conducted, Conductor, Definition, Source, Start, Status, World};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn conductor(definition: &Value, limits: WorkflowLimits) -> Conductor {
    let definition = Arc::new(Definition::compile(definition).unwrap());
    Conductor::new(definition, &Map::new(), &Map::new(), &World::default()).with_limits(limits)
}

fn window(items: usize) -> WorkflowLimits {
    WorkflowLimits { items_window: items, ..WorkflowLimits::default() }
}

/// A task over `count` items, and a task after it that sees their results.
fn with_items(count: usize) -> Value {
    json!({
        "version": 1.0,
        "vars": [{"given": null}],
        "tasks": {
            "many": {
                "with": format!("i in <% range({count}).toList() %>"),
                "action": "core.echo",
                "input": {"message": "<% item(i) %>"},
                "next": [
                    {"when": "<% succeeded() %>", "publish": [{"given": "<% result() %>"}], "do": "after"},
                    {"when": "<% failed() %>", "publish": [{"given": "<% result() %>"}], "do": "fail"},
                ],
            },
            "after": {"action": "core.noop"},
        },
        "output": [{"given": "<% ctx().given %>"}],
    })
}

/// Running actions, in the order of their starts: task, route and item.
type Running = VecDeque<(Arc<str>, u32, Option<usize>)>;

fn take(starts: Vec<Start>, running: &mut Running) {
    for start in starts {
        running
            .extend(start.actions.iter().map(|action| (Arc::clone(&start.task), start.route, action.item)));
    }
}

fn ask(conductor: &mut Conductor, status: Status, running: &mut Running) {
    take(conductor.apply(&Event::Request(status), &World::default()).unwrap(), running);
}

/// Ends the running action at this position.
fn end(conductor: &mut Conductor, running: &mut Running, place: usize, status: Status) -> Option<usize> {
    let (task, route, item) = running.remove(place).unwrap();
    let result = Arc::new(json!(item));
    let report = Report { task, route, item, status, result, execution: None };
    take(conductor.apply(&Event::Report(report), &World::default()).unwrap(), running);
    item
}

/// The end of an item, which does not depend on the time.
fn outcome(fails: &[bool], item: Option<usize>) -> Status {
    let fails = item.and_then(|item| fails.get(item)).copied().unwrap_or_default();
    if fails { Status::Failed } else { Status::Succeeded }
}

/// Runs a workflow to its end. Returns its result, the number of items that ran, and how many ran at once.
fn play(fails: &[bool], limits: WorkflowLimits, order: &[prop::sample::Index]) -> (Value, usize, usize) {
    play_through(&with_items(fails.len()), fails, limits, order)
}

/// As [`play`], for another task with items.
fn play_through(
    definition: &Value,
    fails: &[bool],
    limits: WorkflowLimits,
    order: &[prop::sample::Index],
) -> (Value, usize, usize) {
    let mut conductor = conductor(definition, limits);
    let (mut running, mut done, mut most) = (Running::new(), 0, 0);
    ask(&mut conductor, Status::Running, &mut running);
    let mut order = order.iter().cycle();
    while !running.is_empty() {
        most = most.max(running.len());
        let place = order.next().map_or(0, |which| which.index(running.len()));
        let status = outcome(fails, running.get(place).unwrap().2);
        done += usize::from(end(&mut conductor, &mut running, place, status).is_some());
    }
    let came = json!({"status": conductor.status().as_str(), "result": conductor.result()});
    (came, done, most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_changes_nothing_of_what_comes_of_items(
        fails in prop::collection::vec(prop::bool::weighted(0.2), 1..40),
        size in 1_usize..12,
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..50),
    ) {
        let (expected, all, _) = play(&fails, window(usize::MAX), &[]);
        let (came, done, most) = play(&fails, window(size), &order);
        // Errors are in the order in which they happened.
        let sorted = |mut came: Value| {
            if let Some(errors) = came.pointer_mut("/result/errors").and_then(Value::as_array_mut) {
                errors.sort_by_key(Value::to_string);
            }
            came
        };
        prop_assert_eq!(sorted(came), sorted(expected));
        prop_assert_eq!((done, all), (fails.len(), fails.len()));
        prop_assert!(most <= size.max(1), "{most} ran at once in a window of {size}");
    }
}

#[test]
fn what_is_left_of_the_items_waits_through_a_pause() {
    for fails in [[false; 7], [true; 7]] {
        let mut conductor = conductor(&with_items(7), window(3));
        let mut running = Running::new();
        ask(&mut conductor, Status::Running, &mut running);
        ask(&mut conductor, Status::Pausing, &mut running);
        while !running.is_empty() {
            end(&mut conductor, &mut running, 0, outcome(&fails, Some(0)));
        }
        assert_eq!(conductor.status(), Status::Paused, "{fails:?}");
        ask(&mut conductor, Status::Resuming, &mut running);
        assert_eq!(
            running.iter().map(|(_, _, item)| item.unwrap()).collect::<Vec<_>>(),
            [3, 4, 5],
            "{fails:?}"
        );
        while !running.is_empty() {
            end(&mut conductor, &mut running, 0, outcome(&fails, Some(0)));
        }
        let ends = if fails[0] { Status::Failed } else { Status::Succeeded };
        assert_eq!(conductor.status(), ends);
        assert_eq!(conductor.output().unwrap()["given"], json!([0, 1, 2, 3, 4, 5, 6]));
    }
}

#[test]
fn an_item_that_is_canceled_ends_its_task_although_some_have_not_begun() {
    for is_paused in [false, true] {
        for ends in [
            [Status::Canceled, Status::Failed],
            [Status::Failed, Status::Canceled],
            [Status::Canceled, Status::Succeeded],
            [Status::Succeeded, Status::Canceled],
            [Status::Canceled, Status::Canceled],
        ] {
            let mut conductor = conductor(&with_items(3), window(2));
            let mut running = Running::new();
            ask(&mut conductor, Status::Running, &mut running);
            if is_paused {
                ask(&mut conductor, Status::Pausing, &mut running);
            }
            for status in ends {
                end(&mut conductor, &mut running, 0, status);
            }
            while !running.is_empty() {
                end(&mut conductor, &mut running, 0, Status::Canceled);
            }
            assert_eq!(conductor.status(), Status::Canceled, "{ends:?}, paused: {is_paused}");
        }
    }
}

#[test]
fn a_task_that_is_led_to_again_while_its_items_run_runs_again_after_them() {
    let definition = json!({
        "version": 1.0,
        "tasks": {
            "first": {"action": "core.noop", "next": [{"do": "again"}]},
            "again": {"action": "core.noop", "next": [
                {"when": "<% ctx().n < 1 %>", "publish": [{"n": "<% ctx().n + 1 %>"}], "do": "again"},
                {"do": "many"},
            ]},
            "many": {"with": "<% range(3).toList() %>", "action": "core.noop"},
        },
        "vars": [{"n": 0}],
    });
    for is_paused in [false, true] {
        let mut conductor = conductor(&definition, window(2));
        let (mut running, mut items) = (Running::new(), Vec::new());
        ask(&mut conductor, Status::Running, &mut running);
        end(&mut conductor, &mut running, 0, Status::Succeeded);
        end(&mut conductor, &mut running, 0, Status::Succeeded);
        if is_paused {
            ask(&mut conductor, Status::Pausing, &mut running);
        }
        let again = running.iter().position(|(task, ..)| &**task == "again").unwrap();
        end(&mut conductor, &mut running, again, Status::Succeeded);
        while !running.is_empty() || conductor.status() == Status::Paused {
            if running.is_empty() {
                ask(&mut conductor, Status::Resuming, &mut running);
            }
            items.extend(end(&mut conductor, &mut running, 0, Status::Succeeded));
        }
        assert_eq!((conductor.status(), items), (Status::Succeeded, vec![0, 1, 2, 0, 1, 2]), "{is_paused}");
    }
}

#[test]
fn no_item_begins_once_the_workflow_is_canceled() {
    let mut conductor = conductor(&with_items(7), window(3));
    let mut running = Running::new();
    ask(&mut conductor, Status::Running, &mut running);
    ask(&mut conductor, Status::Canceling, &mut running);
    assert_eq!((conductor.status(), running.len()), (Status::Canceling, 3));
    for status in [Status::Succeeded, Status::Failed, Status::Canceled] {
        end(&mut conductor, &mut running, 0, status);
    }
    assert_eq!((conductor.status(), running.len()), (Status::Canceled, 0));
}

/// A task over `count` items, with this concurrency.
fn with_concurrency(count: usize, concurrency: &Value) -> Value {
    let mut definition = with_items(count);
    let items = format!("i in <% range({count}).toList() %>");
    *definition.pointer_mut("/tasks/many/with").unwrap() =
        json!({"items": items, "concurrency": concurrency});
    definition
}

#[test]
fn a_concurrency_of_the_task_is_its_window_as_far_as_that_goes() {
    for (concurrency, size, at_once) in [
        (json!(5), 10, 5),
        (json!(5), 3, 3),
        (json!(100_000), 3, 3),
        (json!("<% 100000 %>"), 3, 3),
        (json!(0), 3, 1),
        (json!(100_000), 1000, 7),
    ] {
        let definition = with_concurrency(7, &concurrency);
        let mut running = Running::new();
        ask(&mut conductor(&definition, window(size)), Status::Running, &mut running);
        assert_eq!(running.len(), at_once, "{concurrency} in a window of {size}");
        let (came, done, most) = play_through(&definition, &[false; 7], window(size), &[]);
        assert_eq!((done, most), (7, at_once), "{concurrency} in a window of {size}");
        assert_eq!(came["status"], "succeeded", "{concurrency} in a window of {size}");
    }
}

#[test]
fn a_window_below_the_concurrency_changes_nothing_of_what_comes_of_items() {
    let fails = [false, true, false, false, false, false, true];
    for concurrency in [7, 100] {
        let definition = with_concurrency(fails.len(), &json!(concurrency));
        let (expected, all, _) = play_through(&definition, &fails, window(usize::MAX), &[]);
        for size in [1, 3, 6] {
            let (came, done, _) = play_through(&definition, &fails, window(size), &[]);
            assert_eq!((came, done), (expected.clone(), all), "{concurrency} in a window of {size}");
        }
    }
}

/// Tasks without actions that lead to each other, twice as many in each round.
fn branching() -> Value {
    json!({"version": 1.0, "tasks": {
        "a": {"next": [{"do": "b, c"}]},
        "b": {"next": [{"do": "a, d"}]},
        "c": {"next": [{"do": "a, d"}]},
        "d": {"with": "<% list() %>", "action": "core.noop", "next": [{"do": "b, c"}]},
        "begin": {"next": [{"do": "a, b, c"}]},
    }})
}

#[test]
fn what_multiplies_fails_by_a_limit_that_is_named() {
    let few = WorkflowLimits { tasks_in_step: 100, tasks: 1_000_000, ..WorkflowLimits::default() };
    let in_all = WorkflowLimits { tasks_in_step: 10_000, tasks: 150, ..few };
    for (limits, most, named) in
        [(few, 100, "`workflows.max_tasks_in_step`"), (in_all, 150, "`workflows.max_tasks`")]
    {
        let mut conductor = conductor(&branching(), limits);
        let started = conductor.apply(&Event::Request(Status::Running), &World::default()).unwrap();
        assert_eq!(conductor.status(), Status::Failed);
        assert!(started.len() <= most, "{} tasks started, and {named} is {most}", started.len());
        assert!(
            conductor.errors().iter().any(|error| error.message.contains(named)),
            "{:?}",
            conductor.errors()
        );
    }
}

#[test]
fn many_tasks_one_after_the_other_fail_by_the_limit_of_all() {
    let definition = json!({"version": 1.0, "tasks": {
        "begin": {"action": "core.noop", "next": [{"do": "loop"}]},
        "loop": {"action": "core.noop", "next": [{"do": "loop"}]},
    }});
    let mut conductor = conductor(&definition, WorkflowLimits { tasks: 20, ..WorkflowLimits::default() });
    let mut running = Running::new();
    ask(&mut conductor, Status::Running, &mut running);
    let mut done = 0;
    while !running.is_empty() {
        end(&mut conductor, &mut running, 0, Status::Succeeded);
        done += 1;
    }
    assert_eq!((conductor.status(), done), (Status::Failed, 20));
}

#[test]
fn a_chain_that_leads_back_fails_by_the_limit_of_all() {
    let definition = json!({"chain": [
        {"name": "one", "ref": "core.noop", "on-success": "two"},
        {"name": "two", "ref": "core.noop", "on-success": "one"},
    ], "default": "one"});
    let source = Source::Chain(Arc::new(ChainDefinition::compile(&definition).unwrap()));
    let (input, world) = (Arc::default(), World::default());
    let limits = WorkflowLimits { tasks: 20, ..WorkflowLimits::default() };
    let mut chain = Conducted::new(&source, &input, &Map::new(), &world).with_limits(limits);
    let mut starts = chain.apply(&Event::Request(Status::Running), &world).unwrap();
    let mut done = 0;
    while let Some(start) = starts.pop() {
        let (task, route) = (start.task, start.route);
        let (status, result) = (Status::Succeeded, Arc::default());
        let report = Report { task, route, item: None, status, result, execution: None };
        starts = chain.apply(&Event::Report(report), &world).unwrap();
        done += 1;
    }
    assert_eq!((chain.status(), done), (Status::Failed, 20));
    assert!(chain.result()["error"].as_str().unwrap().contains("`workflows.max_tasks`"));
}

#[test]
fn items_that_are_done_again_have_the_same_window() {
    for (resets, again) in [(false, vec![0, 2, 4, 6, 8]), (true, (0..10).collect())] {
        let fails: Vec<bool> = (0..10).map(|item| item % 2 == 0).collect();
        let mut conductor = conductor(&with_items(10), window(3));
        let mut running = Running::new();
        ask(&mut conductor, Status::Running, &mut running);
        while let Some((_, _, item)) = running.front().cloned() {
            end(&mut conductor, &mut running, 0, outcome(&fails, item));
        }
        assert_eq!(conductor.status(), Status::Failed);
        let rerun = Rerun { tasks: vec![("many".into(), 0, resets)] };
        take(conductor.apply(&Event::Rerun(rerun), &World::default()).unwrap(), &mut running);
        let mut done = Vec::new();
        while !running.is_empty() {
            assert!(running.len() <= 3, "{running:?}");
            done.extend(end(&mut conductor, &mut running, 0, Status::Succeeded));
        }
        assert_eq!((done, conductor.status()), (again, Status::Succeeded));
    }
}

#[test]
fn what_an_expression_gives_for_a_time_or_a_count_is_within_bounds() {
    let with = |concurrency: &str| json!({"with": {"items": "<% [1, 2] %>", "concurrency": concurrency}, "action": "core.noop"});
    let retry = |key: &str| {
        let mut retry = json!({"count": 1});
        retry[key] = json!("<% ctx().n %>");
        json!({"action": "core.noop", "retry": retry})
    };
    let tasks = [
        ("delay", json!({"action": "core.noop", "delay": "<% ctx().n %>"})),
        ("timeout", json!({"action": "core.noop", "timeout": "{{ ctx().n }}"})),
        ("concurrency", with("<% ctx().n %>")),
        ("retry.count", retry("count")),
        ("retry.delay", retry("delay")),
    ];
    let (small, large) = ([-1, i64::MIN], [i64::MAX]);
    for (key, task) in tasks {
        for number in small.into_iter().chain(large).chain([0, 5]) {
            let definition = json!({"version": 1.0, "vars": [{"n": number}], "tasks": {"t": task.clone()}});
            let mut conductor = conductor(&definition, WorkflowLimits::default());
            let started = conductor.apply(&Event::Request(Status::Running), &World::default()).unwrap();
            // As in Orquesta, all but a timeout may be below 0, and a concurrency any number.
            let is_refused = (number < 0 && key == "timeout") || (number == i64::MAX && key != "concurrency");
            let told = format!("ValueError: The {key} of task \"t\" is {number}; it must be between 0 and ");
            let is_told = conductor.errors().iter().any(|error| error.message.starts_with(&told));
            assert_eq!(is_told, is_refused, "{key} {number}: {:?}", conductor.errors());
            assert_eq!(conductor.status() == Status::Failed, is_refused, "{key} {number}");
            assert_eq!(started.is_empty(), is_refused, "{key} {number}");
        }
    }
    let definition = json!({"version": 1.0, "timeout": "<% -3 %>", "tasks": {"t": {"action": "core.noop"}}});
    let conductor = conductor(&definition, WorkflowLimits::default());
    let told = "ValueError: The timeout of the workflow is -3; it must be between 0 and ";
    assert!(
        conductor.errors().iter().any(|error| error.message.starts_with(told)),
        "{:?}",
        conductor.errors()
    );
}

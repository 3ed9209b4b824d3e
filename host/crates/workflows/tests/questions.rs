//! Workflows with questions: actions that wait for the answer of a person. The workflow rests once nothing else is
//! active, and goes on when its host, which has the answer, asks it to.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::sync::Arc;

use petrel_workflows::chain::{Chain, ChainDefinition, ChainInput};
use petrel_workflows::conductor::{Event, Report};
use petrel_workflows::{Conductor, Definition, Start, Status, World};
use serde_json::{Map, Value, json};

/// An event: a report of a task, which may be of an item, or a request of the host.
#[derive(Debug, Clone, Copy)]
enum Step {
    Of(&'static str, Status),
    Item(usize, Status),
    Host(Status),
}
use Step::{Host, Item, Of};

fn begun(tasks: &Value) -> (Conductor, Vec<Start>) {
    let definition = Definition::compile(&json!({"version": 1.0, "tasks": tasks})).unwrap();
    let mut conductor = Conductor::new(Arc::new(definition), &Map::new(), &Map::new(), &World::default());
    let starts = conductor.apply(&Event::Request(Status::Running), &World::default()).unwrap();
    (conductor, starts)
}

fn apply(conductor: &mut Conductor, step: Step) -> Vec<String> {
    let report = |task: &str, item, status| {
        let (task, result) = (Arc::from(task), Arc::new(json!({"response": item})));
        Event::Report(Report { task, route: 0, item, status, result, execution: None })
    };
    let event = match step {
        Of(task, status) => report(task, None, status),
        Item(item, status) => report("many", Some(item), status),
        Host(status) => Event::Request(status),
    };
    let starts = conductor.apply(&event, &World::default()).unwrap();
    starts.iter().map(|start| format!("{} {}", start.task, start.actions.len())).collect()
}

/// Plays `steps`, each of which starts these tasks (with the number of their actions) and leaves the workflow so.
fn plays(tasks: &Value, steps: &[(Step, &[&str], Status)]) {
    let (mut conductor, _) = begun(tasks);
    for (number, (step, starts, status)) in steps.iter().enumerate() {
        let started = apply(&mut conductor, *step);
        assert_eq!((started, conductor.status()), (texts(starts), *status), "step {number}, {step:?}");
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_workflow_rests_while_it_is_asked_and_goes_on_with_the_answer() {
    let tasks = json!({
        "ask": {"action": "a", "next": [
            {"when": "<% succeeded() %>", "do": "act"}, {"when": "<% failed() %>", "do": "late"},
        ]},
        "act": {"action": "a"}, "late": {"action": "a"},
    });
    for (end, next) in [(Status::Succeeded, "act 1"), (Status::Timeout, "late 1"), (Status::Failed, "late 1")]
    {
        plays(
            &tasks,
            &[
                (Of("ask", Status::Pending), &[], Status::Paused),
                (Host(Status::Resuming), &[], Status::Resuming),
                (Of("ask", end), &[next], Status::Running),
            ],
        );
    }
    plays(
        &tasks,
        &[
            (Of("ask", Status::Pending), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Of("ask", Status::Canceled), &[], Status::Canceled),
        ],
    );
}

#[test]
fn what_nothing_leads_on_from_fails_the_workflow() {
    plays(
        &json!({"ask": {"action": "a"}}),
        &[
            (Of("ask", Status::Pending), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Of("ask", Status::Timeout), &[], Status::Failed),
        ],
    );
}

#[test]
fn what_runs_beside_a_question_ends_before_the_workflow_rests() {
    let tasks = json!({
        "ask": {"action": "a"}, "other": {"action": "a", "next": [{"do": "after"}]}, "after": {"action": "a"},
    });
    plays(
        &tasks,
        &[
            (Of("ask", Status::Pending), &[], Status::Pausing),
            (Of("other", Status::Succeeded), &[], Status::Paused),
            (Host(Status::Resuming), &["after 1"], Status::Running),
            (Of("ask", Status::Succeeded), &[], Status::Running),
            (Of("after", Status::Succeeded), &[], Status::Succeeded),
        ],
    );
}

#[test]
fn two_questions_are_answered_one_after_the_other() {
    let tasks = json!({
        "jack": {"action": "a", "next": [{"do": "both"}]}, "jill": {"action": "a", "next": [{"do": "both"}]},
        "both": {"join": "all", "action": "a"},
    });
    plays(
        &tasks,
        &[
            (Of("jack", Status::Pending), &[], Status::Pausing),
            (Of("jill", Status::Pending), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Of("jack", Status::Succeeded), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Of("jill", Status::Succeeded), &["both 1"], Status::Running),
        ],
    );
}

#[test]
fn each_item_asks_by_itself() {
    let many = json!({"with": {"items": "<% range(3).toList() %>", "concurrency": 2}, "action": "a"});
    plays(
        &json!({"many": many}),
        &[
            (Item(0, Status::Pending), &[], Status::Running),
            (Item(1, Status::Pending), &[], Status::Paused),
            (Host(Status::Resuming), &["many 1"], Status::Running),
            (Item(0, Status::Succeeded), &[], Status::Running),
            (Item(2, Status::Pending), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Item(1, Status::Succeeded), &[], Status::Paused),
            (Host(Status::Resuming), &[], Status::Resuming),
            (Item(2, Status::Succeeded), &[], Status::Succeeded),
        ],
    );
}

#[test]
fn a_chain_sees_the_answer_where_stackstorm_puts_it() {
    const BOTH: &str =
        "{{ ask.result.response.ok }} {{ __results.ask.result.response.ok }} {{ ask.response.ok }}";
    const PLAIN: &str = "{{ ask.response.ok }}";
    let world = World::default();
    let result = Arc::new(json!({"response": {"ok": true}}));
    for (rests_as, template, seen) in [
        (Some(Status::Pending), BOTH, Some("True True True")),
        // The workflow inside was paused.
        (Some(Status::Paused), BOTH, Some("True True True")),
        (None, PLAIN, Some("True")),
        (None, BOTH, None),
    ] {
        let definition = ChainDefinition::compile(&json!({"chain": [
            {"name": "ask", "ref": "p.a", "on-success": "act"},
            {"name": "act", "ref": "p.b", "parameters": {"said": template}},
        ]}));
        let mut chain = Chain::new(&Arc::new(definition.unwrap()), ChainInput::default(), &world);
        chain.apply(&Event::Request(Status::Running), &world).unwrap();
        let report = |status| {
            let (task, result) = (Arc::from("ask"), Arc::clone(&result));
            Event::Report(Report { task, route: 0, item: None, status, result, execution: None })
        };
        if let Some(status) = rests_as {
            chain.apply(&report(status), &world).unwrap();
            assert_eq!(chain.status(), Status::Paused);
            chain.apply(&Event::Request(Status::Resuming), &world).unwrap();
        }
        let starts = chain.apply(&report(Status::Succeeded), &world).unwrap();
        let said = starts.first().map(|start| start.actions[0].input["said"].clone());
        assert_eq!(said, seen.map(Value::from), "{rests_as:?} {template}");
        assert_eq!(chain.result()["tasks"][0]["result"], *result, "the list of tasks has it as it is");
    }
}

//! The limit on the size of variables (input, results, published variables), in both languages.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::collections::VecDeque;
use std::sync::Arc;

use petrel_model::WorkflowLimits;
use petrel_workflows::chain::ChainDefinition;
use petrel_workflows::conductor::{Event, Report};
use petrel_workflows::{Conducted, Definition, Source, Start, Status, World};
use serde_json::{Map, Value, json};

/// Running actions, in the order of their starts: task, route and item.
type Running = VecDeque<(Arc<str>, u32, Option<usize>)>;

fn take(starts: Vec<Start>, running: &mut Running) {
    for start in starts {
        running
            .extend(start.actions.iter().map(|action| (Arc::clone(&start.task), start.route, action.item)));
    }
}

/// Lets each running action return a mebibyte, at most `most` times. Returns how often that was.
fn fed(conductor: &mut Conducted, most: usize) -> usize {
    let (world, result) = (World::default(), Arc::new(json!("x".repeat(1 << 20))));
    let mut running = Running::new();
    take(conductor.apply(&Event::Request(Status::Running), &world).unwrap(), &mut running);
    let mut done = 0;
    while let Some((task, route, item)) = running.pop_front().filter(|_| done < most) {
        let (status, result) = (Status::Succeeded, Arc::clone(&result));
        let report = Report { task, route, item, status, result, execution: None };
        take(conductor.apply(&Event::Report(report), &world).unwrap(), &mut running);
        done += 1;
    }
    done
}

#[test]
fn what_a_workflow_knows_has_a_limit_that_is_named() {
    let publishes = json!({"version": 1.0, "tasks": {
        "begin": {"action": "core.noop", "next": [{"do": "loop"}]},
        "loop": {"action": "core.noop", "next": [{"publish": [{"big": "<% result() %>"}], "do": "loop"}]},
    }});
    let fills = json!({"version": 1.0, "vars": [{"n": 0}, {"big": {"text": "x".repeat(1 << 20)}}], "tasks": {
        "begin": {"action": "core.noop", "next": [{"do": "loop"}]},
        "loop": {"action": "core.noop", "next": [
            {"publish": [{"n": "<% ctx().n + 1 %>"}, {"big": {"n": "<% ctx().n %>"}}], "do": "loop"},
        ]},
    }});
    let items = json!({"version": 1.0, "tasks": {
        "many": {"with": "<% range(100).toList() %>", "action": "core.noop"},
    }});
    let orquesta = |definition: &Value| Source::Orquesta(Arc::new(Definition::compile(definition).unwrap()));
    let chain = json!({"chain": [
        {"name": "one", "ref": "core.noop", "on-success": "two"},
        {"name": "two", "ref": "core.noop", "on-success": "one"},
    ], "default": "one"});
    let chain = Source::Chain(Arc::new(ChainDefinition::compile(&chain).unwrap()));
    let limits = WorkflowLimits { variables: 10 << 20, items_window: 3, ..WorkflowLimits::default() };
    for (name, source, most) in [
        ("a cycle that publishes", orquesta(&publishes), 12),
        ("a cycle that puts little into a large dictionary", orquesta(&fills), 12),
        ("items that give much", orquesta(&items), 13),
        ("a chain, which keeps all twice", chain, 6),
    ] {
        let new = || Conducted::new(&source, &Arc::default(), &Map::new(), &World::default());
        let mut limited = new().with_limits(limits);
        let done = fed(&mut limited, 50);
        assert!((5..=most).contains(&done), "{name}: {done} were done");
        assert!(limited.bytes() > 10 << 20, "{name}: {} bytes", limited.bytes());
        assert_eq!(limited.status(), Status::Failed, "{name}");
        assert!(limited.result().to_string().contains("`workflows.max_variables_mib`"), "{name}");
        // Logs from before the limit existed replay to the same state.
        let unlimited = fed(&mut new().with_limits(WorkflowLimits::NONE), 20);
        assert_eq!(unlimited, 20, "{name}");
    }
}

#[test]
fn the_configuration_is_seen_and_is_no_variable() {
    let definition = json!({"version": 1.0, "vars": [{"zone": "{{ config_context.zone }}"}],
        "output": [{"zone": "<% ctx().zone %>"}],
        "tasks": {"a": {"action": "core.echo", "input": {"message": "{{ config_context.region }}"}}},
    });
    let source = Source::Orquesta(Arc::new(Definition::compile(&definition).unwrap()));
    let context = json!({"config_context": {"region": "{{ 1 + 1 }}", "zone": "z1"}});
    let world = World::default();
    let mut conductor = Conducted::new(&source, &Arc::default(), context.as_object().unwrap(), &world);
    let starts = conductor.apply(&Event::Request(Status::Running), &world).unwrap();
    let input = &starts.first().unwrap().actions.first().unwrap().input;
    assert_eq!(**input, json!({"message": "{{ 1 + 1 }}"}), "what comes out of it is data");
    let report = Report {
        task: "a".into(),
        route: 0,
        item: None,
        status: Status::Succeeded,
        result: Arc::default(),
        execution: None,
    };
    conductor.apply(&Event::Report(report), &world).unwrap();
    assert_eq!(conductor.result()["output"], json!({"zone": "z1"}));
    assert_eq!(conductor.variables().get("config_context"), None);
}

#[test]
fn an_expression_that_cannot_be_evaluated_has_a_remedy() {
    for (published, hint) in [
        ("{{ result().stdot }}", "Did you mean `result().stdout`?"),
        ("{{ task(a).result }}", "A name is a text; write `task('a')`."),
        ("{{ ctx().hst }}", "Did you mean `ctx('host')`?"),
    ] {
        let definition = json!({"version": 1.0, "vars": [{"host": "h"}], "tasks": {"a": {
            "action": "core.local", "next": [{"publish": [{"x": published}]}],
        }}});
        let source = Source::Orquesta(Arc::new(Definition::compile(&definition).unwrap()));
        let world = World::default();
        let mut conductor = Conducted::new(&source, &Arc::default(), &Map::new(), &world);
        conductor.apply(&Event::Request(Status::Running), &world).unwrap();
        let report = Report {
            task: "a".into(),
            route: 0,
            item: None,
            status: Status::Succeeded,
            result: Arc::new(json!({"stdout": "x"})),
            execution: None,
        };
        conductor.apply(&Event::Report(report), &world).unwrap();
        assert_eq!(conductor.result()["errors"][0]["hint"], hint, "{published}");
    }
}

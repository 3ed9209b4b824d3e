//! What is shown of executions, against what was sent before there were these types.

use serde_json::json;

use super::*;
use crate::round_trip::{assert_shown_as, noun};

const ID: &str = "65a000000000000000000001";
const WORKFLOW: &str = "65a000000000000000000002";
const EVENT: &str = "65a000000000000000000003";
const RULE: &str = "65a000000000000000000004";

fn beside(action: Option<RegisteredAs<'_>>) -> Beside<'_> {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    Beside { action, secrets: Secrets::Masked, now, task_execution: None, is_held: false }
}

#[test]
fn what_is_not_there_yet_is_left_out() {
    let stored = noun(json!({
        "id": ID, "version": 1, "action": "core.noop", "runner": "noop", "status": "requested",
        "requested_at": "2026-11-20T11:00:00Z", "context": {"user": "ada", "pack": "core"},
    }));
    assert_shown_as::<Execution<'static>>(
        &Execution::of(&stored, beside(None)),
        &json!({
            "id": ID,
            "status": "requested",
            "action": {"ref": "core.noop", "name": "noop", "pack": "core", "runner_type": "noop"},
            "runner": {"name": "noop"},
            "liveaction": {"id": ID, "action": "core.noop", "parameters": {}},
            "start_timestamp": "2026-11-20T11:00:00.000000Z",
            "context": {"user": "ada", "pack": "core"},
            "log": [],
            "trace": format!("00000000{ID}"),
            "result": {},
        }),
    );
}

#[test]
fn an_execution_shows_all_that_it_has_with_secrets_masked() {
    let stored = noun(json!({
        "id": ID, "version": 4, "action": "core.local", "runner": "local-shell-cmd", "status": "succeeded",
        "parameters": {"cmd": "ls", "key": "k"}, "result": {"stdout": "s", "exit_code": 0},
        "requested_at": "2026-11-20T11:00:00Z", "ended_at": "2026-11-20T11:00:01.5Z", "host": 7,
        "context": {
            "user": "ada", "pack": "core", "trigger_instance": {"id": EVENT, "name": "core.st2.webhook"},
            "rule": {"id": RULE, "name": "mine.r"}, "api_user": "bob", "cancelled_by": "eve",
            "re-run": {"ref": WORKFLOW, "tasks": ["a"], "reset": []}, "given": {"user": "x", "source": "chat"},
        },
        "log": [{"status": "running", "timestamp": "2026-11-20T11:00:00Z"}],
    }));
    let action = noun(json!({
        "ref": "core.local", "runner_type": "local-shell-cmd",
        "output_schema": {"type": "string", "secret": true},
    }));
    let parameters = noun(json!({"cmd": {"type": "string"}, "key": {"secret": true}}));
    let registered = RegisteredAs { action: &action, parameters: &parameters, refused: None };
    assert_shown_as::<Execution<'static>>(
        &Execution::of(&stored, Beside { is_held: true, ..beside(Some(registered)) }),
        &json!({
            "id": ID,
            "status": "succeeded",
            "action": {
                "ref": "core.local", "description": "", "enabled": true, "runner_type": "local-shell-cmd",
                "entry_point": "", "parameters": {}, "output_schema": {"type": "string", "secret": true},
                "idempotent": false, "id": "core.local", "name": "local", "pack": "core",
                "uid": "action:core:local", "metadata_file": "actions/local.yaml",
            },
            "runner": {"name": "local-shell-cmd"},
            "liveaction": {"id": ID, "action": "core.local", "parameters": {"cmd": "ls", "key": "********"}},
            "start_timestamp": "2026-11-20T11:00:00.000000Z",
            "end_timestamp": "2026-11-20T11:00:01.500000Z",
            "elapsed_seconds": 1.5,
            "parameters": {"cmd": "ls", "key": "********"},
            "context": {
                "user": "ada", "pack": "core", "trigger_instance": {"id": EVENT, "name": "core.st2.webhook"},
                "rule": {"id": RULE, "name": "mine.r"}, "api_user": "bob", "cancelled_by": "eve",
                "re-run": {"ref": WORKFLOW, "tasks": ["a"], "reset": []}, "source": "chat", "given": {"user": "x"},
            },
            "log": [{"status": "running", "timestamp": "2026-11-20T11:00:00.000000Z"}],
            "trigger_instance": {"id": EVENT},
            "rule": {"id": RULE, "ref": "mine.r"},
            "trace": format!("00000000{EVENT}"),
            "result": {"stdout": "********", "exit_code": 0},
            "held": true,
        }),
    );
}

#[test]
fn a_result_does_not_repeat_a_secret_parameter() {
    let action: petrel_model::Action = serde_json::from_value(json!({
        "ref": "mine.echo", "runner_type": "python-script", "parameters": {"note": {"type": "string"}},
    }))
    .unwrap();
    let registered = RegisteredAs { action: &action, parameters: &action.parameters, refused: None };
    let result = json!({"result": {"note": "s3cret"}, "stdout": "it is s3cret", "exit_code": 0});
    let masked = json!({"result": {"note": "********"}, "stdout": "it is ********", "exit_code": 0});
    for (places, shown) in [(json!(["/note"]), &masked), (json!([]), &result)] {
        let stored = noun(json!({
            "id": ID, "version": 1, "action": "mine.echo", "runner": "python-script", "status": "succeeded",
            "parameters": {"note": "s3cret"}, "result": result, "requested_at": "2026-11-20T11:00:00Z",
            "context": {"user": "ada", "pack": "mine", "secret_places": places},
        }));
        assert_eq!(*shown_result(&stored, Some(registered), Secrets::Masked), *shown);
        assert_eq!(*shown_result(&stored, Some(registered), Secrets::Shown), result);
    }
}

#[test]
fn an_execution_of_a_task_says_so() {
    let stored = noun(json!({
        "id": ID, "version": 1, "action": "mine.flow", "runner": "orquesta", "status": "running",
        "requested_at": "2026-11-20T11:00:00Z",
        "context": {"user": "ada", "pack": "mine", "given": {"z": 1}},
        "parent": {"execution": WORKFLOW, "task": "t", "number": 3, "route": 1, "item": 2, "in_chain": true},
    }));
    let known = Beside { task_execution: Some("0a".into()), ..beside(None) };
    let shown = Execution { children: vec![WORKFLOW.parse().unwrap()], ..Execution::of(&stored, known) };
    assert_shown_as::<Execution<'static>>(
        &shown,
        &json!({
            "id": ID,
            "status": "running",
            "action": {"ref": "mine.flow", "name": "flow", "pack": "mine", "runner_type": "orquesta"},
            "runner": {"name": "orquesta"},
            "liveaction": {"id": ID, "action": "mine.flow", "parameters": {}},
            "start_timestamp": "2026-11-20T11:00:00.000000Z",
            "parent": WORKFLOW,
            "workflow_execution": WORKFLOW,
            "task_execution": "0a",
            "context": {
                "user": "ada", "pack": "mine", "z": 1,
                "parent": {"execution_id": WORKFLOW},
                "orquesta": {
                    "workflow_execution_id": WORKFLOW, "task_execution_id": "0a", "task_id": "t",
                    "task_name": "t", "task_route": 1, "item_id": 2,
                },
                "chain": {"name": "t", "ref": "mine.flow"},
                "workflow_execution": ID,
            },
            "log": [],
            "trace": format!("00000000{WORKFLOW}"),
            "result": {},
            "children": [WORKFLOW],
        }),
    );
}

#[test]
fn what_waits_for_its_time_is_delayed() {
    for (ready_at, status) in
        [("2026-11-20T12:00:01Z", Status::Delayed), ("2026-11-20T12:00:00Z", Status::Requested)]
    {
        let stored = noun(json!({
            "id": ID, "version": 1, "action": "core.noop", "runner": "noop", "status": "requested",
            "requested_at": "2026-11-20T11:00:00Z", "ready_at": ready_at,
        }));
        assert_eq!(Execution::of(&stored, beside(None)).status, status, "{ready_at}");
    }
}

#[test]
fn what_a_caller_gave_never_stands_for_what_the_host_says() {
    let stored = noun(json!({
        "id": ID, "version": 1, "action": "mine.flow", "runner": "orquesta", "status": "running",
        "requested_at": "2026-11-20T11:00:00Z",
        "context": {"user": "ada", "pack": "mine", "given": {"workflow_execution": 5, "parent": 6, "z": 1}},
    }));
    let shown = Execution::of(&stored, beside(None));
    assert_eq!(
        serde_json::to_string(&shown.context).unwrap(),
        json!({"user": "ada", "pack": "mine", "workflow_execution": ID, "z": 1, "given": {"parent": 6}})
            .to_string()
    );
}

#[test]
fn how_an_execution_stands_is_read_from_all_of_it_and_from_little() {
    let stored = noun(json!({
        "id": ID, "version": 1, "action": "core.noop", "runner": "noop", "status": "running",
        "requested_at": "2026-11-20T11:00:00Z",
    }));
    let whole =
        serde_json::to_value(Execution::of(&stored, Beside { is_held: true, ..beside(None) })).unwrap();
    let standing: Standing<'static> = noun(whole);
    assert_eq!((&*standing.id, standing.status, standing.held), (ID, Status::Running, true));
    let little: Standing<'static> = noun(json!({"id": "1", "status": "failed"}));
    assert_eq!((little.status, little.held), (Status::Failed, false));
}

#[test]
fn the_result_of_an_action_that_is_gone_is_masked_unless_it_was_never_run() {
    let result = json!({"stdout": "hush", "exit_code": 0});
    for (log, secrets, expected) in [
        (
            &["requested", "running", "succeeded"][..],
            Secrets::Masked,
            json!({"stdout": "********", "exit_code": "********"}),
        ),
        (&["requested", "running", "succeeded"], Secrets::Shown, result.clone()),
        // Whether it ran is not known.
        (&[], Secrets::Masked, json!({"stdout": "********", "exit_code": "********"})),
        (&["requested", "failed"], Secrets::Masked, result.clone()),
    ] {
        let entries: Vec<_> =
            log.iter().map(|status| json!({"status": status, "timestamp": "2026-11-20T11:00:00Z"})).collect();
        let stored = noun(json!({
            "id": ID, "version": 1, "action": "mine.gone", "runner": "local-shell-cmd", "status": "succeeded",
            "requested_at": "2026-11-20T11:00:00Z", "result": result, "log": entries,
        }));
        let shown = Execution::of(&stored, Beside { secrets, ..beside(None) });
        assert_eq!(*shown.result, expected, "{log:?} {secrets:?}");
    }
}

#[test]
fn that_an_action_is_gone_is_said_to_everybody() {
    let shown = |result: Value| {
        let stored = noun(json!({
            "id": ID, "version": 1, "action": "mine.gone", "runner": "noop", "status": "failed",
            "requested_at": "2026-11-20T11:00:00Z", "result": result,
        }));
        Value::clone(&Execution::of(&stored, beside(None)).result)
    };
    for code in ["action.gone", "action.refused"] {
        let told = json!({"error": "action `mine.gone` does not exist", "code": code, "hint": "register it"});
        assert_eq!(shown(told.clone()), told);
    }
    let own = json!({"error": "hush", "code": "limit.memory", "hint": "hush"});
    assert_eq!(shown(own)["error"], "********");
}

//! Actions that run other actions: below them, without their slot, and no longer than they do.

use petrel_model::{Execution, ExecutionId, Status};
use serde_json::json;

use crate::support::{House, Plan, asks_with, until, within};

const FLOW: &str = "version: 1.0\ninput: [value]\ntasks:\n  one: {action: house.at_once}\n";

/// Asks for an execution that calls this action of the pack.
async fn calls(house: &House, called: &str) -> ExecutionId {
    house.request(asks_with("calls", &json!({"value": called}))).await.unwrap().id
}

/// What an execution has called, once that is stored.
async fn child(house: &House, caller: ExecutionId) -> Execution {
    let stored = async {
        loop {
            if let Some(child) = house.children(caller).await.pop() {
                return child;
            }
            tokio::task::yield_now().await;
        }
    };
    within("what is called is stored", stored).await
}

#[tokio::test]
async fn what_is_called_runs_below_its_caller_and_in_its_slot() {
    let plan = Plan::default().calling().options(|options| options.executions.component_slots = 1);
    let house = plan.open().await;
    let caller = house.ended(calls(&house, "at_once").await).await;
    let child = child(&house, caller.id).await;
    assert_eq!((caller.status, child.status), (Status::Succeeded, Status::Succeeded));
    let result = json!({"called": child.id, "result": {"value": "at_once"}});
    assert_eq!(caller.result.as_deref(), Some(&result));
    let parent = child.parent.clone().unwrap();
    assert_eq!((parent.execution, parent.root(), parent.is_call), (caller.id, caller.id, true));
    assert!(child.task().is_none());
    assert_eq!(child.trace_id(), caller.trace_id());
    assert_eq!(child.context.user, caller.context.user);
}

#[tokio::test]
async fn a_called_workflow_and_a_failure_end_as_they_do() {
    let plan = Plan::default().calling().workflow_with("flow", "{value: {type: string}}", FLOW);
    let house = plan.open().await;
    let caller = house.ended(calls(&house, "flow").await).await;
    let flow = child(&house, caller.id).await;
    assert_eq!((caller.status, flow.status), (Status::Succeeded, Status::Succeeded));
    let task = child(&house, flow.id).await;
    let parent = task.parent.clone().unwrap();
    assert_eq!(
        (parent.execution, parent.root(), parent.is_call, parent.depth),
        (flow.id, caller.id, false, 1)
    );
    let caller = house.ended(calls(&house, "fails").await).await;
    assert_eq!(caller.status, Status::Failed);
    assert!(caller.result.unwrap().to_string().contains("has ended as failed: on purpose"));
}

#[tokio::test]
async fn the_cancel_of_a_caller_cancels_what_it_has_called() {
    let house = Plan::default().calling().open().await;
    let caller = calls(&house, "waits").await;
    let child = child(&house, caller).await.id;
    house.begins(child).await;
    house.cancel(caller).await.unwrap();
    assert_eq!(house.ended(caller).await.status, Status::Canceled);
    assert_eq!(house.ended(child).await.status, Status::Canceled);
    until("everything has ended", || house.script.open() == 0).await;
}

#[tokio::test]
async fn who_is_given_secrets_keeps_its_result_as_one() {
    let secret = "version: 1.0\ninput: [value, password]\ntasks:\n  one: {action: house.at_once}\n";
    let parameters = "{value: {type: string}, password: {type: string, secret: true, default: hush-hush}}";
    let house = Plan::default().calling().workflow_with("secretive", parameters, secret).open().await;
    let caller = house.ended(calls(&house, "secretive").await).await;
    assert_eq!(caller.status, Status::Succeeded);
    assert!(child(&house, caller.id).await.holds_secrets() && caller.context.sealed);
    let open = house.ended(calls(&house, "at_once").await).await;
    assert!(!open.context.sealed);
}

#[tokio::test]
async fn what_is_called_by_who_was_told_a_secret_is_kept_as_one() {
    let house = Plan::default().calling().open().await;
    let caller = house.request(asks_with("learns", &json!({"value": "at_once"}))).await.unwrap().id;
    let caller = house.ended(caller).await;
    assert_eq!(caller.status, Status::Succeeded);
    assert!(caller.context.sealed && child(&house, caller.id).await.context.sealed);
}

#[tokio::test]
async fn output_of_who_was_told_a_secret_is_stored_with_its_end() {
    let house = Plan::default().calling().open().await;
    let caller = house.request(asks_with("learns", &json!({"value": "waits"}))).await.unwrap().id;
    let child = child(&house, caller).await.id;
    house.begins(child).await;
    house.seconds(1).await;
    assert!(house.output(caller).await.is_empty(), "it would be stored in clear");
    house.finish(child).await;
    assert!(house.ended(caller).await.context.sealed);
    assert_eq!(house.output(caller).await, ["told"]);
}

#[tokio::test]
async fn calls_are_as_deep_as_workflows_may_be() {
    let plan = Plan::default().calling().options(|options| options.workflows.max_depth = 2);
    let house = plan.open().await;
    let caller = house.ended(calls(&house, "calls").await).await;
    assert_eq!(caller.status, Status::Failed);
    assert!(caller.result.unwrap().to_string().contains("workflows.max_depth"));
    assert_eq!(house.executions().await.len(), 4, "the first one, and three below it");
}

#[tokio::test]
async fn what_a_lost_process_has_called_is_not_run_for_nobody() {
    let house = Plan::default().calling().open().await;
    let caller = calls(&house, "again").await;
    let child = child(&house, caller).await.id;
    house.begins(child).await;
    let next = house.next_process().await;
    assert_eq!(next.ended(caller).await.status, Status::Abandoned);
    assert_eq!(next.ended(child).await.status, Status::Canceled);
    assert!(next.script.begun().is_empty(), "nothing has run again");
}

//! Policies of actions: what waits because of them, in which order it goes on, what ends, and what is tried again; over
//! restarts and changes of policies too.

use petrel_model::policy::PolicyState;
use petrel_model::{Execution, ExecutionId, Status};
use petrel_persistence::StoreExt as _;
use serde_json::{Value, json};

use crate::support::script::failed;
use crate::support::{House, PACK, Plan, asks_with, policy, result_of, settle, statuses};

/// A house with a policy.
async fn with_policy(kind: &str, action: &str, parameters: &str) -> House {
    let house = House::new().await;
    house.policy(&policy("p", kind, action, parameters)).await;
    house
}

/// Asks for an action some times.
async fn ask_many(house: &House, action: &str, count: usize) -> Vec<ExecutionId> {
    let mut asked = Vec::new();
    for _ in 0..count {
        asked.push(house.ask(action).await);
    }
    settle().await;
    asked
}

async fn ask_with_value(house: &House, action: &str, value: &str) -> Execution {
    let asked = house.request(asks_with(action, &json!({"value": value}))).await.unwrap();
    settle().await;
    house.execution(asked.id).await
}

async fn statuses_of(house: &House, ids: &[ExecutionId]) -> Vec<Status> {
    let mut found = Vec::new();
    for id in ids {
        found.push(house.status(*id).await);
    }
    found
}

#[tokio::test]
async fn as_many_run_as_may_and_the_others_follow_in_order() {
    for threshold in [1, 2] {
        let house = with_policy("action.concurrency", "waits", &format!("threshold: {threshold}")).await;
        let asked = ask_many(&house, "waits", 5).await;
        let last = house.execution(asked[4]).await;
        assert_eq!(last.status, Status::Delayed);
        let reason = format!(
            "the policy {PACK}.p lets {threshold} run at once, and {threshold} run now; {} wait before it",
            4 - threshold
        );
        assert_eq!(house.wait_reason(&last), Some(reason));
        for (place, id) in asked.iter().enumerate() {
            assert_eq!(house.script.begun(), asked[..(place + threshold).min(5)], "{threshold}");
            house.finish(*id).await;
        }
        assert_eq!(
            statuses(&house.execution(asked[4]).await),
            ["requested", "delayed", "running", "succeeded"]
        );
        assert_eq!(house.wait_reason(&house.execution(asked[4]).await), None);
    }
}

#[tokio::test]
async fn only_equal_values_wait_for_each_other() {
    let parameters = "threshold: 1, attributes: [value]";
    let house = with_policy("action.concurrency.attr", "waits", parameters).await;
    let mut asked = Vec::new();
    for value in ["a", "a", "b"] {
        asked.push(ask_with_value(&house, "waits", value).await.id);
    }
    assert_eq!(house.script.begun(), [asked[0], asked[2]]);
    house.finish(asked[2]).await;
    assert_eq!(house.status(asked[1]).await, Status::Delayed);
    house.finish(asked[0]).await;
    assert_eq!(house.script.begun(), [asked[0], asked[2], asked[1]]);
}

#[tokio::test]
async fn what_would_wait_is_canceled_where_the_policy_says_so() {
    let house = with_policy("action.concurrency", "waits", "threshold: 1, action: cancel").await;
    let asked = ask_many(&house, "waits", 2).await;
    let canceled = house.execution(asked[1]).await;
    assert_eq!(canceled.status, Status::Canceled);
    assert_eq!(result_of(&canceled, "code"), json!("policy.concurrency"));
    house.finish(asked[0]).await;
    let next = house.ask("waits").await;
    house.finish(next).await;
}

#[tokio::test]
async fn who_waits_can_be_canceled_and_keeps_nobody_waiting() {
    let house = with_policy("action.concurrency", "waits", "threshold: 1").await;
    let asked = ask_many(&house, "waits", 4).await;
    for id in [asked[1], asked[0]] {
        house.cancel(id).await.unwrap();
        settle().await;
    }
    assert_eq!(house.script.begun(), [asked[0], asked[2]]);
    house.finish(asked[2]).await;
    house.finish(asked[3]).await;
    let expected = [Status::Canceled, Status::Canceled, Status::Succeeded, Status::Succeeded];
    assert_eq!(statuses_of(&house, &asked).await, expected);
}

#[tokio::test]
async fn after_a_restart_those_that_wait_go_on_in_order() {
    let house = with_policy("action.concurrency", "waits", "threshold: 1").await;
    let asked = ask_many(&house, "waits", 3).await;
    let house = house.next_process().await;
    assert_eq!(house.status(asked[0]).await, Status::Abandoned);
    assert_eq!(house.script.begun(), [asked[1]]);
    house.finish(asked[1]).await;
    house.finish(asked[2]).await;
}

const FLOW: &str = "version: 1.0\ntasks: {one: {action: house.again}}\n";

#[tokio::test]
async fn a_running_workflow_counts_and_after_a_restart_too() {
    let house = House::with("flow", FLOW).await;
    house.policy(&policy("p", "action.concurrency", "flow", "threshold: 1")).await;
    let first = house.conduct("flow").await;
    let second = house.ask("flow").await;
    settle().await;
    assert_eq!(house.status(second).await, Status::Delayed);
    let house = house.next_process().await;
    let child = house.task(first, "one").await;
    assert_eq!((house.status(first).await, house.status(second).await), (Status::Running, Status::Delayed));
    house.finish(child).await;
    house.finish_task(second, "one").await;
    assert_eq!(house.ended(second).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_far_inside_of_itself_does_not_wait_for_itself() {
    let left = "{left: {type: integer}}";
    let guarded = "
version: 1.0
input: [left]
tasks:
  first:
    action: house.at_once
    next:
      - when: <% ctx().left > 0 %>
        do: further
  further:
    action: house.inner
    input:
      left: <% ctx().left - 1 %>
";
    let passes = |action: &str| {
        let input = "    input:\n      left: <% ctx().left %>\n";
        format!("version: 1.0\ninput: [left]\ntasks:\n  one:\n    action: house.{action}\n{input}")
    };
    let plan = Plan::default()
        .workflow("top", "version: 1.0\ntasks: {one: {action: house.guarded, input: {left: 1}}}\n")
        .workflow_with("guarded", left, guarded)
        .workflow_with("inner", left, &passes("innermost"))
        .workflow_with("innermost", left, &passes("guarded"));
    let house = plan.open().await;
    house.policy(&policy("p", "action.concurrency", "guarded", "threshold: 1")).await;
    let id = house.conduct("top").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    let guarded = house.executions().await.into_iter().filter(|one| one.action.name() == "guarded");
    assert_eq!(guarded.map(|one| one.parent.unwrap().depth).collect::<Vec<_>>(), [0, 3]);
}

#[tokio::test]
async fn a_paused_workflow_does_not_count() {
    let house = House::with("flow", FLOW).await;
    house.policy(&policy("p", "action.concurrency", "flow", "threshold: 1")).await;
    let first = house.conduct("flow").await;
    let child = house.task(first, "one").await;
    house.pause(first).await.unwrap();
    house.finish(child).await;
    house.reaches(first, Status::Paused).await;
    let second = house.conduct("flow").await;
    assert_eq!(house.status(second).await, Status::Running);
}

#[tokio::test]
async fn who_waits_for_a_policy_goes_on_when_it_is_gone() {
    for is_deleted in [false, true] {
        let house = with_policy("action.concurrency", "waits", "threshold: 1").await;
        let asked = ask_many(&house, "waits", 3).await;
        assert_eq!(house.script.begun(), asked[..1]);
        if is_deleted {
            house.delete_policy("p").await;
        } else {
            house.switch_policy("p", false).await;
        }
        assert_eq!(house.script.begun(), asked, "{is_deleted}");
        if !is_deleted {
            house.switch_policy("p", true).await;
            let next = house.ask("waits").await;
            settle().await;
            assert_eq!(house.status(next).await, Status::Delayed, "what runs counts");
        }
    }
}

#[tokio::test]
async fn a_failure_is_tried_again_after_a_while_and_not_for_ever() {
    let house =
        with_policy("action.retry", "fails", "retry_on: failure, max_retry_count: 2, delay: 10").await;
    let first = house.ask("fails").await;
    settle().await;
    for attempt in 1..=2_u32 {
        let all = house.executions().await;
        assert_eq!(all.len(), attempt as usize + 1);
        let last = all.last().unwrap();
        let retry = last.context.policies.retry.clone().unwrap();
        assert_eq!((retry.retry_count, retry.applied_policy.as_str()), (attempt, "house.p"));
        assert_eq!(retry.retried_liveaction_id, all[attempt as usize - 1].id);
        assert_eq!(last.trace_id(), all[0].trace_id());
        house.seconds(9).await;
        assert_eq!(house.status(last.id).await, Status::Requested);
        house.seconds(1).await;
        assert_eq!(house.status(last.id).await, Status::Failed);
    }
    assert_eq!((house.executions().await.len(), house.executions().await[0].id), (3, first));
}

#[tokio::test]
async fn only_the_failure_that_a_policy_names_is_tried_again() {
    for (kind, action, attempts) in
        [("timeout", "fails", 1), ("failure", "at_once", 1), ("failure", "fails", 3)]
    {
        let house = with_policy("action.retry", action, &format!("retry_on: {kind}")).await;
        house.ask(action).await;
        settle().await;
        assert_eq!(house.executions().await.len(), attempts, "{kind} {action}");
    }
}

#[tokio::test]
async fn inside_a_workflow_its_own_retries_count() {
    let house = House::with("fragile", "version: 1.0\ntasks: {one: {action: house.fails}}\n").await;
    house.policy(&policy("p", "action.retry", "fails", "retry_on: failure")).await;
    let id = house.ask("fragile").await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    settle().await;
    assert_eq!(house.executions().await.len(), 2);
    house.policy(&policy("q", "action.retry", "fragile", "retry_on: failure, max_retry_count: 1")).await;
    let id = house.ask("fragile").await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    settle().await;
    let flows: Vec<_> =
        house.executions().await.into_iter().filter(|one| one.action.name() == "fragile").collect();
    assert_eq!(flows.len(), 3, "the workflow itself is tried again");
    assert_eq!(flows[2].context.policies.retries(), 1);
}

#[tokio::test]
async fn the_same_is_not_run_twice_in_a_while() {
    let house = with_policy("action.dedupe", "at_once", "attributes: [value], window: 60").await;
    let first = ask_with_value(&house, "at_once", "a").await;
    assert_eq!(first.status, Status::Succeeded);
    let again = ask_with_value(&house, "at_once", "a").await;
    assert_eq!(again.status, Status::Canceled);
    assert_eq!(result_of(&again, "code"), json!("policy.dedupe"));
    assert_eq!(result_of(&again, "duplicate_of"), json!(first.id));
    assert_eq!(ask_with_value(&house, "at_once", "b").await.status, Status::Succeeded);
    let house = house.next_process().await;
    assert_eq!(ask_with_value(&house, "at_once", "a").await.status, Status::Canceled);
    house.seconds(60).await;
    assert_eq!(ask_with_value(&house, "at_once", "a").await.status, Status::Succeeded);
}

#[tokio::test]
async fn what_has_failed_does_not_make_the_same_superfluous() {
    let house = with_policy("action.dedupe", "fails", "{}").await;
    for _ in 0..2 {
        assert_eq!(ask_with_value(&house, "fails", "a").await.status, Status::Failed);
    }
    house.policy(&policy("q", "action.dedupe", "waits", "{}")).await;
    let running = ask_with_value(&house, "waits", "a").await;
    assert_eq!(ask_with_value(&house, "waits", "a").await.status, Status::Canceled);
    house.cancel(running.id).await.unwrap();
    settle().await;
    assert_eq!(ask_with_value(&house, "waits", "a").await.status, Status::Running);
}

#[tokio::test]
async fn the_same_as_a_retry_is_not_run_beside_it() {
    let house = with_policy("action.retry", "waits", "retry_on: failure").await;
    house.policy(&policy("q", "action.dedupe", "waits", "{}")).await;
    let first = ask_with_value(&house, "waits", "a").await;
    house.finish_with(first.id, failed("it is not there")).await;
    let retry = house.executions().await.pop().unwrap();
    assert_eq!((retry.context.policies.retries(), retry.status), (1, Status::Running));
    let same = ask_with_value(&house, "waits", "a").await;
    assert_eq!(same.status, Status::Canceled);
    assert_eq!(result_of(&same, "duplicate_of"), json!(retry.id));
}

#[tokio::test]
async fn what_is_remembered_too_long_is_deleted_at_the_start() {
    let house = with_policy("action.dedupe", "at_once", "attributes: [value], window: 60").await;
    ask_with_value(&house, "at_once", "a").await;
    house.switch_policy("p", false).await;
    let remembered = async |house: &House| house.store().all::<PolicyState>().await.unwrap().len();
    house.seconds(59).await;
    let house = house.next_process().await;
    assert_eq!(remembered(&house).await, 1);
    house.seconds(1).await;
    let house = house.next_process().await;
    assert_eq!(remembered(&house).await, 0);
}

#[tokio::test]
async fn no_more_start_in_a_time_than_may_and_after_a_restart_neither() {
    let mut house = with_policy("action.rate_limit", "at_once", "limit: 2, per: 10").await;
    let asked = ask_many(&house, "at_once", 7).await;
    let ended = |statuses: &[Status]| statuses.iter().filter(|status| status.is_final()).count();
    let last = house.execution(asked[6]).await;
    assert_eq!(last.status, Status::Delayed);
    assert!(house.wait_reason(&last).unwrap().starts_with("the policy house.p lets it start at "));
    for expected in [2, 4, 6, 7] {
        assert_eq!(ended(&statuses_of(&house, &asked).await), expected);
        house.seconds(5).await;
        house = house.next_process().await;
        assert_eq!(ended(&statuses_of(&house, &asked).await), expected, "after a restart");
        house.seconds(5).await;
    }
}

#[tokio::test]
async fn who_waits_for_the_time_of_a_policy_starts_when_it_is_gone() {
    for is_restarted in [false, true] {
        let mut house = with_policy("action.rate_limit", "at_once", "limit: 1, per: 1000").await;
        let asked = ask_many(&house, "at_once", 3).await;
        if is_restarted {
            house = house.next_process().await;
        }
        let statuses = statuses_of(&house, &asked).await;
        assert_eq!(statuses, [Status::Succeeded, Status::Delayed, Status::Delayed]);
        house.delete_policy("p").await;
        assert_eq!(statuses_of(&house, &asked).await, [Status::Succeeded; 3], "{is_restarted}");
    }
}

#[tokio::test]
async fn the_time_of_those_who_are_canceled_is_free_again() {
    for is_restarted in [false, true] {
        let mut house = with_policy("action.rate_limit", "at_once", "limit: 1, per: 60").await;
        let asked = ask_many(&house, "at_once", 40).await;
        if is_restarted {
            house = house.next_process().await;
        }
        for id in &asked[1..] {
            house.cancel(*id).await.unwrap();
        }
        settle().await;
        let next = house.ask("at_once").await;
        settle().await;
        assert_eq!(house.status(next).await, Status::Delayed, "{is_restarted}: the first has started");
        house.seconds(60).await;
        assert_eq!(house.status(next).await, Status::Succeeded, "{is_restarted}");
    }
}

#[tokio::test]
async fn a_policy_of_the_same_name_as_one_before_begins_anew() {
    for (kind, parameters) in
        [("action.rate_limit", "limit: 1, per: 1000"), ("action.dedupe", "attributes: [value]")]
    {
        for is_restarted in [false, true] {
            let mut house = with_policy(kind, "at_once", parameters).await;
            assert_eq!(ask_with_value(&house, "at_once", "a").await.status, Status::Succeeded);
            house.delete_policy("p").await;
            settle().await;
            if is_restarted {
                house = house.next_process().await;
            }
            assert!(house.store().all::<PolicyState>().await.unwrap().is_empty(), "{kind} {is_restarted}");
            house.policy(&policy("p", kind, "at_once", parameters)).await;
            let again = ask_with_value(&house, "at_once", "a").await;
            assert_eq!(again.status, Status::Succeeded, "{kind} {is_restarted}");
        }
    }
}

#[tokio::test]
async fn a_limit_that_is_enabled_again_keeps_no_time_for_those_who_came_without_it() {
    let house = with_policy("action.rate_limit", "at_once", "limit: 1, per: 1000").await;
    let asked = ask_many(&house, "at_once", 3).await;
    house.switch_policy("p", false).await;
    assert_eq!(statuses_of(&house, &asked).await, [Status::Succeeded; 3]);
    house.switch_policy("p", true).await;
    let asked = ask_many(&house, "at_once", 2).await;
    assert_eq!(statuses_of(&house, &asked).await, [Status::Succeeded, Status::Delayed]);
}

#[tokio::test]
async fn what_comes_too_often_is_canceled_where_the_policy_says_so() {
    let house = with_policy("action.rate_limit", "at_once", "limit: 1, per: 10, action: cancel").await;
    let asked = ask_many(&house, "at_once", 2).await;
    assert_eq!(statuses_of(&house, &asked).await, [Status::Succeeded, Status::Canceled]);
    let canceled = house.execution(asked[1]).await;
    assert_eq!(result_of(&canceled, "code"), json!("policy.rate_limit"));
    house.seconds(10).await;
    assert_eq!(ask_with_value(&house, "at_once", "a").await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_thousand_that_wait_drain_one_by_one() {
    let house = with_policy("action.concurrency", "at_once", "threshold: 1").await;
    let asked = ask_many(&house, "at_once", 1_000).await;
    for id in &asked {
        assert_eq!(house.ended(*id).await.status, Status::Succeeded);
    }
    assert_eq!(house.script.begun(), asked, "each once, in order");
}

#[tokio::test]
async fn a_policy_that_is_replaced_keeps_its_pack_unless_another_one_is_named() {
    for (pack, then) in [("", "house.q"), ("pack: house\n", "house.q"), ("pack: other\n", "other.q")] {
        let house = with_policy("action.concurrency", "waits", "threshold: 1").await;
        let text = policy("q", "action.concurrency", "waits", "threshold: 2");
        let text = text.replace(&format!("pack: {PACK}\n"), pack);
        assert_eq!(house.update_policy("p", &text).await, then, "{pack:?}");
        assert_eq!(house.policy_names(), [then], "{pack:?}");
    }
}

#[tokio::test]
async fn policies_come_with_the_files_of_a_pack() {
    let plan = Plan::default();
    let house = plan.open().await;
    let text = "name: limit\nresource_ref: house.waits\npolicy_type: action.concurrency\nparameters: {threshold: 1}\n";
    house.write("policies/limit.yaml", text);
    house.write("policies/odd.yaml", "name: odd\nresource_ref: house.waits\npolicy_type: action.retry\n");
    house.write("policies/far.yaml", &text.replace("limit", "far").replace("house.waits", "house.wiats"));
    let report = house.register().await.unwrap();
    assert_eq!(report.policies, 2);
    for note in
        ["policies/odd.yaml:1:1: action.retry needs a parameter retry_on", "did you mean `house.waits`?"]
    {
        assert!(report.notes.iter().any(|one| one.contains(note)), "{note}: {:?}", report.notes);
    }
    let asked = ask_many(&house, "waits", 2).await;
    assert_eq!(house.script.begun(), asked[..1]);
    house.switch_policy("limit", false).await;
    assert_eq!(house.script.begun(), asked);
    let report = house.register().await.unwrap();
    assert!(report.notes.iter().any(|one| one.contains("stays as it was switched by hand")), "{report:?}");
    house.remove("policies/limit.yaml");
    let report = house.register().await.unwrap();
    assert!(report.notes.contains(&"policy `house.limit` is gone: its pack brings it no more".to_owned()));
    assert_eq!(house.policy_names(), ["house.far"]);
    let house = house.next_process().await;
    assert_eq!(house.policy_names(), ["house.far"]);
    assert_eq!(house.execution(asked[0]).await.result.as_deref().map(Value::is_object), Some(true));
}

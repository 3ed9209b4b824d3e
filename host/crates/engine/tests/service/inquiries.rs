//! Questions to people: they wait without a slot, an answer comes once and from whom it may, a question that nobody
//! answers times out when it is due, and the workflow that asks rests meanwhile.

use std::time::Duration;

use petrel_engine::executions::Answer;
use petrel_model::{ExecutionId, Id, Status};
use serde_json::{Value, json};

use crate::support::{
    House, Plan, RuleChange, asks_with, in_time, policy, refused, result_of, rule, settle, statuses,
};

const APPROVAL: &str = "
version: 1.0
tasks:
  ask:
    action: house.ask
    input:
      ttl: 60
      schema: {type: object, properties: {ok: {type: boolean, required: true}}}
    next:
      - {when: <% succeeded() %>, publish: [{ok: <% task(ask).result.response.ok %>}], do: act}
      - {when: <% failed() %>, do: late}
  act: {action: house.at_once}
  late: {action: house.at_once}
output: [{ok: <% ctx().get(ok) %>}]
";

const BESIDE: &str = "
version: 1.0
tasks:
  ask: {action: house.ask}
  side: {action: house.two}
";

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.waits, next: [{do: second}]}
  second: {action: house.waits}
";

fn answer(user: &str, response: Value) -> Answer {
    Answer { response, user: user.into(), issuer: None }
}

fn yes(user: &str) -> Answer {
    answer(user, json!({"ok": true}))
}

/// The answer to a question without a schema of its own.
fn go_on(user: &str) -> Answer {
    answer(user, json!({"continue": true}))
}

async fn house(name: &str, definition: &str) -> House {
    Plan::default().asking().workflow(name, definition).open().await
}

/// The question that a task of a workflow asks, once it is asked.
async fn question(house: &House, workflow: ExecutionId, task: &str) -> ExecutionId {
    let id = house.task(workflow, task).await;
    house.reaches(id, Status::Pending).await;
    id
}

/// A house in which a workflow asks for an approval, with the question.
async fn asked() -> (House, ExecutionId, ExecutionId) {
    let house = house("approval", APPROVAL).await;
    let id = house.conduct("approval").await;
    let ask = question(&house, id, "ask").await;
    house.reaches(id, Status::Paused).await;
    (house, id, ask)
}

#[tokio::test]
async fn an_answer_lets_the_workflow_go_on() {
    let (house, id, ask) = asked().await;
    assert_eq!(house.inquiries(), [ask]);
    let answered = house.respond(ask, yes("bob")).await.unwrap();
    assert_eq!((answered.status, result_of(&answered, "response")), (Status::Succeeded, json!({"ok": true})));
    assert_eq!(house.execution(ask).await, answered, "it is stored when it is accepted");
    assert_eq!(answered.context.answered_by.as_deref(), Some("bob"));
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "output")), (Status::Succeeded, json!({"ok": true})));
    assert_eq!(house.tasks(id).await, ["ask succeeded", "act succeeded"]);
    assert!(house.inquiries().is_empty());
}

#[tokio::test]
async fn a_question_outside_of_workflows_has_the_shape_of_stackstorms() {
    let house = Plan::default().asking().open().await;
    let id = house.ask("ask").await;
    house.reaches(id, Status::Pending).await;
    let asked = house.execution(id).await;
    let result = asked.result.as_deref().unwrap().as_object().unwrap();
    let names: Vec<_> = result.keys().map(String::as_str).collect();
    assert_eq!(names, ["schema", "roles", "users", "route", "ttl"]);
    assert_eq!((result_of(&asked, "ttl"), house.inquiries()), (json!(1440), vec![id]));
    let answered = house.respond(id, go_on("ada")).await.unwrap();
    assert_eq!(statuses(&answered), ["requested", "running", "pending", "succeeded"]);
}

#[tokio::test]
async fn of_two_answers_at_once_one_counts() {
    let (house, id, ask) = asked().await;
    let no = answer("eve", json!({"ok": false}));
    let (one, other) = tokio::join!(house.respond(ask, yes("bob")), house.respond(ask, no));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    let (code, message) = refused(lost);
    assert!(code == "invalid" && message.contains("has already been responded to"), "{message}");
    let said = result_of(&won.unwrap(), "response");
    assert_eq!(result_of(&house.ended(id).await, "output"), said);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused_and_the_question_stays() {
    let (house, id, ask) = asked().await;
    for response in [json!({}), json!({"ok": "perhaps"}), json!("yes")] {
        let (code, message) = refused(house.respond(ask, answer("bob", response)).await);
        assert!(code == "invalid" && message.contains("did not pass schema validation"), "{message}");
    }
    let long = answer("bob", json!({"ok": true, "note": "x".repeat(100_000)}));
    assert_eq!(refused(house.respond(ask, long).await).0, "too_large");
    assert_eq!((house.status(ask).await, house.status(id).await), (Status::Pending, Status::Paused));
    let nobody: ExecutionId = Id::from_parts(1, 1).into();
    assert_eq!(refused(house.respond(nobody, yes("bob")).await).0, "not_found");
    let (code, message) = refused(house.respond(id, yes("bob")).await);
    assert!(code == "invalid" && message.contains("is not an inquiry"), "{message}");
}

#[tokio::test]
async fn only_those_answer_who_may() {
    let house = Plan::default().asking().open().await;
    for (parameters, stranger, user) in [
        (json!({"users": ["bob"]}), "admin", "bob"),
        (json!({"roles": ["ops"]}), "bob", "admin"),
        (json!({"roles": ["ops"], "users": ["bob"]}), "eve", "bob"),
        // Ada has asked for it.
        (json!({"four_eyes": true}), "ada", "bob"),
    ] {
        let id = house.request(asks_with("ask", &parameters)).await.unwrap().id;
        house.reaches(id, Status::Pending).await;
        assert_eq!(refused(house.respond(id, go_on(stranger)).await).0, "forbidden", "{parameters}");
        assert_eq!(house.status(id).await, Status::Pending);
        house.respond(id, go_on(user)).await.unwrap();
    }
}

#[tokio::test]
async fn the_time_for_an_answer_is_a_whole_number_of_minutes() {
    let house = Plan::default().asking().open().await;
    for (ttl, stands) in [
        (json!(0.5), None),
        (json!("0.5"), None),
        (json!(-5), None),
        (json!(0), Some(0)),
        (json!(2.0), Some(2)),
        (json!("3"), Some(3)),
    ] {
        let asked = house.request(asks_with("ask", &json!({"ttl": ttl}))).await;
        let Some(minutes) = stands else {
            let (code, message) = refused(asked);
            assert!(code == "invalid" && message.contains("ttl: "), "{ttl}: {message}");
            continue;
        };
        let id = asked.unwrap().id;
        house.reaches(id, Status::Pending).await;
        assert_eq!(result_of(&house.execution(id).await, "ttl"), json!(minutes), "{ttl}");
    }
}

#[tokio::test]
async fn four_eyes_look_at_who_started_the_run_and_at_who_issued_the_token() {
    let definition = "version: 1.0\ntasks: {ask: {action: house.ask, input: {four_eyes: true}}}\n";
    let house = house("two_people", definition).await;
    let id = house.conduct("two_people").await;
    let ask = question(&house, id, "ask").await;
    for refused_answer in [go_on("ada"), Answer { issuer: Some("ada".into()), ..go_on("bob") }] {
        let (code, message) = refused(house.respond(ask, refused_answer).await);
        assert!(code == "forbidden" && message.contains("four_eyes"), "{message}");
    }
    house.respond(ask, go_on("bob")).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn four_eyes_look_at_who_made_the_rule_that_started_the_run() {
    let definition = "version: 1.0\ntasks: {ask: {action: house.ask, input: {four_eyes: true}}}\n";
    for (is_deleted, strangers, user) in [(false, &["ada"][..], "bob"), (true, &["ada", "bob"], "admin")] {
        let house = house("two_people", definition).await;
        // Ada makes all rules.
        house.rule(&rule("r", "sample", "two_people", "")).await;
        let id = house.post("sample", json!({})).await.unwrap().executions[0];
        let ask = question(&house, id, "ask").await;
        if is_deleted {
            house.change(RuleChange::Delete("house.r".to_owned())).await.unwrap();
        }
        for stranger in strangers {
            let (code, message) = refused(house.respond(ask, go_on(stranger)).await);
            assert!(
                code == "forbidden" && message.contains("four_eyes"),
                "{is_deleted} {stranger}: {message}"
            );
        }
        house.respond(ask, go_on(user)).await.unwrap();
        assert_eq!(house.ended(id).await.status, Status::Succeeded);
    }
}

#[tokio::test]
async fn a_question_times_out_when_it_is_due_and_the_workflow_goes_on() {
    let (house, id, ask) = asked().await;
    house.seconds(3599).await;
    assert_eq!(house.status(ask).await, Status::Pending);
    house.seconds(1).await;
    let ended = house.ended(ask).await;
    assert_eq!((ended.status, house.age(&ended)), (Status::Timeout, 3600));
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["ask timeout", "late succeeded"]);
    let (code, message) = refused(house.respond(ask, yes("bob")).await);
    assert!(code == "invalid" && message.contains("timed out"), "{message}");
}

#[tokio::test]
async fn a_question_outlives_its_host() {
    let (house, id, ask) = asked().await;
    house.seconds(1800).await;
    let house = house.next_process().await;
    assert_eq!((house.status(ask).await, house.inquiries()), (Status::Pending, vec![ask]));
    house.respond(ask, yes("bob")).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn the_time_of_a_question_goes_on_while_no_host_is_there() {
    let (house, id, ask) = asked().await;
    let plan = house.killed().await;
    plan.turn(Duration::from_secs(3600));
    let house = plan.open().await;
    assert_eq!(house.ended(ask).await.status, Status::Timeout);
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn what_is_canceled_asks_no_more() {
    for cancels_workflow in [false, true] {
        let (house, id, ask) = asked().await;
        in_time(house.cancel(if cancels_workflow { id } else { ask }).await);
        assert_eq!(house.ended(ask).await.status, Status::Canceled);
        assert_eq!(house.ended(id).await.status, Status::Canceled);
        let (code, message) = refused(house.respond(ask, yes("bob")).await);
        assert!(code == "invalid" && message.contains("was canceled"), "{message}");
        assert!(house.inquiries().is_empty());
    }
}

#[tokio::test]
async fn the_end_of_a_workflow_closes_its_questions() {
    let definition = "
version: 1.0
timeout: 100
tasks: {ask: {action: house.ask}}
";
    let house = house("timed", definition).await;
    let id = house.conduct("timed").await;
    let ask = question(&house, id, "ask").await;
    house.seconds(100).await;
    assert_eq!(house.ended(id).await.status, Status::Timeout);
    assert_eq!(house.ended(ask).await.status, Status::Canceled);
}

#[tokio::test]
async fn two_questions_at_once_are_answered_one_by_one() {
    let definition = "
version: 1.0
tasks:
  jack: {action: house.ask, next: [{when: <% succeeded() %>, do: both}]}
  jill: {action: house.ask, next: [{when: <% succeeded() %>, do: both}]}
  both: {join: all, action: house.at_once}
";
    let house = house("parallel", definition).await;
    let id = house.conduct("parallel").await;
    let (jack, jill) = (question(&house, id, "jack").await, question(&house, id, "jill").await);
    house.reaches(id, Status::Paused).await;
    house.respond(jack, go_on("bob")).await.unwrap();
    settle().await;
    assert_eq!(house.status(id).await, Status::Paused);
    house.respond(jill, go_on("bob")).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn items_ask_one_by_one() {
    let definition = "
version: 1.0
tasks:
  many: {with: {items: <% range(3).toList() %>, concurrency: 2}, action: house.ask}
";
    let house = house("many", definition).await;
    let id = house.conduct("many").await;
    for _ in 0..3 {
        house.reaches(id, Status::Paused).await;
        let first = *house.inquiries().first().unwrap();
        house.respond(first, go_on("bob")).await.unwrap();
        settle().await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    assert_eq!(house.tasks(id).await, ["many succeeded"; 3]);
}

#[tokio::test]
async fn a_question_holds_up_the_workflows_above_and_its_answer_lets_them_go_on() {
    let outer = "version: 1.0\ntasks: {inner: {action: house.approval}}\n";
    let house = Plan::default().asking().workflow("approval", APPROVAL).workflow("outer", outer).open().await;
    let id = house.conduct("outer").await;
    let inner = house.task(id, "inner").await;
    let ask = question(&house, inner, "ask").await;
    for workflow in [inner, id] {
        house.reaches(workflow, Status::Paused).await;
    }
    let house = house.next_process().await;
    house.respond(ask, yes("bob")).await.unwrap();
    for workflow in [inner, id] {
        assert_eq!(house.ended(workflow).await.status, Status::Succeeded);
    }
}

#[tokio::test]
async fn what_runs_beside_a_question_goes_on_at_any_depth() {
    let house = Plan::default().asking().workflow("two", TWO).workflow("beside", BESIDE).open().await;
    let id = house.conduct("beside").await;
    let ask = question(&house, id, "ask").await;
    house.reaches(id, Status::Pausing).await;
    let side = house.task(id, "side").await;
    house.finish_task(side, "first").await;
    assert_eq!(house.status(side).await, Status::Running, "nobody has asked it to rest");
    house.finish_task(side, "second").await;
    house.reaches(id, Status::Paused).await;
    house.respond(ask, go_on("bob")).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn an_answer_does_not_resume_what_somebody_has_paused() {
    let house = Plan::default().asking().workflow("two", TWO).workflow("beside", BESIDE).open().await;
    let id = house.conduct("beside").await;
    let ask = question(&house, id, "ask").await;
    let side = house.task(id, "side").await;
    house.begins(house.task(side, "first").await).await;
    house.pause(id).await.unwrap();
    house.reaches(side, Status::Pausing).await;
    house.finish_task(side, "first").await;
    house.reaches(id, Status::Paused).await;
    house.respond(ask, go_on("bob")).await.unwrap();
    settle().await;
    assert_eq!((house.status(ask).await, house.status(id).await), (Status::Succeeded, Status::Paused));
    house.resume(id).await.unwrap();
    house.finish_task(side, "second").await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_waits_for_an_answer_can_be_paused_too() {
    let (house, id, ask) = asked().await;
    assert_eq!(house.pause(id).await.unwrap().status, Status::Paused);
    let house = house.next_process().await;
    house.respond(ask, yes("bob")).await.unwrap();
    settle().await;
    assert_eq!(house.status(id).await, Status::Paused);
    house.resume(id).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_question_that_times_out_does_not_undo_a_pause() {
    let definition = "
version: 1.0
tasks:
  jack: {action: house.ask, input: {ttl: 1}, next: [{when: <% completed() %>, do: both}]}
  jill: {action: house.ask, next: [{when: <% completed() %>, do: both}]}
  both: {join: all, action: house.at_once}
";
    let house = house("parallel", definition).await;
    let id = house.conduct("parallel").await;
    let (jack, jill) = (question(&house, id, "jack").await, question(&house, id, "jill").await);
    house.reaches(id, Status::Paused).await;
    house.pause(id).await.unwrap();
    house.seconds(60).await;
    assert_eq!((house.ended(jack).await.status, house.status(id).await), (Status::Timeout, Status::Paused));
    // The next process knows of the pause by the log alone.
    let house = house.next_process().await;
    house.respond(jill, go_on("bob")).await.unwrap();
    settle().await;
    assert_eq!(house.status(id).await, Status::Paused);
    house.resume(id).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_workflow_that_only_waits_for_an_answer_takes_no_place() {
    let (house, id, ask) = asked().await;
    house.policy(&policy("p", "action.concurrency", "approval", "threshold: 1")).await;
    // It has nothing to do before the answer.
    assert_eq!(house.resume(id).await.unwrap().status, Status::Resuming);
    settle().await;
    let other = house.conduct("approval").await;
    house.reaches(other, Status::Paused).await;
    house.respond(ask, yes("bob")).await.unwrap();
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

const LINKED: &str = "
chain:
  - {name: ask, ref: house.ask, on-success: act}
  - {name: act, ref: house.at_once}
default: ask
";

#[tokio::test]
async fn a_chain_waits_for_its_answer() {
    for is_paused in [false, true] {
        let house = house("linked", LINKED).await;
        let id = house.conduct("linked").await;
        let ask = question(&house, id, "ask").await;
        house.reaches(id, Status::Paused).await;
        if is_paused {
            house.pause(id).await.unwrap();
        }
        house.respond(ask, go_on("bob")).await.unwrap();
        settle().await;
        if is_paused {
            assert_eq!(house.status(id).await, Status::Paused, "an answer does not resume it");
            assert_eq!(house.tasks(id).await, ["ask succeeded"]);
            house.resume(id).await.unwrap();
        }
        assert_eq!(house.ended(id).await.status, Status::Succeeded);
        assert_eq!(house.tasks(id).await, ["ask succeeded", "act succeeded"]);
    }
}

#[tokio::test]
async fn a_question_that_nobody_could_answer_fails() {
    let house = Plan::default().asking().open().await;
    let parameters = json!({"schema": {"type": "objekt"}});
    let id = house.request(asks_with("ask", &parameters)).await.unwrap().id;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Failed, json!("inquiry.schema")));
}

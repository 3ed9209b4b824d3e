//! Reruns: as new executions with the same or other parameters, or from a task of a workflow on.

use std::time::Duration;

use petrel_access::Behalf;
use petrel_model::{ExecutionId, Id, Status};
use serde_json::json;

use crate::support::script::{failed, succeeded};
use crate::support::{Again, House, Plan, RuleChange, again, asks_with, object, refused, result_of, rule};

/// What is asked for to run these tasks again.
fn from(tasks: &[&str]) -> Again {
    Again { tasks: tasks.iter().map(|task| (*task).to_owned()).collect(), ..again() }
}

#[tokio::test]
async fn an_execution_is_run_again_as_a_new_one_with_what_it_had() {
    let house = House::new().await;
    let id = house.request(asks_with("at_once", &json!({"value": "hello", "number": 3}))).await.unwrap().id;
    let before = house.ended(id).await;
    let new = house.rerun(id, again()).await.unwrap();
    assert_eq!(new.context.rerun.as_ref().map(|rerun| rerun.execution), Some(id));
    assert_eq!(new.parameters, before.parameters);
    assert_eq!(result_of(&house.ended(new.id).await, "value"), json!("hello"));
    assert_eq!(house.execution(id).await, before, "the first stays as it is");
}

#[tokio::test]
async fn other_parameters_take_the_place_of_what_it_had() {
    let house = House::new().await;
    let id = house.request(asks_with("at_once", &json!({"value": "hello", "number": 3}))).await.unwrap().id;
    house.ended(id).await;
    for (merges, number) in [(true, Some(json!(3))), (false, None)] {
        let changed = Again { parameters: object(&json!({"value": "other"})), merges, ..again() };
        let new = house.rerun(id, changed).await.unwrap();
        let given = (new.parameters.get("value").cloned(), new.parameters.get("number").cloned());
        assert_eq!(given, (Some(json!("other")), number), "{merges}");
    }
}

#[tokio::test]
async fn what_it_had_is_data_and_is_not_evaluated_again() {
    let house = House::new().await;
    let raw = "{% raw %}{{ 1 + 1 }}{% endraw %}";
    let id = house.request(asks_with("at_once", &json!({"value": raw}))).await.unwrap().id;
    assert_eq!(result_of(&house.ended(id).await, "value"), json!("{{ 1 + 1 }}"));
    let new = house.rerun(id, again()).await.unwrap();
    assert_eq!(result_of(&house.ended(new.id).await, "value"), json!("{{ 1 + 1 }}"));
}

#[tokio::test]
async fn an_execution_may_be_run_again_later() {
    let house = House::new().await;
    let id = house.ask("at_once").await;
    house.ended(id).await;
    let later = Again { delay: Some(Duration::from_secs(60)), ..again() };
    let new = house.rerun(id, later).await.unwrap().id;
    house.seconds(59).await;
    assert_eq!(house.status(new).await, Status::Requested);
    house.seconds(1).await;
    assert_eq!(house.ended(new).await.status, Status::Succeeded);
}

#[tokio::test]
async fn secrets_of_somebody_else_are_not_taken_over_beside_what_is_changed() {
    let house = House::new().await;
    let id = house.request(asks_with("at_once", &json!({"password": "s3cret"}))).await.unwrap().id;
    house.ended(id).await;
    let bob = || Again { behalf: Behalf::own("bob"), ..again() };
    let changed = object(&json!({"value": "elsewhere"}));
    let (code, message) = refused(house.rerun(id, Again { parameters: changed.clone(), ..bob() }).await);
    assert!(code == "forbidden" && message.contains("`password`"), "{message}");
    assert!(!message.contains("s3cret"));
    assert_eq!(house.executions().await.len(), 1);
    house.rerun(id, bob()).await.unwrap();
    house.rerun(id, Again { parameters: changed, ..again() }).await.unwrap();
}

#[tokio::test]
async fn a_secret_does_not_become_somebody_s_by_running_it_again() {
    let house = House::new().await;
    let id = house.request(asks_with("at_once", &json!({"password": "s3cret"}))).await.unwrap().id;
    house.ended(id).await;
    let bob = || Again { behalf: Behalf::own("bob"), ..again() };
    let own = house.rerun(id, bob()).await.unwrap().id;
    house.ended(own).await;
    let once_more = house.rerun(own, bob()).await.unwrap().id;
    house.ended(once_more).await;
    let changed = object(&json!({"value": "elsewhere"}));
    for id in [own, once_more] {
        let told = refused(house.rerun(id, Again { parameters: changed.clone(), ..bob() }).await);
        assert!(told.0 == "forbidden" && told.1.ends_with("is a secret of `ada`"), "{told:?}");
    }
    // Who gives it knows it.
    let with = object(&json!({"value": "elsewhere", "password": "own"}));
    house.rerun(own, Again { parameters: with, ..bob() }).await.unwrap();
}

#[tokio::test]
async fn a_secret_does_not_become_somebody_s_inside_a_workflow_that_is_run_again() {
    let definition = "version: 1.0\ntasks: {one: {action: house.at_once, input: {password: s3cret}}}\n";
    let house = House::with("flow", definition).await;
    let id = house.conduct("flow").await;
    house.ended(id).await;
    let bob = || Again { behalf: Behalf::own("bob"), ..again() };
    let own = house.rerun(id, bob()).await.unwrap().id;
    house.ended(own).await;
    let changed = object(&json!({"value": "elsewhere"}));
    for workflow in [id, own] {
        let task = house.children(workflow).await[0].id;
        let told = refused(house.rerun(task, Again { parameters: changed.clone(), ..bob() }).await);
        assert!(told.0 == "forbidden" && told.1.ends_with("is a secret of `ada`"), "{told:?}");
        // A token that the admin has made for somebody lends no rights.
        let behalf = Behalf { user: "bob".into(), api_user: Some("admin".into()) };
        let asked = Again { parameters: changed.clone(), behalf, ..again() };
        assert_eq!(refused(house.rerun(task, asked).await).0, "forbidden");
    }
}

#[tokio::test]
async fn secrets_of_a_rule_are_nobody_s_to_take_over() {
    let house = House::new().await;
    let text =
        rule("r", "sample", "at_once", "").replace("at_once}", "at_once, parameters: {password: s3cret}}");
    house.change(RuleChange::Create(text)).await.unwrap();
    let id = house.post("sample", json!({})).await.unwrap().executions[0];
    house.ended(id).await;
    for user in ["stanley", "bob"] {
        let parameters = object(&json!({"value": "{{ password }}"}));
        let asked = Again { parameters, behalf: Behalf::own(user), ..again() };
        let told = refused(house.rerun(id, asked).await);
        assert!(told.0 == "forbidden" && told.1.ends_with("is a secret of the rule house.r"), "{told:?}");
    }
    let parameters = object(&json!({"value": "elsewhere"}));
    house.rerun(id, Again { parameters, behalf: Behalf::own("admin"), ..again() }).await.unwrap();
}

#[tokio::test]
async fn a_user_made_anew_does_not_own_what_was_asked_for_before() {
    let house = House::new().await;
    let id = house.request(asks_with("at_once", &json!({"password": "s3cret"}))).await.unwrap().id;
    house.ended(id).await;
    let changed = || Again { parameters: object(&json!({"value": "elsewhere"})), ..again() };
    house.rerun(id, changed()).await.unwrap();
    house.seconds(1).await;
    house.make_user("ada").await;
    let told = refused(house.rerun(id, changed()).await);
    assert!(told.0 == "forbidden" && told.1.ends_with("is a secret of `ada`"), "{told:?}");
}

#[tokio::test]
async fn what_is_made_from_a_secret_is_known_as_one_ever_after() {
    let house = House::new().await;
    let given = json!({"password": "s3cret", "value": "{{ password }}!", "number": 3});
    let first = house.request(asks_with("at_once", &given)).await.unwrap();
    assert_eq!(first.parameters.get("value"), Some(&json!("s3cret!")));
    assert_eq!(first.context.secret_places, ["/password", "/value"]);
    house.ended(first.id).await;
    for (parameters, merges, places) in [
        (json!({}), true, &["/password", "/value"][..]),
        (json!({"value": "open"}), true, &["/password"][..]),
        (json!({"number": 4, "password": "own"}), true, &["/password", "/value"][..]),
        (json!({"value": "open"}), false, &[][..]),
    ] {
        let asked = Again { parameters: object(&parameters), merges, ..again() };
        let new = house.rerun(first.id, asked).await.unwrap();
        assert_eq!(new.context.secret_places, places, "{parameters}");
        let stored = house.execution(new.id).await;
        assert_eq!(stored.context.secret_places, places, "{parameters}");
    }
    // What it had is a secret for a template that reads it, and in what is said of that. It may come from a
    // configuration, so a template of those who see no secrets does not read it.
    let reads = |user: &str| {
        let parameters = object(&json!({"number": "{{ value }}"}));
        Again { parameters, behalf: Behalf::own(user), ..again() }
    };
    for (user, code) in [("ada", "forbidden"), ("admin", "invalid")] {
        let told = refused(house.rerun(first.id, reads(user)).await);
        assert!(told.0 == code && told.1.contains("number") && !told.1.contains("s3cret"), "{told:?}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_secrets_where_there_are_none() {
    let house = House::new().await;
    let open =
        house.request(asks_with("at_once", &json!({"value": "{{ 1 + 1 }}", "number": 3}))).await.unwrap();
    assert!(open.context.secret_places.is_empty());
}

const TWO: &str = "
version: 1.0
tasks:
  first: {action: house.waits, next: [{when: <% succeeded() %>, publish: [{said: <% result().value %>}], do: second}]}
  second: {action: house.waits}
output: [{said: <% ctx().said %>}]
";

/// A workflow whose second task has failed.
async fn half_done() -> (House, ExecutionId) {
    half_done_in(Plan::default()).await
}

async fn half_done_in(plan: Plan) -> (House, ExecutionId) {
    let house = plan.workflow("two", TWO).open().await;
    let id = house.conduct("two").await;
    let first = house.task(id, "first").await;
    house.finish_with(first, succeeded("hello")).await;
    let second = house.task(id, "second").await;
    house.finish_with(second, failed("broken")).await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    (house, id)
}

#[tokio::test]
async fn a_workflow_is_run_again_from_the_task_that_failed() {
    let (house, id) = half_done().await;
    let new = house.rerun(id, from(&["second"])).await.unwrap().id;
    house.finish_task(new, "second").await;
    let ended = house.ended(new).await;
    assert_eq!((ended.status, result_of(&ended, "output")), (Status::Succeeded, json!({"said": "hello"})));
    assert_eq!(house.tasks(new).await, ["second succeeded"], "the first is not done again");
    assert_eq!(house.status(id).await, Status::Failed);
}

#[tokio::test]
async fn a_workflow_is_run_again_from_the_beginning_unless_tasks_are_named() {
    let (house, id) = half_done().await;
    let new = house.rerun(id, again()).await.unwrap().id;
    house.finish_task(new, "first").await;
    house.finish_task(new, "second").await;
    assert_eq!(house.ended(new).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_rerun_does_not_need_what_it_was_made_from_any_longer() {
    let plan =
        Plan::default().options(|options| options.retention.executions = Some(Duration::from_secs(100)));
    let (house, id) = half_done_in(plan).await;
    let new = house.rerun(id, from(&["second"])).await.unwrap().id;
    let second = house.task(new, "second").await;
    for _ in 0..15 {
        house.seconds(10).await;
        house.turn(Duration::from_millis(5)).await;
    }
    assert_eq!(house.find(id).await, None, "it was kept long enough");
    house.finish_with(second, failed("again")).await;
    assert_eq!(house.ended(new).await.status, Status::Failed);
    let third = house.rerun(new, from(&["second"])).await.unwrap().id;
    house.finish_task(third, "second").await;
    assert_eq!(result_of(&house.ended(third).await, "output"), json!({"said": "hello"}));
}

#[tokio::test]
async fn what_cannot_be_run_again_in_that_way_is_refused_and_asks_for_nothing() {
    let (house, id) = half_done().await;
    let plain = house.ask("at_once").await;
    house.ended(plain).await;
    let open = house.conduct("two").await;
    house.task(open, "first").await;
    let nobody: ExecutionId = Id::from_parts(1, 1).into();
    let with_parameters = Again { parameters: object(&json!({"value": "x"})), ..from(&["second"]) };
    let reset = Again { reset: vec!["first".into()], ..from(&["second"]) };
    let count = house.executions().await.len();
    for (id, wanted, code, says) in [
        (nobody, again(), "not_found", "does not exist"),
        (id, from(&["third"]), "invalid", "`third`"),
        (id, with_parameters, "invalid", "Parameters override"),
        (id, reset, "invalid", "`first`"),
        (plain, from(&["second"]), "invalid", "Orquesta"),
        (open, from(&["second"]), "invalid", "has not ended"),
    ] {
        let told = refused(house.rerun(id, wanted).await);
        assert!(told.0 == code && told.1.contains(says), "{code} {says}: {told:?}");
    }
    assert_eq!(house.executions().await.len(), count);
}

#[tokio::test]
async fn a_command_of_a_workflow_is_no_task_to_run_again_from() {
    let definition = "version: 1.0\ntasks: {one: {action: house.at_once, next: [{do: fail}]}}\n";
    let house = House::with("flow", definition).await;
    let id = house.conduct("flow").await;
    assert_eq!(house.ended(id).await.status, Status::Failed);
    for named in ["fail", "fail|0"] {
        let told = refused(house.rerun(id, from(&[named])).await);
        assert!(told.0 == "invalid" && told.1.contains(&format!("no task `{named}`")), "{told:?}");
    }
}

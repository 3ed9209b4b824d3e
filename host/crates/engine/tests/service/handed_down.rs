//! Secret parameters of a workflow that it hands to its tasks, whose actions take them as open ones.

use petrel_engine::vault::{Vault, VaultKey};
use petrel_model::Status;
use serde_json::json;

use crate::support::{Plan, asks_with, result_of, task_of};

const FLOW: &str = "
version: 1.0
input: [token, open]
tasks:
  quotes: {action: house.at_once, input: {value: 'Bearer <% ctx().token %>', number: 3}}
  keeps: {action: house.at_once, input: {password: <% ctx().token %>}}
  other: {action: house.at_once, input: {value: <% ctx().open %>}}
";
const PARAMETERS: &str = "{token: {type: string, secret: true}, open: {type: string}}";

#[tokio::test]
async fn a_secret_of_a_workflow_is_one_in_every_parameter_of_its_tasks_that_quotes_it() {
    let house = Plan::default().workflow_with("flow", PARAMETERS, FLOW).open().await;
    for (given, quoting) in [
        (json!({"token": "s3cret", "open": "o"}), &["/value"][..]),
        // So short a text is in too many others.
        (json!({"token": "abc", "open": "o"}), &[][..]),
    ] {
        let id = house.request(asks_with("flow", &given)).await.unwrap().id;
        house.ended(id).await;
        for child in house.children(id).await {
            let expected = match task_of(&child) {
                "quotes" => quoting,
                "keeps" => &["/password"][..],
                _ => &[],
            };
            assert_eq!(child.context.secret_places, expected, "{given}: {}", task_of(&child));
            let parts = child.context.secret_parts.iter().filter_map(|part| part.of(&child.parameters));
            let parts: Vec<_> = parts.collect();
            let expected = if expected == ["/value"] { &["s3cret"][..] } else { &[] };
            assert_eq!(parts, expected, "{given}: {}", task_of(&child));
        }
        assert_eq!(house.children(id).await.len(), 3);
    }
}

/// Fails with a hint that names a variable.
const NEAR: &str = "
version: 1.0
input: [token]
vars: [{s3cretive: 1}]
tasks:
  only: {action: house.at_once}
output: [{x: \"{{ ctx('s3cre' ~ 'tiv') }}\"}]
";

#[tokio::test]
async fn the_hint_of_an_error_does_not_tell_a_secret() {
    let house = Plan::default().workflow_with("near", PARAMETERS, NEAR).open().await;
    for (token, named) in [("other-secret", "s3cretive"), ("s3cretive", "********")] {
        let id = house.request(asks_with("near", &json!({"token": token}))).await.unwrap().id;
        let ended = house.ended(id).await;
        let errors = result_of(&ended, "errors");
        assert_eq!(errors[0]["hint"], format!("Did you mean `ctx('{named}')`?"), "{errors}");
    }
}

/// Fails with a message that quotes what is decrypted.
const DECRYPTING: &str = "
version: 1.0
vars: [{pin: \"<% st2kv('system.pin', decrypt => true) %>\"}]
tasks:
  quotes: {action: house.at_once, input: {value: 'Bearer <% ctx().pin %>', number: 3}}
  reads: {action: house.at_once, input: {value: <% st2kv('system.pin') %>}}
  asks: {action: house.at_once, input: {value: \"{{ st2kv('system.pin') | decrypt_kv }}\"}}
output: [{x: \"{{ ctx(ctx().pin) }}\"}]
";

#[tokio::test]
async fn what_a_workflow_decrypts_is_a_secret_of_its_tasks_and_of_its_errors() {
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let plan = Plan::default().options(|options| options.vault = vault);
    let house = plan.workflow_with("flow", "{}", DECRYPTING).open().await;
    house.set_secret("pin", "s3cret-pin").await;
    let id = house.request(asks_with("flow", &json!({}))).await.unwrap().id;
    let ended = house.ended(id).await;
    for child in house.children(id).await {
        let expected = if task_of(&child) == "reads" { &[][..] } else { &["/value"][..] };
        assert_eq!(child.context.secret_places, expected, "{}", task_of(&child));
    }
    assert_eq!(house.children(id).await.len(), 3);
    let errors = result_of(&ended, "errors").to_string();
    assert!(errors.contains("********") && !errors.contains("s3cret-pin"), "{errors}");
}

/// Meets a secret in the midst of its way.
const MEETING: &str = "
version: 1.0
tasks:
  waits:
    action: house.waits
    next: [{publish: [{pin: \"<% st2kv('system.pin', decrypt => true) %>\"}], do: [late]}]
  late: {action: house.waits}
";

#[tokio::test]
async fn the_step_in_which_a_workflow_meets_a_secret_is_stored_as_one_with_secrets() {
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let plan = Plan::default().options(|options| options.vault = vault);
    let house = plan.workflow_with("flow", "{}", MEETING).open().await;
    house.set_secret("pin", "s3cret-pin").await;
    let id = house.request(asks_with("flow", &json!({}))).await.unwrap().id;
    let waits = house.task(id, "waits").await;
    house.begins(waits).await;
    assert!(!house.execution(id).await.context.sealed, "it has met none");
    house.finish(waits).await;
    let late = house.task(id, "late").await;
    let met = house.execution(id).await;
    assert!(met.context.sealed && met.status == Status::Running, "its entries are encrypted by that");
    assert!(house.execution(late).await.context.sealed);
    // Its version is the one that is stored.
    house.finish(late).await;
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
    let next = house.next_process().await;
    assert!(next.execution(id).await.context.sealed);
}

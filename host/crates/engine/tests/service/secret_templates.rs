//! Templates in requests that read secrets: they are for those who see secrets.

use petrel_access::Behalf;
use petrel_engine::vault::{Vault, VaultKey};
use petrel_model::execution::masked::repeatable;
use serde_json::json;

use crate::support::{Again, House, Plan, Request, again, asks_with, object, refused};

const SCHEMA: &str = "key: {type: string, secret: true}\nurl: {type: string}\n";
const ACTION: &str = "name: at_once\nrunner_type: scripted\nparameters:\n  note: {type: string}\n  pin: {type: string, secret: true, default: '1234'}\n  token: {type: string, default: '{{ config_context.key }}'}\n";

/// One whose pack is configured, with an action that reads the configuration by itself.
async fn configured() -> House {
    configured_with(Plan::default()).await
}

async fn configured_with(plan: Plan) -> House {
    let house = plan.open().await;
    house.write("config.schema.yaml", SCHEMA);
    house.write("actions/at_once.yaml", ACTION);
    house.register().await.unwrap();
    house.configure(&json!({"key": "s3cret", "url": "u"})).await;
    house
}

#[tokio::test]
async fn a_template_that_reads_a_secret_is_refused_before_anything_is_rendered() {
    let house = configured().await;
    let admin = || Behalf::own("admin");
    for note in [
        "{{ config_context.key }}",
        "{{ 1/0 if config_context.key.startswith('X') else 'n' }}",
        "{{ 1/0 if config_context.key.startswith('s') else 'n' }}",
        "{{ config_context['k' ~ 'ey'] | length }}",
        "{{ config_context | string }}",
        // Defaults of the pack's author, which are secret.
        "{{ pin[0] }}",
        "{{ token }}",
    ] {
        let asked = asks_with("at_once", &json!({"note": note}));
        for behalf in [Behalf::own("ada"), Behalf { user: "ada".into(), api_user: Some("admin".into()) }] {
            let told = refused(house.request(Request { behalf, ..asked.clone() }).await);
            assert!(told.0 == "forbidden" && told.1.contains("`note`"), "{note}: {told:?}");
            assert!(!told.1.contains("s3cret"), "{told:?}");
        }
        assert!(house.executions().await.is_empty(), "{note}");
    }
    // The admin sees them anyhow, others see what is open and what they gave, and the action has its default.
    let of_admin = asks_with("at_once", &json!({"note": "{{ config_context.key }}"}));
    let made = house.request(Request { behalf: admin(), ..of_admin }).await.unwrap();
    assert_eq!(made.parameters.get("note"), Some(&json!("s3cret")));
    for given in [
        json!({"note": "{{ config_context.url }}"}),
        json!({"note": "{{ pin }}{{ token }}", "pin": "mine", "token": "t"}),
        json!({"note": "n"}),
    ] {
        house.request(asks_with("at_once", &given)).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_that_a_parameter_quotes_is_masked_by_itself_too() {
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let house = configured_with(Plan::default().options(|options| options.vault = vault)).await;
    house.set_secret("pin", "key-of-all").await;
    for (note, quoted) in [
        ("use {{ config_context.key }} now", Some("s3cret")),
        ("use '{{ st2kv.system.pin | decrypt_kv }}' now", Some("key-of-all")),
        ("use {{ st2kv.system.pin | decrypt_kv | default('') }} now", Some("key-of-all")),
        // It is secret as a whole.
        ("{{ st2kv.system.pin | decrypt_kv }}", None),
        ("use {{ config_context.url }} now", None),
    ] {
        let given = json!({"note": note, "token": "open"});
        let asked = Request { behalf: Behalf::own("admin"), ..asks_with("at_once", &given) };
        let made = house.request(asked).await.unwrap();
        let parts: Vec<_> =
            made.context.secret_parts.iter().filter_map(|part| part.of(&made.parameters)).collect();
        assert_eq!(parts, Vec::from_iter(quoted), "{note}");
        let again = house.rerun(made.id, Again { behalf: Behalf::own("admin"), ..again() }).await.unwrap();
        assert_eq!(again.context.secret_parts, made.context.secret_parts, "{note}");
        if let Some(quoted) = quoted {
            let shown = repeatable(&made).masked(&json!({"stdout": format!("it is {quoted}")}));
            assert_eq!(shown, json!({"stdout": "it is ********"}), "{note}");
        }
    }
}

#[tokio::test]
async fn what_a_default_has_read_is_not_read_by_who_runs_it_again() {
    let house = configured().await;
    let first = house.request(asks_with("at_once", &json!({"note": "n"}))).await.unwrap();
    assert_eq!(first.context.secret_places, ["/token"]);
    house.ended(first.id).await;
    let with = |given: &serde_json::Value| Again { parameters: object(given), ..again() };
    let oracle = json!({"note": "{{ 1/0 if token.startswith('X') else 'n' }}"});
    let told = refused(house.rerun(first.id, with(&oracle)).await);
    assert!(told.0 == "forbidden" && told.1.contains("`note`"), "{told:?}");
    assert_eq!(house.executions().await.len(), 1);
    for given in [json!({"note": "other"}), json!({"note": "{{ token }}", "token": "mine"})] {
        house.rerun(first.id, with(&given)).await.unwrap();
    }
}

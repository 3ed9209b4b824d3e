//! Workflows are inspected against the registered actions: when their pack is registered, and on request.

use petrel_catalog::content::Content;
use petrel_catalog::registration::look_at;

use crate::House;

const ACTION: &str = "runner_type: orquesta\nentry_point: workflows/w.yaml\n";

fn workflow(action: &str) -> String {
    format!("version: 1.0\ntasks:\n  one:\n    action: {action}\n")
}

#[tokio::test]
async fn a_workflow_that_is_wrong_by_itself_is_refused_and_one_that_calls_what_is_not_there_is_told() {
    let house = House::new().await;
    for (text, is_refused, says) in [
        (workflow("core.noop"), false, ""),
        (workflow("other.a"), false, "actions/workflows/w.yaml:4:5: "),
        (workflow("mine.gone"), false, "actions/workflows/w.yaml:4:5: "),
        ("version: 1.0\ntasks: 5\n".to_owned(), true, "action `mine.w` is refused"),
    ] {
        let directory = house.pack("mine", &[("actions/w.yaml", ACTION)]);
        // It has no name, unlike metadata.
        house.write("mine/actions/workflows/w.yaml", &text);
        let report = house.catalog.register_pack(&directory, false).await.unwrap();
        let content = house.catalog.content();
        let registered = content.action(&"mine.w".parse().unwrap()).unwrap();
        assert_eq!(registered.refused.is_some(), is_refused, "{text}");
        let is_told = report.notes.iter().any(|note| note.contains(says));
        assert!(
            says.is_empty() == report.notes.is_empty() && (says.is_empty() || is_told),
            "{text}: {:?}",
            report.notes
        );
    }
}

#[tokio::test]
async fn a_call_that_fails_on_every_host_is_an_error_of_the_check_and_a_note_of_the_registration() {
    let house = House::new().await;
    let directory = house.pack("mine", &[("actions/w.yaml", ACTION)]);
    for (action, is_wrong) in [("mine.gone", true), ("mine.w", false), ("later.a", false)] {
        house.write("mine/actions/workflows/w.yaml", &workflow(action));
        let content = Content::of_packs(house.catalog.content().runners().clone(), Vec::new());
        let checked = look_at(&directory, content).await.unwrap();
        assert_eq!(checked.refused.contains_key("w"), is_wrong, "{action}: {:?}", checked.refused);
        house.catalog.register_pack(&directory, false).await.unwrap();
        let content = house.catalog.content();
        assert!(content.action(&"mine.w".parse().unwrap()).unwrap().refused.is_none(), "{action}");
    }
}

#[tokio::test]
async fn a_key_that_a_workflow_reads_and_that_does_not_exist_is_noted() {
    let house = House::new().await;
    house.keys.set("limit", "5").await.unwrap();
    let reading = |key: &str| {
        format!(
            "version: 1.0\noutput: [{{x: <% st2kv('system.{key}') %>}}]\ntasks: {{a: {{action: core.noop}}}}\n"
        )
    };
    let found = house.catalog.inspect_workflow(reading("limit")).await.unwrap();
    assert!(found.0.is_empty(), "{found:?}");
    let directory = house.pack("mine", &[("actions/w.yaml", ACTION)]);
    house.write("mine/actions/workflows/w.yaml", &reading("limt"));
    let notes = house.catalog.register_pack(&directory, false).await.unwrap().notes.join("\n");
    let told = house.catalog.inspect_workflow(reading("limt")).await.unwrap().0;
    assert!(told.len() == 1 && told[0].finding.is_note(), "{told:?}");
    for said in [notes, told[0].to_string()] {
        assert!(said.contains("did you mean `st2kv('system.limit')`?"), "{said}");
    }
}

#[tokio::test]
async fn a_text_is_inspected_beside_what_is_registered_when_it_is_asked() {
    let house = House::new().await;
    let found = || house.catalog.inspect_workflow(workflow("mine.a"));
    let before = found().await.unwrap();
    assert!(before.0.iter().any(|found| found.finding.message.contains("mine.a")), "{before:?}");
    house.register("mine", &[("actions/a.yaml", "runner_type: noting\nentry_point: a\n")]).await.unwrap();
    assert!(found().await.unwrap().0.is_empty());
}

#[tokio::test]
async fn what_is_secret_among_the_parameters_of_an_action_follows_what_is_registered() {
    let house = House::new().await;
    let secrets = house.catalog.secrets();
    let pin = |secret: bool| {
        format!(
            "runner_type: noting\nentry_point: a\nparameters: {{pin: {{type: string, secret: {secret}}}}}\n"
        )
    };
    // Nothing is known of an action that is not registered, so everything may be secret.
    assert!(secrets.is_secret("mine.a", Some("pin")) && secrets.is_secret("no reference", None));
    for is_secret in [true, false] {
        house.register("mine", &[("actions/a.yaml", &pin(is_secret))]).await.unwrap();
        assert_eq!(secrets.is_secret("mine.a", Some("pin")), is_secret);
        assert_eq!(secrets.is_secret("mine.a", None), is_secret);
    }
}

#[tokio::test]
async fn a_key_that_no_configuration_of_the_pack_has_is_noted() {
    let house = House::new().await;
    let act = |key: &str| {
        format!(
            "runner_type: noting\nentry_point: a\nparameters: {{x: {{type: string, default: '{{{{ config_context.{key} }}}}'}}}}\n"
        )
    };
    let flow = |key: &str| {
        format!(
            "version: 1.0\noutput: [{{x: \"{{{{ config_context['{key}'] }}}}\"}}]\ntasks: {{a: {{action: core.noop}}}}\n"
        )
    };
    let rule = |key: &str| {
        format!(
            "trigger: {{type: core.st2.webhook, parameters: {{url: u}}}}\naction: {{ref: mine.act, parameters: {{x: '{{{{ config_context.{key} }}}}'}}}}\nenabled: true\n"
        )
    };
    for (key, is_told) in [("region", false), ("regin", true)] {
        let directory = house.pack(
            "mine",
            &[
                ("config.schema.yaml", "region: {type: string}\n"),
                ("actions/act.yaml", &act(key)),
                ("actions/w.yaml", ACTION),
                ("rules/r.yaml", &rule(key)),
            ],
        );
        house.write("mine/actions/workflows/w.yaml", &flow(key));
        let notes = house.catalog.register_pack(&directory, false).await.unwrap().notes;
        let says = "the configuration of the pack mine has no key regin; did you mean region?";
        for place in ["action mine.act: the default of parameter x: ", "rule mine.r: parameter x: ", "output"]
        {
            let is_said = |note: &String| note.contains(place) && note.contains(says);
            assert_eq!(notes.iter().any(is_said), is_told, "{place} {key}: {notes:?}");
        }
    }
    // A pack without a schema may be configured with anything.
    let notes = house.register("mine", &[("actions/act.yaml", &act("regin"))]).await.unwrap().notes;
    assert!(!notes.iter().any(|note| note.contains("has no key")), "{notes:?}");
}

//! Trigger types and triggers that are made by hand, beside those of packs and of rules.

use petrel_catalog::Giver;
use petrel_catalog::trigger_book::NewTrigger;
use serde_json::{Value, json};

use crate::{House, refused};

const ORDER: &str = "name: order\npack: mine\nparameters_schema: {size: {type: string}}\n";
const ADMIN: Giver = Giver::SeesSecrets;

fn new(kind: &str, parameters: &Value) -> NewTrigger {
    let parameters = parameters.as_object().cloned().unwrap();
    NewTrigger { kind: kind.into(), parameters, ..NewTrigger::default() }
}

fn rule(name: &str, size: &str) -> String {
    format!(
        "name: {name}\npack: mine\nenabled: true\ntrigger: {{type: mine.order, parameters: {{size: {size}}}}}\naction: \
         {{ref: core.noop}}\n"
    )
}

#[tokio::test]
async fn a_trigger_type_that_was_made_outlives_registrations_until_a_file_declares_it() {
    let house = House::new().await;
    house.register("mine", &[("triggers/own.yaml", "description: d\n")]).await.unwrap();
    let made = house.catalog.create_trigger_type(ADMIN, ORDER, "ada").await.unwrap();
    assert_eq!(made.made_by.as_deref(), Some("ada"));
    assert_eq!(refused(house.catalog.create_trigger_type(ADMIN, ORDER, "ada").await).0, "conflict");
    house.catalog.create_trigger(new("mine.order", &json!({"size": "s"})), "ada").await.unwrap();
    house.register("mine", &[]).await.unwrap();
    let house = house.next_process().await;
    let content = house.catalog.content();
    assert!(content.is_made(&"mine.order".parse().unwrap()));
    assert!(content.trigger_type(&"mine.own".parse().unwrap()).is_err());
    assert_eq!(content.triggers().count(), 1);
    let file = [("triggers/order.yaml", "description: of the file\n")];
    let notes = house.register("mine", &file).await.unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("`mine.order` was made by hand")), "{notes:?}");
    for result in [
        house.catalog.update_trigger_type(ADMIN, "mine.order", ORDER).await.map(drop),
        house.catalog.delete_trigger_type(ADMIN, "mine.order").await.map(drop),
    ] {
        let (code, message) = refused(result);
        assert!(code == "conflict" && message.contains("petrel pack register mine"), "{message}");
    }
    // What was made of it goes with the pack.
    house.catalog.remove_pack("mine", ADMIN, "ada").await.unwrap();
    let content = house.next_process().await.catalog.content();
    assert_eq!(content.triggers().count(), 0);
    assert!(content.trigger_type(&"mine.order".parse().unwrap()).is_err());
}

#[tokio::test]
async fn what_rules_listen_to_is_neither_deleted_nor_changed_against_them() {
    let house = House::new().await;
    house.catalog.create_trigger_type(ADMIN, ORDER, "ada").await.unwrap();
    let made = house.catalog.create_trigger(new("mine.order", &json!({"size": "s"})), "ada").await.unwrap();
    for name in ["a", "b"] {
        house.catalog.create_rule(&rule(name, "s"), "ada").await.unwrap();
    }
    let content = house.catalog.content();
    assert_eq!((content.triggers().count(), content.listeners_to(&made.reference)), (1, 2));
    let narrow = ORDER.replace("string", "integer");
    let other = new("mine.order", &json!({"size": "l"}));
    for result in [
        house.catalog.delete_trigger_type(ADMIN, "mine.order").await.map(drop),
        house.catalog.update_trigger_type(ADMIN, "mine.order", &narrow).await.map(drop),
        house.catalog.delete_trigger(made.reference.as_str()).await.map(drop),
        house.catalog.update_trigger(made.reference.as_str(), other.clone()).await.map(drop),
    ] {
        let (code, message) = refused(result);
        assert!(code == "conflict" && message.contains("mine.a, mine.b"), "{message}");
    }
    // What rules bring is theirs.
    house.catalog.create_rule(&rule("c", "m"), "ada").await.unwrap();
    let content = house.catalog.content();
    let of_rule = content.triggers().find(|(name, _)| **name != made.reference).unwrap().0.to_string();
    drop(content);
    assert_eq!(refused(house.catalog.update_trigger(&of_rule, other.clone()).await).0, "conflict");
    for name in ["a", "b", "c"] {
        house.catalog.delete_rule(&format!("mine.{name}")).await.unwrap();
    }
    let changed = house.catalog.update_trigger(made.reference.as_str(), other).await.unwrap();
    assert_ne!(changed.reference, made.reference);
    house.catalog.update_trigger_type(ADMIN, "mine.order", "name: order\ndescription: d\n").await.unwrap();
    assert_eq!(house.catalog.content().triggers().count(), 1);
    house.catalog.delete_trigger_type(ADMIN, "mine.order").await.unwrap();
    let content = house.next_process().await.catalog.content();
    assert_eq!(content.triggers().count(), 0);
}

#[tokio::test]
async fn what_is_no_trigger_type_or_no_trigger_is_refused_with_the_remedy() {
    let house = House::new().await;
    house.catalog.create_trigger_type(ADMIN, ORDER, "ada").await.unwrap();
    let secret = "name: key\npack: mine\nparameters_schema: {key: {type: string, secret: true}}\n";
    house.catalog.create_trigger_type(ADMIN, secret, "ada").await.unwrap();
    for (text, says) in [
        ("name: a\n", "write pack: NAME"),
        ("name: a\npack: Mine\n", "lower-case letters"),
        ("name: a/b\npack: mine\n", "slash"),
        ("name: a\npack: core\n", "the host's own"),
        ("name: a\npack: mine\ncolour: 1\n", "colour"),
        (
            "name: a\npack: mine\npayload_schema: {properties: {n: {pattern: '('}}}\n",
            "payload_schema is not valid",
        ),
    ] {
        let (code, message) = refused(house.catalog.create_trigger_type(ADMIN, text, "ada").await);
        assert!(code == "invalid" && message.contains(says), "{text}: {message}");
    }
    let named = NewTrigger { named: (None, Some("large".into())), ..new("mine.order", &json!({})) };
    for (trigger, code, says) in [
        (new("mine.oder", &json!({})), "not_found", "mine.order"),
        (new("mine.order", &json!({"size": 5})), "invalid", "do not fit"),
        (new("core.st2.webhook", &json!({"url": "a"})), "invalid", "create a rule"),
        (new("mine.key", &json!({"key": "k"})), "invalid", "create a rule"),
        (new("mine.order", &json!({"size": "s".repeat(70_000)})), "invalid", "65536 is the limit"),
        (named, "invalid", "leave `name` out"),
    ] {
        let (told, message) = refused(house.catalog.create_trigger(trigger, "ada").await);
        assert!(told == code && message.contains(says), "{message}");
    }
    for name in ["mine.none", "nonsense"] {
        assert_eq!(refused(house.catalog.delete_trigger(name).await).0, "not_found");
    }
    let other = "name: other\npack: mine\n";
    assert_eq!(refused(house.catalog.update_trigger_type(ADMIN, "mine.order", other).await).0, "invalid");
    // Only who sees secrets may lift a mark from what is stored.
    let open = "name: key\nparameters_schema: {key: {type: string}}\n";
    let giver = Giver::SeesNone;
    assert_eq!(refused(house.catalog.update_trigger_type(giver, "mine.key", open).await).0, "forbidden");
    assert_eq!(refused(house.catalog.delete_trigger_type(giver, "mine.key").await).0, "forbidden");
    house.catalog.update_trigger_type(ADMIN, "mine.key", open).await.unwrap();
}

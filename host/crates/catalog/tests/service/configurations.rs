//! Configurations of packs: through the API and from files of the operator, with keys of the datastore and defaults of the
//! schema.

use petrel_catalog::Giver;
use petrel_model::Object;
use serde_json::{Value, json};

use crate::{House, refused};

const SCHEMA: (&str, &str) = (
    "config.schema.yaml",
    "url: {type: string, required: true}\nkey: {type: string, secret: true}\nretries: {type: integer, default: 3}\n",
);

fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap()
}

impl House {
    async fn configure(&self, values: Value) -> Result<Object, petrel_engine_core::Error> {
        self.configure_as(Giver::SeesSecrets, values).await
    }

    async fn configure_as(&self, giver: Giver, values: Value) -> Result<Object, petrel_engine_core::Error> {
        self.catalog.configure_pack("mine", object(&values), giver).await.map(|config| config.values)
    }

    /// The configuration as actions of `mine` get it, or the reason why they get none.
    async fn filled(&self) -> Result<Value, String> {
        let filled = self.catalog.configuration_for("mine", "ada").await;
        filled.map(|values| Value::Object(Object::clone(&values))).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_configuration_has_the_defaults_of_its_schema_and_the_next_process_has_it() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    assert_eq!(house.filled().await, Ok(json!({"retries": 3})));
    house.configure(json!({"url": "a"})).await.unwrap();
    assert_eq!(house.filled().await, Ok(json!({"url": "a", "retries": 3})));
    let next = house.next_process().await;
    assert_eq!(next.filled().await, Ok(json!({"url": "a", "retries": 3})));
    next.catalog.forget_pack_config("mine").await.unwrap();
    assert_eq!((next.filled().await, next.stored_configs().await), (Ok(json!({"retries": 3})), 0));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_leaves_nothing_behind() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    for (values, says) in [
        (json!({}), "'url' is a required property"),
        (json!({"url": 1}), "url: 1 is not a string"),
        (json!({"url": 1, "retries": "x"}), "url: 1 is not a string; retries: \"x\" is not an integer"),
        (json!({"url": "a", "key": "********"}), "write the secret itself"),
        (json!({"url": "{{ st2kv.system.x"}), "`url` is no template that can be read"),
    ] {
        let (code, message) = refused(house.configure(values).await);
        assert!(code == "invalid" && message.contains(says), "{says}: {message}");
    }
    let no_pack = house.catalog.configure_pack("min", Object::new(), Giver::SeesNone).await;
    assert_eq!(refused(no_pack).0, "not_found");
    assert_eq!(refused(house.catalog.forget_pack_config("mine").await).0, "not_found");
    let mut deep = json!("x");
    for _ in 0..300 {
        deep = json!([deep]);
    }
    assert!(refused(house.configure(json!({"url": deep})).await).1.contains("levels deep"));
    assert_eq!((house.filled().await, house.stored_configs().await), (Ok(json!({"retries": 3})), 0));
}

#[tokio::test]
async fn only_who_sees_secrets_has_a_configuration_decrypt_keys() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    for (values, place) in [
        (json!({"url": "{{ st2kv.system.pin | decrypt_kv }}"}), Some("url")),
        (json!({"url": "a", "key": "{{ st2kv.system.pin }}"}), Some("key")),
        // It is that of whoever runs an action.
        (json!({"url": "a", "key": "{{ st2kv.user.pin }}"}), Some("key")),
        (json!({"url": "a", "others": [{"b": "{{ st2kv.user.pin | decrypt_kv }}"}]}), Some("others[0].b")),
        (json!({"url": "{{ st2kv.system.address }}", "key": "own"}), None),
    ] {
        let given = house.configure_as(Giver::SeesNone, values.clone()).await;
        match place {
            None => assert!(given.is_ok(), "{values}: {given:?}"),
            Some(place) => {
                let (code, message) = refused(given);
                let says = format!("the template of `{place}` decrypts");
                assert!(code == "forbidden" && message.contains(&says), "{values}: {message}");
            }
        }
    }
    let values = json!({"url": "a", "key": "{{ st2kv.system.pin }}"});
    house.configure(values.clone()).await.unwrap();
    assert!(house.configure_as(Giver::SeesNone, values).await.is_ok(), "it stays as it was");
}

#[tokio::test]
async fn the_place_and_the_reason_are_named_at_every_depth() {
    let house = House::new().await;
    let schema = "servers:\n  type: array\n  items:\n    type: object\n    properties: {name: {type: string}, port: {type: integer}}\n\
                  proxy:\n  type: object\n  properties: {host: {type: string, required: true}, pin: {type: integer, secret: true}}\n";
    house.register("mine", &[("config.schema.yaml", schema)]).await.unwrap();
    for (values, says) in [
        (json!({"servers": [{"port": 1}, {"port": "x"}]}), "servers[1].port: \"x\" is not an integer"),
        (json!({"servers": {"port": 1}}), "servers: {\"port\":1} is not an array"),
        (json!({"proxy": {"host": 5}}), "proxy.host: value is not a string"),
        (json!({"proxy": {}}), "proxy: 'host' is a required property"),
        (json!({"proxy": {"host": "a", "pin": "hush"}}), "proxy.pin: value is not an integer"),
    ] {
        let (code, message) = refused(house.configure(values).await);
        assert!(code == "invalid" && message.contains(says), "{says}: {message}");
        assert!(!message.contains("hush"), "{message}");
    }
}

#[tokio::test]
async fn what_is_declared_and_not_given_is_told() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    assert_eq!(house.catalog.ungiven_note("mine"), None, "it is not configured, which is said elsewhere");
    house.configure(json!({"url": "a"})).await.unwrap();
    let note = house.catalog.ungiven_note("mine").unwrap();
    assert!(note.contains("pack `mine` has no key: not given, and without a default"), "{note}");
    house.configure(json!({"url": "a", "key": "s3cret"})).await.unwrap();
    assert_eq!(house.catalog.ungiven_note("mine"), None);
}

#[tokio::test]
async fn a_key_that_no_schema_declares_is_kept_and_told_wherever_it_comes_from() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "a", "key": null, "kye": 1})).await.unwrap();
    assert_eq!(house.filled().await, Ok(json!({"url": "a", "key": null, "kye": 1, "retries": 3})));
    let registered = house.register("mine", &[SCHEMA]).await.unwrap().notes;
    let file = house.path("configs/packs/mine.yaml").display().to_string();
    house.write("configs/packs/mine.yaml", "url: file\ncolour: red\n");
    let from_file = house.register("mine", &[SCHEMA]).await.unwrap().notes;
    let shown = house.catalog.config_notes("mine").await;
    let begin = "the configuration of the pack `mine` gives";
    for (notes, says) in [
        (registered, format!("{begin} kye (did you mean key?), which config.schema.yaml does not declare")),
        (from_file, format!("{file}: {begin} colour, which")),
        (shown, format!("{file}: {begin} colour, which")),
    ] {
        assert!(notes.iter().any(|note| note.starts_with(&says)), "{says}: {notes:?}");
    }
    assert_eq!(house.filled().await, Ok(json!({"url": "file", "colour": "red", "retries": 3})));
}

#[tokio::test]
async fn a_key_of_the_datastore_that_a_configuration_reads_in_vain_is_told() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "{{ st2kv.system.address }}"})).await.unwrap();
    let says = "`url` reads what is not there, so that actions of the pack fail: the datastore has no key st2kv.system.address;";
    let told = house.catalog.config_notes("mine").await;
    assert!(told.len() == 1 && told[0].contains(says), "{told:?}");
    let registered = house.register("mine", &[SCHEMA]).await.unwrap().notes;
    assert!(registered.iter().any(|note| note.contains(says)), "{registered:?}");
    house.keys.set("address", "there").await.unwrap();
    assert_eq!(house.catalog.config_notes("mine").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_that_comes_back_masked_stays_what_it_was() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "a", "key": "s3cret"})).await.unwrap();
    let values = house.configure(json!({"url": "b", "key": "********"})).await.unwrap();
    assert_eq!(Value::Object(values), json!({"url": "b", "key": "s3cret"}));
}

#[tokio::test]
async fn a_secret_is_not_sent_elsewhere_by_who_does_not_see_it() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "a", "key": "s3cret"})).await.unwrap();
    let elsewhere = json!({"url": "b", "key": "********"});
    let (code, message) = refused(house.configure_as(Giver::SeesNone, elsewhere).await);
    assert!(
        code == "forbidden" && message.contains("`key` of the configuration of pack `mine`"),
        "{message}"
    );
    assert_eq!(house.filled().await, Ok(json!({"url": "a", "key": "s3cret", "retries": 3})));
    let same = json!({"url": "a", "key": "********"});
    house.configure_as(Giver::SeesNone, same).await.unwrap();
    house.configure_as(Giver::SeesNone, json!({"url": "b", "key": "own"})).await.unwrap();
}

#[tokio::test]
async fn keys_of_the_datastore_are_filled_in_as_they_are_when_it_is_asked() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "{{ st2kv.system.url }}"})).await.unwrap();
    let error = house.filled().await.unwrap_err();
    assert!(
        error.ends_with("`url` reads what is not there: the datastore has no key st2kv.system.url"),
        "{error}"
    );
    for value in ["one", "two"] {
        house.keys.set("url", value).await.unwrap();
        assert_eq!(house.filled().await, Ok(json!({"url": value, "retries": 3})));
    }
}

#[tokio::test]
async fn a_file_of_the_operator_wins_when_the_pack_is_registered_and_when_the_host_starts() {
    let house = House::new().await;
    house.register("mine", &[SCHEMA]).await.unwrap();
    house.configure(json!({"url": "api"})).await.unwrap();
    house.write("configs/packs/mine.yaml", "url: file\n");
    assert_eq!(house.filled().await, Ok(json!({"url": "api", "retries": 3})));
    house.register("mine", &[SCHEMA]).await.unwrap();
    assert_eq!(house.filled().await, Ok(json!({"url": "file", "retries": 3})));
    let (code, message) = refused(house.configure(json!({"url": "api"})).await);
    assert!(code == "conflict" && message.contains("is configured by"), "{message}");
    assert_eq!(refused(house.catalog.forget_pack_config("mine").await).0, "conflict");
    // An invalid file keeps nothing from starting, and is refused where somebody can correct it.
    assert_eq!(house.next_process().await.filled().await, Ok(json!({"url": "file", "retries": 3})));
    house.write("configs/packs/mine.yaml", "url: 5\n");
    let house = house.next_process().await;
    assert_eq!(house.filled().await, Ok(json!({"url": "api", "retries": 3})));
    let (code, message) = refused(house.register("mine", &[SCHEMA]).await);
    assert!(
        code == "invalid" && message.contains("mine.yaml: ") && message.contains("correct the file"),
        "{message}"
    );
}

#[tokio::test]
async fn a_schema_that_is_registered_later_is_told_what_does_not_fit_it() {
    let house = House::new().await;
    let report = house.register("mine", &[SCHEMA]).await.unwrap();
    assert!(
        report.notes.iter().any(|note| note.contains("is not configured and needs url")),
        "{:?}",
        report.notes
    );
    house.configure(json!({"url": "a"})).await.unwrap();
    let report = house.register("mine", &[("config.schema.yaml", "url: {type: integer}\n")]).await.unwrap();
    assert!(
        report.notes.iter().any(|note| note.contains("url: \"a\" is not an integer")),
        "{:?}",
        report.notes
    );
}

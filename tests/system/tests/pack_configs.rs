//! Packs are configured: by a file or through the API, checked, with secrets masked.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use petrel_system_tests::{Answer, Host, Place, assert_says};
use serde_json::{Value, json};

const SCHEMA: &str = "
url: {type: string, required: true}
key: {type: string, secret: true}
retries: {type: integer, default: 3}
auth: {type: object, properties: {user: {type: string, default: me}, password: {type: string, secret: true}}}
";

/// A pack `mine` with this schema; where it is.
fn pack(place: &Place, schema: &str) -> String {
    place.write("mine/pack.yaml", "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write("mine/config.schema.yaml", schema);
    place.path("mine")
}

fn put(host: &Host<'_>, values: &Value) -> Answer {
    host.try_send("PUT", "/configs/mine", "", values.to_string().as_bytes()).unwrap()
}

#[test]
fn a_configuration_is_checked_kept_and_shown_without_its_secrets() {
    let place = Place::default();
    let host = place.start(&[]);
    put(&host, &json!({})).with_status(404);
    host.ok(&["pack", "register", &pack(&place, SCHEMA)]);
    let schema = host.get("/config_schemas/mine").with_status(200).json();
    assert_eq!((&schema["pack"], &schema["attributes"]["retries"]["default"]), (&json!("mine"), &json!(3)));
    assert_says(&host.get("/configs/mine").with_status(404).body, &["petrel pack configure mine FILE"]);
    for (values, says) in [
        (json!({}), "'url' is a required property"),
        (json!({"url": 1}), "url: "),
        (json!({"url": "a", "bogus": 1}), "'bogus' was unexpected"),
        (json!({"url": "a", "auth": {"password": 1}}), "auth"),
        (json!([]), "does not fit"),
        (json!({"url": "a", "key": "********"}), "write the secret itself"),
    ] {
        assert_says(&put(&host, &values).with_status(400).body, &[says]);
    }
    let values = json!({"url": "http://a", "key": "secret-1", "auth": {"password": "secret-2"}});
    let shown = put(&host, &values).with_status(200).json();
    let masked = json!({"url": "http://a", "key": "********", "auth": {"password": "********"}});
    assert_eq!(shown, json!({"id": "mine", "pack": "mine", "values": masked}));
    // What was masked is sent back: no secret has changed.
    let mut changed = shown["values"].clone();
    changed["url"] = json!("http://b");
    put(&host, &changed).with_status(200);
    host.stop();

    let host = place.start(&[]);
    let shown = host.get("/configs/mine?show_secrets=true").json();
    let expected = json!({"url": "http://b", "key": "secret-1", "auth": {"password": "secret-2"}});
    assert_eq!(shown["values"], expected);
    let text = host.ok(&["pack", "config", "mine"]).stdout;
    assert!(text.contains("********") && !text.contains("secret-1"), "{text}");
    assert_says(&host.ok(&["pack", "config", "mine", "--show-secrets"]).stdout, &["secret-1"]);
    assert_says(&host.ok(&["pack", "config", "mine", "--schema"]).stdout, &["retries"]);
    let file = place.write("new.yaml", "url: http://c\nretries: many\n");
    assert_says(
        &host.cli(&["pack", "configure", "mine", &file]).with_code(2).stderr,
        &["retries", "--schema"],
    );
    let file = place.write("new.yaml", "url: http://c\n");
    host.ok(&["pack", "configure", "mine", &file]);
    assert_eq!(host.list("/configs").len(), 1);
    host.delete("/configs/mine").with_status(204);
    host.get("/configs/mine").with_status(404);
    host.stop();
    assert!(!place.read("log").contains("secret-"));
}

#[test]
fn a_file_of_the_operator_wins() {
    let place = Place::default();
    let host = place.start(&[]);
    let directory = pack(&place, SCHEMA);
    host.ok(&["pack", "register", &directory]);
    put(&host, &json!({"url": "from the API"})).with_status(200);
    let file = place.write("data/configs/packs/mine.yaml", "url: from the file\nretries: no number\n");
    let refused = host.cli(&["pack", "register", &directory]).with_code(2);
    assert_says(&refused.stderr, &[&file, "retries", "correct the file"]);
    place.write("data/configs/packs/mine.yaml", "url: from the file\n");
    host.ok(&["pack", "register", &directory]);
    let url =
        |host: &Host<'_>| host.get("/configs/mine").json()["values"]["url"].as_str().unwrap().to_owned();
    assert_eq!(url(&host), "from the file");
    assert_says(&put(&host, &json!({"url": "x"})).with_status(409).body, &["configured by", &file]);
    host.stop();
    let host = place.start(&[]);
    assert_eq!(url(&host), "from the file");
    std::fs::remove_file(&file).unwrap();
    host.ok(&["pack", "register", &directory]);
    assert_eq!(url(&host), "from the API");
    host.stop();
}

#[test]
fn a_schema_that_makes_no_sense_is_refused_with_its_line() {
    let place = Place::default();
    let host = place.start(&[]);
    let refused = host.cli(&["pack", "register", &pack(&place, "url: {type: text}\n")]).with_code(2);
    assert_says(&refused.stderr, &["config.schema.yaml:1:", "`text` is not a type"]);
    host.stop();
}

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
        (json!({"url": 1, "retries": "x"}), "retries: "),
        (json!({"url": "a", "auth": {"password": 1}}), "auth"),
        (json!([]), "does not fit"),
        (json!({"url": "a", "key": "********"}), "write the secret itself"),
    ] {
        assert_says(&put(&host, &values).with_status(400).body, &[says]);
    }
    // A key that nobody declares is taken and told; beside a secret it is masked.
    let shown = put(&host, &json!({"url": "a", "bogus": 1, "auth": {"user": null}})).with_status(200).json();
    assert_eq!(shown["values"]["bogus"], "********");
    assert_says(&shown["notes"].to_string(), &["gives bogus, which config.schema.yaml does not declare"]);
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
    let shown = host.ok(&["pack", "config", "mine"]);
    assert_says(&shown.stderr, &["note: ", &file, "retries", "Until then it does not count"]);
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
    assert_says(&host.ok(&["pack", "config", "mine"]).stderr, &["is gone, and what it said is in force"]);
    // Where StackStorm has it.
    let stray = place.write("data/configs/mine.yaml", "url: elsewhere\n");
    let registered = host.ok(&["pack", "register", &directory]);
    assert_says(&registered.stderr, &[&format!("{stray} is not read; move it to {file}")]);
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

/// What each kind of action makes of `{{ config_context.region }}` among its defaults, and a Python action of all of it.
const SHOW: &str = "
name: show
runner_type: python-script
entry_point: show.py
parameters:
  region: {type: string, default: \"{{ config_context.region | default('none') }}\"}
  zone: {type: string, default: \"{{ config_context.zone | default('none') }}\"}
  port: {type: integer, default: 1}
";
const SHELL: &str = "
name: shell
runner_type: local-shell-cmd
parameters:
  cmd: {default: 'echo {{ config_context.region }}'}
";
const FLOW: &str = "
name: flow
runner_type: orquesta
entry_point: workflows/flow.yaml
parameters:
  region: {type: string, default: '{{ config_context.region }}'}
";
const TASKS: &str = "
version: 1.0
input: [region]
tasks:
  show:
    action: mine.show
    input: {region: '{{ config_context.zone }}'}
    next: [{publish: [{zone: <% result().result.zone %>}, {given: <% result().result.region %>}]}]
output: [{region: <% ctx().region %>}, {zone: <% ctx().zone %>}, {given: <% ctx().given %>}]
";

const CHAINED: &str = "
name: chained
runner_type: action-chain
entry_point: workflows/chained.yaml
parameters:
  region: {type: string, default: '{{ config_context.region }}'}
";
const CHAIN: &str = "
chain:
  - name: shown
    ref: mine.show
    parameters: {region: '{{ region }}', zone: '{{ config_context.zone }}'}
    publish: {region: '{{ shown.result.region }}', zone: '{{ shown.result.zone }}'}
";

/// A pack with an action of each kind, registered, and with these values.
fn with_actions(place: &Place, host: &Host<'_>, values: &Value) {
    pack(
        place,
        "region: {type: string, default: us-east-1}\nzone: {type: string}\nfromkv: {type: string}\npin: {type: string, secret: true}\n",
    );
    let show = "from st2common.runners.base_action import Action\n\n\nclass Show(Action):\n    \
                def run(self, region, zone, port):\n        \
                return {'config': self.config, 'region': region, 'zone': zone, 'port': port}\n";
    for (name, text) in [
        ("show.yaml", SHOW),
        ("show.py", show),
        ("shell.yaml", SHELL),
        ("flow.yaml", FLOW),
        ("workflows/flow.yaml", TASKS),
        ("chained.yaml", CHAINED),
        ("workflows/chained.yaml", CHAIN),
    ] {
        place.write(&format!("mine/actions/{name}"), text);
    }
    host.ok(&["pack", "register", &place.path("mine")]);
    put(host, values).with_status(200);
}

#[test]
fn every_action_sees_the_configuration_of_its_pack() {
    let place = Place::default();
    let host = place.start(&[]);
    let values = json!({"zone": "z1", "fromkv": "{{ st2kv.system.plain }}", "pin": "{{ st2kv.system.pin }}"});
    with_actions(&place, &host, &values);
    host.ok(&["key", "set", "plain", "{{ st2kv.system.pin }}"]);
    host.ok(&["key", "set", "pin", "hush"]);
    let shown = host.ok(&["run", "mine.show", "-j"]).json()["result"]["result"].clone();
    let config =
        json!({"region": "us-east-1", "zone": "z1", "fromkv": "{{ st2kv.system.pin }}", "pin": "hush"});
    assert_eq!(shown, json!({"config": config, "region": "us-east-1", "zone": "z1", "port": 1}));
    let stdout = host.ok(&["run", "mine.shell", "-j"]).json()["result"]["stdout"].clone();
    assert_eq!(stdout, "us-east-1");
    let output = host.ok(&["run", "mine.flow", "-j"]).json()["result"]["output"].clone();
    assert_eq!(output, json!({"region": "us-east-1", "zone": "z1", "given": "z1"}));
    let published = host.ok(&["run", "mine.chained", "-j"]).json()["result"]["published"].clone();
    assert_eq!(published, json!({"region": "us-east-1", "zone": "z1"}));
    // What a caller or a rule writes sees the same.
    let shown = host.ok(&["run", "mine.show", "region={{ config_context.zone }}", "-j"]).json();
    assert_eq!(shown["result"]["result"]["region"], "z1");
    let rule = "name: r\npack: mine\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: r}}\n\
                action: {ref: mine.show, parameters: {region: '{{ config_context.fromkv }}'}}\n";
    host.ok(&["rule", "create", &place.write("rule.yaml", rule)]);
    let answer = host.post("/webhooks/r", &json!({"a": 1})).with_status(202);
    let done = host.until(answer.header("x-execution-ids"), "succeeded");
    assert_eq!(done["result"]["result"]["region"], "{{ st2kv.system.pin }}", "data is never code");
    // What was given is shown as it was given.
    assert_eq!(host.get("/configs/mine").json()["values"]["fromkv"], "{{ st2kv.system.plain }}");
    host.stop();
}

#[test]
fn a_configuration_that_cannot_be_filled_in_is_named_and_no_secret_of_it_is_told() {
    let place = Place::default();
    let host = place.start(&[]);
    with_actions(&place, &host, &json!({"pin": "hush"}));
    let refused = host.cli(&["run", "mine.show", "port={{ config_context.pin }}"]).with_code(2);
    assert_says(&refused.stderr, &["parameter port", "integer"]);
    assert!(!refused.stderr.contains("hush"), "{refused:?}");
    let absent = host.cli(&["run", "mine.show", "region={{ config_context.absent }}"]).with_code(2);
    assert_says(
        &absent.stderr,
        &["parameter region", "pack mine has no key absent", "petrel pack configure mine"],
    );
    assert!(!absent.stderr.contains("hush"), "{absent:?}");
    let slip = host.cli(&["run", "mine.show", "region={{ config_context.regin }}"]).with_code(2);
    assert_says(&slip.stderr, &["pack mine has no key regin (did you mean region?)"]);
    let bare = host.cli(&["run", "core.local", "cmd=echo {{ config_context.x }}"]).with_code(2);
    assert_says(
        &bare.stderr,
        &["parameter cmd", "pack core has no configuration", "petrel pack configure core"],
    );
    assert!(!bare.stderr.contains("holds a secret"), "{bare:?}");
    let unread = put(&host, &json!({"zone": "{{ st2kv.system"})).with_status(400);
    assert_says(&unread.body, &["`zone` is no template that can be read", "st2kv.system.key"]);
    put(&host, &json!({"pin": "{{ st2kv.system.a | from_json_string }}"})).with_status(200);
    let failed = host.cli(&["run", "mine.show", "region=a", "zone=b", "-j"]).with_code(2).json();
    let told = failed["faultstring"].as_str().unwrap();
    assert_says(
        told,
        &["pack `mine`", "`pin`", "has no key st2kv.system.a", "petrel pack configure mine FILE"],
    );
    host.stop();
}

#[test]
fn a_default_that_reads_a_key_that_is_not_there_is_told() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write(
        "lacks/pack.yaml",
        "ref: lacks\nname: lacks\ndescription: Lacks.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    );
    place.write("lacks/config.schema.yaml", "size: {type: string, default: '{{ st2kv.system.size }}'}\n");
    place.write(
        "lacks/actions/act.yaml",
        "name: act\nrunner_type: noop\nenabled: true\nparameters: {size: {type: integer}}\n",
    );
    let registered = host.ok(&["pack", "register", &place.path("lacks")]);
    assert_says(
        &registered.stderr,
        &[
            "the default of `size` is null, since the datastore has no key st2kv.system.size",
            "petrel key set",
        ],
    );
    let run = ["run", "lacks.act", "size={{ config_context.size }}"];
    let failed = host.cli(&run).with_code(2);
    assert_says(
        &failed.stderr,
        &[
            "parameter size",
            "`size` of the configuration of pack lacks is null by default",
            "no key st2kv.system.size",
        ],
    );
    host.ok(&["key", "set", "size", "5"]);
    host.ok(&run);
    let again = host.ok(&["pack", "register", "lacks"]);
    assert!(!again.stderr.contains("is null"), "{}", again.stderr);
    host.stop();
}

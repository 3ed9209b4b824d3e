//! Secrets at rest: values that are declared secret, and their copies in workflows, are in no file of the data directory and
//! in no backup, neither plain nor as base64 or hexadecimal digits; and everything that has to reads them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

mod earlier;
mod wrong_key;

use std::fs;
use std::path::Path;

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

const GIVEN: &str = "hush-7f3a91c2-given";
const MADE: &str = "hush-5b8e20d4-made-by-action";
const CONFIGURED: &str = "hush-c04d77e1-configured";
const ANSWERED: &str = "hush-19ab6f35-answered";
const KEPT: &str = "hush-e2906bd8-of-the-datastore";
const ALL: [&str; 5] = [GIVEN, MADE, CONFIGURED, ANSWERED, KEPT];

/// A pack with secrets of all kinds. Its workflows hand them on.
fn pack(place: &Place) {
    for (file, text) in [
        ("pack.yaml", "name: safe\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n"),
        ("config.schema.yaml", "token: {type: string, secret: true}\nurl: {type: string}\n"),
        (
            "actions/open.yaml",
            "name: open\nrunner_type: python-script\nentry_point: open.py\nparameters:\n  pin: {type: string, secret: true}\noutput_schema:\n  token: {type: string, secret: true}\n",
        ),
        (
            "actions/open.py",
            &format!(
                "from st2common.runners.base_action import Action\nclass Open(Action):\n    def run(self, pin=None):\n        print('opened by', pin)\n        return {{'token': '-'.join(['{}', '{}'])}}\n",
                &MADE[..4],
                &MADE[5..]
            ),
        ),
        (
            "actions/note.yaml",
            "name: note\nrunner_type: noop\nparameters: {note: {type: string}, pin: {type: string, secret: true}}\n",
        ),
        (
            "actions/flow.yaml",
            "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\nparameters:\n  pin: {type: string, secret: true}\n",
        ),
        (
            "actions/workflows/flow.yaml",
            "version: 1.0\ninput: [pin]\ntasks:\n  open:\n    action: safe.open pin=<% ctx().pin %>\n    next:\n      - when: <% succeeded() %>\n        publish: [{token: <% result().result.token %>}]\n        do: [say]\n  say:\n    action: core.local\n    input: {cmd: \"echo <% ctx().token %>\"}\noutput:\n  - seen: <% ctx().token %>\n",
        ),
        ("actions/bare.yaml", "name: bare\nrunner_type: orquesta\nentry_point: workflows/bare.yaml\n"),
        (
            "actions/workflows/bare.yaml",
            "version: 1.0\ntasks:\n  open:\n    action: safe.open\n    next:\n      - when: <% succeeded() %>\n        publish: [{token: <% result().result.token %>}]\n        do: [say]\n  say:\n    action: core.local\n    input: {cmd: \"echo <% ctx().token %>\"}\noutput:\n  - seen: <% ctx().token %>\n",
        ),
    ] {
        place.write(&format!("safe/{file}"), text);
    }
}

/// The files below `directory` that contain one of the secrets, in any of the forms.
fn telling(directory: &Path) -> Vec<String> {
    let forms: Vec<(String, String)> = ALL.iter().flat_map(|secret| forms(secret)).collect();
    let mut found = Vec::new();
    look(directory, &forms, &mut found);
    found
}

fn look(path: &Path, forms: &[(String, String)], found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            look(&entry.unwrap().path(), forms, found);
        }
    } else if let Ok(content) = fs::read(path) {
        let has = |text: &str| content.windows(text.len()).any(|part| part == text.as_bytes());
        let told = forms.iter().filter(|(_, form)| has(form));
        found.extend(told.map(|(form, _)| format!("{}: {form}", path.display())));
    }
}

/// A secret as it is, as digits, and as base64 at each of the three places that it may have in a longer text.
fn forms(secret: &str) -> Vec<(String, String)> {
    let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![(secret.to_owned(), secret.to_owned()), (format!("{secret} in digits"), digits)];
    for skipped in 0..3 {
        let whole = secret.len().saturating_sub(skipped) / 3 * 3;
        let part = &secret.as_bytes()[skipped..skipped + whole];
        forms.push((format!("{secret} in base64"), base64(part)));
    }
    forms
}

/// Without padding: the length is a multiple of three.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let number = three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

fn clear(host: &Host<'_>, id: &str) -> Value {
    host.get(&format!("/executions/{id}?show_secrets=true")).with_status(200).json()
}

fn configure(host: &Host<'_>) {
    let values = json!({"token": CONFIGURED, "url": "plain-and-open"}).to_string();
    host.try_send("PUT", "/configs/safe", "", values.as_bytes()).unwrap().with_status(200);
}

/// Uses each secret in each of its places. Gives the ids of an action, of a workflow and of a question.
fn use_all(host: &Host<'_>) -> [String; 3] {
    configure(host);
    host.ok(&["key", "set", "pin", KEPT, "--encrypt"]);
    let opened = host.request(&json!({"action": "safe.open", "parameters": {"pin": GIVEN}}));
    assert_eq!(host.until(&opened, "succeeded")["result"]["result"], json!({"token": "********"}));
    for note in ["{{ config_context.token }}", "{{ st2kv.system.pin | decrypt_kv }}", "{{ pin }}"] {
        let given = json!({"action": "safe.note", "parameters": {"note": note, "pin": GIVEN}});
        host.until(&host.request(&given), "succeeded");
    }
    let flow = host.request(&json!({"action": "safe.flow", "parameters": {"pin": GIVEN}}));
    host.until(&flow, "succeeded");
    // It has no secret of its own, and meets one.
    host.until(&host.request(&json!({"action": "safe.bare"})), "succeeded");
    let rule = json!({"pack": "examples", "name": "r", "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "safe.open", "parameters": {"pin": "{{ st2kv.system.pin | decrypt_kv }}"}}});
    host.post("/rules", &rule).with_status(201);
    let answer = host.post("/webhooks/u", &json!({"open": "plain-and-open"})).with_status(202);
    host.until(answer.header("x-execution-ids"), "succeeded");
    let schema = json!({"type": "object", "properties": {"pin": {"type": "string", "secret": true}}});
    let ask = host.request(&json!({"action": "core.ask", "parameters": {"schema": schema}}));
    host.until(&ask, "pending");
    let response = json!({"response": {"pin": ANSWERED}}).to_string();
    let head = "Content-Type: application/json\r\n";
    host.try_send("PUT", &format!("/inquiries/{ask}"), head, response.as_bytes()).unwrap().with_status(200);
    eventually("it is answered", || {
        Some(host.execution(&ask)).filter(|execution| execution["status"] == "succeeded")
    });
    [opened, flow, ask]
}

/// All that reads executions reads these, and what they lead to hides its secrets as well.
fn read_all(host: &Host<'_>, [opened, flow, ask]: &[String; 3]) {
    let shown = clear(host, opened);
    assert_eq!(
        (&shown["parameters"]["pin"], &shown["result"]["result"]["token"]),
        (&json!(GIVEN), &json!(MADE))
    );
    let output = host.get(&format!("/executions/{opened}/output?show_secrets=true")).with_status(200).body;
    assert_says(&output, &["opened by", GIVEN]);
    assert_eq!(clear(host, flow)["result"]["output"]["seen"], MADE);
    assert_eq!(clear(host, ask)["result"]["response"]["pin"], ANSWERED);
    let configs = host.get("/configs/safe?show_secrets=true").with_status(200).body;
    assert_says(&configs, &[CONFIGURED]);
    for (id, seen) in [(opened, "/result/result/token"), (flow, "/result/output/seen")] {
        let again = host.post(&format!("/executions/{id}/re_run"), &json!({})).with_status(201).json();
        let again = again["id"].as_str().unwrap().to_owned();
        host.until(&again, "succeeded");
        assert_eq!(clear(host, &again).pointer(seen), Some(&json!(MADE)));
        assert_eq!(clear(host, &again)["parameters"]["pin"], GIVEN);
    }
}

#[test]
fn secrets_are_in_no_file_and_are_read_where_they_are_needed() {
    let place = Place::default();
    pack(&place);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    let ids = use_all(&host);
    read_all(&host, &ids);
    let backup = place.path("all.backup");
    host.ok(&["backup", &backup]);
    host.stop();
    assert_eq!(telling(place.data()), Vec::<String>::new());
    assert_eq!(telling(Path::new(&backup)), Vec::<String>::new());
    let mut open = Vec::new();
    let known = [("the open value".to_owned(), "plain-and-open".to_owned())];
    look(place.data(), &known, &mut open);
    assert!(!open.is_empty(), "the search finds what is there");
    place.petrel(&["store", "compact"]).with_code(0);
    assert_eq!(telling(place.data()), Vec::<String>::new());
    // A new key encrypts from now on, and the older one still opens what it has encrypted.
    place.petrel(&["store", "rotate-key"]).with_code(0);
    let host = place.start(&[]);
    read_all(&host, &ids);
    configure(&host);
    host.stop();
    assert_eq!(telling(place.data()), Vec::<String>::new());
}

#[test]
fn without_the_key_what_is_encrypted_is_told_and_comes_back_with_it() {
    let place = Place::default();
    pack(&place);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    configure(&host);
    let opened = host.request(&json!({"action": "safe.open", "parameters": {"pin": GIVEN}}));
    host.until(&opened, "succeeded");
    let open = host.shell("echo fine");
    host.until(&open, "succeeded");
    host.stop();
    let (file, aside) = (place.data().join("vault-key"), place.path("aside"));
    fs::rename(&file, &aside).unwrap();
    let host = place.start(&[]);
    assert!(!file.exists(), "no key is made that would be taken for the lost one");
    let refused = host.get(&format!("/executions/{opened}"));
    assert!(refused.status >= 400, "{refused:?}");
    assert_says(&refused.body, &["cannot be read", "put it back"]);
    let pin = json!({"action": "safe.open", "parameters": {"pin": GIVEN}});
    let refused = host.post("/executions", &pin).with_status(400);
    assert_says(&refused.body, &["cannot be stored", "least of all in clear"]);
    assert!(!refused.body.contains(GIVEN), "{}", refused.body);
    assert_eq!(host.execution(&open)["status"], "succeeded", "everything else goes on");
    // With the defaults alone it might act on something else.
    let note = host.request(&json!({"action": "safe.note", "parameters": {"note": "x"}}));
    let result = host.until(&note, "failed")["result"].to_string();
    assert_says(&result, &["safe cannot be read", "put it back"]);
    host.stop();
    place.petrel(&["store", "check"]).with_code(0);
    fs::rename(&aside, &file).unwrap();
    let host = place.start(&[]);
    assert_eq!(clear(&host, &opened)["parameters"]["pin"], GIVEN);
    assert_says(&host.get("/configs/safe?show_secrets=true").with_status(200).body, &[CONFIGURED]);
    host.stop();
}

#[test]
fn without_the_key_the_host_starts_and_what_was_under_way_goes_on_once_it_is_back() {
    let place = Place::default();
    pack(&place);
    place.write(
        "safe/actions/wait.yaml",
        "name: wait\nrunner_type: orquesta\nentry_point: workflows/wait.yaml\nparameters:\n  pin: {type: string, secret: true}\n",
    );
    place.write(
        "safe/actions/workflows/wait.yaml",
        "version: 1.0\ninput: [pin]\ntasks:\n  ask:\n    action: core.ask\n    input: {schema: {type: object, properties: {go: {type: boolean}}}}\n  later:\n    action: core.noop\n    delay: 3600\n",
    );
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    let waits = host.request(&json!({"action": "safe.wait", "parameters": {"pin": GIVEN}}));
    let ask = eventually("it asks", || {
        let inside = host.list(&format!("/executions/{waits}/children?depth=1"));
        let asks = inside.iter().find(|child| child["status"] == "pending")?;
        Some(asks["id"].as_str().unwrap().to_owned())
    });
    // It is killed.
    drop(host);
    let (file, aside) = (place.data().join("vault-key"), place.path("aside"));
    fs::rename(&file, &aside).unwrap();
    let host = place.start(&[]);
    assert!(host.get(&format!("/executions/{waits}")).status >= 400);
    host.until(&host.shell("echo fine"), "succeeded");
    host.stop();
    fs::rename(&aside, &file).unwrap();
    let host = place.start(&[]);
    let response = json!({"response": {"go": true}}).to_string();
    let head = "Content-Type: application/json\r\n";
    host.try_send("PUT", &format!("/inquiries/{ask}"), head, response.as_bytes()).unwrap().with_status(200);
    host.until(&ask, "succeeded");
    host.ok(&["execution", "cancel", &waits]);
    host.until(&waits, "canceled");
    host.stop();
}

/// Takes the key away while the host is down.
fn lose_key(place: &Place) {
    fs::rename(place.data().join("vault-key"), place.path("aside")).unwrap();
}

#[test]
fn what_is_encrypted_for_good_can_be_ended_and_deleted() {
    let place = Place::default();
    pack(&place);
    place.write(
        "safe/actions/wait.yaml",
        "name: wait\nrunner_type: orquesta\nentry_point: workflows/wait.yaml\nparameters:\n  pin: {type: string, secret: true}\n",
    );
    place.write(
        "safe/actions/workflows/wait.yaml",
        "version: 1.0\ninput: [pin]\ntasks:\n  ask:\n    action: core.ask\n  later:\n    action: safe.note pin=<% ctx().pin %>\n    delay: 3600\n",
    );
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    let pin = json!({"pin": GIVEN});
    let waits = host.request(&json!({"action": "safe.wait", "parameters": pin}));
    eventually("it asks", || {
        let inside = host.list(&format!("/executions/{waits}/children?depth=1"));
        (inside.len() == 2 && inside.iter().any(|child| child["status"] == "pending")).then_some(())
    });
    let later = host.request(&json!({"action": "safe.note", "parameters": pin, "delay": 3_600_000}));
    drop(host);
    lose_key(&place);
    let host = place.start(&[]);
    let lost = host.get(&format!("/executions/{later}")).json();
    assert_says(&lost["hint"].to_string(), &["put the file", "petrel execution cancel"]);
    assert!(!lost.to_string().contains("--repair"), "{lost}");
    let listed = host.list("/executions");
    let hints: Vec<_> = listed.iter().filter_map(|one| one["hint"].as_str()).collect();
    assert!(hints.len() >= 2 && hints.iter().all(|hint| !hint.contains("--repair")), "{listed:?}");
    for id in [&later, &waits] {
        host.ok(&["execution", "cancel", id]);
        let canceled = host.until(id, "canceled");
        assert_says(&canceled["result"].to_string(), &["be read", "put it back"]);
        assert!(!canceled.to_string().contains(GIVEN));
        // Without what it was given it would do something else.
        let refused = host.post(&format!("/executions/{id}/re_run"), &json!({})).with_status(400);
        assert_says(&refused.body, &["cannot be run again", "put it back"]);
    }
    for child in host.list(&format!("/executions/{waits}/children?depth=1")) {
        assert_eq!(child["status"], "canceled", "{child}");
    }
    host.ok(&["purge", "executions", "--older", "0s", "--yes"]);
    for id in [&later, &waits] {
        host.get(&format!("/executions/{id}")).with_status(404);
    }
    host.stop();
    place.petrel(&["store", "check"]).with_code(0);
}

#[test]
fn a_workflow_that_meets_a_secret_while_none_can_be_stored_fails_and_says_why() {
    let place = Place::default();
    pack(&place);
    for (file, text) in [
        ("pack.yaml", "name: plain\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n"),
        (
            "actions/hold.yaml",
            "name: hold\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {default: sleep 600, immutable: true}\noutput_schema:\n  type: object\n  properties: {stdout: {type: string, secret: true}}\n",
        ),
        ("actions/flow.yaml", "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n"),
        (
            "actions/workflows/flow.yaml",
            "version: 1.0\ntasks:\n  hold:\n    action: plain.hold\n    next: [{do: [again]}]\n  again:\n    action: core.noop\n",
        ),
    ] {
        place.write(&format!("plain/{file}"), text);
    }
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    host.ok(&["pack", "register", &place.path("plain")]);
    // So that there is something encrypted.
    configure(&host);
    let flow = host.request(&json!({"action": "plain.flow"}));
    eventually("it holds", || {
        let inside = host.list(&format!("/executions/{flow}/children?depth=1"));
        inside.iter().any(|child| child["status"] == "running").then_some(())
    });
    drop(host);
    lose_key(&place);
    let host = place.start(&[]);
    let failed = host.until(&flow, "failed");
    assert_says(&failed["result"]["errors"].to_string(), &["has met a secret", "put it back"]);
    assert_eq!(
        host.list(&format!("/executions/{flow}/children?depth=1")).len(),
        1,
        "nothing more was asked for"
    );
    host.stop();
}

#[test]
fn a_configuration_that_is_declared_secret_later_is_encrypted_when_that_is_registered() {
    let place = Place::default();
    pack(&place);
    place.write("safe/config.schema.yaml", "token: {type: string}\nurl: {type: string}\n");
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("safe")]);
    configure(&host);
    place.write("safe/config.schema.yaml", "token: {type: string, secret: true}\nurl: {type: string}\n");
    host.ok(&["pack", "register", &place.path("safe")]);
    assert_says(&host.get("/configs/safe?show_secrets=true").with_status(200).body, &[CONFIGURED]);
    host.stop();
    // What was stored in clear before is left in files until these are compacted.
    place.petrel(&["store", "compact"]).with_code(0);
    assert_eq!(telling(place.data()), Vec::<String>::new());
}

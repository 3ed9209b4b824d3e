//! The examples that are rules, as their pages have them typed: only addresses, paths and times are those of the test.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use petrel_system_tests::{Answer, Host, Place, assert_says, eventually, skip};
use serde_json::{Value, json};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
/// What `examples/signed/send.sh` sends, and its signatures with the secrets `hush` and `wrong`, made by openssl.
const SIGNED: &str = r#"{"repository": {"full_name": "octocat/hello-world"}}"#;
const HUSH: &str = "9a8b6d22be60bc3eb2c1a6ca74a5c467173e9c14df4e9ef86e350d087bfe2292";
const WRONG: &str = "b5c2bfb26dad5be3522e46a7faac77be6d8ce57a15402d690b8d5f9cd15c1a94";

fn example(file: &str) -> String {
    fs::read_to_string(Path::new(EXAMPLES).join(file)).unwrap()
}

/// Creates the rule in a file of the examples, in which these texts are replaced by others.
#[track_caller]
fn create(place: &Place, host: &Host<'_>, file: &str, replaced: &[(&str, &str)]) {
    let mut rule = example(file);
    for (text, by) in replaced {
        assert_says(&rule, &[text]);
        rule = rule.replace(text, by);
    }
    host.ok(&["rule", "create", &place.write("rule.yaml", &rule)]);
}

/// The names and contents of the files of a place that begin with this name.
fn written(place: &Place, start: &str) -> Vec<(String, String)> {
    let directory = place.path("");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let named = files.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_prefix(start)?.to_owned();
        Some((name, fs::read_to_string(&path).unwrap()))
    });
    // A file that its command has made, and not written yet, is empty.
    let mut found: Vec<_> = named.filter(|(_, content)| content.ends_with('\n')).collect();
    found.sort();
    found
}

/// Whether no timer is due: what a disabled rule waits for is listed, too.
fn rests(host: &Host<'_>) -> bool {
    host.list("/timers").iter().all(|timer| timer["due_at"].is_null())
}

#[test]
fn a_file_is_written_at_an_interval() {
    let place = Place::default();
    let host = place.start(&[]);
    let target = place.path("tick.");
    create(&place, &host, "interval/tick.yaml", &[("delta: 5", "delta: 1"), ("/tmp/petrel-tick.", &target)]);
    assert_says(&host.ok(&["timer", "list"]).stdout, &["core.st2.IntervalTimer", "examples.tick"]);
    let files = eventually("three files are written", || {
        Some(written(&place, "tick.")).filter(|files| files.len() >= 3)
    });
    for (name, content) in &files {
        // 20261130-120000.out, with the time for which the timer was due.
        assert_eq!((name.len(), name.strip_suffix(".out").is_some()), (19, true), "{name}");
        assert!(content.ends_with("Z\n") || content.contains("+00:00"), "{content}");
    }
    host.ok(&["rule", "disable", "examples.tick"]);
    eventually("the timer has ended", || rests(&host).then_some(()));
    host.stop();
}

#[test]
fn the_interval_of_a_published_tutorial() {
    let Some(root) = std::env::var_os("PETREL_SCENARIOS") else {
        skip("PETREL_SCENARIOS, the directory of the tutorials' files, is not set");
        return;
    };
    let rule = fs::read_to_string(Path::new(&root).join("rules/interval-to-file.json")).unwrap();
    let place = Place::default();
    let host = place.start(&[]);
    let file = place.write("rule.json", &rule.replace("/tmp/", &place.path("")));
    host.ok(&["rule", "create", &file]);
    // It comes disabled.
    assert!(rests(&host));
    host.ok(&["rule", "enable", "ineat.sample_rule_with_cron"]);
    assert_says(&host.ok(&["timer", "list"]).stdout, &["ineat.sample_rule_with_cron"]);
    // The author has left out the braces, and the shell knows no such dates: the text is what it is.
    let told = eventually("the file is written", || written(&place, "cron_sample.").into_iter().next());
    assert_eq!(told.0, "%Y%M%d%h%m.out");
    assert!(told.1.lines().all(|line| line == "trigger.body"), "{}", told.1);
    host.stop();
}

#[test]
fn a_timer_goes_by_the_clock_of_a_city() {
    let place = Place::default();
    let host = place.start(&[]);
    create(&place, &host, "cron/nightly.yaml", &[]);
    let due = |reference: &str| {
        eventually("it is known when it is due", || {
            host.get(&format!("/timers/{reference}")).json()["due_at"].as_str().map(str::to_owned)
        })
    };
    let nightly = host.list("/timers").first().unwrap()["ref"].as_str().unwrap().to_owned();
    let time = due(&nightly);
    assert!(time.contains("T01:30:00") || time.contains("T02:30:00"), "summer or winter: {time}");
    assert_says(&host.ok(&["timer", "list"]).stdout, &["core.st2.CronTimer", "examples.nightly"]);
    for (number, (timezone, fields, expected)) in [
        ("Europe/Berlin", json!({"year": 2035, "month": 7}), "2035-06-30T22:00:00Z"),
        ("Europe/Berlin", json!({"year": 2035}), "2034-12-31T23:00:00Z"),
        (
            "America/New_York",
            json!({"year": 2035, "month": 1, "day": 15, "hour": 12}),
            "2035-01-15T17:00:00Z",
        ),
        ("Asia/Kolkata", json!({"year": 2035}), "2034-12-31T18:30:00Z"),
        ("UTC", json!({"year": 2035, "day": "last"}), "2035-01-31T00:00:00Z"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut parameters = fields;
        parameters["timezone"] = json!(timezone);
        let rule = json!({
            "name": format!("zone{number}"), "pack": "examples", "enabled": true, "action": {"ref": "core.noop"},
            "trigger": {"type": "core.st2.CronTimer", "parameters": parameters},
        });
        host.post("/rules", &rule).with_status(201);
        let found = |timer: &Value| timer["rules"] == json!([format!("examples.zone{number}")]);
        let timer = host.list("/timers?limit=100").into_iter().find(found).unwrap();
        let reference = timer["ref"].as_str().unwrap();
        due(reference);
        assert_says(&host.ok(&["timer", "get", reference]).stdout, &[timezone, expected]);
    }
    // The page has it fire every few seconds.
    let fields = "    day_of_week: mon-fri\n    hour: 3\n    minute: 30\n";
    let often = example("cron/nightly.yaml").replace(fields, "    second: '*'\n");
    host.ok(&["rule", "update", "examples.nightly", &place.write("often.yaml", &often)]);
    let told = eventually("it has fired", || {
        host.list("/executions?action=core.echo&status=succeeded").into_iter().next()
    });
    assert_says(&told["parameters"]["message"].to_string(), &["due at 20"]);
    host.stop();
}

/// Takes posts, and gives on the body of each.
fn chat() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (give, posts) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _gone =
                connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if give.send(String::from_utf8(body).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, posts)
}

#[test]
fn somebody_is_told_of_a_failed_action() {
    let place = Place::default();
    let host = place.start(&[]);
    let (address, posts) = chat();
    create(&place, &host, "alarm/alarm.yaml", &[("127.0.0.1:8000", &address)]);
    host.until(&host.shell("true"), "succeeded");
    let failed = host.shell("false");
    host.until(&failed, "failed");
    let told = posts.recv_timeout(petrel_system_tests::PATIENCE).unwrap();
    assert_eq!(told, format!("failed: core.local, {failed}"));
    let posted = eventually("the post has ended", || {
        host.list("/executions?action=core.http&status=succeeded").into_iter().next()
    });
    assert_eq!(posted["trace"], host.execution(&failed)["trace"], "the alarm is in the trace of the failure");
    assert_eq!(host.list("/executions?action=core.http").len(), 1);
    host.stop();
}

#[test]
fn a_change_of_a_key_runs_an_action() {
    let place = Place::default();
    let host = place.start(&[]);
    create(&place, &host, "keys/changed.yaml", &[("/tmp/petrel-keys.out", &place.path("keys.out"))]);
    host.ok(&["key", "set", "deploy.channel", "stable"]);
    host.ok(&["key", "set", "deploy.other", "stable"]);
    host.ok(&["key", "set", "deploy.other", "beta"]);
    host.ok(&["key", "set", "deploy.channel", "beta"]);
    let told = eventually("the action has written", || written(&place, "keys.").into_iter().next());
    assert_eq!(told, ("out".to_owned(), "deploy.channel beta\n".to_owned()));
    assert_eq!(host.list("/executions?rule=examples.changed").len(), 1);
    host.stop();
}

/// Sends what `send.sh` sends.
fn send(host: &Host<'_>, signature: &str, delivery: &str) -> Answer {
    let head = format!(
        "Content-Type: application/json\r\nX-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Delivery: {delivery}\r\n"
    );
    host.send_plain("POST", "/api/v1/webhooks/signed", &head, SIGNED.as_bytes())
}

#[test]
fn a_signed_webhook_takes_each_delivery_once() {
    assert_says(&example("signed/send.sh"), &[&format!("body='{SIGNED}'")]);
    let place = Place::default();
    let host = place.start(&["--config", &format!("{EXAMPLES}/signed/petrel.toml")]);
    host.ok(&["key", "set", "github.secret", "hush", "--encrypt"]);
    create(&place, &host, "signed/on_signed.yaml", &[]);
    let first = send(&host, HUSH, "delivery-1").with_status(202);
    let ran = host.until(first.header("x-execution-ids"), "succeeded");
    assert_eq!(ran["parameters"]["message"], "octocat/hello-world");
    assert_eq!(send(&host, WRONG, "delivery-2").with_status(401).error()[0], "wrong_signature");
    let again = send(&host, HUSH, "delivery-1").with_status(202);
    assert_eq!(again.header("idempotent-replayed"), "true");
    for name in ["x-trigger-instance-id", "x-execution-ids"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    // What was refused is not known as taken in.
    assert_eq!(send(&host, HUSH, "delivery-2").with_status(202).header("idempotent-replayed"), "");
    assert_eq!(host.list("/executions?rule=examples.on_signed").len(), 2);
    host.stop();
}

//! Webhooks with settings of their own, and deliveries that come again: who signs is admitted and nobody else, and what comes
//! twice is taken in once. The signatures are those that their senders publish; those of Slack and Stripe are old, so one
//! webhook of each takes old ones.

use std::thread;

use petrel_system_tests::{Answer, Host, Place, assert_says};

const SETTINGS: &str = r#"
[webhooks."github"]
signature = "github"
secret = "{{ st2kv.system.github.secret }}"

[webhooks."slack"]
signature = "slack"
secret = "{{ st2kv.system.slack.secret }}"
tolerance = "36500d"

[webhooks."strict"]
signature = "slack"
secret = "{{ st2kv.system.slack.secret }}"

[webhooks."stripe"]
signature = "stripe"
secret = "{{ st2kv.system.stripe.secret }}"
tolerance = "36500d"

[webhooks."own"]
signature = {header = "X-Sig", encoding = "base64"}
secret = "{{ st2kv.system.github.secret }}"

[webhooks."open"]
auth = "open"
rate_limit = "3/h"

[webhooks."nobody"]
auth = "open"
"#;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const GITHUB_SECRET: &str = "It's a Secret to Everybody";
const GITHUB: &str =
    "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n";
const GITHUB_BODY: &str = "Hello, World!";
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SLACK: &str =
    "X-Slack-Signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503\r\n";
const SLACK_TIME: &str = "X-Slack-Request-Timestamp: 1531420618\r\n";
const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const STRIPE_SECRET: &str = "whsec_test_secret";
const STRIPE: &str =
    "Stripe-Signature: t=1495999758,v1=6340073448544f68e8673f5d451fd66d10b9facf9c1c36f23c174994d49f2091\r\n";
const STRIPE_BODY: &str = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";

fn listen(place: &Place, host: &Host<'_>, urls: &[&str]) {
    for url in urls {
        let rule = format!(
            "name: {url}\npack: examples\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {url}}}}}\naction: {{ref: core.noop}}\n"
        );
        host.ok(&["rule", "create", &place.write(&format!("{url}.yaml"), &rule)]);
    }
}

/// Sends an event without a token.
fn send(host: &Host<'_>, url: &str, head: &str, body: &str) -> Answer {
    host.send_plain("POST", &format!("/api/v1/webhooks/{url}"), head, body.as_bytes())
}

/// The number of events of a host.
fn events(host: &Host<'_>) -> usize {
    host.list("/triggerinstances?limit=100").len()
}

#[test]
fn who_signs_is_admitted_and_nobody_else() {
    let place = Place::default();
    let file = place.write("petrel.toml", SETTINGS);
    let host = place.start(&["--config", &file]);
    listen(&place, &host, &["github", "slack", "strict", "stripe", "own", "plain"]);
    for (name, secret) in
        [("github.secret", GITHUB_SECRET), ("slack.secret", SLACK_SECRET), ("stripe.secret", STRIPE_SECRET)]
    {
        host.ok(&["key", "set", name, secret]);
    }
    let wrong = GITHUB.replace("757107", "757108");
    let own = "X-Sig: dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=\r\n";
    let slack = format!("{SLACK}{SLACK_TIME}");
    for (url, head, body, status, code) in [
        ("github", GITHUB, GITHUB_BODY, 202, ""),
        ("github", GITHUB, "Hello, World", 401, "wrong_signature"),
        ("github", wrong.as_str(), GITHUB_BODY, 401, "wrong_signature"),
        ("github", "", GITHUB_BODY, 401, "unsigned"),
        ("github", "X-Hub-Signature-256: 757107\r\n", GITHUB_BODY, 401, "unsigned"),
        ("slack", slack.as_str(), SLACK_BODY, 202, ""),
        ("slack", SLACK, SLACK_BODY, 401, "unsigned"),
        ("strict", slack.as_str(), SLACK_BODY, 401, "stale_signature"),
        ("stripe", STRIPE, STRIPE_BODY, 202, ""),
        ("stripe", STRIPE, "{}", 401, "wrong_signature"),
        ("own", own, GITHUB_BODY, 202, ""),
        ("own", GITHUB, GITHUB_BODY, 401, "unsigned"),
        ("plain", GITHUB, GITHUB_BODY, 401, "unauthorized"),
        ("nowhere", GITHUB, GITHUB_BODY, 401, "unauthorized"),
    ] {
        let kind = if url == "stripe" { "Content-Type: application/json\r\n" } else { FORM };
        let answer = send(&host, url, &format!("{kind}{head}"), body).with_status(status);
        if status != 202 {
            assert_eq!(answer.error()[0], code, "{url} {head}");
        }
    }
    // What is set counts, and nothing else: a token signs nothing.
    let refused = host.try_send("POST", "/webhooks/github", FORM, GITHUB_BODY.as_bytes()).unwrap();
    assert_eq!(refused.with_status(401).error()[0], "unsigned");
    assert_eq!(events(&host), 4);
    for event in host.list("/triggerinstances?limit=100") {
        let headers = event["payload"]["headers_lower"].as_object().unwrap();
        let signed = ["x-hub-signature-256", "x-slack-signature", "stripe-signature", "x-sig"];
        assert!(!signed.iter().any(|name| headers.contains_key(*name)), "{headers:?}");
    }
    // Other methods are for users, as ever.
    host.send_plain("GET", "/api/v1/webhooks/github", "", b"").with_status(401);
    host.stop();
    let log = place.read("log");
    assert_says(&log, &["github", "wrong_signature"]);
    assert!(!log.contains(GITHUB_SECRET) && !log.contains("757107"), "{log}");
}

#[test]
fn a_secret_that_is_not_there_admits_nobody() {
    let place = Place::default();
    let file = place.write("petrel.toml", SETTINGS);
    let host = place.start(&["--config", &file]);
    listen(&place, &host, &["github"]);
    let head = format!("{FORM}{GITHUB}");
    let refused = send(&host, "github", &head, GITHUB_BODY).with_status(401);
    assert_eq!(refused.error()[0], "wrong_signature");
    assert!(!refused.body.contains("github.secret"), "{}", refused.body);
    let status = host.get("/status").with_status(200).body;
    assert_says(&status, &["`github` refuses every event", "petrel key set github.secret --encrypt -"]);
    host.ok(&["key", "set", "github.secret", GITHUB_SECRET]);
    send(&host, "github", &head, GITHUB_BODY).with_status(202);
    host.stop();
    let log = place.read("log");
    assert_says(&log, &["its secret is not in the datastore", "`nobody`, and no rule listens to it"]);
}

#[test]
fn an_open_webhook_has_a_rate() {
    let place = Place::default();
    let file = place.write("petrel.toml", SETTINGS);
    let host = place.start(&["--config", &file]);
    listen(&place, &host, &["open"]);
    for _ in 0..3 {
        send(&host, "open", "", "{}").with_status(202);
    }
    let refused = send(&host, "open", "", "{}").with_status(429);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((600..=1201).contains(&wait), "{wait}");
    assert_says(&refused.body, &["`open`", "3/h", "too_often"]);
    assert_eq!(events(&host), 3);
    let figures = host.send_plain("GET", "/metrics", &format!("X-Auth-Token: {}\r\n", host.token), b"").body;
    assert_says(&figures, &["petrel_webhook_refusals_total{webhook=\"open\",reason=\"rate\"} 1"]);
    host.stop();
}

#[test]
fn what_is_sent_again_is_taken_in_once() {
    let place = Place::default();
    let file = place.write("petrel.toml", SETTINGS);
    let host = place.start(&["--config", &file]);
    listen(&place, &host, &["plain", "github"]);
    host.ok(&["key", "set", "github.secret", GITHUB_SECRET]);
    let post = |host: &Host<'_>, key: &str, body: &str| {
        let head = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
        host.try_send("POST", "/webhooks/plain", &head, body.as_bytes()).unwrap()
    };
    // At once.
    let answers: Vec<Answer> = thread::scope(|scope| {
        let senders: Vec<_> = (0..16).map(|_| scope.spawn(|| post(&host, "k1", "{\"n\": 1}"))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap().with_status(202)).collect()
    });
    let id = answers[0].header("x-trigger-instance-id").to_owned();
    let executions = answers[0].header("x-execution-ids").to_owned();
    assert!(!id.is_empty() && !executions.is_empty());
    for answer in &answers {
        assert_eq!(answer.header("x-trigger-instance-id"), id);
        assert_eq!(answer.header("x-execution-ids"), executions);
    }
    let repeated = answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count();
    assert_eq!((repeated, events(&host)), (15, 1));

    // Another body, another key, a key that is none.
    let refused = post(&host, "k1", "{\"n\": 2}").with_status(409);
    assert_says(&refused.body, &["`k1`", &id, "Idempotency-Key"]);
    assert_eq!(post(&host, "k2", "{\"n\": 2}").with_status(202).header("idempotent-replayed"), "");
    let long = "k".repeat(256);
    assert_says(&post(&host, &long, "{}").with_status(400).body, &["idempotency-key", "255"]);

    // A delivery of GitHub has a name of its own.
    let deliver = |host: &Host<'_>, name: &str| {
        let head = format!("{FORM}{GITHUB}X-GitHub-Delivery: {name}\r\n");
        send(host, "github", &head, GITHUB_BODY).with_status(202).header("idempotent-replayed").to_owned()
    };
    assert_eq!([deliver(&host, "d1"), deliver(&host, "d1"), deliver(&host, "d2")], ["", "true", ""]);
    assert_eq!(events(&host), 4);

    // The next process knows them.
    host.stop();
    let host = place.start(&["--config", &file]);
    let again = post(&host, "k1", "{\"n\": 1}").with_status(202);
    assert_eq!((again.header("x-trigger-instance-id"), again.header("idempotent-replayed")), (&*id, "true"));
    assert_eq!(deliver(&host, "d2"), "true");
    assert_eq!(events(&host), 4);
    host.stop();
}

#[test]
fn keys_are_forgotten_in_time() {
    let place = Place::default();
    let host = place.start(&["--webhooks-dedup-window", "1s"]);
    listen(&place, &host, &["plain"]);
    let post = || {
        let answer = host.try_send("POST", "/webhooks/plain", "Idempotency-Key: k\r\n", b"{}").unwrap();
        answer.with_status(202).header("idempotent-replayed").to_owned()
    };
    assert_eq!(post(), "");
    petrel_system_tests::eventually("the key is taken for a new one", || post().is_empty().then_some(()));
    assert_eq!(events(&host), 2);
    host.stop();
}

#[test]
fn mistakes_in_the_settings_of_webhooks_are_told_with_their_lines() {
    let place = Place::default();
    let text = "[webhooks]\ndedup_window = \"0s\"\n[webhooks.\"a\"]\nauth = \"opn\"\n[webhooks.\"b\"]\nsignature = \"github\"\nsecret = \"hush\"\nrate_limt = 1\n";
    let file = place.write("wrong.toml", text);
    let refused = place.petrel(&["config", "show", "--config", &file]).with_code(2);
    assert_says(
        &refused.stderr,
        &[
            &format!("{file}:4: webhooks.\"a\": auth must be"),
            &format!("{file}:7: webhooks.\"b\": secret must be the name of a key of the datastore"),
            &format!("{file}:8: webhooks.\"b\": unknown key `rate_limt`; did you mean `rate_limit`?"),
        ],
    );
    assert!(!refused.stderr.contains("hush"), "{}", refused.stderr);
    let refused = place.petrel(&["config", "show", "--webhooks-dedup-window", "0s"]).with_code(2);
    assert_says(&refused.stderr, &["webhooks.dedup_window", "give at least 1s"]);

    let file = place.write("right.toml", SETTINGS);
    let shown = place.petrel(&["config", "show", "--origin", "--config", &file]).with_code(0).stdout;
    assert_says(
        &shown,
        &[
            "webhooks.\"github\" = \"signature in x-hub-signature-256 with st2kv.system.github.secret",
            "open, at most 3/h",
            &format!("{file}:2"),
        ],
    );
}

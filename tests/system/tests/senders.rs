//! Webhooks as those send them that are widely used: how they sign in, and how they write a body.

use petrel_system_tests::{Place, assert_says};
use serde_json::{Value, json};

const RULE: &str = "
name: senders
pack: examples
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: in}}
action: {ref: core.noop}
";

#[test]
fn a_webhook_takes_what_its_senders_send() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let key = host.post("/apikeys", &json!({"metadata": {"used_by": "me"}})).with_status(201).json();
    let key = key["key"].as_str().unwrap();
    let part = |head: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let file = part("name=\"thumb\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg", "\u{1}\u{2}");
    let parts = part("name=\"payload\"", "{\"event\": \"media.play\"}") + &file + "--x--\r\n";
    let alerts = "{\"version\": \"4\", \"alerts\": []}";
    let bearer = format!("Authorization: Bearer {key}\r\n");
    let named = json!({"filename": "a.jpg", "content_type": "image/jpeg", "size": 2});
    for (sender, query, head, kind, body, expected) in [
        (
            "Alertmanager",
            "",
            bearer.as_str(),
            "application/json",
            alerts,
            json!({"version": "4", "alerts": []}),
        ),
        (
            "CloudEvents",
            "",
            &bearer,
            "Application/CloudEvents+JSON",
            alerts,
            json!({"version": "4", "alerts": []}),
        ),
        ("GitHub, JSON", key, "", "application/json", "{\"zen\": \"x\"}", json!({"zen": "x"})),
        (
            "GitHub, form",
            key,
            "",
            "application/x-www-form-urlencoded",
            "payload=%7B%7D",
            json!({"payload": ["{}"]}),
        ),
        (
            "Plex",
            key,
            "",
            "multipart/form-data; boundary=x",
            &parts,
            json!({"payload": ["{\"event\": \"media.play\"}"], "thumb": [named]}),
        ),
    ] {
        let query = if query.is_empty() { String::new() } else { format!("?st2-api-key={query}") };
        let head = format!("{head}Content-Type: {kind}\r\n");
        let path = format!("/api/v1/webhooks/in{query}");
        let answer = host.send_plain("POST", &path, &head, body.as_bytes()).with_status(202);
        assert_eq!(answer.json(), expected, "{sender}");
        let stored = host.get(&format!("/triggerinstances/{}", answer.header("x-trigger-instance-id")));
        assert_eq!(stored.with_status(200).json()["payload"]["body"], expected, "{sender}");
    }
    host.stop();
}

#[test]
fn a_large_form_is_taken_and_a_broken_one_leaves_nothing_behind() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["rule", "create", &place.write("rule.yaml", RULE)]);
    let send = |body: &[u8]| {
        host.try_send("POST", "/webhooks/in", "Content-Type: multipart/form-data; boundary=x\r\n", body)
            .unwrap()
    };
    let large = "y".repeat(1 << 20);
    let form = format!(
        "--x\r\nContent-Disposition: form-data; name=text\r\n\r\n{large}\r\n--x\r\n\
         Content-Disposition: form-data; name=f; filename=b\r\n\r\n{large}\r\n--x--\r\n"
    );
    let taken: Value = send(form.as_bytes()).with_status(202).json();
    assert_eq!(
        (taken["text"][0].as_str().map(str::len), &taken["f"][0]["size"]),
        (Some(1 << 20), &json!(1 << 20))
    );
    let many = "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n".repeat(1002);
    for (body, says) in [
        ("name=test", "its boundary is not in it"),
        (&form[..form.len() / 2], "it breaks off"),
        (many.as_str(), "more than 1000 parts"),
    ] {
        let [code, message, hint] = send(body.as_bytes()).with_status(400).error();
        assert_eq!(code, "invalid");
        assert_says(&message, &["the body is no form in parts", says]);
        assert_says(&hint, &["multipart/form-data"]);
    }
    assert_eq!(send(&vec![b'-'; 11 << 20]).status, 413);
    assert_eq!(host.list("/triggerinstances").len(), 1);
    host.stop();
}

//! Rules that correlate events, on their way through the host: from webhooks to the output of the action, over a restart.

#![expect(clippy::indexing_slicing, reason = "these are the parts of a test")]

use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::json;

/// Three wrong passwords of a user within an hour.
const LOGINS: &str = "
name: logins
pack: examples
enabled: true
type:
  ref: correlation
  parameters: {kind: accumulate, within: 1h, count: 3, by: '{{ trigger.body.user }}'}
trigger: {type: core.st2.webhook, parameters: {url: login}}
criteria: {trigger.body.ok: {type: equals, pattern: false}}
action:
  ref: core.echo
  parameters: {message: '{{ trigger.key }} {{ trigger.count }} from {{ trigger.events[2].payload.body.from }}'}
";

/// A backup that has begun and is not reported within two seconds.
const BACKUP: &str = "
name: backup
pack: examples
enabled: true
type:
  ref: correlation
  parameters:
    kind: none_within
    within: 2s
    events: [{trigger: {type: core.st2.webhook, parameters: {url: done}}}]
trigger: {type: core.st2.webhook, parameters: {url: begun}}
action: {ref: core.echo, parameters: {message: 'none for {{ trigger.events[0].payload.body.what }}'}}
";

/// The executions of a rule.
fn of_rule(host: &Host<'_>, rule: &str) -> Vec<String> {
    let all = host.list("/executions?limit=100");
    let own = all.iter().filter(|one| one["context"]["rule"]["name"] == rule);
    own.map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn events_come_together_over_a_restart() {
    let place = Place::default();
    let host = place.start(&[]);
    for (name, text) in [("logins.yaml", LOGINS), ("backup.yaml", BACKUP)] {
        host.ok(&["rule", "create", &place.write(name, text)]);
    }
    let shown = host.ok(&["rule", "get", "examples.logins", "--json"]).json();
    assert_eq!(shown["type"]["ref"], "correlation");
    assert_eq!(shown["type"]["parameters"]["count"], 3);
    let login = |host: &Host<'_>, user: &str, from: u32| {
        let body = json!({"user": user, "ok": false, "from": from});
        host.post("/webhooks/login", &body).with_status(202).header("x-execution-ids").to_owned()
    };
    assert_eq!((login(&host, "ada", 1), login(&host, "bob", 2), login(&host, "ada", 3)), Default::default());
    host.post("/webhooks/begun", &json!({"what": "disk"})).with_status(202);
    let why = host.ok(&["rule", "why", "examples.logins"]).stdout;
    assert_says(&why, &["it holds events of 2 keys", "`ada` with 2 events of 3"]);
    let why = host.ok(&["trigger", "why", "last", "--trigger", "core.st2.webhook"]).stdout;
    assert_says(&why, &["examples.backup: counts for its correlation"]);
    host.stop();

    let host = place.start(&[]);
    let execution = host.until(&login(&host, "ada", 4), "succeeded");
    assert_says(&execution["result"].to_string(), &["ada 3 from 4"]);
    assert_eq!(of_rule(&host, "examples.logins").len(), 1);
    let late = eventually("the window ends", || of_rule(&host, "examples.backup").first().cloned());
    assert_says(&host.until(&late, "succeeded")["result"].to_string(), &["none for disk"]);

    let tried = host.ok(&[
        "rule",
        "test",
        "examples.logins",
        "--payload",
        r#"{"body": {"ok": false, "user": "ada"}}"#,
    ]);
    assert_says(&tried.stdout, &["counts for its correlation"]);
    assert_says(&tried.stderr, &["when 3 have come within the window"]);
    let bad = place.write("bad.yaml", &LOGINS.replace("count: 3", "cuont: 3"));
    let refused = host.cli(&["rule", "create", &bad]).with_code(2);
    assert_says(&refused.stderr, &["type.parameters.cuont is no key of a correlation; did you mean count?"]);
    host.stop();
}

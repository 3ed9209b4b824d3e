//! Purges at the command line and through the API: counted first, by the admin only, and never of what is unfinished.

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

#[test]
fn old_executions_events_and_dead_letters_are_purged() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = "name: r\npack: examples\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hello}}\n";
    let fine = place.write("fine.yaml", &format!("{rule}action: {{ref: core.noop}}\n"));
    let broken = rule.replace("name: r", "name: broken");
    let broken = place.write("broken.yaml", &format!("{broken}action: {{ref: core.none}}\n"));
    for file in [&fine, &broken] {
        host.ok(&["rule", "create", file]);
    }
    host.post("/webhooks/hello", &json!({})).with_status(202);
    let done = host.list("/executions")[0]["id"].as_str().unwrap().to_owned();
    host.until(&done, "succeeded");
    let slow = host.request(&json!({"action": "core.local", "parameters": {"cmd": "sleep 60"}}));
    host.until(&slow, "running");

    let dry = host.ok(&["purge", "all", "--older", "0s", "--dry-run"]);
    assert_says(&dry.stderr, &["1 execution, 1 event, 2 enforcements would be deleted; leave out --dry-run"]);
    assert_eq!(host.list("/executions").len(), 2);
    let asked = host.cli(&["purge", "all", "--older", "0s"]).with_code(2);
    assert_says(&asked.stderr, &["Delete 1 execution, 1 event, 2 enforcements?", "--yes"]);
    assert_eq!(host.list("/executions").len(), 2, "nobody has said yes");

    let letters = host.ok(&["purge", "dead-letters", "--older", "0s", "--yes"]);
    assert_says(&letters.stderr, &["1 enforcement deleted"]);
    assert_eq!(host.list("/ruleenforcements").len(), 1);
    let all = host.ok(&["purge", "all", "--older", "0s", "--yes", "--json"]).json();
    assert_eq!(all, json!({"executions": 1, "trigger_instances": 1, "enforcements": 1, "dry_run": false}));
    let left = host.list("/executions");
    assert_eq!((left.len(), left[0]["id"].as_str()), (1, Some(slow.as_str())));
    assert_says(&host.ok(&["purge", "all", "--older", "0s"]).stderr, &["nothing deleted"]);

    for (arguments, says) in [
        (&["purge", "executions", "--older", "0s", "--status", "running"][..], "is unfinished"),
        (&["purge", "events", "--older", "0s", "--status", "failed"], "events have no status"),
        (&["purge", "all", "--older", "0s", "--action", "core.noop"], "leave them out"),
        (&["purge", "executions", "--older", "soon"], "`soon` is neither a time"),
    ] {
        let refused = host.cli(&[arguments, &["--dry-run"]].concat()).with_code(2);
        assert_says(&refused.stderr, &[says]);
    }
    host.stop();
}

//! Policies of the real host: one execution waits for the other, people see why, and a kill does not change that.

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

const POLICY: &str = "name: limit\npack: mine\nresource_ref: core.local\npolicy_type: action.concurrency\nparameters: {threshold: 1}\n";

#[test]
fn one_waits_for_the_other_and_people_see_why() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["policy", "create", &place.write("policy.yaml", POLICY)]);
    let call = |cmd: &str| json!({"action": "core.local", "parameters": {"cmd": cmd}});
    let first = host.request(&call("sleep 60"));
    host.until(&first, "running");
    let second = host.request(&call("true"));
    host.until(&second, "delayed");
    assert_says(
        &host.ok(&["execution", "get", &second]).stdout,
        &["delayed", "the policy mine.limit lets 1 run at once, and 1 run now; it is the next one"],
    );
    let delayed = host.list("/executions?status=delayed");
    assert_eq!((delayed.len(), delayed[0]["id"].as_str().unwrap()), (1, second.as_str()));
    // It is killed.
    drop(host);
    let host = place.start(&[]);
    host.until(&second, "succeeded");
    host.until(&first, "abandoned");
    host.stop();
}

#[test]
fn mistakes_in_policies_are_told_with_their_place() {
    let place = Place::default();
    let host = place.start(&[]);
    let odd = place.write("policy.yaml", &POLICY.replace("threshold: 1", "treshold: 1"));
    let told = host.cli(&["policy", "create", &odd]).with_code(2);
    assert_says(&told.stderr, &["policy.yaml:5", "did you mean threshold?"]);
    host.ok(&["policy", "create", &place.write("policy.yaml", POLICY)]);
    assert_says(
        &host.cli(&["policy", "get", "mine.limt"]).with_code(3).stderr,
        &["did you mean `mine.limit`?"],
    );
    assert_says(
        &host.ok(&["policy", "list", "--action", "core.local"]).stdout,
        &["mine.limit", "threshold=1"],
    );
    assert_says(&host.ok(&["policy-type", "get", "action.dedupe"]).stdout, &["window", "86400"]);
    host.stop();
}

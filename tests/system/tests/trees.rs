//! Trees of workflows on the real host: whatever ends the top one ends all that is inside it, and nothing of it
//! begins afterwards.

use petrel_system_tests::{Host, Place, eventually};
use serde_json::{Value, json};

const PACK: &str =
    "ref: trees\nname: trees\ndescription: Trees.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

/// Each of its two tasks is the workflow itself.
const TWICE: &str = "
version: 1.0
tasks:
  left: {action: trees.twice}
  right: {action: trees.twice}
";

/// Writes a pack with these workflows: name, parameters, definition.
fn pack(place: &Place, workflows: &[(&str, &str, &str)]) {
    place.write("trees/pack.yaml", PACK);
    for (name, parameters, definition) in workflows {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {parameters}\n"
        );
        place.write(&format!("trees/actions/{name}.yaml"), &metadata);
        place.write(&format!("trees/actions/workflows/{name}.yaml"), definition);
    }
}

fn register(host: &Host<'_>, place: &Place) {
    host.ok(&["pack", "register", &place.path("trees")]);
}

fn start(host: &Host<'_>, action: &str, parameters: &Value) -> String {
    host.request(&json!({"action": action, "parameters": parameters}))
}

/// Waits until nothing waits and nothing is open; gives how many executions there are of a status.
fn come_to_rest(host: &Host<'_>) {
    eventually("nothing is left to be done", || {
        let is_empty = |status: &str| host.list(&format!("/executions?status={status}&limit=1")).is_empty();
        let open = ["requested", "scheduled", "delayed", "running", "canceling", "pausing", "resuming"];
        open.iter().all(|status| is_empty(status)).then_some(())
    });
}

/// A store that was checked, with nothing wrong.
fn check(place: &Place) {
    place.petrel(&["store", "check"]).with_code(0);
}

#[test]
fn a_tree_that_is_canceled_while_it_grows_ends() {
    let place = Place::default();
    pack(&place, &[("twice", "{}", TWICE)]);
    for grown in [3, 20] {
        let host = place.start(&[]);
        register(&host, &place);
        let id = start(&host, "trees.twice", &json!({}));
        // No deeper than that, or the tree would grow faster than it is listed.
        let inside = || host.list(&format!("/executions/{id}/children?depth=4&include_attributes=id")).len();
        eventually("it has grown", || (inside() >= grown).then_some(()));
        host.delete(&format!("/executions/{id}"));
        host.until(&id, "canceled");
        come_to_rest(&host);
        host.stop();
        check(&place);
    }
}

#[test]
fn a_workflow_that_calls_itself_fails_by_a_limit_and_everything_ends() {
    let limits = [
        (["--workflows-max-descendants", "200"], "`workflows.max_descendants`"),
        (["--workflows-max-depth", "4"], "`workflows.max_depth`"),
    ];
    for (flags, named) in limits {
        let place = Place::default();
        pack(&place, &[("twice", "{}", TWICE)]);
        let host = place.start(&flags);
        register(&host, &place);
        let id = start(&host, "trees.twice", &json!({}));
        let failed = host.until(&id, "failed");
        come_to_rest(&host);
        let all = host.list("/executions?limit=1000");
        let says = |execution: &Value| execution["result"].to_string().contains(named);
        assert!(says(&failed) || all.iter().any(says), "{named}: {failed}");
        host.stop();
        check(&place);
    }
}

/// One task fails while another runs for a while and a third is a workflow that rests.
const UNEVEN: &str = r#"
version: 1.0
tasks:
  fails: {action: core.local cmd="exit 1"}
  lasts: {action: core.local cmd="sleep 0.7; echo done"}
"#;

#[test]
fn what_runs_beside_a_task_that_failed_ends_before_the_workflow_does() {
    let place = Place::default();
    pack(&place, &[("uneven", "{}", UNEVEN)]);
    let host = place.start(&[]);
    register(&host, &place);
    let id = start(&host, "trees.uneven", &json!({}));
    let failed = host.until(&id, "failed");
    let children = host.list(&format!("/executions/{id}/children?depth=1"));
    let told = host.get(&format!("/executions/{id}/children?depth=1"));
    assert_eq!(told.header("x-total-count"), children.len().to_string());
    let first = children[0]["id"].as_str().unwrap();
    let rest = host.get(&format!("/executions/{id}/children?depth=1&after={first}"));
    assert_eq!(rest.json().as_array().unwrap().len(), children.len() - 1);
    assert_eq!(rest.header("x-total-count"), children.len().to_string());
    let lasts = children.iter().find(|child| child["context"]["orquesta"]["task_name"] == "lasts").unwrap();
    assert_eq!(lasts["status"], "succeeded", "{failed}");
    host.stop();
    check(&place);
}

const SLOW: &str = r#"
version: 1.0
input: [seconds]
tasks:
  many: {with: items in <% range(20).toList() %>, action: core.local cmd="sleep 30"}
  inner: {action: trees.inner}
"#;

const TIMED: &str = r"
version: 1.0
timeout: 1
tasks:
  inner: {action: trees.slow}
";

#[test]
fn a_workflow_that_failed_beside_what_still_runs_can_be_canceled() {
    let place = Place::default();
    let uneven = UNEVEN.replace("sleep 0.7", "sleep 60");
    pack(&place, &[("uneven", "{}", &uneven)]);
    let host = place.start(&[]);
    register(&host, &place);
    let id = start(&host, "trees.uneven", &json!({}));
    eventually("one task has failed", || {
        let children = host.list(&format!("/executions/{id}/children?depth=1"));
        children.iter().any(|child| child["status"] == "failed").then_some(())
    });
    assert_eq!(host.execution(&id)["status"], "running");
    host.delete(&format!("/executions/{id}")).with_status(200);
    host.until(&id, "canceled");
    come_to_rest(&host);
    host.stop();
    check(&place);
}

#[test]
fn what_is_inside_a_workflow_that_timed_out_ends_over_a_restart_too() {
    let place = Place::default();
    // What it calls is not there, and only an expression names it: so it fails while it runs.
    let inner = TWICE.replace("trees.twice", "<% trees + '.missing' %>");
    pack(&place, &[("slow", "{}", SLOW), ("timed", "{}", TIMED), ("inner", "{}", &inner)]);
    let flags = ["--process-slots", "2"];
    let host = place.start(&flags);
    register(&host, &place);
    let id = start(&host, "trees.timed", &json!({}));
    host.until(&id, "running");
    let inside = || host.list(&format!("/executions/{id}/children?depth=2&include_attributes=id")).len();
    eventually("it has grown", || (inside() > 2).then_some(()));
    drop(host);
    let host = place.start(&flags);
    host.until(&id, "timeout");
    come_to_rest(&host);
    host.stop();
    check(&place);
}

const MANY: &str = r#"
version: 1.0
tasks:
  many:
    with: <% range(30).toList() %>
    action: core.local cmd="echo <% item() %>"
    next: [{publish: [{all: <% result().select($.stdout) %>}]}]
output: [{all: <% ctx().all %>}]
"#;

#[test]
fn a_task_over_many_items_asks_for_a_window_of_them() {
    let place = Place::default();
    pack(&place, &[("many", "{}", MANY)]);
    let host = place.start(&["--workflows-items-window", "5", "--process-slots", "1"]);
    register(&host, &place);
    let id = start(&host, "trees.many", &json!({}));
    let innocent = host.shell("echo hello");
    host.until(&innocent, "succeeded");
    let inside = host.list(&format!("/executions/{id}/children?depth=1"));
    assert!(inside.len() < 30, "the other waited for {} of 30 items", inside.len());
    let ended = eventually("it has ended", || {
        let children = host.list(&format!("/executions/{id}/children?depth=1"));
        let open =
            children.iter().filter(|child| matches!(child["status"].as_str(), Some("requested" | "running")));
        // The list of 30 is read in two parts, one a moment after the other, and the window moves on in between.
        assert!(open.count() <= 2 * 5);
        Some(host.execution(&id)).filter(|execution| execution["status"] == "succeeded")
    });
    let all: Vec<usize> = (0..30).collect();
    assert_eq!(ended["result"]["output"]["all"], json!(all));
    host.stop();
}

#[test]
fn one_rule_holds_its_share_of_what_waits_and_others_have_room() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "1", "--waiting-limit", "4"]);
    for name in ["hog", "other"] {
        let rule = format!(
            "name: {name}\npack: examples\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {name}}}}}\naction: {{ref: core.local, parameters: {{cmd: 'true'}}}}\n"
        );
        host.ok(&["rule", "create", &place.write(&format!("{name}.yaml"), &rule)]);
    }
    let first = host.shell("sleep 60");
    host.until(&first, "running");
    let answers: Vec<u16> = (0..4).map(|_| host.post("/webhooks/hog", &json!({})).status).collect();
    assert_eq!(answers, [202, 202, 503, 503]);
    let refused = host.post("/webhooks/hog", &json!({}));
    assert!(
        refused.body.contains("the rule examples.hog") && refused.body.contains("`engine.waiting_share`"),
        "{refused:?}"
    );
    let other = host.post("/webhooks/other", &json!({})).with_status(202);
    assert_eq!(host.list("/triggerinstances").len(), 3);
    host.delete(&format!("/executions/{first}")).with_status(200);
    host.until(other.header("x-execution-ids"), "succeeded");
    host.stop();
}

//! A pack `mine` for tests that call many verbs: a workflow that ends, one that waits, and a rule for a webhook. Also what
//! such calls refer to by variables.

use petrel_system_tests::{Host, Place};

/// A workflow that ends at once.
pub(crate) const FLOW: &str = "version: 1.0\ntasks: {a: {action: core.noop}}\n";
const WAITING: &str = "version: 1.0\ntasks: {a: {action: core.local cmd='sleep 60'}}\n";
const RULE: &str = "name: hook\npack: mine\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: hook}}\n\
                    action: {ref: core.noop}\n";

/// Writes the pack into `mine`, and the rule `mine.hook` to `rule.yaml`.
pub(crate) fn write_pack(place: &Place) {
    place.write(
        "mine/pack.yaml",
        "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n",
    );
    for (name, definition) in [("flow", FLOW), ("waiting", WAITING)] {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\n"
        );
        place.write(&format!("mine/actions/{name}.yaml"), &metadata);
        place.write(&format!("mine/actions/workflows/{name}.yaml"), definition);
    }
    place.write("rule.yaml", RULE);
}

/// The newest of each kind that calls refer to, and the admin's password.
pub(crate) fn variables(host: &Host<'_>) -> Vec<(&'static str, String)> {
    let newest = |path: &str| match host.list(path).first() {
        Some(found) => found["id"].as_str().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    vec![
        ("PASSWORD", host.password.clone()),
        ("WORKFLOW", newest("/executions?action=mine.flow")),
        ("WAITING", newest("/executions?action=mine.waiting")),
        ("EVENT", newest("/triggerinstances")),
        ("KEY", newest("/apikeys")),
        ("INQUIRY", newest("/inquiries")),
    ]
}

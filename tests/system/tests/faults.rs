//! The kinds of faults that systems of this field had, a row each, and that Petrel has none of them.
//!
//! A row names its kind, who had it, and what shows that it is not there; all rows are tried, and those that fail are
//! named at the end. Who may come in is `faults/access.rs`, what comes in is `faults/content.rs`, what comes
//! later is `faults/later.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use petrel_system_tests::{Answer, Host, Place};
use serde_json::{Value, json};

mod access;
mod content;
mod later;

/// A kind of fault.
struct Fault {
    kind: &'static str,
    had_by: &'static str,
    is_absent: fn(&Scene<'_>),
}

const FAULTS: &[Fault] = &[
    Fault {
        kind: "the caller names the user on whose behalf something runs",
        had_by: "StackStorm CVE-2026-85513",
        is_absent: access::nobody_runs_as_somebody_else,
    },
    Fault {
        kind: "the caller forges where an execution comes from",
        had_by: "StackStorm CVE-2026-85513",
        is_absent: access::a_context_forges_nothing,
    },
    Fault {
        kind: "scope or user in a query reads others' keys",
        had_by: "StackStorm CVE-2018-20345, CVE-2022-44009",
        is_absent: access::a_query_opens_no_other_scope,
    },
    Fault {
        kind: "`Origin: null` or a foreign one with credentials",
        had_by: "StackStorm CVE-2019-9580",
        is_absent: access::a_foreign_page_changes_nothing,
    },
    Fault {
        kind: "endless loop on Unicode in logs",
        had_by: "StackStorm CVE-2021-28667",
        is_absent: content::unusual_text_is_logged_and_escaped,
    },
    Fault {
        kind: "templates without a sandbox",
        had_by: "StackStorm CVE-2021-44657, Mistral CVE-2026-41283",
        is_absent: content::templates_reach_no_objects,
    },
    Fault {
        kind: "stored XSS through rules",
        had_by: "StackStorm CVE-2022-43706",
        is_absent: content::what_is_shown_is_never_a_page,
    },
    Fault {
        kind: "sign-in skipped by how a path ends",
        had_by: "Kestra CVE-2026-53576",
        is_absent: access::no_end_of_a_path_skips_the_sign_in,
    },
    Fault {
        kind: "an inner object names another owner",
        had_by: "Temporal CVE-2025-14986, CVE-2025-14987, CVE-2026-5199",
        is_absent: access::ids_in_bodies_mean_nothing,
    },
    Fault {
        kind: "unknown user or missing header falls back to a known one",
        had_by: "Windmill #9293, n8n-mcp CVE-2026-45707",
        is_absent: access::nobody_is_never_somebody,
    },
    Fault {
        kind: "confusion of body types reads files",
        had_by: "n8n CVE-2026-21858",
        is_absent: content::every_type_of_content_meets_every_parser,
    },
    Fault {
        kind: "existence told by the answer",
        had_by: "n8n CVE-2026-86080, CVE-2026-21894, AWX CVE-2026-84717",
        is_absent: access::strangers_do_not_learn_which_webhooks_exist,
    },
    Fault {
        kind: "body read before sign-in",
        had_by: "Argo CVE-2026-42294",
        is_absent: access::a_stranger_s_body_is_not_waited_for,
    },
    Fault {
        kind: "a stored poison makes a crash loop",
        had_by: "Argo CVE-2026-40886",
        is_absent: later::every_kind_of_write_survives_a_restart,
    },
    Fault {
        kind: "a guard by pattern, then rendering again",
        had_by: "AWX CVE-2026-84714, CVE-2026-71463",
        is_absent: content::what_an_expression_gave_is_not_rendered_again,
    },
    Fault {
        kind: "import runs code",
        had_by: "Flowise CVE-2026-40933",
        is_absent: content::registering_a_pack_runs_nothing_of_it,
    },
    Fault {
        kind: "retries or iterations revive what was killed",
        had_by: "Kestra #19683, #21126",
        is_absent: later::a_cancel_beats_retries,
    },
];

/// Where a row is tried: a host with a user who is no admin.
struct Scene<'a> {
    place: &'a Place,
    host: &'a Host<'a>,
    /// The line of the head by which `ada` comes in.
    ada: String,
}

impl Scene<'_> {
    /// Sends JSON to a path below `/api/v1` with just these lines of the head.
    fn send(&self, head: &str, method: &str, path: &str, body: &Value) -> Answer {
        let head = format!("Content-Type: application/json\r\n{head}");
        self.host.send_plain(method, &format!("/api/v1{path}"), &head, body.to_string().as_bytes())
    }

    /// Everything that can be listed is listed.
    #[track_caller]
    fn assert_whole(&self) {
        assert_whole(self.host);
    }
}

/// Everything that can be listed is listed.
#[track_caller]
fn assert_whole(host: &Host<'_>) {
    for list in [
        "executions",
        "rules",
        "triggerinstances",
        "ruleenforcements",
        "keys",
        "users",
        "apikeys",
        "packs",
        "configs",
    ] {
        host.get(&format!("/{list}")).with_status(200);
    }
}

/// A rule on the webhook `name` that echoes what `message` is.
fn echo_rule(name: &str, message: &str) -> Value {
    json!({
        "name": name, "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": name}},
        "action": {"ref": "core.echo", "parameters": {"message": message}},
    })
}

#[test]
fn no_kind_of_fault_that_others_had_is_here() {
    let place = Place::default();
    let host = place.start(&[]);
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    let key = host.post("/apikeys", &json!({"user": "ada"})).with_status(201).json();
    let ada = format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap_or_default());
    let scene = Scene { place: &place, host: &host, ada };
    let failed: Vec<String> = FAULTS
        .iter()
        .filter(|fault| catch_unwind(AssertUnwindSafe(|| (fault.is_absent)(&scene))).is_err())
        .map(|fault| format!("{} (had by {})", fault.kind, fault.had_by))
        .collect();
    assert!(failed.is_empty(), "of {} kinds {} are here:\n{}", FAULTS.len(), failed.len(), failed.join("\n"));
    host.stop();
}

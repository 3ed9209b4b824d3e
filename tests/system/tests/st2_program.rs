//! The unmodified `st2` of StackStorm (its package `st2client`, version 3.9.0) against one host. `st2_client.rs`
//! has its requests, one by one, for machines without it.

use petrel_system_tests::{Host, Place, assert_says};
use petrel_test_support::python;
use serde_json::json;

use crate::mine::{self, FLOW};

/// Calls as a shell reads them, in an order in which each finds what it needs: the exit code, and a part of the output.
const CALLS: &[(&str, i32, &str)] = &[
    ("--version", 0, "3.9.0"),
    ("auth admin -p \"$PASSWORD\" -j", 0, "\"token\":"),
    ("auth admin -p wrong", 1, "Invalid or missing credentials"),
    ("login admin -p \"$PASSWORD\" -w", 0, "Logged in as admin"),
    ("whoami", 0, "admin"),
    ("action list -j", 0, "\"ref\": \"core.local\""),
    ("action list --pack core", 0, "core.local"),
    // As tutorials set the client up: with the port, and no path.
    ("--api-url \"$ST2_BASE_URL\" action list --pack core", 0, "core.local"),
    ("--api-url \"$ST2_BASE_URL\" action-alias list", 1, "no action aliases yet"),
    ("action get core.local -j", 0, "\"runner_type\": \"local-shell-cmd\""),
    ("action get core.nosuch", 1, "not found"),
    ("action create action.json", 2, "actions come with the files of their pack"),
    ("action update core.local action.json", 1, "actions come with the files of their pack"),
    ("action delete core.local", 1, "actions come with the files of their pack"),
    ("run core.local cmd='echo hello' -j", 0, "hello"),
    ("run core.local cmd='exit 3'", 1, "failed"),
    ("run core.local", 1, "'cmd' is a required property"),
    ("run core.nosuch", 1, "\"core.nosuch\" doesn't exist"),
    ("run core.local -h", 0, "cmd"),
    ("run mine.flow", 0, "succeeded"),
    ("run core.noop -a", 0, "st2 execution get"),
    ("action execute core.noop", 0, "st2 execution get"),
    ("execution list -n 5 -j", 0, "\"id\""),
    ("execution list --status=failed", 0, "core.local"),
    ("execution get \"$WORKFLOW\"", 0, "mine.flow"),
    ("execution get \"$WORKFLOW\" -j", 0, "\"status\": \"succeeded\""),
    ("execution get 5f0000000000000000000000", 1, "not found"),
    ("execution re-run \"$WORKFLOW\"", 0, "succeeded"),
    ("execution pause \"$WAITING\"", 0, "paus"),
    ("execution resume \"$WAITING\"", 0, "resum"),
    ("execution cancel \"$WAITING\"", 0, "cancel"),
    ("rule create rule.yaml -j", 0, "\"ref\": \"mine.hook\""),
    ("rule create rule.yaml", 2, "rule `mine.hook` exists already"),
    ("rule list", 0, "mine.hook"),
    ("rule list --pack mine -j", 0, "\"mine.hook\""),
    ("rule get mine.hook -j", 0, "\"enabled\": true"),
    ("rule disable mine.hook", 0, "False"),
    ("rule enable mine.hook", 0, "True"),
    ("rule update mine.hook rule.yaml", 0, "mine.hook"),
    ("key set limit 5", 0, "5"),
    ("key get limit -j", 0, "\"value\": \"5\""),
    ("key list", 0, "limit"),
    ("key set --encrypt pin hush -j", 0, "petrel:1:"),
    ("key get pin -j", 0, "\"encrypted\": true"),
    ("key get pin --decrypt -j", 0, "\"value\": \"hush\""),
    ("key set own 7 --scope user --ttl 600 -j", 0, "\"scope\": \"st2kv.user\""),
    ("key get own --scope user -j", 0, "\"expire_timestamp\": \"2"),
    ("key list --decrypt", 0, "hush"),
    ("key delete own --scope user", 0, "successfully deleted"),
    ("key delete pin", 0, "successfully deleted"),
    ("key load keys.json", 0, "loaded"),
    ("key delete_by_prefix -p load", 0, "loaded"),
    ("key delete limit", 0, "successfully deleted"),
    ("key get limit", 1, "not found"),
    ("pack list -j", 0, "\"mine\""),
    ("pack get mine", 0, "mine"),
    ("pack show mine", 2, "no index of packs yet"),
    ("pack register mine", 0, "aliases"),
    ("pack remove nosuch", 1, "petrel pack remove"),
    ("pack install nosuch", 1, "nothing was installed"),
    ("pack search jira", 1, "no index of packs yet"),
    ("trigger list", 0, "core.st2.webhook"),
    ("trigger get core.st2.webhook -j", 0, "\"payload_schema\""),
    ("trigger create trigger.json", 0, "mine.order"),
    ("trigger update mine.order trigger.json", 0, "mine.order"),
    ("trigger delete mine.order", 0, "successfully deleted"),
    ("trigger-instance list -j", 0, "\"processed\""),
    ("trigger-instance get \"$EVENT\"", 0, "core.st2.webhook"),
    ("trigger-instance re-emit \"$EVENT\"", 0, "succesfully re-sent"),
    ("rule-enforcement list", 0, "mine.hook"),
    ("webhook list", 0, "hook"),
    ("webhook get hook", 0, "core.st2.webhook"),
    ("apikey create -m '{\"used_by\": \"test\"}' -j", 0, "\"used_by\": \"test\""),
    ("apikey list", 0, "test"),
    ("apikey get \"$KEY\" -j", 0, "\"enabled\": true"),
    ("apikey disable \"$KEY\"", 0, "False"),
    ("apikey enable \"$KEY\"", 0, "True"),
    ("apikey delete \"$KEY\"", 0, "successfully deleted"),
    ("workflow inspect --file flow.yaml", 0, "No errors found"),
    ("workflow inspect --file bad.yaml", 0, "Variable \"nope\" is referenced before assignment"),
    ("runner list", 0, "local-shell-cmd"),
    ("runner get noop", 0, "noop"),
    ("policy list", 0, "No matching items found"),
    ("policy create policy.json", 0, "action.concurrency"),
    ("policy list", 0, "mine.limit"),
    ("policy get mine.limit", 0, "mine.limit"),
    ("policy update mine.limit policy.json", 0, "mine.limit"),
    ("policy delete mine.limit", 0, "successfully deleted"),
    ("policy-type list", 0, "concurrency.attr"),
    ("policy-type get action.retry", 0, "max_retry_count"),
    ("trace list -j", 0, "\"trace_tag\": \"trigger_instance-"),
    ("trace get \"$EVENT\" -j", 0, "\"action_execution"),
    ("inquiry list", 0, "| id | roles | users | route | ttl |"),
    ("run core.ask -a", 0, "st2 execution get"),
    ("inquiry list", 0, "1440"),
    ("inquiry get \"$INQUIRY\"", 0, "1440"),
    ("inquiry respond \"$INQUIRY\" -r '{\"continue\": true}'", 0, "Response accepted"),
    ("sensor list", 0, "No matching items found"),
    ("action-alias list", 1, "no action aliases yet"),
    ("timer list", 0, "No matching items found"),
    ("role list", 1, "no roles yet"),
    ("service-registry group list", 1, "no registry of services yet"),
    ("rule delete mine.hook", 0, "successfully deleted"),
    ("rule get mine.hook", 1, "not found"),
];

fn write_files(place: &Place) {
    mine::write_pack(place);
    place.write(
        "action.json",
        "{\"name\": \"act\", \"pack\": \"mine\", \"runner_type\": \"noop\", \"enabled\": true}",
    );
    place.write(
        "trigger.json",
        "{\"name\": \"order\", \"pack\": \"mine\", \"payload_schema\": {\"type\": \"object\"}}",
    );
    place.write(
        "policy.json",
        "{\"name\": \"limit\", \"pack\": \"mine\", \"resource_ref\": \"core.noop\", \"policy_type\": \"action.concurrency\", \"parameters\": {\"threshold\": 2}}",
    );
    place.write("keys.json", "[{\"name\": \"loaded\", \"value\": \"a\"}]");
    place.write("flow.yaml", FLOW);
    place.write("bad.yaml", &FLOW.replace("core.noop", "core.echo message=<% ctx().nope %>"));
    // Where the client keeps what it knows of sessions.
    place.write("home/.keep", "");
}

/// What the client reads of its environment, and what calls refer to.
fn variables(place: &Place, host: &Host<'_>) -> Vec<(&'static str, String)> {
    let at = |path: &str| format!("http://{}{path}", host.address);
    let mut variables = mine::variables(host);
    variables.extend([
        ("HOME", place.path("home")),
        ("ST2_BASE_URL", at("")),
        ("ST2_API_URL", at("/api/v1")),
        ("ST2_AUTH_URL", at("/auth/v1")),
        ("ST2_STREAM_URL", at("/stream/v1")),
        ("COLUMNS", "200".to_owned()),
    ]);
    variables
}

#[test]
fn the_client_of_stackstorm_works_or_is_told_why_not() {
    let Some(python) = python("st2client") else { return };
    let place = Place::default();
    write_files(&place);
    let host = place.start(&[]);
    host.ok(&["pack", "register", &place.path("mine")]);
    for (words, code, says) in CALLS {
        if words.starts_with("execution pause") {
            host.until(&host.request(&json!({"action": "mine.waiting"})), "running");
        }
        if words.starts_with("trigger-instance list") {
            host.post("/webhooks/hook", &json!({})).with_status(202);
        }
        let variables = variables(&place, &host);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ended = place.script(&format!("{} -m st2client.shell {words}", python.display()), &variables);
        assert_eq!(ended.code, *code, "st2 {words}: {ended:?}");
        assert_says(&format!("st2 {words}\n{}{}", ended.stdout, ended.stderr), &[says]);
    }
    host.stop();
}

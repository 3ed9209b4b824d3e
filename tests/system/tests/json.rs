//! Every verb with `--json`: it prints one document, or says that it prints none. The verbs are those of the help, so
//! that none is forgotten.

use petrel_system_tests::{Ended, Host, Place, assert_says};
use serde_json::json;

use crate::mine;

/// A call of each verb as a shell reads it, in an order in which each finds what it needs, with its exit code. Standard
/// input is the admin's password. `serve`, which does not end by itself, has a test of its own.
const CALLS: &[(&str, &str, i32)] = &[
    ("config show", "", 0),
    ("config reference", "", 0),
    ("pack new", "--lang c fresh", 0),
    ("pack build", "mine", 2),
    ("pack test", "mine", 2),
    ("pack run", "mine", 2),
    ("pack dev", "mine", 2),
    ("pack check", "mine", 0),
    ("pack register", "mine", 0),
    ("pack reload", "mine", 0),
    ("pack install", "builtin:github", 0),
    ("pack save", "mine --file mine.tar", 0),
    ("pack load", "mine.tar", 0),
    ("pack diff", "mine mine.tar", 0),
    ("pack push", "127.0.0.1:1/packs/mine mine", 8),
    ("pack pull", "127.0.0.1:1/packs/mine:1.0.0", 8),
    ("pack mirror", "127.0.0.1:1/packs/mine:1.0.0 127.0.0.1:1/other/mine", 8),
    ("pack key-pair", "signer", 0),
    ("pack sign", "mine.tar --key signer.key", 0),
    ("pack get", "mine --provenance", 3),
    ("pack versions", "mine", 0),
    ("pack activate", "mine 1.0.0", 0),
    ("pack rollback", "mine", 3),
    ("pack update", "mine", 3),
    ("pack update", "--all", 0),
    ("pack gc", "--dry-run", 0),
    ("registry login", "127.0.0.1:1 --user ada --password-stdin", 8),
    ("registry logout", "127.0.0.1:1", 0),
    ("registry list", "", 0),
    ("registry test", "127.0.0.1:1", 8),
    ("pack list", "", 0),
    ("pack get", "mine", 0),
    ("pack describe", "data/packs/core/wasm/core.wasm", 0),
    ("pack configure", "mine mine.yaml", 0),
    ("pack config", "mine", 0),
    ("pack config", "mine --schema", 0),
    ("rule create", "rule.yaml", 0),
    ("rule update", "mine.hook rule.yaml", 0),
    ("rule enable", "mine.hook", 0),
    ("rule resume", "mine.hook", 0),
    ("rule disable", "mine.hook", 0),
    ("rule list", "", 0),
    ("rule get", "mine.hook", 0),
    ("rule enable", "mine.hook mine.none", 1),
    ("rule test", "mine.hook --payload '{\"body\": {}}'", 0),
    ("rule why", "mine.hook", 0),
    ("policy create", "policy.yaml", 0),
    ("policy update", "mine.limit policy.yaml", 0),
    ("policy disable", "mine.limit", 0),
    ("policy enable", "mine.limit", 0),
    ("policy list", "", 0),
    ("policy get", "mine.limit", 0),
    ("policy-type list", "", 0),
    ("policy-type get", "action.retry", 0),
    ("policy delete", "mine.limit", 0),
    ("run", "mine.flow", 0),
    ("run", "core.local cmd='exit 3'", 1),
    ("run", "--async core.noop", 0),
    ("run", "--notify ops core.noop", 0),
    ("action list", "", 0),
    ("action get", "core.local", 0),
    ("execution list", "", 0),
    ("execution get", "last", 0),
    ("execution output", "last", 0),
    ("execution tail", "\"$WORKFLOW\"", 0),
    ("execution rerun", "\"$WORKFLOW\"", 0),
    ("execution pause", "\"$WAITING\"", 0),
    ("execution resume", "\"$WAITING\"", 0),
    ("execution cancel", "\"$WAITING\" \"$WORKFLOW\"", 1),
    ("execution cancel", "--older 0s --dry-run", 0),
    ("inquiry list", "", 0),
    ("inquiry get", "\"$WORKFLOW\"", 2),
    ("inquiry respond", "\"$WORKFLOW\" continue=true", 2),
    ("workflow inspect", "mine/actions/workflows/flow.yaml", 0),
    ("workflow graph", "mine/actions/workflows/flow.yaml", 2),
    ("workflow test", "test.yaml", 0),
    ("pack capabilities", "mine", 0),
    ("pack grant", "mine env=TZ", 2),
    ("pack revoke", "mine --all", 0),
    (
        "host-key pin",
        "web1:2222 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICTeijHjQLsdRkXPzSnUonwSXuyjFYyyNlLXqOVK//W8'",
        0,
    ),
    ("host-key list", "", 0),
    ("host-key get", "[web1]:2222", 0),
    ("host-key delete", "[web1]:2222", 0),
    ("maintenance create", "upgrade --pack mine --until 2h", 0),
    ("maintenance list", "", 0),
    ("maintenance get", "upgrade", 0),
    ("maintenance delete", "upgrade", 0),
    ("trigger list", "", 0),
    ("trigger create", "order.yaml", 0),
    ("trigger update", "mine.order order.yaml", 0),
    ("trigger create", "large.yaml", 0),
    ("trigger list", "--with-parameters --type mine.order", 0),
    ("trigger get", "mine.order", 0),
    ("trigger delete", "mine.order mine.none", 1),
    ("trigger instances", "", 0),
    ("trigger get", "last", 0),
    ("trigger why", "last", 0),
    ("trigger emit", "core.st2.webhook --parameter url=none --payload '{\"body\": {}}' --trace-tag t", 0),
    ("trigger re-emit", "last", 0),
    ("trace list", "", 0),
    ("trace get", "last", 0),
    ("trace get", "no-such-tag", 3),
    ("timer list", "", 0),
    ("timer get", "core.st2.CronTimer.0", 3),
    ("sensor list", "", 0),
    ("sensor get", "mine.None", 3),
    ("sensor enable", "mine.None", 3),
    ("sensor disable", "mine.None", 3),
    ("sensor poll", "mine.None", 3),
    ("sensor restart", "mine.None", 3),
    ("sensor reset-cursor", "mine.None", 3),
    ("sensor logs", "mine.None", 3),
    ("rule-enforcement list", "", 0),
    ("rule-enforcement get", "last", 0),
    ("dead-letter list", "", 0),
    ("dead-letter replay", "000000000000000000000000", 3),
    ("key set", "limit 5", 0),
    ("key list", "", 0),
    ("key get", "limit", 0),
    ("key load", "keys.yaml", 0),
    ("key delete", "limit", 0),
    ("key get", "limit", 3),
    ("log level", "", 0),
    ("apikey create", "used_by=test", 0),
    ("apikey list", "", 0),
    ("apikey get", "\"$KEY\"", 0),
    ("apikey disable", "\"$KEY\"", 0),
    ("apikey enable", "\"$KEY\"", 0),
    ("apikey delete", "\"$KEY\"", 0),
    ("user create", "ada --password-stdin", 0),
    ("user password", "ada --password-stdin", 0),
    ("user list", "", 0),
    ("user delete", "ada", 0),
    ("whoami", "", 0),
    ("backup", "all.backup", 0),
    ("restore", "all.backup --data-dir second", 0),
    ("purge", "all --older 30d --dry-run", 0),
    ("resume-all", "--show", 0),
    ("resume-all", "", 0),
    ("store check", "--data-dir second", 0),
    ("store compact", "--data-dir second", 0),
    ("store rotate-key", "--data-dir data", 0),
    ("store add-key", "data/vault-key --data-dir data", 0),
    ("store export", "all.archive --data-dir second", 0),
    ("store import", "all.archive --data-dir third", 0),
    ("rule delete", "mine.hook", 0),
    ("pack remove", "mine", 0),
    ("completion", "bash", 2),
    ("login", "admin --password-stdin", 0),
    ("logout", "", 0),
    // The last one: afterwards the token of the test is none.
    ("token rotate", "", 0),
];

/// Verbs whose result is no document.
const NONE: [&str; 3] = ["workflow graph", "completion", "pack dev"];

fn write_files(place: &Place) {
    mine::write_pack(place);
    place.write("mine/config.schema.yaml", "limit: {type: integer}\n");
    place.write("mine.yaml", "limit: 5\n");
    place.write("keys.yaml", "- {name: loaded, value: x, secret: true}\n");
    place.write(
        "policy.yaml",
        "name: limit\npack: mine\nresource_ref: core.noop\npolicy_type: action.concurrency\nparameters: {threshold: 9}\n",
    );
    place.write("order.yaml", "name: order\npack: mine\nparameters_schema: {size: {type: string}}\n");
    place.write("large.yaml", "type: mine.order\nparameters: {size: large}\n");
    place.write("test.yaml", "workflow: mine/actions/workflows/flow.yaml\nexpect: {status: succeeded}\n");
}

fn call(place: &Place, host: &Host<'_>, verb: &str, words: &str) -> Ended {
    let mut variables = mine::variables(host);
    variables.push(("PETREL_URL", format!("http://{}", host.address)));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    place.script(&format!("printf '%s\\n' \"$PASSWORD\" | petrel --json {verb} {words}"), &variables)
}

#[test]
fn every_verb_prints_one_document_or_says_that_it_prints_none() {
    let place = Place::default();
    write_files(&place);
    let host = place.start(&[]);
    for (verb, words, code) in CALLS {
        if *verb == "execution list" {
            host.until(&host.request(&json!({"action": "mine.waiting"})), "running");
            host.post("/webhooks/hook", &json!({})).with_status(202);
        }
        let ended = call(&place, &host, verb, words);
        assert_eq!(ended.code, *code, "petrel {verb} {words}: {ended:?}");
        let document = ended.json();
        if NONE.contains(verb) {
            let says = format!("`petrel {verb}` prints no JSON and no YAML");
            assert_says(document["faultstring"].as_str().unwrap_or_default(), &[&says]);
        }
    }
    host.stop();
}

/// The verbs that the help of `words` lists, down to those that have no verbs themselves.
fn verbs(place: &Place, words: &[&str]) -> Vec<String> {
    let help = place.petrel(&[words, &["--help"]].concat()).with_code(0).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    // What goes on from the line before begins further to the right.
    let names = listed.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    let names: Vec<_> = names.filter(|name| *name != "help").collect();
    if names.is_empty() {
        return vec![words.join(" ")];
    }
    names.into_iter().flat_map(|name| verbs(place, &[words, &[name]].concat())).collect()
}

#[test]
fn no_verb_of_the_help_is_left_out() {
    let place = Place::default();
    let verbs = verbs(&place, &[]);
    assert!(verbs.len() > 50, "{verbs:?}");
    let is_called = |verb: &str| verb == "serve" || CALLS.iter().any(|(called, _, _)| *called == verb);
    let left_out: Vec<_> = verbs.iter().filter(|verb| !is_called(verb)).collect();
    assert!(left_out.is_empty(), "no call with --json here: {left_out:?}");
    let gone: Vec<_> = CALLS
        .iter()
        .map(|(called, _, _)| *called)
        .filter(|called| !verbs.iter().any(|verb| verb == called))
        .collect();
    assert!(gone.is_empty(), "these are no verbs: {gone:?}");
}

#[test]
fn the_greeting_is_a_document_for_programs() {
    let place = Place::default();
    let said = place.script(
        r"petrel serve --json --listen 127.0.0.1:0 >said & host=$!
n=0; until grep -q '^}' said || [ $n -gt 600 ]; do sleep 0.1; n=$((n + 1)); done
kill -TERM $host; wait $host; code=$?; cat said; exit $code",
        &[],
    );
    let greeting = said.with_code(0).json();
    assert_says(greeting["url"].as_str().unwrap_or_default(), &["http://127.0.0.1:"]);
    assert_eq!(greeting["data_dir"], place.data().display().to_string());
    assert_eq!((&greeting["held"], &greeting["notes"]), (&json!(0), &json!([])));
    assert!(greeting["password"].is_string(), "at the first start: {greeting}");
}

//! Lists: what narrows them, what orders them, what they refuse; and what clients of StackStorm read in their items.

use petrel_hostile::routes;
use petrel_system_tests::{Host, Place, assert_says, eventually};
use serde_json::{Value, json};

/// Every route that gives a list.
fn lists(host: &Host<'_>) -> Vec<String> {
    let is_plain = |route: &routes::Route| {
        route.methods.contains(&"GET")
            && route.path.starts_with("/api/v1/")
            && route.variables() == 0
            && route.resource() != "backup"
    };
    let paths = routes::all().into_iter().filter(is_plain).map(|route| route.resource_path().to_owned());
    let lists: Vec<_> = paths.filter(|path| host.get(path).with_status(200).json().is_array()).collect();
    assert_eq!(lists.len(), 23, "{lists:?}");
    lists
}

#[test]
fn no_list_ignores_what_it_is_asked() {
    let place = Place::default();
    let host = place.start(&[]);
    for path in lists(&host) {
        for (query, says) in [
            ("nonsense=1", &["`nonsense`"][..]),
            ("Name=", &["`Name`"]),
            ("id=", &["`id` is empty"]),
            ("sort=nonsense", &["`nonsense`"]),
            ("limit=1&limit=2", &["`limit` is given twice"]),
            ("limit=0", &["must be a positive number"]),
        ] {
            let [code, message, hint] = host.get(&format!("{path}?{query}")).with_status(400).error();
            assert_eq!(code, "invalid", "{path}?{query}");
            assert_says(&message, says);
            assert!(!hint.is_empty(), "{path}?{query}");
        }
        let [_, _, hint] = host.get(&format!("{path}?nonsense=1")).error();
        assert_says(&hint, &["limit", "offset", "sort", "include_attributes", "exclude_attributes"]);
        let answer =
            host.get(&format!("{path}?limit=1&offset=0&sort=id&include_attributes=id")).with_status(200);
        assert_eq!(answer.header("x-limit"), "1", "{path}");
        assert!(answer.header("x-total-count").parse::<usize>().is_ok(), "{path}: {answer:?}");
        assert_eq!(host.get(&path).header("x-limit"), "100", "{path}");
    }
    host.stop();
}

/// What StackStorm's client asks for, as it was seen on the wire.
const ASKED_BY_ST2: &[&str] = &[
    "/actions?include_attributes=ref,pack,description",
    "/runnertypes/?name=local-shell-cmd",
    "/executions/?limit=50&parent=null&sort_desc=True&include_attributes=id,action.ref,context.user,status,start_timestamp,end_timestamp",
    "/executions/?limit=50&sort_asc=True&action=core.noop&status=succeeded&user=admin",
    "/executions/?limit=1",
    "/executions/?timestamp_gt=2026-01-01T00:00:00.000Z&timestamp_lt=2030-01-01T00:00:00.000Z",
    "/keys/?decrypt=false&scope=all&limit=50",
    "/keys?prefix=a",
    "/rules/?include_attributes=ref,pack,description,enabled&limit=50&enabled=True",
    "/packs?include_attributes=ref,name,description,version,author",
    "/triggertypes?include_attributes=ref,pack,description",
    "/triggers/?type=core.st2.webhook",
    "/inquiries/?limit=50",
    "/sensortypes/?include_attributes=ref,pack,description,enabled&limit=50",
    "/timers",
    "/timers/?timer_type=core.st2.CronTimer",
    "/policies/?include_attributes=ref,resource_ref,policy_type,enabled&limit=50",
    "/policies/?resource_ref=core.noop&policy_type=action.retry",
    "/policytypes?resource_type=action",
    "/triggerinstances/?include_attributes=id,trigger,occurrence_time,status&limit=50",
    "/triggerinstances/?limit=50&status=processed&timestamp_gt=2026-01-01T00:00:00.000Z",
    "/ruleenforcements/?limit=50&enforced_at_gt=2026-01-01T00:00:00.000Z",
    "/webhooks?include_attributes=url,type,description",
    "/apikeys?show_secrets=True",
    "/config_schemas",
];

#[test]
fn what_stackstorms_client_asks_is_answered() {
    let place = Place::default();
    let host = place.start(&[]);
    for path in ASKED_BY_ST2 {
        host.get(path).with_status(200);
    }
    host.stop();
}

fn rule(name: &str, enabled: bool) -> Value {
    json!({
        "name": name, "pack": "examples", "enabled": enabled,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": name}},
        "action": {"ref": if enabled { "core.noop" } else { "core.echo" }, "parameters": if enabled { json!({}) } else { json!({"message": "x"}) }},
    })
}

#[test]
fn what_is_in_memory_is_narrowed_and_ordered() {
    let place = Place::default();
    let host = place.start(&[]);
    for (name, enabled) in [("b", true), ("a", false), ("c", true)] {
        host.post("/rules", &rule(name, enabled)).with_status(201);
    }
    let one = host.get("/rules/examples.a").json();
    let (id, trigger) = (one["id"].as_str().unwrap(), one["trigger"]["ref"].as_str().unwrap());
    for (query, expected) in [
        ("pack=examples".to_owned(), "abc"),
        ("name=a".into(), "a"),
        ("name=none".into(), ""),
        ("pack=examples&enabled=True".into(), "bc"),
        ("pack=examples&enabled=false".into(), "a"),
        ("action=core.echo".into(), "a"),
        (format!("trigger={trigger}"), "a"),
        ("trigger=core.st2.webhook&pack=examples".into(), "abc"),
        (format!("id={id}"), "a"),
        ("ref=examples.c".into(), "c"),
        ("pack=examples&sort=-name".into(), "cba"),
        ("pack=examples&sort=enabled,-name".into(), "acb"),
        ("pack=examples&limit=1&offset=1".into(), "b"),
    ] {
        let found = host.list(&format!("/rules?{query}"));
        let names: String = found.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
    }
    for (path, count) in [
        ("/actions?name=local&pack=core", 1),
        ("/actions?id=core.local,core.noop", 2),
        ("/actions?name=none", 0),
        ("/packs?name=none", 0),
        ("/packs?ref=core", 1),
        ("/triggertypes?name=st2.webhook", 1),
        ("/triggertypes?name=none", 0),
        ("/webhooks?url=a", 1),
        ("/users?name=admin", 1),
        ("/users?name=none", 0),
        ("/apikeys?user=none", 0),
        ("/runnertypes?name=none", 0),
        ("/configs?pack=none", 0),
    ] {
        let answer = host.get(path).with_status(200);
        assert_eq!(answer.json().as_array().unwrap().len(), count, "{path}");
        assert_eq!(answer.header("x-total-count"), count.to_string(), "{path}");
    }
    host.stop();
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn executions_are_found_from_either_end_of_time() {
    let place = Place::default();
    let host = place.start(&[]);
    let made: Vec<_> = (0..5).map(|_| host.request(&json!({"action": "core.noop"}))).collect();
    made.iter().for_each(|id| drop(host.until(id, "succeeded")));
    let falling: Vec<_> = made.iter().rev().cloned().collect();
    let time = |n: usize| host.execution(&made[n])["start_timestamp"].as_str().unwrap().to_owned();
    let without_zone = |n: usize| time(n).trim_end_matches('Z').to_owned();
    for (query, expected) in [
        (String::new(), &falling[..]),
        ("sort_asc=True".into(), &made[..]),
        ("sort=timestamp&limit=2".into(), &made[..2]),
        ("sort=start_timestamp&limit=2".into(), &made[..2]),
        ("sort=timestamp&limit=2&offset=2".into(), &made[2..4]),
        (format!("sort=timestamp&limit=2&after={}", made[1]), &made[2..4]),
        (format!("timestamp_gt={}", time(1)), &made[2..]),
        (format!("timestamp_gt={}", without_zone(1)), &made[2..]),
        (format!("timestamp_gt={}&sort_desc=True", time(1)), &falling[..3]),
        (format!("timestamp_gt={}&limit=1", time(1)), &made[2..3]),
        (format!("timestamp_lt={}", time(1)), &made[..1]),
        (format!("timestamp={}", time(3)), &made[3..4]),
        (format!("id={},{}", made[0], made[2]), &[made[2].clone(), made[0].clone()]),
        (format!("id={},{}&sort=id&limit=1", made[0], made[2]), &made[..1]),
        (format!("liveaction={}", made[4]), &made[4..]),
        ("trigger_type=core.st2.webhook".into(), &[]),
        ("trigger_instance=null".into(), &falling[..]),
    ] {
        assert_eq!(ids(&host.list(&format!("/executions?{query}"))), expected, "{query}");
    }
    for (query, total) in
        [("limit=2", "5"), ("limit=2&sort_asc=1", "5"), ("limit=2&offset=4", "5"), ("user=none", "0")]
    {
        let answer = host.get(&format!("/executions?{query}")).with_status(200);
        assert_eq!(
            (answer.header("x-total-count"), answer.header("x-total-at-least")),
            (total, ""),
            "{query}"
        );
    }
    host.stop();
}

#[test]
fn events_and_enforcements_are_narrowed() {
    let place = Place::default();
    let host = place.start(&[]);
    host.post("/rules", &rule("hook", true)).with_status(201);
    let send = || host.post("/webhooks/hook", &json!({})).with_status(202);
    let events: Vec<_> = (0..3).map(|_| send().header("x-trigger-instance-id").to_owned()).collect();
    let trigger =
        host.get(&format!("/triggerinstances/{}", events[0])).json()["trigger"].as_str().unwrap().to_owned();
    let falling: Vec<_> = events.iter().rev().cloned().collect();
    for (query, expected) in [
        (String::new(), &falling[..]),
        (format!("trigger={trigger}"), &falling[..]),
        ("trigger=core.other".into(), &[]),
        ("trigger_type=core.st2.webhook&limit=1".into(), &falling[..1]),
        ("status=processed".into(), &falling[..]),
        ("status=pending".into(), &[]),
        ("sort=timestamp".into(), &events[..]),
        // As StackStorm names it, and the items show it.
        ("sort=occurrence_time".into(), &events[..]),
        (format!("id={}", events[1]), &events[1..2]),
        ("timestamp_gt=2100-01-01T00:00:00".into(), &[]),
        ("timestamp_lt=2100-01-01T00:00:00".into(), &falling[..]),
    ] {
        assert_eq!(ids(&host.list(&format!("/triggerinstances?{query}"))), expected, "{query}");
    }
    for (query, count) in [
        ("rule_ref=examples.hook", 3),
        ("rule_ref=examples.other", 0),
        ("enforced_at_gt=2100-01-01", 0),
        ("enforced_at_lt=2100-01-01&sort=enforced_at", 3),
        (&format!("trigger_instance={}", events[0]), 1),
        ("execution=null", 0),
        ("status=succeeded", 3),
        ("status=failed", 0),
    ] {
        let answer = host.get(&format!("/ruleenforcements?{query}")).with_status(200);
        assert_eq!(answer.json().as_array().unwrap().len(), count, "{query}");
        assert_eq!(answer.header("x-total-count"), count.to_string(), "{query}");
    }
    assert_eq!(host.list("/executions?trigger_type=core.st2.webhook&rule=hook").len(), 3);
    assert_eq!(host.list(&format!("/executions?trigger={trigger}&rule=examples.hook&limit=2")).len(), 2);
    host.stop();
}

#[test]
fn pages_until_one_is_empty_are_the_whole_list() {
    let place = Place::default();
    let host = place.start(&[]);
    for name in ["one", "two", "three"] {
        let rule = json!({
            "name": name, "pack": "examples", "enabled": true, "action": {"ref": "core.noop"},
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": "hook"}},
        });
        host.post("/rules", &rule).with_status(201);
    }
    // Events that come at once are taken in beside each other.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    host.post("/webhooks/hook", &json!({})).with_status(202);
                }
            });
        }
    });
    for (list, count) in [("executions", 60), ("triggerinstances", 20), ("ruleenforcements", 60)] {
        for (order, on) in [("sort=-id", "before"), ("sort=id", "after")] {
            let whole = ids(&host.list(&format!("/{list}?{order}")));
            assert_eq!(whole.len(), count, "{list} {order}");
            for limit in [1, 2, 7, 100] {
                let (mut paged, mut at) = (Vec::new(), String::new());
                // Each page but the last has something new.
                for _ in 0..=count {
                    let answer = host.get(&format!("/{list}?{order}&limit={limit}{at}")).with_status(200);
                    // Each page says it, so that who adds them up does not end early.
                    let total = answer.header("x-total-count");
                    assert_eq!(total, count.to_string(), "{list} {order} {limit} {at}");
                    let page = ids(answer.json().as_array().unwrap());
                    let Some(last) = page.last() else { break };
                    at = format!("&{on}={last}");
                    paged.extend(page);
                }
                assert_eq!(paged, whole, "{list} {order} {limit}");
            }
        }
    }
    let enforcement = &host.list("/ruleenforcements?limit=1")[0];
    let execution = enforcement["execution_id"].as_str().unwrap();
    let found = host.list(&format!("/ruleenforcements?execution={execution}&limit=-1"));
    assert_eq!(ids(&found), [enforcement["id"].as_str().unwrap()]);
    host.stop();
}

#[test]
fn clients_of_stackstorm_find_what_they_read() {
    let place = Place::default();
    let host = place.start(&[]);
    let id = host.shell("sleep 600");
    let running = host.until(&id, "running");
    assert_eq!(running["result"], json!({}));
    assert_eq!(
        host.get(&format!("/executions/{id}?include_attributes=result,status")).json()["result"],
        json!({})
    );
    host.delete(&format!("/executions/{id}")).with_status(200);
    let me = host.get("/user").json();
    // The admin's token does not expire; the client reads a time.
    assert_eq!(me["authentication"]["token_expire"], "9999-12-30T22:00:00.000000Z", "{me:#}");
    assert_says(&host.ok(&["whoami"]).stdout, &["never"]);
    let action = host.get("/actions/core.local").json();
    let by_id = host.get(&format!("/actions/{}", action["id"].as_str().unwrap())).with_status(200).json();
    assert_eq!(by_id, action);
    host.stop();
}

const PACK: &str =
    "ref: flows\nname: flows\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n";
const METADATA: &str = "name: one\nrunner_type: orquesta\nentry_point: workflows/one.yaml\nenabled: true\n";
const WORKFLOW: &str = "version: 1.0\ntasks: {late: {delay: 600, action: core.noop}}\n";

#[test]
fn the_last_execution_is_one_at_the_top() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("flows/pack.yaml", PACK);
    place.write("flows/actions/one.yaml", METADATA);
    place.write("flows/actions/workflows/one.yaml", WORKFLOW);
    host.ok(&["pack", "register", &place.path("flows")]);
    let workflow = host.request(&json!({"action": "flows.one"}));
    let child = eventually("the task has asked", || {
        host.list(&format!("/executions/{workflow}/children")).into_iter().next()
    });
    // It waits for its time.
    assert_eq!(child["status"], "delayed");
    assert_eq!((&child["parent"], &child["workflow_execution"]), (&json!(workflow), &json!(workflow)));
    assert_eq!(child["task_execution"], child["context"]["orquesta"]["task_execution_id"]);
    assert_eq!(host.execution(&workflow)["context"]["workflow_execution"], json!(workflow));
    assert_eq!(host.execution("last")["id"], json!(workflow));
    let get =
        |more: &[&str]| host.ok(&[&["execution", "get", "last", "-j"], more].concat()).json()["id"].clone();
    assert_eq!((get(&[]), get(&["--all"])), (json!(workflow), child["id"].clone()));
    let listed = |more: &[&str]| host.ok(&[&["execution", "list", "-j"], more].concat()).json();
    assert_eq!((listed(&[]).as_array().unwrap().len(), listed(&["--all"]).as_array().unwrap().len()), (1, 2));
    host.ok(&["execution", "cancel", &workflow]);
    host.until(&workflow, "canceled");
    host.stop();
}

#[test]
fn the_command_line_says_how_much_there_is() {
    let place = Place::default();
    let host = place.start(&[]);
    let made: Vec<_> = (0..3).map(|_| host.request(&json!({"action": "core.noop"}))).collect();
    made.iter().for_each(|id| drop(host.until(id, "succeeded")));
    let listed = host.ok(&["execution", "list", "-n", "2"]);
    assert_eq!((listed.stdout.lines().count(), listed.stderr.as_str()), (3, "2 of 3\n"));
    assert_eq!(host.ok(&["execution", "list", "-n", "3"]).stderr, "");
    // To the second, and without a colour: nobody looks at it.
    let is_finer = |word: &str| word.ends_with('Z') && word.contains('.');
    assert!(!listed.stdout.split_whitespace().any(is_finer), "{listed:?}");
    assert!(!listed.stdout.contains('\u{1b}'), "{listed:?}");
    assert_eq!(host.ok(&["execution", "list", "--after", "1h", "-j"]).json()[0]["id"], json!(made[2]));
    assert_eq!(host.ok(&["execution", "list", "--before", "1h", "-j"]).json(), json!([]));
    assert_says(&host.cli(&["execution", "list", "--after", "soon"]).with_code(2).stderr, &["`soon`", "1h"]);
    host.stop();
}

#[test]
fn keys_are_set_from_anywhere_and_never_widen_a_table() {
    let place = Place::default();
    let host = place.start(&[]);
    host.ok(&["key", "set", "neg", "-5"]);
    assert_eq!(host.ok(&["key", "get", "neg"]).stdout, "-5\n");
    let piped = ["key", "set", "piped", "-", "--token", &host.token];
    host.cli_with(&piped, "one\ntwo\n").with_code(0);
    assert_eq!(host.ok(&["key", "get", "piped"]).stdout, "one\ntwo\n");
    assert_says(&host.cli(&["key", "set", "a=7"]).with_code(2).stderr, &["petrel key set a 7"]);
    assert_says(&host.cli(&["key", "get", "st2kv.neg"]).with_code(3).stderr, &["petrel key get neg"]);
    host.ok(&["key", "set", "long", &"x".repeat(3000)]);
    let table = host.cli_in(&[("COLUMNS", "80")], &["key", "list"]).with_code(0).stdout;
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert_says(&table, &["neg", "-5", "long", "…", "one\\ntwo", "st2kv.system"]);
    assert_eq!(host.ok(&["key", "list", "-j"]).json()[0]["value"], json!("x".repeat(3000)));

    let told = host.cli(&["key", "delete", "neg", "none", "piped"]).with_code(1);
    assert_says(&told.stderr, &["neg is deleted", "none: ", "does not exist", "piped is deleted"]);
    assert_eq!(host.list("/keys").len(), 1);
    let told = host.ok(&["key", "delete", "long", "-j"]).json();
    assert_eq!(told, json!({"name": "long", "deleted": true}));
    host.stop();
}

#[test]
fn rules_are_switched_together_and_say_which_webhook_they_hear() {
    let place = Place::default();
    let host = place.start(&[]);
    for name in ["one", "two"] {
        host.post("/rules", &rule(name, true)).with_status(201);
    }
    assert_says(&host.ok(&["rule", "list"]).stdout, &["webhook /one", "webhook /two"]);
    let told = host.cli(&["rule", "disable", "examples.one", "examples.none", "examples.two"]).with_code(1);
    assert_says(&told.stderr, &["disabled examples.one", "examples.none: ", "disabled examples.two"]);
    assert_eq!(host.list("/rules?pack=examples&enabled=false").len(), 2);
    let both = host.cli(&["rule", "enable", "examples.one", "examples.none", "-j"]).with_code(1).json();
    assert_eq!((&both[0]["enabled"], &both[1]["code"]), (&json!(true), &json!("not_found")));
    // Of one alone, the exit code says why.
    host.cli(&["rule", "delete", "examples.none"]).with_code(3);
    host.ok(&["rule", "delete", "examples.one", "examples.two"]);
    assert!(host.list("/rules?pack=examples").is_empty());
    host.stop();
}

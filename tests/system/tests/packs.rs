//! Packs of one's own.

use petrel_system_tests::{Place, assert_says, count_files};

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const GREET: &str = "
name: greet
description: Greets somebody.
runner_type: local-shell-cmd
entry_point: ''
enabled: true
parameters:
  who: {type: string, required: true}
  cmd: {immutable: true, default: 'echo hello {{ who | shell_quote }}'}
";
const RULE: &str = "
name: on_greet
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: greet}}
action: {ref: mine.greet, parameters: {who: '{{ trigger.body.who }}'}}
";

#[test]
fn a_directory_becomes_a_pack() {
    let place = Place::default();
    let host = place.start(&[]);
    for (file, content) in [("pack.yaml", PACK), ("actions/greet.yaml", GREET), ("rules/on_greet.yaml", RULE)]
    {
        place.write(&format!("mine/{file}"), content);
    }
    let made = host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(&made.stdout, &["registered mine: 1 action, 0 triggers, 1 rule"]);
    assert_says(&host.ok(&["pack", "list"]).stdout, &["core", "mine", "1.0.0", &place.path("mine")]);
    let run = host.ok(&["run", "mine.greet", "who=you; id", "-j"]).json();
    assert_eq!(run["result"]["stdout"], "hello you; id");
    host.cli(&["run", "mine.greet", "who=you", "cmd=id"]).with_code(2);
    let answer = host.post("/webhooks/greet", &serde_json::json!({"who": "all"})).with_status(202);
    assert_eq!(host.until(answer.header("x-execution-ids"), "succeeded")["result"]["stdout"], "hello all");
    // Again after a change: what is new is there, what is gone is gone, a rule that was off stays off.
    host.ok(&["rule", "disable", "mine.on_greet"]);
    place.write("mine/actions/greet.yaml", &GREET.replace("greet", "wave"));
    host.ok(&["pack", "register", &place.path("mine")]);
    host.ok(&["run", "mine.wave", "who=you"]);
    let gone = host.cli(&["run", "mine.greet", "who=you"]).with_code(3);
    assert_says(&gone.stderr, &["action `mine.greet` does not exist"]);
    assert_eq!(host.ok(&["rule", "get", "mine.on_greet", "-j"]).json()["enabled"], false);
    host.stop();
}

#[test]
fn a_bad_pack_is_refused_with_every_problem() {
    let place = Place::default();
    let host = place.start(&[]);
    for (file, content) in [
        ("pack.yaml", PACK.replace("1.0.0", "one")),
        ("actions/greet.yaml", GREET.replace("runner_type", "runer_type")),
        ("actions/wave.yaml", GREET.replace("greet", "wave").replace("type: string", "type: text")),
        ("actions/nod.yaml", "name: nod\n  runner_type: [\n".to_owned()),
        ("rules/on_greet.yaml", RULE.replace("enabled", "enable")),
        ("actions/good.yaml", GREET.replace("greet", "good")),
    ] {
        place.write(&format!("mine/{file}"), &content);
    }
    let refused = host.cli(&["pack", "register", &place.path("mine")]).with_code(2);
    assert_says(
        &refused.stderr,
        &[
            "pack.yaml:4:10: `one` is not a semantic version",
            "actions/greet.yaml:4:1: ",
            "no field runer_type; did you mean runner_type?",
            "actions/wave.yaml:8:15: `text` is not a type",
            "actions/nod.yaml:2:14: this is not YAML",
            "rules/on_greet.yaml:3:1: ",
            "did you mean enabled?",
            "try: correct the pack and register it again",
        ],
    );
    let packs = host.ok(&["pack", "list", "-j"]).json();
    assert_eq!(packs.as_array().unwrap().len(), 1);
    host.cli(&["action", "get", "mine.good"]).with_code(3);
    host.cli(&["rule", "get", "mine.on_greet"]).with_code(3);
    let refused = host.cli(&["pack", "register", &place.path("nothing")]).with_code(2);
    assert_says(&refused.stderr, &["nothing", "pack.yaml"]);
    // What came with the binary stays what it is.
    place.write("core/pack.yaml", &PACK.replace("mine", "core"));
    let refused = host.cli(&["pack", "register", &place.path("core")]).with_code(6);
    assert_says(&refused.stderr, &["`core`", "came with petrel", "another ref"]);
    host.ok(&["run", "core.local", "cmd=true"]);
    host.stop();
}

#[test]
fn a_pack_is_checked_without_a_host() {
    let place = Place::default();
    let script = "name: deploy\nrunner_type: local-shell-script\nentry_point: deploy.sh\nparameters:\n  token: {type: string, secret: true}\n";
    for (file, content) in [
        ("pack.yaml", PACK),
        ("actions/greet.yaml", GREET),
        ("actions/deploy.yaml", script),
        ("actions/deploy.sh", ""),
    ] {
        place.write(&format!("mine/{file}"), content);
    }
    let warned = place.petrel(&["pack", "check", &place.path("mine")]).with_code(0);
    assert_says(
        &warned.stdout,
        &[
            "warning: actions/deploy.yaml: the secret parameter token becomes an argument",
            "actions/deploy.sh does not say what interprets it; begin it with a line such as #!/bin/sh",
            "actions/deploy.sh has no run bit; set it: chmod +x actions/deploy.sh",
        ],
    );
    assert_says(&warned.stderr, &["0 errors, 3 warnings"]);
    place.write_script("mine/actions/deploy.sh", "#!/bin/sh\n");
    place.write("mine/actions/greet.yaml", &GREET.replace("runner_type", "runer_type"));
    let refused = place.petrel(&["pack", "check", &place.path("mine")]).with_code(1);
    assert_says(&refused.stdout, &["error: actions/greet.yaml:4:1: ", "did you mean runner_type?"]);
    place.write("mine/actions/greet.yaml", GREET);
    let found = place.petrel(&["pack", "check", &place.path("mine"), "-j"]).with_code(0).json();
    assert_eq!(
        (found["problems"].as_array().unwrap().len(), found["warnings"].as_array().unwrap().len()),
        (0, 1)
    );
    place.petrel(&["pack", "check", &place.path("nothing")]).with_code(2);
}

#[test]
fn a_rule_whose_trigger_does_not_exist_is_passed_over() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/greet.yaml", &GREET.replace("required: true", "required: true, default: all"));
    place.write(
        "mine/rules/on_greet.yaml",
        &RULE.replace("core.st2.webhook, parameters: {url: greet}", "core.st2.webhok"),
    );
    let made = host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(&made.stdout, &["registered mine: 1 action, 0 triggers, 0 rules"]);
    assert_says(
        &made.stderr,
        &[
            "rule `mine.on_greet` is passed over",
            "`core.st2.webhok` does not exist",
            "did you mean `core.st2.webhook`?",
        ],
    );
    // What is required and has a default need not be given.
    let run = host.ok(&["run", "mine.greet", "-j"]).json();
    assert_eq!(run["result"]["stdout"], "hello all");
    place.write("mine/rules/on_greet.yaml", RULE);
    host.ok(&["pack", "register", &place.path("mine")]);
    host.ok(&["rule", "get", "mine.on_greet"]);
    host.stop();
}

#[test]
fn a_pack_is_read_again_and_removed() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/pack.yaml", "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n");
    place.write("mine/config.schema.yaml", "key: {type: string, default: old}\n");
    let rule = |name: &str, pack: &str| {
        format!(
            "name: {name}\npack: {pack}\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: {name}}}}}\n\
             action: {{ref: mine.say}}\n"
        )
    };
    place.write("mine/rules/own.yaml", &rule("own", "mine"));
    let action = "name: say\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: echo one}}\n";
    place.write("mine/actions/say.yaml", action);
    host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(&host.ok(&["run", "mine.say"]).stdout, &["one"]);
    place.write("mine/actions/say.yaml", &action.replace("one", "two"));
    host.ok(&["pack", "reload", "mine"]);
    assert_says(&host.ok(&["run", "mine.say"]).stdout, &["two"]);
    place.write("mine/actions/old.yaml", &action.replace("say", "old"));
    host.ok(&["pack", "reload", "mine"]);
    std::fs::remove_file(place.path("mine/actions/old.yaml")).unwrap();
    assert_says(
        &host.ok(&["pack", "reload", "mine"]).stderr,
        &["action `mine.old` is gone: its pack brings"],
    );
    host.try_send("PUT", "/configs/mine", "", b"{\"key\": \"new\"}").unwrap().with_status(200);

    let file = place.write("other.yaml", &rule("other", "others"));
    host.ok(&["rule", "create", &file]);
    let used = host.cli(&["pack", "remove", "mine"]).with_code(6);
    assert_says(&used.stderr, &["others.other", "delete or change them first"]);
    host.ok(&["rule", "delete", "others.other"]);
    let by_hand = place.write("by_hand.yaml", &rule("by_hand", "mine"));
    host.ok(&["rule", "create", &by_hand]);
    assert_says(
        &host.ok(&["pack", "remove", "mine"]).stderr,
        &[
            "rule `mine.by_hand` is gone; it was made by hand",
            "the configuration of the pack `mine` is gone",
            "removed mine: 1 action, 0 triggers, 2 rules",
        ],
    );
    let is_gone = |host: &petrel_system_tests::Host<'_>| {
        host.cli(&["pack", "get", "mine"]).with_code(3);
        host.cli(&["action", "get", "mine.say"]).with_code(3);
        host.cli(&["rule", "get", "mine.own"]).with_code(3);
        host.post("/webhooks/own", &serde_json::json!({})).with_status(404);
    };
    is_gone(&host);
    // What has run is still there, for who may see what might be secret.
    assert_says(&host.ok(&["execution", "get", "last"]).stdout, &["mine.say", "********"]);
    assert_says(&host.ok(&["execution", "get", "last", "--show-secrets"]).stdout, &["mine.say", "two"]);
    assert_says(&host.cli(&["pack", "remove", "core"]).with_code(6).stderr, &["came with petrel"]);
    host.stop();
    let host = place.start(&[]);
    is_gone(&host);
    host.ok(&["pack", "register", &place.path("mine")]);
    host.get("/configs/mine").with_status(404);
    host.stop();
}

/// A workflow, a component and a script that cannot run, and one action that can.
fn pack_with_bad_actions(place: &Place) -> String {
    let action = |name: &str, runner: &str, entry: &str| {
        format!("name: {name}\nrunner_type: {runner}\nentry_point: {entry}\n")
    };
    let flow = |task: &str| format!("version: 1.0\ntasks:\n  a:\n    {task}\n");
    for (file, content) in [
        ("pack.yaml", PACK.to_owned()),
        ("actions/fine.yaml", action("fine", "orquesta", "workflows/fine.yaml")),
        ("actions/workflows/fine.yaml", flow("action: core.noop")),
        ("actions/flow.yaml", action("flow", "orquesta", "workflows/flow.yaml")),
        ("actions/workflows/flow.yaml", flow("action: core.echo message=<% ctx().nope %>")),
        ("actions/chain.yaml", action("chain", "action-chain", "workflows/chain.yaml")),
        ("actions/workflows/chain.yaml", "chain: []\n".to_owned()),
        ("actions/typo.yaml", "name: typo\nrunner_typ: noop\n".to_owned()),
        ("actions/wasm.yaml", action("wasm", "wasm-component", "wasm/no.wasm")),
        ("wasm/no.wasm", "no component".to_owned()),
        ("actions/other.yaml", action("other", "local-shell-comand", "''")),
    ] {
        place.write(&format!("mine/{file}"), &content);
    }
    place.path("mine")
}

#[test]
fn what_check_says_is_what_register_says_and_what_a_run_is_refused_with() {
    let place = Place::default();
    let host = place.start(&[]);
    let pack = pack_with_bad_actions(&place);
    let checked = place.petrel(&["pack", "check", &pack, "-j"]).with_code(1).json();
    let registered = host.ok(&["pack", "register", &pack]);
    assert_says(&registered.stdout, &["registered mine"]);
    for (name, says) in [
        ("flow", "actions/workflows/flow.yaml:4:5: "),
        ("chain", "actions/workflows/chain.yaml:"),
        ("typo", "actions/typo.yaml:2:1: an action has no field runner_typ; did you mean runner_type?"),
        ("wasm", "is not a component"),
    ] {
        let problems = checked["problems"].as_array().unwrap();
        let problem = problems.iter().map(|problem| problem.as_str().unwrap());
        let problem = problem.filter(|problem| problem.contains(says)).collect::<Vec<_>>();
        assert_eq!(problem.len(), 1, "{name}: {problems:#?}");
        assert_says(&registered.stderr, &[&format!("action `mine.{name}` is refused: "), problem[0]]);
        let refused = host.cli(&["run", &format!("mine.{name}")]).with_code(2);
        assert_says(&refused.stderr, &[&format!("action `mine.{name}` is refused: "), problem[0]]);
    }
    // Another version may have the runner.
    let says = ["action `mine.other` needs the runner `local-shell-comand`", "did you mean local-shell-cmd?"];
    assert_says(&checked["warnings"].to_string(), &says);
    assert_says(&registered.stderr, &says);
    assert_says(&host.cli(&["run", "mine.other"]).with_code(2).stderr, &says);
    host.ok(&["run", "mine.fine"]);
    host.stop();
    // It stays so until the pack is registered again.
    let host = place.start(&[]);
    for name in ["flow", "typo"] {
        host.cli(&["run", &format!("mine.{name}")]).with_code(2);
    }
    place.write("mine/actions/typo.yaml", "name: typo\nrunner_type: noop\n");
    host.ok(&["pack", "register", "mine"]);
    host.ok(&["run", "mine.typo"]);
    host.stop();
}

#[test]
fn rules_follow_the_files_of_their_pack() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = |name: &str, enabled: bool| {
        format!(
            "name: {name}\nenabled: {enabled}\ntrigger: {{type: core.st2.webhook, parameters: {{url: {name}}}}}\n\
             action: {{ref: core.echo, parameters: {{message: one}}}}\n"
        )
    };
    let enabled = |name: &str| host.ok(&["rule", "get", name, "-j"]).json()["enabled"].clone();
    let register = || host.ok(&["pack", "register", &place.path("mine")]).stderr;
    place.write("mine/pack.yaml", PACK);
    place.write("mine/rules/r1.yaml", &rule("r1", true));
    place.write("mine/rules/r2.yaml", &rule("r2", true));
    register();
    let own = place.write("own.yaml", &format!("pack: mine\n{}", rule("own", true)));
    host.ok(&["rule", "create", &own]);
    // One is renamed, the other switched in its file.
    place.write("mine/rules/r1.yaml", &rule("new", true));
    place.write("mine/rules/r2.yaml", &rule("r2", false));
    register();
    host.cli(&["rule", "get", "mine.r1"]).with_code(3);
    host.post("/webhooks/r1", &serde_json::json!({})).with_status(404);
    assert_eq!(
        (enabled("mine.new"), enabled("mine.r2"), enabled("mine.own")),
        (true.into(), false.into(), true.into())
    );
    // What somebody has switched stays so, and is said.
    host.ok(&["rule", "disable", "mine.new"]);
    assert_says(
        &register(),
        &["rule `mine.new` stays off", "its file says enabled: true", "petrel rule enable mine.new"],
    );
    assert_eq!(enabled("mine.new"), false);
    std::fs::remove_file(place.path("mine/rules/r1.yaml")).unwrap();
    register();
    host.cli(&["rule", "get", "mine.new"]).with_code(3);
    host.ok(&["rule", "get", "mine.own"]);
    host.stop();
}

#[test]
fn a_pack_goes_by_its_ref_and_not_by_where_it_lies() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("stackstorm-mine/pack.yaml", &PACK.replace("ref: mine\nname: mine", "name: Mine Too"));
    let made = host.ok(&["pack", "register", &place.path("stackstorm-mine")]);
    assert_says(&made.stdout, &["registered mine_too"]);
    place.write("other/pack.yaml", &PACK.replace("mine", "mine_too"));
    let moved = host.ok(&["pack", "register", &place.path("other")]);
    assert_says(&moved.stderr, &["`mine_too`", &place.path("stackstorm-mine"), &place.path("other")]);
    assert!(!host.ok(&["pack", "register", "mine_too"]).stderr.contains("was registered from"));
    host.cli(&["pack", "register", "nothing"]).with_code(3);
    let all = host.post("/packs/register", &serde_json::json!({"packs": ["core", "mine_too"]}));
    assert_eq!(all.with_status(200).json()["packs"].as_array().unwrap().len(), 2);
    for name in ["linux", "chatops", "packs", "default"] {
        place.write("reserved/pack.yaml", &PACK.replace("mine", name));
        let refused = host.cli(&["pack", "register", &place.path("reserved")]).with_code(6);
        assert_says(&refused.stderr, &[name, "another ref"]);
    }
    host.stop();
}

#[test]
fn an_example_is_registered_on_request_and_gives_way() {
    let place = Place::default();
    let host = place.start(&[]);
    host.cli(&["pack", "get", "github"]).with_code(3);
    let refused = host.cli(&["pack", "install", "jira"]).with_code(2);
    assert_says(&refused.stderr, &["`jira`", "builtin:github", "petrel pack register DIRECTORY"]);
    let refused = host.cli(&["pack", "install", "githb"]).with_code(2);
    assert_says(&refused.stderr, &["`githb`", "did you mean `builtin:github`?"]);
    host.until_prepared();
    let compiled = || count_files(&place.data().join("components"), "cwasm");
    let before = compiled();
    host.ok(&["pack", "install", "builtin:github"]);
    assert_eq!(compiled(), before + 1, "its component is compiled when the answer comes");
    host.stop();
    // It is there until somebody removes it, and its name is free.
    let host = place.start(&[]);
    host.ok(&["rule", "get", "github.on_push"]);
    host.ok(&["pack", "remove", "github"]);
    host.stop();
    let host = place.start(&[]);
    host.cli(&["pack", "get", "github"]).with_code(3);
    place.write("github/pack.yaml", &PACK.replace("mine", "github"));
    host.ok(&["pack", "install", "builtin:github"]);
    let replaced = host.ok(&["pack", "register", &place.path("github")]);
    assert_says(&replaced.stderr, &[&place.path("github"), "was registered from"]);
    host.cli(&["rule", "get", "github.on_push"]).with_code(3);
    host.stop();
    let host = place.start(&[]);
    assert_says(&host.ok(&["pack", "get", "github"]).stdout, &["1.0.0"]);
    host.stop();
}

#[test]
fn a_rule_is_warned_of_what_its_action_does_not_take_or_lacks() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = |name: &str, rest: &str| {
        format!(
            "name: {name}\npack: mine\ntrigger: {{type: core.st2.webhook, parameters: {{url: {name}}}}}\n{rest}\n"
        )
    };
    let bad = rule(
        "bad",
        "criteria: {body.name: {type: exists}}\naction: {ref: core.echo, parameters: {messages: one}}",
    );
    let says = [
        "the action core.echo takes no parameter messages",
        "the action core.echo needs the parameter message",
        "the criterion body.name is about nothing that exists",
    ];
    let made = host.ok(&["rule", "create", &place.write("bad.yaml", &bad)]);
    assert_says(&made.stderr, &says);
    host.ok(&["rule", "delete", "mine.bad"]);
    // At registration actions of the pack itself count as well.
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/greet.yaml", GREET);
    place.write("mine/rules/bad.yaml", &bad);
    place.write("mine/rules/own.yaml", &rule("own", "action: {ref: mine.greet, parameters: {whom: you}}"));
    place.write("mine/rules/gone.yaml", &rule("gone", "action: {ref: mine.gone}"));
    let made = host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(&made.stderr, &says);
    assert_says(
        &made.stderr,
        &["takes no parameter whom", "needs the parameter who", "action `mine.gone` does not exist"],
    );
    host.stop();
}

#[test]
fn a_fifo_holds_up_neither_who_registers_it_nor_the_end_of_the_host() {
    let place = Place::default();
    let host = place.start(&[]);
    let script = "name: deploy\nrunner_type: local-shell-script\nentry_point: deploy.sh\n";
    for file in ["pack.yaml", "actions/greet.yaml", "actions/deploy.sh", "rules/on_greet.yaml"] {
        drop(std::fs::remove_dir_all(place.path("mine")));
        for (file, content) in [
            ("pack.yaml", PACK),
            ("actions/greet.yaml", GREET),
            ("actions/deploy.yaml", script),
            ("rules/on_greet.yaml", RULE),
        ] {
            place.write(&format!("mine/{file}"), content);
        }
        place.write_script("mine/actions/deploy.sh", "#!/bin/sh\n");
        host.ok(&["pack", "register", &place.path("mine")]);
        let path = place.path(&format!("mine/{file}"));
        std::fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        // What is wrong with an action or a rule is its own affair.
        let code = if file.contains('/') { 0 } else { 2 };
        let refused = host.cli(&["pack", "register", &place.path("mine")]).with_code(code);
        assert_says(&refused.stderr, &[file, "it is a FIFO, and must be a plain file"]);
        let checked = place.petrel(&["pack", "check", &place.path("mine")]).with_code(1);
        assert_says(&checked.stdout, &[file, "it is a FIFO"]);
    }
    // What was registered is still there, and its script becomes a FIFO.
    std::fs::remove_file(place.path("mine/rules/on_greet.yaml")).unwrap();
    place.write("mine/rules/on_greet.yaml", RULE);
    host.ok(&["pack", "register", &place.path("mine")]);
    let path = place.path("mine/actions/deploy.sh");
    std::fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    let failed = host.cli(&["run", "mine.deploy"]).with_code(1);
    assert_says(&failed.stdout, &["script.missing", "is not a plain file"]);
    host.stop();
    let config = place.path("fifo.toml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &config, rustix::fs::Mode::RUSR).unwrap();
    let refused = place.petrel(&["config", "show", "--config", &config]).with_code(2);
    assert_says(&refused.stderr, &["fifo.toml", "it is a FIFO"]);
}

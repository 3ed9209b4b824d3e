//! Packs of one's own.

use petrel_system_tests::{Place, assert_says};

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
    assert_says(&made.stdout, &["registered mine: 1 actions, 0 triggers, 1 rules"]);
    assert_says(
        &host.ok(&["pack", "list"]).stdout,
        &["core", "github", "mine", "1.0.0", &place.path("mine")],
    );
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
            "actions/nod.yaml:2:14: this is no YAML",
            "rules/on_greet.yaml:3:1: ",
            "did you mean enabled?",
            "try: correct the pack and register it again",
        ],
    );
    let packs = host.ok(&["pack", "list", "-j"]).json();
    assert_eq!(packs.as_array().unwrap().len(), 2);
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
    assert_says(&made.stdout, &["registered mine: 1 actions, 0 triggers, 0 rules"]);
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
    host.try_send("PUT", "/configs/mine", "", b"{\"key\": \"new\"}").unwrap().with_status(200);

    let file = place.write("other.yaml", &rule("other", "others"));
    host.ok(&["rule", "create", &file]);
    let used = host.cli(&["pack", "remove", "mine"]).with_code(6);
    assert_says(&used.stderr, &["others.other", "delete or change them first"]);
    host.ok(&["rule", "delete", "others.other"]);
    host.ok(&["pack", "remove", "mine"]);
    let is_gone = |host: &petrel_system_tests::Host<'_>| {
        host.cli(&["pack", "get", "mine"]).with_code(3);
        host.cli(&["action", "get", "mine.say"]).with_code(3);
        host.cli(&["rule", "get", "mine.own"]).with_code(3);
        host.post("/webhooks/own", &serde_json::json!({})).with_status(404);
    };
    is_gone(&host);
    // What has run is still there.
    assert_says(&host.ok(&["execution", "get", "last"]).stdout, &["mine.say", "two"]);
    assert_says(&host.cli(&["pack", "remove", "core"]).with_code(6).stderr, &["came with petrel"]);
    host.stop();
    let host = place.start(&[]);
    is_gone(&host);
    host.ok(&["pack", "register", &place.path("mine")]);
    host.get("/configs/mine").with_status(404);
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
        let refused = host.cli(&["pack", "register", &place.path("mine")]).with_code(2);
        assert_says(&refused.stderr, &[file, "it is a FIFO, and must be a plain file"]);
        let checked = place.petrel(&["pack", "check", &place.path("mine")]).with_code(1);
        assert_says(&checked.stdout, &[file, "it is a FIFO"]);
    }
    // What was registered is still there, and its script has become a FIFO.
    let path = place.path("mine/actions/deploy.sh");
    drop(std::fs::remove_file(&path));
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    let failed = host.cli(&["run", "mine.deploy"]).with_code(1);
    assert_says(&failed.stdout, &["script.missing", "is no plain file"]);
    host.stop();
    let config = place.path("fifo.toml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &config, rustix::fs::Mode::RUSR).unwrap();
    let refused = place.petrel(&["config", "show", "--config", &config]).with_code(2);
    assert_says(&refused.stderr, &["fifo.toml", "it is a FIFO"]);
}

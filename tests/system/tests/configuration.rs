//! The configuration file: what it says holds, what is wrong in it is refused with its line.

use petrel_system_tests::{Place, assert_says};

#[test]
fn a_host_does_what_its_file_says() {
    let place = Place::default();
    let file = place.write("petrel.toml", "[engine]\nwaiting_limit = 1\nprocess_slots = 1\n");
    let host = place.start(&["--config", &file]);
    // One runs, one waits, and there is no room for a third.
    host.shell("sleep 30");
    let refused = petrel_system_tests::eventually("it is full", || {
        let body = serde_json::json!({"action": "core.local", "parameters": {"cmd": "sleep 30"}});
        Some(host.post("/executions", &body)).filter(|answer| answer.status == 503)
    });
    assert_says(&refused.body, &["1 is the limit"]);
    host.list("/executions?status=requested").iter().for_each(|execution| {
        host.delete(&format!("/executions/{}", execution["id"].as_str().unwrap())).with_status(200);
    });
    host.delete("/executions/last");
}

#[test]
fn where_each_value_comes_from_is_shown() {
    let place = Place::default();
    let file = place.write("petrel.toml", "[engine]\n\ndrain_seconds = 5\n");
    let shown =
        place.petrel(&["config", "show", "--origin", "--config", &file, "--process-slots=3"]).with_code(0);
    let line = |key: &str| {
        let found = shown.stdout.lines().find(|line| line.starts_with(key)).unwrap();
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("engine.drain_seconds"), format!("engine.drain_seconds = 5 # {file}:3"));
    assert_eq!(line("engine.process_slots"), "engine.process_slots = 3 # flag --process-slots");
    assert_eq!(line("log.level"), "log.level = \"warn\" # env PETREL_LOG");
    assert_eq!(line("store.engine"), "store.engine = \"sled\" # default");
    let object = place.petrel(&["--json", "config", "show", "--config", &file]).with_code(0).json();
    assert_eq!(
        object["engine.drain_seconds"],
        serde_json::json!({"value": 5, "origin": format!("{file}:3")})
    );
    assert_says(&place.petrel(&["config", "reference"]).with_code(0).stdout, &["[server]", "#listen = "]);
}

#[test]
fn a_variable_that_nobody_reads_is_warned_of() {
    let place = Place::default();
    place.start_with(&[], &[("PETREL_PROCESS_SLOT", "2"), ("PETREL_WORD", "hush")]).stop();
    let log = place.read("log");
    assert_says(&log, &["PETREL_PROCESS_SLOT\"", "did you mean PETREL_PROCESS_SLOTS?", "PETREL_WORD"]);
    assert!(!log.contains("hush"), "{log}");
}

#[test]
fn a_client_reads_the_file_of_the_host() {
    let place = Place::default();
    let host = place.start(&[]);
    let write = |listen: &str| {
        let text = format!("[server]\nlisten = \"{listen}\"\ndata_dir = \"{}\"\n", place.data().display());
        place.write("config/petrel/petrel.toml", &text)
    };
    let run = "unset PETREL_DATA_DIR\npetrel run core.noop";
    let file = write(&host.address);
    place.script(run, &[]).with_code(0);
    // A variable wins, for the client as for the host.
    let elsewhere = place.script(run, &[("PETREL_LISTEN", "127.0.0.1:1")]).with_code(8);
    assert_says(&elsewhere.stderr, &["no host answers at http://127.0.0.1:1"]);
    write("here");
    let refused = place.script(run, &[]).with_code(2);
    assert_says(
        &refused.stderr,
        &[&format!("{file}:2: server.listen is \"here\""), "petrel config reference"],
    );
    // Who is told where the host is needs no file.
    let url = format!("http://{}", host.address);
    place.script("petrel run core.noop", &[("PETREL_URL", &url)]).with_code(0);
    host.stop();
}

#[test]
fn what_is_wrong_in_the_file_is_refused_with_its_line() {
    let place = Place::default();
    for (text, says) in [
        (
            "[engine]\nproces_slots = 1\n",
            &[":2: unknown key `engine.proces_slots`", "`engine.process_slots`"][..],
        ),
        ("[enigne]\n", &[":1: unknown section `enigne`", "[engine]"]),
        ("[engine]\nprocess_slots = \"few\"\n", &[":2: engine.process_slots is \"few\"", "a whole number"]),
        ("[store]\nengine = \"rocks\"\n", &[":2: store.engine", "\"sled\" or \"redb\""]),
        ("[engine\n", &[":1: "]),
        ("[server]\nlisten = 127.0.0.1:9317\n", &[":2: ", "in quotes: listen = \"127.0.0.1:9317\""]),
    ] {
        let file = place.write("petrel.toml", text);
        let refused = place.petrel(&["serve", "--config", &file]).with_code(2);
        assert_says(&refused.stderr, says);
        assert_says(&refused.stderr, &["petrel.toml", "\n  try: "]);
        assert_eq!(refused.stdout, "");
    }
    let refused = place.petrel(&["serve", "--log-level", "=loud"]).with_code(2);
    assert_says(&refused.stderr, &["log.level is `=loud`", "debug"]);
    let refused = place.petrel(&["serve", "--process-slots", "0"]).with_code(2);
    assert_says(&refused.stderr, &["engine.process_slots = 0", "at least 1"]);
    let refused = place.petrel(&["serve", "--data-dir", "/proc/x"]).with_code(8);
    assert_says(&refused.stderr, &["/proc/x cannot be made", "\n  try: ", "--data-dir"]);
    let refused = place.petrel(&["serve", "--config", "missing.toml"]).with_code(2);
    assert_says(&refused.stderr, &["missing.toml", "--config"]);
    assert!(!place.data().exists());
}

#[test]
fn a_verb_that_needs_no_host_is_not_stopped_by_what_is_wrong_in_the_file() {
    let place = Place::default();
    place.write("config/petrel/petrel.toml", "[server\nlisten = here\n");
    let metadata = "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.org\n";
    place.write("mine/pack.yaml", metadata);
    let flow = place.write("flow.yaml", "version: 1.0\ntasks: {a: {action: core.noop}}\n");
    place.write("test.yaml", "workflow: flow.yaml\nexpect: {status: succeeded}\n");
    let (pack, test) = (place.path("mine"), place.path("test.yaml"));
    for (verb, code) in [
        (&["pack", "check", &pack][..], 0),
        (&["pack", "describe", &flow], 1),
        (&["workflow", "inspect", &flow], 0),
        (&["workflow", "inspect", "--offline", &flow], 0),
        (&["workflow", "graph", &flow], 0),
        (&["workflow", "test", &test], 0),
        (&["completion", "bash"], 0),
        (&["config", "reference"], 0),
        // These read it, and say where it is wrong.
        (&["config", "show"], 2),
        (&["store", "check"], 2),
        (&["pack", "list"], 2),
    ] {
        let ended = place.petrel(verb).with_code(code);
        // Wherever it is named it is with its line.
        let names = ended.stderr.contains("petrel.toml");
        assert!(!names || ended.stderr.contains("petrel.toml:1: "), "{verb:?}: {}", ended.stderr);
        assert!(names || code != 2, "{verb:?}: {}", ended.stderr);
    }
    // What was left out for it is said.
    for verb in [&["pack", "check", &pack][..], &["workflow", "inspect", &flow]] {
        assert_says(&place.petrel(verb).with_code(0).stderr, &["petrel.toml:1"]);
    }
    std::fs::remove_file(place.path("config/petrel/petrel.toml")).unwrap();
    let set = place.script(&format!("petrel pack check {pack}"), &[("PETREL_PROCESS_SLOTS", "nonsense")]);
    assert_says(&set.with_code(0).stderr, &["checked with the default settings", "PETREL_PROCESS_SLOTS"]);
}

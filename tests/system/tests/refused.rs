//! Actions that are refused: marked wherever they are shown, and not run by anybody, whenever it was asked for.

use petrel_system_tests::{Place, assert_says};

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";

#[test]
fn an_action_that_is_refused_is_marked_and_what_waits_for_it_fails_with_the_reason() {
    let place = Place::default();
    let host = place.start(&["--process-slots", "1"]);
    place.write("mine/pack.yaml", PACK);
    let say = "name: say\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: echo one}}\n";
    place.write("mine/actions/say.yaml", say);
    place.write(
        "mine/actions/tell.yaml",
        "name: tell\nrunner_type: local-shell-script\nentry_point: tell.sh\n",
    );
    place.write_script("mine/actions/tell.sh", "#!/bin/sh\necho told\n");
    place.write(
        "mine/actions/flow.yaml",
        "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n",
    );
    place.write("mine/actions/workflows/flow.yaml", "version: 1.0\ntasks: {a: {action: core.noop}}\n");
    host.ok(&["pack", "register", &place.path("mine")]);
    assert!(!host.ok(&["action", "list", "--pack", "mine"]).stdout.contains("STATE"));
    // The only slot is taken, so that the others wait. Workflows have other slots: what becomes of one that waits is in
    // the tests of the engine.
    let gate = place.path("gate");
    let blocker = host.shell(&format!("while [ ! -e {gate} ]; do sleep 0.05; done"));
    host.until(&blocker, "running");
    let request = |name: &str| host.request(&serde_json::json!({"action": format!("mine.{name}")}));
    let waiting = [("say", request("say")), ("tell", request("tell"))];
    // One whose metadata cannot be read, one without its script, one whose workflow is wrong.
    place.write("mine/actions/say.yaml", &say.replace("runner_type", "runer_type"));
    std::fs::remove_file(place.path("mine/actions/tell.sh")).unwrap();
    place.write("mine/actions/workflows/flow.yaml", "version: 1.0\ntasks: {a: {actions: core.noop}}\n");
    host.ok(&["pack", "register", "mine"]);
    let listed = host.ok(&["action", "list", "--pack", "mine"]).stdout;
    let line = |name: &str| listed.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("mine.tell").contains("refused") && line("mine.flow").contains("refused"), "{listed}");
    let reasons = [("say", "runer_type"), ("tell", "tell.sh")];
    assert_says(&host.ok(&["action", "get", "mine.tell"]).stdout, &["refused:", "tell.sh"]);
    let shown = host.get("/actions/mine.flow").with_status(200).json();
    assert_says(shown["refused"].as_str().unwrap(), &["actions/workflows/flow.yaml"]);
    assert!(host.get("/actions/core.noop").with_status(200).json().get("refused").is_none());
    assert_says(&host.cli(&["action", "get", "mine.say"]).with_code(2).stderr, &["refused", "runer_type"]);
    assert_says(&host.ok(&["pack", "get", "mine"]).stdout, &["refused:", "runer_type", "tell.sh"]);
    place.write("gate", "");
    for ((name, id), (_, why)) in waiting.iter().zip(reasons) {
        let failed = host.until(id, "failed")["result"].to_string();
        let says = [format!("action `mine.{name}` is refused: "), why.to_owned()];
        assert_says(&failed, &[&says[0], &says[1], "register the pack `mine` again"]);
    }
    host.stop();
}

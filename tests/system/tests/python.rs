//! Python actions: those of core, and those of a pack of one's own.

use petrel_system_tests::{Place, assert_says};
use serde_json::json;

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const ACT: &str = "
name: act
runner_type: python-script
entry_point: act.py
parameters:
  who: {type: string, required: true}
  password: {type: string, secret: true}
";

#[test]
fn the_python_of_core_runs_as_it_is_laid_out() {
    let place = Place::default();
    let host = place.start(&[]);
    let made = host.ok(&["run", "core.uuid", "-j"]).json();
    assert_eq!(made["result"]["result"].as_str().map(str::len), Some(36), "{made:#}");
    let made = host.ok(&["run", "core.pause", "max_pause=0", "-j"]).json();
    assert_eq!(made["result"], json!({"result": 0, "stdout": "", "stderr": "", "exit_code": 0}));
    host.stop();
}

#[test]
fn an_action_in_python_gets_its_parameters_by_standard_input() {
    let place = Place::default();
    let host = place.start(&[]);
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/act.yaml", ACT);
    let text = "from st2common.runners.base_action import Action\n\n\nclass Act(Action):\n    def run(self, who, password=None):\n        \
                line = open('/proc/self/cmdline').read() + str(__import__('os').environ)\n        \
                return who == 'you', {'who': who, 'leaked': password in line}\n";
    place.write("mine/actions/act.py", text);
    host.ok(&["pack", "register", &place.path("mine")]);
    let made = host.ok(&["run", "mine.act", "who=you", "password=hunter2", "-j"]).json();
    assert_eq!(made["result"]["result"], json!({"who": "you", "leaked": false}), "{made:#}");
    let failed = host.cli(&["run", "mine.act", "who=them", "password=hunter2", "-j"]).with_code(1).json();
    assert_eq!((&failed["status"], &failed["result"]["exit_code"]), (&json!("failed"), &json!(0)));
    host.stop();
}

#[test]
fn relative_paths_are_found_from_where_actions_start() {
    let place = Place::default();
    let up = "../".repeat(std::env::current_dir().unwrap().components().count() - 1);
    let relative = |path: &str| format!("{up}{}", path.trim_start_matches('/'));
    let python = place.write_script("bin/python", "#!/bin/sh\nexec python3 \"$@\"\n");
    let data = relative(place.data().to_str().unwrap());
    let host = place.start(&["--data-dir", &data, "--python", &relative(&python)]);
    let made = host.ok(&["run", "core.uuid", "-j"]).json();
    assert_eq!(made["result"]["result"].as_str().map(str::len), Some(36), "{made:#}");
    assert_eq!(host.ok(&["run", "core.local", "cmd=pwd", "-j"]).json()["status"], "succeeded");
    // A pack that is registered by a relative path, with a module of its own.
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/act.yaml", "name: act\nrunner_type: python-script\nentry_point: act.py\n");
    place.write("mine/actions/lib/words.py", "HELLO = 'hello'\n");
    let text = "from st2common.runners.base_action import Action\nimport words\n\n\nclass Act(Action):\n    def run(self):\n        \
                return words.HELLO\n";
    place.write("mine/actions/act.py", text);
    host.post("/packs/register", &json!({"path": relative(&place.path("mine"))})).with_status(200);
    let made = host.ok(&["run", "mine.act", "-j"]).json();
    assert_eq!(made["result"]["result"], "hello", "{made:#}");
    host.stop();
}

#[test]
fn a_user_who_is_not_there_is_refused_before_anything_begins() {
    let place = Place::default();
    let refused = place.petrel(&["serve", "--listen", "127.0.0.1:0", "--run-as", "nobodyy"]).with_code(2);
    assert_says(&refused.stderr, &["runners.run_as is `nobodyy`", "no such user"]);
}

#[test]
fn a_missing_interpreter_is_named() {
    let place = Place::default();
    let host = place.start(&["--python", "no-such-python"]);
    let failed = host.cli(&["run", "core.uuid", "-j"]).with_code(1).json();
    assert_says(&failed["result"].to_string(), &["no-such-python", "python.missing", "--python PATH"]);
    host.stop();
}

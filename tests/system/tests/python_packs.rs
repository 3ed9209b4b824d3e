//! Python packs as teams have them: with a list of what they need, with keys of the datastore, with tests of their own, and
//! with actions that run again and again.

use std::process::Command;

use petrel_system_tests::{Place, assert_says, eventually};
use serde_json::{Value, json};

const PACK: &str =
    "ref: mine\nname: mine\ndescription: A pack.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
const ACT: &str = "name: act\nrunner_type: python-script\nentry_point: act.py\nparameters:\n  \
                   password: {type: string, secret: true}\n";
const HEAD: &str = "import os, sys\nfrom st2common.runners.base_action import Action\n";
/// Makes the wheel of a module `needed` with this version.
const MAKE_WHEEL: &str = r#"
import sys, zipfile
version, folder = sys.argv[1:]
info = "needed-%s.dist-info" % version
files = {
    "needed.py": "VERSION = %r\n" % version,
    info + "/METADATA": "Metadata-Version: 2.1\nName: needed\nVersion: %s\n" % version,
    info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[info + "/RECORD"] = "".join("%s,,\n" % file for file in list(files) + [info + "/RECORD"])
with zipfile.ZipFile("%s/needed-%s-py3-none-any.whl" % (folder, version), "w") as wheel:
    for file, content in files.items():
        wheel.writestr(file, content)
"#;

/// A pack with an action whose `run` has this body.
fn write(place: &Place, head: &str, body: &str) {
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/act.yaml", ACT);
    let text =
        format!("{HEAD}{head}\nclass Act(Action):\n    def run(self, password=None):\n        {body}\n");
    place.write("mine/actions/act.py", &text);
}

#[test]
fn what_a_pack_lists_is_installed_when_it_is_registered() {
    let place = Place::default();
    let wheels = place.path("wheels");
    std::fs::create_dir(&wheels).unwrap();
    for version in ["1.0", "2.0"] {
        assert!(
            Command::new("python3").args(["-c", MAKE_WHEEL, version, &wheels]).status().unwrap().success()
        );
    }
    let host = place.start(&["--virtualenvs-wheels", &wheels, "--virtualenvs-common", "needed"]);
    write(&place, "import needed", "return [needed.VERSION, sys.prefix]");
    place.write("mine/requirements.txt", "needed==1.0\n");
    host.ok(&["pack", "register", &place.path("mine")]);
    let run = || host.ok(&["run", "mine.act", "-j"]).json()["result"]["result"].clone();
    let first = run();
    let root = place.data().join("virtualenvs/mine");
    assert_eq!(first[0], "1.0", "{first}");
    assert!(first[1].as_str().unwrap().starts_with(root.to_str().unwrap()), "{first}");
    // A line that cannot be installed is named, and everything goes on as before.
    place.write("mine/requirements.txt", "needed==1.0\nabsent==9.9\n");
    let refused = host.cli(&["pack", "register", &place.path("mine")]);
    assert_ne!(refused.code, 0, "{refused:?}");
    assert_says(&refused.stderr, &["requirements.txt:2: `absent==9.9`", "cannot be made"]);
    assert_eq!(run(), first);
    place.write("mine/requirements.txt", "needed\n");
    host.ok(&["pack", "register", &place.path("mine")]);
    assert_eq!(run()[0], "2.0");
    let progress = host.get("/packs/views/progress").with_status(200).json();
    let lines = progress["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["pack"] == "mine" && line["text"] == "it is whole"), "{progress:#}");
    let told = host.ok(&["pack", "gc", "--dry-run", "-j"]).stdout;
    assert!(told.contains("virtualenv"), "{told}");
    host.ok(&["pack", "remove", "mine"]);
    eventually("the environments of a pack that was removed are gone", || (!root.exists()).then_some(()));
    host.stop();
}

#[test]
fn a_host_that_makes_no_environments_says_what_is_missing() {
    let place = Place::default();
    let host = place.start(&["--virtualenvs-enabled=false"]);
    write(&place, "", "return 1");
    place.write("mine/requirements.txt", "absent==9.9\n");
    let told = host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(
        &told.stderr,
        &["requirements.txt of the pack `mine` lists is not installed", "virtualenvs.enabled"],
    );
    assert!(!place.data().join("virtualenvs").exists());
    host.stop();
}

#[test]
fn an_action_has_a_token_and_the_datastore_as_long_as_it_runs() {
    let place = Place::default();
    let host = place.start(&[]);
    let body = "self.action_service.set_value('one', 5); c = Client(base_url='http://localhost'); return [\
                self.action_service.get_value('one'), c.keys.get_by_name('mine.Act:one').value, \
                self.action_service.list_values()[0].name, c.get_user_info()['username'], \
                c.actions.get_by_ref_or_id('mine.act').name, self.action_service.delete_value('one'), \
                self.action_service.get_value('one'), os.environ['ST2_ACTION_AUTH_TOKEN']]";
    write(&place, "from st2client.client import Client", body);
    let told = host.ok(&["pack", "register", &place.path("mine")]);
    assert!(!told.stderr.contains("action_service"), "{}", told.stderr);
    let made = host.ok(&["run", "mine.act", "-j"]).json();
    let mut said = made["result"]["result"].as_array().unwrap().clone();
    let token = said.pop().unwrap();
    assert_eq!(Value::from(said), json!(["5", "5", "mine.Act:one", "admin", "act", true, null]), "{made:#}");
    let head = format!("X-Auth-Token: {}\r\n", token.as_str().unwrap());
    host.send_plain("GET", "/api/v1/user", &head, b"").with_status(401);
    host.stop();
}

#[test]
fn an_action_that_runs_again_is_forked_and_shows_no_secret() {
    let place = Place::default();
    let host = place.start(&[]);
    let body = "lines = []\n        for one in os.listdir('/proc'):\n            if one.isdigit():\n                \
                try:\n                    lines.append(open('/proc/%s/cmdline' % one).read())\n                \
                except OSError:\n                    pass\n        \
                return [open('/proc/%d/cmdline' % os.getppid()).read(), bool(password) and any(password in x for x in lines if 'mine.act' not in x)]";
    write(&place, "", body);
    host.ok(&["pack", "register", &place.path("mine")]);
    // Only who asked for the run has named it and the password to everybody.
    let run = || host.ok(&["run", "mine.act", "password=hunter2", "-j"]).json()["result"]["result"].clone();
    eventually("an action is forked", || {
        let said = run();
        assert_eq!(said[1], false, "{said}");
        said[0].as_str().unwrap().contains("petrel_warm.py").then_some(())
    });
    // A changed file counts at once.
    write(&place, "", "return ['changed', False]");
    drop(std::fs::remove_dir_all(place.path("mine/actions/__pycache__")));
    assert_eq!(run()[0], "changed");
    host.stop();
}

#[test]
fn an_action_that_says_so_is_never_forked() {
    let place = Place::default();
    let host = place.start(&[]);
    write(&place, "", "return 'petrel_warm.py' in open('/proc/%d/cmdline' % os.getppid()).read()");
    place.write("mine/pack.yaml", &format!("{PACK}cold: true\n"));
    host.ok(&["pack", "register", &place.path("mine")]);
    for _ in 0..5 {
        assert_eq!(host.ok(&["run", "mine.act", "-j"]).json()["result"]["result"], false);
    }
    host.stop();
}

#[test]
fn tests_that_a_pack_has_in_python_are_run() {
    let place = Place::default();
    write(&place, "", "self.action_service.set_value('a', password); return self.config['greeting']");
    let test = "from st2tests.base import BaseActionTestCase\nfrom act import Act\n\n\n\
                class ActTestCase(BaseActionTestCase):\n    action_cls = Act\n\n    \
                def test_greets(self):\n        \
                self.assertEqual(self.get_action_instance({'greeting': 'hi'}).run('x'), 'hi')\n        \
                self.assertEqual(self.action_service.get_value('a'), 'x')\n\n    \
                def test_is_wrong(self):\n        self.assertEqual(1, 2)\n";
    place.write("mine/tests/test_act.py", test);
    let told = place.petrel(&["pack", "test", &place.path("mine"), "-j"]).with_code(1);
    let said = told.json();
    assert_eq!((&said["passed"], &said["failed"], &said["python"]["run"]), (&json!(1), &json!(1), &json!(2)));
    assert_says(&told.stderr, &["test_is_wrong", "AssertionError: 1 != 2"]);
    place.petrel(&["pack", "test", &place.path("mine"), "--only", "greets"]).with_code(0);
}

//! Remarks on the files of Python actions before they run.

use petrel_model::Action;
use petrel_runners::Runner;
use petrel_runners::python_script::{Options, PythonScript};
use serde_json::{Value, json};

use super::Place;

/// The remarks on an action with these parameters and this `text` in its file: whether they are fatal, and the messages.
async fn told(options: Options, place: &Place, text: &str, parameters: Value) -> Vec<(bool, String)> {
    place.write("actions/act.py", text);
    let action = json!({
        "ref": "mine.act", "runner_type": "python-script", "entry_point": "act.py", "description": "",
        "parameters": parameters,
    });
    let action: Action = serde_json::from_value(action).unwrap();
    let remarks = PythonScript::new(options).look_at(place.pack.path(), &[action]).await.into_iter();
    remarks.map(|remark| (remark.is_fatal, remark.message)).collect()
}

#[tokio::test]
async fn a_file_that_does_not_compile_is_refused_with_its_line() {
    let place = Place::new();
    for (text, says) in [
        ("class A(X):\n    def run(self):\n        return 1\n", None),
        ("print \"x\"\n", Some("line 1, column 1: Python cannot compile it")),
        ("\n\nreturn 1\n", Some("line 3, column 1: Python cannot compile it ('return' outside function)")),
        ("def f(:\n", Some("line 1")),
        // Nothing in the file is executed.
        ("raise SystemExit(7)\nclass A(X):\n    def run(self): pass\n", None),
    ] {
        let told = told(place.options(), &place, text, json!({})).await;
        assert_eq!(told.len(), usize::from(says.is_some()), "{text}: {told:?}");
        assert!(says.is_none_or(|says| told[0].0 && told[0].1.contains(says)), "{text}: {told:?}");
    }
}

#[tokio::test]
async fn a_run_that_does_not_fit_the_parameters_is_told() {
    let place = Place::new();
    for (run, parameters, says) in [
        ("self, a, b=1", json!({"a": {}, "b": {}}), &[][..]),
        ("self, **more", json!({"a": {}}), &[]),
        ("self, *, a", json!({"a": {}}), &[]),
        // The runner keeps its own.
        ("self", json!({"timeout": {"default": 5}}), &[]),
        ("self, a", json!({"b": {}}), &["actions/act.py:2: run() does not take b", "run() needs a"]),
        ("self, timeout", json!({"timeout": {}}), &["run() needs timeout, which is for the runner"]),
    ] {
        let text = format!("class A(Action):\n    def run({run}):\n        pass\n");
        let told = told(place.options(), &place, &text, parameters).await;
        assert_eq!(told.len(), says.len(), "{run}: {told:?}");
        for ((is_fatal, message), says) in told.iter().zip(says) {
            assert!(!is_fatal && message.contains(says), "{run}: {message}");
        }
    }
    // The class that is meant, and the effect of a decorator, are not known.
    for text in [
        "class A(X):\n    def run(self): pass\nclass B(X):\n    def run(self): pass\n",
        "class A(X):\n    @wrapped\n    def run(self): pass\n",
        "class A(X):\n    pass\n",
    ] {
        let told = told(place.options(), &place, text, json!({"a": {}})).await;
        assert!(told.is_empty(), "{text}: {told:?}");
    }
}

const HEAD: &str = "from st2common.runners.base_action import Action\n";

#[tokio::test]
async fn a_file_in_which_no_class_has_a_run_is_refused() {
    let place = Place::new();
    for (text, says) in [
        ("class A(Action):\n    def rnu(self): pass\n", Some("line 2: the class A has no method run")),
        ("class A(Action):\n    def rnu(self): pass\n", Some("did you mean rnu? Call it run")),
        ("class A(Action):\n    pass\n", Some("add run(self)")),
        // The last class derived from Action is meant.
        ("class B(Action): pass\nclass H: pass\nclass A(B):\n    def rnu(self): pass\n", Some("the class A")),
        ("X = 1\n", Some("it has no class with a method run")),
        ("class A:\n    def run(self): pass\n", Some("write class A(Action)")),
        (
            "class A(object):\n    def run(self): pass\n",
            Some("line 2: the class A is not derived from Action"),
        ),
        (
            "class H:\n    def run(self): pass\nclass A(Action):\n    def rnu(self): pass\n",
            Some("Call it run"),
        ),
        (
            "from st2actions.runners.pythonrunner import Action as Old\nclass H:\n    def run(self): pass\n\
             class A(Old):\n    def rnu(self): pass\n",
            Some("the class A has no method run"),
        ),
        // Whatever may have one, and be made.
        ("class A:\n    def __init__(self, config, action_service): pass\n    def run(self): pass\n", None),
        ("class A(Action):\n    run = print\n", None),
        ("class B(Action):\n    def run(self): pass\nclass A(B): pass\n", None),
        ("from lib.base import Base\nclass A(Base): pass\n", None),
        ("@made\nclass A(Action): pass\n", None),
        ("class A(Action): pass\nA.run = print\n", None),
        ("A = type('A', (Action,), {'run': print})\n", None),
        ("import sys\nsys.modules[__name__].A = made()\n", None),
    ] {
        place.write("actions/lib/base.py", "");
        let told = told(place.options(), &place, &format!("{HEAD}{text}"), json!({})).await;
        assert_eq!(told.len(), usize::from(says.is_some()), "{text}: {told:?}");
        assert!(says.is_none_or(|says| told[0].0 && told[0].1.contains(says)), "{text}: {told:?}");
    }
}

#[tokio::test]
async fn an_import_of_what_is_nowhere_is_told_and_refuses_nothing() {
    let place = Place::new();
    for (file, text) in [
        ("lib/shared.py", ""),
        ("actions/lib/__init__.py", ""),
        ("actions/lib/base.py", ""),
        ("actions/beside.py", ""),
        (
            "requirements.txt",
            "# What it needs\nlisted_module>=1.0  # why\npython-other\nPyYAML\nbeautifulsoup4\nPillow\nCommands\nhttplib2\n",
        ),
    ] {
        place.write(file, text);
    }
    for (imports, says) in [
        ("import json, os.path, shared, beside, sys", None),
        ("from lib.base import Base\nfrom xml.etree import ElementTree\nfrom . import x", None),
        ("import listed_module, other", None),
        ("try:\n    import no_such_module\nexcept ImportError:\n    pass", None),
        ("import sys\nsys.path.append('x')\nimport jsn", None),
        ("import jsn", Some("actions/act.py:2 imports jsn, which is neither in the pack nor installed")),
        ("import jsn", Some("did you mean json?")),
        ("from sharde import x", Some("did you mean shared?")),
        ("from lib.bsae import Base", Some("did you mean lib.base?")),
        ("from st2comon.runners.base_action import Action as A", Some("imports st2comon, which is")),
        ("import st2comon", Some("did you mean st2common?")),
        ("import urllib2", Some("Python 3 has it in urllib.request")),
        ("import ConfigParser", Some("Python 3 has it in configparser")),
        // Listed is the one, and the other is not.
        ("import commands", None),
        ("import httplib", Some("Python 3 has it in http.client")),
        ("import cPickle as pickle", Some("Python 3 has it in pickle")),
        ("try:\n    import urllib2\nexcept ImportError:\n    pass", None),
        // What is listed and not installed brings modules of other names; `ujson` is not `json`.
        ("import yaml, dateutil, bs4, PIL, ujson", None),
    ] {
        let text = format!("{HEAD}{imports}\nclass A(Action):\n    def run(self): pass\n");
        let told = told(place.options(), &place, &text, json!({})).await;
        assert_eq!(told.len(), usize::from(says.is_some()), "{imports}: {told:?}");
        assert!(says.is_none_or(|says| !told[0].0 && told[0].1.contains(says)), "{imports}: {told:?}");
    }
}

#[tokio::test]
async fn what_is_listed_nowhere_is_told_once_by_its_package() {
    let place = Place::new();
    place.write("actions/lib/base.py", "from no_such_package.auth import Basic\nimport ujson_of_mine\n");
    let text = format!(
        "{HEAD}import no_such_package\nimport no_such_package.http\nfrom lib.base import Basic\nclass A(Action):\n    def run(self): pass\n"
    );
    let told = told(place.options(), &place, &text, json!({})).await;
    let says = [
        "actions/act.py:2 and 1 more file import no_such_package, which is neither",
        "actions/lib/base.py:2 imports ujson_of_mine, which is neither",
    ];
    assert_eq!(told.len(), says.len(), "{told:?}");
    for ((is_fatal, message), says) in told.iter().zip(says) {
        assert!(!is_fatal && message.starts_with(says) && message.ends_with("requirements.txt"), "{message}");
    }
}

#[tokio::test]
async fn a_class_that_is_derived_from_a_misspelt_name_is_told() {
    let place = Place::new();
    let run = "    def run(self): pass\n";
    for (head, class, says) in [
        (HEAD, "class A(Action):", None),
        (HEAD, "class A(Acton):", Some("actions/act.py:2: the class A is derived from Acton, which nothing")),
        (HEAD, "class A(Acton):", Some("did you mean Action?")),
        ("from lib.base import Base\n", "class A(Bsae):", Some("did you mean Base?")),
        ("from lib.base import Action as Acton\n", "class A(Acton):", None),
        // Nobody knows what these bring.
        ("from lib.base import *\n", "class A(Acton):", None),
        ("from lib.base import Base\nglobals()['Bsae'] = Base\n", "class A(Bsae):", None),
        (
            "import sys\nfrom abc import ABC as Base\nsetattr(sys.modules[__name__], 'Bsae', Base)\n",
            "class A(Bsae):",
            None,
        ),
        (
            "import sys\nfrom abc import ABC as Base\nsys.modules[__name__].Bsae = Base\n",
            "class A(Bsae):",
            None,
        ),
        (
            "from sys import modules\nfrom abc import ABC as Base\nmodules[__name__].Bsae = Base\n",
            "class A(Bsae):",
            None,
        ),
        (HEAD, "class A(Other):", None),
    ] {
        place.write("actions/lib/base.py", "");
        let text = format!("{head}{class}\n{run}");
        let told = told(place.options(), &place, &text, json!({})).await;
        assert_eq!(told.len(), usize::from(says.is_some()), "{text}: {told:?}");
        assert!(says.is_none_or(|says| !told[0].0 && told[0].1.contains(says)), "{text}: {told:?}");
    }
}

#[tokio::test]
async fn many_names_and_bases_take_no_long_time() {
    let place = Place::new();
    let lines = |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<String>();
    let bases = lines(300, |number| format!("class C{number}(unbound_base_of_the_pack_{number}): pass\n"));
    for (names, is_told) in [(900, true), (3_000, false)] {
        let names = lines(names, |number| format!("bound_name_within_the_pack_{number} = {number}\n"));
        // The parameters of `run` are still compared, whatever becomes of the bases.
        let text = format!("{HEAD}{names}{bases}class A(Acton):\n    def run(self): pass\n");
        let told = told(place.options(), &place, &text, json!({})).await;
        assert!(
            told.iter().all(|(is_fatal, message)| !is_fatal && !message.contains("not checked")),
            "{told:?}"
        );
        let near = format!("{HEAD}{names}class A(Acton):\n    def run(self): pass\n");
        let told = self::told(place.options(), &place, &near, json!({})).await;
        assert_eq!(told.len(), usize::from(is_told), "{told:?}");
    }
}

#[tokio::test]
async fn what_a_file_of_the_pack_imports_is_told_once_at_its_place() {
    let place = Place::new();
    place.write("actions/lib/base.py", "import os\nimport lib.other\n\n\nclass Base: pass\n");
    place.write("actions/lib/other.py", "import lib.base\nimport jsn\n");
    let text = "import jsn\nfrom lib.base import Base\nclass A(Base): pass\n";
    let told = told(place.options(), &place, text, json!({})).await;
    let [(is_fatal, message)] = told.as_slice() else { panic!("{told:?}") };
    let begin = "actions/act.py:1 and 1 more file import jsn, which is neither in the pack";
    assert!(!is_fatal && message.starts_with(begin), "{message}");
}

#[tokio::test]
async fn a_file_that_takes_too_much_is_a_note_and_no_refusal() {
    let place = Place::new();
    let class = "class A(X):\n    def run(self): pass\n";
    for (text, says, is_sure) in [
        // How much a tree takes depends on the version of Python.
        (format!("{class}x = [{}]\n", "[],".repeat(340_000)), "of memory", false),
        (format!("{class}{}", "#\n".repeat(1 << 20)), "it has more than 1 MiB", true),
    ] {
        let told = told(place.options(), &place, &text, json!({})).await;
        assert!(told.len() <= 1 && (!is_sure || told.len() == 1), "{told:?}");
        for (is_fatal, message) in told {
            let is_said = message.starts_with("actions/act.py was not checked: ") && message.contains(says);
            assert!(!is_fatal && is_said, "{message}");
        }
    }
}

#[tokio::test]
async fn without_an_interpreter_that_is_said() {
    let place = Place::new();
    for (interpreter, says) in
        [("no-such-python", "there is no interpreter no-such-python"), ("false", "false failed")]
    {
        let options = Options { interpreter: interpreter.into(), ..place.options() };
        let told = told(options, &place, "def f(:\n", json!({})).await;
        let [(is_fatal, message)] = told.as_slice() else { panic!("{told:?}") };
        assert!(!is_fatal && message.contains(says) && message.contains("pack `mine`"), "{message}");
    }
}

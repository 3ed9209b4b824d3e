//! Packs that are checked and registered: both say the same of rules, schemas and names, and what is wrong with one rule
//! or action is its own affair.

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

/// Rules that cannot work: a name, what is written in place of what, and what is said.
const BAD_RULES: [(&str, &str, &str, &str); 6] = [
    ("operator", "type: exists", "type: inlist, pattern: 1", "`inlist` is not an operator; did you mean in?"),
    ("regex", "type: exists", "type: regex, pattern: '('", "is not a regular expression"),
    ("template", "{{ trigger.body.who }}", "{{ trigger", "action.parameters.who: template `{{ trigger`"),
    ("no_url", ", parameters: {url: greet}", "", "'url' is a required property"),
    ("surplus", "url: greet", "url: greet, ulr: 1", "'ulr' was unexpected"),
    ("typo", "enabled", "enable", "did you mean enabled?"),
];

#[test]
fn a_bad_rule_is_left_out_alone_and_check_says_so_too() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = RULE.replace("action:", "criteria: {trigger.body.who: {type: exists}}\naction:");
    place.write("mine/pack.yaml", PACK);
    place.write("mine/actions/greet.yaml", GREET);
    place.write("mine/rules/on_greet.yaml", &rule);
    for (name, _, _, _) in BAD_RULES {
        place.write(&format!("mine/rules/{name}.yaml"), &rule.replace("on_greet", name));
    }
    let warned = rule.replace("on_greet", "warned").replace("who:", "whom:").replace("trigger.body", "body");
    place.write("mine/rules/warned.yaml", &warned);
    host.ok(&["pack", "register", &place.path("mine")]);
    for (name, from, to, _) in BAD_RULES {
        let bad = rule.replace("on_greet", name).replace(from, to);
        place.write(&format!("mine/rules/{name}.yaml"), &bad);
    }
    let checked = place.petrel(&["pack", "check", &place.path("mine")]).with_code(1).stdout;
    let registered = host.ok(&["pack", "register", &place.path("mine")]);
    assert_says(&registered.stdout, &["1 action, 0 triggers, 2 rules"]);
    for (name, _, _, says) in BAD_RULES {
        assert_says(&checked, &[&format!("error: rules/{name}.yaml"), says]);
        let gone = format!("rule `mine.{name}` is gone");
        assert_says(&registered.stderr, &[&format!("rule `mine.{name}` is refused: "), says, &gone]);
        assert_says(&host.cli(&["rule", "get", &format!("mine.{name}")]).with_code(3).stderr, &[says]);
        assert_says(&host.ok(&["pack", "get", "mine"]).stdout, &["refused_rules:", says]);
    }
    // What is only to be thought about is said alike, too.
    for says in ["takes no parameter whom", "needs the parameter who", "criterion body.whom is about nothing"]
    {
        assert_says(&checked, &["warning: rule mine.warned", says]);
        assert_says(&registered.stderr, &[says]);
    }
    host.ok(&["rule", "get", "mine.on_greet"]);
    host.stop();
}

#[test]
fn names_schemas_and_what_is_no_directory_are_told_when_a_pack_is_checked() {
    let place = Place::default();
    let host = place.start(&[]);
    for name in ["core", "linux", "chatops", "packs", "default"] {
        place.write(&format!("{name}/pack.yaml"), &PACK.replace("mine", name));
        let checked = place.petrel(&["pack", "check", &place.path(name)]).with_code(1);
        assert_says(&checked.stdout, &[&format!("`{name}`"), "came with petrel", "another ref"]);
        host.cli(&["pack", "register", &place.path(name)]).with_code(6);
    }
    let pack = place.write("mine/pack.yaml", PACK);
    let bad = GREET.replace("required: true", "pattern: '(('");
    place.write("mine/actions/greet.yaml", &bad);
    place.write("mine/actions/wave.yaml", &GREET.replace("greet", "wave"));
    let says = ["actions/greet.yaml: the schema of parameter who is not valid"];
    assert_says(&place.petrel(&["pack", "check", &place.path("mine")]).with_code(1).stdout, &says);
    assert_says(&host.ok(&["pack", "register", &place.path("mine")]).stderr, &says);
    host.ok(&["run", "mine.wave", "who=you"]);
    for verb in ["check", "register"] {
        let refused = host.cli(&["pack", verb, &pack]).with_code(2);
        assert_says(&refused.stderr, &["is a file, and a pack is a directory", "name the directory"]);
    }
    let refused = host.cli(&["pack", "register", "nope"]).with_code(3);
    assert_says(&refused.stderr, &["neither a directory nor a registered pack `nope`"]);
    host.stop();
}

const RUNLESS: &str = "from st2common.runners.base_action import Action


class Greet(Action):
    def rnu(self, host):
        return host
";

const READS: &str = "import jsn
from st2common.runners.base_action import Action


class Reads(Action):
    def run(self, host):
        return self.config['greetng'] + host
";

#[test]
fn words_files_of_python_and_directories_are_looked_at_when_a_pack_is_checked() {
    let place = Place::default();
    let host = place.start(&[]);
    let python = |name: &str| {
        format!(
            "name: {name}\nrunner_type: python-script\nentry_point: {name}.py\nparameters: {{host: {{type: string}}}}\n"
        )
    };
    let rule = RULE.replace("mine.greet", "core.local").replace("who:", "cmd:");
    for (name, text) in [
        ("pack.yaml", PACK),
        ("action/greet.yaml", GREET),
        ("actions/broken.yaml", python("broken").as_str()),
        ("actions/broken.py", "def f(:\n"),
        ("actions/misfit.yaml", python("misfit").as_str()),
        ("actions/misfit.py", "class Misfit(Action):\n    def run(self, hst):\n        pass\n"),
        ("actions/runless.yaml", python("runless").as_str()),
        ("actions/runless.py", RUNLESS),
        ("actions/reads.yaml", python("reads").as_str()),
        ("actions/reads.py", READS),
        ("config.schema.yaml", "greeting: {type: string}\n"),
        ("sensor/s.yaml", "class_name: S\n"),
        ("requirments.txt", "requests\n"),
        ("actions/flow.yaml", "name: flow\nrunner_type: orquesta\nentry_point: workflows/flow.yaml\n"),
        ("actions/workflows/flow.yaml", "version: 1.0\ntasks: {t: {action: core.noop, delay: 1s}}\n"),
        ("rules/on_greet.yaml", rule.replace("{{ trigger", "{{ triger").as_str()),
    ] {
        place.write(&format!("mine/{name}"), text);
    }
    let checked = place.petrel(&["pack", "check", &place.path("mine")]).with_code(1).stdout;
    let registered = host.ok(&["pack", "register", &place.path("mine")]).stderr;
    let says = [
        "actions/broken.py: line 1",
        "action/greet.yaml is ignored, since nothing is read from action/; did you mean actions/?",
        "actions/misfit.py:2: run() does not take host",
        "run() needs hst",
        "actions/runless.py: line 4: the class Greet has no method run",
        "did you mean rnu? Call it run",
        "actions/reads.py:7: self.config is asked for the key greetng",
        "did you mean greeting?",
        "actions/reads.py:1 imports jsn, which is neither in the pack nor installed for",
        "sensor/s.yaml is ignored",
        "requirments.txt is ignored, since nothing reads a file of this name; did you mean requirements.txt?",
        "`1s` is a text and `delay` is a whole number of seconds",
        "unknown name \"triger\"; did you mean \"trigger\"?",
    ];
    assert_says(&checked, &says);
    assert_says(&registered, &says);
    let outcome = host.ok(&["pack", "register", &place.path("mine")]).stdout;
    assert_says(&outcome, &["registered mine: ", "; refused: ", " actions"]);
    assert_says(&host.cli(&["run", "mine.runless"]).with_code(2).stderr, &["has no method run"]);
    assert_says(
        &host.cli(&["run", "mine.broken"]).with_code(2).stderr,
        &["mine.broken", "Python cannot compile"],
    );
    host.stop();
}

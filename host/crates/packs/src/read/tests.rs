//! Packs as a whole.

use std::cell::Cell;
use std::io;

use super::*;
use crate::{Directory, Embedded};

const PACK: &[u8] = b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\nwasm: {components: [{name: c, path: c.wasm, actions: [greet]}]}\n";
const GREET: &[u8] = b"name: greet\nrunner_type: wasm-component\n";

#[test]
fn a_pack_is_read_with_all_that_is_in_it() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", PACK),
        ("c.wasm", b""),
        ("actions/greet.yaml", GREET),
        ("actions/run.yml", b"name: run\nrunner_type: local-shell-script\nentry_point: lib/run.sh\n"),
        ("actions/lib/run.sh", b""),
        ("actions/config.yaml", b"old: 1"),
        ("triggers/push.yaml", b"name: push\n"),
        ("rules/r.yaml", b"name: r\ntrigger: {type: demo.push}\naction: {ref: demo.greet}\n"),
        ("sensors/s.yaml", b"x"),
    ];
    let contents = read_pack(&Embedded(files)).unwrap();
    let actions: Vec<_> = contents
        .actions
        .iter()
        .map(|action| (action.reference.as_str(), action.entry_point.as_str()))
        .collect();
    assert_eq!(actions, [("demo.greet", "c.wasm"), ("demo.run", "lib/run.sh")]);
    assert_eq!((contents.trigger_types.len(), contents.rules[0].reference().as_str()), (1, "demo.r"));
    assert_eq!(
        contents.notes,
        [
            "rules/r.yaml: the rule is disabled, since it does not say enabled: true",
            "sensor `s` is left out: sensors/s.yaml:1:1: a sensor must be a mapping of names to values, and is a text; write name: value",
            "actions/run.yml: actions/lib/run.sh does not say what interprets it; begin it with a line such as #!/bin/sh",
            "actions/run.yml: actions/lib/run.sh has no run bit; set it: chmod +x actions/lib/run.sh",
        ]
    );
}

#[test]
fn sensors_bring_their_trigger_types_and_say_what_does_not_run() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("triggers/push.yaml", b"name: push\npayload_schema: {type: object}\n"),
        (
            "sensors/a.yaml",
            b"class_name: A\nentry_point: a.wasm\ntrigger_types: [{name: push, payload_schema: {type: object}}, {name: seen}]\n",
        ),
        ("sensors/a.wasm", b""),
        ("sensors/b.yaml", b"class_name: B\nentry_point: c.wasm\ntrigger_types: [{name: push}, {name: seen}]\n"),
        ("c.wasm", b""),
        ("sensors/up.yaml", b"class_name: U\nentry_point: ../wasm/u.wasm\n"),
        ("wasm/u.wasm", b""),
        ("sensors/p.yaml", b"class_name: P\nentry_point: p.py\ntrigger_types: [{name: lost}]\n"),
        ("sensors/twin.yaml", b"class_name: P\nentry_point: a.wasm\n"),
        ("sensors/way_out.yaml", b"class_name: O\nentry_point: ../../o.wasm\n"),
    ];
    let contents = read_pack(&Embedded(files)).unwrap();
    let sensors: Vec<_> =
        contents.sensors.iter().map(|one| (one.reference.as_str(), one.entry_point.as_str())).collect();
    assert_eq!(
        sensors,
        [
            ("demo.A", "sensors/a.wasm"),
            ("demo.B", "c.wasm"),
            ("demo.P", "sensors/p.py"),
            ("demo.U", "wasm/u.wasm"),
        ]
    );
    let kinds: Vec<_> = contents.trigger_types.iter().map(|kind| kind.reference.as_str()).collect();
    assert_eq!(kinds, ["demo.push", "demo.seen", "demo.lost"]);
    let notes = contents.notes.join("\n");
    for said in [
        "sensors/b.yaml: trigger type push is declared elsewhere too",
        "there is no such file",
        "sensor `twin` is left out: sensors/twin.yaml: sensor P is in sensors/p.yaml too; rename one",
        "sensor `way_out` is left out: sensors/way_out.yaml: entry_point is ../../o.wasm, which is outside the pack",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}

#[test]
fn an_entry_point_that_is_not_there_is_answered_as_it_is_written() {
    const PACK: &[u8] = b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n";
    for (written, expected) in [
        (
            "../wasm/hok.wasm",
            "entry_point is wasm/hok.wasm, and there is no such file; did you mean ../wasm/hook.wasm?",
        ),
        (
            "wasm/hok.wasm",
            "entry_point is wasm/hok.wasm, and there is no such file; did you mean wasm/hook.wasm?",
        ),
        (
            "../wasm/colour.wasm",
            "entry_point is wasm/colour.wasm, and there is no such file; known are ../wasm/hook.wasm",
        ),
        // The metadata beside it is no component.
        ("hook.wasm", "entry_point is sensors/hook.wasm, and there is no such file; add the file"),
    ] {
        let sensor = format!("class_name: A\nentry_point: {written}\n");
        let files: &[(&str, &[u8])] =
            &[("pack.yaml", PACK), ("sensors/hook.yaml", sensor.as_bytes()), ("wasm/hook.wasm", b"")];
        let notes = read_pack(&Embedded(files)).unwrap().notes;
        assert_eq!(notes, [format!("sensors/hook.yaml: the sensor cannot run: {expected}")], "{written}");
    }
}

#[test]
fn a_component_of_an_action_is_told_where_it_lies() {
    const PACK: &[u8] = b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n";
    for (written, expected) in [
        (
            "../wasm/a.wasm",
            "entry_point is ../wasm/a.wasm, and counts from the directory of the pack; write wasm/a.wasm",
        ),
        ("a.wasm", "entry_point is a.wasm, and counts from the directory of the pack; write wasm/a.wasm"),
        ("../b.wasm", "entry_point is ../b.wasm, which is outside the pack; move the file into it"),
    ] {
        let action = format!("name: act\nrunner_type: wasm-component\nentry_point: {written}\n");
        let files: &[(&str, &[u8])] =
            &[("pack.yaml", PACK), ("actions/act.yaml", action.as_bytes()), ("wasm/a.wasm", b"")];
        let refused = read_pack(&Embedded(files)).unwrap().refused;
        assert_eq!(refused["act"][0].to_string(), format!("actions/act.yaml: {expected}"), "{written}");
    }
}

#[test]
fn a_call_of_a_service_that_is_not_there_is_noted() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("actions/a.yaml", b"name: a\nrunner_type: python-script\nentry_point: a.py\n"),
        ("actions/b.yaml", b"name: b\nrunner_type: python-script\nentry_point: a.py\n"),
        (
            "actions/a.py",
            b"class A:\n    def run(self):\n        return self.action_service.get_valeu('x')\n",
        ),
    ];
    let notes = read_pack(&Embedded(files)).unwrap().notes;
    assert_eq!(
        notes,
        [
            "actions/a.py:3: action_service.get_valeu does not exist here, so that an action that comes to it fails; did you \
          mean get_value?"
        ]
    );
}

#[test]
fn who_is_told_of_the_end_of_an_action_is_checked() {
    for (notify, says) in [
        ("", None),
        ("notify: {}\n", None),
        ("notify: {on-complete: {routes: [r], message: m, data: {x: 1}}}\n", None),
        ("notify: {on_complete: {routes: [r]}}\n", Some("did you mean on-complete?")),
        (
            "notify: {on-failure: {route: r}}\n",
            Some("`notify.on-failure` has no field route; did you mean routes?"),
        ),
    ] {
        let text = format!("name: a\nrunner_type: noop\n{notify}");
        let files: &[(&str, &[u8])] = &[
            ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
            ("actions/a.yaml", text.as_bytes()),
        ];
        let told: Vec<_> = match read_pack(&Embedded(files)) {
            Ok(contents) => contents.refused.into_values().flatten().collect(),
            Err(problems) => problems,
        };
        assert_eq!(told.len(), usize::from(says.is_some()), "{notify}: {told:?}");
        let told: Vec<_> = told.iter().map(|problem| problem.message.as_str()).collect();
        assert!(says.is_none_or(|says| told[0].contains(says)), "{notify}: {told:?}");
    }
}

#[test]
fn a_default_that_leaves_no_time_is_noted() {
    for (runner, timeout, is_noted) in [
        ("http-request", "{default: 0}", true),
        ("http-request", "{default: -1}", true),
        ("http-request", "{default: 5}", false),
        ("http-request", "{type: integer}", false),
        // Of a workflow it is a parameter like any other.
        ("noop", "{default: 0}", false),
    ] {
        let text = format!("name: a\nrunner_type: {runner}\nparameters: {{timeout: {timeout}}}\n");
        let files: &[(&str, &[u8])] = &[
            ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
            ("actions/a.yaml", text.as_bytes()),
        ];
        let notes = read_pack(&Embedded(files)).unwrap().notes;
        let found = notes.iter().any(|note| note.contains("the default of timeout is"));
        assert_eq!(found, is_noted, "{runner} {timeout}: {notes:?}");
    }
}

#[test]
fn a_secret_argument_is_advised_against() {
    let action = |runner: &str, parameters: &str| {
        format!("name: a\nrunner_type: {runner}\nentry_point: a.sh\nparameters: {{{parameters}}}\n")
    };
    for (runner, parameters, advice) in [
        ("local-shell-script", "word: {type: string, secret: true}", 1),
        ("local-shell-script", "word: {type: string, secret: true, position: 0}, other: {secret: true}", 2),
        ("local-shell-script", "word: {type: string}, sudo_password: {secret: true}", 0),
        ("python-script", "word: {type: string, secret: true}", 0),
        ("local-shell-script", "kwarg_op: {immutable: true}", 0),
    ] {
        let text = action(runner, parameters);
        let files: &[(&str, &[u8])] = &[
            ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
            ("actions/a.yaml", text.as_bytes()),
            ("actions/a.sh", b"#!/bin/sh\n"),
        ];
        let notes = read_pack(&Embedded(files)).unwrap().notes;
        assert_eq!(notes.len(), advice, "{notes:#?}");
        assert!(
            notes.iter().all(|note| note.starts_with("actions/a.yaml: the secret parameter ")),
            "{notes:#?}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\nwasm: {components: [{name: c, path: ../c.wasm, actions: [gone, run]}]}\n"),
        ("actions/a.yaml", b"name: run\nrunner_type: local-shell-script\nentry_point: rum.sh\n"),
        ("actions/b.yaml", b"name: run\nrunner_type: python-script\n"),
        ("actions/run.sh", b""),
        ("actions/c.yaml", b"name: x\nrunner_type: noop\nsurprise: 1\n"),
        ("rules/r.yaml", b"name: r\n"),
        ("triggers/t.yaml", b"name: t\nsurprise: 1\n"),
    ];
    let told: Vec<_> = read_pack(&Embedded(files)).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "actions/c.yaml:3:1: an action has no field surprise",
        "pack.yaml: component c is ../c.wasm, which is outside the pack",
        "actions/b.yaml: action run is in actions/a.yaml too; rename one",
        "pack.yaml: component c is ../c.wasm, which is outside the pack",
        "actions/a.yaml: runner_type of an action in a component must be wasm-component",
        "actions/a.yaml: entry_point is actions/rum.sh, and there is no such file; did you mean run.sh?",
        "triggers/t.yaml:2:1: a trigger type has no field surprise",
        "rules/r.yaml:1:1: a rule needs a field trigger",
        "rules/r.yaml:1:1: a rule needs a field action",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(read_pack(&Embedded(&[])).unwrap_err()[0].to_string().contains("every pack needs one"));
}

#[test]
fn a_mistake_in_the_definition_hides_none_in_the_schema_of_the_configuration() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: one\n"),
        ("config.schema.yaml", b"a: {type: text}\nb: {type: string, requird: true}\n"),
    ];
    let told: Vec<_> = read_pack(&Embedded(files)).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "pack.yaml:1:1: a pack needs a field author",
        "pack.yaml:3:10: `one` is not a semantic version",
        "config.schema.yaml:1:11: `text` is not a type",
        "config.schema.yaml:2:19: parameter b has no field requird",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    assert!(told.iter().zip(expected).all(|(told, expected)| told.starts_with(expected)), "{told:#?}");
}

/// A pack that counts how often its directories are listed.
struct Counted<'a>(Embedded<'a>, Cell<usize>);

impl Source for Counted<'_> {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.1.set(self.1.get() + 1);
        self.0.list(folder)
    }

    fn read(&self, path: &str, limit: u64) -> io::Result<String> {
        self.0.read(path, limit)
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        self.0.length(path)
    }

    fn start(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.start(path)
    }

    fn is_executable(&self, path: &str) -> bool {
        self.0.is_executable(path)
    }
}

#[test]
fn a_directory_without_the_files_of_its_actions_is_not_listed_for_each() {
    let lists = |count: usize| {
        let actions: Vec<_> = (0..count)
            .map(|number| {
                let text =
                    format!("name: a{number}\nrunner_type: python-script\nentry_point: a{number}.py\n");
                (format!("actions/a{number}.yaml"), text)
            })
            .collect();
        let mut files: Vec<(&str, &[u8])> =
            vec![("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n")];
        files.extend(actions.iter().map(|(path, text)| (path.as_str(), text.as_bytes())));
        let pack = Counted(Embedded(&files), Cell::new(0));
        assert_eq!(read_pack(&pack).unwrap().refused.len(), count);
        pack.1.get()
    };
    assert_eq!(lists(50), lists(1));
}

#[test]
fn what_is_wrong_with_an_action_keeps_it_alone_from_running() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\nwasm: {components: [{name: c, path: c.wasm, actions: [gone, fine]}]}\n"),
        ("c.wasm", b""),
        ("actions/fine.yaml", b"name: fine\nrunner_type: wasm-component\n"),
        ("actions/missing.yaml", b"name: missing\nrunner_type: python-script\nentry_point: missing.py\n"),
        ("actions/typo.yaml", b"name: typo\nrunner_typ: noop\n"),
        ("actions/no.yaml.yaml", b"name: 'a\n"),
    ];
    let contents = read_pack(&Embedded(files)).unwrap();
    let actions: Vec<_> = contents.actions.iter().map(|action| action.reference.name()).collect();
    assert_eq!(actions, ["fine", "missing"]);
    let refused: Vec<_> =
        contents.refused.iter().map(|(name, problems)| (name.as_str(), problems[0].to_string())).collect();
    let expected = [
        ("gone", "pack.yaml: component c carries an action gone, and there is none"),
        ("missing", "actions/missing.yaml: entry_point is actions/missing.py, and there is no such file"),
        ("no.yaml", "actions/no.yaml.yaml:"),
        ("typo", "actions/typo.yaml:1:1: an action needs a field runner_type"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:#?}");
    for ((name, says), (expected, begins)) in refused.iter().zip(expected) {
        assert!(*name == expected && says.starts_with(begins), "{name}: {says}");
    }
}

#[test]
fn what_is_wrong_with_a_rule_leaves_it_out_and_nothing_else() {
    let rule = |name: &str| {
        format!("name: {name}\nenabled: true\ntrigger: {{type: demo.push}}\naction: {{ref: demo.run}}\n")
    };
    let (fine, twin, typo) = (rule("fine"), rule("fine"), rule("typo").replace("enabled", "enable"));
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("rules/a.yaml", fine.as_bytes()),
        ("rules/b.yaml", twin.as_bytes()),
        ("rules/broken.yaml", b"name: 'a\n"),
        ("rules/typo.yaml", typo.as_bytes()),
    ];
    let contents = read_pack(&Embedded(files)).unwrap();
    let rules: Vec<_> = contents.rules.iter().map(|rule| (rule.name.as_str(), rule.file.as_str())).collect();
    assert_eq!(rules, [("fine", "rules/a.yaml")]);
    let refused = contents.refused_rules.iter();
    let refused: Vec<_> = refused.map(|(name, problems)| (name.as_str(), problems[0].to_string())).collect();
    let expected = [
        ("b", "rules/b.yaml: rule fine is in rules/a.yaml too; rename one"),
        ("broken", "rules/broken.yaml:"),
        ("typo", "rules/typo.yaml:2:1: a rule has no field enable; did you mean enabled?"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:#?}");
    for ((name, says), (expected, begins)) in refused.iter().zip(expected) {
        assert!(*name == expected && says.starts_with(begins), "{name}: {says}");
    }
}

#[test]
fn a_command_that_names_a_file_is_told() {
    let cases = [
        ("entry_point: x.py", 1),
        ("entry_point: ''", 0),
        ("entry_point: x.py\nparameters: {cmd: {default: date}}", 0),
        ("entry_point: x.py\nparameters: {cmd: {type: string}}", 1),
    ];
    for (rest, count) in cases {
        let text = format!("name: a\nrunner_type: local-shell-cmd\n{rest}\n");
        let files: &[(&str, &[u8])] = &[
            ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
            ("actions/a.yaml", text.as_bytes()),
        ];
        let notes = read_pack(&Embedded(files)).unwrap().notes;
        assert_eq!(notes.len(), count, "{rest}: {notes:#?}");
        assert!(notes.iter().all(|note| note.contains("runs its parameter cmd and not x.py")), "{notes:#?}");
    }
}

#[test]
fn a_directory_that_is_called_as_metadata_is_told() {
    let (_place, root) = laid_out();
    for folder in ["rules/x.yaml", "actions/y.yml", "actions/lib"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let notes = read_pack(&Directory::open(&root).unwrap()).unwrap().notes;
    let told: Vec<_> = notes.iter().filter(|note| note.contains("is a directory")).collect();
    assert_eq!(told.len(), 2, "{notes:#?}");
    assert!(told.iter().any(|note| note.starts_with("rules/x.yaml is a directory")), "{notes:#?}");
}

#[test]
fn schemas_as_the_exchange_has_them_are_read_with_notes() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("config.schema.yaml", b"all: {type: object, patternProperties: {'^a': {$ref: '#/properties/one'}}}\none: {type: object, properties: {key: {secret: true}}}\n"),
        ("actions/a.yaml", b"name: a\nrunner_type: noop\nparameters: {p: {type: array, items: {type: object, item: 1}}}\n"),
    ];
    let contents = read_pack(&Embedded(files)).unwrap();
    let schema = contents.pack.config_schema.unwrap();
    assert_eq!(schema["all"]["patternProperties"]["^a"], schema["one"]);
    assert_eq!(
        contents.notes,
        ["actions/a.yaml: p has `item`, which has no meaning in a schema; did you mean items?"]
    );
}

#[test]
fn what_is_wrong_with_a_pack_is_said_once_and_as_it_is() {
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"description: d\nversion: 0.1.0\nauthor: a\n"),
        ("actions/a.yaml", b"name: a\nrunner_type: local-shell-script\nentry_point: /opt/a.sh\n"),
        ("rules/r.yaml", b"name: r\ntrigger: {type: core.st2.webhook}\naction: {ref: core.noop}\n"),
    ];
    let told: Vec<_> = read_pack(&Embedded(files)).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(!told.iter().any(|told| told.contains("``")), "{told:#?}");
    assert!(told.iter().any(|told| told.contains("/opt/a.sh, which is an absolute path")), "{told:#?}");
}

#[test]
fn a_directory_ends_at_its_edge() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("c.wasm"), "").unwrap();
    let root = outside.path().join("demo");
    std::fs::create_dir_all(root.join("actions")).unwrap();
    std::fs::write(root.join("pack.yaml"), PACK).unwrap();
    std::fs::write(root.join("actions/greet.yaml"), GREET).unwrap();
    std::os::unix::fs::symlink(outside.path().join("c.wasm"), root.join("c.wasm")).unwrap();
    let refused = read_pack(&Directory::open(&root).unwrap()).unwrap().refused;
    assert!(refused["greet"][0].message.contains("it is outside the pack"), "{refused:?}");
    std::fs::remove_file(root.join("c.wasm")).unwrap();
    std::fs::write(root.join("c.wasm"), "").unwrap();
    let plain = read_pack(&Directory::open(&root).unwrap()).unwrap();
    assert_eq!(plain.pack.reference, "demo");
    // An absolute link that leads back into the pack.
    std::fs::rename(root.join("c.wasm"), root.join("real.wasm")).unwrap();
    std::os::unix::fs::symlink(root.join("real.wasm"), root.join("c.wasm")).unwrap();
    let linked = read_pack(&Directory::open(&root).unwrap()).unwrap();
    assert_eq!(linked.refused.len(), plain.refused.len(), "{:?}", linked.refused);
}

/// Creates something at a path.
type Make<'a> = &'a dyn Fn(&std::path::Path);

/// A pack in a directory, with an action and its script.
fn laid_out() -> (tempfile::TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("demo");
    for (file, content) in [
        ("pack.yaml", "name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("actions/run.yaml", "name: run\nrunner_type: local-shell-script\nentry_point: run.sh\n"),
        ("actions/run.sh", "#!/bin/sh\n"),
        ("rules/r.yaml", "name: r\ntrigger: {type: demo.push}\naction: {ref: demo.run}\n"),
        ("config.schema.yaml", "{}\n"),
    ] {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    (place, root)
}

#[test]
fn what_is_no_plain_file_or_too_large_is_named_and_never_waited_for() {
    let fifo = |path: &std::path::Path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR).unwrap();
    };
    let socket = |path: &std::path::Path| drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    let hole = |path: &std::path::Path| std::fs::File::create(path).unwrap().set_len(1 << 32).unwrap();
    let outside = |path: &std::path::Path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    let device = |path: &std::path::Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    let folder = |path: &std::path::Path| std::fs::create_dir(path).unwrap();
    let kinds: [(Make<'_>, &str); 6] = [
        (&fifo, "it is a FIFO"),
        (&socket, "it is a socket"),
        (&hole, "MiB, which is the limit"),
        (&outside, "it is outside the pack"),
        (&device, "it is outside the pack"),
        (&folder, "it is a directory"),
    ];
    for file in ["pack.yaml", "actions/run.yaml", "actions/run.sh", "rules/r.yaml", "config.schema.yaml"] {
        for (make, says) in kinds {
            // A directory among the metadata files is not one of them.
            let is_listed = file == "actions/run.yaml" || file == "rules/r.yaml";
            if is_listed && says == "it is a directory" {
                continue;
            }
            let (_place, root) = laid_out();
            assert!(read_pack(&Directory::open(&root).unwrap()).is_ok());
            std::fs::remove_file(root.join(file)).unwrap();
            make(&root.join(file));
            let read = read_pack(&Directory::open(&root).unwrap());
            // Problems of an action or a rule do not affect the pack.
            assert_eq!(read.is_ok(), file.contains('/'), "{file}");
            let refused = |read: PackContents| read.refused.into_iter().chain(read.refused_rules);
            let problems =
                read.map_or_else(|told| told, |read| refused(read).flat_map(|(_, told)| told).collect());
            let told = problems[0].to_string();
            assert!(told.contains(file) && told.contains(says), "{file}: {problems:#?}");
        }
    }
}

#[test]
fn a_folder_outside_of_the_pack_is_not_read() {
    let (place, root) = laid_out();
    std::fs::rename(root.join("actions"), place.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", root.join("actions")).unwrap();
    let told = read_pack(&Directory::open(&root).unwrap()).unwrap_err()[0].to_string();
    assert!(told.starts_with("actions: the folder cannot be read (it is outside the pack)"), "{told}");
}

#[test]
fn what_is_hidden_is_no_metadata() {
    let (_place, root) = laid_out();
    // A lock file of an editor, beside an open file.
    std::os::unix::fs::symlink("nobody@nowhere.1", root.join("actions/.#run.yaml")).unwrap();
    assert_eq!(read_pack(&Directory::open(&root).unwrap()).unwrap().actions.len(), 1);
}

#[test]
fn of_many_problems_some_are_told_and_all_are_counted() {
    let unknown = |count: usize| (0..count).map(|number| format!("key{number}: 1\n")).collect::<String>();
    let action = format!("name: run\nrunner_type: noop\n{}", unknown(60_000));
    let long =
        format!("name: long\nrunner_type: noop\nparameters: {{p: {{? {}: 1}}}}\n", "y".repeat(500_000));
    let files: &[(&str, &[u8])] = &[
        ("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n"),
        ("actions/long.yaml", long.as_bytes()),
        ("actions/run.yaml", action.as_bytes()),
    ];
    let refused = read_pack(&Embedded(files)).unwrap().refused;
    let told: Vec<_> = refused.values().flatten().map(ToString::to_string).collect();
    assert_eq!(told.len(), 102, "{told:#?}");
    assert!(told[0].contains("has no field yyy") && told[0].len() < 2000, "{}", told[0]);
    assert_eq!(told[101], "actions/run.yaml: and 59900 more problems; correct these first");
}

#[test]
fn a_pack_has_so_much_metadata_and_no_more() {
    let large = format!("name: x\nrunner_type: noop\ndescription: {}\n", "d".repeat(1_000_000));
    let names: Vec<_> = (0..70).map(|number| format!("actions/a{number}.yaml")).collect();
    let mut files: Vec<(&str, &[u8])> =
        vec![("pack.yaml", b"name: demo\ndescription: d\nversion: 0.1.0\nauthor: a\n")];
    files.extend(names.iter().map(|name| (name.as_str(), large.as_bytes())));
    let told = read_pack(&Embedded(&files)).unwrap_err();
    assert!(told.iter().any(|problem| problem.message.contains("more than 64 MiB of metadata")), "{told:#?}");
    let many = format!("{}{}", large, "#".repeat(1 << 20));
    let files: &[(&str, &[u8])] = &[("pack.yaml", many.as_bytes())];
    let told = read_pack(&Embedded(files)).unwrap_err();
    assert!(told[0].message.contains("more than 1 MiB"), "{told:#?}");
}

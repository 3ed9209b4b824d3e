//! Whole packs.

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
            "sensors/s.yaml is passed over: sensors are not read yet",
            "actions/run.yml: actions/lib/run.sh does not say what interprets it; begin it with a line such as #!/bin/sh",
            "actions/run.yml: actions/lib/run.sh has no run bit; set it: chmod +x actions/lib/run.sh",
        ]
    );
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
    ];
    let told: Vec<_> = read_pack(&Embedded(files)).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "actions/c.yaml:3:1: an action has no field surprise",
        "rules/r.yaml:1:1: a rule needs a field trigger",
        "rules/r.yaml:1:1: a rule needs a field action",
        "pack.yaml: component c is ../c.wasm, which leads out of the pack",
        "pack.yaml: component c carries an action gone, and there is none",
        "actions/a.yaml: runner_type of an action in a component must be wasm-component",
        "actions/a.yaml: entry_point is actions/rum.sh, and there is no such file; did you mean run.sh?",
        "actions/b.yaml: an action of python-script needs an entry_point",
        "actions/b.yaml: action run is in actions/a.yaml too; rename one",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(read_pack(&Embedded(&[])).unwrap_err()[0].to_string().contains("every pack needs one"));
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
    let problems = read_pack(&Directory::open(&root).unwrap()).unwrap_err();
    assert!(problems[0].message.contains("there is no such file"), "{problems:?}");
    std::fs::remove_file(root.join("c.wasm")).unwrap();
    std::fs::write(root.join("c.wasm"), "").unwrap();
    assert_eq!(read_pack(&Directory::open(&root).unwrap()).unwrap().pack.reference, "demo");
}

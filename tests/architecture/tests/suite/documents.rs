//! Documents say what is true: what they link to and name exists, every variable is explained, and the
//! continuous integration runs the command that the README gives.

use std::collections::BTreeSet;

use petrel_architecture::{TextFile, root, text_files};

use crate::{assert_none, sources};

/// What the README gives to test everything.
const TEST_COMMAND: &str = "cargo test --workspace";
/// Top-level directories, by which a path in a document is known.
const TOP: [&str; 7] = [".ci/", "examples/", "host/", "pack-sdk/", "packs/", "tests/", "wit/"];

fn documents() -> Vec<TextFile> {
    let mut files = text_files().unwrap();
    files.retain(|file| file.ends_with(".md"));
    files
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for file in documents() {
        let directory = root().join(&file.path).parent().unwrap().to_path_buf();
        for rest in file.text.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            let is_elsewhere = target.is_empty() || target.contains("://");
            if !is_elsewhere && !directory.join(target).exists() {
                wrong.push(format!("{}: {target}", file.path));
            }
        }
    }
    assert_none(&wrong, "a link leads nowhere");
}

#[test]
fn files_that_are_named_exist() {
    let mut wrong = Vec::new();
    for path in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md"] {
        let text = document(path);
        // Every second piece stands between backticks.
        let named = text.split('`').skip(1).step_by(2);
        let paths = named.filter(|name| TOP.iter().any(|top| name.starts_with(top)));
        // A path with a word in capitals or a blank is a pattern or a command.
        let plain = paths.filter(|name| !name.chars().any(|c| c.is_whitespace() || "*<{".contains(c)));
        let missing = plain.filter(|name| !name.contains("NAME") && !root().join(name).exists());
        wrong.extend(missing.map(|name| format!("{path}: {name}")));
    }
    assert_none(&wrong, "a document names a file that is not there");
}

#[test]
fn the_map_stays_readable() {
    let lines = document("ARCHITECTURE.md").lines().count();
    assert!(lines <= 300, "ARCHITECTURE.md has {lines} lines; move what is detail to the crate it is about");
}

#[test]
fn every_variable_is_explained() {
    let readme = document("README.md");
    let mut named = BTreeSet::new();
    for file in sources().into_iter().filter(|file| file.path.starts_with("host/src/")) {
        let literals = file.text.split('"').filter(|text| text.starts_with("PETREL_"));
        named.extend(
            literals
                .filter(|text| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
                .map(str::to_owned),
        );
    }
    assert!(named.contains("PETREL_DATA_DIR"), "{named:?}");
    let wrong: Vec<_> = named.into_iter().filter(|name| !readme.contains(name.as_str())).collect();
    assert_none(&wrong, "explain the variable in README.md");
}

#[test]
fn the_continuous_integration_sets_up_no_target_that_a_newcomer_lacks() {
    let script = document(".ci/run");
    // Packages of C for components are another thing: wasm32-wasi.
    let named = ["rustup", "wasm32-wasip", "target add"].into_iter().filter(|word| script.contains(word));
    let wrong: Vec<_> = named.map(|word| format!(".ci/run: {word}")).collect();
    assert_none(&wrong, "the build itself gets the target of components, also on a new machine");
}

#[test]
fn the_readme_names_who_sends() {
    let readme = document("README.md");
    let wrong: Vec<_> = ["Alertmanager", "Prometheus", "Grafana", "GitHub"]
        .into_iter()
        .filter(|sender| !readme.lines().any(|line| line.starts_with(&format!("| {sender} |"))))
        .map(str::to_owned)
        .collect();
    assert_none(&wrong, "a row of the table of senders in README.md is missing");
}

#[test]
fn the_command_of_the_readme_is_what_is_run() {
    assert!(document("README.md").lines().any(|line| line.trim() == TEST_COMMAND));
    assert!(document(".ci/run").lines().any(|line| line.trim() == TEST_COMMAND));
}

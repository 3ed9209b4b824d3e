//! The contract with components only grows: what was published stands in `wit/` as it was.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_architecture::root;

use crate::assert_none;

/// The published versions, each in a directory with its name.
const PUBLISHED: &str = "tests/components/wit";

/// The files below a directory whose names end with `.wit`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "wit") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What a file says to tools, line by line: without comments, and without the versions of packages.
fn said(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(unversioned).collect()
}

/// A line without the versions behind `@`, apart from those of `@since`.
fn unversioned(line: &str) -> String {
    let mut parts = line.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_version = rest.len() < part.len();
        let rest =
            if is_version { part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.') } else { part };
        // The dot before a brace belongs to `use`.
        if is_version && rest.starts_with('{') { format!("{line}@.{rest}") } else { format!("{line}@{rest}") }
    })
}

/// The first of these lines that does not come after the one before it in `all`.
fn first_missing<'l>(lines: &'l [String], all: &[String]) -> Option<&'l String> {
    let mut rest = all.iter();
    lines.iter().find(|line| !rest.any(|other| other == *line))
}

#[test]
fn what_was_published_still_stands() {
    let mut wrong = Vec::new();
    for version in fs::read_dir(root().join(PUBLISHED)).unwrap() {
        let version = version.unwrap().path();
        for file in files(&version) {
            let path = file.strip_prefix(&version).unwrap();
            let today = fs::read_to_string(root().join("wit").join(path)).unwrap_or_default();
            let (then, today) = (said(&fs::read_to_string(&file).unwrap()), said(&today));
            if let Some(line) = first_missing(&then, &today) {
                wrong.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert_none(&wrong, "wit/ does not say any more what it said when it was published; see wit/README.md");
}

#[test]
fn a_contract_may_grow_and_nothing_else() {
    let then =
        said("package a:b@1.0.0;\n// old\ninterface i {\n    use a:c/d@1.0.0.{e};\n    f: func();\n}\n");
    for (today, missing) in [
        (
            "package a:b@1.1.0;\ninterface i {\n    use a:c/d@1.2.0.{e};\n    f: func();\n    g: func();\n}\n",
            None,
        ),
        (
            "package a:b@1.0.0;\ninterface i {\n    use a:c/d@1.0.0.{e};\n    f: func(x: u8);\n}\n",
            Some("f: func();"),
        ),
        ("package a:b@1.0.0;\ninterface i {\n    f: func();\n}\n", Some("use a:c/d@.{e};")),
    ] {
        let today = said(today);
        assert_eq!(first_missing(&then, &today).map(String::as_str), missing);
    }
}

//! Who imports whom: `cargo metadata` against the table in ARCHITECTURE.md, and the libraries that one crate
//! alone may know.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use petrel_architecture::{Allowed, Row, edges, root};

use crate::assert_none;

/// Crates that decide, and never touch the world outside.
pub(crate) const PURE: [(&str, &str); 9] = [
    ("petrel-model", "host/crates/model/"),
    ("petrel-expressions", "host/crates/expressions/"),
    ("petrel-jinja", "host/crates/jinja/"),
    ("petrel-python", "host/crates/python/"),
    ("petrel-rules", "host/crates/rules/"),
    ("petrel-scope", "host/crates/scope/"),
    ("petrel-workflows", "host/crates/workflows/"),
    ("petrel-yaml", "host/crates/yaml/"),
    ("petrel-yaql", "host/crates/yaql/"),
];

/// Libraries by which a crate would stop to be pure.
const IMPURE: [&str; 14] = [
    "async-trait",
    "axum",
    "futures",
    "getrandom",
    "libc",
    "rand",
    "reqwest",
    "rustix",
    "redb",
    "sled",
    "tokio",
    "tokio-util",
    "tracing",
    "wasmtime",
];

/// Libraries that one crate knows, and nobody else. A name ending in `-` stands for a family.
const GUARDED: [(&[&str], &str); 4] = [
    (&["wasmtime", "wasmtime-"], "petrel-pack-runtime"),
    (&["axum", "axum-"], "petrel-api"),
    (&["sled", "redb"], "petrel-persistence-embedded"),
    (&["minijinja", "minijinja-"], "petrel-jinja"),
];

/// The crates of the workspace. Their dependencies are not resolved, so no network is needed.
fn workspace() -> Vec<Package> {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap().packages
}

fn table() -> BTreeMap<String, Row> {
    edges(&std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap())
}

#[test]
fn the_table_names_every_crate_and_no_other() {
    let crates: BTreeSet<String> =
        workspace().iter().map(|package| package.name.as_str().to_owned()).collect();
    let table = table();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), crates, "the table in ARCHITECTURE.md");
    for (name, row) in &table {
        for allowed in [&row.imports, &row.tests] {
            let Allowed::Only(names) = allowed else { continue };
            assert!(names.is_subset(&crates), "{name}: {names:?} names a crate that does not exist");
        }
    }
}

#[test]
fn crates_import_what_the_table_allows() {
    let workspace = workspace();
    let ours: BTreeSet<&str> = workspace.iter().map(|package| package.name.as_str()).collect();
    let table = table();
    let mut wrong = Vec::new();
    for package in &workspace {
        let Some(row) = table.get(package.name.as_str()) else { continue };
        for dependency in package.dependencies.iter().filter(|one| ours.contains(one.name.as_str())) {
            let name = dependency.name.as_str();
            let is_for_tests = dependency.kind == DependencyKind::Development;
            let is_allowed = row.imports.admits(name) || (is_for_tests && row.tests.admits(name));
            if !is_allowed {
                wrong.push(format!("{} imports {name} ({})", package.name, dependency.kind));
            }
        }
    }
    assert_none(
        &wrong,
        "not in the table of ARCHITECTURE.md; find another way, or argue for a new edge there",
    );
}

#[test]
fn guarded_libraries_stay_with_their_crate() {
    let mut wrong = Vec::new();
    let workspace = workspace();
    for (family, owner) in GUARDED {
        let is_one = |name: &str| {
            family.iter().any(|one| if one.ends_with('-') { name.starts_with(one) } else { name == *one })
        };
        let users = workspace
            .iter()
            .filter(|package| package.dependencies.iter().any(|dependency| is_one(&dependency.name)))
            .map(|package| package.name.as_str());
        let others = users.filter(|user| *user != owner);
        wrong
            .extend(others.map(|user| format!("{user} imports {}, which is {owner}'s", family.join(" or "))));
    }
    assert_none(&wrong, "a library is known in more than one place");
}

#[test]
fn pure_crates_import_nothing_that_acts() {
    let mut wrong = Vec::new();
    for package in workspace() {
        if !PURE.iter().any(|(name, _)| package.name.as_str() == *name) {
            continue;
        }
        let imports =
            package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        let impure = imports.filter(|dependency| IMPURE.contains(&dependency.name.as_str()));
        wrong.extend(impure.map(|dependency| format!("{} imports {}", package.name, dependency.name)));
    }
    assert_none(&wrong, "a pure crate takes what it needs of the outside as data");
}

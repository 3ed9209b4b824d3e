//! Finds imports of StackStorm's own modules that Petrel does not provide, since such an action will fail. Files are
//! scanned line by line, so that imports inside functions count, too. [`super::services`] knows the files.

use std::collections::BTreeSet;

use petrel_model::nearest::nearest;

/// Largest file that is scanned, in bytes.
pub(super) const LARGEST: u64 = 256 << 10;

/// StackStorm's own packages, which cannot be installed next to the host.
const PACKAGES: [&str; 6] = ["st2common", "st2reactor", "st2actions", "st2api", "st2auth", "st2stream"];

/// Packages that contain nothing but modules, so that every name imported from them is a module.
const HOLDERS: [&str; 11] = [
    "st2actions",
    "st2actions.runners",
    "st2common",
    "st2common.constants",
    "st2common.content",
    "st2common.runners",
    "st2common.services",
    "st2common.util",
    "st2reactor",
    "st2reactor.container",
    "st2reactor.sensor",
];

/// The modules that have the base class of all Python actions, and this class.
const BASES: [&str; 2] = ["st2common.runners.base_action", "st2actions.runners.pythonrunner"];
const ACTION: &str = "st2common.runners.base_action.Action";

/// The modules that Petrel provides, in `python/` of `petrel-runners`.
const OFFERED: [&str; 40] = [
    "st2actions",
    "st2actions.runners",
    "st2actions.runners.pythonrunner",
    "st2common",
    "st2common.constants",
    "st2common.constants.action",
    "st2common.constants.keyvalue",
    "st2common.constants.pack",
    "st2common.content",
    "st2common.content.utils",
    "st2common.exceptions",
    "st2common.exceptions.action",
    "st2common.exceptions.connection",
    "st2common.exceptions.content",
    "st2common.exceptions.db",
    "st2common.exceptions.keyvalue",
    "st2common.log",
    "st2common.runners",
    "st2common.runners.base_action",
    "st2common.runners.utils",
    "st2common.services",
    "st2common.services.datastore",
    "st2common.services.keyvalues",
    "st2common.util",
    "st2common.util.compat",
    "st2common.util.date",
    "st2common.util.green",
    "st2common.util.green.shell",
    "st2common.util.isotime",
    "st2common.util.jinja",
    "st2common.util.jsonify",
    "st2common.util.misc",
    "st2common.util.monkey_patch",
    "st2common.util.pack",
    "st2common.util.shell",
    "st2reactor",
    "st2reactor.container",
    "st2reactor.container.sensor_wrapper",
    "st2reactor.sensor",
    "st2reactor.sensor.base",
];

/// The modules of StackStorm that a Python file imports and Petrel does not provide.
pub(super) fn not_offered(text: &str) -> BTreeSet<String> {
    let modules = text.lines().flat_map(|line| imported(line.trim()));
    modules.filter(|module| is_stackstorms(module) && !is_offered(module)).collect()
}

/// The modules that a line imports, as far as the line alone shows.
fn imported(line: &str) -> Vec<String> {
    if let Some(modules) = line.strip_prefix("import ") {
        return names(modules).map(str::to_owned).collect();
    }
    let Some((module, what)) = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) else {
        return Vec::new();
    };
    let module = module.trim();
    if BASES.contains(&module) {
        let is_misspelt = |name: &&str| *name != "Action" && nearest(name, ["Action"]).is_some();
        let misspelt = names(what).filter(is_misspelt).map(|name| format!("{module}.{name}"));
        return misspelt.chain([module.to_owned()]).collect();
    }
    if !HOLDERS.contains(&module) {
        return vec![module.to_owned()];
    }
    names(what).map(|name| format!("{module}.{name}")).collect()
}

/// The names in an import list, without their aliases and comments.
pub(super) fn names(list: &str) -> impl Iterator<Item = &str> {
    let list = list.split(['#', ';']).next().unwrap_or_default();
    let words = list.split(',').filter_map(|part| part.split_whitespace().next());
    words.map(|word| word.trim_matches(['(', ')', '\\'])).filter(|word| !word.is_empty() && *word != "*")
}

/// The remedy for the import of a module that Petrel does not provide.
pub(super) fn remedy(module: &str) -> String {
    let near = near(module).map(|near| format!("did you mean {near}?"));
    near.unwrap_or_else(|| "have it do without, or call the API".to_owned())
}

/// What Petrel provides and is likely meant by a name: each part of it is the same, or nearly.
fn near(module: &str) -> Option<&'static str> {
    let parts: Vec<_> = module.split('.').collect();
    OFFERED.into_iter().chain([ACTION]).find(|offered| {
        let others: Vec<_> = offered.split('.').collect();
        let is_like = |(part, other): (&&str, &&str)| part == other || nearest(part, [*other]).is_some();
        others.len() == parts.len() && parts.iter().zip(&others).all(is_like)
    })
}

fn is_stackstorms(module: &str) -> bool {
    module.split('.').next().is_some_and(|package| PACKAGES.contains(&package))
}

fn is_offered(module: &str) -> bool {
    OFFERED.contains(&module)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_not_offered_is_found_in_every_form() {
        for (text, expected) in [
            ("from st2common.runners.base_action import Action\nimport json, st2common\n", &[][..]),
            ("from st2common.util import isotime as t, date\nfrom st2common import log as logging", &[]),
            ("from st2common.exceptions import StackStormBaseException", &[]),
            ("import st2common.bootstrap.sensorsregistrar as r", &["st2common.bootstrap.sensorsregistrar"]),
            ("    from st2common.util import (db,  # why\n        isotime)", &["st2common.util.db"]),
            ("from st2common.models.system.action import X", &["st2common.models.system.action"]),
            ("import os, st2reactor.sensor.base, st2reactor.rules.engine", &["st2reactor.rules.engine"]),
            ("from st2client.client import Client\nimport st2_dispatch", &[]),
            ("# import st2common.nothing\nx = 'from st2api import y'", &[]),
            ("from st2common.util import *", &[]),
            ("from st2actions.runners.pythonrunner import Action", &[]),
            ("from st2actions.runners import pythonrunner, shell", &["st2actions.runners.shell"]),
            (
                "from st2common.runners.base_action import Actoin, PackConfigDict",
                &["st2common.runners.base_action.Actoin"],
            ),
        ] {
            assert!(not_offered(text).iter().eq(expected), "{text}: {:?}", not_offered(text));
        }
    }

    #[test]
    fn what_is_not_offered_is_told_with_what_is_likely_meant() {
        for (module, says) in [
            ("st2common.runners.base_actoin", "did you mean st2common.runners.base_action?"),
            ("st2common.runner.base_action", "did you mean st2common.runners.base_action?"),
            ("st2common.runners.base_action.Actoin", "did you mean st2common.runners.base_action.Action?"),
            ("st2common.util.isotme", "did you mean st2common.util.isotime?"),
            ("st2actions.runners.pythonruner", "did you mean st2actions.runners.pythonrunner?"),
            // Others of StackStorm's own.
            ("st2common.util.db", "have it do without, or call the API"),
            ("st2common.util.schema", "have it do without, or call the API"),
            ("st2common.exceptions.auth", "have it do without, or call the API"),
            ("st2common.models.system.action", "have it do without, or call the API"),
        ] {
            assert_eq!(remedy(module), says, "{module}");
        }
    }

    #[test]
    fn what_is_called_offered_lies_with_the_runner() {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runners/python");
        let mut there = BTreeSet::new();
        let mut folders = ["st2actions", "st2common", "st2reactor"].map(str::to_owned).to_vec();
        while let Some(folder) = folders.pop() {
            there.insert(folder.replace('/', "."));
            for entry in std::fs::read_dir(python.join(&folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let path = format!("{folder}/{name}");
                if let Some(module) = path.strip_suffix(".py").filter(|_| name != "__init__.py") {
                    there.insert(module.replace('/', "."));
                } else if python.join(&path).join("__init__.py").exists() {
                    folders.push(path);
                }
            }
        }
        let told: BTreeSet<_> = OFFERED.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(told, there);
    }
}

//! Checks of the actions of a pack: their files, and the agreement between actions and components. A problem is
//! recorded under the name of its action, and the other actions are read all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use petrel_model::Action;
use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::nearest::nearest;

use super::{Reading, about, stem};
use crate::definition::{Component, read_action};
use crate::limits::LARGEST_ENTRY_POINT;
use crate::plain_file::too_large;
use crate::problem::short;
use crate::suggestion::suggestion;

/// Runners whose entry point is a file below `actions/`.
const FILE_RUNNERS: &[&str] = &[
    "local-shell-script",
    "remote-shell-script",
    "python-script",
    "action-chain",
    "orquesta",
    "winrm-ps-script",
];

impl Reading<'_> {
    /// The actions of the pack with their metadata files, each name once. `components` are checked as well.
    pub(super) fn actions(&mut self, components: &[Component]) -> Vec<(String, Action)> {
        let mut actions: Vec<(String, Action)> = Vec::new();
        let mut known = BTreeMap::new();
        for file in self.files("actions") {
            match self.one(&file, read_action) {
                Ok(action) => {
                    let name = action.reference.name().to_owned();
                    if let Some(other) = known.insert(name.clone(), file.clone()) {
                        let message = format!("action {} is in {other} too; rename one", short(&name));
                        self.refuse(&name, about(&file, message));
                        continue;
                    }
                    let parameters = self.settled(&file, action.parameters);
                    actions.push((file, Action { parameters, ..action }));
                }
                Err(problems) => {
                    let name = stem(&file).to_owned();
                    problems.into_iter().for_each(|problem| self.refuse(&name, problem));
                }
            }
        }
        // Components come first, since they give their actions the entry points that are checked then.
        self.check_components(components, &mut actions);
        self.check_entry_points(components, &actions);
        actions
    }

    /// Checks that components and actions refer to each other.
    fn check_components(&mut self, components: &[Component], actions: &mut [(String, Action)]) {
        let mut by_name = BTreeMap::new();
        for action in actions {
            let name = action.1.reference.name().to_owned();
            by_name.entry(name).or_insert(action);
        }
        for component in components {
            let what = format!("component {}", short(&component.name));
            let missing = self.file_problem(&component.path, &what);
            if let Some(message) = missing.as_ref().filter(|_| component.actions.is_empty()) {
                self.note(about("pack.yaml", message.clone()));
            }
            for name in &component.actions {
                if let Some(message) = &missing {
                    self.refuse(name, about("pack.yaml", message.clone()));
                }
                let Some(action) = by_name.get_mut(name) else {
                    // An action whose file cannot be parsed is refused for that reason.
                    if !self.refused.contains_key(name) {
                        let shown = short(name);
                        let remedy = format!("add actions/{shown}.yaml");
                        let message =
                            format!("{what} carries an action {shown}, and there is none; {remedy}");
                        self.refuse(name, about("pack.yaml", message));
                    }
                    continue;
                };
                let (file, action) = &mut **action;
                if action.runner_type != COMPONENT_RUNNER {
                    let message = format!(
                        "runner_type of an action in a component must be {COMPONENT_RUNNER}; change it"
                    );
                    self.refuse(name, about(file, message));
                } else if action.entry_point.is_empty() {
                    action.entry_point.clone_from(&component.path);
                }
            }
        }
    }

    /// Checks that each action has its entry point. Those of components are checked elsewhere.
    fn check_entry_points(&mut self, components: &[Component], actions: &[(String, Action)]) {
        let carried: BTreeSet<&str> = components.iter().map(|component| component.path.as_str()).collect();
        for (file, action) in actions {
            let problem = Some(action)
                .filter(|action| !carried.contains(action.entry_point.as_str()))
                .and_then(|action| self.entry_point_problem(action));
            if let Some(message) = problem {
                self.refuse(action.reference.name(), about(file, message));
            }
        }
    }

    /// The problem of an action's entry point, if there is one.
    fn entry_point_problem(&mut self, action: &Action) -> Option<String> {
        let runner = action.runner_type.as_str();
        let needs_file = FILE_RUNNERS.contains(&runner);
        let is_component = runner == COMPONENT_RUNNER;
        if action.entry_point.is_empty() {
            return (needs_file || is_component)
                .then(|| format!("an action of {runner} needs an entry_point; name its file"));
        }
        if (is_component || needs_file) && action.entry_point.starts_with('/') {
            let (shown, folder) = (short(&action.entry_point), if is_component { "." } else { "actions" });
            return Some(format!(
                "entry_point is {shown}, which is an absolute path; write it as it is below the folder {folder} of the pack"
            ));
        }
        match (is_component, needs_file) {
            (true, _) => {
                let problem = self.file_problem(&action.entry_point, "entry_point")?;
                // That of a sensor counts from the folder of its file.
                let name = action.entry_point.rsplit('/').next().unwrap_or_default();
                let meant = format!("wasm/{name}");
                let is_other = !name.is_empty() && meant != action.entry_point;
                let is_there = is_other && self.source.length(&meant).is_ok();
                let shown = short(&action.entry_point);
                let told = || {
                    let meant = short(&meant);
                    format!(
                        "entry_point is {shown}, and counts from the directory of the pack; write {meant}"
                    )
                };
                Some(if is_there { told() } else { problem })
            }
            (_, true) => {
                let path = format!("actions/{}", action.entry_point);
                self.file_problem_as(&path, &action.entry_point, "entry_point")
            }
            _ => None,
        }
    }

    /// The problem of a file of the pack that is to be run, if there is one.
    pub(super) fn file_problem(&mut self, path: &str, what: &str) -> Option<String> {
        self.file_problem_as(path, path, what)
    }

    /// As [`file_problem`](Self::file_problem), for a file that is `written` in another form than its path in the pack. The
    /// remedy is in that form.
    pub(super) fn file_problem_as(&mut self, path: &str, written: &str, what: &str) -> Option<String> {
        let is_inside =
            !path.starts_with('/') && path.split('/').all(|part| part != "..") && !path.contains('\\');
        let shown = short(path);
        if !is_inside {
            return Some(format!("{what} is {shown}, which is outside the pack; move the file into it"));
        }
        let error = match self.source.length(path) {
            Ok(length) if length <= LARGEST_ENTRY_POINT => return None,
            Ok(_) => too_large(LARGEST_ENTRY_POINT),
            Err(error) => error,
        };
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            let remedy = "put the file itself into the pack";
            return Some(format!("{what} is {shown}, which cannot be used ({error}); {remedy}"));
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let source = self.source;
        // A pack without its scripts lacks a file for every action.
        let others =
            self.listed.entry(folder.to_owned()).or_insert_with(|| source.list(folder).unwrap_or_default());
        // The metadata files in the same directory are not candidates for an entry point.
        let may_be = |other: &&str| !["actions", "sensors"].contains(&folder) || stem(other) == *other;
        let others: Vec<_> = others.iter().map(String::as_str).filter(may_be).collect();
        let before = written.strip_suffix(name).unwrap_or_default();
        let hint = match nearest(name, others.iter().copied()) {
            Some(near) => format!("did you mean {}?", short(&format!("{before}{near}"))),
            None if others.is_empty() => "add the file".to_owned(),
            None => {
                let others: Vec<_> = others.iter().map(|other| format!("{before}{other}")).collect();
                let others: Vec<_> = others.iter().map(String::as_str).collect();
                suggestion(written, &others)
            }
        };
        Some(format!("{what} is {shown}, and there is no such file; {hint}"))
    }
}

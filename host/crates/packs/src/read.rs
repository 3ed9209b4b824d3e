//! Reading a whole pack: every file, and what only shows when they are seen together.

use std::collections::BTreeMap;

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, Pack, TriggerType};

use crate::advice;
use crate::definition::{
    Component, PackDefinition, RuleDefinition, read_action, read_config_schema, read_pack_definition,
    read_rule, read_trigger_type,
};
use crate::nearest::suggestion;
use crate::problem::Problem;
use crate::source::Source;

/// A pack and all that is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PackContents {
    /// The pack. Its path is left empty.
    pub pack: Pack,
    /// Its components.
    pub components: Vec<Component>,
    /// Its actions. The entry point of one in a component is the component's path.
    pub actions: Vec<Action>,
    /// Its trigger types.
    pub trigger_types: Vec<TriggerType>,
    /// Its rules.
    pub rules: Vec<RuleDefinition>,
    /// What was passed over, and what to think about.
    pub notes: Vec<String>,
}

/// Runners whose entry point is a file below `actions/`.
const FILE_RUNNERS: &[&str] = &[
    "local-shell-script",
    "remote-shell-script",
    "python-script",
    "action-chain",
    "orquesta",
    "winrm-ps-script",
];

/// Folders that are not read yet.
const LATER: &[&str] = &["sensors", "aliases", "policies"];

/// Reads the pack in `source`.
///
/// # Errors
/// Every problem of every file at once.
pub fn read_pack(source: &dyn Source) -> Result<PackContents, Vec<Problem>> {
    let text = source.read("pack.yaml").map_err(|error| {
        vec![about("pack.yaml", format!("the file cannot be read ({error}); every pack needs one"))]
    })?;
    let definition = read_pack_definition("pack.yaml", &text, source.folder());
    let PackDefinition { pack, components } = definition.map_err(|problems| {
        // The other files are looked at all the same, so that everything is said at once.
        let mut reading = Reading { source, pack: source.folder().unwrap_or_default(), problems };
        reading.each("actions", read_action);
        reading.each("triggers", read_trigger_type);
        reading.each("rules", |file, text, pack| read_rule(file, text, Some(pack)));
        reading.problems
    })?;
    let mut reading = Reading { source, pack: &pack.reference, problems: Vec::new() };
    let mut actions = reading.each("actions", read_action);
    let trigger_types = reading.each("triggers", read_trigger_type);
    let rules = reading.each("rules", |file, text, pack| read_rule(file, text, Some(pack)));
    reading.check_components(&components, &mut actions);
    for (file, action) in &actions {
        // The files of components were looked for already.
        if !components.iter().any(|component| component.path == action.entry_point) {
            reading.check_entry_point(file, action);
        }
    }
    reading.refuse_twins("action", actions.iter().map(|(file, action)| (file, action.reference.name())));
    reading
        .refuse_twins("trigger type", trigger_types.iter().map(|(file, kind)| (file, kind.reference.name())));
    reading.refuse_twins("rule", rules.iter().map(|(file, rule)| (file, rule.name.as_str())));
    let config_schema = reading.config_schema();
    let notes = LATER.iter().flat_map(|folder| {
        let files = reading.files(folder);
        files.into_iter().map(move |file| format!("{file} is passed over: {folder} are not read yet"))
    });
    let advice = actions.iter().flat_map(|(file, action)| advice::on_action(file, action, source));
    let notes = notes.chain(advice).collect();
    if !reading.problems.is_empty() {
        return Err(reading.problems);
    }
    Ok(PackContents {
        actions: actions.into_iter().map(|(_, action)| action).collect(),
        trigger_types: trigger_types.into_iter().map(|(_, kind)| kind).collect(),
        rules: rules.into_iter().map(|(_, rule)| rule).collect(),
        components,
        notes,
        pack: Pack { config_schema, ..pack },
    })
}

fn about(file: &str, message: impl Into<String>) -> Problem {
    Problem { file: file.to_owned(), position: None, message: message.into() }
}

struct Reading<'a> {
    source: &'a dyn Source,
    pack: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    /// The YAML files directly in a folder.
    fn files(&self, folder: &str) -> Vec<String> {
        let is_metadata = |name: &String| {
            let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
            // Old packs keep their configuration here.
            stem.is_some_and(|stem| folder != "actions" || stem != "config")
        };
        let names = self.source.list(folder).unwrap_or_default();
        names.into_iter().filter(is_metadata).map(|name| format!("{folder}/{name}")).collect()
    }

    /// What the configuration of the pack may hold, if it says so.
    fn config_schema(&mut self) -> Option<Parameters> {
        const FILE: &str = "config.schema.yaml";
        if !self.source.has(FILE) {
            return None;
        }
        let read = match self.source.read(FILE) {
            Ok(text) => read_config_schema(FILE, &text),
            Err(error) => Err(vec![about(FILE, format!("the file cannot be read ({error}); check it"))]),
        };
        read.map_err(|problems| self.problems.extend(problems)).ok()
    }

    fn each<T>(
        &mut self,
        folder: &str,
        read: impl Fn(&str, &str, &str) -> Result<T, Vec<Problem>>,
    ) -> Vec<(String, T)> {
        let mut read_files = Vec::new();
        for file in self.files(folder) {
            let text = match self.source.read(&file) {
                Ok(text) => text,
                Err(error) => {
                    self.problems.push(about(&file, format!("the file cannot be read ({error}); check it")));
                    continue;
                }
            };
            match read(&file, &text, self.pack) {
                Ok(definition) => read_files.push((file, definition)),
                Err(problems) => self.problems.extend(problems),
            }
        }
        read_files
    }

    /// Components and actions name each other, so both must be there.
    fn check_components(&mut self, components: &[Component], actions: &mut [(String, Action)]) {
        for component in components {
            self.check_file("pack.yaml", &component.path, &format!("component {}", component.name));
            for name in &component.actions {
                let action = actions.iter_mut().find(|(_, action)| action.reference.name() == name);
                let Some((file, action)) = action else {
                    let message = format!(
                        "component {} carries an action {name}, and there is none; add actions/{name}.yaml",
                        component.name
                    );
                    self.problems.push(about("pack.yaml", message));
                    continue;
                };
                if action.runner_type != COMPONENT_RUNNER {
                    let message = format!(
                        "runner_type of an action in a component must be {COMPONENT_RUNNER}; change it"
                    );
                    self.problems.push(about(file, message));
                } else if action.entry_point.is_empty() {
                    action.entry_point.clone_from(&component.path);
                }
            }
        }
    }

    fn check_entry_point(&mut self, file: &str, action: &Action) {
        let needs_file = FILE_RUNNERS.contains(&action.runner_type.as_str());
        if action.entry_point.is_empty() {
            if needs_file || action.runner_type == COMPONENT_RUNNER {
                let message =
                    format!("an action of {} needs an entry_point; name its file", action.runner_type);
                self.problems.push(about(file, message));
            }
        } else if action.runner_type == COMPONENT_RUNNER {
            self.check_file(file, &action.entry_point, "entry_point");
        } else if needs_file {
            self.check_file(file, &format!("actions/{}", action.entry_point), "entry_point");
        }
    }

    fn check_file(&mut self, file: &str, path: &str, what: &str) {
        let is_inside =
            !path.starts_with('/') && path.split('/').all(|part| part != "..") && !path.contains('\\');
        if !is_inside {
            let message = format!("{what} is {path}, which leads out of the pack; move the file into it");
            self.problems.push(about(file, message));
        } else if !self.source.has(path) {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let others = self.source.list(folder).unwrap_or_default();
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            let hint = if others.is_empty() { "add the file".to_owned() } else { suggestion(name, &others) };
            self.problems.push(about(file, format!("{what} is {path}, and there is no such file; {hint}")));
        }
    }

    fn refuse_twins<'b>(&mut self, what: &str, names: impl Iterator<Item = (&'b String, &'b str)>) {
        let mut known = BTreeMap::new();
        for (file, name) in names {
            if let Some(other) = known.insert(name, file) {
                self.problems.push(about(file, format!("{what} {name} is in {other} too; rename one")));
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Reading a whole pack: every file, and what only shows when they are seen together.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, Pack, TriggerType};

use crate::advice;
use crate::definition::{
    Component, PackDefinition, RuleDefinition, read_action, read_config_schema, read_pack_definition,
    read_rule, read_trigger_type,
};
use crate::limits::{LARGEST_ENTRY_POINT, LARGEST_METADATA, LARGEST_PACK, MOST_PROBLEMS_OF_PACK};
use crate::nearest::suggestion;
use crate::plain_file::too_large;
use crate::problem::{Problem, short};
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
    let text = source.read("pack.yaml", LARGEST_METADATA).map_err(|error| {
        vec![about("pack.yaml", format!("the file cannot be read ({error}); every pack needs one"))]
    })?;
    let definition = read_pack_definition("pack.yaml", &text, source.folder());
    let PackDefinition { pack, components } = definition.map_err(|problems| {
        // The other files are looked at all the same, so that everything is said at once.
        let mut reading = Reading::of(source, source.folder().unwrap_or_default());
        problems.into_iter().for_each(|problem| reading.note(problem));
        reading.each("actions", read_action);
        reading.each("triggers", read_trigger_type);
        reading.each("rules", |file, text, pack| read_rule(file, text, Some(pack)));
        reading.told()
    })?;
    let mut reading = Reading::of(source, &pack.reference);
    let mut actions = reading.each("actions", read_action);
    let trigger_types = reading.each("triggers", read_trigger_type);
    let rules = reading.each("rules", |file, text, pack| read_rule(file, text, Some(pack)));
    reading.check_components(&components, &mut actions);
    reading.check_entry_points(&components, &actions);
    reading.refuse_twins("action", actions.iter().map(|(file, action)| (file, action.reference.name())));
    reading
        .refuse_twins("trigger type", trigger_types.iter().map(|(file, kind)| (file, kind.reference.name())));
    reading.refuse_twins("rule", rules.iter().map(|(file, rule)| (file, rule.name.as_str())));
    let config_schema = reading.config_schema();
    let mut notes = reading.passed_over();
    notes.extend(actions.iter().flat_map(|(file, action)| advice::on_action(file, action, source)));
    if !reading.problems.is_empty() {
        return Err(reading.told());
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
    /// Problems that are not told.
    more: usize,
    /// How many bytes of metadata may still be read.
    room: u64,
}

impl<'a> Reading<'a> {
    fn of(source: &'a dyn Source, pack: &'a str) -> Self {
        Self { source, pack, problems: Vec::new(), more: 0, room: LARGEST_PACK }
    }

    fn note(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS_OF_PACK {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// What was found.
    fn told(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let message = format!("and {} more problems in this pack; correct these first", self.more);
            self.problems.push(about("pack.yaml", message));
        }
        self.problems
    }

    /// The YAML files directly in a folder.
    fn files(&mut self, folder: &str) -> Vec<String> {
        let is_metadata = |name: &String| {
            let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
            // Old packs keep their configuration here. What is hidden is an editor's.
            stem.is_some_and(|stem| (folder != "actions" || stem != "config") && !stem.starts_with('.'))
        };
        match self.source.list(folder) {
            Ok(names) => {
                names.into_iter().filter(is_metadata).map(|name| format!("{folder}/{name}")).collect()
            }
            Err(error) => {
                self.note(about(folder, format!("the folder cannot be read ({error}); correct that")));
                Vec::new()
            }
        }
    }

    /// What is there and not read yet.
    fn passed_over(&mut self) -> Vec<String> {
        let mut notes = Vec::new();
        for folder in LATER {
            let files = self.files(folder).into_iter();
            notes.extend(files.map(|file| format!("{file} is passed over: {folder} are not read yet")));
        }
        notes
    }

    /// The text of a file of metadata.
    fn text(&mut self, file: &str) -> Option<String> {
        let text = match self.source.read(file, LARGEST_METADATA) {
            Ok(text) => text,
            Err(error) => {
                self.note(about(file, format!("the file cannot be read ({error}); check it")));
                return None;
            }
        };
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            let limit = LARGEST_PACK >> 20;
            let message =
                format!("with this file the pack has more than {limit} MiB of metadata; make two of it");
            self.note(about(file, message));
            return None;
        };
        self.room = room;
        Some(text)
    }

    /// What the configuration of the pack may hold, if it says so.
    fn config_schema(&mut self) -> Option<Parameters> {
        const FILE: &str = "config.schema.yaml";
        if self.source.length(FILE).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return None;
        }
        let text = self.text(FILE)?;
        match read_config_schema(FILE, &text) {
            Ok(schema) => Some(schema),
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.note(problem));
                None
            }
        }
    }

    fn each<T>(
        &mut self,
        folder: &str,
        read: impl Fn(&str, &str, &str) -> Result<T, Vec<Problem>>,
    ) -> Vec<(String, T)> {
        let mut read_files = Vec::new();
        for file in self.files(folder) {
            let Some(text) = self.text(&file) else { continue };
            match read(&file, &text, self.pack) {
                Ok(definition) => read_files.push((file, definition)),
                Err(problems) => problems.into_iter().for_each(|problem| self.note(problem)),
            }
        }
        read_files
    }

    /// Components and actions name each other, so both must be there.
    fn check_components(&mut self, components: &[Component], actions: &mut [(String, Action)]) {
        let mut by_name = BTreeMap::new();
        for action in actions {
            let name = action.1.reference.name().to_owned();
            by_name.entry(name).or_insert(action);
        }
        for component in components {
            self.check_file("pack.yaml", &component.path, &format!("component {}", short(&component.name)));
            for name in &component.actions {
                let Some(action) = by_name.get_mut(name) else {
                    let name = short(name);
                    let message = format!(
                        "component {} carries an action {name}, and there is none; add actions/{name}.yaml",
                        short(&component.name)
                    );
                    self.note(about("pack.yaml", message));
                    continue;
                };
                let (file, action) = &mut **action;
                if action.runner_type != COMPONENT_RUNNER {
                    let message = format!(
                        "runner_type of an action in a component must be {COMPONENT_RUNNER}; change it"
                    );
                    self.note(about(file, message));
                } else if action.entry_point.is_empty() {
                    action.entry_point.clone_from(&component.path);
                }
            }
        }
    }

    /// Every action has its file, but for those of components, whose files were looked for already.
    fn check_entry_points(&mut self, components: &[Component], actions: &[(String, Action)]) {
        let carried: BTreeSet<&str> = components.iter().map(|component| component.path.as_str()).collect();
        for (file, action) in actions {
            if !carried.contains(action.entry_point.as_str()) {
                self.check_entry_point(file, action);
            }
        }
    }

    fn check_entry_point(&mut self, file: &str, action: &Action) {
        let needs_file = FILE_RUNNERS.contains(&action.runner_type.as_str());
        if action.entry_point.is_empty() {
            if needs_file || action.runner_type == COMPONENT_RUNNER {
                let message =
                    format!("an action of {} needs an entry_point; name its file", action.runner_type);
                self.note(about(file, message));
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
        let shown = short(path);
        if !is_inside {
            let message = format!("{what} is {shown}, which leads out of the pack; move the file into it");
            return self.note(about(file, message));
        }
        let error = match self.source.length(path) {
            Ok(length) if length <= LARGEST_ENTRY_POINT => return,
            Ok(_) => too_large(LARGEST_ENTRY_POINT),
            Err(error) => error,
        };
        let message = if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let others = self.source.list(folder).unwrap_or_default();
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            let hint = if others.is_empty() { "add the file".to_owned() } else { suggestion(name, &others) };
            format!("{what} is {shown}, and there is no such file; {hint}")
        } else {
            format!("{what} is {shown}, which cannot be used ({error}); put the file itself into the pack")
        };
        self.note(about(file, message));
    }

    fn refuse_twins<'b>(&mut self, what: &str, names: impl Iterator<Item = (&'b String, &'b str)>) {
        let mut known = BTreeMap::new();
        for (file, name) in names {
            if let Some(other) = known.insert(name, file) {
                let name = short(name);
                self.note(about(file, format!("{what} {name} is in {other} too; rename one")));
            }
        }
    }
}

#[cfg(test)]
mod tests;

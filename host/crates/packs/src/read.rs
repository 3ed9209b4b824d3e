//! Reads a whole pack: every file, and the relations between them.
//!
//! A problem of one action keeps that action from running, and nothing else ([`PackContents::refused`]). A problem of
//! one rule leaves that rule out. Any other problem keeps the pack from being registered. [`actions`] has the checks
//! of actions, [`sensors`] reads sensors, [`misplaced`] finds files that are not read at all, [`later`] looks at those that are
//! not supported yet.

mod actions;
mod later;
mod misplaced;
mod sensors;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use petrel_model::count::counted;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, Object, Pack, Sensor, TriggerType};

use crate::advice;
use crate::definition::{
    Component, PackDefinition, PolicyDefinition, RuleDefinition, probable_reference, read_config_schema,
    read_pack_definition, read_policy, read_rule, read_trigger_type,
};
use crate::limits::{LARGEST_METADATA, LARGEST_PACK, MOST_PROBLEMS_OF_PACK};
use crate::problem::{Problem, short};
use crate::references::written_out;
use crate::schema::{odd_types, strays};
use crate::source::Source;

/// A pack with all its contents.
#[derive(Debug, Clone, PartialEq)]
pub struct PackContents {
    /// The pack. Its path is left empty.
    pub pack: Pack,
    /// Its components.
    pub components: Vec<Component>,
    /// Its actions. The entry point of an action in a component is the component's path.
    pub actions: Vec<Action>,
    /// Its trigger types, also those of its sensors.
    pub trigger_types: Vec<TriggerType>,
    /// Its sensors.
    pub sensors: Vec<Sensor>,
    /// The files of sensors that are left out for a problem, which is noted.
    pub sensors_left_out: BTreeSet<String>,
    /// Its rules.
    pub rules: Vec<RuleDefinition>,
    /// Its policies. One with a problem is left out, and noted.
    pub policies: Vec<PolicyDefinition>,
    /// The problems of actions that cannot run, by the name of the action. An action whose file cannot be parsed has
    /// the name of the file, and is not in `actions`.
    pub refused: BTreeMap<String, Vec<Problem>>,
    /// The problems of rules that are left out, by the name of the rule, or of its file if that cannot be parsed.
    pub refused_rules: BTreeMap<String, Vec<Problem>>,
    /// Remarks for the author and the operator.
    pub notes: Vec<String>,
}

/// Reads the pack in `source`.
///
/// # Errors
/// All problems of all files at once, if one of them concerns more than a single action or rule.
pub fn read_pack(source: &dyn Source) -> Result<PackContents, Vec<Problem>> {
    let text = source.read("pack.yaml", LARGEST_METADATA).map_err(|error| {
        let instead = misplaced::in_place_of_pack(source).unwrap_or_default();
        vec![about("pack.yaml", format!("the file cannot be read ({error}); every pack needs one{instead}"))]
    })?;
    let definition = read_pack_definition("pack.yaml", &text);
    let PackDefinition { pack, components, notes } = definition.map_err(|problems| {
        // The other files are read even so, to report all problems at once.
        let reference = probable_reference(&text);
        let mut reading = Reading::of(source, &reference);
        problems.into_iter().for_each(|problem| reading.note(problem));
        reading.actions(&[]);
        reading.each("triggers", read_trigger_type);
        reading.rules();
        reading.config_schema();
        reading.told()
    })?;
    let mut reading = Reading::of(source, &pack.reference);
    reading.notes.extend(notes);
    let mut actions = reading.actions(&components);
    // A pack may say it for all of its actions.
    let is_cold = pack.other.get("cold").and_then(serde_json::Value::as_bool) == Some(true);
    actions.iter_mut().for_each(|(_, action)| action.cold |= is_cold);
    let trigger_types = reading.each("triggers", read_trigger_type);
    let rules = reading.rules();
    let policies = reading.policies();
    reading
        .refuse_twins("trigger type", trigger_types.iter().map(|(file, kind)| (file, kind.reference.name())));
    let config_schema = reading.config_schema();
    for (file, action) in &actions {
        reading.types_of(file, &[("output_schema", &action.output_schema)]);
    }
    for (file, kind) in &trigger_types {
        let schemas =
            [("payload_schema", &kind.payload_schema), ("parameters_schema", &kind.parameters_schema)];
        reading.types_of(file, &schemas);
    }
    let (sensors, of_sensors) = reading.sensors(&trigger_types);
    reading.passed_over();
    let advice = actions.iter().flat_map(|(file, action)| advice::on_action(file, action, source));
    reading.notes.extend(advice);
    let all = actions.iter().map(|(_, action)| action);
    let of_all = advice::on_actions(all, source, config_schema.as_ref());
    reading.notes.extend(of_all);
    if !reading.problems.is_empty() {
        return Err(reading.told());
    }
    Ok(PackContents {
        actions: actions.into_iter().map(|(_, action)| action).collect(),
        trigger_types: trigger_types.into_iter().map(|(_, kind)| kind).chain(of_sensors).collect(),
        sensors,
        sensors_left_out: reading.sensors_left_out,
        rules,
        policies,
        components,
        refused: reading.refused,
        refused_rules: reading.refused_rules,
        notes: reading.notes,
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
    refused: BTreeMap<String, Vec<Problem>>,
    refused_rules: BTreeMap<String, Vec<Problem>>,
    sensors_left_out: BTreeSet<String>,
    notes: Vec<String>,
    /// Number of problems that may still be reported.
    left: usize,
    /// Number of problems that are not reported.
    more: usize,
    /// Bytes of metadata that may still be read.
    room: u64,
    /// The files in directories that were looked through for files that actions name and that are not there.
    listed: BTreeMap<String, Vec<String>>,
}

impl<'a> Reading<'a> {
    fn of(source: &'a dyn Source, pack: &'a str) -> Self {
        Self {
            source,
            pack,
            problems: Vec::new(),
            refused: BTreeMap::new(),
            refused_rules: BTreeMap::new(),
            sensors_left_out: BTreeSet::new(),
            notes: Vec::new(),
            left: MOST_PROBLEMS_OF_PACK,
            more: 0,
            room: LARGEST_PACK,
            listed: BTreeMap::new(),
        }
    }

    /// Records a problem that keeps the pack from being registered.
    fn note(&mut self, problem: Problem) {
        if self.is_told() {
            self.problems.push(problem);
        }
    }

    /// Records a problem that keeps the action `name` from running.
    fn refuse(&mut self, name: &str, problem: Problem) {
        // The first problem of each action is always reported, since it says why the action cannot run.
        let is_first = !self.refused.contains_key(name);
        if self.is_told() || is_first {
            self.refused.entry(name.to_owned()).or_default().push(problem);
        }
    }

    /// Records a problem that leaves the rule `name` out.
    fn refuse_rule(&mut self, name: &str, problem: Problem) {
        let is_first = !self.refused_rules.contains_key(name);
        if self.is_told() || is_first {
            self.refused_rules.entry(name.to_owned()).or_default().push(problem);
        }
    }

    /// Whether one more problem is reported.
    fn is_told(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.more += 1,
        }
        self.more == 0
    }

    /// All problems found.
    fn told(mut self) -> Vec<Problem> {
        // In the order in which the files are read: `pack.yaml`, actions, other files, rules.
        let of_pack = |problem: &Problem| problem.file == "pack.yaml";
        let (mut told, others): (Vec<_>, Vec<_>) = self.problems.into_iter().partition(of_pack);
        told.extend(std::mem::take(&mut self.refused).into_values().flatten());
        told.extend(others);
        told.extend(std::mem::take(&mut self.refused_rules).into_values().flatten());
        if self.more > 0 {
            let message =
                format!("and {} in this pack; correct these first", counted(self.more, "more problem"));
            told.push(about("pack.yaml", message));
        }
        told
    }

    /// The YAML files directly in a directory.
    fn files(&mut self, folder: &str) -> Vec<String> {
        let is_metadata = |name: &String| {
            let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
            // Old packs have their configuration in `actions/config.yaml`. Hidden files belong to editors.
            stem.is_some_and(|stem| (folder != "actions" || stem != "config") && !stem.starts_with('.'))
        };
        let folders = self.source.folders(folder).unwrap_or_default();
        let stray = folders.into_iter().filter(is_metadata);
        self.notes.extend(stray.map(|name| {
            format!(
                "{folder}/{name} is a directory, so it is not read; put a file in its place, or remove it"
            )
        }));
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

    /// Notes files that are not supported yet, and directories that are never read.
    fn passed_over(&mut self) {
        self.notes.extend(misplaced::notes(self.source));
        for folder in later::FOLDERS {
            for file in self.files(folder) {
                self.notes.push(format!("{file} is ignored: {folder} are not supported yet"));
                // A file that cannot be read is not needed either.
                let text = self.text(&file).unwrap_or_default();
                self.notes.extend(later::strays(folder, &file, &text));
            }
        }
    }

    /// Reads a metadata file.
    ///
    /// # Errors
    /// The reason. Empty if it concerns the whole pack and has been reported.
    fn text(&mut self, file: &str) -> Result<String, Vec<Problem>> {
        let text = self
            .source
            .read(file, LARGEST_METADATA)
            .map_err(|error| vec![about(file, format!("the file cannot be read ({error}); check it"))])?;
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            let limit = LARGEST_PACK >> 20;
            let message =
                format!("with this file the pack has more than {limit} MiB of metadata; split it into two");
            self.note(about(file, message));
            // It is a problem of the pack, and noted as such.
            return Err(Vec::new());
        };
        self.room = room;
        Ok(text)
    }

    /// Parses one file with `read`.
    fn one<T>(
        &mut self,
        file: &str,
        read: impl Fn(&str, &str, &str) -> Result<T, Vec<Problem>>,
    ) -> Result<T, Vec<Problem>> {
        let text = self.text(file)?;
        read(file, &text, self.pack)
    }

    /// The schema of the pack's configuration, if it has one.
    fn config_schema(&mut self) -> Option<Parameters> {
        const FILE: &str = "config.schema.yaml";
        // Only a missing file means that there is no schema. One that cannot be read is a problem.
        if self.source.length(FILE).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return None;
        }
        match self.one(FILE, |file, text, _| read_config_schema(file, text)) {
            Ok(schema) => Some(self.settled(FILE, schema)),
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.note(problem));
                None
            }
        }
    }

    /// Expands references in schemas, and notes those that cannot be followed.
    fn settled(&mut self, file: &str, schemas: Parameters) -> Parameters {
        let strays = strays(&schemas);
        let (schemas, notes) = written_out(schemas);
        self.notes.extend(strays.into_iter().chain(notes).map(|note| format!("{file}: {note}")));
        schemas
    }

    /// Notes unknown types in schemas of a file, each with its field.
    fn types_of(&mut self, file: &str, schemas: &[(&str, &Object)]) {
        let found = schemas.iter().flat_map(|(what, schema)| odd_types(schema, what));
        self.notes.extend(found.map(|note| format!("{file}: {note}")));
    }

    /// Parses the files of a directory. Any problem concerns the pack.
    fn each<T>(
        &mut self,
        folder: &str,
        read: impl Fn(&str, &str, &str) -> Result<T, Vec<Problem>>,
    ) -> Vec<(String, T)> {
        let mut read_files = Vec::new();
        for file in self.files(folder) {
            match self.one(&file, &read) {
                Ok(definition) => read_files.push((file, definition)),
                Err(problems) => problems.into_iter().for_each(|problem| self.note(problem)),
            }
        }
        read_files
    }

    /// The rules of the pack, each name once.
    fn rules(&mut self) -> Vec<RuleDefinition> {
        let mut rules: Vec<RuleDefinition> = Vec::new();
        let mut known = BTreeMap::new();
        for file in self.files("rules") {
            match self.one(&file, |file, text, pack| read_rule(file, text, Some(pack))) {
                Ok(rule) => {
                    if let Some(other) = known.insert(rule.name.clone(), file.clone()) {
                        let message = format!("rule {} is in {other} too; rename one", short(&rule.name));
                        // The first rule with the name counts, so the one that is left out is reported under its file.
                        self.refuse_rule(stem(&file), about(&file, message));
                        continue;
                    }
                    self.notes.extend(rule.notes.iter().map(Problem::to_string));
                    rules.push(rule);
                }
                Err(problems) => {
                    problems.into_iter().for_each(|problem| self.refuse_rule(stem(&file), problem));
                }
            }
        }
        rules
    }

    /// The policies of the pack, each name once. Those with problems are left out.
    fn policies(&mut self) -> Vec<PolicyDefinition> {
        let mut policies: Vec<PolicyDefinition> = Vec::new();
        for file in self.files("policies") {
            match self.one(&file, |file, text, pack| read_policy(file, text, Some(pack))) {
                Ok(policy) if policies.iter().any(|other| other.reference == policy.reference) => {
                    let name = short(policy.reference.name());
                    let note = format!(
                        "{file}: the policy {name} is in another file too, so this one is left out; rename one"
                    );
                    self.notes.push(note);
                }
                Ok(policy) => policies.push(policy),
                Err(problems) => {
                    let left_out = |problem: Problem| format!("{problem}; the policy is left out");
                    self.notes.extend(problems.into_iter().map(left_out));
                }
            }
        }
        policies
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

/// The name of a file without its directory and extension.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

#[cfg(test)]
mod tests;

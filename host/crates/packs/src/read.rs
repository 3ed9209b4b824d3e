//! Reading a whole pack: every file, and what only shows when they are seen together.
//!
//! What is wrong with one action keeps that action from running, and nothing else ([`PackContents::refused`]); what is wrong
//! with one rule leaves that rule out; anything else that is wrong keeps the pack from being registered. [`actions`] has what is looked for in actions.

mod actions;

use std::collections::BTreeMap;
use std::io::ErrorKind;

use petrel_model::parameters::Parameters;
use petrel_model::{Action, Pack, TriggerType};

use crate::advice;
use crate::definition::{
    Component, PackDefinition, RuleDefinition, probable_reference, read_config_schema, read_pack_definition,
    read_rule, read_trigger_type,
};
use crate::limits::{LARGEST_METADATA, LARGEST_PACK, MOST_PROBLEMS_OF_PACK};
use crate::problem::{Problem, short};
use crate::references::written_out;
use crate::schema::strays;
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
    /// What is wrong with actions that will not run for it, by the names of these. One whose file cannot be read at all
    /// goes by the name of the file, and is not among `actions`.
    pub refused: BTreeMap<String, Vec<Problem>>,
    /// What is wrong with rules that are left out for it, by the names of these, or of the files of such as cannot be read.
    pub refused_rules: BTreeMap<String, Vec<Problem>>,
    /// What was passed over, and what to think about.
    pub notes: Vec<String>,
}

/// Folders that are not read yet.
const LATER: &[&str] = &["sensors", "aliases", "policies"];

/// Reads the pack in `source`.
///
/// # Errors
/// Every problem of every file at once, when one of them is not of a single action.
pub fn read_pack(source: &dyn Source) -> Result<PackContents, Vec<Problem>> {
    let text = source.read("pack.yaml", LARGEST_METADATA).map_err(|error| {
        vec![about("pack.yaml", format!("the file cannot be read ({error}); every pack needs one"))]
    })?;
    let definition = read_pack_definition("pack.yaml", &text);
    let PackDefinition { pack, components } = definition.map_err(|problems| {
        // The other files are looked at all the same, so that everything is said at once.
        let reference = probable_reference(&text);
        let mut reading = Reading::of(source, &reference);
        problems.into_iter().for_each(|problem| reading.note(problem));
        reading.actions(&[]);
        reading.each("triggers", read_trigger_type);
        reading.rules();
        reading.told()
    })?;
    let mut reading = Reading::of(source, &pack.reference);
    let actions = reading.actions(&components);
    let trigger_types = reading.each("triggers", read_trigger_type);
    let rules = reading.rules();
    reading
        .refuse_twins("trigger type", trigger_types.iter().map(|(file, kind)| (file, kind.reference.name())));
    let config_schema = reading.config_schema();
    reading.passed_over();
    let advice = actions.iter().flat_map(|(file, action)| advice::on_action(file, action, source));
    reading.notes.extend(advice);
    let of_all = advice::on_actions(actions.iter().map(|(_, action)| action), source);
    reading.notes.extend(of_all);
    if !reading.problems.is_empty() {
        return Err(reading.told());
    }
    Ok(PackContents {
        actions: actions.into_iter().map(|(_, action)| action).collect(),
        trigger_types: trigger_types.into_iter().map(|(_, kind)| kind).collect(),
        rules,
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
    notes: Vec<String>,
    /// How many problems may still be told.
    left: usize,
    /// Problems that are not told.
    more: usize,
    /// How many bytes of metadata may still be read.
    room: u64,
}

impl<'a> Reading<'a> {
    fn of(source: &'a dyn Source, pack: &'a str) -> Self {
        Self {
            source,
            pack,
            problems: Vec::new(),
            refused: BTreeMap::new(),
            refused_rules: BTreeMap::new(),
            notes: Vec::new(),
            left: MOST_PROBLEMS_OF_PACK,
            more: 0,
            room: LARGEST_PACK,
        }
    }

    /// Takes down what keeps the pack from being registered.
    fn note(&mut self, problem: Problem) {
        if self.is_told() {
            self.problems.push(problem);
        }
    }

    /// Takes down what keeps the action `name` from running.
    fn refuse(&mut self, name: &str, problem: Problem) {
        // The first is told of each, however many there are.
        let is_first = !self.refused.contains_key(name);
        if self.is_told() || is_first {
            self.refused.entry(name.to_owned()).or_default().push(problem);
        }
    }

    /// Takes down what leaves the rule `name` out.
    fn refuse_rule(&mut self, name: &str, problem: Problem) {
        let is_first = !self.refused_rules.contains_key(name);
        if self.is_told() || is_first {
            self.refused_rules.entry(name.to_owned()).or_default().push(problem);
        }
    }

    /// Whether one more problem is told.
    fn is_told(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.more += 1,
        }
        self.more == 0
    }

    /// What was found, all of it.
    fn told(mut self) -> Vec<Problem> {
        // As the files are read: of `pack.yaml`, of actions, of the others, of rules.
        let of_pack = |problem: &Problem| problem.file == "pack.yaml";
        let (mut told, others): (Vec<_>, Vec<_>) = self.problems.into_iter().partition(of_pack);
        told.extend(std::mem::take(&mut self.refused).into_values().flatten());
        told.extend(others);
        told.extend(std::mem::take(&mut self.refused_rules).into_values().flatten());
        if self.more > 0 {
            let message = format!("and {} more problems in this pack; correct these first", self.more);
            told.push(about("pack.yaml", message));
        }
        told
    }

    /// The YAML files directly in a folder.
    fn files(&mut self, folder: &str) -> Vec<String> {
        let is_metadata = |name: &String| {
            let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
            // Old packs keep their configuration here. What is hidden is an editor's.
            stem.is_some_and(|stem| (folder != "actions" || stem != "config") && !stem.starts_with('.'))
        };
        let folders = self.source.folders(folder).unwrap_or_default();
        let stray = folders.into_iter().filter(is_metadata);
        self.notes.extend(stray.map(|name| {
            format!("{folder}/{name} is a directory, so nothing is read of it; put a file in its place, or remove it")
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

    /// Notes what is there and not read yet.
    fn passed_over(&mut self) {
        for folder in LATER {
            let files = self.files(folder).into_iter();
            self.notes.extend(files.map(|file| format!("{file} is passed over: {folder} are not read yet")));
        }
    }

    /// The text of a file of metadata.
    ///
    /// # Errors
    /// Why it cannot be read; nothing when that is said already, of the pack as such.
    fn text(&mut self, file: &str) -> Result<String, Vec<Problem>> {
        let text = self
            .source
            .read(file, LARGEST_METADATA)
            .map_err(|error| vec![about(file, format!("the file cannot be read ({error}); check it"))])?;
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            let limit = LARGEST_PACK >> 20;
            let message =
                format!("with this file the pack has more than {limit} MiB of metadata; make two of it");
            self.note(about(file, message));
            return Err(Vec::new());
        };
        self.room = room;
        Ok(text)
    }

    /// What `read` makes of the text of a file.
    fn one<T>(
        &mut self,
        file: &str,
        read: impl Fn(&str, &str, &str) -> Result<T, Vec<Problem>>,
    ) -> Result<T, Vec<Problem>> {
        let text = self.text(file)?;
        read(file, &text, self.pack)
    }

    /// What the configuration of the pack may hold, if it says so.
    fn config_schema(&mut self) -> Option<Parameters> {
        const FILE: &str = "config.schema.yaml";
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

    /// Schemas with what they refer to written out; notes what there is to say about them.
    fn settled(&mut self, file: &str, schemas: Parameters) -> Parameters {
        let strays = strays(&schemas);
        let (schemas, notes) = written_out(schemas);
        self.notes.extend(strays.into_iter().chain(notes).map(|note| format!("{file}: {note}")));
        schemas
    }

    /// What the files of a folder say; any problem is one of the pack.
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
                        // The first one counts, so what is left out goes by its file.
                        self.refuse_rule(stem(&file), about(&file, message));
                        continue;
                    }
                    self.notes.extend(rule.notes.iter().map(|note| format!("{file}: {note}")));
                    rules.push(rule);
                }
                Err(problems) => {
                    problems.into_iter().for_each(|problem| self.refuse_rule(stem(&file), problem));
                }
            }
        }
        rules
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

/// The name of a file without its folder and its ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

#[cfg(test)]
mod tests;

//! The card of a pack: what is in it, as its first layer says it, so that a few kilobytes answer what a pack is. It is made
//! from the files of the pack, and never believed where those are at hand.

use std::path::Path;

use petrel_model::names::check_pack;
use petrel_model::quoted::is_steering;
use petrel_model::{Action, Sensor};
use petrel_packs::{Component, Directory, PackContents, Source as _, read_pack};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Kind};

/// Runners that start no process on the machine of the host. Any other counts as one that does.
const WITHOUT_PROCESS: [&str; 7] =
    ["wasm-component", "orquesta", "action-chain", "http-request", "inquirer", "noop", "announcement"];
/// The problems of a pack that a message has.
const MOST_PROBLEMS: usize = 10;
/// The longest version of a pack, in bytes.
const LONGEST_VERSION: usize = 255;

/// What is in a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The version of this form.
    pub schema: u32,
    /// The ref of the pack.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The version of the pack.
    pub version: String,
    /// One line on what the pack is for.
    #[serde(default)]
    pub description: String,
    /// Its author.
    #[serde(default)]
    pub author: String,
    /// Its `pack.yaml`.
    #[serde(default)]
    pub pack: Value,
    /// Its actions.
    #[serde(default)]
    pub actions: Vec<Entry>,
    /// Its sensors.
    #[serde(default)]
    pub sensors: Vec<Entry>,
    /// The names of its rules.
    #[serde(default)]
    pub rules: Vec<String>,
}

/// An action or a sensor in a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The name, without the pack.
    pub name: String,
    /// The runner of an action, or the file of a sensor.
    pub by: String,
    /// One line on what it is for.
    #[serde(default)]
    pub description: String,
    /// Whether it runs as a process of the host's machine.
    #[serde(default)]
    pub native: bool,
}

impl Card {
    /// The card of the pack in a directory, and its components.
    ///
    /// # Errors
    /// When the pack could not be registered. All problems are named.
    pub fn of(directory: &Path) -> Result<(Self, Vec<Component>), Error> {
        let source = Directory::open(directory).map_err(|error| Error::of_file("read", directory, &error))?;
        let contents = read_pack(&source).map_err(|problems| {
            let lines: Vec<_> = problems.iter().take(MOST_PROBLEMS).map(ToString::to_string).collect();
            let message =
                format!("the pack in {} is not valid:\n  {}", directory.display(), lines.join("\n  "));
            Error::refused(message, "`petrel pack check DIRECTORY` names every problem of a pack")
        })?;
        let text = source.read("pack.yaml", petrel_packs::limits::LARGEST_METADATA);
        let text = text.map_err(|error| Error::of_file("read", &directory.join("pack.yaml"), &error))?;
        let document = petrel_yaml::parse_node(&text).map(|node| node.to_json()).unwrap_or_default();
        Ok(Self::made(contents, document))
    }

    fn made(contents: PackContents, document: Value) -> (Self, Vec<Component>) {
        let PackContents { pack, components, actions, sensors, rules, .. } = contents;
        let mut actions: Vec<_> = actions.iter().map(Entry::of_action).collect();
        let mut sensors: Vec<_> = sensors.iter().map(Entry::of_sensor).collect();
        let mut rules: Vec<_> = rules.iter().map(|rule| rule.name.clone()).collect();
        actions.sort_by(|a, b| a.name.cmp(&b.name));
        sensors.sort_by(|a, b| a.name.cmp(&b.name));
        rules.sort();
        let card = Self {
            schema: 1,
            reference: pack.reference,
            version: pack.version,
            description: pack.description,
            author: pack.author,
            pack: document,
            actions,
            sensors,
            rules,
        };
        (card, components)
    }

    /// Parses the first layer of an artifact.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let card: Self = serde_json::from_slice(bytes).map_err(|error| {
            let message =
                format!("the first layer of the artifact does not say what is in the pack: {error}");
            Error::refused(message, "a newer petrel may have made it: update this one")
        })?;
        // They are told before anything is known of whoever made it.
        let is_plain = card.version.len() <= LONGEST_VERSION && !card.version.contains(is_steering);
        if is_plain && check_pack(&card.reference).is_ok() {
            return Ok(card);
        }
        let message = "the first layer of the artifact has no name or no version that a pack can have";
        Err(Error::refused(message, "do not use it: it was not made by `petrel pack push`"))
    }

    /// The actions and sensors that run as processes of the host's machine.
    pub fn native(&self) -> impl Iterator<Item = &Entry> {
        self.actions.iter().chain(&self.sensors).filter(|entry| entry.native)
    }

    /// Refuses the files of another pack, or of another version, than this card says.
    ///
    /// # Errors
    /// When `found` is not what this card says.
    pub fn must_be(&self, found: &Self) -> Result<(), Error> {
        let is_same = self.reference == found.reference && self.version == found.version;
        if is_same {
            return Ok(());
        }
        let message = format!(
            "the artifact says that it is {} {}, and its files are {} {}",
            self.reference, self.version, found.reference, found.version
        );
        Err(Error::new(Kind::Refused, message, "do not use it: it was not made by `petrel pack push`"))
    }
}

impl Entry {
    fn of_action(action: &Action) -> Self {
        Self {
            name: action.reference.name().to_owned(),
            by: action.runner_type.clone(),
            description: action.description.clone(),
            native: !WITHOUT_PROCESS.contains(&action.runner_type.as_str()),
        }
    }

    fn of_sensor(sensor: &Sensor) -> Self {
        Self {
            name: sensor.reference.name().to_owned(),
            by: sensor.entry_point.clone(),
            description: sensor.description.clone(),
            native: !is_component(&sensor.entry_point),
        }
    }
}

/// Whether a file is a component, by its name.
fn is_component(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_is_in_a_pack_and_what_runs_as_a_process() {
        let place = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "pack.yaml",
                "ref: mine\nname: mine\ndescription: Mine.\nversion: 1.2.0\nauthor: me\nlicense: MIT\n",
            ),
            ("actions/b.yaml", "name: b\nrunner_type: local-shell-cmd\ndescription: B.\n"),
            ("actions/a.yaml", "name: a\nrunner_type: noop\n"),
        ] {
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let (card, components) = Card::of(place.path()).unwrap();
        assert_eq!((card.reference.as_str(), card.version.as_str(), components.len()), ("mine", "1.2.0", 0));
        assert_eq!(card.pack["license"], "MIT");
        let actions: Vec<_> =
            card.actions.iter().map(|action| (action.name.as_str(), action.native)).collect();
        assert_eq!(actions, [("a", false), ("b", true)]);
        assert_eq!(card.native().count(), 1);
        assert_eq!(Card::read(&serde_json::to_vec(&card).unwrap()).unwrap(), card);
        let other = Card { version: "1.3.0".into(), ..card.clone() };
        for odd in [
            Card { version: "1.0\nsignature: verified".into(), ..card.clone() },
            Card { version: "\u{202e}0.1".into(), ..card.clone() },
            Card { version: "1".repeat(256), ..card.clone() },
            Card { reference: "mine\u{1b}[2J".into(), ..card.clone() },
        ] {
            let refused = Card::read(&serde_json::to_vec(&odd).unwrap()).unwrap_err();
            assert!(refused.message.contains("no name or no version"), "{refused}");
        }
        assert!(
            card.must_be(&other).unwrap_err().message.contains("mine 1.2.0, and its files are mine 1.3.0")
        );
        std::fs::write(place.path().join("pack.yaml"), "ref: mine\n").unwrap();
        let refused = Card::of(place.path()).unwrap_err();
        assert!(refused.message.contains("pack.yaml") && refused.kind == Kind::Refused, "{refused}");
    }
}

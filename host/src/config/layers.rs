//! The sources of values, the strongest first: flags, variables, the file, and the defaults of the table.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use petrel_api::guard::Guard;
use petrel_model::nearest::nearest;
use petrel_registry::{RegistrySettings, trust};
use petrel_runners::process::{EXECUTION_VARIABLE, PROOF_VARIABLE};

use super::file::File;
use super::table::{Row, TABLE};
use super::value::{Raw, Value};

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The table of defaults.
    Default,
    /// The file, with a line number.
    File(PathBuf, usize),
    /// A variable.
    Variable(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// All sources.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// Flags: values by the full name of the setting.
    pub(super) flags: BTreeMap<&'static str, Raw>,
    /// Variables: values by the full name of the setting.
    pub(super) variables: BTreeMap<&'static str, Raw>,
    /// The file.
    pub(super) file: File,
}

/// All settings, in the order of the table.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().flat_map(|section| section.rows)
}

/// The values in the environment.
pub(super) fn from_environment() -> BTreeMap<&'static str, Raw> {
    let said = rows().filter_map(|row| Some((row.key, Raw::Written(std::env::var(row.variable).ok()?))));
    said.collect()
}

/// The variables that are read besides those of settings: the URL of the host, credentials, the file to read, and the
/// marks of an execution's processes.
const BESIDE: [&str; 6] =
    ["PETREL_CONFIG", "PETREL_URL", "PETREL_TOKEN", "PETREL_API_KEY", EXECUTION_VARIABLE, PROOF_VARIABLE];

/// The variables among `names` that look like ours and that nobody reads, each with the one that it is near to.
pub(super) fn strangers(
    names: impl IntoIterator<Item = String>,
) -> impl Iterator<Item = (String, Option<&'static str>)> {
    let known = || rows().map(|row| row.variable).chain(BESIDE);
    let is_stranger = move |name: &String| name.starts_with("PETREL_") && !known().any(|known| known == name);
    names.into_iter().filter(is_stranger).map(move |name| {
        let near = nearest(&name, known());
        (name, near)
    })
}

impl Layers {
    /// The value in force, with its source.
    pub(super) fn find(&self, row: &Row) -> (Raw, Origin) {
        if let Some(raw) = self.flags.get(row.key) {
            return (raw.clone(), Origin::Flag(row.flag));
        }
        if let Some(raw) = self.variables.get(row.key) {
            return (raw.clone(), Origin::Variable(row.variable));
        }
        if let Some((raw, line)) = self.file.values.get(row.key) {
            return (raw.clone(), Origin::File(self.file.path.clone(), *line));
        }
        (Raw::Written(row.default.to_owned()), Origin::Default)
    }

    /// Whether any source sets `key`.
    pub(super) fn gives(&self, key: &str) -> bool {
        rows().any(|row| row.key == key && self.find(row).1 != Origin::Default)
    }

    /// The settings of single webhooks, which only the file has.
    pub(super) fn guards(&self) -> Vec<Guard> {
        self.file.guards.iter().map(|(guard, _line)| guard.clone()).collect()
    }

    /// The settings of single registries, which only the file has.
    pub(super) fn registries(&self) -> Vec<RegistrySettings> {
        self.file.registries.iter().map(|(registry, _line)| registry.clone()).collect()
    }

    /// The trust in packs of some repositories, which only the file has.
    pub(super) fn trust(&self) -> Vec<trust::Rule> {
        self.file.trust.iter().map(|(rule, _line)| rule.clone()).collect()
    }

    /// Parses the value of `key`. A problem goes to `problems`.
    pub(super) fn take<T: Value>(&self, key: &str, problems: &mut Vec<String>) -> Option<T> {
        let row = rows().find(|row| row.key == key)?;
        let (raw, origin) = self.find(row);
        let value = T::read(&raw);
        if value.is_none() {
            problems.push(format!("{origin}: {key} is {}, and must be {}", raw.as_toml(), row.expected));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_nobody_reads_is_known_with_the_near_one() {
        let names = [
            "PETREL_LISTEN2",
            "PETREL_LISTEN",
            "PETREL_URL",
            "PETREL_COLOUR_OF_THE_2ND_CAT",
            "PATH",
            "petrel_log",
        ];
        let found: Vec<_> = strangers(names.map(str::to_owned)).collect();
        let expected = [
            ("PETREL_LISTEN2".to_owned(), Some("PETREL_LISTEN")),
            ("PETREL_COLOUR_OF_THE_2ND_CAT".to_owned(), None),
        ];
        assert_eq!(found, expected);
    }
}

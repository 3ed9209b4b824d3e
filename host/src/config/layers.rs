//! Where values come from, the strongest first: flags, variables, the file, the defaults of the table.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use petrel_model::nearest::nearest;
use petrel_runners::process::{EXECUTION_VARIABLE, PROOF_VARIABLE};

use super::file::File;
use super::table::{Row, TABLE};
use super::value::{Raw, Value};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nowhere.
    Default,
    /// In a line of the file.
    File(PathBuf, usize),
    /// In this variable.
    Variable(&'static str),
    /// By this flag.
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

/// All that was given.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// By flags: full name to value.
    pub(super) flags: BTreeMap<&'static str, Raw>,
    /// By variables: full name to value.
    pub(super) variables: BTreeMap<&'static str, Raw>,
    /// In the file.
    pub(super) file: File,
}

/// All settings, in order.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().flat_map(|section| section.rows)
}

/// What the environment says.
pub(super) fn from_environment() -> BTreeMap<&'static str, Raw> {
    let said = rows().filter_map(|row| Some((row.key, Raw::Written(std::env::var(row.variable).ok()?))));
    said.collect()
}

/// The variables that are read beside those of settings: where the host is, what to sign in with, which file to read, and
/// what processes of executions are known by.
const BESIDE: [&str; 6] =
    ["PETREL_CONFIG", "PETREL_URL", "PETREL_TOKEN", "PETREL_API_KEY", EXECUTION_VARIABLE, PROOF_VARIABLE];

/// Of `names`, those of variables that look like ours and that nobody reads, each with the one that it is near to.
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
    /// The value that counts, and where it comes from.
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

    /// Whether anybody has said what the setting `key` is to be.
    pub(super) fn gives(&self, key: &str) -> bool {
        rows().any(|row| row.key == key && self.find(row).1 != Origin::Default)
    }

    /// The value of the setting `key`; what is wrong with it goes to `problems`.
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

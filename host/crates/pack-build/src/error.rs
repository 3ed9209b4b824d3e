//! The reasons why a pack cannot be made or built, each with its remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::language::Language;
use crate::places::SOURCES;

/// A reason why a pack cannot be made or built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of a new pack is no name.
    #[error("`{name}` cannot be the name of a pack: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The reason, as a clause that begins with "it".
        reason: String,
    },
    /// There is something where a new pack is to be.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// There are no sources.
    #[error("there is nothing to build in {}", .0.display())]
    NoSources(PathBuf),
    /// There are sources of two languages.
    #[error("{} has sources in {} and in {}, and a component is written in one language", .0.display(), .1.title(), .2.title())]
    Mixed(PathBuf, Language, Language),
    /// A tool is not installed.
    #[error("{tool} is not installed, which builds packs in {}", .language.title())]
    NoTool {
        /// The tool.
        tool: &'static str,
        /// The language.
        language: Language,
        /// The command that installs it.
        command: String,
    },
    /// A tool has failed. It has told why.
    #[error("{tool} has failed, {how}")]
    Failed {
        /// The tool.
        tool: String,
        /// How it ended.
        how: String,
    },
    /// What a tool has built is not what it should be.
    #[error("what {} has built is no component for this host: {reason}", .language.title())]
    NotAdapted {
        /// The language.
        language: Language,
        /// The reason.
        reason: String,
    },
    /// A file or a directory cannot be read or written.
    #[error("{} cannot be {verb}: {source}", .path.display())]
    File {
        /// What was to be done with it: `read` or `written`.
        verb: &'static str,
        /// The file or the directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Name { .. } => "use lower-case letters, digits and _, with a letter first".to_owned(),
            Self::Exists(_) => "choose another name, or remove it".to_owned(),
            Self::NoSources(_) => {
                let known: Vec<_> = Language::ALL.iter().map(|one| one.marker()).collect();
                format!(
                    "a pack's directory `{}` holds one of {}; `petrel pack new --lang python NAME` makes a pack that can be built",
                    SOURCES,
                    known.join(", ")
                )
            }
            Self::Mixed(..) => "make two packs, or remove the file that is not needed".to_owned(),
            Self::NoTool { command, .. } => format!("install it: {command}"),
            Self::Failed { .. } => "correct what it has told, and build again".to_owned(),
            Self::NotAdapted { .. } => {
                "the library of the language exports all that is needed; see its page in pack-sdk".to_owned()
            }
            Self::File { .. } => "make it readable and writable, and try again".to_owned(),
        }
    }

    /// Something that cannot be done with a file.
    pub(crate) fn of_file(verb: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { verb, path: path.to_owned(), source }
    }
}

//! The languages in which packs are written.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// A language in which the component of a pack is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, by cargo.
    Rust,
    /// Python, by componentize-py.
    Python,
    /// JavaScript or TypeScript, by esbuild and componentize-qjs.
    JavaScript,
    /// Go, by its own compiler.
    Go,
    /// C, by zig or clang.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rust, Self::Python, Self::JavaScript, Self::Go, Self::C];

    /// The word for it on the command line, which is also its directory in `pack-sdk`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "js",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Go => "Go",
            Self::C => "C",
        }
    }

    /// The language that a word names.
    pub fn of_word(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "javascript" | "typescript" | "ts" => Some(Self::JavaScript),
            "py" => Some(Self::Python),
            "golang" => Some(Self::Go),
            "rs" => Some(Self::Rust),
            word => Self::ALL.into_iter().find(|language| language.word() == word),
        }
    }

    /// The file by which it is known.
    pub(crate) fn marker(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "actions.py",
            Self::JavaScript => "package.json",
            Self::Go => "go.mod",
            Self::C => "actions.c",
        }
    }

    /// The language of the sources in a directory.
    ///
    /// # Errors
    /// There are none, or those of two languages.
    pub fn of_sources(directory: &Path) -> Result<Self, Error> {
        let is_there = |language: &Self| {
            fs::metadata(directory.join(language.marker())).is_ok_and(|file| file.is_file())
        };
        let mut found = Self::ALL.into_iter().filter(is_there);
        match (found.next(), found.next()) {
            (None, _) => Err(Error::NoSources(directory.to_owned())),
            (Some(one), None) => Ok(one),
            (Some(one), Some(other)) => Err(Error::Mixed(directory.to_owned(), one, other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_one_file() {
        let place = tempfile::tempdir().unwrap();
        let told = Language::of_sources(place.path()).unwrap_err();
        assert!(matches!(told, Error::NoSources(_)) && told.hint().contains("actions.py"), "{told}");
        fs::write(place.path().join("go.mod"), "").unwrap();
        assert_eq!(Language::of_sources(place.path()).unwrap(), Language::Go);
        fs::write(place.path().join("actions.c"), "").unwrap();
        let told = Language::of_sources(place.path()).unwrap_err().to_string();
        assert!(told.contains("in Go and in C"), "{told}");
    }

    #[test]
    fn a_language_goes_by_several_words() {
        for (word, expected) in [
            ("rust", Some(Language::Rust)),
            ("TypeScript", Some(Language::JavaScript)),
            ("py", Some(Language::Python)),
            ("cobol", None),
        ] {
            assert_eq!(Language::of_word(word), expected);
        }
    }
}

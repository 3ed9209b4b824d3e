//! New packs, from templates: those of `pack-sdk/LANGUAGE/template`, with what all of them share in `pack-sdk/template`.
//!
//! A template is a whole pack of the name `greetings`, and that word is what a new pack's name takes the place of.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_model::names::check_pack;

use crate::error::Error;
use crate::language::Language;
use crate::library;

/// The name of the pack in the templates.
const NAME: &str = "greetings";

macro_rules! template {
    ($language:literal: $($path:literal),+ $(,)?) => {
        &[$((
            $path,
            include_str!(concat!("../../../../pack-sdk/", $language, "/template/", $path)),
        )),+]
    };
}

const SHARED: library::Files = &[
    ("pack.yaml", include_str!("../../../../pack-sdk/template/pack.yaml")),
    (".gitignore", include_str!("../../../../pack-sdk/template/gitignore")),
    ("tests/greet.yaml", include_str!("../../../../pack-sdk/template/tests/greet.yaml")),
];

const RUST: library::Files = template!("rust": "README.md", "component/Cargo.toml", "component/src/lib.rs");
const PYTHON: library::Files = template!("python": "README.md", "component/actions.py");
const JAVASCRIPT: library::Files = template!("js":
    "README.md", "component/actions.js", "component/package.json", "component/jsconfig.json");
const GO: library::Files = template!("go":
    "README.md", "component/go.mod", "component/main.go", "component/main_test.go");
const C: library::Files = template!("c": "README.md", "component/actions.c");

/// The files of a new pack with this name, by their paths in it.
pub fn files(language: Language, name: &str) -> Vec<(&'static str, String)> {
    let own = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::Go => GO,
        Language::C => C,
    };
    SHARED.iter().chain(own).map(|(path, text)| (*path, text.replace(NAME, name))).collect()
}

/// Makes a new pack in `directory`, which must not exist, or be empty. Its library is laid out, too, so that an editor finds
/// it at once. Gives the paths of the files that are the author's.
///
/// # Errors
/// The name is no name of a pack, or the directory has something in it, or cannot be written.
pub fn create(language: Language, name: &str, directory: &Path) -> Result<Vec<PathBuf>, Error> {
    check_name(name)?;
    let is_free = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(Error::Exists(directory.to_owned()));
    }
    let files = files(language, name);
    let paths = files.iter().map(|(path, _)| directory.join(path)).collect();
    library::write(directory, files)?;
    library::lay_out(directory, language)?;
    Ok(paths)
}

/// The name becomes that of a package in Rust, too, which begins with a letter.
fn check_name(name: &str) -> Result<(), Error> {
    match check_pack(name) {
        // As it is shown: shortened, and on one line.
        Err(invalid) => Err(Error::Name { name: invalid.name, reason: invalid.reason }),
        Ok(()) if name.starts_with(|first: char| first.is_ascii_lowercase()) => Ok(()),
        Ok(()) => {
            Err(Error::Name { name: name.to_owned(), reason: "it does not begin with a letter".to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places;

    #[test]
    fn a_new_pack_is_one_of_its_language() {
        let place = tempfile::tempdir().unwrap();
        for language in Language::ALL {
            let directory = place.path().join(language.word());
            let made = create(language, "mine", &directory).unwrap();
            assert!(made.iter().all(|file| file.is_file()), "{made:?}");
            assert_eq!(Language::of_sources(&places::sources(&directory)).unwrap(), language);
            for file in &made {
                let text = fs::read_to_string(file).unwrap();
                assert!(!text.contains(NAME), "{}", file.display());
            }
            let again = create(language, "mine", &directory).unwrap_err();
            assert!(matches!(again, Error::Exists(_)), "{again}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_that_of_a_pack_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let long = "x".repeat(100_000);
        for name in ["", "Mine", "my-pack", "2fast", "_mine", "a\nb", "\u{1b}[2J", "a\u{202e}", &long] {
            let told = create(Language::C, name, &place.path().join("new")).unwrap_err();
            assert!(matches!(told, Error::Name { .. }), "{name}: {told}");
            // What is typed or pasted does nothing to the terminal, and fits on it.
            let told = told.to_string();
            let is_plain = |sign: char| !petrel_model::quoted::is_steering(sign);
            assert!(told.len() < 400 && told.chars().all(is_plain), "{told}");
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    /// The examples are what `petrel pack new` makes, so that they show what it makes, with more lines for what an action can ask
    /// of the host. Their metadata is what their components say of themselves, which the tests of the whole host check.
    #[test]
    fn examples_are_new_packs_with_more() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
        for language in Language::ALL {
            let word = language.word();
            for (path, text) in files(language, &format!("hello_{word}")) {
                let file = examples.join(word).join(path);
                let found = fs::read_to_string(&file).unwrap_or_default();
                let mut lines = found.lines();
                // What a pack may do is its own.
                for line in text.lines().filter(|line| *line != "capabilities: {}") {
                    // The columns of a list are as wide as the name asks.
                    let is_there = lines.any(|found| found.split_whitespace().eq(line.split_whitespace()));
                    assert!(is_there, "{}: copy this from the template: {line}", file.display());
                }
            }
        }
    }
}

//! What sources are built against: the WIT and the libraries of the languages, as they were when this program was built. They
//! are laid out beside the sources, so that an editor finds them, and again before each build, so that they fit the host.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::language::Language;
use crate::places;

/// The directory of all that is laid out, in that for what is built.
const LAID_OUT: &str = "petrel";

/// A file of the repository in the binary, by its path below `prefix`.
macro_rules! files {
    ($prefix:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../", $prefix, $path)))),+]
    };
}

/// A path, and the text of the file.
pub(crate) type Files = &'static [(&'static str, &'static str)];

const WIT: Files = files!("wit/":
    "pack.wit", "sensors.wit", "deps/types/types.wit", "deps/log/log.wit", "deps/config/config.wit",
    "deps/trigger/trigger.wit",
);

const C: Files = files!("pack-sdk/c/": "petrel.h", "petrel.c");

const GO: Files =
    files!("pack-sdk/go/": "go.mod", "petrel.go", "schema.go", "log.go", "wire.go", "native.go");

const JAVASCRIPT: Files = files!("pack-sdk/js/": "petrel.js", "petrel.d.ts", "component.js", "build.mjs");

const PYTHON: Files = files!("pack-sdk/python/": "petrel.py", "petrel_schemas.py", "petrel_component.py");

const RUST: Files = files!("pack-sdk/rust/":
    "src/lib.rs", "src/action.rs", "src/component.rs", "src/component/bindings.rs", "src/component/http.rs",
    "src/component/sensors.rs", "src/component/wire.rs", "src/context.rs", "src/error.rs", "src/event.rs",
    "src/export.rs", "src/http.rs", "src/schema.rs", "src/sensor.rs", "src/services.rs", "src/testing.rs",
);

/// The manifest of the Rust SDK outside the repository, whose own takes much from the workspace.
const RUST_MANIFEST: &str = include_str!("../../../../pack-sdk/rust/standalone.toml");

/// Where the parts are that a build needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The directory with the package `petrel:pack`.
    pub wit: PathBuf,
    /// The directory with the library of the language.
    pub sdk: PathBuf,
    /// The directory for what is built.
    pub built: PathBuf,
}

/// Lays out what the sources of a pack in `language` are built against.
///
/// # Errors
/// A file cannot be written.
pub fn lay_out(pack: &Path, language: Language) -> Result<Library, Error> {
    let built = places::built(pack);
    let wit = built.join(LAID_OUT).join("wit");
    // The Rust SDK finds the WIT two levels above itself, as in the repository.
    let sdk = built.join(LAID_OUT).join("sdk").join(language.word());
    write(&wit, WIT)?;
    let files = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::Go => GO,
        Language::C => C,
    };
    write(&sdk, files)?;
    if language == Language::Rust {
        write(&sdk, &[("Cargo.toml", RUST_MANIFEST)])?;
    }
    Ok(Library { wit, sdk, built })
}

/// Writes the files that are not there, or are others. One that stays untouched is not built again.
pub(crate) fn write(directory: &Path, files: &[(&str, &str)]) -> Result<(), Error> {
    for (path, text) in files {
        let file = directory.join(path);
        if fs::read(&file).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        if let Some(above) = file.parent() {
            fs::create_dir_all(above).map_err(|error| Error::of_file("written", above, error))?;
        }
        fs::write(&file, text).map_err(|error| Error::of_file("written", &file, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
    }

    fn text(path: &str) -> String {
        fs::read_to_string(repository().join(path)).unwrap()
    }

    #[test]
    fn a_library_is_laid_out_once() {
        let place = tempfile::tempdir().unwrap();
        for language in Language::ALL {
            let library = lay_out(place.path(), language).unwrap();
            assert!(library.wit.join("deps/log/log.wit").is_file(), "{language:?}");
            let file = library.wit.join("pack.wit");
            let before = fs::metadata(&file).unwrap().modified().unwrap();
            lay_out(place.path(), language).unwrap();
            assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
        }
    }

    /// Every file of the WIT and of the Rust SDK is in the tables above.
    #[test]
    fn no_file_is_forgotten() {
        for (directory, files, end) in [("wit", WIT, "wit"), ("pack-sdk/rust/src", RUST, "rs")] {
            let mut open = vec![repository().join(directory)];
            while let Some(folder) = open.pop() {
                for entry in fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        open.push(path);
                        continue;
                    }
                    let is_source = path.extension().is_some_and(|found| found == end);
                    if !is_source || path.file_name().is_some_and(|name| name == "tests.rs") {
                        continue;
                    }
                    let is_known = files.iter().any(|(known, _)| path.ends_with(known));
                    assert!(is_known, "{} is missing in library.rs", path.display());
                }
            }
        }
    }

    /// The libraries name the WIT's version, and no other.
    #[test]
    fn libraries_are_of_the_version_of_the_wit() {
        let version = |text: &str| {
            let (_, rest) = text.split_once("package petrel:pack@").unwrap();
            rest.split_once(';').unwrap().0.to_owned()
        };
        let version = version(&text("wit/pack.wit"));
        assert!(text("pack-sdk/c/petrel.c").contains(&format!("#define VERSION \"{version}\"")));
        for file in ["pack-sdk/go/wire.go", "pack-sdk/js/petrel.js"] {
            let text = text(file);
            let named: Vec<_> = text.match_indices("petrel:").map(|(at, _)| &text[at..]).collect();
            let named: Vec<_> = named.iter().filter_map(|rest| rest.split_once('@')).collect();
            let named =
                named.iter().filter(|(name, _)| !name.contains(char::is_whitespace) && !name.contains('`'));
            let mut count = 0;
            for (name, rest) in named {
                assert!(rest.starts_with(&version), "{file}: {name} is not of the version {version}");
                count += 1;
            }
            assert!(count > 2, "{file}");
        }
    }

    /// The manifest of the SDK outside the repository asks for what the one in the repository asks for.
    #[test]
    fn the_standalone_manifest_is_that_of_the_repository() {
        let parse = |text: &str| text.parse::<toml::Table>().unwrap();
        let (workspace, own) = (parse(&text("Cargo.toml")), parse(&text("pack-sdk/rust/Cargo.toml")));
        let standalone = parse(RUST_MANIFEST);
        let shared = &workspace["workspace"]["dependencies"];
        let target = "cfg(target_family = \"wasm\")";
        for (own, standalone) in [
            (&own["dependencies"], &standalone["dependencies"]),
            (&own["target"][target]["dependencies"], &standalone["target"][target]["dependencies"]),
        ] {
            let (own, standalone) = (own.as_table().unwrap(), standalone.as_table().unwrap());
            assert_eq!(own.keys().collect::<Vec<_>>(), standalone.keys().collect::<Vec<_>>());
            for (name, asked) in standalone {
                assert_eq!(asked, &shared[name.as_str()], "{name}");
            }
        }
    }
}

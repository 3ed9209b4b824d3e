//! What sources are built against: the WIT and the libraries of the languages, as they were when this program was built. They
//! are laid out beside the sources, so that an editor finds them, and again before each build, so that they fit the host.

use std::fs::{self, File};
use std::io::{self, Write as _};
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
    "deps/kv/kv.wit", "deps/secrets/secrets.wit", "deps/trigger/trigger.wit", "deps/actions/actions.wit",
);

/// The part of WASI that requests need, with a world that has them. It stands beside the WIT where it is laid out: the tools of
/// some languages make bindings of both together.
const WASI: Files = files!("pack-sdk/wit/":
    "requests.wit", "deps/clocks/clocks.wit", "deps/http/http.wit", "deps/io/io.wit",
);

const C: Files =
    files!("pack-sdk/c/": "petrel.h", "petrel_wire.h", "petrel.c", "asked.c", "http.c", "json.c");

const GO: Files = files!("pack-sdk/go/":
    "go.mod", "petrel.go", "schema.go", "log.go", "kv.go", "secret.go", "event.go", "call.go", "http.go", "wire.go",
    "wire_asked.go", "wire_http.go", "native.go",
);

const JAVASCRIPT: Files = files!("pack-sdk/js/":
    "petrel.js", "petrel.d.ts", "errors.js", "kv.js", "secrets.js", "http.js", "utf8.js", "component.js", "build.mjs",
    "package.json",
);

const PYTHON: Files = files!("pack-sdk/python/":
    "petrel.py", "petrel_errors.py", "petrel_schemas.py", "petrel_services.py", "petrel_http.py", "petrel_wasi.py",
    "petrel_component.py",
);

const RUST: Files = files!("pack-sdk/rust/":
    "src/lib.rs", "src/action.rs", "src/called.rs", "src/component.rs", "src/component/asked.rs", "src/component/bindings.rs",
    "src/component/http.rs", "src/component/sensors.rs", "src/component/wire.rs", "src/context.rs", "src/error.rs",
    "src/event.rs", "src/export.rs", "src/http.rs", "src/http/date.rs", "src/http/encoding.rs", "src/http/request.rs",
    "src/http/response.rs", "src/key.rs", "src/kv.rs", "src/logging.rs", "src/schema.rs", "src/secret.rs", "src/sensor.rs",
    "src/services.rs", "src/testing.rs",
);

/// What stands in the libraries for the version of a package of the WIT, behind the name of its interface.
const OF_THE_WIT: &str = "@WIT";

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
    write(&wit, WIT.iter().copied())?;
    // The Rust SDK has a crate for that.
    if language != Language::Rust {
        write(&wit, WASI.iter().copied())?;
    }
    let files = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::JavaScript => JAVASCRIPT,
        Language::Go => GO,
        Language::C => C,
    };
    write(&sdk, files.iter().map(|(path, text)| (path, versioned(text))))?;
    if language == Language::Rust {
        write(&sdk, [("Cargo.toml", RUST_MANIFEST)])?;
    }
    Ok(Library { wit, sdk, built })
}

/// The text, with the versions of the interfaces that it names.
fn versioned(text: &str) -> String {
    let mut parts = text.split(OF_THE_WIT);
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let package = made.rsplit_once("petrel:").and_then(|(_, name)| name.split_once('/'));
        let version = package.and_then(|(package, _)| version_of(package)).unwrap_or_default();
        made.push('@');
        made.push_str(version);
        made.push_str(part);
    }
    made
}

/// The version of a package of the WIT.
fn version_of(package: &str) -> Option<&'static str> {
    let head = format!("package petrel:{package}@");
    let (_, rest) = WIT.iter().find_map(|(_, text)| text.split_once(&head))?;
    Some(rest.split_once(';')?.0)
}

/// Writes the files that are not there, or are others. One that stays untouched is not built again.
pub(crate) fn write<P: AsRef<Path>, T: AsRef<str>>(
    directory: &Path,
    files: impl IntoIterator<Item = (P, T)>,
) -> Result<(), Error> {
    for (path, text) in files {
        let (file, text) = (directory.join(path), text.as_ref());
        if fs::read(&file).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        if let Some(above) = file.parent() {
            fs::create_dir_all(above).map_err(|error| Error::of_file("written", above, error))?;
        }
        replace(&file, text).map_err(|error| Error::of_file("written", &file, error))?;
    }
    Ok(())
}

/// Writes a file beside its place and renames it there. A link gives way to it, and what that leads to stays as it is.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_file_name(format!(".petrel.{}.new", std::process::id()));
    // One that is left of a process with this number is none's any more.
    drop(fs::remove_file(&beside));
    let written = File::create_new(&beside)
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written
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

    #[test]
    fn what_is_laid_out_is_written_through_no_link() {
        let place = tempfile::tempdir().unwrap();
        let own = place.path().join("own");
        fs::write(&own, "mine").unwrap();
        let (directory, link) = (place.path().join("library"), place.path().join("library/a.c"));
        fs::create_dir(&directory).unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        write(&directory, [("a.c", "int a;"), ("more/b.c", "int b;")]).unwrap();
        assert_eq!(fs::read_to_string(&own).unwrap(), "mine");
        assert!(link.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_to_string(&link).unwrap(), "int a;");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
    }

    /// Every file of the WIT and of the libraries is in the tables above.
    #[test]
    fn no_file_is_forgotten() {
        for (directory, files, end) in [
            ("wit", WIT, "wit"),
            ("pack-sdk/wit", WASI, "wit"),
            ("pack-sdk/rust/src", RUST, "rs"),
            ("pack-sdk/c", C, "c"),
            ("pack-sdk/c", C, "h"),
            ("pack-sdk/go", GO, "go"),
            ("pack-sdk/python", PYTHON, "py"),
            ("pack-sdk/js", JAVASCRIPT, "js"),
        ] {
            let mut open = vec![repository().join(directory)];
            while let Some(folder) = open.pop() {
                for entry in fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        if !path.ends_with("template") {
                            open.push(path);
                        }
                        continue;
                    }
                    let is_source = path.extension().is_some_and(|found| found == end);
                    let name = path.file_name().unwrap().to_str().unwrap();
                    if !is_source || name == "tests.rs" || name.ends_with("_test.go") {
                        continue;
                    }
                    let is_known = files.iter().any(|(known, _)| path.ends_with(known));
                    assert!(is_known, "{} is missing in library.rs", path.display());
                }
            }
        }
    }

    /// The libraries by hand name no version themselves, and what is laid out of them has that of the WIT.
    #[test]
    fn libraries_are_of_the_versions_of_the_wit() {
        let place = tempfile::tempdir().unwrap();
        for (language, files, least) in
            [(Language::C, C, 14), (Language::Go, GO, 14), (Language::JavaScript, JAVASCRIPT, 7)]
        {
            let library = lay_out(place.path(), language).unwrap();
            let laid_out = files.iter().map(|(path, _)| fs::read_to_string(library.sdk.join(path)).unwrap());
            let laid_out: String = laid_out.collect();
            assert!(!laid_out.contains(OF_THE_WIT), "{language:?}");
            let names = laid_out.match_indices("petrel:").map(|(at, _)| &laid_out[at..]);
            let names = names.filter_map(|rest| rest.split_once('@'));
            let names: Vec<_> = names.filter(|(name, _)| !name.contains(char::is_whitespace)).collect();
            for (name, rest) in &names {
                let package = name.trim_start_matches("petrel:").split('/').next().unwrap();
                let version = version_of(package).unwrap();
                assert!(rest.starts_with(version), "{name} is not of the version {version}");
            }
            assert!(names.len() >= least, "{language:?}: {names:?}");
        }
        assert_eq!(version_of("nothing"), None);
    }

    /// The libraries by hand name the version of WASI that is laid out with them.
    #[test]
    fn libraries_are_of_the_version_of_wasi() {
        for (language, files) in [(Language::C, C), (Language::Go, GO)] {
            let text: String = files.iter().map(|(_, text)| *text).collect();
            let names = text.match_indices("wasi:").filter_map(|(at, _)| text[at..].split_once('@'));
            let names: Vec<_> = names.filter(|(name, _)| !name.contains(char::is_whitespace)).collect();
            for (name, rest) in &names {
                let head = format!("package {}@", name.split('/').next().unwrap());
                let version = WASI.iter().find_map(|(_, text)| text.split_once(&head)?.1.split(';').next());
                assert!(rest.starts_with(version.unwrap()), "{language:?}: {name}");
            }
            assert!(names.len() >= 4, "{language:?}: {names:?}");
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

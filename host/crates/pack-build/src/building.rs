//! Builds the component of a pack by the language's own tool. `building/` has a file for each that needs more than a few
//! lines.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};

use crate::adapt;
use crate::error::Error;
use crate::language::Language;
use crate::library;
use crate::places;
use crate::sources::Sources;

/// Builds the component of the pack in the directory `pack`, in `language`, and writes it to `component`, a file of that
/// directory. What the tools have to say goes to standard error.
///
/// # Errors
/// The tool is not installed, or has failed, or what it has built is no component.
pub fn build(pack: &Path, language: Language, component: &Path) -> Result<(), Error> {
    // Tools are run in other directories.
    let pack = pack.canonicalize().map_err(|error| Error::of_file("read", pack, error))?;
    let sources = Sources { directory: places::sources(&pack), library: library::lay_out(&pack, language)? };
    let built = match language {
        Language::Rust => rust::build(&sources)?,
        Language::Python => python::build(&sources)?,
        Language::JavaScript => javascript::build(&sources)?,
        Language::Go => adapted(language, &sources, &go::build(&sources)?)?,
        Language::C => adapted(language, &sources, &c::build(&sources)?)?,
    };
    place(&built, &pack.join(component))
}

/// The language of the pack in a directory.
///
/// # Errors
/// There are no sources, or those of two languages.
pub fn language_of(pack: &Path) -> Result<Language, Error> {
    Language::of_sources(&places::sources(pack))
}

/// Makes a component of a core module, beside it.
fn adapted(language: Language, sources: &Sources, core: &Path) -> Result<PathBuf, Error> {
    let module = fs::read(core).map_err(|error| Error::of_file("read", core, error))?;
    let component = adapt::component(&module, &sources.library.wit)
        .map_err(|reason| Error::NotAdapted { language, reason })?;
    let file = sources.library.built.join("component.wasm");
    fs::write(&file, component).map_err(|error| Error::of_file("written", &file, error))?;
    Ok(file)
}

/// Puts what was built in its place, as a whole: a host that looks at it meanwhile sees the one before.
fn place(built: &Path, component: &Path) -> Result<(), Error> {
    if let Some(above) = component.parent() {
        fs::create_dir_all(above).map_err(|error| Error::of_file("written", above, error))?;
    }
    // A name of this process, since another one may build the same pack; hidden, so that nobody who watches sees a change.
    let name = component.file_name().unwrap_or_default().display();
    let beside = component.with_file_name(format!(".{name}.{}.new", std::process::id()));
    // A link that somebody has laid there is not written through.
    drop(fs::remove_file(&beside));
    let copied = fs::copy(built, &beside).and_then(|_bytes| fs::rename(&beside, component));
    copied.map_err(|error| {
        // What cannot be removed only takes space.
        drop(fs::remove_file(&beside));
        Error::of_file("written", component, error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_replaced_as_a_whole() {
        let place_of = tempfile::tempdir().unwrap();
        let (built, component) = (place_of.path().join("built"), place_of.path().join("wasm/mine.wasm"));
        for text in ["one", "two"] {
            fs::write(&built, text).unwrap();
            place(&built, &component).unwrap();
            assert_eq!(fs::read_to_string(&component).unwrap(), text);
        }
        assert_eq!(fs::read_dir(place_of.path().join("wasm")).unwrap().count(), 1);
        // Of a build that fails nothing is left beside it, and what another one is writing stays.
        let other = place_of.path().join("wasm/.mine.wasm.0.new");
        fs::write(&other, "half").unwrap();
        place(&place_of.path().join("gone"), &component).unwrap_err();
        place(&built, &component).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "half");
        assert_eq!(fs::read_dir(place_of.path().join("wasm")).unwrap().count(), 2);
    }
}

//! The modules of a crate: follows `mod name;` from the root to every file.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{self, Source};
use super::{Unread, names};

/// A module, and the file that it is in.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) is_test: bool,
    /// The names of the modules inside it.
    pub(super) children: BTreeSet<String>,
    pub(super) source: Source,
}

/// The modules of a crate by their path: `crate`, `crate::place`.
pub(super) type Modules = BTreeMap<String, Module>;

/// Where a module is.
struct Place {
    path: String,
    file: String,
    /// Where the files of the modules inside it are.
    directory: String,
    is_test: bool,
}

/// Reads the modules of the crate that begins with the file `root`.
pub(super) fn read(root: &str, texts: &BTreeMap<&str, &str>) -> Result<Modules, Unread> {
    let directory = root.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut modules = Modules::new();
    let place = Place {
        path: names::ROOT.to_owned(),
        file: root.to_owned(),
        directory: directory.to_owned(),
        is_test: false,
    };
    add_file(&mut modules, texts, place)?;
    Ok(modules)
}

fn add_file(modules: &mut Modules, texts: &BTreeMap<&str, &str>, place: Place) -> Result<(), Unread> {
    let Some(text) = texts.get(place.file.as_str()) else {
        return Err(Unread::NoFile { declared_in: String::new(), module: place.file });
    };
    let source = source::read(text)
        .map_err(|error| Unread::NotRust { file: place.file.clone(), reason: error.to_string() })?;
    add(modules, texts, place, source)
}

fn add(
    modules: &mut Modules,
    texts: &BTreeMap<&str, &str>,
    place: Place,
    mut source: Source,
) -> Result<(), Unread> {
    let is_test = place.is_test || source.is_test;
    let mut children = BTreeSet::new();
    for child in std::mem::take(&mut source.children) {
        let directory = format!("{}/{}", place.directory, child.name);
        let inside = |file| Place {
            path: format!("{}::{}", place.path, child.name),
            file,
            directory: directory.clone(),
            is_test: is_test || child.is_test,
        };
        if let Some(body) = child.body {
            add(modules, texts, inside(place.file.clone()), body)?;
        } else {
            let files = [format!("{directory}.rs"), format!("{directory}/mod.rs")];
            let Some(file) = files.into_iter().find(|file| texts.contains_key(file.as_str())) else {
                return Err(Unread::NoFile { declared_in: place.file, module: child.name });
            };
            add_file(modules, texts, inside(file))?;
        }
        children.insert(child.name);
    }
    modules.insert(place.path, Module { file: place.file, is_test, children, source });
    Ok(())
}

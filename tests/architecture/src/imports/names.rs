//! What a path stands for: follows it through modules, imports and re-exports to the file that defines its
//! last name.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Module, Modules};

/// The path of a crate's root.
pub(super) const ROOT: &str = "crate";

/// So many imports are followed for one name; those of a name that imports itself have no end.
const LONGEST: usize = 8;

/// What was found for a path.
enum Found {
    /// A module, by its path.
    Module(String),
    /// Something else.
    Item(Item),
}

/// What is not a module: what it is called where it was found, and the file that defines it.
struct Item {
    name: String,
    file: String,
}

/// The modules of a crate, with the names in them.
pub(super) struct Names(pub(super) Modules);

impl Names {
    /// Every file.
    pub(super) fn files(&self) -> BTreeSet<String> {
        self.0.values().map(|module| module.file.clone()).collect()
    }

    /// Which file names what of which other one.
    pub(super) fn edges(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        let mut edges: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (path, module) in self.0.iter().filter(|(_, module)| !module.is_test) {
            let imports = module.source.imports.iter().filter(|import| !import.is_reexport);
            let named = imports.map(|import| &import.path).chain(&module.source.paths);
            let named = named.filter_map(|named| self.item(path, named));
            let called = module.source.calls.iter().filter_map(|name| self.called(path, name));
            for item in named.chain(called).filter(|item| item.file != module.file) {
                edges.entry((module.file.clone(), item.file)).or_default().insert(item.name);
            }
        }
        edges
    }

    /// What a path in a module stands for; none for a module, and for what is not of this crate.
    fn item(&self, module: &str, path: &[String]) -> Option<Item> {
        match self.follow(module, path, false, LONGEST)? {
            Found::Item(item) => Some(item),
            Found::Module(_) => None,
        }
    }

    /// The macro that a module calls by this name: it is imported, or stands in a module around.
    fn called(&self, module: &str, name: &str) -> Option<Item> {
        let around = || {
            let outward = std::iter::successors(Some(module), |module| parent(module));
            let mut outward = outward.filter_map(|module| self.0.get(module));
            outward.find(|module| module.source.macros.contains(name)).map(|module| module.item(name))
        };
        self.item(module, &[name.to_owned()]).or_else(around)
    }

    /// Follows a path. The last name of it may be that of a module and of something else at once, so
    /// `to_module` says which of them is meant.
    fn follow(&self, module: &str, path: &[String], to_module: bool, left: usize) -> Option<Found> {
        let (first, rest) = path.split_first().filter(|_| left > 0)?;
        let mut found = match first.as_str() {
            "crate" => Found::Module(ROOT.to_owned()),
            "self" => Found::Module(module.to_owned()),
            "super" => Found::Module(parent(module)?.to_owned()),
            name => self.look(module, name, to_module || !rest.is_empty(), left)?,
        };
        for (at, name) in rest.iter().enumerate() {
            let Found::Module(within) = &found else { break };
            found = if name == "super" {
                Found::Module(parent(within)?.to_owned())
            } else {
                let is_last = at + 1 == rest.len();
                let next = self.look(within, name, to_module || !is_last, left);
                // A macro may have made what is not found, or it is another crate's.
                next.or_else(|| Some(Found::Item(self.0.get(within)?.item(name))))?
            };
        }
        Some(found)
    }

    /// Looks a name up in a module.
    fn look(&self, path: &str, name: &str, to_module: bool, left: usize) -> Option<Found> {
        let left = left.checked_sub(1)?;
        let module = self.0.get(path)?;
        let child = || module.children.contains(name).then(|| Found::Module(format!("{path}::{name}")));
        let item = || module.source.items.contains(name).then(|| Found::Item(module.item(name)));
        let import = || self.imported(path, module, name, to_module, left);
        let found = if to_module {
            child().or_else(import).or_else(item)
        } else {
            item().or_else(import).or_else(child)
        };
        found.or_else(|| {
            let mut globs = module.source.imports.iter().filter(|import| import.name == "*");
            globs.find_map(|glob| match self.follow(path, &glob.path, true, left)? {
                Found::Module(from) => self.look(&from, name, to_module, left),
                Found::Item(_) => None,
            })
        })
    }

    fn imported(
        &self,
        path: &str,
        module: &Module,
        name: &str,
        to_module: bool,
        left: usize,
    ) -> Option<Found> {
        let mut imports = module.source.imports.iter().filter(|import| import.name == name);
        imports.find_map(|import| self.follow(path, &import.path, to_module, left))
    }
}

impl Module {
    fn item(&self, name: &str) -> Item {
        Item { name: name.to_owned(), file: self.file.clone() }
    }
}

/// The module that this one is in.
fn parent(module: &str) -> Option<&str> {
    module.rsplit_once("::").map(|(parent, _)| parent)
}

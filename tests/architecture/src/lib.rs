//! Reads the repository, so that it can be checked: its text files, the imports among its sources
//! (`imports.rs`, `circles.rs`), and tables in its documents. What must hold of them is in `tests/suite/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

mod circles;
mod imports;

pub use circles::{Circle, circles};
pub use imports::{Imports, Unread};

/// Directories that hold what tools make, not what people write.
const MADE_BY_TOOLS: [&str; 3] = [".git", "target", "wasm"];

/// The root of the repository; of the checkout that is being tested, should it not be the one built.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).join("../..")
}

/// A text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// From the root of the repository, with `/` between its parts.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl TextFile {
    /// Whether the name ends like this: `.rs`, `.md`.
    pub fn ends_with(&self, suffix: &str) -> bool {
        self.path.ends_with(suffix)
    }
}

/// Every text file of the repository, by path.
///
/// # Errors
/// When a directory or a file cannot be read.
pub fn text_files() -> io::Result<Vec<TextFile>> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(directory: &Path, within: &str, files: &mut Vec<TextFile>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{within}{name}");
        let kind = entry.file_type()?;
        if MADE_BY_TOOLS.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(TextFile { path, text });
        }
    }
    Ok(())
}

/// What a crate may import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// Whatever it needs.
    Any,
    /// These crates of ours.
    Only(BTreeSet<String>),
}

impl Allowed {
    /// Whether `name` is among them.
    pub fn admits(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn read(cell: &str) -> Self {
        let names = cell.split(',').map(|name| name.trim().trim_matches('`')).filter(|name| !name.is_empty());
        match cell.trim() {
            "any" => Self::Any,
            "nothing" => Self::Only(BTreeSet::new()),
            _ => Self::Only(names.map(str::to_owned).collect()),
        }
    }
}

/// A row of the table of allowed edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the crate may import.
    pub imports: Allowed,
    /// What its tests may import beside that.
    pub tests: Allowed,
}

/// The table of allowed edges in a document: the rows between the two marks, by crate.
pub fn edges(document: &str) -> BTreeMap<String, Row> {
    const BEGIN: &str = "<!-- edges: begin -->";
    const END: &str = "<!-- edges: end -->";
    let table = document.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let rows = table.map_or("", |(table, _)| table).lines().map(str::trim);
    // Behind the heading and the line below it.
    rows.filter(|line| line.starts_with('|')).skip(2).filter_map(row).flatten().collect()
}

/// A row for each crate that a line names: several may import the same.
fn row(line: &str) -> Option<Vec<(String, Row)>> {
    let mut cells = line.trim_matches('|').split('|');
    let names = cells.next()?.split(',').map(|name| name.trim().trim_matches('`').to_owned());
    let row = Row { imports: Allowed::read(cells.next()?), tests: Allowed::read(cells.next()?) };
    Some(names.map(|name| (name, row.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_edges_is_read() {
        let document = "x\n<!-- edges: begin -->\n\n| crate | may import | tests |\n|---|---|---|\n\
            | `a` | nothing | any |\n| `b`, `e` | `a`, `c` | |\n<!-- edges: end -->\n| `d` | | |\n";
        let read = edges(document);
        assert_eq!(read.keys().collect::<Vec<_>>(), ["a", "b", "e"]);
        assert!(!read["a"].imports.admits("b") && read["a"].tests.admits("b"));
        assert!(read["b"].imports.admits("c") && !read["b"].tests.admits("c"));
        assert_eq!(read["b"], read["e"]);
    }
}

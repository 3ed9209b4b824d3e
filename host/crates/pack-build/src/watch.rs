//! Changes of the files of a pack, by the times at which they were modified: no file is read, and what is built does not count.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::places;

/// The most files that are looked at.
const MOST_FILES: usize = 20_000;
/// Directories of what tools make and fetch.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "wasm"];

/// The files of a pack, with the time of the last change of each, and its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Snapshot {
    /// The files of the pack in a directory as they are now. What cannot be read is left out.
    pub fn of(pack: &Path) -> Self {
        let (mut files, mut open) = (BTreeMap::new(), vec![pack.to_owned()]);
        let built = places::built(pack);
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let is_left_out = name.to_str().is_some_and(|name| {
                    name.starts_with('.') || name.ends_with('~') || LEFT_OUT.contains(&name)
                });
                let Ok(metadata) = entry.metadata() else { continue };
                // A component may be built to any place in the pack.
                let is_component = path.extension().is_some_and(|end| end == "wasm");
                if is_left_out || is_component || path == built {
                    continue;
                }
                if metadata.is_dir() {
                    open.push(path);
                } else if metadata.is_file() && files.len() < MOST_FILES {
                    files.insert(path, (metadata.modified().ok(), metadata.len()));
                }
            }
        }
        Self(files)
    }

    /// Takes these files as they are now, since whoever watches has written them.
    pub fn take(&mut self, files: &[PathBuf]) {
        for file in files {
            if let Ok(metadata) = file.metadata() {
                self.0.insert(file.clone(), (metadata.modified().ok(), metadata.len()));
            }
        }
    }

    /// The first file that is another than in `before`, or is new, or has gone.
    pub fn changed_since<'s>(&'s self, before: &'s Self) -> Option<&'s Path> {
        let other = self.0.iter().find(|(path, state)| before.0.get(*path) != Some(*state));
        let gone = || before.0.keys().find(|path| !self.0.contains_key(*path));
        other.map(|(path, _)| path).or_else(gone).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_sources_are_noticed_and_what_is_built_is_not() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = place.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("pack.yaml", "");
        write("component/actions.py", "");
        let before = Snapshot::of(place.path());
        write("component/build/component.wasm", "built");
        write("wasm/mine.wasm", "built");
        write("out/other.wasm", "built");
        write("component/__pycache__/actions.pyc", "built");
        let built = Snapshot::of(place.path());
        assert_eq!(built.changed_since(&before), None);
        write("component/actions.py", "changed");
        let after = Snapshot::of(place.path());
        let changed = place.path().join("component/actions.py");
        assert_eq!(after.changed_since(&built), Some(changed.as_path()));
        let mut taken = after.clone();
        write("actions/greet.yaml", "written");
        taken.take(&[place.path().join("actions/greet.yaml")]);
        let after = Snapshot::of(place.path());
        assert_eq!(after.changed_since(&taken), None);
        fs::remove_file(&changed).unwrap();
        assert_eq!(Snapshot::of(place.path()).changed_since(&after), Some(changed.as_path()));
    }
}

//! Changes of the files of a pack, by the times at which they were modified: no file is read, and what is built does not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::places;

/// The most entries of directories that are looked at, and the deepest directory.
const MOST_ENTRIES: usize = 20_000;
const DEEPEST: usize = 32;
/// Directories of what tools make and fetch.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "wasm"];

/// The files of a pack, with the time of the last change of each, and its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, (Option<SystemTime>, u64)>,
    is_cut: bool,
}

impl Snapshot {
    /// The files of the pack in a directory as they are now, and those that links in it lead to, since sources may be shared with
    /// other packs. What cannot be read is left out.
    pub fn of(pack: &Path) -> Self {
        let mut walk = Walk::default();
        walk.open.push_back((pack.to_owned(), 0));
        let built = places::built(pack);
        while let Some((directory, depth)) = walk.directory() {
            let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
            let mut entries: Vec<_> = entries.take(MOST_ENTRIES + 1).collect();
            // Where several links lead to one directory, it is always the same that counts.
            entries.sort_by_key(DirEntry::file_name);
            for entry in entries {
                walk.looked_at += 1;
                if walk.looked_at > MOST_ENTRIES {
                    walk.snapshot.is_cut = true;
                    return walk.snapshot;
                }
                let path = entry.path();
                if !is_left_out(&entry.file_name()) && path != built {
                    let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                    walk.take(path, depth, is_link);
                }
            }
        }
        walk.snapshot
    }

    /// Whether there is more than was looked at: 20,000 entries of directories, down to the 32nd level.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Takes these files as they are now, since whoever watches has written them.
    pub fn take(&mut self, files: &[PathBuf]) {
        for file in files {
            if let Ok(metadata) = file.metadata() {
                self.files.insert(file.clone(), (metadata.modified().ok(), metadata.len()));
            }
        }
    }

    /// The first file that is another than in `before`, or is new, or has gone.
    pub fn changed_since<'s>(&'s self, before: &'s Self) -> Option<&'s Path> {
        let other = self.files.iter().find(|(path, state)| before.files.get(*path) != Some(*state));
        let gone = || before.files.keys().find(|path| !self.files.contains_key(*path));
        other.map(|(path, _)| path).or_else(gone).map(PathBuf::as_path)
    }
}

/// A walk through a pack.
#[derive(Default)]
struct Walk {
    snapshot: Snapshot,
    /// The directories that are still to be looked at, each with its depth.
    open: VecDeque<(PathBuf, usize)>,
    /// Those that links lead to. They come last, so that they take no place from the pack's own.
    linked: VecDeque<(PathBuf, usize)>,
    /// The directories that were looked at, by device and number: a link may lead back.
    seen: BTreeSet<(u64, u64)>,
    /// The entries that were looked at.
    looked_at: usize,
}

impl Walk {
    /// The next directory that was not looked at before.
    fn directory(&mut self) -> Option<(PathBuf, usize)> {
        loop {
            let next = self.open.pop_front().or_else(|| self.linked.pop_front())?;
            let Ok(found) = fs::metadata(&next.0) else { continue };
            if self.seen.insert((found.dev(), found.ino())) {
                return Some(next);
            }
        }
    }

    /// Takes an entry of a directory. Of a link counts what it leads to.
    fn take(&mut self, path: PathBuf, depth: usize, is_link: bool) {
        let Ok(metadata) = fs::metadata(&path) else { return };
        // A component may be built to any place in the pack.
        let is_component = path.extension().is_some_and(|end| end == "wasm");
        if metadata.is_dir() {
            let open = if is_link { &mut self.linked } else { &mut self.open };
            if depth < DEEPEST {
                open.push_back((path, depth + 1));
            } else {
                self.snapshot.is_cut = true;
            }
        } else if metadata.is_file() && !is_component {
            self.snapshot.files.insert(path, (metadata.modified().ok(), metadata.len()));
        }
    }
}

/// Whether something has the name of what tools make, or is hidden.
fn is_left_out(name: &OsStr) -> bool {
    let is_known = |name: &str| name.starts_with('.') || name.ends_with('~') || LEFT_OUT.contains(&name);
    name.to_str().is_some_and(is_known)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_links_lead_to_is_noticed_and_no_walk_goes_round_in_circles() {
        let place = tempfile::tempdir().unwrap();
        let (pack, shared) = (place.path().join("pack"), place.path().join("shared"));
        for directory in [pack.join("component"), shared.join("lib")] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::write(pack.join("pack.yaml"), "").unwrap();
        for file in ["actions.py", "lib/more.py"] {
            fs::write(shared.join(file), "").unwrap();
        }
        for (to, link) in [
            (shared.join("actions.py"), "component/actions.py"),
            (shared.join("lib"), "component/lib"),
            (pack.clone(), "component/round"),
            (place.path().to_owned(), "component/up"),
            (place.path().join("gone"), "component/gone"),
        ] {
            symlink(to, pack.join(link)).unwrap();
        }
        let before = Snapshot::of(&pack);
        assert!(!before.is_cut() && before.files.len() < 6, "{before:?}");
        for (file, told) in [
            (shared.join("actions.py"), pack.join("component/actions.py")),
            (shared.join("lib/more.py"), pack.join("component/lib/more.py")),
        ] {
            let before = Snapshot::of(&pack);
            fs::write(file, "changed").unwrap();
            assert_eq!(Snapshot::of(&pack).changed_since(&before), Some(told.as_path()));
        }
    }

    #[test]
    fn a_walk_ends_in_a_deep_and_in_a_large_directory() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("a/".repeat(DEEPEST))).unwrap();
        assert!(!Snapshot::of(place.path()).is_cut());
        fs::create_dir_all(place.path().join("a/".repeat(DEEPEST + 1))).unwrap();
        assert!(Snapshot::of(place.path()).is_cut());
        let large = tempfile::tempdir().unwrap();
        for number in 0..=MOST_ENTRIES {
            fs::create_dir(large.path().join(number.to_string())).unwrap();
        }
        assert!(Snapshot::of(large.path()).is_cut());
    }

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

//! The files of a pack on this machine: which of them belong to it, and how names and modes are written.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use petrel_model::quoted::quoted;

use crate::error::Error;
use crate::settings::Limits;

/// The longest path within a pack, in bytes, and its greatest depth.
const LONGEST_PATH: usize = 1024;
const DEEPEST: usize = 32;

/// What stands in directories of packs and is no part of them: what is built, and what is fetched.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "virtualenv"];
/// The directory with the sources of a pack's own component.
const SOURCES: &str = "component";

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackFile {
    /// Where it is.
    pub(crate) at: PathBuf,
    /// Whether it is a program.
    pub(crate) is_executable: bool,
}

/// The files of the pack in `root`, by their paths within it. Hidden ones, and what tools make, are left out.
pub(crate) fn of_pack(root: &Path, limits: &Limits) -> Result<BTreeMap<String, PackFile>, Error> {
    let (mut files, mut open, mut bytes) =
        (BTreeMap::new(), vec![(String::new(), root.to_path_buf(), 0)], 0_u64);
    while let Some((above, directory, depth)) = open.pop() {
        let failed = |error: io::Error| Error::of_file("read", &directory, &error);
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let at = entry.path();
            let name = entry.file_name().into_string().map_err(|name| {
                let name = name.display();
                Error::refused(
                    format!("{}: the name `{name}` is not UTF-8", directory.display()),
                    "rename it",
                )
            })?;
            if is_left_out(&above, &name) {
                continue;
            }
            let path = format!("{above}{name}");
            // The type of the entry itself: a link is not followed.
            let kind = entry.file_type().map_err(|error| Error::of_file("read", &at, &error))?;
            if kind.is_dir() && depth < DEEPEST {
                open.push((format!("{path}/"), at, depth + 1));
                continue;
            }
            if !kind.is_file() {
                let what = if kind.is_symlink() { "a link" } else { "no plain file" };
                let hint = "a pack travels as plain files: put the file itself there, or remove it";
                return Err(Error::refused(format!("{path} is {what}"), hint));
            }
            checked_path(&path)?;
            let metadata = entry.metadata().map_err(|error| Error::of_file("read", &at, &error))?;
            bytes = bytes.saturating_add(metadata.len());
            let is_executable = metadata.permissions().mode() & 0o111 != 0;
            files.insert(path, PackFile { at, is_executable });
            refuse_too_much(files.len(), bytes, limits)?;
        }
    }
    Ok(files)
}

fn is_left_out(above: &str, name: &str) -> bool {
    name.starts_with('.') || LEFT_OUT.contains(&name) || (above.is_empty() && name == SOURCES)
}

/// Refuses more files, or more bytes, than a pack may have.
pub(crate) fn refuse_too_much(files: usize, bytes: u64, limits: &Limits) -> Result<(), Error> {
    if files > limits.files {
        let hint = "leave out what the pack does not need";
        return Err(Error::refused(format!("the pack has more than {} files", limits.files), hint));
    }
    if bytes > limits.unpacked {
        let message = format!("the pack has more than {} MiB", limits.unpacked >> 20);
        return Err(Error::refused(
            message,
            "leave out what it does not need, or raise registries.max_pack_mib",
        ));
    }
    Ok(())
}

/// Checks a path within a pack: plain names with `/` between them, which lead nowhere else.
pub(crate) fn checked_path(path: &str) -> Result<(), Error> {
    let is_name = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_plain = path.len() <= LONGEST_PATH
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.split('/').count() <= DEEPEST
        && path.split('/').all(is_name);
    if is_plain {
        return Ok(());
    }
    Err(Error::refused(
        format!("`{}` is no path within a pack", quoted(path)),
        "the artifact was not made by `petrel pack push`, or was tampered with: do not use it",
    ))
}

/// Makes a directory that the host can read, whoever makes it; those above it as well.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    // The file mode mask of who installs must not hide files from the host.
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Makes a new file of a pack. One that is there already is an error.
pub(crate) fn new_file(path: &Path, is_executable: bool) -> io::Result<File> {
    let mode = if is_executable { 0o755 } else { 0o644 };
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

/// Writes a file as a whole or not at all: beside its place, synced, and renamed.
pub(crate) fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let made = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&made)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&made, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_else() {
        for path in ["pack.yaml", "actions/a b.yaml", "a/.hidden", "ä/b"] {
            checked_path(path).unwrap();
        }
        let (deep, long) = ("a/".repeat(40) + "b", "a".repeat(2000));
        for path in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a//b",
            "a/.",
            "./a",
            "a\\b",
            "a\nb",
            "a\0",
            "a/",
            &deep,
            &long,
        ] {
            assert!(checked_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn what_tools_make_is_no_part_of_a_pack_and_a_link_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        for file in [
            "pack.yaml",
            "actions/a.sh",
            "actions/component/b.py",
            ".git/config",
            "actions/.a.swp",
            "component/src/lib.rs",
            "lib/target/x",
            "lib/__pycache__/x.pyc",
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "x").unwrap();
        }
        fs::set_permissions(root.join("actions/a.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        let files = of_pack(root, &Limits::default()).unwrap();
        let names: Vec<_> = files.iter().map(|(path, file)| (path.as_str(), file.is_executable)).collect();
        assert_eq!(names, [("actions/a.sh", true), ("actions/component/b.py", false), ("pack.yaml", false)]);
        let few = Limits { files: 2, ..Limits::default() };
        assert!(of_pack(root, &few).unwrap_err().message.contains("more than 2 files"));
        let small = Limits { unpacked: 2, ..Limits::default() };
        assert!(of_pack(root, &small).unwrap_err().hint.contains("registries.max_pack_mib"));
        std::os::unix::fs::symlink("/etc/passwd", root.join("actions/c.yaml")).unwrap();
        let refused = of_pack(root, &Limits::default()).unwrap_err();
        assert_eq!(refused.message, "actions/c.yaml is a link");
    }
}

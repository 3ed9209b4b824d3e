//! The data directory: its place, its identity, the admin's token in it, and the layout of the binary's packs.
//!
//! | in it | |
//! |---|---|
//! | `store/` | the embedded store |
//! | `admin-token` | the admin's token, readable by its owner only |
//! | `vault-key` | the keys by which secret values are encrypted, see `vault_file.rs` |
//! | `identity` | by what the host tells its own processes from those of a host over a copy of the store |
//! | `packs/` | packs that came with the binary |
//! | `components/` | compiled components |
//! | `python/` | what Python actions import |
//! | `work/` | where processes start |
//! | `configs/packs/` | configurations of packs, if the operator writes them down here |
//! | `set-aside-TIME.jsonl` | what `petrel store check --repair` could not read |

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use petrel_model::hexadecimal;
use petrel_packs::plain_file;
use petrel_persistence_embedded::remedy;

use crate::bundled::BundledPack;

/// The largest file with a token or a digest that is read, in bytes.
pub(crate) const LARGEST_TOKEN: u64 = 4096;

/// The name of the file that tells which version of a pack was laid out.
const MARK: &str = ".digest";
/// The file of a pack that says which pack it is, and the largest one that is compared, in bytes.
const PACK_FILE: &str = "pack.yaml";
const LARGEST_PACK_FILE: u64 = 1 << 20;
/// The name of the file with the identity.
const IDENTITY: &str = "identity";

/// `petrel` in the user's XDG data home, the default.
pub(crate) fn default() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("XDG_DATA_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("petrel")
}

/// `petrel` in the user's XDG configuration home, if there is a home.
pub(crate) fn config_home() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = from("XDG_CONFIG_HOME").or_else(|| from("HOME").map(|home| home.join(".config")))?;
    Some(home.join("petrel"))
}

/// The directory of the store.
pub(crate) fn store(data_dir: &Path) -> PathBuf {
    data_dir.join("store")
}

/// The directory of compiled components.
pub(crate) fn components(data_dir: &Path) -> PathBuf {
    data_dir.join("components")
}

/// The working directory of processes.
pub(crate) fn work(data_dir: &Path) -> PathBuf {
    data_dir.join("work")
}

/// The directory of the Python library.
pub(crate) fn python(data_dir: &Path) -> PathBuf {
    data_dir.join("python")
}

/// The directory of the virtual environments of packs.
pub(crate) fn virtualenvs(data_dir: &Path) -> PathBuf {
    data_dir.join("virtualenvs")
}

/// The directory of the operator's constraints on what packs need, `NAME.txt` for each.
pub(crate) fn constraints(data_dir: &Path) -> PathBuf {
    data_dir.join("configs").join("constraints")
}

/// Whether a host has worked here before and its store is gone, as shown by files that a host creates once it has a
/// store. A new store in its place would look as if nothing had ever been stored.
pub(crate) fn has_lost_its_store(data_dir: &Path) -> bool {
    work(data_dir).exists() && !store(data_dir).exists()
}

/// The path of the file with the admin's token.
pub(crate) fn token_file(data_dir: &Path) -> PathBuf {
    data_dir.join("admin-token")
}

/// Creates `directory` for its owner only, or makes an existing one private, because it contains secrets.
pub(crate) fn make_private(directory: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("the directory {} cannot be made", directory.display()))?;
    // A directory of another owner that is private already needs no change of rights, which would be refused.
    let mode = fs::metadata(directory).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode.trailing_zeros() >= 6) {
        return Ok(());
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).with_context(|| {
        format!("others can read {}, which belongs to somebody else; make it private", directory.display())
    })
}

/// The admin's token, created on the first start.
pub(crate) fn admin_token(data_dir: &Path) -> anyhow::Result<String> {
    kept(&token_file(data_dir))?.map_or_else(|| new_admin_token(data_dir), Ok)
}

/// The text in a file of the host's own, if the file exists. A file that exists and cannot be read is an error:
/// otherwise it would be replaced.
fn kept(file: &Path) -> anyhow::Result<Option<String>> {
    match plain_file::read_text(file, LARGEST_TOKEN) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if remedy::of_error(&error).is_some() => {
            Err(anyhow::Error::from(error).context(format!("{} cannot be read", file.display())))
        }
        Err(_not_text) => Ok(None),
    }
}

/// Replaces the admin's token by a new one, and returns it.
pub(crate) fn new_admin_token(data_dir: &Path) -> anyhow::Result<String> {
    write_random(&token_file(data_dir))
}

/// The identity of the data directory, created on the first start. No backup contains it, because a restored
/// directory belongs to another host.
pub(crate) fn identity(data_dir: &Path) -> anyhow::Result<String> {
    let file = data_dir.join(IDENTITY);
    kept(&file)?.map_or_else(|| write_random(&file), Ok)
}

/// Deletes the identity, so that the next host over this directory is a different one: its store comes from
/// elsewhere.
pub(crate) fn forget_identity(data_dir: &Path) -> std::io::Result<()> {
    match fs::remove_file(data_dir.join(IDENTITY)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a random text to a file, and returns it.
fn write_random(file: &Path) -> anyhow::Result<String> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random text can be made: {error}"))?;
    let text = hexadecimal(&random);
    write_private(file, text.as_bytes()).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(text)
}

/// Writes a file that only its owner can read, as a whole or not at all.
pub(crate) fn write_private(file: &Path, content: &[u8]) -> std::io::Result<()> {
    // Written beside and renamed, so that a crash leaves either the old text or the new one.
    let temporary = file.with_extension("new");
    let mut handle =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    handle.write_all(content)?;
    handle.sync_all()?;
    fs::rename(temporary, file)
}

/// A pack of the binary in the data directory.
pub(crate) struct LaidOut {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// Whether it was missing before, or was another version.
    pub(crate) is_new: bool,
}

/// The directory of a pack of the binary, laid out.
pub(crate) fn place_of(data_dir: &Path, pack: &BundledPack) -> PathBuf {
    data_dir.join("packs").join(pack.name)
}

/// Whether all files of a pack of the binary are in its directory.
pub(crate) fn is_whole(data_dir: &Path, pack: &BundledPack) -> bool {
    let path = place_of(data_dir, pack);
    pack.files.iter().all(|(name, _)| path.join(name).is_file())
}

/// Whether somebody else's directory is in the place of a pack of the binary. Only the names of the host's own packs are
/// reserved. One that has lost its mark, and not its `pack.yaml`, is still that of the binary.
pub(crate) fn is_foreign(data_dir: &Path, pack: &BundledPack) -> bool {
    let path = place_of(data_dir, pack);
    let is_free = || match fs::read_dir(&path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if pack.is_own() || path.join(MARK).is_file() || is_free() {
        return false;
    }
    let ours = pack.files.iter().find(|(name, _)| *name == PACK_FILE).map(|(_, content)| *content);
    let found = plain_file::read_text(&path.join(PACK_FILE), LARGEST_PACK_FILE).ok();
    found.as_deref().map(str::as_bytes) != ours
}

/// Removes a directory with all that is in it, or a link, if it is there.
fn clear(path: &Path) -> std::io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_link) => fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Lays out a pack of the binary in the data directory, unless it is there already. Somebody else's directory in its place is
/// left as it is, with an error.
pub(crate) fn lay_out(data_dir: &Path, pack: &BundledPack) -> anyhow::Result<LaidOut> {
    let path = place_of(data_dir, pack);
    anyhow::ensure!(
        !is_foreign(data_dir, pack),
        "{} is there, and is not from the binary; move it away, or register it (petrel pack register {})",
        path.display(),
        path.display()
    );
    let mark = path.join(MARK);
    let is_this = || plain_file::read_text(&mark, LARGEST_TOKEN).is_ok_and(|digest| digest == pack.digest);
    if is_this() && is_whole(data_dir, pack) {
        return Ok(LaidOut { path, is_new: false });
    }
    // Made beside its place and renamed into it: an action that starts meanwhile finds no half of a file, and an
    // interrupted layout is repeated.
    let made = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        clear(&made)?;
        for (name, content) in pack.files {
            let file = made.join(name);
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&file, content)?;
            // A script, which is started as a program.
            if content.starts_with(b"#!") {
                fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
            }
        }
        fs::write(made.join(MARK), pack.digest)?;
        // Files of an older version must not remain beside the new ones. It is moved away whole: half of it, without its
        // mark, would be taken for somebody else's.
        let before = path.with_extension("old");
        clear(&before)?;
        if fs::symlink_metadata(&path).is_ok() {
            fs::rename(&path, &before)?;
        }
        fs::rename(&made, &path)?;
        // What remains of it only takes space, until the next layout.
        drop(clear(&before));
        Ok(())
    };
    write().with_context(|| format!("the pack {} cannot be laid out in {}", pack.name, path.display()))?;
    Ok(LaidOut { path, is_new: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_of_the_binary_takes_nobody_s_place() {
        let place = tempfile::tempdir().unwrap();
        let pack = crate::bundled::find("json").unwrap();
        let file = place_of(place.path(), pack).join(PACK_FILE);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        assert!(!is_foreign(place.path(), pack), "there is nothing in it");
        fs::write(&file, "ref: json\n").unwrap();
        assert!(is_foreign(place.path(), pack));
        let refused = lay_out(place.path(), pack).map(drop).unwrap_err().to_string();
        assert!(refused.contains("move it away"), "{refused}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "ref: json\n");
        fs::remove_dir_all(file.parent().unwrap()).unwrap();
        assert!(lay_out(place.path(), pack).unwrap().is_new && !is_foreign(place.path(), pack));
        assert!(!lay_out(place.path(), pack).unwrap().is_new);
        fs::remove_file(place_of(place.path(), pack).join(MARK)).unwrap();
        assert!(!is_foreign(place.path(), pack), "one that was cut is laid out again");
        assert!(lay_out(place.path(), pack).unwrap().is_new);
        assert_eq!(fs::read_dir(place.path().join("packs")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_identity_stays_until_it_is_forgotten() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(IDENTITY);
        forget_identity(place.path()).unwrap();
        let first = identity(place.path()).unwrap();
        assert_eq!((first.len(), identity(place.path()).unwrap()), (48, first.clone()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        forget_identity(place.path()).unwrap();
        let second = identity(place.path()).unwrap();
        assert_ne!(first, second);
        fs::write(&file, " \n").unwrap();
        assert_ne!(identity(place.path()).unwrap(), second, "one that was cut");
    }

    #[test]
    fn a_pack_that_has_lost_a_file_is_laid_out_again() {
        let place = tempfile::tempdir().unwrap();
        let pack = BundledPack {
            name: "one",
            digest: "d",
            files: &[("actions/a.yaml", b"name: a"), ("pack.yaml", b"")],
        };
        for (lost, is_new) in
            [("", true), (".digest", true), ("actions", true), ("pack.yaml", true), ("other", false)]
        {
            let lost = place_of(place.path(), &pack).join(lost);
            drop(fs::remove_dir_all(&lost).or_else(|_no_directory| fs::remove_file(&lost)));
            assert_eq!(lay_out(place.path(), &pack).unwrap().is_new, is_new, "without {}", lost.display());
            assert!(is_whole(place.path(), &pack));
        }
    }

    #[test]
    fn a_directory_is_private_whether_it_is_there_or_not() {
        let place = tempfile::tempdir().unwrap();
        let mode = |directory: &Path| fs::metadata(directory).unwrap().permissions().mode() & 0o777;
        let new = place.path().join("some/where");
        make_private(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
        for (before, after) in
            [(0o755, 0o700), (0o750, 0o700), (0o701, 0o700), (0o777, 0o700), (0o700, 0o700)]
        {
            fs::set_permissions(&new, fs::Permissions::from_mode(before)).unwrap();
            make_private(&new).unwrap();
            assert_eq!(mode(&new), after, "{before:o}");
        }
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = make_private(&file.join("below")).unwrap_err().to_string();
        assert!(refused.contains("cannot be made"), "{refused}");
    }
}

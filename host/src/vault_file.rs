//! The file with the keys by which secret values are encrypted. The host makes it on its first start, and never replaces one: a
//! key that is lost takes its secrets along, so the operator is told, and everything else goes on.
//!
//! It is the file of the setting `datastore.key_file`, or `petrel-key` in `$CREDENTIALS_DIRECTORY`, as systemd passes it on, or
//! [`NAME`] in the data directory. `petrel_engine::vault` has its form.

use std::fs::{self, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use petrel_engine::vault::st2_key::St2Key;
use petrel_engine::vault::{Vault, VaultKey};
use petrel_model::{KeyValue, PackConfig, UserKeyValue, hexadecimal};
use petrel_packs::plain_file;
use petrel_persistence::{Sealer, Store, StoreExt as _};

use crate::config::Settings;
use crate::exit::{Code, Failure};

/// The name of the file in the data directory.
pub(crate) const NAME: &str = "vault-key";

/// The name of the file among the credentials of systemd.
const CREDENTIAL: &str = "petrel-key";

/// The largest file with keys that is read, in bytes.
pub(crate) const LARGEST: u64 = 64 << 10;

/// The greatest number of keys in a file.
const MOST_KEYS: usize = 100;

/// The path of the file with the keys.
pub(crate) fn path(settings: &Settings) -> PathBuf {
    let credential = || {
        let directory =
            std::env::var_os("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty())?;
        Some(PathBuf::from(directory).join(CREDENTIAL)).filter(|file| file.exists())
    };
    let named = settings.datastore.key_file.clone().or_else(credential);
    named.unwrap_or_else(|| settings.data_dir().join(NAME))
}

/// What encrypts and decrypts rows of the store from its opening on, if there are keys already. [`open`] tells what is wrong with
/// them.
pub(crate) fn sealer(settings: &Settings) -> Option<Arc<dyn Sealer>> {
    let keys = read(&path(settings)).ok().flatten()?;
    Some(Arc::new(Vault::new(keys)))
}

/// The keys of this host, made if it has stored no secrets so far. Without them it has a vault that says what to do.
///
/// # Errors
/// When the key file of a StackStorm is named and is none, or the store cannot be read.
pub(crate) async fn open(settings: &Settings, store: &dyn Store) -> Result<Vault, Failure> {
    let file = path(settings);
    let vault = match read(&file) {
        Ok(Some(keys)) => {
            if fs::metadata(&file).is_ok_and(|found| found.mode() & 0o007 != 0) {
                tracing::warn!(
                    file = %file.display(),
                    "everybody on this machine can use the file with the keys for secrets; take their rights away with chmod o="
                );
            }
            Vault::new(keys)
        }
        Ok(None) if has_secrets(store).await? => locked(&format!(
            "the file {} with the keys for secrets is gone, and there are secrets that were encrypted with them; put it back from \
             where it is kept, and start the host again; if it is lost, stop the host and make a new one with \
             `petrel store rotate-key --lost`, and set these secrets again",
            file.display()
        )),
        Ok(None) => match make(&file) {
            Ok(keys) => Vault::new(keys),
            Err(why) => {
                locked(&format!("the file {} with a key for secrets cannot be made: {why}", file.display()))
            }
        },
        Err(why) => locked(&format!(
            "the file {} with the keys for secrets cannot be read: {why}; correct it, and start the host again",
            file.display()
        )),
    };
    match &settings.datastore.st2_key {
        None => Ok(vault),
        Some(file) => Ok(vault.with_st2_key(st2_key(file)?)),
    }
}

/// Logs that there are `lost` secrets.
pub(crate) fn tell_of_lost(settings: &Settings, lost: Option<String>) {
    if let Some(lost) = lost {
        let file = path(settings);
        tracing::error!(
            lost,
            file = %file.display(),
            "secret keys of the datastore cannot be read; put the file with the key of then back, and start the host again"
        );
    }
}

/// A vault without keys, of which the log tells.
fn locked(why: &str) -> Vault {
    tracing::error!(
        why,
        "there is no key for secrets, so none can be stored or read; everything else goes on"
    );
    Vault::locked(why)
}

fn st2_key(file: &Path) -> Result<St2Key, Failure> {
    let read = plain_file::read_text(file, LARGEST).map_err(|error| error.to_string());
    read.and_then(|text| St2Key::read(&text).map_err(|error| error.to_string())).map_err(|why| {
        Failure::usage(
            format!("the key of StackStorm, {}, cannot be used: {why}", file.display()),
            "name its key file, usually /etc/st2/keys/datastore_key.json, with datastore.st2_key, or leave the setting out",
        )
    })
}

/// The keys in the file; `None` if there is no such file.
fn read(file: &Path) -> Result<Option<Vec<VaultKey>>, String> {
    match plain_file::read_text(file, LARGEST) {
        Ok(text) => VaultKey::read_all(&text).map(Some).map_err(|error| error.to_string()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Makes a file with a new key. If another host makes the same one meanwhile, its keys count: secrets may be encrypted with
/// them already.
fn make(file: &Path) -> Result<Vec<VaultKey>, String> {
    let key = VaultKey::generate().map_err(|error| error.to_string())?;
    let failed = |error: io::Error| error.to_string();
    let temporary = write_beside(file, std::slice::from_ref(&key), None).map_err(failed)?;
    let made = match fs::hard_link(&temporary, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            drop(fs::remove_file(&temporary));
            let gone = || "it was made by somebody else, and is gone; start the host again".to_owned();
            return read(file)?.ok_or_else(gone);
        }
        Ok(()) => fs::remove_file(&temporary),
        // Not every file system has links.
        Err(_no_links) => fs::rename(&temporary, file),
    };
    made.and_then(|()| sync_directory(file)).map_err(failed)?;
    Ok(vec![key])
}

/// Writes the keys to a new file beside `file`, readable by the owner only, or as the file that `like` describes: whoever
/// reads that must read this one as well. It survives a loss of power, as what is encrypted with the keys does.
fn write_beside(file: &Path, keys: &[VaultKey], like: Option<&Metadata>) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", hexadecimal(&random)));
    let temporary = file.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        handle.write_all(VaultKey::write_all(keys).as_bytes())?;
        if let Some(like) = like {
            let own = handle.metadata()?;
            if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
                fchown(&handle, Some(like.uid()), Some(like.gid()))?;
            }
            handle.set_permissions(Permissions::from_mode(like.mode() & 0o777))?;
        }
        handle.sync_all()
    };
    write().inspect_err(|_failed| drop(fs::remove_file(&temporary)))?;
    Ok(temporary)
}

fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    directory.map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

/// Replaces the keys in the file. A link to it stays one.
fn replace(file: &Path, keys: &[VaultKey]) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let temporary = write_beside(&file, keys, Some(&fs::metadata(&file)?))?;
    fs::rename(&temporary, &file).inspect_err(|_failed| drop(fs::remove_file(&temporary)))?;
    sync_directory(&file)
}

/// Whether something in the store is encrypted.
async fn has_secrets(store: &dyn Store) -> Result<bool, Failure> {
    let unreadable = |error: petrel_persistence::Error| {
        Failure::new(Code::Server, "store", error.to_string(), "`petrel store check` shows what is damaged")
    };
    // After a restore it is known only of rows that were looked at.
    store.all::<PackConfig>().await.map_err(unreadable)?;
    if store.holds_sealed() {
        return Ok(true);
    }
    let shared = store.all::<KeyValue>().await.map_err(unreadable)?;
    let of_users = store.all::<UserKeyValue>().await.map_err(unreadable)?;
    Ok(shared.iter().any(|key| key.secret) || of_users.iter().any(|one| one.key.secret))
}

/// Puts a new key before those in the file, and returns the number of keys. The host seals with it from its next start on. A file
/// that `is_lost` is made anew.
///
/// # Errors
/// When there is no such file, or it cannot be read or written.
pub(crate) fn rotate(file: &Path, is_lost: bool) -> Result<usize, Failure> {
    let failed = |why: &str, hint: &str| {
        Failure::new(Code::Server, "vault", format!("{} cannot be changed: {why}", file.display()), hint)
    };
    if is_lost && !file.exists() {
        let made = make(file).map_err(|why| failed(&why, "correct that, and try again"))?;
        return Ok(made.len());
    }
    let mut keys =
        read(file).map_err(|why| failed(&why, "correct it, or put it back"))?.ok_or_else(|| {
            let message = format!("there is no file {} with keys for secrets", file.display());
            let hint = "the host makes it on its first start; name the data directory with --data-dir, or make it anew with --lost if \
                        it is gone for good";
            Failure::new(Code::NotFound, "vault", message, hint)
        })?;
    if keys.len() >= MOST_KEYS {
        let hint = "take lines off its end once nothing is encrypted with these keys any more";
        return Err(failed(&format!("it has {} keys, and no more are read", keys.len()), hint));
    }
    let new = VaultKey::generate().map_err(|error| failed(&error.to_string(), "try again"))?;
    keys.insert(0, new);
    let hint = "a file among the credentials of systemd is changed where systemd takes it from";
    replace(file, &keys).map_err(|error| failed(&error.to_string(), hint))?;
    Ok(keys.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_private_and_a_new_one_goes_before_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(NAME);
        assert_eq!(read(&file), Ok(None));
        assert!(rotate(&file, false).is_err_and(|failure| failure.code == Code::NotFound));
        assert_eq!(rotate(&file, true).unwrap(), 1, "it is lost");
        fs::remove_file(&file).unwrap();
        let first = make(&file).unwrap().remove(0);
        let mode = || fs::metadata(&file).unwrap().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        assert_eq!(read(&file), Ok(Some(vec![first.clone()])));
        // Another host was faster.
        assert_eq!(make(&file), Ok(vec![first.clone()]));
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(NAME, &link).unwrap();
        assert_eq!(rotate(&link, false).unwrap(), 2);
        assert_eq!((mode(), fs::symlink_metadata(&link).unwrap().is_symlink()), (0o640, true));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing is left beside them");
        let keys = read(&file).unwrap().unwrap();
        assert_eq!(keys[1], first);
        assert_ne!(keys[0], first);
        fs::write(&file, "something else").unwrap();
        assert!(read(&file).is_err() && rotate(&file, true).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "something else");
    }
}

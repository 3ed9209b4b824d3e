//! The file with the keys by which secret values are encrypted. The host makes it on its first start, and never replaces one: a
//! key that is lost takes its secrets along, so the operator is told, and everything else goes on.
//!
//! It is the file of the setting `datastore.key_file`, or `petrel-key` in `$CREDENTIALS_DIRECTORY`, as systemd passes it on, or
//! [`NAME`] in the data directory. `petrel_engine::vault` has its form.

use std::collections::BTreeSet;
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

/// The missing keys that are named.
const MOST_NAMED: usize = 5;

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
            of_store(keys, &file, store).await?
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

/// A vault with `keys`. It seals only if what is stored was sealed by one of them, or the operator has said that the keys of then
/// are lost: a wrong file would have new secrets that nobody can read once the right one is back.
async fn of_store(keys: Vec<VaultKey>, file: &Path, store: &dyn Store) -> Result<Vault, Failure> {
    let known = sealed_by(store).await?;
    let is_here = |id: &String| keys.iter().any(|key| key.id() == id);
    let missing: Vec<&str> = known.iter().filter(|id| !is_here(id)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(Vault::new(keys));
    }
    let more = if missing.len() > MOST_NAMED { " and others" } else { "" };
    let named = missing.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    if known.iter().any(is_here) || keys.iter().any(VaultKey::is_begun_anew) {
        tracing::warn!(
            keys = format!("{named}{more}"),
            file = %file.display(),
            "the file with the keys for secrets lacks some with which secrets were encrypted, and what they alone open cannot be read; \
             `petrel store add-key FILE` adds those of another file"
        );
        return Ok(Vault::new(keys));
    }
    let why = format!(
        "the file {} has none of the keys with which the secrets in this store were encrypted ({named}{more}); put the file with \
         these back, or add its keys with `petrel store add-key FILE`, and start the host again; if they are lost for good, stop \
         the host, make a new key with `petrel store rotate-key --lost`, and set these secrets again",
        file.display()
    );
    tracing::error!(
        why,
        "the key for secrets is not that of the store, so none can be stored or read; everything else goes on"
    );
    Ok(Vault::foreign(keys, why))
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
    make_with(file, VaultKey::generate().map_err(|error| error.to_string())?)
}

fn make_with(file: &Path, key: VaultKey) -> Result<Vec<VaultKey>, String> {
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

fn unreadable(error: &petrel_persistence::Error) -> Failure {
    Failure::new(Code::Server, "store", error.to_string(), "`petrel store check` shows what is damaged")
}

/// The ids of the keys with which something in the store is encrypted.
async fn sealed_by(store: &dyn Store) -> Result<BTreeSet<String>, Failure> {
    let shared = store.all::<KeyValue>().await.map_err(|error| unreadable(&error))?;
    let of_users = store.all::<UserKeyValue>().await.map_err(|error| unreadable(&error))?;
    let keys = shared.iter().chain(of_users.iter().map(|one| &one.key)).filter(|key| key.secret);
    let mut ids: BTreeSet<_> = keys.filter_map(|key| Vault::key_of(&key.value)).map(str::to_owned).collect();
    ids.extend(store.sealed_by().map_err(|error| unreadable(&error))?);
    Ok(ids)
}

/// Whether something in the store is encrypted.
async fn has_secrets(store: &dyn Store) -> Result<bool, Failure> {
    // After a restore it is known only of rows that were looked at.
    store.all::<PackConfig>().await.map_err(|error| unreadable(&error))?;
    if store.holds_sealed() {
        return Ok(true);
    }
    let shared = store.all::<KeyValue>().await.map_err(|error| unreadable(&error))?;
    let of_users = store.all::<UserKeyValue>().await.map_err(|error| unreadable(&error))?;
    Ok(shared.iter().any(|key| key.secret) || of_users.iter().any(|one| one.key.secret))
}

/// Puts a new key before those in the file, and returns the number of keys. The host seals with it from its next start on. If what
/// was there before `is_lost`, the file is made anew where it is not there, and the new key seals whatever is in the store.
///
/// # Errors
/// When there is no such file, or it cannot be read or written.
pub(crate) fn rotate(file: &Path, is_lost: bool) -> Result<usize, Failure> {
    let new = VaultKey::generate().map_err(|error| failed(file, &error.to_string(), "try again"))?;
    let new = if is_lost { new.begun_anew() } else { new };
    if is_lost && !file.exists() {
        let made = make_with(file, new).map_err(|why| failed(file, &why, "correct that, and try again"))?;
        return Ok(made.len());
    }
    let mut keys = present(file)?.ok_or_else(|| {
        let hint = "the host makes it on its first start; name the data directory with --data-dir, or make it anew with --lost if \
                    it is gone for good";
        none_there(file, hint)
    })?;
    keys.insert(0, new);
    store_all(file, &keys)?;
    Ok(keys.len())
}

/// Adds the keys in the file `from` behind those in `file`, as far as they are not there. Returns the number of these, and of all.
///
/// # Errors
/// When one of the files is not there, or cannot be read or written.
pub(crate) fn add(file: &Path, from: &Path) -> Result<(usize, usize), Failure> {
    let others = present(from)?.ok_or_else(|| {
        none_there(from, "name the file vault-key of another data directory, or a copy of it")
    })?;
    let mut keys = present(file)?.ok_or_else(|| {
        none_there(file, "copy the other file to that place, or name the data directory with --data-dir")
    })?;
    let before = keys.len();
    for key in others {
        if keys.iter().all(|known| known.id() != key.id()) {
            keys.push(key.added());
        }
    }
    if keys.len() > before {
        store_all(file, &keys)?;
    }
    Ok((keys.len() - before, keys.len()))
}

fn failed(file: &Path, why: &str, hint: &str) -> Failure {
    Failure::new(Code::Server, "vault", format!("{} cannot be changed: {why}", file.display()), hint)
}

fn none_there(file: &Path, hint: &str) -> Failure {
    let message = format!("there is no file {} with keys for secrets", file.display());
    Failure::new(Code::NotFound, "vault", message, hint)
}

/// The keys in a file that somebody has named, if it is there.
fn present(file: &Path) -> Result<Option<Vec<VaultKey>>, Failure> {
    read(file).map_err(|why| {
        let message = format!("the keys in {} cannot be read: {why}", file.display());
        Failure::new(Code::Server, "vault", message, "correct it, or put it back")
    })
}

/// Replaces the keys in the file, of which there may not be too many.
fn store_all(file: &Path, keys: &[VaultKey]) -> Result<(), Failure> {
    if keys.len() > MOST_KEYS {
        let hint = "take lines off its end once nothing is encrypted with these keys any more";
        return Err(failed(
            file,
            &format!("it would have {} keys, and no more than {MOST_KEYS} are read", keys.len()),
            hint,
        ));
    }
    let hint = "a file among the credentials of systemd is changed where systemd takes it from";
    replace(file, keys).map_err(|error| failed(file, &error.to_string(), hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_another_file_are_added_once_and_a_lost_key_is_said_to_be() {
        let place = tempfile::tempdir().unwrap();
        let (file, other) = (place.path().join(NAME), place.path().join("other"));
        assert!(add(&file, &other).is_err_and(|failure| failure.code == Code::NotFound));
        let there = make(&other).unwrap().remove(0);
        assert!(add(&file, &other).is_err_and(|failure| failure.code == Code::NotFound));
        let own = make(&file).unwrap().remove(0);
        assert_eq!(add(&file, &other).unwrap(), (1, 2));
        assert_eq!(add(&file, &other).unwrap(), (0, 2));
        assert_eq!(read(&file), Ok(Some(vec![own, there])), "that of before encrypts");
        assert_eq!(rotate(&file, true).unwrap(), 3);
        let marks: Vec<_> = read(&file).unwrap().unwrap().iter().map(VaultKey::is_begun_anew).collect();
        assert_eq!(marks, [true, false, false]);
        // That the keys of this store are lost is not said of the other one.
        assert_eq!(add(&other, &file).unwrap(), (2, 3));
        assert!(!read(&other).unwrap().unwrap().iter().any(VaultKey::is_begun_anew));
    }

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

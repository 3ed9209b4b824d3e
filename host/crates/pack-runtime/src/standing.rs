//! The rights of packs as they are now, and what serves them. What follows from rights is decided in
//! `petrel_model::capabilities`; the service of the catalog hands over the table of all rights whenever it changes.

mod sparing;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use petrel_model::capabilities::{Access, Mount, Rights, RightsTable};
use petrel_runners::asked::KeyValues;

use sparing::Sparing;
use uses::Uses;

/// The rights of all packs at any moment, and what is counted of their use. By default nobody has any.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    table: RwLock<Arc<RightsTable>>,
    /// The directories of the host that components of any pack write to.
    written: RwLock<BTreeSet<PathBuf>>,
    pub(crate) uses: Uses,
    /// The lines of the audit log about denials.
    pub(crate) denials: Sparing,
    /// The lines of the audit log about secrets that are sent.
    pub(crate) sent: Sparing,
    keys: Shelf,
    /// The number of calls of each pack that wait for others.
    waiting: Mutex<BTreeMap<String, usize>>,
}

/// What has the keys of the host, once it is there.
#[derive(Default)]
struct Shelf(RwLock<Option<Arc<dyn KeyValues>>>);

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// A place among the calls that wait for others. They keep their memory meanwhile, and their place of the component, so
/// that some must be left for those that they wait for.
#[derive(Debug)]
pub(crate) struct Waiting {
    standing: Arc<Standing>,
    pack: String,
}

impl Waiting {
    /// Takes a place for a call of `pack`, of which there are `most`. One pack has three quarters of them at most.
    pub(crate) fn take(standing: &Arc<Standing>, pack: &str, most: usize) -> Option<Self> {
        let mut waiting = standing.waiting();
        let (all, own) = (waiting.values().sum::<usize>(), waiting.get(pack).copied().unwrap_or_default());
        if all >= most || own >= most - most / 4 {
            return None;
        }
        waiting.insert(pack.to_owned(), own + 1);
        drop(waiting);
        Some(Self { standing: Arc::clone(standing), pack: pack.to_owned() })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.standing.waiting();
        if let Some(own) = waiting.get_mut(&self.pack) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                waiting.remove(&self.pack);
            }
        }
    }
}

impl Standing {
    /// Takes the rights that count from now on.
    pub(crate) fn set(&self, table: &Arc<RightsTable>) {
        let mut shown = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&shown, table) {
            let mounts = table.values().flat_map(|rights| &rights.mounts);
            let written = mounts.filter(|mount| mount.access == Access::ReadWrite);
            let written = written.map(|mount| mount.host_path.clone()).collect();
            *self.written.write().unwrap_or_else(PoisonError::into_inner) = written;
            *shown = Arc::clone(table);
        }
    }

    /// The outermost directory around this one that components write to.
    pub(crate) fn written_around(&self, directory: &Path) -> Option<PathBuf> {
        let written = self.written.read().unwrap_or_else(PoisonError::into_inner);
        let around = written.iter().filter(|known| *known != directory && directory.starts_with(known));
        around.min_by_key(|known| known.components().count()).cloned()
    }

    /// Takes what has the keys of the host.
    pub(crate) fn take_keys(&self, keys: &Arc<dyn KeyValues>) {
        *self.keys.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(keys));
    }

    /// What has the keys of the host, if it has any.
    pub(crate) fn keys(&self) -> Option<Arc<dyn KeyValues>> {
        self.keys.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rights of `pack` now.
    pub(crate) fn of(&self, pack: &str) -> Arc<Rights> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let found = table.get(pack).map(Arc::clone);
        found.unwrap_or_else(|| Arc::new(Rights { pack: pack.to_owned(), ..Rights::default() }))
    }

    /// Whether `pack` still has all of `mounts`, which a call was given at its beginning, or more.
    pub(crate) fn has_still(&self, pack: &str, mounts: &[Mount]) -> bool {
        let now = self.of(pack);
        let is_still = |mount: &Mount, known: &Mount| {
            known.host_path == mount.host_path
                && known.guest_path == mount.guest_path
                && known.access >= mount.access
        };
        mounts.iter().all(|mount| now.mounts.iter().any(|known| is_still(mount, known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_lost_when_it_is_taken_back_or_cut_and_not_when_it_grows() {
        let mounts =
            |texts: &[&str]| -> Vec<Mount> { texts.iter().map(|text| Mount::parse(text).unwrap()).collect() };
        let standing = Standing::default();
        for (given, now, expected) in [
            (&["/srv:/in"][..], &["/srv:/in"][..], true),
            (&["/srv:/in"], &["/srv:/in:rw", "/var:/more"], true),
            (&["/srv:/in:rw"], &["/srv:/in"], false),
            (&["/srv:/in"], &["/var:/in"], false),
            (&["/srv:/in", "/var:/out"], &["/srv:/in"], false),
            (&[], &[], true),
        ] {
            let rights = Rights { pack: "p".into(), mounts: mounts(now), ..Rights::default() };
            standing.set(&Arc::new([("p".to_owned(), Arc::new(rights))].into()));
            assert_eq!(standing.has_still("p", &mounts(given)), expected, "{given:?} and {now:?}");
        }
    }

    #[test]
    fn a_directory_lies_in_the_outermost_one_that_is_written_to() {
        let standing = Standing::default();
        let rights = |pack: &str, texts: &[&str]| {
            let mounts = texts.iter().map(|text| Mount::parse(text).unwrap()).collect();
            (pack.to_owned(), Arc::new(Rights { pack: pack.into(), mounts, ..Rights::default() }))
        };
        let table = [rights("p", &["/srv/a:/in:rw", "/srv/a/b:/on:rw"]), rights("q", &["/srv:/in"])];
        standing.set(&Arc::new(table.into()));
        for (directory, expected) in [
            ("/srv/a/b/c", Some("/srv/a")),
            ("/srv/a/b", Some("/srv/a")),
            ("/srv/a", None),
            ("/srv/ab", None),
            ("/srv", None),
        ] {
            assert_eq!(standing.written_around(Path::new(directory)).as_deref(), expected.map(Path::new));
        }
    }

    #[test]
    fn only_so_many_calls_wait_for_others() {
        let standing = Arc::new(Standing::default());
        let take = |pack: &str| Waiting::take(&standing, pack, 4);
        let of_one: Vec<_> = std::iter::from_fn(|| take("p")).collect();
        assert_eq!(of_one.len(), 3, "one is left for other packs");
        let other = take("q").unwrap();
        assert!(take("r").is_none());
        drop((of_one, other));
        assert!(Waiting::take(&standing, "p", 1).is_some());
        assert!(standing.waiting().is_empty());
    }
}

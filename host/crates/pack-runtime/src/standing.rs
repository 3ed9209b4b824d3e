//! The rights of packs as they are now. What follows from them is decided in `petrel_model::capabilities`; the service of the
//! catalog hands over the table of all rights whenever it changes.

mod sparing;
mod uses;

use std::sync::{Arc, PoisonError, RwLock};

use petrel_model::capabilities::{Mount, Rights, RightsTable};

use sparing::Sparing;
use uses::Uses;

/// The rights of all packs at any moment, and what is counted of their use. By default nobody has any.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    table: RwLock<Arc<RightsTable>>,
    pub(crate) uses: Uses,
    /// The lines of the audit log about denials.
    pub(crate) denials: Sparing,
}

impl Standing {
    /// Takes the rights that count from now on.
    pub(crate) fn set(&self, table: &Arc<RightsTable>) {
        let mut shown = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&shown, table) {
            *shown = Arc::clone(table);
        }
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
}

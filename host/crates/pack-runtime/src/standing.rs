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

    /// Whether `pack` still has all of `mounts`, which a call was given at its beginning.
    pub(crate) fn has_still(&self, pack: &str, mounts: &[Mount]) -> bool {
        let now = self.of(pack);
        mounts.iter().all(|mount| now.mounts.contains(mount))
    }
}

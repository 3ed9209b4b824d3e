//! What packs are granted, and their rights that follow.

use std::sync::Arc;

use petrel_model::capabilities::{Given, Granted, Rights, RightsTable};
use petrel_model::{Pack, PackGrant};

use super::Content;

impl Content {
    /// The grant of the operator to a pack, if there is one.
    pub fn grant(&self, pack: &str) -> Option<&Arc<PackGrant>> {
        self.grants.get(pack)
    }

    /// What the settings grant to a pack, if they do.
    pub fn granted_by_settings(&self, pack: &str) -> Option<&Granted> {
        self.given.grants.get(pack)
    }

    /// The rights of a pack. One that is not registered has none.
    pub fn rights(&self, pack: &str) -> Arc<Rights> {
        let none = || Arc::new(Rights { pack: pack.to_owned(), ..Rights::default() });
        self.rights.get(pack).map_or_else(none, Arc::clone)
    }

    /// The rights that a pack would have with that request and that grant.
    pub(crate) fn rights_with(&self, pack: &Pack, grant: Option<&PackGrant>) -> Rights {
        Rights::of(&pack.reference, pack.capabilities.as_deref(), grant, &self.given)
    }

    /// The rights of all packs.
    pub(crate) fn all_rights(&self) -> &Arc<RightsTable> {
        &self.rights
    }

    /// Sets what the settings grant, before anything is registered.
    pub(super) fn give(&mut self, given: Given) {
        self.given = Arc::new(given);
    }

    /// Sets or removes the grant to a pack.
    pub(crate) fn put_grant(&mut self, pack: &str, grant: Option<PackGrant>) {
        let grants = Arc::make_mut(&mut self.grants);
        match grant {
            Some(grant) => drop(grants.insert(pack.to_owned(), Arc::new(grant))),
            None => drop(grants.remove(pack)),
        }
        self.settle_rights(pack);
    }

    /// Makes the rights of a pack anew, after its request or its grant has changed.
    pub(super) fn settle_rights(&mut self, name: &str) {
        let rights = self.packs.get(name).map(|pack| {
            let grant = self.grants.get(name).map(Arc::as_ref);
            Arc::new(self.rights_with(pack, grant))
        });
        let table = Arc::make_mut(&mut self.rights);
        match rights {
            Some(rights) => drop(table.insert(name.to_owned(), rights)),
            None => drop(table.remove(name)),
        }
    }
}

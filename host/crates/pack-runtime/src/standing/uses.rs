//! How often the components of packs have used what their packs ask for, since the host began. In memory only: it shows
//! what was never needed, and is no account.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most capabilities that are counted: far more than packs of one host ask for.
const MOST: usize = 10_000;

/// The number of uses, by pack and by kind and name.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<String, BTreeMap<String, u64>>>);

impl Uses {
    /// Counts a use of what `pack` asks for by this kind and name.
    pub(crate) fn count(&self, pack: &str, kind: &str, name: &str) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = uses.values().map(BTreeMap::len).sum::<usize>() >= MOST;
        let key = format!("{kind} {name}");
        let of_pack = match uses.get_mut(pack) {
            Some(of_pack) => of_pack,
            None => uses.entry(pack.to_owned()).or_default(),
        };
        match of_pack.get_mut(&key) {
            Some(count) => *count += 1,
            None if is_full => {}
            None => drop(of_pack.insert(key, 1)),
        }
    }

    /// The uses by `pack`.
    pub(crate) fn of(&self, pack: &str) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(pack).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_counted_by_pack_and_name() {
        let uses = Uses::default();
        for (pack, name) in [("a", "api"), ("a", "api"), ("a", "other"), ("b", "api")] {
            uses.count(pack, "http", name);
        }
        let of_a: Vec<_> = uses.of("a").into_iter().collect();
        assert_eq!(of_a, [("http api".to_owned(), 2), ("http other".to_owned(), 1)]);
        assert!(uses.of("c").is_empty());
    }
}

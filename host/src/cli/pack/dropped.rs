//! What leaves the lock on this machine: packs that are removed, and those that come from a directory or the binary from now on. Their
//! versions stay where they were installed, which is told.

use std::path::Path;

use petrel_api_types as wire;
use serde_json::Value;

use super::installed::Installed;
use crate::client::read;
use crate::print;
use crate::registries::Registries;

/// Takes a removed pack out of the lock.
pub(super) fn by_removal(pack: &str) {
    let Ok(registries) = Registries::of_machine() else { return };
    unlock(&registries, pack);
    let left = left(pack, Installed::count(&registries.data_dir, pack));
    left.iter().for_each(|left| print::note(&format!("note: {left}")));
}

/// Takes the packs that the host has registered from anything but an artifact out of the lock, which would bring back another one.
pub(super) fn by_registration(answer: &Value) {
    let Ok(registration) = read::<wire::Registration<'_>>(answer) else { return };
    let Ok(registries) = Registries::of_machine() else { return };
    for pack in registration.registered().filter(|pack| pack.artifact.is_none()) {
        // Hosts of before did not keep where an installed pack came from.
        let is_installed = Installed::has(&registries.data_dir, Path::new(&*pack.path));
        if is_installed || !unlock(&registries, &pack.reference) {
            continue;
        }
        let left = left(&pack.reference, Installed::count(&registries.data_dir, &pack.reference));
        let left = left.map(|left| format!("; {left}")).unwrap_or_default();
        print::note(&format!("note: {} is no longer in the lock{left}", pack.reference));
    }
}

/// The words for the installed versions of a pack of which none is active.
fn left(pack: &str, count: usize) -> Option<String> {
    let versions = print::counted(count as u64, "version");
    (count > 0).then(|| {
        format!(
            "{versions} of {pack} left in packs/installed: `petrel pack rollback {pack}` makes the last one active again, and \
             `petrel pack gc` deletes those of packs that are removed"
        )
    })
}

/// Takes a pack out of the lock, and returns whether it was there. The host has changed already, so a lock that cannot be written is
/// only noted.
fn unlock(registries: &Registries, pack: &str) -> bool {
    let Ok(mut lock) = registries.lock() else { return false };
    let was_there = lock.remove(pack);
    if was_there && let Err(error) = lock.write(&registries.lock_file) {
        print::note(&format!("note: {}; {}", error.message, error.hint));
    }
    was_there
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_pack_is_told_with_both_ways() {
        assert_eq!(left("mine", 0), None);
        for (count, begins) in [(1, "1 version of mine"), (2, "2 versions of mine")] {
            let told = left("mine", count).unwrap();
            assert!(told.starts_with(begins) && told.contains("rollback mine"), "{told}");
            assert!(told.contains("`petrel pack gc`"), "{told}");
        }
    }
}

//! The host's own control group (cgroup v2), the *home*, in which every process that it starts is born. A process does
//! not leave it by `setsid`, by emptying its environment, by losing its parent, or by the end of the host. So a later
//! host finds there what an earlier one has left, however it tried to hide.
//!
//! The host enters its home once, at its start. A group for each execution would be more exact, but moving a process
//! blocks the whole machine (about 10 ms), and starting one in another group needs `unsafe`. The group has no
//! controllers: it limits nothing.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::getpid;

/// Prefix of the names of homes.
const PREFIX: &str = "petrel-host-";
/// The file that lists the processes of a group. Writing a number to it moves that process there.
const PROCESSES: &str = "cgroup.procs";
/// Attempts to make a home, since another host may take it for an abandoned one and remove it while it is empty.
const TRIES: usize = 5;

/// The home that this process has entered, and whether it existed before.
static ENTERED: Mutex<Option<(PathBuf, bool)>> = Mutex::new(None);

/// Proof that this process is in its home. Dropping it moves the process back.
#[derive(Debug)]
pub(super) struct Home {
    /// The directory of the group.
    pub(super) path: PathBuf,
    parent: PathBuf,
}

impl Home {
    /// Enters the home of the host with this data directory. It has the same name each time.
    ///
    /// # Errors
    /// If there is no cgroup v2, or this process may not create groups below its own.
    pub(super) fn enter(data_dir: &Path) -> io::Result<Self> {
        let place = fs::metadata(data_dir)?;
        let parent = own_group()?;
        let path = parent.join(format!("{PREFIX}{:x}-{:x}", place.dev(), place.ino()));
        clear_away(&parent, &path);
        // A host that was killed leaves its home behind.
        let was_there = path.exists();
        let mut made = make(&path);
        for _ in 1..TRIES {
            if !made.as_ref().is_err_and(is_gone) {
                break;
            }
            made = make(&path);
        }
        if let Err(error) = made {
            // The kernel removes empty groups only.
            let _ = fs::remove_dir(&path);
            return Err(error);
        }
        *ENTERED.lock().unwrap_or_else(PoisonError::into_inner) = Some((path.clone(), was_there));
        Ok(Self { path, parent })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        *ENTERED.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // A home that is not empty stays, for the next host to search.
        if go_into(&self.parent).is_ok() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether an earlier host has left its home, and with it all processes that it has left.
pub(super) fn was_there() -> bool {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|(_, was_there)| *was_there)
}

/// The numbers of all other processes in the home of this one. Empty if it has none.
pub(super) fn others() -> Vec<i32> {
    let entered = ENTERED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ids = entered.and_then(|(path, _)| fs::read_to_string(path.join(PROCESSES)).ok()).unwrap_or_default();
    let own = getpid().as_raw_pid();
    ids.lines().filter_map(|id| id.parse().ok()).filter(|id| *id != own).collect()
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => go_into(path),
    }
}

/// Whether an error means that somebody has removed the group.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

/// Moves this process to `group`.
fn go_into(group: &Path) -> io::Result<()> {
    // 0 stands for the process that writes.
    OpenOptions::new().write(true).open(group.join(PROCESSES))?.write_all(b"0")
}

/// Removes the homes of hosts that were killed, as far as they are empty.
fn clear_away(parent: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let is_home = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(PREFIX));
    for home in entries.flatten().filter(|entry| is_home(&entry.file_name())).map(|entry| entry.path()) {
        if home != own {
            // Fails, as it should, if somebody is in it.
            let _ = fs::remove_dir(&home);
        }
    }
}

/// The directory of the group that this process is in.
fn own_group() -> io::Result<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    locate(&groups, &mounts).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no cgroup v2 is mounted"))
}

/// The directory of a group, from the contents of `/proc/ID/cgroup` and `/proc/ID/mountinfo`. A line of the latter is
/// `36 25 0:31 ROOT DIRECTORY OPTIONS - cgroup2 cgroup2 OPTIONS`.
fn locate(groups: &str, mounts: &str) -> Option<PathBuf> {
    // Lines with another prefix are about cgroup v1.
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        source.starts_with("cgroup2 ").then_some(())?;
        let mut fields = mount.split(' ').skip(3);
        let (root, directory) = (fields.next()?, fields.next()?);
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(directory).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    const BESIDE_THE_FIRST: &str = "25 23 0:22 / /proc rw - proc proc rw\n\
        31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const INSIDE: &str = "30 23 0:26 /box /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_group_is_found_where_it_is_mounted() {
        for (groups, mounts, expected) in [
            ("0::/user.slice/a.scope\n", ALONE, Some("/sys/fs/cgroup/user.slice/a.scope")),
            ("8:pids:/x\n4:memory:/y\n0::/\n", BESIDE_THE_FIRST, Some("/sys/fs/cgroup/unified")),
            ("0::/box/in\n", INSIDE, Some("/sys/fs/cgroup/in")),
            ("0::/elsewhere\n", INSIDE, None),
            ("8:pids:/x\n", ALONE, None),
            ("0::/\n", "25 23 0:22 / /proc rw - proc proc rw\n", None),
            ("", "", None),
        ] {
            assert_eq!(locate(groups, mounts).as_deref(), expected.map(Path::new), "{groups}{mounts}");
        }
    }
}

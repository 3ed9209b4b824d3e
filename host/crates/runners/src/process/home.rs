//! A control group (cgroup v2) of the host's own, in which everything is born that it starts: the *home*. Nobody leaves
//! it by `setsid`, by emptying the environment or by losing the parent, nor by the end of the host. So a later host
//! finds there what an earlier one has left, whatever it did to hide.
//!
//! The host goes into it once, at its start. A group for each execution would say more, but moving a process waits for
//! the whole machine (about 10 ms), and being born elsewhere is not to be had without `unsafe`. It has no controllers:
//! nothing is limited by it.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::getpid;

/// How the names of homes begin.
const PREFIX: &str = "petrel-host-";
/// The file that has the numbers of the processes in a group; who writes one to it moves that process there.
const PROCESSES: &str = "cgroup.procs";
/// How often a home is made that another host takes for an empty one that was left, and clears away.
const TRIES: usize = 5;

/// Where this process has gone into, and whether it was there before.
static ENTERED: Mutex<Option<(PathBuf, bool)>> = Mutex::new(None);

/// That this process is in its home. It goes back to where it was when this is dropped.
#[derive(Debug)]
pub(super) struct Home {
    /// The directory of the group.
    pub(super) path: PathBuf,
    parent: PathBuf,
}

impl Home {
    /// Goes into the home of the host that has this data directory, which is the same one each time.
    ///
    /// # Errors
    /// When there is no cgroup v2, or this process may not make groups below its own.
    pub(super) fn enter(data_dir: &Path) -> io::Result<Self> {
        let place = fs::metadata(data_dir)?;
        let parent = own_group()?;
        let path = parent.join(format!("{PREFIX}{:x}-{:x}", place.dev(), place.ino()));
        clear_away(&parent, &path);
        // It stays where its host was killed.
        let was_there = path.exists();
        let mut made = make(&path);
        for _ in 1..TRIES {
            if !made.as_ref().is_err_and(is_gone) {
                break;
            }
            made = make(&path);
        }
        if let Err(error) = made {
            // Only an empty one can be removed.
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
        // It stays where somebody is left in it, for the next host to find.
        if go_into(&self.parent).is_ok() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether an earlier host has left its home, in which all is that it has left.
pub(super) fn was_there() -> bool {
    ENTERED.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|(_, was_there)| *was_there)
}

/// The numbers of all who are in the home of this process, but for this one; nobody when it has none.
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

/// Whether it failed since somebody has removed the group.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

/// Moves this process.
fn go_into(group: &Path) -> io::Result<()> {
    // 0 is who writes it.
    OpenOptions::new().write(true).open(group.join(PROCESSES))?.write_all(b"0")
}

/// Removes the homes of hosts that were killed, as far as nobody is in them.
fn clear_away(parent: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let is_home = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(PREFIX));
    for home in entries.flatten().filter(|entry| is_home(&entry.file_name())).map(|entry| entry.path()) {
        if home != own {
            // Refused where somebody is in it.
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

/// The directory of a group, given what `/proc/ID/cgroup` says of who is in it and `/proc/ID/mountinfo` of what is
/// mounted: `36 25 0:31 ROOT DIRECTORY OPTIONS - cgroup2 cgroup2 OPTIONS`.
fn locate(groups: &str, mounts: &str) -> Option<PathBuf> {
    // The others are of the first version.
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

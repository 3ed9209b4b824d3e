//! A directory that is mounted for one component, and lies in another one that components write to: these could put a link
//! in its place, which the host would follow out of both. So it is opened part by part, and no link is followed.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// Such a directory, open.
#[derive(Debug)]
pub(super) struct Within(OwnedFd);

/// A part of the path that leads elsewhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "it lies in {}, which components write to, and {part} in it is a link or no directory; mount the directory itself", .around.display()
)]
struct LeadsElsewhere {
    around: PathBuf,
    part: String,
}

impl Within {
    /// Opens `directory`, which lies in `around`.
    pub(super) fn open(around: &Path, directory: &Path) -> wasmtime::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut open = openat(CWD, around, flags, Mode::empty())?;
        for part in directory.strip_prefix(around)?.components() {
            let elsewhere = || LeadsElsewhere {
                around: around.to_owned(),
                part: part.as_os_str().to_string_lossy().into_owned(),
            };
            let Component::Normal(name) = part else { return Err(elsewhere().into()) };
            open = match openat(&open, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(elsewhere().into()),
                opened => opened?,
            };
        }
        Ok(Self(open))
    }

    /// A path to it for as long as it is open.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

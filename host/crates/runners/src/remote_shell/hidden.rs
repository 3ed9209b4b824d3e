//! Files that are in memory only, and that ssh opens by a path: the private key, what it is asked for, what it knows of
//! hosts and what it has to tell. No secret is on a command line, in an environment or on a disk, and a host that is killed
//! leaves nothing behind.
//!
//! A path leads through `/proc` to the host's own descriptor, so only its user (and root) can open it, as its memory.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use rustix::process::{DumpableBehavior, dumpable_behavior, geteuid};

/// Bytes that are read of what ssh has written.
const MOST: usize = 256 << 10;

/// A file in memory. It is gone when it is dropped.
#[derive(Debug)]
pub(super) struct HiddenFile(File);

impl HiddenFile {
    /// Makes a file that its owner can read and write.
    ///
    /// # Errors
    /// When the host may open no more files, or nobody else could read it.
    pub(super) fn new(content: &[u8]) -> io::Result<Self> {
        Self::with_mode(content, Mode::RUSR | Mode::WUSR)
    }

    /// Makes a file that its owner can run.
    ///
    /// # Errors
    /// When the host may open no more files, or nobody else could read it.
    pub(super) fn program(content: &[u8]) -> io::Result<Self> {
        Self::with_mode(content, Mode::RUSR | Mode::XUSR)
    }

    fn with_mode(content: &[u8], mode: Mode) -> io::Result<Self> {
        // Of a process that has more rights than who started it, as by capabilities of its file, others see no descriptor.
        let is_open = dumpable_behavior().is_ok_and(|how| how == DumpableBehavior::Dumpable);
        if !is_open && !geteuid().is_root() {
            let why = "what the host has open is closed to other processes of its user";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        // Closed when a program is started: those that may read it open it by its path.
        let mut file = File::from(memfd_create("petrel-ssh", MemfdFlags::CLOEXEC)?);
        file.write_all(content)?;
        // Keys that others could read are refused by ssh.
        fchmod(&file, mode)?;
        Ok(Self(file))
    }

    /// The path by which processes of the same user open it.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// The beginning of what is in it now.
    pub(super) fn read(&self) -> String {
        let (mut bytes, mut length) = (vec![0; 16 << 10], 0);
        while length < MOST {
            let Some(free) = bytes.get_mut(length..) else { break };
            match self.0.read_at(free, length as u64) {
                Ok(0) | Err(_) => break,
                Ok(count) => length += count,
            }
            if length == bytes.len() {
                bytes.resize(length * 2, 0);
            }
        }
        bytes.truncate(length);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The remedy where no file could be made.
pub(super) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "give the host its rights by AmbientCapabilities= of systemd, and take them off its file (setcap -r)"
        }
        _ => "let the host open more files (LimitNOFILE= of systemd), or run fewer at once",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_hidden_file_is_opened_by_its_path() {
        let file = HiddenFile::new(b"one\n").unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"one\n");
        assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let mut other = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
        other.write_all(&vec![b'x'; 40_000]).unwrap();
        assert_eq!(file.read().len(), 40_004);
        let path = file.path();
        drop(file);
        assert!(std::fs::read(path).is_err());
        let program = HiddenFile::program(b"#!/bin/sh\n").unwrap();
        assert_eq!(std::fs::metadata(program.path()).unwrap().permissions().mode() & 0o777, 0o500);
    }
}

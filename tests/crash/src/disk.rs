//! A disk whose power can be cut: ext4 in a file, behind a loop device.
//!
//! The cut is the file system's own shutdown without a flush of its log: from that moment nothing more
//! reaches the file, and mounting it again replays what had reached it, as after a loss of power. A
//! volatile cache in the disk itself is not modelled.
#![expect(unsafe_code, reason = "the shutdown of a file system is an ioctl")]

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

/// `FS_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`.
const SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// Without a flush of the log.
const NO_LOG_FLUSH: u32 = 2;

/// A mounted disk. It is unmounted when this is dropped.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
    is_mounted: bool,
    _directory: TempDir,
}

impl Disk {
    /// Whether such disks can be made here: by root, where there are loop devices. Otherwise why not.
    ///
    /// # Errors
    /// Never; the inner result is the answer.
    pub fn is_possible() -> Result<(), String> {
        // SAFETY: takes nothing and touches no memory of ours.
        if unsafe { libc::geteuid() } != 0 {
            return Err("cutting power needs root".into());
        }
        let made = Self::make(64).map_err(|error| format!("no loop device can be mounted: {error:#}"))?;
        drop(made);
        Ok(())
    }

    /// Makes an empty disk of so many MiB and mounts it.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn make(mib: u64) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("petrel-disk-")?;
        let (image, mount) = (directory.path().join("image"), directory.path().join("mount"));
        File::create(&image)?.set_len(mib << 20)?;
        fs::create_dir(&mount)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mut disk = Self { image, mount, is_mounted: false, _directory: directory };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    fn mount(&mut self) -> anyhow::Result<()> {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mount))?;
        self.is_mounted = true;
        Ok(())
    }

    /// Cuts the power: nothing more reaches the disk.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn cut_power(&self) -> anyhow::Result<()> {
        let root = File::open(&self.mount)?;
        let flags = NO_LOG_FLUSH;
        // SAFETY: the ioctl reads one u32 through the pointer, which outlives the call.
        let result = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const flags) };
        ensure!(result == 0, "cutting the power: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// Turns the power on again. Whoever used the disk must be gone.
    ///
    /// # Errors
    /// When it cannot be mounted any more.
    pub fn restore_power(&mut self) -> anyhow::Result<()> {
        self.unmount()?;
        self.mount()
    }

    fn unmount(&mut self) -> anyhow::Result<()> {
        for _ in 0..50 {
            if run(Command::new("umount").arg(&self.mount)).is_ok() {
                self.is_mounted = false;
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        bail!("{} is still in use", self.mount.display())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            drop(run(Command::new("umount").arg("-l").arg(&self.mount)));
        }
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

//! Signals to a process group.

use std::process::{Child, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{children, seal};

/// Sends a signal to a group, if there is one.
pub(super) fn signal(group: Option<Pid>, signal: Signal) {
    let Some(group) = group else { return };
    // An error other than `PERM` means that the group has already gone.
    if kill_process_group(group, signal) == Err(Errno::PERM) {
        // sudo started the group, so it belongs to root. A host that may use sudo to start it may also use it here.
        let number = if signal == Signal::TERM { "-TERM" } else { "-KILL" };
        let target = format!("-{}", group.as_raw_nonzero());
        let mut sudo = std::process::Command::new("sudo");
        sudo.args(["-n", "kill", number, "--", &target]).stdin(Stdio::null()).stderr(Stdio::null());
        let started = children::start(|| seal::without(|| sudo.spawn()), |sudo: &Child| Some(sudo.id()));
        let ended = started.and_then(|(_started, mut sudo)| sudo.wait());
        if !ended.is_ok_and(|status| status.success()) {
            tracing::warn!(process.group = %target, "failed to signal a process group of another user");
        }
    }
}

/// A process group that is killed when this is dropped, unless it was disarmed.
pub(super) struct Group(pub(super) Option<Pid>);

impl Group {
    /// Lets the group live on.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        signal(self.0.take(), Signal::KILL);
    }
}

//! Signals to a process group.

use std::process::{Child, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{children, seal};

/// Sends a signal to a group, if there is one.
pub(super) fn signal(group: Option<Pid>, signal: Signal) {
    let Some(group) = group else { return };
    // The group may be gone already, which is what we want.
    if kill_process_group(group, signal) == Err(Errno::PERM) {
        // What sudo started belongs to root; who may start it by sudo may end it so.
        let number = if signal == Signal::TERM { "-TERM" } else { "-KILL" };
        let target = format!("-{}", group.as_raw_nonzero());
        let mut sudo = std::process::Command::new("sudo");
        sudo.args(["-n", "kill", number, "--", &target]).stdin(Stdio::null()).stderr(Stdio::null());
        let started = children::start(|| seal::without(|| sudo.spawn()), |sudo: &Child| Some(sudo.id()));
        let ended = started.and_then(|(_started, mut sudo)| sudo.wait());
        if !ended.is_ok_and(|status| status.success()) {
            tracing::warn!(process.group = %target, "a process of another user cannot be signaled");
        }
    }
}

/// A process group that is killed when this is dropped armed.
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

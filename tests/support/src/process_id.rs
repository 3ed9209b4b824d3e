//! A process by its number: what the system knows about it, and signals to it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// The number of a process. It says nothing about whether that process still lives, or is still the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// Sends it a signal.
    ///
    /// # Errors
    /// When there is no such process, or it is somebody else's.
    pub fn signal(self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.0).ok().and_then(Pid::from_raw).context("a process has no number")?;
        kill_process(id, signal).with_context(|| format!("sending {signal:?} to the process {}", self.0))
    }

    /// Its resident memory now, in bytes; nothing when it is gone.
    pub fn resident(self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The most resident memory that it has had, in bytes; nothing when it is gone.
    pub fn largest(self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    /// The processor time that it has taken, with the processes it has waited for, to a hundredth of a second;
    /// nothing when it is gone.
    pub fn processor_time(self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // Fields 14 to 17 (utime, stime, cutime, cstime), counted behind the name in brackets; in hundredths.
        let fields = stat.rsplit(')').next()?.split_whitespace().skip(11).take(4);
        Some(Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10))
    }

    /// The control groups that it is in, a line each; empty when it is gone.
    pub fn control_groups(self) -> String {
        fs::read_to_string(format!("/proc/{}/cgroup", self.0)).unwrap_or_default()
    }

    fn memory(self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number() {
        let own = ProcessId(std::process::id());
        let (resident, largest) = (own.resident().unwrap(), own.largest().unwrap());
        assert!(resident > 1 << 16 && largest > 1 << 16, "{resident} {largest}");
        assert!(own.processor_time().is_some() && !own.control_groups().is_empty());
        let nobody = ProcessId(u32::MAX);
        assert!(nobody.resident().is_none() && nobody.processor_time().is_none());
        assert!(nobody.signal(Signal::TERM).is_err());
    }
}

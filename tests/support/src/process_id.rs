//! Processes by their ids: facts from the system, and signals.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// The id of a process. It does not tell whether the process still lives, or is still the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// Sends a signal to the process.
    ///
    /// # Errors
    /// When the process does not exist, or belongs to another user.
    pub fn signal(self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.0).ok().and_then(Pid::from_raw).context("a process has no number")?;
        kill_process(id, signal).with_context(|| format!("sending {signal:?} to the process {}", self.0))
    }

    /// The resident memory in bytes; `None` once the process is gone.
    pub fn resident(self) -> Option<u64> {
        self.memory("VmRSS:")
    }

    /// The peak of the resident memory in bytes; `None` once the process is gone.
    pub fn largest(self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    /// The processor time of the process and of the children that it has waited for, to a hundredth of a second;
    /// `None` once the process is gone.
    pub fn processor_time(self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // Fields 14 to 17 (utime, stime, cutime, cstime), in hundredths of a second. The name in brackets may contain
        // blanks, so fields are counted from its end.
        let fields = stat.rsplit(')').next()?.split_whitespace().skip(11).take(4);
        Some(Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10))
    }

    /// The control groups of the process, one on each line; empty once it is gone.
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

//! What a process takes of the machine, as `/proc` shows it.

use std::time::Duration;

use super::table::TICKS;

/// The memory and the processor time that a process takes, without its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub memory: u64,
    /// Processor time since its beginning.
    pub cpu: Duration,
}

impl Usage {
    /// That of the process with this number. `None` if it has gone.
    pub fn of(process: u32) -> Option<Self> {
        let read = |name: &str| {
            let bytes = std::fs::read(format!("/proc/{process}/{name}")).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        Self::parse(&read("stat")?, &read("status")?)
    }

    /// Parses `stat`, whose 14th and 15th fields are the ticks in user mode and in the kernel, and `status`.
    fn parse(stat: &str, status: &str) -> Option<Self> {
        // Searched from the right: a program chooses its own name, which may contain brackets and blanks.
        let (_, rest) = stat.rsplit_once(')')?;
        let ticks: Vec<u64> =
            rest.split_ascii_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        let [user, kernel] = ticks.as_slice() else { return None };
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
        let milliseconds = user.saturating_add(*kernel).saturating_mul(1_000 / TICKS);
        Some(Self { memory: kibibytes.saturating_mul(1 << 10), cpu: Duration::from_millis(milliseconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_are_read() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 90 0 0 0 12 30 0 0 20 0 1 0 5 0 0\n";
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t1\n";
        let expected = Usage { memory: 2 << 20, cpu: Duration::from_millis(420) };
        for (stat, status, expected) in [
            (stat, status, Some(expected)),
            // A zombie has no memory.
            (stat, "Name:\ta\n", None),
            ("7 (a) Z 1", status, None),
            ("", "", None),
        ] {
            assert_eq!(Usage::parse(stat, status), expected, "{stat} {status}");
        }
        assert!(Usage::of(std::process::id()).is_some_and(|usage| usage.memory > 0));
    }
}

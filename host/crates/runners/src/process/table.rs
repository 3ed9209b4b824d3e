//! The process table: all processes of the machine as `/proc` shows them, with parent and start.
//! [`marks`](super::marks) decides which of them belong to an execution.

use std::collections::BTreeSet;

use rustix::process::getpid;
use rustix::time::{ClockId, clock_gettime};

/// The identity of a process for its whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life {
    /// Process id. The kernel may reuse it later.
    pub(super) id: i32,
    /// Start of the process, in ticks since the start of the machine. With the id it identifies the process.
    pub(super) started_at: u64,
}

/// Ticks a second (`USER_HZ`), the unit of all times in `/proc`.
pub(super) const TICKS: u64 = 100;

/// Ticks since the start of the machine.
pub(super) fn now() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let part = u64::try_from(now.tv_nsec).unwrap_or_default() * TICKS / 1_000_000_000;
    u64::try_from(now.tv_sec).unwrap_or_default() * TICKS + part
}

/// A process at the moment of the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its identity.
    pub(super) life: Life,
    /// The id of its parent. Belongs to another process once the parent has ended.
    pub(super) parent: i32,
}

/// All processes but this one.
pub(super) fn all() -> Vec<Process> {
    let own = getpid().as_raw_pid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| *id != own).filter_map(read).collect()
}

/// One process. `None` if it has ended.
pub(super) fn read(id: i32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
    parse(id, &String::from_utf8_lossy(&stat))
}

/// Parses `/proc/ID/stat`: `ID (NAME) STATE PARENT ...`, where the 20th field is the number of threads and the 22nd the
/// start. `None` for a zombie.
fn parse(id: i32, stat: &str) -> Option<Process> {
    // Search from the right: a program chooses its own name, which may contain brackets and blanks.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let has_ended = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    let started_at = fields.nth(1)?.parse().ok()?;
    // This is the state of the main thread. Other threads may go on without it.
    if has_ended && threads <= 1 {
        return None;
    }
    Some(Process { life: Life { id, started_at }, parent })
}

/// The processes of `all` that `is_root` selects, and all their descendants.
pub(super) fn families(all: &[Process], is_root: impl Fn(&Process) -> bool) -> BTreeSet<Life> {
    let mut found: BTreeSet<Life> =
        all.iter().filter(|process| is_root(process)).map(|one| one.life).collect();
    let mut ids: BTreeSet<i32> = found.iter().map(|life| life.id).collect();
    loop {
        let before = ids.len();
        for process in all {
            if ids.contains(&process.parent) {
                ids.insert(process.life.id);
                found.insert(process.life);
            }
        }
        if ids.len() == before {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_program_calls_itself() {
        let tail = |threads: u32| format!("7 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 {threads} 0 12345 0 0");
        for (name, state, threads) in [
            ("sh", 'S', 1),
            ("a b", 'R', 3),
            (") S 1 (", 'T', 1),
            ("", 'S', 1),
            ("main thread ended", 'Z', 2),
        ] {
            let read = parse(9, &format!("9 ({name}) {state} {}", tail(threads)));
            assert_eq!(read, Some(Process { life: Life { id: 9, started_at: 12345 }, parent: 7 }), "{name}");
        }
        let ended = format!("9 (sh) Z {}", tail(1));
        for line in ["", "9 (sh", "9 (sh) S 7", &ended] {
            assert_eq!(parse(9, line), None, "{line}");
        }
    }

    #[test]
    fn a_process_begins_at_a_tick_between_those_before_and_after() {
        let before = now();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let began = read(id).unwrap().life.started_at;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!((before..=now()).contains(&began), "{before} {began}");
    }

    #[test]
    fn families_are_found_whatever_the_order() {
        let process = |id, parent| Process { life: Life { id, started_at: 0 }, parent };
        let all = [process(5, 4), process(4, 3), process(3, 1), process(9, 1), process(2, 9)];
        let ids = |root: i32| -> Vec<i32> {
            families(&all, |process| process.life.id == root).into_iter().map(|life| life.id).collect()
        };
        assert_eq!(ids(3), [3, 4, 5]);
        assert_eq!(ids(9), [2, 9]);
        assert!(ids(7).is_empty());
    }
}

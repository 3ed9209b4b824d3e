//! By what processes of executions are told from all others. How they are ended is said in
//! [`leftovers`](super::leftovers).
//!
//! A process belongs to an execution if it has its id in its environment, has its [`Seal`], was seen below the
//! process that the execution began with, or descends from one that belongs to it. So neither a session of its own,
//! nor an empty environment, nor a parent that has ended hides it; a process id that was used again does no harm.
//!
//! Who has taken off all marks and has lost its parent belongs to whoever is being ended and could have started it
//! ([`Bare`]): it is below this process ([`children`](super::children)), or in its [`home`], and shows nothing by which
//! it could be another's.

use std::collections::BTreeSet;

use super::children::{Strays, is_init};
use super::seal::Seal;
use super::table::{self, Life, Process};
use super::{EXECUTION_VARIABLE, home};

/// What the processes of some executions have.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    executions: BTreeSet<String>,
    seals: BTreeSet<Seal>,
    /// They were below the first process of an execution.
    seen: BTreeSet<Life>,
    /// Those that have nothing.
    bare: Bare,
}

/// Which processes without any mark belong to the executions too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Bare {
    /// None.
    #[default]
    None,
    /// Those that came to this process by themselves, and began at this tick or later.
    StraysSince(u64),
    /// Those in the home of this process that have lost their parent; it has started nothing itself yet.
    InHome,
}

impl Marks {
    /// By these ids, and their seals.
    pub(super) fn of(executions: &[String]) -> Self {
        let seals = executions.iter().map(|execution| Seal::of(execution)).collect();
        Self { executions: executions.iter().cloned().collect(), seals, ..Self::default() }
    }

    /// Also these, which were below the first process of an execution.
    pub(super) fn with_seen(self, seen: BTreeSet<Life>) -> Self {
        Self { seen, ..self }
    }

    /// Also those that have nothing, as far as said.
    pub(super) fn with_bare(self, bare: Bare) -> Self {
        Self { bare, ..self }
    }

    /// All that belongs to the executions, and to those that are known to.
    pub(super) fn families(&self, all: &[Process], known: &BTreeSet<Life>) -> BTreeSet<Life> {
        let suspects = self.bare.now();
        table::families(all, |process| {
            known.contains(&process.life) || self.are_on(process) || suspects.have(process)
        })
    }

    /// Whether the process with this number belongs to the executions by itself.
    pub(super) fn say(&self, id: i32) -> bool {
        table::read(id).is_some_and(|process| self.are_on(&process) || self.bare.now().have(&process))
    }

    fn are_on(&self, process: &Process) -> bool {
        self.seen.contains(&process.life)
            || Seal::on(process.life.id).is_some_and(|seal| self.seals.contains(&seal))
            || named_in(&environment_of(process.life.id)).any(|name| self.executions.contains(name))
    }
}

/// Whom [`Bare`] means at a moment. To be made after the look at the processes that it is asked about.
#[derive(Debug)]
enum Suspects {
    None,
    Strays(Strays, u64),
    Members(BTreeSet<i32>),
}

impl Bare {
    fn now(self) -> Suspects {
        match self {
            Self::None => Suspects::None,
            // Somebody may have gone into the container by other ways, and is not to be hurt.
            Self::StraysSince(_) if is_init() => Suspects::None,
            Self::StraysSince(tick) => {
                Strays::now().map_or(Suspects::None, |strays| Suspects::Strays(strays, tick))
            }
            Self::InHome => Suspects::Members(home::others().into_iter().collect()),
        }
    }
}

impl Suspects {
    fn have(&self, process: &Process) -> bool {
        self.could_have(process) && is_bare(process.life.id)
    }

    fn could_have(&self, Process { life, parent }: &Process) -> bool {
        match self {
            Self::None => false,
            Self::Strays(strays, tick) => life.started_at >= *tick && strays.have(life.id, *parent),
            // Whose parent lives belongs to that one: a service may do with its limits as it likes.
            Self::Members(members) => members.contains(&life.id) && !members.contains(parent),
        }
    }
}

/// Whether a process bears no mark of any execution.
fn is_bare(process: i32) -> bool {
    Seal::is_off(process) && named_in(&environment_of(process)).next().is_none()
}

/// The environment of a process; nothing when it has gone, or is another user's.
fn environment_of(process: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

/// The executions that an environment names.
fn named_in(environment: &[u8]) -> impl Iterator<Item = &str> {
    environment.split(|byte| *byte == 0).filter_map(|variable| {
        std::str::from_utf8(variable).ok()?.strip_prefix(EXECUTION_VARIABLE)?.strip_prefix('=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_names_its_execution() {
        for (environment, expected) in [
            (&b"A=1\0PETREL_EXECUTION_ID=7\0B=2\0"[..], &["7"][..]),
            (b"PETREL_EXECUTION_ID=7", &["7"]),
            (b"PETREL_EXECUTION_ID=7\0PETREL_EXECUTION_ID=\0", &["7", ""]),
            (b"PETREL_EXECUTION_IDS=7\0XPETREL_EXECUTION_ID=8\0\xff\0", &[]),
            (b"", &[]),
        ] {
            assert_eq!(named_in(environment).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn who_lives_below_a_parent_in_the_home_is_no_suspect() {
        let process = Process { life: Life { id: 9, started_at: 12345 }, parent: 7 };
        for (members, is_one) in [(vec![], false), (vec![7], false), (vec![9], true), (vec![7, 9], false)] {
            let suspects = Suspects::Members(members.iter().copied().collect());
            assert_eq!(suspects.could_have(&process), is_one, "{members:?}");
        }
        assert!(!Suspects::None.could_have(&process));
    }
}

//! Marks that distinguish the processes of an execution from all others. [`leftovers`](super::leftovers) ends the
//! processes.
//!
//! A process belongs to an execution if it was seen below the first process of the execution, has its [`Seal`], has
//! its proof in the environment, or descends from a process that belongs to it. So a session of its own, an empty
//! environment or a parent that has ended does not hide it, and a reused process id does no harm. Seal and proof
//! contain the [`Identity`] of the host. The seal counts more, since anybody can write an environment. A process
//! without any mark that has lost its parent is attributed to the execution that is being ended, if that could have
//! started it.
//!
//! [`Search`] says which processes are considered: while this host runs, those below it ([`children`]) that began with
//! the execution or later; at its start, those that an earlier host has left, above all in its [`home`].
//!
//! Known gaps: a process that removes its seal and copies the proof of another execution of the same user is attributed
//! to that one. A process that an earlier host has left without any mark is only found in a home, and a forged mark
//! hides it there. Versions before the identity left marks without it; such an environment counts in the home, which
//! shows whose it is, and nowhere else.

use std::collections::BTreeSet;

use super::children::{self, Strays};
use super::home;
use super::identity::Identity;
use super::seal::Seal;
use super::spec::{EXECUTION_VARIABLE, PROOF_VARIABLE};
use super::table::{self, Life, Process};

/// Executions that an environment may name. There is no reason to name more than one, and each costs a digest.
const MOST_NAMES: usize = 4;

/// The marks of some executions.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    identity: Identity,
    executions: BTreeSet<String>,
    seals: BTreeSet<Seal>,
    /// Processes that were below the first process of an execution.
    seen: BTreeSet<Life>,
    search: Search,
}

/// The processes that a search considers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// Processes of this host that began at this tick or later.
    Since(u64),
    /// Processes of an earlier host that has gone. This host has started none yet.
    Leftovers,
}

impl Marks {
    /// The marks that a host with this identity gives to these executions.
    pub(super) fn of(executions: &[String], identity: &Identity, search: Search) -> Self {
        Self {
            identity: identity.clone(),
            executions: executions.iter().cloned().collect(),
            seals: executions.iter().map(|execution| Seal::of(execution, identity)).collect(),
            seen: BTreeSet::new(),
            search,
        }
    }

    /// Adds processes that were seen below the first process of an execution.
    pub(super) fn with_seen(self, seen: BTreeSet<Life>) -> Self {
        Self { seen, ..self }
    }

    /// Processes of the executions, with their descendants and those of `known`.
    pub(super) fn families(&self, all: &[Process], known: &BTreeSet<Life>) -> BTreeSet<Life> {
        let snapshot = Snapshot::now(self.search, Some(all));
        table::families(all, |process| {
            known.contains(&process.life) || self.match_process(process, &snapshot)
        })
    }

    /// Whether the process with this number, which is an orphan or in the home, belongs to the executions by its own
    /// marks.
    pub(super) fn match_id(&self, id: i32) -> bool {
        table::read(id).is_some_and(|process| self.match_process(&process, &Snapshot::now(self.search, None)))
    }

    fn match_process(&self, process: &Process, snapshot: &Snapshot) -> bool {
        if self.seen.contains(&process.life) {
            return true;
        }
        snapshot.could_have(process)
            && self
                .claim(process, &Evidence::of(process.life.id, &self.identity), snapshot)
                // Checked last, since it reads another file; few processes get this far.
                .unwrap_or_else(|| snapshot.suspects(process) && Seal::could_be_on(process.life.id))
    }

    /// Whether the evidence attributes the process to the executions. `None` if it says nothing.
    fn claim(&self, process: &Process, shown: &Evidence, snapshot: &Snapshot) -> Option<bool> {
        match shown {
            Evidence::Seal(seal) => Some(self.seals.contains(seal)),
            Evidence::Proof(execution) => {
                Some(self.executions.contains(execution) && snapshot.takes_proof_of(process))
            }
            // Marks of an earlier version or of another host attribute a process to nobody here.
            Evidence::Others(names) if self.search == Search::Leftovers => Some(
                snapshot.has_at_home(process.life.id)
                    && names.iter().any(|name| self.executions.contains(name)),
            ),
            Evidence::Others(_) | Evidence::Nothing => None,
        }
    }
}

/// The surroundings at one moment. Must be created after the list of processes that it is asked about.
#[derive(Debug)]
enum Snapshot {
    /// While this host runs.
    Running {
        since: u64,
        /// Processes below the host, if that is known.
        below: Option<BTreeSet<Life>>,
        strays: Option<Strays>,
        /// Members of its home, if orphans of others come to the host, too.
        members: Option<BTreeSet<i32>>,
    },
    /// Before the host has started any process.
    Starting {
        members: BTreeSet<i32>,
        /// Whether the earlier host has left a home.
        was_home: bool,
    },
}

impl Snapshot {
    fn now(search: Search, all: Option<&[Process]>) -> Self {
        let members = || -> BTreeSet<i32> { home::others().into_iter().collect() };
        match search {
            Search::Since(since) => Self::Running {
                since,
                below: all.and_then(children::below),
                strays: Strays::now(),
                members: children::gets_others().then(members),
            },
            Search::Leftovers => Self::Starting { members: members(), was_home: home::was_there() },
        }
    }

    /// Whether the search considers a process at all.
    fn could_have(&self, process: &Process) -> bool {
        match self {
            Self::Running { since, below, .. } => {
                let is_below = below.as_ref().is_none_or(|below| below.contains(&process.life));
                process.life.started_at >= *since && is_below
            }
            Self::Starting { .. } => true,
        }
    }

    /// Whether the proof in an environment is accepted. Where there is a home, that of a process outside is not.
    fn takes_proof_of(&self, process: &Process) -> bool {
        match self {
            Self::Running { .. } => true,
            Self::Starting { members, was_home } => !was_home || members.contains(&process.life.id),
        }
    }

    fn has_at_home(&self, id: i32) -> bool {
        matches!(self, Self::Starting { members, .. } if members.contains(&id))
    }

    /// Whether a process without marks must belong to an execution that is being ended.
    fn suspects(&self, process: &Process) -> bool {
        match self {
            Self::Running { strays, members, .. } => {
                strays.as_ref().is_some_and(|strays| strays.have(process))
                    // A process from elsewhere must not be harmed.
                    && members.as_ref().is_none_or(|members| members.contains(&process.life.id))
            }
            // A process whose parent lives belongs to that one: a service may set its own limits as it likes.
            Self::Starting { members, .. } => {
                members.contains(&process.life.id) && !members.contains(&process.parent)
            }
        }
    }
}

/// The evidence that a process shows of the execution that it belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Evidence {
    /// A seal made by this host, or by an earlier one over the same store.
    Seal(Seal),
    /// The id of an execution, proved by an environment that such a host has made.
    Proof(String),
    /// Executions named by marks that no such host has made.
    Others(Vec<String>),
    /// No mark, or the process has gone.
    Nothing,
}

impl Evidence {
    fn of(process: i32, identity: &Identity) -> Self {
        let seal = Seal::on(process);
        if let Some(seal) = seal.filter(|seal| seal.is_of(identity)) {
            return Self::Seal(seal);
        }
        match Self::in_environment(&environment_of(process), identity) {
            Self::Nothing if seal.is_some() => Self::Others(Vec::new()),
            shown => shown,
        }
    }

    fn in_environment(environment: &[u8], identity: &Identity) -> Self {
        let proofs: Vec<&str> = values(environment, PROOF_VARIABLE).collect();
        let names: Vec<&str> = values(environment, EXECUTION_VARIABLE).take(MOST_NAMES).collect();
        let is_proven = |name: &&&str| proofs.contains(&identity.proof(name).as_str());
        if let Some(name) = names.iter().find(is_proven) {
            return Self::Proof((*name).to_owned());
        }
        if names.is_empty() {
            return Self::Nothing;
        }
        Self::Others(names.into_iter().map(str::to_owned).collect())
    }
}

/// The environment of a process. Empty if it has gone, or belongs to another user.
fn environment_of(process: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

/// The values of a variable in an environment.
fn values<'a>(environment: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    environment
        .split(|byte| *byte == 0)
        .filter_map(move |variable| std::str::from_utf8(variable).ok()?.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests;

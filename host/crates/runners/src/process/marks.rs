//! By what processes of executions are told from all others. How they are ended is said in
//! [`leftovers`](super::leftovers).
//!
//! A process belongs to an execution if it was seen below the process that the execution began with, has its [`Seal`],
//! has the proof of it in its environment, or descends from one that belongs to it. So neither a session of its own, nor an
//! empty environment, nor a parent that has ended hides it; a process id that was used again does no harm. Seal and proof
//! are made with the [`Identity`] of the host, and the seal counts more, since anybody can write an environment. Who shows
//! nothing of this and has lost its parent belongs to whoever is being ended and could have started it.
//!
//! Who is looked for is said by [`Search`]: while this host runs, only who is below it ([`children`]) and began with the
//! execution or after it; at its start, what an earlier one has left, above all in its [`home`].
//!
//! What remains: who takes its seal off and copies the proof of another execution out of the environment of a process
//! of the same user is taken for that one's; what an earlier host has left without any mark is found in a home only, and
//! a mark that was made up hides it there. Versions before the identity left marks without it: an environment of theirs
//! counts in the home, which says whose it is, and nowhere else.

use std::collections::BTreeSet;

use super::children::{self, Strays};
use super::identity::Identity;
use super::seal::Seal;
use super::table::{self, Life, Process};
use super::{EXECUTION_VARIABLE, PROOF_VARIABLE, home};

/// How many executions an environment may name: it has no reason to name more than one.
const MOST_NAMES: usize = 4;

/// What the processes of some executions have.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    identity: Identity,
    executions: BTreeSet<String>,
    seals: BTreeSet<Seal>,
    /// They were below the first process of an execution.
    seen: BTreeSet<Life>,
    search: Search,
}

/// Whose processes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// Those of this host, which began at this tick or later.
    Since(u64),
    /// Those of an earlier host, which is gone; this one has started nothing yet.
    Left,
}

impl Marks {
    /// By these ids, as a host with this identity marks them.
    pub(super) fn of(executions: &[String], identity: &Identity, search: Search) -> Self {
        Self {
            identity: identity.clone(),
            executions: executions.iter().cloned().collect(),
            seals: executions.iter().map(|execution| Seal::of(execution, identity)).collect(),
            seen: BTreeSet::new(),
            search,
        }
    }

    /// Also these, which were below the first process of an execution.
    pub(super) fn with_seen(self, seen: BTreeSet<Life>) -> Self {
        Self { seen, ..self }
    }

    /// All that belongs to the executions, and to those that are known to.
    pub(super) fn families(&self, all: &[Process], known: &BTreeSet<Life>) -> BTreeSet<Life> {
        let scene = Scene::now(self.search, Some(all));
        table::families(all, |process| known.contains(&process.life) || self.are_on(process, &scene))
    }

    /// Whether the process with this number, which came to this one or is in its home, belongs to the executions by
    /// itself.
    pub(super) fn say(&self, id: i32) -> bool {
        table::read(id).is_some_and(|process| self.are_on(&process, &Scene::now(self.search, None)))
    }

    fn are_on(&self, process: &Process, scene: &Scene) -> bool {
        if self.seen.contains(&process.life) {
            return true;
        }
        scene.could_have(process)
            && self
                .claim(process, &Shown::by(process.life.id, &self.identity), scene)
                // Asked last: it reads once more, of few.
                .unwrap_or_else(|| scene.suspects(process) && Seal::could_be_on(process.life.id))
    }

    /// Whether what a process shows says that it belongs to the executions; `None` when that says nothing.
    fn claim(&self, process: &Process, shown: &Shown, scene: &Scene) -> Option<bool> {
        match shown {
            Shown::Seal(seal) => Some(self.seals.contains(seal)),
            Shown::Proof(execution) => {
                Some(self.executions.contains(execution) && scene.takes_proof_of(process))
            }
            // What has the marks of an earlier version, or of another host, belongs to nobody here.
            Shown::Others(names) if self.search == Search::Left => Some(
                scene.has_at_home(process.life.id) && names.iter().any(|name| self.executions.contains(name)),
            ),
            Shown::Others(_) | Shown::Nothing => None,
        }
    }
}

/// What there is to see at a moment. To be made after the look at the processes that it is asked about.
#[derive(Debug)]
enum Scene {
    /// While this host runs.
    Running {
        since: u64,
        /// Who is below it, if that is known.
        below: Option<BTreeSet<Life>>,
        strays: Option<Strays>,
        /// Who is in its home, where others come to it too.
        members: Option<BTreeSet<i32>>,
    },
    /// Before it has started anything.
    Starting {
        members: BTreeSet<i32>,
        /// Whether the earlier host has left a home.
        was_home: bool,
    },
}

impl Scene {
    fn now(search: Search, all: Option<&[Process]>) -> Self {
        let members = || -> BTreeSet<i32> { home::others().into_iter().collect() };
        match search {
            Search::Since(since) => Self::Running {
                since,
                below: all.and_then(children::below),
                strays: Strays::now(),
                members: children::gets_others().then(members),
            },
            Search::Left => Self::Starting { members: members(), was_home: home::was_there() },
        }
    }

    /// Whether a process can be one of those that are looked for at all.
    fn could_have(&self, process: &Process) -> bool {
        match self {
            Self::Running { since, below, .. } => {
                let is_below = below.as_ref().is_none_or(|below| below.contains(&process.life));
                process.life.started_at >= *since && is_below
            }
            Self::Starting { .. } => true,
        }
    }

    /// Whether the word of an environment is taken: not that of a process elsewhere, where there is a home.
    fn takes_proof_of(&self, process: &Process) -> bool {
        match self {
            Self::Running { .. } => true,
            Self::Starting { members, was_home } => !was_home || members.contains(&process.life.id),
        }
    }

    fn has_at_home(&self, id: i32) -> bool {
        matches!(self, Self::Starting { members, .. } if members.contains(&id))
    }

    /// Whether a process that shows nothing can only be of one of those that are being ended.
    fn suspects(&self, process: &Process) -> bool {
        match self {
            Self::Running { strays, members, .. } => {
                strays.as_ref().is_some_and(|strays| strays.have(process))
                    // Who was born elsewhere is not to be hurt.
                    && members.as_ref().is_none_or(|members| members.contains(&process.life.id))
            }
            // Whose parent lives belongs to that one: a service may do with its limits as it likes.
            Self::Starting { members, .. } => {
                members.contains(&process.life.id) && !members.contains(&process.parent)
            }
        }
    }
}

/// What a process shows of whom it belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// A seal that this host has made, or an earlier one over the same store.
    Seal(Seal),
    /// That it was started for this execution, in an environment that such a host has made.
    Proof(String),
    /// Marks that no such host has made; the executions that they name.
    Others(Vec<String>),
    /// None at all; or it has gone.
    Nothing,
}

impl Shown {
    fn by(process: i32, identity: &Identity) -> Self {
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

/// The environment of a process; nothing when it has gone, or is another user's.
fn environment_of(process: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

/// The values that a variable has in an environment.
fn values<'a>(environment: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a str> {
    environment
        .split(|byte| *byte == 0)
        .filter_map(move |variable| std::str::from_utf8(variable).ok()?.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests;

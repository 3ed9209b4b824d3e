//! The seal of an execution: a mark on its processes that survives an empty environment, `setsid`, closed files and the
//! loss of the parent.
//!
//! The seal is a resource limit, since those are inherited by child processes and can be read of every process
//! (`/proc/ID/limits`): the time that a real-time process may compute at a stretch, set to more than 35 years, which
//! limits nothing. Its value encodes the execution and a check that this host has made it ([`Identity`]). A process
//! that sets this very limit removes its seal. It is then still found by its environment, below its parent, or by
//! having none of these, since everything that is started has a seal.
//!
//! A child inherits the limits that this process has at that moment. So the host changes its own limit while it starts
//! a child, and starts one child at a time.

use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::identity::Identity;

/// Smallest seal, in microseconds: about 35 years.
const BASE: u64 = 1 << 50;
/// Bits of a seal that encode the execution.
const NAME_BITS: u32 = 34;
/// Bits below them that show that the seal is genuine.
const CHECK_BITS: u32 = 16;
/// Number of seals.
const MANY: u64 = 1 << (NAME_BITS + CHECK_BITS);

/// The name of the limit in `/proc/ID/limits`.
const NAME: &str = "Max realtime timeout";

/// The limit with which this process was started.
static OWN: LazyLock<Rlimit> = LazyLock::new(|| getrlimit(Resource::Rttime));

/// Held while a process is being started.
static STARTING: Mutex<()> = Mutex::new(());

/// The seal of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seal(u64);

impl Seal {
    /// The seal of this execution on a host with this identity. A later host over the same data directory computes the
    /// same value, and so finds what an earlier one has left.
    pub(super) fn of(execution: &str, identity: &Identity) -> Self {
        let name = identity.number("seal", execution) >> (u64::BITS - NAME_BITS);
        Self(BASE + (name << CHECK_BITS) + check(name, identity))
    }

    /// Its value, for a process that puts it on itself.
    pub(super) fn value(self) -> u64 {
        self.0
    }

    /// The seal of a process, if it has one.
    pub(super) fn on(process: i32) -> Option<Self> {
        Self::read(&limits_of(process)?)
    }

    /// Whether a host with this identity has made the seal.
    pub(super) fn is_of(self, identity: &Identity) -> bool {
        let number = self.0.saturating_sub(BASE);
        number % (1 << CHECK_BITS) == check(number >> CHECK_BITS, identity)
    }

    /// Whether a process is known to lack a seal that it could carry. `false` where seals are impossible, and for a
    /// process that has gone.
    pub(super) fn could_be_on(process: i32) -> bool {
        OWN.maximum.is_none_or(|highest| highest >= BASE + MANY) && limits_of(process).is_some()
    }

    fn read(limits: &str) -> Option<Self> {
        let line = limits.lines().find_map(|line| line.strip_prefix(NAME))?;
        let value = line.split_ascii_whitespace().next()?.parse().ok()?;
        (BASE..BASE + MANY).contains(&value).then_some(Self(value))
    }

    /// Calls `start` so that the process that it starts has this seal. Where limits may not be that high, it has none.
    pub(super) fn put_on<T>(self, start: impl FnOnce() -> T) -> T {
        // The limit is one of the whole process until the child has started, so processes start one by one.
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let own = *OWN;
        let sealed = Rlimit { current: Some(self.0), maximum: own.maximum };
        let is_sealed = setrlimit(Resource::Rttime, sealed).is_ok();
        let started = start();
        if is_sealed {
            // Cannot fail: the value was the limit before.
            let _ = setrlimit(Resource::Rttime, own);
        }
        started
    }
}

/// The check bits for an execution.
fn check(name: u64, identity: &Identity) -> u64 {
    identity.number("check", &name.to_string()) >> (u64::BITS - CHECK_BITS)
}

/// The contents of `/proc/ID/limits`. `None` if the process has gone.
fn limits_of(process: i32) -> Option<String> {
    let limits = std::fs::read(format!("/proc/{process}/limits")).ok()?;
    Some(String::from_utf8_lossy(&limits).into_owned())
}

/// Calls `start` for a process of the host's own, which must not have the seal of an execution.
pub(super) fn without<T>(start: impl FnOnce() -> T) -> T {
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    start()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_seal_is_read_where_there_is_one() {
        let value = BASE + 7;
        for (value, expected) in [
            (value.to_string(), Some(Seal(value))),
            ("unlimited".into(), None),
            ("200000".into(), None),
            ((BASE + MANY).to_string(), None),
        ] {
            let limits = format!(
                "Limit  Soft Limit  Hard Limit  Units\nMax cpu time  unlimited  unlimited  seconds\n\
                 {NAME}      {value}     unlimited            us        \n"
            );
            assert_eq!(Seal::read(&limits), expected, "{value}");
        }
        assert_eq!(Seal::read(""), None);
    }

    #[test]
    fn every_execution_of_every_host_has_its_own() {
        let hosts = ["", "a", "b"].map(Identity::named);
        let executions = ["", "1", "6a1e5c2f9b1d4e5f60718293", "6a1e5c2f9b1d4e5f60718294"];
        let seals: Vec<_> = hosts
            .iter()
            .flat_map(|host| executions.iter().map(move |execution| Seal::of(execution, host)))
            .collect();
        for (number, seal) in seals.iter().enumerate() {
            assert!((BASE..BASE + MANY).contains(&seal.0));
            assert_eq!(seals.iter().filter(|other| *other == seal).count(), 1, "{number}");
            let makers: Vec<_> = hosts.iter().map(|host| seal.is_of(host)).collect();
            let expected: Vec<_> = (0..hosts.len()).map(|host| host == number / executions.len()).collect();
            assert_eq!(makers, expected, "{number}");
            assert!(!Seal(seal.0 ^ 1).is_of(&hosts[number / executions.len()]), "one that was made up");
        }
    }

    #[test]
    fn a_seal_is_on_what_was_started_with_it_and_on_nothing_else() {
        let seal = Seal::of("6a1e5c2f9b1d4e5f60718293", &Identity::named("a"));
        let mut command = Command::new("sleep");
        command.arg("60");
        for (mut child, expected) in [
            (seal.put_on(|| command.spawn()).unwrap(), Some(seal)),
            (without(|| command.spawn()).unwrap(), None),
        ] {
            let id = i32::try_from(child.id()).unwrap();
            assert_eq!((Seal::could_be_on(id), Seal::on(id)), (true, expected));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!Seal::could_be_on(id), "one that has gone");
        }
    }

    #[test]
    fn a_seal_stays_on_what_empties_its_environment_and_this_process_has_none() {
        let seal = Seal::of("6a1e5c2f9b1d4e5f60718293", &Identity::named("a"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec env -i /bin/sh -c 'exec cat /proc/self/limits'"]);
        let output = seal.put_on(|| command.output()).unwrap();
        assert_eq!(Seal::read(&String::from_utf8_lossy(&output.stdout)), Some(seal));
        let output = without(|| command.output()).unwrap();
        assert_eq!(Seal::read(&String::from_utf8_lossy(&output.stdout)), None);
    }
}

//! Trust: which signatures a pack needs, by its repository, and what follows from those that were found. A key that has signed
//! a pack once is pinned in the lock, so that nobody else can bring its next version.

use std::path::PathBuf;

use petrel_model::Signed;
use petrel_model::quoted::listed;
use petrel_packs::plain_file;

use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::keys::PublicKey;
use crate::signature::Signature;

/// The largest file with a key, in bytes.
const LARGEST_KEY: u64 = 64 << 10;
/// The keys that a message names.
const MOST_NAMED: usize = 3;

/// What a pack needs in order to be installed, the strictest last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing. What lacks is told.
    Warn,
    /// Nothing the first time; the key of a signature is then pinned, and needed from there on.
    #[default]
    FirstUse,
    /// A signature by a key that is known already.
    Deny,
}

/// The trust in the packs of some repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The repositories with their registries, as `registry.example.com/packs/*`; `*` stands for any text.
    pub pattern: String,
    /// What they need; the usual if it is not said.
    pub policy: Option<Policy>,
    /// The files with the keys of their signatures.
    pub keys: Vec<PathBuf>,
}

/// The trust in all packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// What packs need of which nothing else is said.
    pub policy: Policy,
    /// What is said of some.
    pub rules: Vec<Rule>,
}

/// What is known about a pack that is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct Case<'c> {
    /// Its name and version, for messages.
    pub named: &'c str,
    /// The repository with its registry; empty if it is not known.
    pub repository: &'c str,
    /// Whether that repository itself gave it, and not a file that says so.
    pub is_proven: bool,
    /// The digest of its artifact.
    pub digest: &'c Digest,
    /// The signatures that were found.
    pub found: &'c [Signature],
    /// The key that was given for it.
    pub given: Option<&'c PublicKey>,
    /// The key that has signed the version before.
    pub pinned: Option<&'c PublicKey>,
    /// The repository, with its registry, that this version came from; empty if it is not known.
    pub pinned_at: &'c str,
    /// Whether that key counts no longer.
    pub forgets: bool,
}

/// The decision to install a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What its signatures are worth.
    pub signed: Signed,
    /// The key that is pinned from now on.
    pub key: Option<PublicKey>,
    /// What people are to know.
    pub note: Option<String>,
}

impl Trust {
    /// Decides whether a pack is installed.
    ///
    /// # Errors
    /// When it lacks the signature that it needs, and when a file with a key cannot be read.
    pub fn decide(&self, case: &Case<'_>) -> Result<Verdict, Error> {
        let policy = self.policy_of(case.repository);
        // Whoever made a file wrote the name in it: that makes nothing easier.
        let policy = if case.is_proven { policy } else { policy.max(self.policy) };
        case.decide(policy, &self.keys_of(case.repository)?)
    }

    /// Whether a version that is here, of a repository, may be made the active one by what its signatures were worth when it came.
    /// A key that is no longer among those that are listed counts no longer. One of which neither repository nor signatures are known
    /// may be of any repository, so that it needs what the strictest of them does.
    ///
    /// # Errors
    /// When a file with a key cannot be read.
    pub fn still_takes(
        &self,
        repository: &str,
        signed: Option<Signed>,
        key: Option<&PublicKey>,
    ) -> Result<bool, Error> {
        let keys = self.keys_of(repository)?;
        let is_by_other = !keys.is_empty() && !key.is_some_and(|key| keys.contains(key));
        let is_unknown = repository.is_empty() && signed.is_none();
        let policy = if is_unknown { self.strictest() } else { self.policy_of(repository) };
        Ok(match policy {
            Policy::Warn => true,
            Policy::FirstUse => key.is_none() || !is_by_other,
            Policy::Deny => signed == Some(Signed::Verified) && !is_by_other,
        })
    }

    /// What the packs of a repository need.
    fn policy_of(&self, repository: &str) -> Policy {
        self.of(repository).map_or(self.policy, |rule| self.policy_by(rule))
    }

    /// What the packs need that a rule is about.
    fn policy_by(&self, rule: &Rule) -> Policy {
        let usual = if rule.keys.is_empty() { self.policy } else { Policy::Deny };
        rule.policy.unwrap_or(usual)
    }

    /// What the packs of some repository need at most.
    fn strictest(&self) -> Policy {
        self.rules.iter().map(|rule| self.policy_by(rule)).fold(self.policy, Policy::max)
    }

    /// The keys that are listed for a repository.
    fn keys_of(&self, repository: &str) -> Result<Vec<PublicKey>, Error> {
        self.of(repository).map_or_else(|| Ok(Vec::new()), Rule::keys)
    }

    /// The rule for a repository: of those that fit the longest. Names of hosts have no case.
    fn of(&self, repository: &str) -> Option<&Rule> {
        let repository = repository.to_ascii_lowercase();
        let is_fitting = |rule: &&Rule| fits(&rule.pattern.to_ascii_lowercase(), &repository);
        self.rules.iter().filter(is_fitting).max_by_key(|rule| rule.pattern.len())
    }
}

impl Rule {
    /// The keys in its files.
    fn keys(&self) -> Result<Vec<PublicKey>, Error> {
        let read = self.keys.iter().map(|file| {
            let text = plain_file::read_text(file, LARGEST_KEY);
            let text = text.map_err(|error| Error::of_file("read", file, &error))?;
            PublicKey::read(&text, &file.display().to_string())
        });
        read.collect()
    }
}

impl Case<'_> {
    fn decide(&self, policy: Policy, keys: &[PublicKey]) -> Result<Verdict, Error> {
        if let Some(given) = self.given {
            return if self.is_by(given) {
                Ok(verified(given))
            } else {
                Err(self.not_by(&[given], "the given key"))
            };
        }
        let pinned = self.pinned.filter(|_| !self.forgets);
        // What is trusted to bring its own packs must not bring the next version of somebody else's by calling it the same.
        let is_elsewhere = !self.repository.eq_ignore_ascii_case(self.pinned_at);
        let is_others = |pinned: &&PublicKey| !keys.contains(pinned) && !self.is_by(pinned);
        if let Some(pinned) = pinned.filter(|pinned| is_elsewhere && is_others(pinned)) {
            return Err(self.not_by_pinned(pinned));
        }
        // Where the operator names keys, one that was pinned before does not count beside them.
        let known: Vec<&PublicKey> =
            if keys.is_empty() { pinned.into_iter().collect() } else { keys.iter().collect() };
        if let Some(key) = known.iter().find(|key| self.is_by(key)) {
            return Ok(verified(key));
        }
        if let Some(pinned) = pinned.filter(|_| keys.is_empty()) {
            return Err(self.not_by_pinned(pinned));
        }
        let is_unsigned = self.found.is_empty();
        let is_by_others = policy == Policy::FirstUse && !keys.is_empty() && !is_unsigned;
        let refuses = policy == Policy::Deny || pinned.is_some() || is_by_others;
        if refuses {
            return Err(self.not_by(&known, "a key that is trusted"));
        }
        if policy == Policy::FirstUse {
            let mut brought = self.found.iter().filter_map(Signature::key).peekable();
            let is_brought = brought.peek().is_some();
            if let Some(key) = brought.find(|key| self.is_by(key)) {
                let note = format!(
                    "{} is signed by the key {}, which is trusted from now on: it is needed for the next versions",
                    self.named,
                    key.digest()
                );
                return Ok(Verdict { note: Some(note), ..verified(key) });
            }
            if is_brought {
                return Err(self.not_by(&[], "the key that it brings"));
            }
        }
        Ok(self.without(is_unsigned))
    }

    fn is_by(&self, key: &PublicKey) -> bool {
        self.found.iter().any(|signature| signature.is_by(key, self.digest))
    }

    /// The decision to install what is not verified.
    fn without(&self, is_unsigned: bool) -> Verdict {
        let (signed, note) = if is_unsigned {
            (Signed::Unsigned, format!("{} is not signed", self.named))
        } else {
            let note = "is signed by a key that is not known here; --key FILE verifies it, and pins the key";
            (Signed::Unverified, format!("{} {note}", self.named))
        };
        Verdict { signed, key: None, note: Some(note) }
    }

    /// The words for the signatures that there are.
    fn there(&self) -> &'static str {
        if self.found.is_empty() { "it is not signed" } else { "its signatures are others" }
    }

    fn not_by(&self, keys: &[&PublicKey], whose: &str) -> Error {
        let digests: Vec<_> = keys.iter().map(|key| key.digest().to_string()).collect();
        let digests = listed(digests.iter().map(String::as_str), MOST_NAMED);
        let of = if digests.is_empty() { String::new() } else { format!(" ({digests})") };
        let message = format!(
            "{} has no valid signature by {whose}{of}: {}; nothing was changed",
            self.named,
            self.there()
        );
        let hint = "have it signed with `petrel pack sign`, or name the key that has signed it with --key FILE; [trust] of the configuration says what is needed";
        Error::new(Kind::Untrusted, message, hint)
    }

    fn not_by_pinned(&self, pinned: &PublicKey) -> Error {
        let message = format!(
            "{} is not signed by the key {} that has signed this pack so far: {}; nothing was changed",
            self.named,
            pinned.digest(),
            self.there()
        );
        let hint = "ask its author why; if another key is right, name it with --key FILE; --forget-key trusts as if it were the first time";
        Error::new(Kind::Untrusted, message, hint)
    }
}

fn verified(key: &PublicKey) -> Verdict {
    Verdict { signed: Signed::Verified, key: Some(key.clone()), note: None }
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests;

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

/// What a pack needs in order to be installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// A signature by a key that is known already.
    Deny,
    /// Nothing. What lacks is told.
    Warn,
    /// Nothing the first time; the key of a signature is then pinned, and needed from there on.
    #[default]
    FirstUse,
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
    /// The digest of its artifact.
    pub digest: &'c Digest,
    /// The signatures that were found.
    pub found: &'c [Signature],
    /// The key that was given for it.
    pub given: Option<&'c PublicKey>,
    /// The key that has signed the version before.
    pub pinned: Option<&'c PublicKey>,
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
        let keys = self.of(case.repository).map(Rule::keys).transpose()?.unwrap_or_default();
        case.decide(self.policy_of(case.repository), &keys)
    }

    /// What the packs of a repository need.
    pub fn policy_of(&self, repository: &str) -> Policy {
        let rule = self.of(repository);
        let has_keys = rule.is_some_and(|rule| !rule.keys.is_empty());
        let usual = if has_keys { Policy::Deny } else { self.policy };
        rule.and_then(|rule| rule.policy).unwrap_or(usual)
    }

    /// The rule for a repository: of those that fit the longest.
    fn of(&self, repository: &str) -> Option<&Rule> {
        let fitting = self.rules.iter().filter(|rule| fits(&rule.pattern, repository));
        fitting.max_by_key(|rule| rule.pattern.len())
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
mod tests {
    use super::*;
    use crate::keys::PrivateKey;
    use crate::signature::sign;

    #[test]
    fn a_pattern_fits_what_its_stars_stand_for() {
        for (pattern, text, expected) in [
            ("r.io/a", "r.io/a", true),
            ("r.io/a", "r.io/ab", false),
            ("r.io/*", "r.io/a/b", true),
            ("r.io/*", "q.io/r.io/a", false),
            ("*", "", true),
            ("*/packs/*", "r.io/packs/a", true),
            ("*/packs/*", "r.io/pack/a", false),
            ("r.io/a*a", "r.io/a", false),
            ("r.io/*b*c", "r.io/abbc", true),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    /// Keys, and signatures of the artifact with the digest of `x`.
    struct Bench {
        keys: [PublicKey; 2],
        /// None, by the first key, by the second, by the first of another artifact.
        found: [Vec<Signature>; 4],
    }

    impl Bench {
        fn new() -> Self {
            let (first, second) = (PrivateKey::made().unwrap(), PrivateKey::made().unwrap());
            let by = |key: &PrivateKey, what: &[u8]| {
                Signature::all(&sign(key, None, &Digest::of(what), None).unwrap()).unwrap()
            };
            let found = [Vec::new(), by(&first, b"x"), by(&second, b"x"), by(&first, b"y")];
            Self { keys: [first.public(), second.public()], found }
        }

        fn decide(
            &self,
            policy: Policy,
            found: usize,
            [known, pinned, given]: [Option<usize>; 3],
            forgets: bool,
        ) -> Result<Verdict, Error> {
            let key = |at: Option<usize>| at.map(|at| &self.keys[at]);
            let digest = Digest::of(b"x");
            let case = Case {
                named: "mine 1.0.0",
                repository: "r.io/mine",
                digest: &digest,
                found: &self.found[found],
                given: key(given),
                pinned: key(pinned),
                forgets,
            };
            let known: Vec<_> = key(known).into_iter().cloned().collect();
            case.decide(policy, &known)
        }
    }

    #[test]
    fn what_is_found_is_compared_with_what_is_known() {
        use Policy::{Deny, FirstUse, Warn};
        let bench = Bench::new();
        let (none, first, second) = (None, Some(0), Some(1));
        // The policy, what is found, the keys that are listed, pinned and given, whether the pin is forgotten: what comes of it.
        for (policy, found, keys, forgets, expected) in [
            (Deny, 0, [none, none, none], false, Err("it is not signed")),
            (Deny, 1, [none, none, none], false, Err("its signatures are others")),
            (Deny, 1, [first, none, none], false, Ok((Signed::Verified, first))),
            (Deny, 1, [none, first, none], false, Ok((Signed::Verified, first))),
            (Deny, 1, [none, none, first], false, Ok((Signed::Verified, first))),
            (Deny, 2, [first, none, none], false, Err("--key FILE")),
            (Deny, 3, [first, none, none], false, Err("nothing was changed")),
            (Warn, 0, [none, none, none], false, Ok((Signed::Unsigned, none))),
            (Warn, 2, [first, none, none], false, Ok((Signed::Unverified, none))),
            (Warn, 1, [first, none, none], false, Ok((Signed::Verified, first))),
            (Warn, 0, [none, first, none], false, Err("so far")),
            (FirstUse, 0, [none, none, none], false, Ok((Signed::Unsigned, none))),
            (FirstUse, 1, [none, none, none], false, Ok((Signed::Verified, first))),
            (FirstUse, 3, [none, none, none], false, Err("the key that it brings")),
            (FirstUse, 0, [none, first, none], false, Err("--forget-key")),
            (FirstUse, 2, [none, first, none], false, Err("so far")),
            (FirstUse, 2, [none, first, second], false, Ok((Signed::Verified, second))),
            (FirstUse, 1, [none, first, second], false, Err("the given key")),
            (FirstUse, 2, [none, first, none], true, Ok((Signed::Verified, second))),
            (FirstUse, 0, [none, first, none], true, Ok((Signed::Unsigned, none))),
            (FirstUse, 2, [first, none, none], false, Err("a key that is trusted")),
            // What the operator lists takes the place of what was pinned.
            (FirstUse, 2, [second, first, none], false, Ok((Signed::Verified, second))),
            (FirstUse, 1, [second, first, none], false, Err("a key that is trusted")),
            (Warn, 0, [second, first, none], false, Err("a key that is trusted")),
        ] {
            let decided = bench.decide(policy, found, keys, forgets);
            let told = format!("{policy:?} {found} {keys:?} {forgets}: {decided:?}");
            match expected {
                Ok((signed, key)) => {
                    let verdict = decided.unwrap();
                    assert_eq!(
                        (verdict.signed, verdict.key),
                        (signed, key.map(|at| bench.keys[at].clone())),
                        "{told}"
                    );
                }
                Err(says) => {
                    let refused = decided.unwrap_err();
                    assert!(refused.to_string().contains(says) && refused.kind == Kind::Untrusted, "{told}");
                }
            }
        }
    }

    #[test]
    fn the_longest_pattern_counts_and_keys_are_needed_where_they_are_named() {
        let bench = Bench::new();
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("first.pub");
        std::fs::write(&file, bench.keys[0].pem()).unwrap();
        let rule = |pattern: &str, policy, keys: &[&PathBuf]| Rule {
            pattern: pattern.to_owned(),
            policy,
            keys: keys.iter().map(|file| (*file).clone()).collect(),
        };
        let gone = place.path().join("gone.pub");
        let rules = vec![
            rule("r.io/*", None, &[&file]),
            rule("r.io/open/*", Some(Policy::Warn), &[]),
            rule("r.io/gone/*", None, &[&gone]),
        ];
        let trust = Trust { policy: Policy::FirstUse, rules };
        let digest = Digest::of(b"x");
        for (repository, found, expected) in [
            ("r.io/mine", 0, Err("it is not signed")),
            ("r.io/mine", 1, Ok(Signed::Verified)),
            ("r.io/open/mine", 0, Ok(Signed::Unsigned)),
            ("q.io/mine", 0, Ok(Signed::Unsigned)),
            ("r.io/gone/mine", 1, Err("gone.pub cannot be read")),
        ] {
            let found = &bench.found[found];
            let case = Case {
                named: "mine 1",
                repository,
                digest: &digest,
                found,
                given: None,
                pinned: None,
                forgets: false,
            };
            match (trust.decide(&case), expected) {
                (Ok(verdict), Ok(signed)) => assert_eq!(verdict.signed, signed, "{repository}"),
                (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
                (decided, _) => panic!("{repository}: {decided:?}"),
            }
        }
    }
}

//! The table of what is decided.

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
            is_proven: true,
            digest: &digest,
            found: &self.found[found],
            given: key(given),
            pinned: key(pinned),
            pinned_at: "r.io/mine",
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
fn a_listed_key_replaces_the_pinned_one_only_where_the_pack_came_from() {
    let bench = Bench::new();
    let [first, second] = [Some(&bench.keys[0]), Some(&bench.keys[1])];
    let digest = Digest::of(b"x");
    // Where the version before came from, what it is pinned to, who signed this one, whose key is listed, and what is given.
    for (pinned_at, pinned, found, listed, given, forgets, expected) in [
        ("r.io/mine", first, 2, 1, None, false, true),
        ("R.IO/mine", first, 2, 1, None, false, true),
        ("r.io/others", first, 2, 1, None, false, false),
        // A file without a name, or one from before there were references.
        ("", first, 2, 1, None, false, false),
        ("r.io/others", None, 2, 1, None, false, true),
        // The same author in another place.
        ("r.io/others", first, 1, 0, None, false, true),
        // The operator says so.
        ("r.io/others", first, 2, 1, second, false, true),
        ("r.io/others", first, 2, 1, None, true, true),
    ] {
        let case = Case {
            named: "mine 1.0.0",
            repository: "r.io/mine",
            is_proven: true,
            digest: &digest,
            found: &bench.found[found],
            given,
            pinned,
            pinned_at,
            forgets,
        };
        let decided = case.decide(Policy::Deny, &[bench.keys[listed].clone()]);
        let told = format!("{pinned_at} {found} {listed} {forgets}: {decided:?}");
        match decided {
            Ok(verdict) => assert!(expected && verdict.signed == Signed::Verified, "{told}"),
            Err(refused) => assert!(!expected && refused.to_string().contains("so far"), "{told}"),
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
    let (usual, strict) =
        (Trust { policy: Policy::FirstUse, rules: rules.clone() }, Trust { policy: Policy::Deny, rules });
    let digest = Digest::of(b"x");
    for (trust, repository, is_proven, found, expected) in [
        (&usual, "r.io/mine", true, 0, Err("it is not signed")),
        (&usual, "r.io/mine", true, 1, Ok(Signed::Verified)),
        (&usual, "R.IO/mine", true, 0, Err("it is not signed")),
        (&usual, "r.io/open/mine", true, 0, Ok(Signed::Unsigned)),
        (&usual, "q.io/mine", true, 0, Ok(Signed::Unsigned)),
        (&usual, "r.io/gone/mine", true, 1, Err("gone.pub cannot be read")),
        // A file that names a repository where less is asked for gets no advantage of it.
        (&strict, "r.io/open/mine", true, 0, Ok(Signed::Unsigned)),
        (&strict, "r.io/open/mine", false, 0, Err("it is not signed")),
        (&strict, "r.io/open/mine", false, 1, Err("its signatures are others")),
        (&strict, "r.io/mine", false, 1, Ok(Signed::Verified)),
        (&usual, "", false, 0, Ok(Signed::Unsigned)),
    ] {
        let found = &bench.found[found];
        let case = Case {
            named: "mine 1",
            repository,
            is_proven,
            digest: &digest,
            found,
            given: None,
            pinned: None,
            pinned_at: "",
            forgets: false,
        };
        match (trust.decide(&case), expected) {
            (Ok(verdict), Ok(signed)) => assert_eq!(verdict.signed, signed, "{repository} {is_proven}"),
            (Err(error), Err(says)) => assert!(error.to_string().contains(says), "{error}"),
            (decided, _) => panic!("{repository}: {decided:?}"),
        }
    }
}

#[test]
fn what_is_here_is_taken_again_by_what_is_asked_for_now() {
    let bench = Bench::new();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("first.pub");
    std::fs::write(&file, bench.keys[0].pem()).unwrap();
    let [first, second] = [Some(&bench.keys[0]), Some(&bench.keys[1])];
    let (verified, unsigned) = (Some(Signed::Verified), Some(Signed::Unsigned));
    for (policy, is_listed, signed, key, expected) in [
        (Policy::Deny, false, verified, first, true),
        (Policy::Deny, false, unsigned, None, false),
        (Policy::Deny, false, None, None, false),
        (Policy::Deny, true, verified, first, true),
        (Policy::Deny, true, verified, second, false),
        (Policy::FirstUse, true, verified, second, false),
        (Policy::FirstUse, true, unsigned, None, true),
        (Policy::FirstUse, false, verified, second, true),
        (Policy::Warn, true, verified, second, true),
        (Policy::Warn, false, None, None, true),
    ] {
        let keys = if is_listed { vec![file.clone()] } else { Vec::new() };
        let rules = vec![Rule { pattern: "r.io/*".to_owned(), policy: Some(policy), keys }];
        let taken = Trust { policy: Policy::FirstUse, rules }.still_takes("r.io/mine", signed, key);
        assert_eq!(taken.unwrap(), expected, "{policy:?} {is_listed} {signed:?} {key:?}");
    }
}

#[test]
fn what_is_here_from_nobody_knows_where_needs_what_any_repository_does() {
    let rule = |policy: Option<Policy>, keys: &[&str]| Rule {
        pattern: "r.io/packs/*".to_owned(),
        policy,
        keys: keys.iter().map(|file| (*file).into()).collect(),
    };
    for (policy, rules, signed, expected) in [
        (Policy::FirstUse, vec![], None, true),
        (Policy::Deny, vec![], None, false),
        (Policy::FirstUse, vec![rule(None, &["first.pub"])], None, false),
        (Policy::FirstUse, vec![rule(Some(Policy::Deny), &[])], None, false),
        (Policy::Warn, vec![rule(Some(Policy::FirstUse), &["first.pub"])], None, true),
        // A file without a reference, whose signatures were looked at.
        (Policy::FirstUse, vec![rule(None, &["first.pub"])], Some(Signed::Unsigned), true),
    ] {
        let told = format!("{policy:?} {rules:?} {signed:?}");
        let trust = Trust { policy, rules };
        assert_eq!(trust.still_takes("", signed, None), Ok(expected), "{told}");
        // Of a known repository that no rule is about, the usual counts.
        let usual = Ok(policy != Policy::Deny);
        assert_eq!(trust.still_takes("r.io/others/mine", None, None), usual, "{told}");
    }
}

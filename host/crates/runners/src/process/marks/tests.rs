//! Attribution of processes to executions, by their evidence and by their place.

use super::*;

const TICK: u64 = 12345;

fn process(id: i32, parent: i32) -> Process {
    Process { life: Life { id, started_at: TICK }, parent }
}

/// The environment of a process that a host with this identity has started for an execution.
fn environment(execution: &str, identity: &Identity) -> Vec<u8> {
    format!("A=1\0{EXECUTION_VARIABLE}={execution}\0{PROOF_VARIABLE}={}\0", identity.proof(execution)).into()
}

#[test]
fn the_values_of_a_variable_are_found() {
    for (environment, expected) in [
        (&b"A=1\0PETREL_EXECUTION_ID=7\0B=2\0"[..], &["7"][..]),
        (b"PETREL_EXECUTION_ID=7", &["7"]),
        (b"PETREL_EXECUTION_ID=7\0PETREL_EXECUTION_ID=\0", &["7", ""]),
        (b"PETREL_EXECUTION_IDS=7\0XPETREL_EXECUTION_ID=8\0\xff\0", &[]),
        (b"", &[]),
    ] {
        assert_eq!(values(environment, EXECUTION_VARIABLE).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_environment_proves_only_what_this_host_has_put_there() {
    let (own, other) = (Identity::named("own"), Identity::named("other"));
    let forged = format!("{EXECUTION_VARIABLE}=8\0{PROOF_VARIABLE}={}\0", own.proof("7"));
    let many = format!("{EXECUTION_VARIABLE}=x\0").repeat(MOST_NAMES);
    for (environment, expected) in [
        (environment("7", &own), Evidence::Proof("7".into())),
        (environment("7", &other), Evidence::Others(vec!["7".into()])),
        (forged.into(), Evidence::Others(vec!["8".into()])),
        // As marked by versions before the identity, or by somebody who knows the id.
        (b"PETREL_EXECUTION_ID=7\0".to_vec(), Evidence::Others(vec!["7".into()])),
        (
            [many.into_bytes(), environment("7", &own)].concat(),
            Evidence::Others(vec!["x".into(); MOST_NAMES]),
        ),
        (b"A=1\0".to_vec(), Evidence::Nothing),
        (Vec::new(), Evidence::Nothing),
    ] {
        assert_eq!(Evidence::in_environment(&environment, &own), expected);
    }
}

fn starting(members: &[i32], was_home: bool) -> Snapshot {
    Snapshot::Starting { members: members.iter().copied().collect(), was_home }
}

fn running(since: u64, below: Option<&[Process]>) -> Snapshot {
    let below = below.map(|below| below.iter().map(|process| process.life).collect());
    Snapshot::Running { since, below, strays: None, members: None }
}

#[test]
fn what_an_earlier_host_has_left_is_known_by_what_it_shows_and_where_it_is() {
    let (own, copy) = (Identity::named("own"), Identity::named("copy"));
    let marks = Marks::of(&["7".into()], &own, Search::Leftovers);
    let seal = |execution, identity| Evidence::Seal(Seal::of(execution, identity));
    let (proof, named) =
        (|name: &str| Evidence::Proof(name.into()), |name: &str| Evidence::Others(vec![name.into()]));
    let (home, no_home) = (starting(&[9], true), starting(&[], false));
    let elsewhere = starting(&[8], true);
    for (shown, snapshot, expected) in [
        (seal("7", &own), &no_home, Some(true)),
        (seal("7", &own), &elsewhere, Some(true)),
        (seal("8", &own), &home, Some(false)),
        // A process of the original host, which has the same execution as a copy of its store.
        (seal("7", &copy), &no_home, Some(false)),
        (proof("7"), &no_home, Some(true)),
        (proof("7"), &home, Some(true)),
        (proof("8"), &home, Some(false)),
        // If there is a home with everything that was left, the environment of a process elsewhere says nothing.
        (proof("7"), &elsewhere, Some(false)),
        // Marks without an identity count inside the home.
        (named("7"), &home, Some(true)),
        (named("8"), &home, Some(false)),
        (named("7"), &no_home, Some(false)),
        (named("7"), &elsewhere, Some(false)),
        (Evidence::Nothing, &home, None),
    ] {
        assert_eq!(marks.claim(&process(9, 1), &shown, snapshot), expected, "{shown:?} {snapshot:?}");
    }
}

#[test]
fn while_the_host_runs_only_who_is_below_it_and_began_with_the_execution_is_looked_at() {
    let (one, other) = (process(9, 1), process(8, 1));
    for (snapshot, expected) in [
        (running(TICK, None), true),
        (running(TICK + 1, None), false),
        (running(TICK, Some(&[one, other])), true),
        (running(TICK + 1, Some(&[one])), false),
        (running(TICK, Some(&[other])), false),
    ] {
        assert_eq!(snapshot.could_have(&one), expected, "{snapshot:?}");
    }
    // Forged marks do not hide a process: they count as none.
    let own = Identity::named("own");
    let marks = Marks::of(&["7".into()], &own, Search::Since(TICK));
    let snapshot = running(TICK, None);
    for (shown, expected) in [
        (Evidence::Proof("7".into()), Some(true)),
        (Evidence::Proof("8".into()), Some(false)),
        (Evidence::Seal(Seal::of("8", &own)), Some(false)),
        (Evidence::Others(vec!["7".into()]), None),
        (Evidence::Others(vec!["8".into()]), None),
        (Evidence::Nothing, None),
    ] {
        assert_eq!(marks.claim(&one, &shown, &snapshot), expected, "{shown:?}");
    }
}

#[test]
fn who_lives_below_a_parent_in_the_home_is_no_suspect() {
    for (members, is_one) in [(&[][..], false), (&[7], false), (&[9], true), (&[7, 9], false)] {
        assert_eq!(starting(members, true).suspects(&process(9, 7)), is_one, "{members:?}");
    }
    assert!(!running(TICK, None).suspects(&process(9, 7)), "who came to nobody");
}

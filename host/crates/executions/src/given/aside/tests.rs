//! Whose turn it is, who is passed and who is spared.

use petrel_store_suite::id;

use super::*;

fn holder(user: &str, rule: &str) -> Holder {
    Holder { user: user.into(), root: Root::Rule(rule.into()) }
}

fn aside(n: u64, user: &str, rule: &str, needed: usize) -> SetAside {
    SetAside { id: id(n), holder: holder(user, rule), needed, registered: None, fails: false }
}

/// Whose turn it is after so many seconds; what it needs is taken.
fn next(line: &mut Line, shares: &mut Shares, begun: Instant, seconds: u64) -> Option<ExecutionId> {
    line.next(shares, begun + Duration::from_secs(seconds), |_holder| false).map(|(one, _ticket)| one.id)
}

#[test]
fn users_take_turns_and_so_do_the_roots_of_one() {
    let mut line = Line::default();
    for (n, (user, rule)) in
        (1..).zip([("ann", "a"), ("ann", "a"), ("ann", "b"), ("ann", "a"), ("bob", "c"), ("bob", "c")])
    {
        line.add(aside(n, user, rule, 1));
    }
    let (mut shares, begun) = (Shares::new(1000), Instant::now());
    let served: Vec<ExecutionId> =
        std::iter::from_fn(|| next(&mut line, &mut shares, begun, 0)).take(10).collect();
    assert_eq!(served, [1, 5, 3, 6, 2, 4].map(id));
    assert!(line.is_empty() && line.turns.of.is_empty());
}

#[test]
fn who_has_its_share_is_passed_and_who_needs_much_is_waited_for() {
    for (held, waiting, served) in [
        // The rule has its half, so another of the same user is next.
        (&[("ann", "a", 50)][..], &[("ann", "a", 20), ("ann", "b", 20)][..], Some(2)),
        // The user has its three quarters, so another user is.
        (&[("ann", "a", 40), ("ann", "b", 30)], &[("ann", "c", 20), ("bob", "d", 20)], Some(2)),
        // Another of its rules needs little enough.
        (&[("ann", "a", 40), ("ann", "b", 30)], &[("ann", "c", 20), ("ann", "d", 5)], Some(2)),
        // It is the turn of one that finds no room.
        (&[("ann", "a", 50), ("bob", "b", 30)], &[("cyd", "c", 30), ("dan", "d", 1)], None),
        (&[], &[("cyd", "c", 30), ("dan", "d", 1)], Some(1)),
    ] {
        let (mut shares, mut line) = (Shares::new(100), Line::default());
        for (user, rule, amount) in held {
            shares.take(&holder(user, rule), *amount).unwrap();
        }
        for (n, (user, rule, needed)) in (1..).zip(waiting) {
            line.add(aside(n, user, rule, *needed));
        }
        let served_now = next(&mut line, &mut shares, Instant::now(), 0);
        assert_eq!(served_now, served.map(id), "{held:?} {waiting:?}");
    }
}

#[test]
fn who_finds_no_room_is_waited_for_and_passed_in_turn() {
    let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
    shares.take(&holder("ann", "a"), 50).unwrap();
    shares.take(&holder("bob", "b"), 30).unwrap();
    for (n, user, needed) in [(1, "cyd", 40), (2, "dan", 1), (3, "eve", 60), (4, "fay", 1), (5, "gus", 1)] {
        line.add(aside(n, user, user, needed));
    }
    for (seconds, served) in [
        (0, None),
        (9, None),
        (10, Some(2)),
        // Another that needs much does not hold up those behind it once more.
        (11, Some(4)),
        (20, None),
        (29, None),
    ] {
        assert_eq!(next(&mut line, &mut shares, begun, seconds), served.map(id), "after {seconds} s");
    }
    // What gets free while it is waited for is its.
    shares.give_back(&holder("bob", "b"), 30);
    assert_eq!(next(&mut line, &mut shares, begun, 29), Some(id(1)));
    // And the next has its own time.
    assert_eq!(next(&mut line, &mut shares, begun, 30), None);
    assert_eq!(next(&mut line, &mut shares, begun, 39), None);
    assert_eq!(next(&mut line, &mut shares, begun, 40), Some(id(5)));
}

#[test]
fn who_needs_little_spares_one_that_is_waited_for_and_of_its_own_user_always_one() {
    for (waits_for, spares) in [
        // Another holds what it needs: all spare it.
        (("bob", "b", 60), [true, true]),
        // It is its own user that holds it.
        (("ann", "a", 60), [true, false]),
    ] {
        let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
        let (user, rule, amount) = waits_for;
        shares.take(&holder(user, rule), amount).unwrap();
        assert!(!line.is_spared_by(&holder("ann", "x"), begun), "nobody waits");
        line.add(aside(1, "ann", "c", 50));
        assert_eq!(next(&mut line, &mut shares, begun, 0), None);
        for (seconds, is_so) in [(0, true), (9, true), (10, false), (19, false), (20, true)] {
            let now = begun + Duration::from_secs(seconds);
            let spared = ["ann", "cyd"].map(|user| line.is_spared_by(&holder(user, "x"), now));
            assert_eq!(spared, spares.map(|spares| spares && is_so), "{waits_for:?} after {seconds} s");
        }
        shares.give_back(&holder(user, rule), amount);
        assert_eq!(next(&mut line, &mut shares, begun, 1), Some(id(1)));
        assert!(!line.is_spared_by(&holder("ann", "x"), begun), "nobody waits any more");
    }
}

#[test]
fn what_has_ended_is_forgotten_at_once_and_holds_up_nobody() {
    let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
    shares.take(&holder("ann", "a"), 60).unwrap();
    for (n, user, needed) in [(1, "cyd", 50), (2, "cyd", 1), (3, "dan", 1), (4, "eve", 1)] {
        line.add(aside(n, user, user, needed));
    }
    assert_eq!(next(&mut line, &mut shares, begun, 0), None);
    assert!(line.forget(&HashSet::from([1, 3].map(id))));
    assert!(!line.forget(&HashSet::from([id(3)])), "it is gone already");
    let served: Vec<ExecutionId> =
        std::iter::from_fn(|| next(&mut line, &mut shares, begun, 0)).take(10).collect();
    assert_eq!(served, [2, 4].map(id));
    assert!(line.is_empty() && line.turns.of.is_empty());
}

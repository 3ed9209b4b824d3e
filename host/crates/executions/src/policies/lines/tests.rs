//! Tests of lines, with executions by number.

use petrel_model::Id;

use super::*;

fn id(number: u64) -> ExecutionId {
    Id::from_parts(1, number).into()
}

fn need(key: &str, threshold: usize) -> Need {
    Need { key: key.into(), threshold, otherwise: Otherwise::Delay }
}

fn asker(number: u64, needs: &[Need]) -> Asker {
    Asker { id: id(number), kind: Kind::Process, above: Vec::new(), needs: needs.to_vec() }
}

/// Asks, and stays claimed if it has to wait. Returns whether it has its places.
fn arrives(lines: &mut Lines, number: u64, needs: &[Need]) -> bool {
    match lines.ask(asker(number, needs), false) {
        Asked::Holds => true,
        Asked::Waits => false,
        Asked::Refused(need) => panic!("{need:?}"),
    }
}

fn numbers(freed: &[Freed]) -> Vec<ExecutionId> {
    freed.iter().map(|one| one.id).collect()
}

#[test]
fn as_many_run_as_may_and_the_others_follow_in_order() {
    for threshold in [1, 2, 3] {
        let mut lines = Lines::default();
        let needs = [need("p", threshold)];
        let running: Vec<bool> = (0..5).map(|number| arrives(&mut lines, number, &needs)).collect();
        assert_eq!(running.iter().filter(|runs| **runs).count(), threshold);
        for (ended, next) in (0..5).zip(threshold as u64..) {
            let freed = lines.forget(id(ended));
            let expected = if next < 5 { vec![id(next)] } else { Vec::new() };
            assert_eq!(numbers(&freed), expected, "{threshold} {ended}");
        }
        assert_eq!((lines.known(), lines.by_key.len()), (0, 0), "nothing is left");
    }
}

#[test]
fn each_end_frees_one_of_ten_thousand() {
    let mut lines = Lines::default();
    let needs = [need("p", 2), need("q", 2)];
    for number in 0..10_000 {
        assert_eq!(arrives(&mut lines, number, &needs), number < 2);
    }
    for ended in 0..10_000 {
        let expected = if ended < 9_998 { vec![id(ended + 2)] } else { Vec::new() };
        assert_eq!(numbers(&lines.forget(id(ended))), expected);
    }
    assert_eq!((lines.known(), lines.by_key.len()), (0, 0));
}

#[test]
fn who_waits_for_one_keeps_nobody_from_another() {
    let mut lines = Lines::default();
    let (all, a, b) = (need("all", 3), need("a", 1), need("b", 1));
    assert!(arrives(&mut lines, 1, &[all.clone(), a.clone()]));
    assert!(!arrives(&mut lines, 2, &[all.clone(), a.clone()]), "a is taken");
    assert!(arrives(&mut lines, 3, &[all.clone(), b.clone()]));
    assert!(arrives(&mut lines, 4, &[all.clone(), need("c", 1)]));
    assert!(!arrives(&mut lines, 5, &[all, b]), "all are taken");
    assert_eq!(lines.wait(id(5)).unwrap().key, "all".into());
    assert_eq!(lines.forget(id(4)), [], "5 waits for b now");
    assert_eq!(lines.wait(id(5)).unwrap().key, "b".into());
    assert_eq!(numbers(&lines.forget(id(1))), [id(2)]);
    assert_eq!(numbers(&lines.forget(id(3))), [id(5)]);
}

#[test]
fn what_would_wait_is_refused_where_the_limit_says_so() {
    let mut lines = Lines::default();
    let cancels = Need { otherwise: Otherwise::Cancel, ..need("p", 1) };
    assert!(arrives(&mut lines, 1, std::slice::from_ref(&cancels)));
    assert_eq!(lines.ask(asker(2, &[need("q", 1), cancels.clone()]), false), Asked::Refused(cancels));
    assert_eq!((lines.known(), lines.by_key.len()), (1, 1));
}

#[test]
fn an_end_of_whatever_waits_gives_nothing_back() {
    let mut lines = Lines::default();
    let needs = [need("p", 1)];
    assert!(arrives(&mut lines, 1, &needs));
    assert!(!arrives(&mut lines, 2, &needs));
    assert!(!arrives(&mut lines, 3, &needs));
    assert!(!arrives(&mut lines, 4, &needs));
    let wait = lines.wait(id(3)).unwrap();
    assert_eq!((wait.before, wait.running, wait.threshold), (1, 1, 1));
    assert_eq!((lines.forget(id(2)), lines.forget(id(4))), (Vec::new(), Vec::new()));
    assert_eq!(lines.wait(id(3)).unwrap().before, 0);
    assert_eq!(numbers(&lines.forget(id(1))), [id(3)]);
}

#[test]
fn who_is_being_told_to_wait_is_not_overtaken_and_offered_once() {
    let mut lines = Lines::default();
    let needs = [need("p", 1)];
    assert!(arrives(&mut lines, 1, &needs));
    assert_eq!(lines.ask(asker(2, &needs), true), Asked::Waits);
    let freed = Freed { id: id(2), kind: Kind::Process, is_claimed: false };
    assert_eq!(lines.forget(id(1)), [freed], "the commit offers it");
    assert!(!arrives(&mut lines, 3, &needs));
    assert_eq!(lines.claimed(id(2)), Standing::Holds);
}

#[test]
fn whoever_was_claimed_while_it_waited_is_offered_again() {
    let mut lines = Lines::default();
    let needs = [need("p", 1)];
    assert!(arrives(&mut lines, 1, &needs));
    assert_eq!(lines.ask(asker(2, &needs), true), Asked::Waits);
    assert_eq!(lines.claimed(id(2)), Standing::Waits);
    assert_eq!(lines.forget(id(1)), [Freed { id: id(2), kind: Kind::Process, is_claimed: true }]);
    assert_eq!(lines.claimed(id(2)), Standing::Holds);
    lines.pass(id(2));
    assert_eq!((lines.claimed(id(2)), lines.claimed(id(9))), (Standing::Passed, Standing::Unknown));
}

#[test]
fn a_workflow_does_not_wait_for_the_one_that_it_is_inside_of() {
    let mut lines = Lines::default();
    let needs = [need("p", 1)];
    assert!(arrives(&mut lines, 1, &needs));
    assert_eq!(lines.ask(Asker { above: vec![id(1)], ..asker(2, &needs) }, false), Asked::Holds);
    assert!(!arrives(&mut lines, 3, &needs));
    assert_eq!(lines.forget(id(2)), [], "the outer one still has its place");
    assert_eq!(numbers(&lines.forget(id(1))), [id(3)]);
}

#[test]
fn a_paused_workflow_leaves_its_place_and_comes_back() {
    let mut lines = Lines::default();
    let needs = [need("p", 1)];
    assert!(arrives(&mut lines, 1, &needs));
    assert!(!arrives(&mut lines, 2, &needs));
    assert_eq!(numbers(&lines.rest(id(1), true)), [id(2)]);
    assert!(!arrives(&mut lines, 3, &needs));
    assert_eq!((lines.rest(id(1), false), lines.rest(id(1), false)), (Vec::new(), Vec::new()));
    assert_eq!(lines.forget(id(2)), [], "two of one ran");
    assert_eq!(numbers(&lines.forget(id(1))), [id(3)]);
}

#[test]
fn after_a_restart_and_a_change_all_are_counted_once() {
    let mut lines = Lines::default();
    lines.count(asker(1, &[need("p", 1)]), false);
    lines.count(asker(1, &[need("p", 1)]), false);
    lines.count(asker(2, &[need("p", 1)]), true);
    assert!(!arrives(&mut lines, 3, &[need("p", 1)]));
    assert!(!arrives(&mut lines, 4, &[need("p", 1)]));
    // The policy has changed, so these ask anew.
    lines.count(asker(1, &[need("q", 1)]), false);
    assert_eq!(numbers(&lines.dissolve()), [id(3), id(4)]);
    assert_eq!((lines.holding(), lines.claimed(id(3))), (vec![id(1), id(2)], Standing::Unknown));
    assert!(arrives(&mut lines, 3, &[need("p", 2)]), "two may run now");
    assert!(!arrives(&mut lines, 4, &[need("q", 1)]));
    assert_eq!(numbers(&lines.forget(id(1))), [id(4)]);
}

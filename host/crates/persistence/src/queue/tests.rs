//! Turns, shares and counts.

use super::*;
use petrel_model::{Parent, Status, StatusEvent};
use petrel_store_suite::{at, execution, id};

fn of_user(n: u64, user: &str) -> Execution {
    let mut execution = execution(n);
    execution.context.user = user.into();
    execution.context.rule = None;
    execution
}

fn inside(n: u64, workflow: u64, root: Option<u64>) -> Execution {
    let root = root.map(id);
    let parent = Parent {
        execution: id(workflow),
        task: "t".into(),
        number: 0,
        route: 0,
        item: None,
        depth: 0,
        root,
        in_chain: false,
        is_call: false,
    };
    Execution { parent: Some(parent), ..execution(n) }
}

fn runners() -> Vec<String> {
    vec![execution(1).runner]
}

/// What is claimed one at a time, as numbers.
fn claim(queue: &mut Queue, limit: usize) -> Vec<u64> {
    let claimed = queue.claim(&runners(), at(1_000), limit);
    claimed
        .into_iter()
        .map(|one| (1..100).find(|n| id::<ExecutionId>(*n) == one).unwrap_or_default())
        .collect()
}

#[test]
fn accounts_are_served_in_turn_and_each_earliest_first() {
    let mut queue = Queue::default();
    for n in 1..=4 {
        queue.store(&of_user(n, "hog"));
    }
    queue.store(&of_user(5, "ann"));
    queue.store(&inside(6, 50, None));
    queue.store(&inside(7, 51, Some(50)));
    assert_eq!(claim(&mut queue, 4), [1, 5, 6, 2]);
    assert_eq!(claim(&mut queue, 9), [7, 3, 4]);
}

#[test]
fn who_comes_back_at_once_is_not_before_those_who_wait() {
    let mut queue = Queue::default();
    for n in 1..=3 {
        queue.store(&of_user(n, "hog"));
    }
    let mut order = Vec::new();
    for n in 10..13 {
        let mut one = of_user(n, "ann");
        queue.store(&one);
        order.extend(claim(&mut queue, 1));
        order.extend(claim(&mut queue, 1));
        one.status = Status::Succeeded;
        queue.store(&one);
    }
    assert_eq!(order, [1, 10, 2, 11, 3, 12]);
}

#[test]
fn what_is_delayed_gets_its_turn_when_it_is_due() {
    let mut queue = Queue::default();
    queue.store(&Execution { ready_at: Some(at(60)), ..of_user(1, "ann") });
    queue.store(&of_user(2, "ann"));
    assert_eq!(queue.claim(&runners(), at(50), 9), [id(2)]);
    assert_eq!(queue.next_due(&runners()), Some(at(60)));
    assert_eq!(queue.claim(&runners(), at(60), 9), [id(1)]);
    queue.release(id(1));
    assert_eq!(queue.claim(&runners(), at(60), 9), [id(1)]);
    assert_eq!(queue.next_due(&runners()), None);
}

#[test]
fn what_waits_is_counted_by_account_and_at_most_a_share_of_each() {
    for (hog, share, within) in [(70, 40, 42), (70, 65, 67), (70, 100, 72), (200, 100, 102)] {
        let mut queue = Queue::default();
        for n in 1..=hog {
            queue.store(&of_user(n, "hog"));
        }
        queue.store(&of_user(1_000, "ann"));
        queue.store(&inside(1_001, 50, Some(40)));
        let waiting = usize::try_from(hog).unwrap();
        assert_eq!(queue.waiting(), waiting + 2);
        assert_eq!(queue.waiting_of(Account::User("hog")), waiting);
        assert_eq!(queue.waiting_of(Account::User("eve")), 0);
        assert_eq!(queue.waiting_of(Account::Workflow(id(40))), 1);
        assert_eq!(queue.waiting_within(share), within, "{hog} waiting, a share of {share}");
    }
}

#[test]
fn what_is_inside_a_workflow_is_counted_until_it_has_ended() {
    let mut queue = Queue::default();
    let (mut child, mut grandchild) = (inside(2, 1, None), inside(3, 2, Some(1)));
    queue.store(&child);
    queue.store(&grandchild);
    assert_eq!(queue.inside(id(1)), 2);
    assert_eq!(queue.by_workflow(), BTreeMap::from([(id(1), vec![id(2)]), (id(2), vec![id(3)])]));
    for one in [&mut grandchild, &mut child] {
        one.apply(StatusEvent::Started, at(1)).unwrap();
        queue.store(one);
        assert_eq!(queue.waiting_of(Account::Workflow(id(1))), usize::from(one.id == id(3)));
    }
    grandchild.apply(StatusEvent::Succeeded, at(2)).unwrap();
    queue.store(&grandchild);
    assert_eq!(queue.inside(id(1)), 1);
    child.apply(StatusEvent::Succeeded, at(3)).unwrap();
    queue.store(&child);
    assert_eq!((queue.inside(id(1)), queue.accounts_open()), (0, 0));
}

#[test]
fn an_end_that_is_about_to_be_written_is_expected_by_nobody() {
    let mut queue = Queue::default();
    let mut one = execution(1);
    queue.store(&one);
    one.apply(StatusEvent::CancelRequested, at(1)).unwrap();
    queue.stage(&one);
    assert_eq!(queue.version(one.id), None);
}

/// The `n`-th execution, as something that a process with epoch 1 had begun.
fn begun(n: u64) -> Execution {
    Execution { status: Status::Running, host: Some(1), ..execution(n) }
}

#[test]
fn what_is_held_is_neither_claimed_nor_orphaned_until_the_hold_is_lifted() {
    let mut queue = Queue::default();
    queue.hold([id(1), id(2)]);
    for stored in [execution(1), begun(2), execution(3), begun(4), inside(5, 2, None)] {
        queue.store(&stored);
    }
    assert_eq!((queue.held(), queue.waiting()), (3, 1), "1, 2 and what 2 has asked for");
    assert_eq!(queue.next_due(&runners()), Some(execution(3).due_at()));
    assert_eq!(queue.claim(&runners(), at(100), 9), [id(3)]);
    assert_eq!(queue.orphans(2), [id(4)]);
    // Releasing or storing it again does not let it go on.
    queue.release(id(1));
    queue.store(&Execution { version: 2, ..execution(1) });
    assert_eq!(queue.claim(&runners(), at(100), 9), []);
    assert_eq!(queue.version(id(1)), Some(2), "it can be ended");
    queue.lift();
    assert_eq!((queue.held(), queue.is_held(id(2))), (0, false));
    assert_eq!(queue.claim(&runners(), at(100), 9), [id(1), id(5)]);
    assert_eq!(queue.orphans(2), [id(2), id(4)]);
    // One was claimed before the hold was lifted, and waits until it is stored.
    assert_eq!(queue.waiting(), 3);
}

#[test]
fn what_is_held_may_end_and_what_it_has_asked_for_stays_held() {
    let mut queue = Queue::default();
    queue.hold([id(1)]);
    queue.store(&begun(1));
    queue.store(&Execution { status: Status::Canceled, ..begun(1) });
    queue.store(&inside(2, 1, None));
    assert_eq!((queue.held(), queue.waiting()), (1, 0));
    queue.lift();
    assert_eq!((queue.held(), queue.waiting()), (0, 1));
}

#[test]
fn what_has_begun_is_neither_waiting_nor_held_nor_over() {
    let mut queue = Queue::default();
    queue.hold([id(4)]);
    for n in 1..=5 {
        let mut one = of_user(n, "ada");
        if n != 5 {
            one.apply(StatusEvent::Started, at(1)).unwrap();
        }
        queue.store(&one);
        if n == 2 {
            one.apply(StatusEvent::Succeeded, at(2)).unwrap();
            queue.store(&one);
        }
    }
    assert_eq!(queue.begun(), [id(1), id(3)]);
}

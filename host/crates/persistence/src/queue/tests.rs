//! Turns, shares and counts.

use super::*;
use crate::suite::{at, execution, id};
use petrel_model::{Parent, Status, StatusEvent};

fn of_user(n: u64, user: &str) -> Execution {
    let mut execution = execution(n);
    execution.context.user = user.into();
    execution.context.rule = None;
    execution
}

fn inside(n: u64, workflow: u64, root: Option<u64>) -> Execution {
    let root = root.map(id);
    let parent =
        Parent { execution: id(workflow), task: "t".into(), number: 0, route: 0, item: None, depth: 0, root };
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

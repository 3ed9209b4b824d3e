//! Who has room, who waits for it, and who comes next.

use std::path::Path;

use async_trait::async_trait;
use petrel_runners::shares::{Refused, Root};
use petrel_runners::{Asked, Call, Outcome, OutputSink, Runner, RunnerType, Runs, Slots};
use petrel_store_suite::id;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;

mod unprepared;

const MIB: usize = 1 << 20;

fn one(n: u64, user: &str, rule: &str, needed: usize) -> SetAside {
    let holder = Holder { user: user.into(), root: Root::Rule(rule.into()) };
    SetAside { id: id(n), holder, needed, registered: None, fails: false }
}

/// A runner with ten places, all of which a heavy run takes, and one that is kept for light ones.
struct Places {
    runner_type: RunnerType,
    taken: Arc<Mutex<usize>>,
}

struct Taken(Arc<Mutex<usize>>, usize);

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.lock() -= self.1;
    }
}

#[async_trait]
impl Runner for Places {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        Outcome::succeeded(json!(null))
    }

    fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
        let mut taken = self.taken.lock();
        let places = if self.is_light(asked.pack_path, asked.entry_point) { 1 } else { 10 };
        let end = if places == 1 && asked.spares_others { 11 } else { 10 };
        if *taken + places > end {
            return Err(Refused::ByTheRoot);
        }
        *taken += places;
        Ok(Some(Box::new(Taken(Arc::clone(&self.taken), places))))
    }

    fn is_light(&self, _pack_path: &Path, entry_point: &str) -> bool {
        entry_point == "light.wasm"
    }
}

/// An action of the runner of ten places, whose component is light or heavy.
fn registered(runner: &Arc<dyn Runner>, weight: &str) -> Arc<RegisteredAction> {
    let action = serde_json::from_value(json!({"ref": format!("sizes.{weight}"), "runner_type": "places",
        "entry_point": format!("{weight}.wasm")}));
    let runners = [("places".to_owned(), Runs::By(Arc::clone(runner)))].into();
    Arc::new(RegisteredAction::new(action.unwrap(), &runners, "sizes".into()))
}

#[test]
fn light_ones_do_not_wait_behind_heavy_ones_of_the_same_rule_and_spare_those() {
    let runner_type = RunnerType { name: "places", description: "", parameters: Object::new() };
    let runner: Arc<dyn Runner> = Arc::new(Places { runner_type, taken: Arc::default() });
    let room = GivenRoom::new(12 * MIB);
    let kind = Kind::Component;
    let weighs =
        |n, weight| SetAside { registered: Some(registered(&runner, weight)), ..one(n, "ann", "a", 0) };
    let heavy = room.take(kind, weighs(1, "heavy")).unwrap();
    assert!(room.take(kind, weighs(2, "heavy")).is_err());
    // The second heavy one is waited for: a light one has what is kept for it, and takes nothing that is
    // freed.
    assert!(room.next(kind).is_none());
    let light = room.take(kind, weighs(3, "light")).unwrap();
    assert!(room.take(kind, weighs(4, "light")).is_err());
    drop(heavy);
    drop(light);
    let served: Vec<_> = std::iter::from_fn(|| room.next(kind)).collect();
    let ids: Vec<_> = served.iter().map(|(one, _ticket)| one.id).collect();
    assert!(ids.contains(&id(2)) || ids == [id(4)], "{ids:?}");
    drop(served);
}

#[test]
fn only_what_is_large_needs_room_and_never_more_than_half_of_it() {
    let room = GivenRoom::new(12 * MIB);
    let whole = COPIES * size::of_value(&json!("x".repeat(MIB)));
    for (length, needed) in [(10, None), (SMALL / 2, None), (MIB, Some(whole)), (3 * MIB, Some(6 * MIB))] {
        let parameters = json!({"text": "x".repeat(length)}).as_object().cloned().unwrap();
        assert_eq!(room.needed(&parameters), needed, "{length} bytes");
    }
}

#[test]
fn whoever_holds_its_share_waits_and_others_run() {
    let room = GivenRoom::new(12 * MIB);
    let kind = Kind::Component;
    let first = one(1, "ann", "a", 5 * MIB);
    assert!(room.take(kind, one(1, "ann", "a", 5 * MIB)).is_ok());
    assert!(room.take(kind, one(2, "ann", "a", 5 * MIB)).is_err(), "more than the share of one user");
    assert!(room.take(Kind::Process, one(3, "ann", "b", 5 * MIB)).is_err(), "whatever slots it needs");
    // It comes behind the other, whom it then passes.
    assert!(room.take(kind, one(4, "bob", "c", 5 * MIB)).is_err());
    assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), Some(id(4)));
    assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), None);
    assert!(room.give_back(&first.holder, first.needed), "somebody waits for it");
    assert_eq!(room.next(kind).map(|(one, _ticket)| one.id), Some(id(2)));
    assert!(room.give_back(&first.holder, first.needed));
    assert_eq!(room.next(Kind::Process).map(|(one, _ticket)| one.id), Some(id(3)));
    let bob = one(4, "bob", "c", 0).holder;
    assert!(!room.give_back(&bob, 5 * MIB), "nobody waits any more");
}

#[test]
fn what_was_canceled_while_it_was_set_aside_is_forgotten_at_once() {
    let room = GivenRoom::new(12 * MIB);
    let kind = Kind::Process;
    assert!(room.take(kind, one(1, "ann", "a", 5 * MIB)).is_ok());
    for n in [2, 3] {
        assert!(room.take(kind, one(n, "ann", "a", 5 * MIB)).is_err());
    }
    assert!(!room.forget(&[id(1)]), "it runs");
    assert!(room.forget(&[id(2), id(9)]));
    assert!(room.forget(&[id(3)]));
    assert!(!room.give_back(&one(1, "ann", "a", 0).holder, 5 * MIB), "nobody waits any more");
    assert!(room.take(kind, one(4, "ann", "a", 5 * MIB)).is_ok());
}

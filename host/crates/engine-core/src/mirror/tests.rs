//! Lost callers, concurrent changes, refused commits: what is shown is what is stored, in every case.

use std::collections::BTreeMap;
use std::sync::mpsc;

use petrel_model::KeyValue;
use petrel_persistence::{MemoryStore, Store, StoreExt as _};

use super::*;
use crate::set_clock::SetClock;

/// Counters by name, each of them a key of the datastore.
type Counters = BTreeMap<String, u64>;

struct Counting {
    core: Core,
    store: MemoryStore,
    mirror: Mirror<Counters>,
}

impl Counting {
    fn new() -> Self {
        let store = MemoryStore::default();
        let core = Core::new(Arc::new(store.clone()), Arc::new(SetClock::default()));
        Self { core, store, mirror: Mirror::new(Counters::new()) }
    }

    async fn count(&self, name: &'static str) -> Result<u64, Error> {
        self.mirror.change(&self.core, move |counters| Ok(counted(counters, name))).await
    }

    async fn stored(&self) -> Counters {
        let keys = self.store.all::<KeyValue>().await.unwrap();
        keys.into_iter().map(|key| (key.name, key.value.parse().unwrap())).collect()
    }

    async fn shown_is_stored(&self) {
        assert_eq!(*self.mirror.get(), self.stored().await);
    }
}

/// One more of `name`.
fn counted(counters: &Counters, name: &str) -> Decided<Counters, u64> {
    let (name, next) = (name.to_owned(), counters.get(name).unwrap_or(&0) + 1);
    let key = KeyValue::new(name.clone(), next.to_string());
    Decided::new(vec![Change::put(key)], next, move |counters: &mut Counters| {
        counters.insert(name, next);
    })
}

#[tokio::test]
async fn a_change_is_stored_and_shown_and_a_snapshot_stays() {
    let counting = Counting::new();
    let before = counting.mirror.get();
    assert_eq!(counting.count("a").await.unwrap(), 1);
    let between = counting.mirror.get();
    assert_eq!(counting.count("a").await.unwrap(), 2);
    assert_eq!((before.get("a"), between.get("a")), (None, Some(&1)));
    assert_eq!(counting.mirror.get().get("a"), Some(&2));
    assert_eq!(counting.mirror.version(), 2);
    counting.shown_is_stored().await;
}

#[tokio::test]
async fn who_waits_for_a_change_sees_it_and_one_that_was_missed() {
    let counting = Counting::new();
    let (mirror, core) = (counting.mirror.clone(), counting.core.clone());
    let waiting = core.spawn("waiting", async move {
        mirror.changed_since(0).await;
        mirror.version()
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    counting.count("a").await.unwrap();
    assert_eq!(waiting.await.unwrap(), 1);
    counting.mirror.changed_since(0).await;
}

#[tokio::test]
async fn nothing_is_copied_while_nobody_has_a_snapshot() {
    let counting = Counting::new();
    let address = |counting: &Counting| Arc::as_ptr(&counting.mirror.get());
    let before = address(&counting);
    counting.count("a").await.unwrap();
    assert_eq!(address(&counting), before);
}

#[tokio::test]
async fn each_value_is_told_before_it_is_shown() {
    let counting = Counting::new();
    let (sender, told) = mpsc::channel();
    let watch = move |counters: &Counters| sender.send(counters.get("a").copied()).unwrap();
    let mirror = Mirror::watched(Counters::new(), watch);
    for has_snapshot in [false, true] {
        let _snapshot = has_snapshot.then(|| mirror.get());
        mirror.change(&counting.core, |counters| Ok(counted(counters, "a"))).await.unwrap();
    }
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [None, Some(1), Some(2)]);
}

#[tokio::test]
async fn what_decides_against_a_change_leaves_nothing_behind() {
    let counting = Counting::new();
    counting.count("a").await.unwrap();
    let refused = counting.mirror.change(&counting.core, |counters| match counters.get("a") {
        Some(1) => Err(Error::invalid("`a` is 1", "leave it")),
        _ => Ok(counted(counters, "a")),
    });
    assert_eq!(refused.await.unwrap_err().to_string(), "`a` is 1");
    assert_eq!(counting.mirror.version(), 1);
    counting.shown_is_stored().await;
}

#[tokio::test]
async fn a_refused_commit_shows_nothing() {
    let counting = Counting::new();
    counting.count("a").await.unwrap();
    let absent = Expect::ExecutionVersion(petrel_model::Id::from_parts(1, 1).into(), 1);
    let refused =
        counting.mirror.change(&counting.core, |counters| Ok(counted(counters, "a").expecting(absent)));
    assert_eq!(refused.await.unwrap_err().code(), "conflict");
    assert_eq!(counting.mirror.get().get("a"), Some(&1));
    let _next_process = counting.store.reopen();
    assert_eq!(counting.count("a").await.unwrap_err().code(), "internal");
    assert_eq!((counting.mirror.get().get("a"), counting.mirror.version()), (Some(&1), 1));
    counting.shown_is_stored().await;
}

#[tokio::test]
async fn who_goes_away_meanwhile_gets_the_change_done() {
    let counting = Counting::new();
    {
        let mut change = Box::pin(counting.count("a"));
        // One look starts it, and then nobody asks any more.
        let is_done =
            tokio::select! { biased; _ = &mut change => true, () = std::future::ready(()) => false };
        assert!(!is_done);
    }
    assert_eq!(counting.mirror.version(), 0);
    counting.core.stop(std::time::Duration::from_secs(30)).await;
    assert_eq!(counting.mirror.get().get("a"), Some(&1), "the stop waits for it");
    counting.shown_is_stored().await;
}

#[tokio::test]
async fn what_panics_while_it_decides_is_an_error_and_keeps_nobody_out() {
    let counting = Counting::new();
    let broken = counting.mirror.change::<u64>(&counting.core, |_| panic!("on purpose"));
    assert_eq!(broken.await.unwrap_err().code(), "internal");
    assert_eq!(counting.count("a").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_changes_none_is_lost_and_readers_see_them_grow() {
    let counting = Arc::new(Counting::new());
    let reader = Arc::clone(&counting);
    let (done, is_done) = mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        let mut last = 0;
        while is_done.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let snapshot = reader.mirror.get();
            let now = *snapshot.get("a").unwrap_or(&0);
            assert!(now >= last && snapshot.get("a") == snapshot.get("b"), "{snapshot:?} after {last}");
            last = now;
        }
    });
    let changes = (0..50).map(|_| {
        let counting = Arc::clone(&counting);
        let core = counting.core.clone();
        core.spawn("test", async move {
            // Both in one change: no reader sees one without the other.
            let both = |counters: &Counters| {
                let next = counters.get("a").unwrap_or(&0) + 1;
                let key = |name: &str| Change::put(KeyValue::new(name, next.to_string()));
                Ok(Decided::new(vec![key("a"), key("b")], next, move |counters: &mut Counters| {
                    counters.insert("b".into(), next);
                    counters.insert("a".into(), next);
                }))
            };
            counting.mirror.change(&counting.core, both).await.unwrap()
        })
    });
    let mut answers = Vec::new();
    for change in changes.collect::<Vec<_>>() {
        answers.push(change.await.unwrap());
    }
    drop(done);
    reading.join().unwrap();
    answers.sort_unstable();
    assert!(answers.into_iter().eq(1..=50), "each was decided on what the one before it had shown");
    counting.shown_is_stored().await;
}

#[tokio::test]
async fn what_another_host_has_committed_is_read_again_between_two_changes() {
    let counting = Counting::new();
    counting.count("a").await.unwrap();
    let other = KeyValue::new("a", "7");
    counting.store.commit(petrel_persistence::Commit::of([Change::put(other)])).await.unwrap();
    counting.mirror.read_again(async { Ok(counting.stored().await) }).await.unwrap();
    assert_eq!(counting.count("a").await.unwrap(), 8);
    let unreadable = async { Err(Error::Internal("it cannot be read".into())) };
    counting.mirror.read_again(unreadable).await.unwrap_err();
    assert_eq!((counting.mirror.get().get("a"), counting.mirror.version()), (Some(&8), 3));
    counting.shown_is_stored().await;
}

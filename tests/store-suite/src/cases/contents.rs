//! Executions, events and output: in order, whatever their size, until they are deleted.

use std::sync::Arc;

use petrel_model::execution::Origin;
use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Status, StatusEvent};
use petrel_persistence::{Change, Commit, ExecutionFilter, Store};
use serde_json::json;

use super::advance;
use crate::Backend;
use crate::samples::{at, execution, id, instance, object};

/// Filters apply, pages join up, and the last page says so.
pub async fn listings_are_newest_first_and_go_on<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    for n in 1..=5 {
        let mut execution = execution(n);
        execution.context.trigger_instance = Some(Origin { id: id(n % 2), name: "t".into() });
        let event = instance(n, json!({"n": n}));
        let changes = [Change::CreateExecution(execution), Change::CreateTriggerInstance(event)];
        store.commit(Commit::of(changes)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.executions(&ExecutionFilter::default(), before, 2).await.unwrap();
        seen.extend(page.items.iter().map(|execution| execution.id));
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(id));
    let odd = ExecutionFilter { trigger_instance: Some(id(1)), ..ExecutionFilter::default() };
    let page = store.executions(&odd, None, 9).await.unwrap();
    assert_eq!(page.items.iter().map(|execution| execution.id).collect::<Vec<_>>(), [5, 3, 1].map(id));
    let none = ExecutionFilter { status: Some(Status::Failed), ..ExecutionFilter::default() };
    assert_eq!(store.executions(&none, None, 9).await.unwrap().items, []);

    let page = store.trigger_instances(None, Some(id(3)), 9).await.unwrap();
    assert_eq!(page.items, [instance(2, json!({"n": 2})), instance(1, json!({"n": 1}))]);
    let other = "core.other".parse().unwrap();
    assert_eq!(store.trigger_instances(Some(&other), None, 9).await.unwrap().items, []);
}

/// Lines come back in order, from any line on; a part that was written twice is there once.
pub async fn output_is_kept_in_order<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let line = |text: &str| OutputLine { stream: Stream::Stdout, text: text.into() };
    let append = |sequence, lines| Commit::of([Change::AppendOutput { execution: id(1), sequence, lines }]);
    store.commit(append(0, vec![line("a"), line("b")])).await.unwrap();
    store.commit(append(2, vec![line("c")])).await.unwrap();
    store.commit(append(2, vec![line("c")])).await.unwrap();
    assert_eq!(store.output(id(1), 0).await.unwrap(), ["a", "b", "c"].map(line));
    assert_eq!(store.output(id(1), 1).await.unwrap(), ["b", "c"].map(line));
    assert_eq!(store.output(id(2), 0).await.unwrap(), []);
}

/// Small ones, ones just beyond the limits, and megabytes; keys keep their order.
pub async fn values_of_any_size_come_back<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let sizes = [0, 900, 1_100, 4_000, 4_096, 4_200, 40_000, 65_000, 66_000, 5_000_000];
    for (n, size) in (1..).zip(sizes) {
        let value = json!({"z": "x".repeat(size), "a": [1, 2.0, null]});
        let mut execution = execution(n);
        execution.parameters = Arc::new(object(value.clone()));
        let event = instance(n, value.clone());
        let changes =
            [Change::CreateExecution(execution.clone()), Change::CreateTriggerInstance(event.clone())];
        store.commit(Commit::of(changes)).await.unwrap();
        advance(&store, &mut execution, StatusEvent::Started).await.unwrap();
        execution.result = Some(Arc::new(value));
        advance(&store, &mut execution, StatusEvent::Succeeded).await.unwrap();
        let stored = store.execution(execution.id).await.unwrap().unwrap();
        assert!(stored == execution, "an execution of {size} bytes");
        let keys: Vec<_> = stored.result.as_ref().unwrap().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["z", "a"]);
        assert!(
            store.trigger_instance(event.id).await.unwrap().unwrap() == event,
            "an event of {size} bytes"
        );
    }
    drop(store);
    let store = backend.open().await;
    // A page may end early when it holds much.
    let (mut count, mut before) = (0, None);
    loop {
        let page = store.executions(&ExecutionFilter::default(), before, 99).await.unwrap();
        count += page.items.len();
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(count, sizes.len());
}

/// What is deleted is gone, also after opening again, and the rest is listed oldest first.
pub async fn what_is_deleted_is_gone(backend: &mut impl Backend) {
    let store = backend.open().await;
    for (n, size) in [(1, 10), (2, 2_000), (3, 20_000), (4, 200_000)] {
        let large = json!("x".repeat(size));
        let mut ended = execution(n);
        ended.parameters = Arc::new(object(json!({"cmd": large})));
        let event = instance(n, large.clone());
        let changes = [Change::CreateExecution(ended.clone()), Change::CreateTriggerInstance(event)];
        store.commit(Commit::of(changes)).await.unwrap();
        ended.apply(StatusEvent::Started, at(8)).unwrap();
        ended.apply(StatusEvent::Succeeded, at(9)).unwrap();
        ended.result = Some(Arc::new(large));
        let lines = vec![OutputLine { stream: Stream::Stdout, text: "x".repeat(size) }];
        let output = Change::AppendOutput { execution: id(n), sequence: 0, lines };
        store.commit(Commit::of([Change::UpdateExecution(ended), output])).await.unwrap();
    }
    let oldest = store.oldest_executions(None, 3).await.unwrap();
    assert_eq!(oldest.iter().map(|execution| execution.id).collect::<Vec<_>>(), [1, 2, 3].map(id));
    let oldest = store.oldest_trigger_instances(Some(id(1)), 2).await.unwrap();
    assert_eq!(oldest.iter().map(|instance| instance.id).collect::<Vec<_>>(), [2, 3].map(id));
    let delete = |n| [Change::DeleteExecution(id(n)), Change::DeleteTriggerInstance(id(n))];
    store.commit(Commit::of((1..=3).flat_map(delete))).await.unwrap();
    // What was never there, or is gone already, is no mistake.
    store.commit(Commit::of(delete(1))).await.unwrap();
    only_the_fourth_is_left(&store).await;
    store.sweep().await.unwrap();
    drop(store);
    only_the_fourth_is_left(&backend.open().await).await;
}

async fn only_the_fourth_is_left(store: &impl Store) {
    for n in 1..=4 {
        let is_there = n == 4;
        assert_eq!(store.execution(id(n)).await.unwrap().is_some(), is_there, "execution {n}");
        assert_eq!(store.trigger_instance(id(n)).await.unwrap().is_some(), is_there, "event {n}");
        assert_eq!(store.output(id(n), 0).await.unwrap().is_empty(), !is_there, "output {n}");
    }
    let left = store.executions(&ExecutionFilter::default(), None, 10).await.unwrap();
    assert_eq!(left.items.len(), 1);
    assert_eq!(left.items.first().unwrap().result, Some(Arc::new(json!("x".repeat(200_000)))));
}

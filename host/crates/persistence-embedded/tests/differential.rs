//! The same random operations on two backends: the embedded store must answer like the one in memory, also after both
//! were opened again.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::sync::Arc;

use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Execution, Ref, Rule, StatusEvent};
use petrel_persistence::{
    Change, Commit, DocumentKind, ExecutionFilter, Expect, MemoryStore, Store, StoreExt as _,
};
use petrel_persistence_embedded::simulated::SimulatedMachine;
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, document, execution, id, instance, rule};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

/// The possible operations. Numbers are small, so that operations concern the same objects.
#[derive(Debug, Clone)]
enum Operation {
    Create(u64, usize),
    Move(u64, usize, u64),
    PutRule(u64, u64, bool),
    DeleteRule(u64),
    /// Puts a document where none may be.
    PutAbsent(u64),
    DeleteDocument(u64),
    Output(u64, u32),
    Claim(i64, usize),
    /// Returns everything that was claimed to the queue.
    ClaimAndRelease(i64, usize),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = 1..6_u64;
    prop_oneof![
        4 => (number.clone(), prop_oneof![Just(10), Just(2_000), Just(20_000)]).prop_map(|(n, size)| Operation::Create(n, size)),
        8 => (number.clone(), 0..StatusEvent::ALL.len(), 0..3_u64).prop_map(|(n, event, stale)| Operation::Move(n, event, stale)),
        2 => (number.clone(), number.clone(), any::<bool>()).prop_map(|(n, name, new)| Operation::PutRule(n, name, new)),
        1 => number.clone().prop_map(Operation::DeleteRule),
        2 => number.clone().prop_map(Operation::PutAbsent),
        1 => number.clone().prop_map(Operation::DeleteDocument),
        2 => (number, 0..3_u32).prop_map(|(n, sequence)| Operation::Output(n, sequence)),
        3 => (0..8_i64, 1..4_usize).prop_map(|(now, limit)| Operation::Claim(now, limit)),
        2 => (0..8_i64, 1..4_usize).prop_map(|(now, limit)| Operation::ClaimAndRelease(now, limit)),
        1 => Just(Operation::Reopen),
    ]
}

fn runners() -> Vec<String> {
    vec!["shell".into()]
}

/// Performs one operation, and returns everything observable about it.
async fn perform(store: &dyn Store, operation: &Operation) -> String {
    match operation {
        Operation::Create(n, size) => {
            let event = instance(*n, json!("x".repeat(*size)));
            let absent = store.execution(id(*n)).await.unwrap().is_none();
            let changes = [Change::CreateExecution(execution(*n)), Change::CreateTriggerInstance(event)];
            if absent { outcome(store, Commit::of(changes)).await } else { "there already".into() }
        }
        Operation::Move(n, event, stale) => {
            let Some(mut found) = store.execution(id(*n)).await.unwrap() else { return "not there".into() };
            let expect = Expect::ExecutionVersion(found.id, found.version.saturating_sub(*stale));
            let Some(event) = StatusEvent::ALL.get(*event) else { return "no event".into() };
            if found.apply(*event, at(7)).is_err() {
                return "illegal".into();
            }
            found.host = Some(1);
            outcome(store, Commit::of([Change::UpdateExecution(found)]).expecting(expect)).await
        }
        Operation::PutRule(n, name, is_new) => {
            let rule = rule(*n, &format!("pack.rule{name}"));
            let reference = rule.reference.clone();
            let expect =
                if *is_new { Expect::RuleAbsent(reference) } else { Expect::RuleIs(reference, rule.id) };
            outcome(store, Commit::of([Change::put(rule)]).expecting(expect)).await
        }
        Operation::DeleteRule(name) => {
            let reference: Ref = format!("pack.rule{name}").parse().unwrap();
            outcome(store, Commit::of([Change::delete::<Rule>(reference)])).await
        }
        Operation::PutAbsent(n) => {
            let put = document(DocumentKind::Delivery, *n, "x");
            let absent = Expect::Absent(put.key());
            outcome(store, Commit::of([Change::Put(put)]).expecting(absent)).await
        }
        Operation::DeleteDocument(n) => {
            let key = document(DocumentKind::Delivery, *n, "").key();
            outcome(store, Commit::of([Change::Delete(key)])).await
        }
        Operation::Output(n, sequence) => {
            let lines = vec![OutputLine { stream: Stream::Stdout, text: format!("{n} {sequence}") }];
            let had = store.output(id(*n), 0).await.unwrap().len();
            // Only continuous or already written output is ever appended.
            let sequence = (*sequence).min(u32::try_from(had).unwrap());
            let is_last_or_next = usize::try_from(sequence).unwrap() + 1 >= had;
            if !is_last_or_next {
                return "out of order".into();
            }
            outcome(store, Commit::of([Change::AppendOutput { execution: id(*n), sequence, lines }])).await
        }
        Operation::Claim(now, limit) => ids(&store.claim(&runners(), at(*now), *limit).await.unwrap()),
        Operation::ClaimAndRelease(now, limit) => {
            let claimed = store.claim(&runners(), at(*now), *limit).await.unwrap();
            for execution in &claimed {
                store.release(execution.id).await.unwrap();
            }
            ids(&claimed)
        }
        Operation::Reopen => "reopened".into(),
    }
}

async fn outcome(store: &dyn Store, commit: Commit) -> String {
    store.commit(commit).await.map_or_else(|error| error.to_string(), |()| "done".into())
}

fn ids(executions: &[Execution]) -> String {
    executions.iter().map(|execution| execution.id.to_string()).collect::<Vec<_>>().join(" ")
}

/// Everything that can be read.
async fn all(store: &dyn Store) -> String {
    let executions = store.executions(&ExecutionFilter::default(), None, 100).await.unwrap();
    let instances = store.trigger_instances(None, None, 100).await.unwrap();
    let mut output = Vec::new();
    for n in 1..6 {
        output.push(store.output(id(n), 0).await.unwrap());
    }
    let rules = store.all::<Rule>().await.unwrap();
    let documents = store.documents_after(DocumentKind::Delivery, None, 3).await.unwrap();
    let queue =
        (store.waiting(), store.next_due(&runners()).await.unwrap(), ids(&store.orphans().await.unwrap()));
    format!("{executions:?}\n{instances:?}\n{output:?}\n{rules:?}\n{documents:?}\n{queue:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn both_backends_answer_alike(
        operations in prop::collection::vec(operation(), 1..40),
        layer_bytes in prop_oneof![Just(1), Just(3_000), Just(1_000_000)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = TempDir::new().unwrap();
            let machine = SimulatedMachine::default();
            let options = Options { layer_bytes, ..Options::default() };
            let open = || {
                let (base, media) = (Box::new(machine.clone()), Arc::new(machine.clone()));
                EmbeddedStore::open_on(base, media, directory.path(), &options).unwrap()
            };
            let mut memory = MemoryStore::default();
            let mut embedded = open();
            for operation in &operations {
                if let Operation::Reopen = operation {
                    memory = memory.reopen();
                    drop(embedded);
                    embedded = open();
                }
                let answers = (perform(&memory, operation).await, perform(&embedded, operation).await);
                assert_eq!(answers.0, answers.1, "{operation:?}");
                assert_eq!(all(&memory).await, all(&embedded).await, "after {operation:?}");
            }
        });
    }
}

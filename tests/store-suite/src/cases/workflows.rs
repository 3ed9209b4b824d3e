//! Workflows: their logs, their children, their definitions, and that each of their moves is made once.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{
    Execution, Parent, StatusEvent, WorkflowDefinition, WorkflowEntry, WorkflowEvent, WorkflowLimits,
};
use petrel_persistence::{Change, Commit, CommitError, Expect, Store as _, StoreExt as _};
use serde_json::json;

use crate::Backend;
use crate::samples::{at, execution, id};

fn child(n: u64, of: u64) -> Execution {
    let parent = Parent {
        execution: id(of),
        task: "t".into(),
        number: n,
        route: 0,
        item: None,
        depth: 0,
        root: None,
        in_chain: false,
        is_call: false,
    };
    Execution { parent: Some(parent), ..execution(n) }
}

fn entry(n: i64, event: WorkflowEvent) -> WorkflowEntry {
    let keys = BTreeMap::from([("a.b".to_owned(), Some("c".to_owned())), ("gone".to_owned(), None)]);
    WorkflowEntry { at: at(n), keys, event }
}

fn events() -> [WorkflowEvent; 5] {
    let object = |value: serde_json::Value| Arc::new(value.as_object().cloned().unwrap_or_default());
    [
        WorkflowEvent::Began {
            definition: "d".into(),
            input: object(json!({"n": 1, "text": "x".repeat(200_000)})),
            context: object(json!({"st2": {}})),
            limits: Some(WorkflowLimits::default()),
            edition: 1,
        },
        WorkflowEvent::Requested { status: "running".into() },
        WorkflowEvent::Reported {
            task: "t".into(),
            route: 3,
            item: Some(2),
            status: "failed".into(),
            execution: Some(id(3)),
            result: Some(Arc::new(json!({"error": [1, 2.5]}))),
        },
        WorkflowEvent::Failed { message: "no".into(), is_timeout: true },
        WorkflowEvent::Rerun { tasks: vec![("t".into(), 0, true)] },
    ]
}

/// A workflow's log comes back as it was written, its children in order; both go with what they belong to.
pub async fn workflows_keep_their_log_and_know_their_children<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let [began, rest @ ..] = events();
    let log: Vec<_> = (0..).zip(events()).map(|(n, event)| entry(n, event)).collect();
    let later: Vec<_> = (1..).zip(rest).map(|(n, event)| entry(n, event)).collect();
    let definition = WorkflowDefinition { digest: "d".into(), source: "tasks: {}".into() };
    let changes = [
        Change::put(definition.clone()),
        Change::CreateExecution(execution(1)),
        Change::AppendWorkflow { execution: id(1), sequence: 0, entries: vec![entry(0, began)] },
        Change::CreateExecution(child(3, 1)),
        Change::CreateExecution(child(5, 1)),
        Change::CreateExecution(child(4, 2)),
        Change::AppendWorkflow { execution: id(1), sequence: 1, entries: later },
    ];
    store.commit(Commit::of(changes)).await.unwrap();
    drop(store);

    let store = backend.open().await;
    assert_eq!(store.workflow_log(id(1)).await.unwrap(), log);
    assert_eq!(store.workflow_log(id(2)).await.unwrap(), []);
    assert_eq!(store.children(id(1), None, 9).await.unwrap(), [child(3, 1), child(5, 1)]);
    assert_eq!(store.children(id(1), None, 1).await.unwrap(), [child(3, 1)]);
    assert_eq!(store.children(id(1), Some(id(3)), 9).await.unwrap(), [child(5, 1)]);
    assert_eq!(store.children_ids(id(1), None, 9).await.unwrap(), [id(3), id(5)]);
    assert_eq!(store.children_ids(id(1), Some(id(3)), 9).await.unwrap(), [id(5)]);
    assert_eq!(store.get::<WorkflowDefinition>(&"d".into()).await.unwrap(), Some(definition));
    assert_eq!(store.get::<WorkflowDefinition>(&"e".into()).await.unwrap(), None);

    let mut ended = child(3, 1);
    ended.apply(StatusEvent::Canceled, at(9)).unwrap();
    let delete =
        [Change::UpdateExecution(ended), Change::DeleteExecution(id(3)), Change::DeleteExecution(id(1))];
    store.commit(Commit::of(delete)).await.unwrap();
    assert_eq!(store.workflow_log(id(1)).await.unwrap(), []);
    assert_eq!(store.children(id(1), None, 9).await.unwrap(), [child(5, 1)]);
}

/// Two decisions on the same version of an execution cannot both be part of a commit, and nothing follows its end.
pub async fn an_execution_moves_once_in_a_commit<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let requested = child(2, 1);
    store.commit(Commit::of([Change::CreateExecution(requested.clone())])).await.unwrap();
    let moved = |event| {
        let mut moved = requested.clone();
        moved.apply(event, at(3)).unwrap();
        moved
    };
    let (canceled, started) = (moved(StatusEvent::CancelRequested), moved(StatusEvent::Started));
    let expect = Expect::ExecutionVersion(requested.id, requested.version);
    let both = Commit::of([Change::UpdateExecution(canceled.clone()), Change::UpdateExecution(started)]);
    let both = both.expecting(expect.clone()).expecting(expect.clone());
    assert!(matches!(store.commit(both).await, Err(CommitError::Conflict(_))));
    assert_eq!(store.execution(requested.id).await.unwrap(), Some(requested));
    assert_eq!((store.inside(id(1)), store.by_workflow()), (1, BTreeMap::from([(id(1), vec![id(2)])])));
    let version = canceled.version;
    store.commit(Commit::of([Change::UpdateExecution(canceled.clone())]).expecting(expect)).await.unwrap();
    let after = Expect::ExecutionVersion(canceled.id, version);
    let again = Commit::of([Change::UpdateExecution(canceled)]).expecting(after);
    assert!(matches!(store.commit(again).await, Err(CommitError::Conflict(_))));
    assert_eq!((store.inside(id(1)), store.by_workflow()), (0, BTreeMap::new()));
}

//! What every backend must pass. A backend's tests implement [`Backend`] and call [`suite!`](crate::suite!), which
//! makes a test of each case here.
//!
//! The cases say what a store promises, by what the engine relies on: atomic commits, preconditions,
//! the queue, orphans, listings, and that all of it is still there after the store was opened again.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "these are the bodies of tests"
)]

mod workflows;

use std::sync::Arc;

use petrel_model::execution::{Context, Origin};
use petrel_model::output::{OutputLine, Stream};
use petrel_model::rule::{ActionCall, EnforcementStatus, RuleKind};
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{
    Action, ApiKey, Enforcement, Execution, Id, Object, Pack, PackConfig, Payload, Ref, Rule, Status,
    StatusEvent, Timestamp, Token, Trigger, TriggerInstance, TriggerType, User,
};
use serde_json::{Value, json};

use crate::{Change, Commit, CommitError, ExecutionFilter, Expect, Store, StoreExt as _};

pub use workflows::{
    an_execution_moves_once_in_a_commit, keys_are_replaced_and_deleted,
    workflows_keep_their_log_and_know_their_children,
};

/// How a test opens a backend.
pub trait Backend {
    /// What it opens.
    type Store: Store;

    /// Opens the store, as a new process would: the first time an empty one, later the same one again.
    /// What was opened before is not used any more.
    fn open(&mut self) -> impl Future<Output = Self::Store> + Send;
}

/// Makes a `#[tokio::test]` of every case, with `$backend` as the expression that makes a fresh one.
#[macro_export]
macro_rules! suite {
    ($backend:expr) => {
        $crate::suite!(@ $backend =>
            a_commit_is_all_or_nothing,
            a_stale_version_is_refused,
            rules_are_unique_by_reference,
            waiting_executions_are_claimed_once_and_in_order,
            claims_end_with_the_process,
            what_was_begun_is_orphaned_by_the_next_process,
            a_process_that_was_replaced_cannot_commit,
            listings_are_newest_first_and_go_on,
            output_is_kept_in_order,
            values_of_any_size_come_back,
            what_is_deleted_is_gone,
            everything_is_there_after_opening_again,
            accounts_and_configurations_are_replaced_and_deleted,
            workflows_keep_their_log_and_know_their_children,
            an_execution_moves_once_in_a_commit,
            keys_are_replaced_and_deleted,
        );
    };
    (@ $backend:expr => $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::suite::$case(&mut $backend).await;
        }
    )*};
}

/// A time of day in the tests: `n` seconds after an arbitrary start.
pub fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + n * 1_000_000)
}

/// The `n`-th id of a kind.
pub fn id<T: From<Id>>(n: u64) -> T {
    Id::from_parts(1_800_000_000_000 + n, n).into()
}

/// The `n`-th execution: waiting, of runner `shell`.
pub fn execution(n: u64) -> Execution {
    Execution {
        id: id(n),
        version: 1,
        action: "core.local".parse().unwrap(),
        runner: "shell".into(),
        status: Status::Requested,
        idempotent: false,
        attempt: 0,
        parameters: Arc::new(object(json!({"cmd": format!("echo {n}")}))),
        context: Context { user: "admin".into(), pack: "core".into(), ..Context::default() },
        result: None,
        requested_at: at(i64::try_from(n).unwrap()),
        ready_at: None,
        parent: None,
        ended_at: None,
        host: None,
        log: Vec::new(),
    }
}

/// A rule named `pack.name`.
pub fn rule(n: u64, reference: &str) -> Rule {
    Rule {
        id: id(n),
        reference: reference.parse().unwrap(),
        description: String::new(),
        enabled: true,
        kind: RuleKind::Standard,
        trigger: Trigger {
            kind: "core.st2.webhook".parse().unwrap(),
            parameters: object(json!({"url": "x"})),
        },
        criteria: serde_json::from_value(json!({"trigger.a": {"type": "exists", "pattern": null}})).unwrap(),
        action: ActionCall { reference: "core.noop".parse().unwrap(), parameters: Object::new() },
        tags: Vec::new(),
        context: Object::new(),
    }
}

/// The `n`-th event, with a payload.
pub fn instance(n: u64, payload: Value) -> TriggerInstance {
    TriggerInstance {
        id: id(n),
        trigger: "core.st2.webhook.0a".parse().unwrap(),
        trigger_type: "core.st2.webhook".parse().unwrap(),
        occurrence_time: at(0),
        payload: Payload::from(&payload),
        status: TriggerInstanceStatus::Processed,
        enforcements: vec![id(n + 1)],
    }
}

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn shell() -> Vec<String> {
    vec!["shell".into()]
}

/// Moves `execution` and commits that, as the engine does.
async fn advance<S: Store>(
    store: &S,
    execution: &mut Execution,
    event: StatusEvent,
) -> Result<(), CommitError> {
    let expect = Expect::ExecutionVersion(execution.id, execution.version);
    execution.apply(event, at(100)).unwrap();
    execution.host = Some(store.fence().epoch);
    let commit = Commit::of([Change::UpdateExecution(execution.clone())]);
    store.commit(commit.expecting(expect).fenced(store.fence())).await
}

/// When one thing does not hold, nothing of the commit is there.
pub async fn a_commit_is_all_or_nothing<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let changes = [Change::put(rule(1, "a.one")), Change::CreateExecution(execution(2))];
    let commit = Commit::of(changes).expecting(Expect::RuleIs("a.other".parse().unwrap(), id(9)));
    assert!(matches!(store.commit(commit).await, Err(CommitError::Conflict(Expect::RuleIs(..)))));
    assert_eq!(store.all::<Rule>().await.unwrap(), []);
    assert_eq!(store.execution(id(2)).await.unwrap(), None);
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap(), []);
}

/// Of two that decided on the same version one wins; a final execution never changes.
pub async fn a_stale_version_is_refused<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    let (mut one, mut other) = (execution(1), execution(1));
    advance(&store, &mut one, StatusEvent::Started).await.unwrap();
    let late = advance(&store, &mut other, StatusEvent::Canceled).await;
    assert!(matches!(late, Err(CommitError::Conflict(_))));
    advance(&store, &mut one, StatusEvent::Succeeded).await.unwrap();
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap(), one);

    let expect = Expect::ExecutionVersion(one.id, one.version);
    let commit = Commit::of([Change::UpdateExecution(execution(1))]).expecting(expect);
    assert!(matches!(store.commit(commit).await, Err(CommitError::Conflict(_))));
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap(), one);
}

/// Two rules cannot have one reference, and a rule is renamed in one commit.
pub async fn rules_are_unique_by_reference<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let make = |rule: Rule| {
        let absent = Expect::RuleAbsent(rule.reference.clone());
        Commit::of([Change::put(rule)]).expecting(absent)
    };
    store.commit(make(rule(1, "a.one"))).await.unwrap();
    assert!(matches!(store.commit(make(rule(2, "a.one"))).await, Err(CommitError::Conflict(_))));
    let old: Ref = "a.one".parse().unwrap();
    let rename = Commit::of([Change::delete::<Rule>(old.clone()), Change::put(rule(1, "a.two"))])
        .expecting(Expect::RuleIs(old, id(1)))
        .expecting(Expect::RuleAbsent("a.two".parse().unwrap()));
    store.commit(rename).await.unwrap();
    assert_eq!(store.all::<Rule>().await.unwrap(), [rule(1, "a.two")]);
    store.commit(make(rule(3, "a.one"))).await.unwrap();
    assert_eq!(store.all::<Rule>().await.unwrap(), [rule(3, "a.one"), rule(1, "a.two")]);
}

/// Earliest first, only when due, only for the runners asked for, and never twice.
pub async fn waiting_executions_are_claimed_once_and_in_order<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let mut delayed = execution(1);
    delayed.ready_at = Some(at(60));
    let mut other_runner = execution(4);
    other_runner.runner = "component".into();
    let all = [execution(3), delayed, other_runner, execution(2)];
    store.commit(Commit::of(all.map(Change::CreateExecution))).await.unwrap();
    assert_eq!(store.waiting(), 4);

    let ids = |claimed: Vec<Execution>| claimed.into_iter().map(|execution| execution.id).collect::<Vec<_>>();
    assert_eq!(ids(store.claim(&shell(), at(50), 1).await.unwrap()), [id(2)]);
    assert_eq!(ids(store.claim(&shell(), at(50), 9).await.unwrap()), [id(3)]);
    assert_eq!(store.next_due(&shell()).await.unwrap(), Some(at(60)));
    assert_eq!(ids(store.claim(&shell(), at(60), 9).await.unwrap()), [id(1)]);
    assert_eq!(store.next_due(&shell()).await.unwrap(), None);
    store.release(id(2)).await.unwrap();
    assert_eq!(ids(store.claim(&shell(), at(60), 9).await.unwrap()), [id(2)]);
    let both = ["shell".to_owned(), "component".to_owned()];
    assert_eq!(ids(store.claim(&both, at(60), 9).await.unwrap()), [id(4)]);
    assert_eq!(store.waiting(), 4);
}

/// Claimed and not begun: the next process gets it.
pub async fn claims_end_with_the_process<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap().len(), 1);
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap(), [execution(1)]);
    assert_eq!(store.orphans().await.unwrap(), []);
}

/// Begun and not ended: the next process finds it, and may requeue it.
pub async fn what_was_begun_is_orphaned_by_the_next_process<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([1, 2].map(|n| Change::CreateExecution(execution(n))))).await.unwrap();
    let (mut one, mut two) = (execution(1), execution(2));
    advance(&store, &mut one, StatusEvent::Started).await.unwrap();
    advance(&store, &mut two, StatusEvent::Started).await.unwrap();
    advance(&store, &mut two, StatusEvent::Failed).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), []);
    drop(store);

    let store = backend.open().await;
    assert_eq!(store.orphans().await.unwrap(), [one.clone()]);
    let expect = Expect::ExecutionVersion(one.id, one.version);
    one.apply(StatusEvent::Requeued, at(200)).unwrap();
    let requeue = Commit::of([Change::UpdateExecution(one.clone())]).expecting(expect).fenced(store.fence());
    store.commit(requeue).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), []);
    assert_eq!(store.claim(&shell(), at(200), 9).await.unwrap(), [one]);
}

/// The fence of an earlier process does not open anything.
pub async fn a_process_that_was_replaced_cannot_commit<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let old = store.fence();
    drop(store);
    let store = backend.open().await;
    assert!(store.fence() > old);
    let commit = Commit::of([Change::CreateExecution(execution(1))]);
    assert!(matches!(store.commit(commit.clone().fenced(old)).await, Err(CommitError::Fenced)));
    store.commit(commit.fenced(store.fence())).await.unwrap();
}

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

/// One of each.
pub async fn everything_is_there_after_opening_again<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let enforcement = Enforcement {
        id: id(7),
        trigger_instance_id: id(1),
        rule_id: id(1),
        rule: "a.one".parse().unwrap(),
        execution_id: None,
        failure_reason: Some("no such action".into()),
        enforced_at: at(1),
        status: EnforcementStatus::Failed,
    };
    let action: Action =
        serde_json::from_value(json!({"ref": "core.local", "runner_type": "shell"})).unwrap();
    let pack: Pack =
        serde_json::from_value(json!({"ref": "core", "name": "core", "version": "1.0.0"})).unwrap();
    let kind: TriggerType = serde_json::from_value(json!({"ref": "core.st2.webhook"})).unwrap();
    let gone = "core.gone".parse::<Ref>().unwrap();
    let changes = [
        Change::put(Pack { reference: "gone".into(), ..pack.clone() }),
        Change::delete::<Pack>("gone".into()),
        Change::put(pack.clone()),
        Change::put(Action { reference: gone.clone(), ..action.clone() }),
        Change::put(action.clone()),
        Change::delete::<Action>(gone.clone()),
        Change::put(kind.clone()),
        Change::put(TriggerType { reference: gone.clone(), ..kind.clone() }),
        Change::delete::<TriggerType>(gone),
        Change::put(rule(1, "a.one")),
        Change::CreateTriggerInstance(instance(1, json!([1]))),
        Change::CreateEnforcement(enforcement.clone()),
        Change::CreateExecution(execution(3)),
    ];
    store.commit(Commit::of(changes)).await.unwrap();
    drop(store);

    let store = backend.open().await;
    assert_eq!(store.all::<Pack>().await.unwrap(), [pack]);
    assert_eq!(store.all::<Action>().await.unwrap(), [action]);
    assert_eq!(store.all::<TriggerType>().await.unwrap(), [kind]);
    assert_eq!(store.all::<Rule>().await.unwrap(), [rule(1, "a.one")]);
    assert_eq!(store.trigger_instance(id(1)).await.unwrap(), Some(instance(1, json!([1]))));
    assert_eq!(store.enforcement(id(7)).await.unwrap(), Some(enforcement));
    assert_eq!(store.execution(id(3)).await.unwrap(), Some(execution(3)));
    assert_eq!(store.execution(id(4)).await.unwrap(), None);
}

/// Users, keys, tokens and configurations are replaced by what they are kept by, and go when they are deleted.
pub async fn accounts_and_configurations_are_replaced_and_deleted<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let user = |name: &str, hash: &str| User {
        name: name.into(),
        password_hash: hash.into(),
        is_admin: true,
        created_at: at(1),
    };
    let token = |n| Token {
        id: id(n),
        user: "ada".into(),
        digest: format!("{n:064}"),
        expires_at: at(60),
        metadata: object(json!({"n": n})),
    };
    let key = |n, enabled| ApiKey {
        id: id(n),
        user: "ada".into(),
        digest: format!("{n:064}"),
        metadata: Object::new(),
        enabled,
        created_at: at(1),
    };
    let config =
        |pack: &str, text: &str| PackConfig { pack: pack.into(), values: object(json!({"a": text})) };
    let changes = [
        Change::put(user("ada", "old")),
        Change::put(user("bob", "b")),
        Change::put(token(1)),
        Change::put(token(2)),
        Change::put(key(3, true)),
        Change::put(key(4, true)),
        Change::put(config("core", &"x".repeat(20_000))),
        Change::put(config("mine", "y")),
    ];
    store.commit(Commit::of(changes)).await.unwrap();
    let changes = [
        Change::put(user("ada", "new")),
        Change::delete::<User>("bob".into()),
        Change::delete::<Token>(id(1)),
        Change::put(key(3, false)),
        Change::delete::<ApiKey>(id(4)),
        Change::put(config("core", "z")),
        Change::delete::<PackConfig>("mine".into()),
    ];
    store.commit(Commit::of(changes)).await.unwrap();
    drop(store);

    let store = backend.open().await;
    assert!(store.all::<User>().await.unwrap() == [user("ada", "new")]);
    assert!(store.all::<Token>().await.unwrap() == [token(2)]);
    assert!(store.all::<ApiKey>().await.unwrap() == [key(3, false)]);
    assert_eq!(store.all::<PackConfig>().await.unwrap(), [config("core", "z")]);
}

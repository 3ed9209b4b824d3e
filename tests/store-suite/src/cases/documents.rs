//! Documents of every kind: the last one that was put counts, until it is deleted.

use petrel_model::rule::EnforcementStatus;
use petrel_model::{
    Action, ApiKey, Enforcement, KeyValue, Object, Pack, PackConfig, Ref, Rule, Token, TriggerType, User,
};
use petrel_persistence::{Change, Commit, DocumentKind, Store as _, StoreExt as _};
use serde_json::json;

use crate::Backend;
use crate::samples::{at, document, execution, id, instance, object, rule};

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
        note: None,
        replayed_as: None,
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
    assert_eq!(store.enforcement(id(7)).await.unwrap().as_ref(), Some(&enforcement));
    let longer = Some("no such action ".repeat(1_000));
    let marked = Enforcement { replayed_as: Some(id(2)), failure_reason: longer, ..enforcement.clone() };
    for one in [marked, enforcement] {
        store.commit(Commit::of([Change::UpdateEnforcement(one.clone())])).await.unwrap();
        assert_eq!(store.enforcement(id(7)).await.unwrap(), Some(one));
    }
    assert_eq!(store.execution(id(3)).await.unwrap(), Some(execution(3)));
    assert_eq!(store.execution(id(4)).await.unwrap(), None);
}

/// Users, keys, tokens and configurations are replaced by key, and go when they are deleted.
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
    let config = |pack: &str, text: &str| PackConfig {
        pack: pack.into(),
        values: object(json!({"a": text})),
        secret: false,
    };
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

/// Keys are replaced by name, and go when they are deleted.
pub async fn keys_are_replaced_and_deleted<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let key = |name: &str, value: &str| KeyValue::new(name, value);
    let changes = [
        Change::put(key("b", &"x".repeat(100_000))),
        Change::put(key("a", "1")),
        Change::put(key("a.c", "2")),
        Change::put(key("b", "3")),
        Change::delete::<KeyValue>("a".into()),
    ];
    store.commit(Commit::of(changes)).await.unwrap();
    drop(store);
    assert_eq!(backend.open().await.all::<KeyValue>().await.unwrap(), [key("a.c", "2"), key("b", "3")]);
}

fn put(n: u64, text: &str) -> impl Iterator<Item = Change> {
    DocumentKind::ALL.iter().map(move |kind| Change::Put(document(*kind, n, text)))
}

fn delete(n: u64) -> impl Iterator<Item = Change> {
    DocumentKind::ALL.iter().map(move |kind| Change::Delete(document(*kind, n, "").key()))
}

/// A kind of which there may be many is read in steps, in the order of keys.
pub async fn documents_are_read_in_steps<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let kind = DocumentKind::Delivery;
    let all: Vec<_> = (1..=5).map(|n| document(kind, n, "x")).collect();
    store.commit(Commit::of(all.iter().rev().cloned().map(Change::Put))).await.unwrap();
    store.commit(Commit::of(put(9, "of other kinds").chain(delete(9)))).await.unwrap();
    for (after, limit, expected) in
        [(None, 2, 0..2), (Some(2), 2, 2..4), (Some(4), 2, 4..5), (Some(5), 2, 5..5), (None, 9, 0..5)]
    {
        let key = after.map(|n| document(kind, n, "").key());
        let found = store.documents_after(kind, key.as_ref(), limit).await.unwrap();
        assert_eq!(found, all.get(expected).unwrap(), "{limit} after {after:?}");
    }
}

/// Whatever its kind, a document is replaced by key, listed in the order of keys, and gone once it is deleted, also
/// after opening again. To delete a document that is not there is no mistake.
pub async fn documents_of_every_kind_are_replaced_and_deleted<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let large = "x".repeat(100_000);
    store.commit(Commit::of(put(1, "old").chain(put(2, &large)).chain(put(3, &large)))).await.unwrap();
    let changes = put(1, &large).chain(delete(2)).chain(delete(9)).chain(put(3, "new"));
    store.commit(Commit::of(changes)).await.unwrap();
    store.commit(Commit::of(put(4, "short-lived").chain(delete(4)))).await.unwrap();
    drop(store);

    let store = backend.open().await;
    for kind in DocumentKind::ALL {
        let kept = [document(*kind, 1, &large), document(*kind, 3, "new")];
        assert!(store.documents(*kind).await.unwrap() == kept, "{}", kind.name());
        for limit in 0..4 {
            let first = store.documents_after(*kind, None, limit).await.unwrap();
            assert!(first == kept.iter().take(limit).cloned().collect::<Vec<_>>(), "{} {limit}", kind.name());
        }
        for n in 1..=4 {
            let kept = kept.iter().find(|kept| kept.key() == document(*kind, n, "").key());
            let found = store.document(&document(*kind, n, "").key()).await.unwrap();
            assert!(found.as_ref() == kept, "{} {n}", kind.name());
        }
    }
}

//! Tests of parameters of policies.

use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

fn effect(kind: &str, parameters: Value) -> Result<Effect, Vec<String>> {
    let read = Effect::of(kind, &object(parameters));
    read.map_err(|misfits| misfits.into_iter().map(|misfit| misfit.message).collect())
}

#[test]
fn parameters_have_the_defaults_of_stackstorm() {
    let all = Vec::new;
    for (kind, parameters, expected) in [
        (
            CONCURRENCY,
            json!({"threshold": 3}),
            Effect::Concurrency(Concurrency { threshold: 3, otherwise: Otherwise::Delay, attributes: all() }),
        ),
        (
            CONCURRENCY_BY_ATTRIBUTE,
            json!({"threshold": 1, "action": "cancel", "attributes": ["host"]}),
            Effect::Concurrency(Concurrency {
                threshold: 1,
                otherwise: Otherwise::Cancel,
                attributes: vec!["host".into()],
            }),
        ),
        (
            RETRY,
            json!({"retry_on": "timeout", "delay": null}),
            Effect::Retry(Retry { on: RetryOn::Timeout, most: 2, delay: Duration::ZERO }),
        ),
        (
            RETRY,
            json!({"retry_on": "failure", "max_retry_count": 5, "delay": 1.5}),
            Effect::Retry(Retry { on: RetryOn::Failure, most: 5, delay: Duration::from_millis(1500) }),
        ),
        (
            DEDUPE,
            json!({}),
            Effect::Dedupe(Dedupe { attributes: all(), window: Duration::from_secs(86_400) }),
        ),
        (
            RATE_LIMIT,
            json!({"limit": 10, "per": 60}),
            Effect::RateLimit(RateLimit {
                limit: 10,
                per: Duration::from_secs(60),
                otherwise: Otherwise::Delay,
                attributes: all(),
            }),
        ),
    ] {
        assert_eq!(effect(kind, parameters.clone()), Ok(expected), "{kind} {parameters}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_remedy() {
    for (kind, parameters, expected) in [
        ("action.concurency", json!({}), "did you mean action.concurrency?"),
        ("x", json!({}), "the types are action.concurrency, action.concurrency.attr, action.dedupe"),
        (CONCURRENCY, json!({}), "action.concurrency needs a parameter threshold: a whole number from 1 to"),
        (
            CONCURRENCY,
            json!({"threshold": 0}),
            "must be a whole number from 1 to 1000000, and is 0; correct it",
        ),
        (CONCURRENCY, json!({"threshold": "2"}), "and is \"2\""),
        (
            CONCURRENCY,
            json!({"threshold": 2, "action": "wait"}),
            "action of action.concurrency must be delay or cancel",
        ),
        (CONCURRENCY, json!({"threshold": 2, "attributes": ["a"]}), "has no parameter attributes"),
        (CONCURRENCY, json!({"threshold": 2, "thresholds": 2}), "did you mean threshold?"),
        (CONCURRENCY_BY_ATTRIBUTE, json!({"threshold": 2, "attributes": ["a", "a"]}), "different names"),
        (CONCURRENCY_BY_ATTRIBUTE, json!({"threshold": 2, "attributes": [1]}), "different names"),
        (RETRY, json!({}), "needs a parameter retry_on: failure or timeout"),
        (RETRY, json!({"retry_on": "failure", "max_retry_count": 6}), "from 1 to 5"),
        (RETRY, json!({"retry_on": "failure", "delay": 121}), "from 0 to 120"),
        (RATE_LIMIT, json!({"limit": 1}), "needs a parameter per"),
        (DEDUPE, json!({"window": 0}), "from 1 to 2592000"),
    ] {
        let told = effect(kind, parameters.clone()).unwrap_err();
        assert!(told.iter().any(|one| one.contains(expected)), "{kind} {parameters}: {told:?}");
    }
}

#[test]
fn every_type_is_read_and_described() {
    let given = json!({"threshold": 1, "retry_on": "failure", "limit": 1, "per": 1});
    assert!(TYPES.is_sorted_by_key(|kind| kind.reference));
    for kind in &TYPES {
        let described = kind.parameters();
        let mut parameters = object(given.clone());
        parameters.retain(|name, _| described.contains_key(name));
        assert!(Effect::of(kind.reference, &parameters).is_ok(), "{}", kind.reference);
        let strange = object(json!({"strange": 1}));
        let told = Effect::of(kind.reference, &strange).unwrap_err();
        let told = told.iter().find(|misfit| misfit.parameter.as_deref() == Some("strange")).unwrap();
        for name in described.keys() {
            assert!(told.message.contains(name.as_str()), "{name}: {}", told.message);
        }
    }
}

#[test]
fn equal_values_have_equal_digests() {
    let parameters = object(json!({"host": {"a": 1, "b": [2, "x"]}, "port": 1}));
    let turned = object(json!({"port": 2, "host": {"b": [2, "x"], "a": 1}}));
    let other = object(json!({"host": {"a": 1, "b": [2, "y"]}, "port": 1}));
    let by = |names: &[&str], parameters: &Object| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        digest(&names, parameters, |name| (name == "user").then(|| json!("root")))
    };
    assert_eq!(by(&["host"], &parameters), by(&["host"], &turned));
    assert_ne!(by(&["host"], &parameters), by(&["host"], &other));
    assert_ne!(by(&[], &parameters), by(&[], &turned));
    assert_eq!(
        by(&["user"], &parameters),
        by(&["user"], &object(json!({"user": "root"}))),
        "a default counts"
    );
    assert_ne!(by(&["user"], &parameters), by(&["user"], &object(json!({"user": null}))));
}

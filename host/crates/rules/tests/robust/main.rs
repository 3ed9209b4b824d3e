//! Parameters: any values with any schemas are cast, or refused by name, and casting a second time changes nothing.

use std::sync::Arc;

use petrel_rules::parameters::{self, Given, Signature};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const TYPES: [&str; 9] = ["string", "integer", "number", "boolean", "array", "object", "null", "text", ""];
const NAMES: [&str; 4] = ["one", "other", "cmd", "trigger"];
const TEXTS: [&str; 14] = [
    "",
    "5",
    "-0",
    "1e400",
    "true",
    "None",
    "[1, 2]",
    "{\"a\": 1}",
    "{'a': 1}",
    "{{ other }}",
    "{{ trigger.a }}",
    "{{",
    "é",
    "{{ trigger.nothing.x }}",
];

fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[ab]", inner), 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn schemas() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&TYPES[..]);
    let default = prop::option::of(values());
    (kind, default, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(kind, default, required, secret, immutable)| {
            let mut schema =
                json!({"type": kind, "required": required, "secret": secret, "immutable": immutable});
            if let (Some(default), Some(schema)) = (default, schema.as_object_mut()) {
                schema.insert("default".into(), default);
            }
            schema
        },
    )
}

fn objects(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop::sample::select(&NAMES[..]);
    let pairs = prop::collection::vec((name, values), 0..4);
    pairs.prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parameters_are_cast_or_refused(
        runner in objects(schemas()),
        action in objects(schemas()),
        given in objects(values()),
    ) {
        let signature = Signature::new(&runner, &action);
        let scope = parameters::scope(json!({"user": "ada"}), json!({}), Arc::default())
            .with("trigger", json!({"a": [1, {"b": "{{ 1 }}"}]}));
        let live = parameters::live(&Given::compile(&given), &signature, &scope);
        let again = parameters::live(&Given::compile(&given), &signature, &scope);
        prop_assert_eq!(live.as_ref().ok(), again.as_ref().ok());
        match live {
            Ok(live) => {
                if let Err(error) = parameters::finals(&live, &signature, &scope) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

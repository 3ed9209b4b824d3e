//! Parsing any text ends with a value, or with an error that has a position; and JSON is read as JSON.

use petrel_yaml::{parse, parse_loosely, parse_node};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Pieces of YAML, separated by `¦`.
const PIECES: &str = "a¦b: ¦- ¦? ¦: ¦, ¦[¦]¦{¦}¦&x ¦*x¦!!str ¦!t ¦|¦>-¦\n¦\n  ¦\n    ¦\t¦'¦\"¦#¦ ¦yes¦~¦010¦1:30¦0x1f¦.inf¦1e3¦<<: ¦---\n¦...\n¦\
    %YAML 1.1\n¦\\u00e9¦é¦2020-01-02¦=¦{{ x }}¦<% y %>¦@¦`¦key: value\n¦\u{0}¦\u{feff}";

fn texts() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.split('¦').collect::<Vec<_>>());
    prop_oneof![
        4 => prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        1 => ".{0,60}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let text = "[a-z0-9 :,&*!%@#?.{}'\"-]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let field = (text.prop_filter("merges", |name| name != "<<"), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            prop::collection::vec(field, 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_has_an_answer(text in texts()) {
        if let Err(error) = parse_node(&text) {
            prop_assert!(error.position.line >= 1 && error.position.column >= 1, "{}", error);
            prop_assert!(!error.message.is_empty());
        }
        prop_assert_eq!(parse(&text).ok(), parse(&text).ok());
        prop_assert_eq!(parse_loosely(&text).ok(), parse_loosely(&text).ok());
    }

    #[test]
    fn json_is_read_as_json(value in values()) {
        let object = Value::Object(Map::from_iter([("value".to_owned(), value)]));
        let read = parse_node(&object.to_string()).map(|node| node.to_json());
        prop_assert_eq!(read.map_err(|error| error.to_string()), Ok(object));
    }
}

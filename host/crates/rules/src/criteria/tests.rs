//! Operators: cases that are easily implemented wrong. The conformance suite has the others.

use serde_json::json;

use super::*;

#[test]
fn operators_compare_as_python_does() {
    for (operator, value, pattern, expected) in [
        ("equals", json!(1), json!(true), Some(true)),
        ("EQ", json!(1), json!("1"), Some(false)),
        ("equals", json!(null), json!(null), Some(false)),
        ("nequals", json!(null), json!(null), Some(false)),
        ("ncontains", json!("a"), json!(null), Some(false)),
        ("iequals", json!(1), json!("1"), None),
        ("contains", json!([1, 2]), json!(1.0), Some(true)),
        ("contains", json!({"a": 1}), json!("a"), Some(true)),
        ("contains", json!({"a": 1}), json!({}), None),
        ("contains", json!("a1"), json!(1), None),
        ("inside", json!("b"), json!("abc"), Some(true)),
        ("nin", json!(1), json!([true]), Some(false)),
        ("lt", json!("10"), json!("9"), Some(true)),
        ("gt", json!(null), json!(1), None),
        ("istartswith", json!("İx"), json!("i̇"), Some(true)),
        ("regex", json!("abc"), json!("b"), Some(true)),
        ("matchregex", json!("abc"), json!("b"), Some(false)),
        ("matchregex", json!("a\nc"), json!("a.c$"), Some(true)),
        ("iregex", json!("ABC"), json!("b"), Some(true)),
        ("regex", json!(5), json!("5"), None),
        ("exists", json!(false), json!(null), Some(true)),
        ("nexists", json!(null), json!("x"), Some(true)),
        ("td_lt", json!("1970-01-01T00:00:00Z"), json!("61"), Some(true)),
        ("td_gt", json!("1970-01-01T00:00:00Z"), json!(60), Some(false)),
        ("td_gt", json!("never"), json!(60), None),
        ("td_lt", json!(1_000_000_000), json!(0), Some(true)),
        ("td_lt", json!(1_000_000_000.5), json!(0), Some(true)),
        ("td_gt", json!("1000000000"), json!(0), Some(false)),
        ("td_gt", json!([1_000_000_000]), json!(0), None),
        ("td_gt", json!("1970-01-01"), json!([60]), None),
    ] {
        let now = Timestamp::from_micros(60_000_000);
        let actual = holds(Operator::parse(operator).unwrap(), &value, &pattern, now).ok();
        assert_eq!(actual, expected, "{value} {operator} {pattern}");
    }
}

#[test]
fn names() {
    for name in Operator::NAMES {
        assert!(Operator::parse(name).is_ok(), "{name}");
    }
    assert_eq!(Operator::parse("SEARCH"), Err(Error::SearchInUpperCase("SEARCH".into())));
    assert!(
        Operator::parse("equal")
            .unwrap_err()
            .to_string()
            .starts_with("`equal` is not an operator; operators are equals")
    );
}

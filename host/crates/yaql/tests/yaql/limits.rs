//! Every limit ends as an error that names it; nothing runs without an end.

use petrel_yaql::{DEPTH, ErrorKind};
use serde_json::json;

use crate::evaluate;

fn kind(text: &str) -> Option<ErrorKind> {
    evaluate(text, json!(null)).err().map(|error| error.kind().clone())
}

#[test]
fn what_never_ends_is_ended() {
    for text in [
        "sequence()",
        "sequence().len()",
        "sequence().where($ < 0).first()",
        "[1].cycle().toList()",
        "1.repeat()",
        "generate(1, true, $)",
        "generateMany(1, [$])",
        "range(100000).where($ in range(100000)).len()",
        "range(1000000000).sum()",
        "range(3000).select(range(3000)).flatten().len()",
        "def(f, [f(), f()]) -> f()",
    ] {
        let kind = kind(text);
        let is_limit = matches!(
            kind,
            Some(ErrorKind::TooManySteps | ErrorKind::TooMuchMemory | ErrorKind::TooManyCalls)
        );
        assert!(is_limit, "{text}: {kind:?}");
    }
}

#[test]
fn what_is_too_large_is_not_built() {
    for text in [
        "'x' * 1000000000000",
        "[1] * 1000000000000",
        "range(40).aggregate($1 + $1, 'xxxxxxxxxxxx')",
        "range(40).aggregate($1 + $1, [1, 2, 3, 4])",
        "range(60).aggregate([$1, $1], 1)",
        "str(range(60).aggregate([$1, $1], 1))",
        "range(40).aggregate($1.replace('a', 'aa'), 'aaaa')",
        "range(100000).select('x' * 1000).toList()",
        "regex('').searchAll('x' * 10000000).len()",
        "('x' * 10000000).split(x).len()",
        "(' x' * 10000000).split().len()",
        "regex_replace('x' * 10000000, '', 'y')",
    ] {
        let kind = kind(text);
        assert!(matches!(kind, Some(ErrorKind::TooMuchMemory | ErrorKind::TooManySteps)), "{text}: {kind:?}");
    }
}

#[test]
fn what_has_no_items_is_repeated_at_once() {
    for most in ["9223372036854775807", "170141183460469231731687303715884105727"] {
        for text in [format!("[] * {most}"), format!("({most} * list()).len()"), format!("'' * {most}")] {
            assert_eq!(kind(&text), None, "{text}");
        }
    }
}

#[test]
fn numbers_end_as_errors_where_they_are_too_large() {
    let most = "170141183460469231731687303715884105727";
    for text in [
        format!("[1, 2].enumerate({most})"),
        format!("round({most}, -1)"),
        format!("round(-{most} - 1, -1)"),
        format!("round({most}, -38)"),
        format!("abs(-{most} - 1)"),
    ] {
        assert!(matches!(kind(&text), Some(ErrorKind::Overflow(_))), "{text}: {:?}", kind(&text));
    }
    for (text, value) in [
        (format!("[1].enumerate({most}).len()"), json!(1)),
        (format!("round({most}, -{most} - 1)"), json!(0)),
        (
            "str(round(80000000000000000000000000000000000000, -38))".to_owned(),
            json!(format!("1{}", "0".repeat(38))),
        ),
        (
            "[round(15, -1), round(25, -1), round(-15, -1), round(-25, -1)]".to_owned(),
            json!([20, 20, -20, -20]),
        ),
    ] {
        assert_eq!(crate::outcome(&text, json!(null)), value, "{text}");
    }
}

#[test]
fn comparing_shared_parts_over_and_over_is_ended() {
    let twice = "range(60).aggregate([$1, $1], 1)";
    for text in [
        format!("let(a => {twice}, b => {twice}) -> $a = $b"),
        format!("{{{twice} => 1}}"),
        format!("[{twice}].distinct()"),
        format!("{twice} in [{twice}]"),
    ] {
        assert!(matches!(kind(&text), Some(ErrorKind::TooManySteps)), "{text}: {:?}", kind(&text));
    }
}

#[test]
fn what_nests_too_deep_is_refused() {
    let nested =
        |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("len(", ")"), ("{a => ", "}")] {
        let text = nested(open, close, 5_000);
        assert_eq!(kind(&text), Some(ErrorKind::TooDeep), "{open}");
    }
    for text in [
        "range(100000).aggregate([$1], [])",
        "range(100000).aggregate({a => $1}, 1)",
        "range(100000).aggregate($1.select($), [1])",
        "range(100000).aggregate($1 + $2.repeat(1), [1])",
        "range(100000).aggregate(let(x => $1), 1)",
        "range(100000).aggregate($1.orderBy($), [1])",
    ] {
        assert_eq!(kind(text), Some(ErrorKind::TooNested), "{text}");
    }
    assert_eq!(kind("def(f, f($)) -> f(1)"), Some(ErrorKind::TooManyCalls));
    assert!(kind(&format!("1{}", " + 1".repeat(1000))).is_none());
    assert_eq!(kind(&format!("1{}", " + 1".repeat(10_000))), Some(ErrorKind::TooDeep));
    assert_eq!(kind(&"(".repeat(100_000)), Some(ErrorKind::TooLong));
}

#[test]
fn a_limit_is_named_with_what_to_do() {
    let error = evaluate("def(f, f($)) -> f(1)", json!(null)).unwrap_err();
    assert!(error.to_string().contains(&DEPTH.to_string()), "{error}");
    assert!(error.to_string().contains("end the recursion"), "{error}");
}

#[test]
fn recursion_goes_deep_enough_for_use() {
    let text = "def(f, switch($ <= 1 => 1, true => $ * f($ - 1))) -> f(20)";
    assert_eq!(crate::outcome(text, json!(null)), json!(2_432_902_008_176_640_000_u64));
}

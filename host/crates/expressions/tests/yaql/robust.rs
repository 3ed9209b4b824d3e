//! Whatever the text, reading and evaluating it ends, and without a panic.

use proptest::prelude::*;
use serde_json::json;

use crate::evaluate;

/// Words of which some are likely to make an expression.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "1",
        "0",
        "-1",
        "2.5",
        "'a'",
        "\"b\"",
        "x",
        "$",
        "$.l",
        "$.d",
        "$.s",
        "null",
        "true",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "=>",
        "+",
        "-",
        "*",
        "/",
        " mod ",
        "=",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "=~",
        " in ",
        " and ",
        " or ",
        "not ",
        ".",
        "?.",
        "->",
        "len(",
        ".len()",
        ".select(",
        ".where(",
        ".toList()",
        "let(",
        "dict(",
        "set(",
        "range(",
        ".sum()",
        ".first()",
        "str(",
        "int(",
        ".split(",
        ".orderBy(",
        ".groupBy(",
        "datetime(",
        "timespan(",
        "9223372036854775807",
        "170141183460469231731687303715884105727",
        "regex(",
        ".join(",
    ];
    prop_oneof![
        9 => proptest::sample::select(words.map(str::to_owned).to_vec()),
        1 => any::<String>(),
    ]
}

/// Expressions that are well-formed, of calls with operands of all kinds.
fn expression() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(
        [
            "1",
            "-3",
            "0",
            "2.5",
            "'abc'",
            "''",
            "x",
            "$",
            "$.l",
            "$.d",
            "$.s",
            "null",
            "true",
            "false",
            "[]",
            "{}",
            "set()",
            "range(3)",
            "timespan(hours => 1)",
            "datetime(2020, 1, 2)",
            "regex('a(b)?')",
            "170141183460469231731687303715884105727",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    leaf.prop_recursive(4, 24, 3, |inner| {
        let methods = [
            "len",
            "select",
            "where",
            "toList",
            "sum",
            "first",
            "last",
            "orderBy",
            "groupBy",
            "distinct",
            "reverse",
            "join",
            "split",
            "replace",
            "insert",
            "delete",
            "take",
            "skip",
            "zip",
            "flatten",
            "keys",
            "values",
            "items",
            "get",
            "set",
            "substring",
            "indexOf",
            "toSet",
            "union",
            "memorize",
            "slice",
            "splitWhere",
            "aggregate",
            "mergeWith",
            "toDict",
            "cycle",
            "repeat",
            "search",
            "matches",
            "year",
            "format",
            "trim",
        ];
        let operators =
            ["+", "-", "*", "/", " mod ", "=", "<", ">=", " in ", " and ", " or ", "=~", "->", "."];
        prop_oneof![
            (inner.clone(), proptest::sample::select(operators.to_vec()), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left}{operator}{right})")),
            (
                inner.clone(),
                proptest::sample::select(methods.to_vec()),
                proptest::collection::vec(inner.clone(), 0..3)
            )
                .prop_map(|(receiver, method, args)| format!("({receiver}).{method}({})", args.join(", "))),
            (
                proptest::sample::select(vec![
                    "str",
                    "int",
                    "float",
                    "len",
                    "bool",
                    "list",
                    "set",
                    "max",
                    "pow",
                    "round",
                    "json",
                    "zip",
                    "hex",
                    "abs",
                    "range",
                    "to_json_string",
                    "shiftBitsLeft",
                    "datetime",
                    "call"
                ]),
                proptest::collection::vec(inner.clone(), 0..3)
            )
                .prop_map(|(function, args)| format!("{function}({})", args.join(", "))),
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            (inner.clone(), inner).prop_map(|(key, value)| format!("{{{key} => {value}}}")),
        ]
    })
}

fn data() -> serde_json::Value {
    json!({"l": [3, 1, 2, null, "a", [1], {"k": 1}], "d": {"k": "v", "n": {"m": 1}}, "s": "héllo\n"})
}

/// It ends; what it gives can be shown.
fn survives(text: &str) {
    if let Ok(value) = evaluate(text, data()) {
        let _shown = (value.to_json().is_ok(), value.display().is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_row_of_words_is_read_or_refused(words in proptest::collection::vec(word(), 0..24)) {
        survives(&words.concat());
    }

    #[test]
    fn any_expression_has_a_value_or_an_error(text in expression()) {
        prop_assert!(!matches!(evaluate(&text, data()), Err(error) if error.is_syntax()), "{}", text);
        survives(&text);
    }
}

//! Whatever the text, reading and evaluating it ends, and without a panic.

use proptest::prelude::*;
use serde_json::json;

use crate::evaluate;

/// Words of which some are likely to make an expression, apart by blanks.
const WORDS: &str = r#"1 0 -1 2.5 'a' "b" x $ $.l $.d $.s null true ( ) [ ] { } , => + - * / mod = != < > <= >= =~
    in and or not . ?. -> len( .len() .select( .where( .toList() let( dict( set( range( .sum() .first() str( int(
    .split( .orderBy( .groupBy( datetime( timespan( regex( .join( def( call( 9223372036854775807
    170141183460469231731687303715884105727"#;

/// Operands of all kinds, a line each.
const OPERANDS: &str =
    "1\n-3\n0\n2.5\n'abc'\n''\nx\n$\n$.l\n$.d\n$.s\nnull\ntrue\nfalse\n[]\n{}\nset()\nrange(3)
timespan(hours => 1)\ndatetime(2020, 1, 2)\nregex('a(b)?')\n170141183460469231731687303715884105727";

const OPERATORS: &str = "+ - * / mod = < >= in and or =~ -> .";

const METHODS: &str =
    "len select where toList sum first last orderBy groupBy distinct reverse join split replace
    insert delete take skip zip flatten keys values items get set substring indexOf toSet union memorize slice
    splitWhere aggregate mergeWith toDict cycle repeat search matches year format trim thenBy unpack assert
    accumulate takeWhile skipWhile append enumerate replaceBy defaultIfEmpty symmetricDifference splitAt";

const FUNCTIONS: &str = "str int float len bool list set max pow round json zip hex abs range to_json_string
    shiftBitsLeft datetime call let with def switch coalesce regex_substring version_compare timespan
    to_human_time_from_seconds regex_replace dict generate generateMany characters random now";

fn one_of(words: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<_> = words.split_ascii_whitespace().map(str::to_owned).collect();
    proptest::sample::select(words)
}

fn word() -> impl Strategy<Value = String> {
    let blank = proptest::sample::select(vec!["", " "]);
    let word = prop_oneof![9 => one_of(WORDS), 1 => any::<String>()];
    (word, blank).prop_map(|(word, blank)| word + blank)
}

/// Expressions that are well-formed, of calls with operands of all kinds.
fn expression() -> impl Strategy<Value = String> {
    let operands: Vec<_> = OPERANDS.lines().map(str::to_owned).collect();
    proptest::sample::select(operands).prop_recursive(4, 24, 3, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..3).prop_map(|operands| operands.join(", "));
        prop_oneof![
            (inner.clone(), one_of(OPERATORS), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (inner.clone(), one_of(METHODS), some())
                .prop_map(|(receiver, method, args)| format!("({receiver}).{method}({args})")),
            (one_of(FUNCTIONS), some()).prop_map(|(function, args)| format!("{function}({args})")),
            some().prop_map(|items| format!("[{items}]")),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| format!("{{{key} => {value}}}")),
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
        survives(&text);
        prop_assert!(!matches!(evaluate(&text, data()), Err(error) if error.is_syntax()), "{}", text);
    }
}

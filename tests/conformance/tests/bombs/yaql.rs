//! YAQL.

use std::sync::{Arc, OnceLock};

use petrel_yaql::Expression;
use serde_json::{Value, json};

use crate::{is_limited, measured};

fn data() -> &'static Arc<Value> {
    static DATA: OnceLock<Arc<Value>> = OnceLock::new();
    DATA.get_or_init(|| {
        let objects: Vec<_> = (0..5_000).map(|number| json!({"n": number % 7, "s": format!("text {number}")})).collect();
        Arc::new(json!({
            "big": "x".repeat(2_000_000), "words": "word ".repeat(200_000), "numbers": (0..50_000).collect::<Vec<_>>(),
            "objects": objects, "m": {"a": 1}, "huge": 1_000_000_000, "yaml": "- &a [x, x]\n- [*a, *a]\n",
            "spaced": " ".repeat(500_000) + &"a ".repeat(100_000) + &" ".repeat(500_000),
            "row_of_a": "a".repeat(100_000), "long_regex": format!("{}?b", "a".repeat(20_000)),
        }))
    })
}

fn evaluate(text: &str) -> Result<(), String> {
    measured(text, || {
        let value = Expression::compile(text).and_then(|expression| expression.evaluate_data(data()));
        let json = value.and_then(|value| value.to_json());
        json.map(drop).map_err(|error| error.to_string())
    })
}

/// Each must hit a limit.
const BOMBS: &[&str] = &[
    "range(99999).select(regex('(x+)+y').matches('x' * 3000)).len()",
    "range(99999).select(regex_search('x' * 3000, '(x+)+(?=y)')).len()",
    "let(b => $.big) -> range(99999).select(regex('x*y').matches($b)).len()",
    "let(b => $.big) -> range(99999).select($b.toUpper()).len()",
    "let(b => $.big) -> range(99999).select($b.indexOf('y')).len()",
    "let(b => $.big) -> range(99999).select($b.len()).sum()",
    "let(b => $.big) -> range(99999).select($b.endsWith($b)).len()",
    "let(b => $.big) -> range(99999).select(isEmpty($b)).len()",
    "let(b => $.big) -> range(99999).select($b = $b + 'x').len()",
    "let(b => $.big) -> range(99999).select('y' in $b).len()",
    "let(b => $.big) -> range(99999).select($b < $b + 'x').len()",
    "let(o => $.objects) -> range(99999).select(to_json_string($o)).len()",
    "let(o => $.objects) -> range(99999).select(to_yaml_string($o)).len()",
    "let(o => $.objects) -> range(99999).select(jsonpath_query($o, '$..*')).len()",
    "let(o => $.objects) -> range(99999).select($o.orderBy($.s).toList().len()).len()",
    "let(o => $.objects) -> range(99999).select($o.groupBy($.n).len()).len()",
    "let(o => $.objects) -> range(99999).select(str($o)).len()",
    "let(y => $.yaml) -> range(99999).select(from_yaml_string($y)).len()",
    "$.big.replace('x', $.big)",
    "$.big.replace('', $.big)",
    "$.numbers.join($.big)",
    "$.big * 1000000",
    "'x' * 1000000000000",
    "[1] * 1000000000000",
    "pow(9, 999999999)",
    "shiftBitsLeft(1, 1000000000)",
    "range(40).aggregate($1 + $1, 'xxxxxxxxxxxx')",
    "range(60).aggregate([$1, $1], 1)",
    "$.big.split('x').len()",
    "$.big.toCharArray().len()",
    "regex_replace($.big, '', 'yy')",
    "regex_replace($.big, '.*[^a-z]|[a-z]', '')",
    // A long text that is at hand, so that nothing is charged for reading it.
    "let(b => $.big, c => $.big) -> range(99999).select($b = $c).len()",
    "let(b => $.big, c => $.big) -> range(99999).select($b != $c).len()",
    "let(b => $.big) -> range(99999).select({$b => 1}).len()",
    "let(b => $.big) -> range(99999).select({a => 1}.get($b)).len()",
    "let(b => $.big) -> range(99999).select([$b].toSet()).len()",
    "let(b => $.big) -> range(99999).select([$b].distinct().toList()).len()",
    "let(b => $.big) -> range(99999).select([$b].groupBy($).toList()).len()",
    "let(b => set($.big), c => set($.big)) -> range(99999).select($b = $c).len()",
    "let(b => $.big, c => $.big) -> range(99999).select($b.startsWith($c)).len()",
    "let(b => ' ' * 2000000 + '7') -> range(99999).select(int($b)).len()",
    "let(b => ' ' * 2000000 + '7') -> range(99999).select(float($b)).len()",
    "let(f => '%c' * 500000, t => datetime(2020, 1, 1)) -> range(99999).select($t.format($f)).len()",
    // The same of lists that are members of sets.
    "let(a => set($.numbers + [1]), b => set($.numbers + [1])) -> range(99999).select($a - $b).len()",
    "let(a => set($.numbers + [1]), b => set($.numbers + [1])) -> range(99999).select($a = $b).len()",
    "let(a => set($.numbers + [1]), b => set($.numbers + [1])) -> range(99999).select($a < $b).len()",
    "let(b => $.big) -> range(99999).select($b.replace('x', '')).len()",
    // One call that goes through a text for each of its characters.
    "$.big.trim($.big)",
    "isEmpty($.big, true, $.words)",
    "$.numbers.unpack() -> 1",
    "let(n => $.numbers) -> range(99999).select(call(coalesce, $n, {})).len()",
    // A text that is kept, or copied in the end, as often as it was read.
    "let(b => $.big) -> range(99999).select($b)",
    "let(b => $.big) -> range(99999).select({$b => 1})",
    "range(99999).select($data.big).toList().len()",
    "let(b => $.big) -> range(99999).select(str($b)).toList().len()",
    "let(b => $.big) -> range(99999).select(basename($b)).toList().len()",
    "let(b => $.big) -> range(99999).select(regex('.*').search($b)).toList().len()",
    // A text times a pattern that are both long.
    "regex($.long_regex).matches($.row_of_a)",
    "$.row_of_a.matches($.long_regex)",
    "regex($.long_regex).search($.row_of_a)",
    "regex($.long_regex).searchAll($.row_of_a).toList()",
    "regex($.long_regex).split($.row_of_a)",
    "regex($.long_regex).replace($.row_of_a, y)",
    "regex_search($.row_of_a, $.long_regex)",
    "regex_replace($.row_of_a, $.long_regex, y)",
    "regex_substring($.row_of_a, $.long_regex)",
    "$.row_of_a =~ $.long_regex",
    "regex_search($.row_of_a, $.row_of_a)",
    "regex_replace($.row_of_a, '(?=[^z]*z)a', '')",
    "jsonpath_query({a => 1}, '$..' * 20000 + a)",
    "sequence().len()",
    "def(f, [f(), f()]) -> f()",
];

/// Each goes through a long text once, and ends well.
const LINEAR: &[&str] = &["$.spaced.split().len()", "$.spaced.rightSplit().len()", "$.spaced.trim().len()"];

pub(crate) fn listed() {
    for text in LINEAR {
        assert_eq!(evaluate(text), Ok(()), "{text}");
    }
    for text in BOMBS {
        let outcome = evaluate(text);
        is_limited(text, &outcome);
    }
}

const FUNCTIONS: &str = "abs bool concat dict dirname escapeRegex flatten float from_json_string from_yaml_string hex int isEmpty \
    json json_escape jsonpath_query len list max min norm pow range regex regex_match regex_replace regex_search regex_substring round set \
    shiftBitsLeft str sum to_human_time_from_seconds to_json_string to_yaml_string version_compare zip basename characters format";

const METHODS: &str = "accumulate aggregate all any append contains count cycle defaultIfEmpty delete distinct enumerate first flatten \
    groupBy indexOf insert items join keys last lastIndexOf len matches memorize orderBy repeat replace reverse rightSplit search \
    searchAll select selectMany set skip slice split splitAt startsWith substring sum symmetricDifference take toCharArray toDict toList toLower \
    toSet toUpper trim union unpack values where zip zipLongest";

const RECEIVERS: [&str; 4] = ["$.big", "$.numbers", "$.objects", "$.huge"];

const ARGUMENTS: [&str; 4] = ["", "1000000000", "$.big", "'', $.big"];

/// Whatever there is, of large values and with unreasonable arguments.
pub(crate) fn every_function() {
    for receiver in RECEIVERS {
        for arguments in ARGUMENTS {
            for method in METHODS.split_whitespace() {
                let _outcome = evaluate(&format!("{receiver}.{method}({arguments})"));
            }
            for function in FUNCTIONS.split_whitespace() {
                let comma = if arguments.is_empty() { "" } else { ", " };
                let _outcome = evaluate(&format!("{function}({receiver}{comma}{arguments})"));
            }
        }
    }
}

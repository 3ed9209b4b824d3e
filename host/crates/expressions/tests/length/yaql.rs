//! YAQL: operators, functions and methods.

use std::sync::Arc;

use petrel_yaql::Expression;
use serde_json::Value;

use crate::{ROUNDS, each_costs_its_length};

/// Each goes through `$y` or `$z`, the two texts.
const OPERATIONS: &[&str] = &[
    // What is read of the data.
    "$data.x",
    "$data.get(x)",
    "$data.values().first()",
    // Comparisons.
    "$y = $z",
    "$y != $z",
    "$y < $z",
    "$y >= $z",
    "'q' in $y",
    "$y in [$z]",
    "[$y] = [$z]",
    "{a => $y} = {a => $z}",
    "[$y].contains($z)",
    "[$y].indexOf($z)",
    "{a => $y}.containsValue($z)",
    "[$y, $z].orderBy($).toList()",
    "[$y, $z].max()",
    "[1, $y, $z].sliceWhere($ = $y).toList()",
    // Keys and members.
    "{$y => 1}",
    "dict([[$y, 1]])",
    "[$y].toDict($)",
    "{a => 1}.get($y)",
    "{a => 1}.get($y, 2)",
    "{a => 1}.containsKey($y)",
    "{a => 1}.set($y, 1)",
    "{a => 1}.delete($y)",
    "{a => 1}.mergeWith({$y => 1})",
    "set($y)",
    "[$y].toSet()",
    "[$y, $z].distinct().toList()",
    "[$y, $z].groupBy($).toList()",
    "$y in set(1)",
    "set(1).add($y)",
    "$s = $t",
    "$s < $t",
    "$s + $t",
    "$s - $t",
    "$s.union($t)",
    "$s.intersect($t)",
    "$s.symmetricDifference($t)",
    // Texts.
    "int($y)",
    "float($y)",
    "str($y)",
    "$y.len()",
    "$y.trim()",
    "$y.trim($z)",
    "$y.trimLeft('qr')",
    "norm($y)",
    "isEmpty($y)",
    "$y.startsWith($z)",
    "q.startsWith($y)",
    "$y.endsWith($z)",
    "$y.toUpper()",
    "$y.toLower()",
    "$y.substring(3)",
    "$y.indexOf('q')",
    "$y.lastIndexOf('q')",
    "$y.replace('q', 'r')",
    "$y.replace({q => r})",
    "$y.split('q')",
    "$y.split()",
    "$y.toCharArray()",
    "concat($y, 'a')",
    "[$y, $z].join(',')",
    "$y + 'a'",
    "$y * 2",
    "escapeRegex($y)",
    // The platform's.
    "json($y)",
    "to_json_string($y)",
    "json_escape($y)",
    "from_yaml_string($y)",
    "to_yaml_string($y)",
    "basename($y)",
    "dirname($y)",
    "use_none($y) = $z",
    "regex_replace($y, q, r)",
    "$y =~ q",
];

/// The variables of [`OPERATIONS`].
const VARIABLES: &str = "let(y => $.x, z => $.z) -> let(y => $y, z => $z, s => set($y), t => set($z)) -> ";

fn evaluate(text: &str, data: &Arc<Value>) -> Result<(), String> {
    let value = Expression::compile(text).and_then(|expression| expression.evaluate_data(data));
    value.and_then(|value| value.to_json()).map(drop).map_err(|error| error.to_string())
}

#[test]
fn whatever_goes_through_a_text_is_charged_by_its_length() {
    each_costs_its_length(OPERATIONS, |operation, data| {
        evaluate(&format!("{VARIABLES}range({ROUNDS}).select({operation}).len()"), data)
    });
}

#[test]
fn a_result_counts_a_text_as_often_as_it_is_there() {
    each_costs_its_length(&["$y", "{a => $y}", "[$y]"], |operation, data| {
        evaluate(&format!("{VARIABLES}range({ROUNDS}).select({operation})"), data)
    });
}

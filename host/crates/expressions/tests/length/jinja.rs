//! Jinja: operators, tests, filters and methods.

use petrel_expressions::{Scope, render};
use serde_json::Value;

use crate::{ROUNDS, each_costs_its_length};

/// Each goes through `y` or `z`, the two texts, or through `d` or `e`, mappings that have them as keys.
const OPERATIONS: &[&str] = &[
    // Places and slices.
    "y[-1]",
    "y[i]",
    "y[700000]",
    "y.700000",
    "[y].0.700000",
    "y[1:]",
    "y[::-1]",
    "y | attr(0)",
    "y | first",
    "y | last",
    "y | reverse",
    "y | list",
    "y | length",
    "[y] | map(attribute=-1) | list",
    "[{'k': y}] | map(attribute='k.700000') | list",
    "'q' is ne y[n]",
    "'{0[5]}'.format(y)",
    // Comparisons.
    "y == z",
    "y != z",
    "y < z",
    "y >= z",
    "'q' in y",
    "'q' not in y",
    "y in [z]",
    "(y, 1) == (z, 1)",
    "{1: y} == {1: z}",
    "y.encode() == z.encode()",
    "[y].index(z)",
    "[y].count(z)",
    "loop.changed(y)",
    "[y, z] | sort",
    "[y, z] | max",
    "[y, z] | unique",
    "[y, z] | unique(case_sensitive=true)",
    "[{'k': y}] | groupby('k')",
    // Tests.
    "y is lower",
    "y is upper",
    "y is iterable",
    "y is sameas z",
    "y is eq z",
    "y is ne z",
    "y is lt z",
    "y is ge z",
    "y is in [z]",
    "'q' is in y",
    "y is startingwith z",
    "y is endingwith z",
    "[y] | select('upper') | list",
    "[{'k': y}] | selectattr('k', 'lower') | list",
    // Keys.
    "{y: 1}",
    "{(y, 1): 1}",
    "d[y]",
    "d | attr(y)",
    "y in d",
    "d.get(y)",
    "d.values()",
    "d.items()",
    "d == e",
    "d | dictsort",
    "dict(d)",
    "dict(**d)",
    "namespace(**d)",
    "d.pop(z, 1)",
    "{}.setdefault(z, 1)",
    "{}.update(d)",
    // What makes texts.
    "y ~ 'a'",
    "y + 'a'",
    "y * 2",
    "y | string",
    "y | int",
    "y | float",
    "y | trim",
    "y | upper",
    "y | replace('q', 'r')",
    "y | split('q') | list",
    "'a' | split(y) | list",
    "'a' | replace(y, 'b')",
    "y | default('')",
    "y | tojson",
    "y | wordcount",
    "[y] | join(',')",
    "['a', 'b'] | join(y)",
    "[] | chain(y) | list",
    "[1] | zip(y) | list",
    "('1.0.0-a' ~ y | trim) | version_compare('1.0.0')",
    // Methods.
    "y.strip()",
    "y.strip('qr')",
    "y.startswith(z)",
    "y.startswith(('q', z))",
    "y.endswith(z)",
    "y.isupper()",
    "y.isdigit()",
    "y.find('q')",
    "y.count('q')",
    "y.split('q')",
    "y.upper()",
    "y.title()",
    "y.removeprefix(z)",
    "','.join([y])",
];

/// Does `operation` often, after `before`.
fn render_often(before: &str, operation: &str, data: &Value) -> Result<(), String> {
    let text = format!("{before}{{% for i in range({ROUNDS}) %}}{{% set r = {operation} %}}{{% endfor %}}");
    let value = |name: &str| data.get(name).cloned().unwrap_or_default();
    let scope = Scope::new().with("x", value("x")).with("z", value("z"));
    render(&text, &scope).map(drop).map_err(|error| error.to_string())
}

#[test]
fn whatever_goes_through_a_text_is_charged_by_its_length() {
    let before = "{% set n = -1 %}{% set y = x %}{% set z = z %}{% set d = {y: 1} %}{% set e = {z: 1} %}";
    each_costs_its_length(OPERATIONS, |operation, data| render_often(before, operation, data));
}

#[test]
fn what_is_read_of_an_event_is_charged_by_its_length() {
    const READINGS: [&str; 3] = ["x is none", "[x, z]", "x if x else z"];
    each_costs_its_length(&READINGS, |operation, data| render_often("", operation, data));
}

//! Jinja, in rules and parameters and in workflows.

use std::sync::{Arc, OnceLock};

use petrel_expressions::{Scope, Statement, Variables, WorkflowScope, render};
use serde_json::{Map, Value, json};

use crate::{is_limited, measured};

/// What templates are given: a large event.
fn values() -> &'static Value {
    static VALUES: OnceLock<Value> = OnceLock::new();
    VALUES.get_or_init(|| {
        let numbers: Vec<_> = (0..50_000).collect();
        let objects: Vec<_> =
            (0..5_000).map(|number| json!({"n": number % 7, "s": format!("text {number}"), "d": {"k": [number]}})).collect();
        let keys: Map<_, _> = (0..50_000).map(|number| (format!("key {number}"), json!(number))).collect();
        json!({
            "big": "x".repeat(2_000_000), "words": "word ".repeat(200_000), "lines": "a,b\n".repeat(200_000), "n": 3,
            "numbers": numbers, "objects": objects, "s": "ab", "quotes": "'\"<&\u{1}\u{e9}".repeat(100_000), "m": {"a": 1},
            "yaml": "- &a [x, x, x]\n- &b [*a, *a, *a]\n- &c [*b, *b, *b]\n- &d [*c, *c, *c]\n- [*d, *d, *d, *d, *d]\n",
            "deep": "[".repeat(100_000), "huge": 1_000_000_000, "keys": keys,
            "row_of_a": "a".repeat(100_000), "long_regex": format!("{}?b", "a".repeat(20_000)),
        })
    })
}

fn scope() -> &'static Scope {
    static SCOPE: OnceLock<Scope> = OnceLock::new();
    SCOPE.get_or_init(|| {
        let object = values().as_object().unwrap();
        object.iter().fold(Scope::new(), |scope, (name, value)| scope.with(name, value.clone()))
    })
}

fn workflow() -> WorkflowScope {
    WorkflowScope {
        variables: Variables::from(values().as_object().cloned().unwrap()),
        ..WorkflowScope::default()
    }
}

/// Each must hit a limit. `LOOP(x)` does `x` very often.
const BOMBS: &[&str] = &[
    "{% set v = namespace(x='ab') %}LOOP(set v.x = v.x ~ v.x)",
    "{% set v = namespace(x='ab') %}LOOP(set v.x = v.x + v.x)",
    "{% set v = namespace(x='ab') %}LOOP(set v.x = v.x * 9)",
    "{% set v = namespace(x=[1]) %}LOOP(set v.x = v.x + v.x)",
    "{% set v = namespace(x=[1]) %}LOOP(set v.x = v.x * 9)",
    "{% set v = namespace(x=[1]) %}LOOP(set v.x = [v.x, v.x]){{ v.x }}",
    "{% set v = namespace(x=[1]) %}LOOP(set v.x = (v.x, v.x)){{ v.x | to_json_string }}",
    "{% set v = namespace(x=[1]) %}{% for i in range(60) %}{% set v.x = [v.x, v.x] %}{% endfor %}{{ v.x | to_json_string }}",
    "{% set v = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set v.x = [v.x, v.x] %}{% set v.y = [v.y, v.y] %}{% endfor %}\
     {{ v.x == v.y }}",
    "{% set v = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set v.x = [v.x, v.x] %}{% set v.y = [v.y, v.y] %}{% endfor %}\
     {{ v.x < v.y }}{{ v.x in [v.y] }}{{ [v.x] | unique }}{{ [v.y].index(v.x) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%.1000000000f' % 1.5 }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ '{:1000000000%}'.format(1) }}",
    "{{ ('%s' * 1000) % ((big,) * 1000) }}",
    "{{ ('%(a)s' * 1000) % {'a': big} }}",
    "{{ ('{0}' * 1000).format(big) }}",
    "{{ 'a'.center(1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'.rjust(1000000000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ big | replace('x', big) }}",
    "{{ big.replace('x', big) }}",
    "{{ big | replace('', big) }}",
    "{{ numbers | join(big) }}",
    "{{ big.join(['a'] * 1000) }}",
    "{{ ([big] * 1000) | join }}",
    "{{ ([big] * 1000) | string }}",
    "{{ lines | indent(100000) }}",
    "{{ lines | indent(big) }}",
    "{{ words | wordwrap(1, true, big) }}",
    "{{ big | wordwrap(1) }}",
    "{{ (' ' * 1000000) | wordwrap(1) }}",
    "{{ ('\t' * 100000).expandtabs(100000) }}",
    "{{ big.translate({120: big}) }}",
    "{{ 'x' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ range(1000000000) }}",
    "LOOP(set x = range(100000) | sum)",
    "LOOP(set x = objects | to_json_string)",
    "LOOP(set x = objects | tojson)",
    "LOOP(set x = objects | to_yaml_string)",
    "LOOP(set x = objects | pprint)",
    "LOOP(set x = objects | string)",
    "LOOP(set x = objects | to_complex)",
    "LOOP(set x = objects | sort(attribute='s'))",
    "LOOP(set x = numbers | sort)",
    "LOOP(set x = numbers | unique)",
    "LOOP(set x = objects | groupby('n'))",
    "LOOP(set x = objects | jsonpath_query('$..*'))",
    "LOOP(set x = lines | from_yaml_string)",
    "LOOP(set x = yaml | from_yaml_string)",
    "LOOP(set x = '[1,2,3]' | from_json_string | to_json_string(indent=64))",
    "LOOP(set x = big | regex_replace('x', 'yy'))",
    "LOOP(set x = big | regex_match('(x|y)*z'))",
    "LOOP(set x = big | regex_search('(x+)+(?=y)'))",
    "{{ big | regex_replace('.*[^a-z]|[a-z]', '') }}",
    "{{ big | regex_search('^(?:(x+)\\\\1?)+$') }}",
    "{{ words | regex_replace('(.*) (.*)', '\\\\1\\\\1\\\\1\\\\2' * 500) }}",
    "LOOP(set x = big | upper)",
    "LOOP(set x = big | title)",
    "LOOP(set x = big | length)",
    "LOOP(set x = big == big ~ 'x')",
    "LOOP(set x = 'y' in big)",
    "LOOP(set x = big.find('y'))",
    "LOOP(set x = big.split('x'))",
    "{{ big.split('x') | length }}",
    "LOOP(set x = big | list)",
    "LOOP(set x = big[::-1])",
    "LOOP(set x = numbers[::-1])",
    "LOOP(set x = numbers | list)",
    "LOOP(set x = objects == objects)",
    "LOOP(set x = quotes | e)",
    "LOOP(set x = quotes | urlencode)",
    "LOOP(set x = quotes | json_escape)",
    "{{ big | batch(1) | list | batch(1) | list | batch(1) | list | batch(1) | list | string | length }}",
    "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "{% set x %}LOOP(set y = 1){% endset %}",
    "{% set x %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endset %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{{ big }}{% endfor %}",
    "{% filter upper %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endfilter %}",
    "{% set a = [] %}{% for i in range(99999) %}{% for j in range(99999) %}{% set _ = a.append(big ~ i) %}{% endfor %}{% endfor %}",
    "{% set a = [1] %}LOOP(set _ = a.extend(a | list))",
    "{% set a = [1] %}LOOP(set _ = a.extend(numbers))LOOP(set _ = a.sort())",
    "{% set d = {} %}LOOP(set _ = d.update({'a': objects | string}))",
    "{{ numbers | map('string') | map('replace', '', big) | list }}",
    "LOOP(set x = words | wordcount)",
    "LOOP(set x = words | striptags)",
    "LOOP(set x = words | truncate(1000000, true))",
    "LOOP(set x = words | shell_quote)",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    // A long text that is at hand, so that nothing is charged for reading it.
    "{% set b = big %}LOOP(set x = b[-1])",
    "{% set b = big %}LOOP(set x = b[i])",
    "{% set b = big %}LOOP(set x = b is lower)",
    "{% set b = big %}LOOP(set x = b is upper)",
    "{% set b = big %}LOOP(set x = b is iterable)",
    "{% set b = big %}{% set c = big %}LOOP(set x = b is sameas c)",
    "{% set b = big %}LOOP(set x = 'a' | split(b))",
    "{% set b = big.encode() %}{% set c = big.encode() %}LOOP(set x = b == c)",
    "{% set d = {big: 1} %}LOOP(set x = d.values())",
    "{% set d = {big: 1} %}LOOP(set x = namespace(**d))",
    "{% set b = big %}LOOP(set x = [b] | map(attribute=-1) | list)",
    "{% set b = big %}LOOP(set x = '{0[-1]}'.format(b))",
    "LOOP(set x = big is none)",
    // The same of a list, of a key that looks for its value, and of a path.
    "{% set a = [] %}{% set t = numbers | list %}LOOP(set _ = a.append(t))",
    "{% set a = {} %}{% set t = numbers | list %}LOOP(set _ = a.update({'a': t}))",
    "{% set a = [] %}{% set d = {big: 1} %}LOOP(set _ = a.append(d))",
    "{% set d = {big: none} %}LOOP(set x = d | xmlattr)",
    "{% set b = '.' * 1000000 %}LOOP(set x = [] | sum(attribute=b))",
    "{% set b = '.' * 1000000 %}LOOP(set x = [] | map(attribute=b) | list)",
    "{% set z = numbers | zip(numbers) %}LOOP(set x = z[i])",
    "{% set z = numbers | zip(numbers) %}{{ ('{0[49000]}' * 20000).format(z) }}",
    "{% set z = numbers | zip(numbers) %}{{ ([z] * 20000) | map(attribute=49000) | list }}",
    "{% set t = 'x' * 1000000 %}{{ ('\u{10ffff}' * 90000).translate(t) }}",
    // One call that goes through a text for each of its characters, or for each item.
    "{{ big.strip(words) ~ big.strip(big) }}",
    "{{ big | trim(big) }}",
    "{{ ([big] * 50000) | max }}",
    "{{ ([big] * 50000) | unique(case_sensitive=true) | length }}",
    "{{ big.startswith((big ~ 'y',) * 100000) }}",
    "{{ objects | map(attribute=big) | list }}",
    "{{ objects | jsonpath_query(\"$..'\" ~ big ~ \"'\") }}",
    "LOOP(set _ = {}.update(keys))",
    "{% set v = '1.2.3-' ~ 'a.' * 3000000 ~ 'a' %}LOOP(set x = v | version_compare(v))",
    "{{ words | regex_replace('()', '\\\\1' * 1000) }}",
    // A text times a pattern that are both long.
    "{{ row_of_a | regex_search(long_regex) }}",
    "{{ row_of_a | regex_match(long_regex, ignorecase=true) }}",
    "{{ row_of_a | regex_replace(long_regex, 'y') }}",
    "{{ row_of_a | regex_substring(long_regex) }}",
    "{{ row_of_a | regex_search(row_of_a) }}",
    "{{ row_of_a | regex_search('(a{500}b?){30}!x') }}",
    "{{ row_of_a | regex_replace('(?=[^z]*z)a', '') }}",
    "{{ {'a': 1} | jsonpath_query('$..' * 20000 ~ 'a') }}",
    "{{ {'a': 1} | jsonpath_query('$.' * 20000 ~ 'a') }}",
];

/// Ends the loops of a bomb: the brackets within them are balanced.
fn looped(bomb: &str) -> String {
    let mut out = String::new();
    let mut rest = bomb;
    while let Some((before, after)) = rest.split_once("LOOP(") {
        let mut depth = 1;
        let end = after.char_indices().find(|(_, char)| {
            depth += i32::from(*char == '(') - i32::from(*char == ')');
            depth == 0
        });
        let end = end.map_or(after.len(), |(end, _)| end);
        out += before;
        out += &format!("{{% for i in range(99999) %}}{{% {} %}}{{% endfor %}}", &after[..end]);
        rest = &after[end + 1..];
    }
    out + rest
}

fn both(text: &str) -> [Result<(), String>; 2] {
    let (scope, workflow) = (scope(), workflow());
    let in_workflow =
        ["big", "words", "lines", "numbers", "objects", "quotes", "yaml", "row_of_a", "long_regex"]
            .iter()
            .fold(text.to_owned(), |text, name| text.replace(name, &format!("ctx('{name}')")));
    [
        measured(text, || render(text, scope).map(drop).map_err(|error| error.to_string())),
        measured(&in_workflow, || {
            let statement = Statement::compile(Arc::new(json!([in_workflow])));
            statement.evaluate(&workflow).map(drop).map_err(|error| error.to_string())
        }),
    ]
}

pub(crate) fn listed() {
    for bomb in BOMBS {
        let text = looped(bomb);
        let [rendered, _evaluated] = both(&text);
        is_limited(&text, &rendered);
    }
    // Many expressions of one statement share what there is.
    let many = json!(vec!["{{ ctx().objects | to_json_string }}"; 2_000]);
    let outcome = measured("2,000 expressions", || {
        Statement::compile(many).evaluate(&workflow()).map(drop).map_err(|error| error.to_string())
    });
    is_limited("2,000 expressions", &outcome);
}

const FILTERS: &str = "abs attr basename batch bool capitalize center count d default dictsort dirname e escape filesizeformat first float \
    forceescape format from_json_string from_yaml_string groupby indent int items join json_dump json_escape json_parse \
    jsonpath_query last length lines list lower map max min pprint regex_match regex_replace regex_search regex_substring \
    reject rejectattr replace reverse round safe select selectattr shell_quote slice sort split string striptags sum title \
    to_complex to_human_time_from_seconds to_json_string to_yaml_string tojson trim truncate unique upper urlencode \
    use_none version_bump_major version_compare wordcount wordwrap xmlattr yaml_dump yaml_parse chain zip json";

const METHODS: &str = "capitalize casefold center count encode endswith expandtabs find format index isalnum isdigit join \
    ljust lower lstrip partition removeprefix replace rfind rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title \
    translate upper zfill keys values items get copy append extend insert pop remove reverse sort update setdefault";

const RECEIVERS: [&str; 4] = ["big", "numbers", "objects", "huge"];

const ARGUMENTS: [&str; 5] = ["", "1000000000", "big", "'', big", "'(x*)*y', 'z'"];

/// Whatever there is, of large values and with unreasonable arguments.
pub(crate) fn every_filter() {
    for receiver in RECEIVERS {
        for arguments in ARGUMENTS {
            for filter in FILTERS.split_whitespace() {
                let text = format!("{{{{ {receiver} | {filter}({arguments}) | string | length }}}}");
                let _outcome =
                    measured(&text, || render(&text, scope()).map(drop).map_err(|error| error.to_string()));
            }
            for method in METHODS.split_whitespace() {
                let text = format!("{{{{ {receiver}.{method}({arguments}) | string | length }}}}");
                let _outcome =
                    measured(&text, || render(&text, scope()).map(drop).map_err(|error| error.to_string()));
            }
        }
    }
}

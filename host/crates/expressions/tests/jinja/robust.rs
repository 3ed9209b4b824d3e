//! Whatever is written, there is an answer: neither a panic nor an evaluation without end.

use std::sync::Arc;

use petrel_expressions::statement::{references, syntax_errors};
use petrel_expressions::{Scope, Statement, Variables, WorkflowScope, render};
use proptest::prelude::*;
use serde_json::{Value, json};

fn values() -> Value {
    json!({
        "n": 5, "f": -2.5, "s": "héllo", "z": null, "t": true, "l": [3, "a", null], "d": {"k": [1], "a-b": {}},
        "again": "{{ ctx().again }}", "yaql": "<% ctx().yaql %>", "many": "{{ ctx().many }}{{ ctx().n }}",
    })
}

/// Words of the language.
const WORDS: &str = "n¦f¦s¦z¦t¦l¦d¦nope¦ctx()¦ctx('l')¦ctx().d.k¦1¦0¦-1¦2.5¦99999999999¦9223372036854775807¦170141183460469231731687303715884105727¦[]¦'a'¦''¦'%s'¦[¦]¦(¦)¦{¦}¦,¦:¦.¦|¦~¦\
    +¦-¦*¦**¦/¦//¦%¦==¦<¦>=¦in¦not¦and¦or¦is¦if¦else¦for¦set¦x¦=¦endfor¦endif¦{%¦%}¦{{¦}}¦<%¦%>¦{#¦#}¦raw¦endraw¦\n¦sort¦\
    join¦map¦groupby('k')¦truncate(2)¦indent¦wordwrap(1)¦round¦int¦tojson¦to_yaml_string¦from_yaml_string¦\
    jsonpath_query('$..*')¦regex_replace('a', 'b')¦defined¦odd¦.append(1)¦.update(d)¦.format(1)¦.split()¦[::-1]¦[1:]¦\
    range(9)¦loop.index¦namespace(a=1)¦zip(l, l)¦json(s)¦center(9)¦filesizeformat¦unique¦slice(2)";

/// Such words, more or less in order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS.split('¦').collect::<Vec<_>>());
    prop::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

/// Texts in which such words stand between delimiters.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        words(),
        words().prop_map(|words| format!("{{{{ {words} }}}}")),
        (words(), words()).prop_map(|(first, second)| format!("a {{{{ {first} }}}} b {{{{ {second} }}}}")),
        (words(), words()).prop_map(|(test, body)| format!("{{% if {test} %}}{{{{ {body} }}}}{{% endif %}}")),
        (words(), words()).prop_map(|(list, body)| format!("{{% for x in {list} %}}{body}{{% endfor %}}")),
        words().prop_map(|words| format!("<% {words} %>")),
        ".{0,40}".prop_map(|text| format!("{{{{ {text} }}}}")),
        ".{0,60}",
    ]
}

/// Filters, methods and functions; a filter stands after `|`, a method after a dot.
const CALLS: &str = "|abs |attr |batch |capitalize |center |default |dictsort |escape |filesizeformat |first |float |format \
    |forceescape |groupby |indent |int |items |join |last |length |list |lower |map |max |min |pprint |random |reject \
    |rejectattr |replace |reverse |round |safe |select |selectattr |slice |sort |string |striptags |sum |title |tojson |trim \
    |truncate |unique |upper |urlencode |urlize |wordcount |wordwrap |xmlattr |zip |from_json_string |from_yaml_string \
    |to_json_string |to_yaml_string |to_human_time_from_seconds |regex_match |regex_search |regex_replace |regex_substring \
    |version_compare |version_more_than |version_bump_major |json_escape |jsonpath_query |use_none |decrypt_kv \
    |basename |dirname |json_dump |yaml_dump |json_parse |yaml_parse |to_complex |d |e |count \
    .append .extend .insert .pop .remove .index .count .sort .reverse .copy .clear .update .get .keys .values .items \
    .setdefault .popitem .format .center .ljust .rjust .zfill .split .rsplit .splitlines .partition .replace .find .rfind \
    .expandtabs .join .strip .title .startswith .endswith .translate .encode .bit_length .conjugate .is_integer \
    .as_integer_ratio .to_bytes .swapcase .casefold .format_map .isdigit .union .intersection \
    range dict lipsum cycler joiner namespace zip abs len sum max min sorted round";

/// Values at the ends of what there is.
const ENDS: &str = "0¦1¦-1¦3¦9223372036854775807¦-9223372036854775808¦18446744073709551615¦4294967296\
    ¦170141183460469231731687303715884105727¦(-170141183460469231731687303715884105727-1)¦1e308¦-0.0¦1e-320¦''¦'a'¦'é b\\n'\
    ¦'%99999999999d'¦'{:>99999999999}'¦[]¦[[]]¦[1,'a']¦{}¦{'a':1}¦l¦d¦s¦none¦true¦range(3)¦range(0)¦nope";

/// Calls with values at the ends, and operators between such values.
fn calls() -> impl Strategy<Value = String> {
    let end = || prop::sample::select(ENDS.split('¦').collect::<Vec<_>>());
    let call = prop::sample::select(CALLS.split_ascii_whitespace().collect::<Vec<_>>());
    let args = prop::collection::vec(end(), 0..4).prop_map(|args| args.join(", "));
    let operator = prop::sample::select("+ - * / // % ** ~ in == < and or".split(' ').collect::<Vec<_>>());
    prop_oneof![
        5 => (end(), call, args).prop_map(|(value, call, args)| match call.chars().next() {
            Some('|' | '.') => format!("{{{{ ({value}) {call}({args}) }}}}"),
            _ => format!("{{{{ {call}({args}) }}}}"),
        }),
        1 => (end(), operator, end()).prop_map(|(left, operator, right)| format!("{{{{ {left} {operator} {right} }}}}")),
        1 => (end(), end(), end(), end()).prop_map(|(value, from, to, step)| format!("{{{{ ({value})[{from}:{to}:{step}] }}}}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_statement_has_an_answer(text in texts()) {
        let variables = values().as_object().cloned().map(Variables::from).unwrap_or_default();
        let scope = WorkflowScope { variables, ..WorkflowScope::default() };
        let value = json!({"a": [text.clone()], "b": text});
        let statement = Statement::compile(value.clone());
        let (first, second) = (statement.evaluate(&scope), statement.evaluate(&scope));
        prop_assert_eq!(first.map(Arc::unwrap_or_clone), second.map(Arc::unwrap_or_clone));
        syntax_errors(&value);
        references(&value);
    }

    #[test]
    fn every_template_has_an_answer(text in prop_oneof![1 => texts(), 3 => calls()]) {
        let Value::Object(values) = values() else { return Ok(()) };
        let scope = values.into_iter().fold(Scope::new(), |scope, (name, value)| scope.with(&name, value));
        let (first, second) = (render(&text, &scope), render(&text, &scope));
        let is_random = ["random", "lipsum"].iter().any(|name| text.contains(name));
        prop_assert!(is_random || first == second, "{}: {:?}, then {:?}", text, first, second);
    }
}

#[test]
fn what_is_wrong_is_told_in_few_words_however_long_it_is() {
    let long = "x".repeat(900_000);
    let scope = Scope::new().with("d", json!({})).with("long", json!(long));
    let in_jinja = [
        ("{{ '%(LONG)s' % d }}", "KeyError: 'xxx"),
        ("{{ '{LONG}'.format(a=1) }}", "KeyError: 'xxx"),
        ("{{ 'a'.index(long) }}", "substring not found: `xxx"),
        ("{{ d.LONG.x }}", "is not defined"),
        ("{{ 1 | LONG }}", "xxx"),
        ("{{ 'a' | regex_match('(LONG') }}", ""),
        ("{{ long | version_compare('>=1.2.3') }}", "is not a semantic version; write it as 1.2.3"),
        ("{{ '1.2.3' | version_match(long) }}", "as in >=1.2.3"),
    ];
    for (template, says) in in_jinja {
        let error = render(&template.replace("LONG", &long), &scope).unwrap_err().to_string();
        assert!(error.len() < 2_000 && error.contains(says), "{template}: {} bytes", error.len());
    }
    // YAQL takes no longer ones.
    let long = "x".repeat(15_000);
    let variables = json!({"d": {}}).as_object().cloned().map(Variables::from).unwrap_or_default();
    let scope = WorkflowScope { variables, ..WorkflowScope::default() };
    for text in
        ["{{ ctx('LONG') }}", "{{ ctx().d.LONG }}", "<% ctx().LONG %>", "<% LONG() %>", "<% ctx().d.LONG( %>"]
    {
        let statement = Statement::compile(Value::from(text.replace("LONG", &long)));
        let error = statement.evaluate(&scope).unwrap_err().to_string();
        assert!(error.len() < 4_000, "{text}: {} bytes", error.len());
    }
}

#[test]
fn deep_and_long_texts_are_refused_or_answered() {
    let scope = Scope::new().with("l", json!([1]));
    for text in [
        format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(50_000)),
        format!("{{{{ {}true }}}}", "not ".repeat(50_000)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(20_000)),
        format!("{{{{ l{} }}}}", "[0:]".repeat(5_000)),
        format!("{{{{ 'x'{} }}}}", " | upper".repeat(20_000)),
        format!("{{{{ 1{} }}}}", " if 1 else 1".repeat(5_000)),
        "{% if l %}".repeat(2_000),
        "{{ ".repeat(20_000),
        "{#".repeat(20_000),
        "{% raw %}".repeat(5_000),
        "{{'".repeat(20_000),
        "{% if l %}".repeat(2_500) + &"{% endif %}".repeat(2_500),
        "{{ [] * 9223372036854775807 }}{{ 9223372036854775807 * [] }}{{ '' * 9223372036854775807 }}"
            .to_owned(),
    ] {
        let _answer = render(&text, &scope);
    }
}

/// What is made of itself twice over in a loop is refused once it is too large, whatever makes it.
#[test]
fn what_doubles_in_a_loop_is_counted() {
    let doubled = |first: &str, twice: &str, shown: &str| {
        let repeated = format!("{{% for i in range(60) %}}{{% set ns.v = {twice} %}}{{% endfor %}}");
        render(&format!("{{% set ns = namespace(v={first}) %}}{repeated}{{{{ {shown} }}}}"), &Scope::new())
    };
    for (first, twice) in [
        ("[1]", "ns.v | chain(ns.v)"),
        ("'x'", "ns.v | chain(ns.v)"),
        ("[1]", "ns.v + ns.v"),
        ("[1]", "ns.v * 2"),
        ("'x'", "ns.v ~ ns.v"),
        ("['x']", "[ns.v | join, ns.v | join]"),
    ] {
        for shown in ["1", "ns.v | length", "ns.v == ns.v", "ns.v | string | length"] {
            let answer = doubled(first, twice, shown);
            assert!(answer.is_err(), "{twice} of {first}, then {shown}: {answer:?}");
        }
    }
    for shown in ["ns.v | length", "ns.v == ns.v and 1", "ns.v.a"] {
        let answer =
            doubled("{'a': 1}", "ns.v | chain(ns.v, {'b': i})", shown).map_err(|error| error.to_string());
        let expected = if shown.starts_with("ns.v.") || shown.contains("==") { "1" } else { "2" };
        assert_eq!(answer.as_deref(), Ok(expected), "{shown}");
    }
}

//! Arguments by name, as the original calls them: of each function and filter, each argument.

use std::sync::Arc;

use petrel_expressions::workflow::{CurrentTask, Keys, Tasks};
use petrel_expressions::{KeyScope, Scope, Statement, Variables, WorkflowScope, render};
use serde_json::{Value, json};

#[derive(Debug)]
struct Outside;

impl Tasks for Outside {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        (id == "t").then_some(if route == 0 { "succeeded" } else { "failed" })
    }

    fn describe(&self, id: &str, route: u32) -> Result<Option<Arc<Value>>, String> {
        Ok(Some(Arc::new(json!(format!("{id} on {route}")))))
    }
}

impl Keys for Outside {
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String> {
        Ok((name != "none").then(|| format!("{scope:?} {name} {decrypt}")))
    }

    fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        Ok(sealed.strip_prefix("sealed ").map(str::to_owned))
    }
}

fn evaluate(expression: &str) -> Result<Value, String> {
    let variables = json!({"x": 5, "n": null, "values": 3}).as_object().cloned().map(Variables::from);
    let scope = WorkflowScope {
        variables: variables.unwrap_or_default(),
        task: Some(CurrentTask { id: "t".into(), route: 1, result: Arc::new(json!("out")) }),
        item: Some(Arc::new(json!({"a": 1}))),
        tasks: Some(Arc::new(Outside)),
        keys: Some(Arc::new(Outside)),
        ..WorkflowScope::default()
    };
    let evaluated = Statement::compile(json!(format!("{{{{ {expression} }}}}"))).evaluate(&scope);
    evaluated.map(Arc::unwrap_or_clone).map_err(|error| error.to_string())
}

/// What workflows call: their own functions, and the platform's with all of their arguments named.
#[test]
fn functions_take_their_arguments_by_name() {
    for (expression, expected) in [
        ("ctx(key='x')", json!(5)),
        // A variable named as a method of mappings.
        ("ctx().values", json!(3)),
        ("ctx().values() | list", json!([5, null, 3])),
        ("item(key='a')", json!(1)),
        ("task(task_id='u', route=0)", json!("u on 0")),
        ("task('u', route=2)", json!("u on 2")),
        ("task(route=0)", json!("t on 0")),
        ("task(task_id=none, route=none)", json!("t on 1")),
        ("task_status(task_id='t', route=0)", json!("succeeded")),
        ("task_status('t', route=none)", json!("failed")),
        ("st2kv(key='system.a')", json!("System a false")),
        ("st2kv('a', decrypt=true)", json!("User a true")),
        ("st2kv('none', default='d')", json!("d")),
        ("st2kv(key='none', default=none)", json!(null)),
        ("basename(path='/a/b')", json!("b")),
        ("dirname(path='/a/b')", json!("/a")),
        ("from_json_string(value='[1]')", json!([1])),
        ("json_parse(value='[1]')", json!([1])),
        ("from_yaml_string(value='a: 1')", json!({"a": 1})),
        ("yaml_parse(value='a: 1')", json!({"a": 1})),
        ("to_json_string(value={'b': 1, 'a': 2}, sort_keys=true)", json!("{\"a\": 2,\"b\": 1}")),
        ("to_json_string(value=[1, 2], separators=(',', ':'))", json!("[1,2]")),
        ("json_dump(value=[1], indent=1)", json!("[\n 1\n]")),
        ("to_yaml_string(value={'a': 'é'}, indent=4, allow_unicode=true)", json!("a: é\n")),
        ("yaml_dump(value={'a': 1}, indent=none)", json!("a: 1\n")),
        ("json_escape(value='\"')", json!("\\\"")),
        ("json(s='[1]')", json!([1])),
        ("jsonpath_query(value={'a': 1}, query='a')", json!([1])),
        ("to_complex(value=[1])", json!("[1]")),
        ("to_human_time_from_seconds(seconds=61)", json!("1m1s")),
        ("use_none(value=ctx().n)", json!("%*****__%NONE%__*****%")),
        ("zip([1, 2], [3], pad=0) | list", json!([[1, 3], [2, 0]])),
        ("regex_match(value='Ab', pattern='a', ignorecase=true)", json!(true)),
        ("regex_search(value='xAb', pattern='a', ignorecase=true)", json!(true)),
        ("regex_replace(value='Ab', pattern='a', replacement='c', ignorecase=true)", json!("cb")),
        ("regex_substring(value='a1B2', pattern='[a-z]', result_index=1, ignorecase=true)", json!("B")),
        ("version_compare(value='1.0.0', pattern='1.0.1')", json!(-1)),
        ("version_more_than(value='1.0.0', pattern='1.0.1')", json!(false)),
        ("version_less_than(value='1.0.0', pattern='1.0.1')", json!(true)),
        ("version_equal(value='1.0.0', pattern='1.0.1')", json!(false)),
        ("version_match(value='1.0.0', pattern='>=1.0.0')", json!(true)),
        ("version_bump_major(value='1.2.3')", json!("2.0.0")),
        ("version_bump_minor(value='1.2.3')", json!("1.3.0")),
        ("version_bump_patch(value='1.2.3')", json!("1.2.4")),
        ("version_strip_patch(value='1.2.3')", json!("1.2")),
        ("decrypt_kv(value='sealed s3cret')", json!("s3cret")),
        ("'sealed s3cret' | decrypt_kv", json!("s3cret")),
    ] {
        assert_eq!(evaluate(expression), Ok(expected), "{expression}");
    }
}

/// What rules and parameters have, too: the platform's filters, Jinja's own, and methods.
const FILTERS: &[(&str, &str)] = &[
    ("'Ab' | regex_match(pattern='a', ignorecase=true)", "True"),
    ("'xAb' | regex_search(pattern='a', ignorecase=true)", "True"),
    ("'Ab' | regex_replace('a', replacement='c', ignorecase=true)", "cb"),
    ("'Ab' | regex_replace(pattern='A', replacement='c')", "cb"),
    ("'a1b2' | regex_substring(pattern='[a-z]', result_index=1)", "b"),
    ("'a1b2' | regex_substring('[a-z]', result_index=-1)", "b"),
    ("'1.0.0' | version_compare(pattern='1.0.1')", "-1"),
    ("'1.0.0' | version_more_than(pattern='1.0.1')", "False"),
    ("'1.0.0' | version_less_than(pattern='1.0.1')", "True"),
    ("'1.0.0' | version_equal(pattern='1.0.0')", "True"),
    ("'1.0.0' | version_match(pattern='>0.9.0')", "True"),
    ("d | jsonpath_query(query='b')", "[1]"),
    ("d | to_json_string(indent=none, sort_keys=true, separators=(',', ':'))", r#"{"A":2,"b":1}"#),
    ("d | json_dump(sort_keys=true)", r#"{"A": 2,"b": 1}"#),
    ("{'a': 1} | to_yaml_string(indent=2, allow_unicode=false)", "a: 1\n"),
    ("{'a': 1} | attr(name='a')", "1"),
    ("[1, 2, 3] | batch(linecount=2, fill_with=0) | list", "[[1, 2], [3, 0]]"),
    ("[1, 2, 3] | slice(slices=2, fill_with=0) | list", "[[1, 2], [3, 0]]"),
    ("'x' | center(width=3)", " x "),
    ("nope | default(default_value='d')", "d"),
    ("'' | default(default_value='d', boolean=true)", "d"),
    ("nope | d(default_value='d')", "d"),
    ("d | dictsort(case_sensitive=true)", "[('A', 2), ('b', 1)]"),
    ("d | dictsort(by='value', reverse=true)", "[('A', 2), ('b', 1)]"),
    ("1024 | filesizeformat(binary=true)", "1.0 KiB"),
    ("'x' | float(default=1.5)", "1.5"),
    ("p | groupby(attribute='k', default='c', case_sensitive=true) | map('first') | join(d=',')", "A,b,c"),
    ("'a\n\nb' | indent(width=1, first=true, blank=true)", " a\n \n b"),
    ("'1f' | int(default=0, base=16)", "31"),
    ("q | join(d='-', attribute='k')", "b-A"),
    ("p | map(attribute='k', default='z') | join", "bAz"),
    ("q | max(attribute='k', case_sensitive=true) | attr(name='k')", "b"),
    ("q | min(attribute='k', case_sensitive=false) | attr(name='k')", "A"),
    ("'aa' | replace(old='a', new='b', count=1)", "ba"),
    ("2.55 | round(precision=1, method='floor')", "2.5"),
    ("['b', 'A'] | sort(reverse=true, case_sensitive=true)", "['b', 'A']"),
    ("q | sort(attribute='n') | map(attribute='k') | join", "Ab"),
    ("q | sum(attribute='n', start=10)", "13"),
    ("[1] | tojson(indent=1)", "[\n 1\n]"),
    ("'xax' | trim(chars='x')", "a"),
    ("'abcdef' | truncate(length=4, killwords=true, end='.', leeway=0)", "abc."),
    ("['a', 'A'] | unique(case_sensitive=true)", "['a', 'A']"),
    ("[{'k': 1}, {'k': 1}] | unique(attribute='k') | list | length", "1"),
    ("'ab cd' | wordwrap(width=2, break_long_words=false, wrapstring='/', break_on_hyphens=false)", "ab/cd"),
    ("{'a': 1} | xmlattr(autospace=false)", "a=\"1\""),
    // Methods that take their arguments by name in Python.
    ("'a,b,c'.split(sep=',', maxsplit=1)", "['a', 'b,c']"),
    ("'a\nb'.splitlines(keepends=true)", "['a\\n', 'b']"),
    ("'a\tb'.expandtabs(tabsize=2)", "a b"),
];

#[test]
fn filters_take_their_arguments_by_name() {
    let scope = Scope::new()
        .with("p", json!([{"k": "b", "n": 2}, {"k": "A", "n": 1}, {"n": 3}]))
        .with("q", json!([{"k": "b", "n": 2}, {"k": "A", "n": 1}]))
        .with("d", json!({"b": 1, "A": 2}));
    for (expression, expected) in FILTERS {
        let rendered = render(&format!("{{{{ {expression} }}}}"), &scope);
        assert_eq!(rendered.as_deref(), Ok(*expected), "{expression}");
    }
}

#[test]
fn an_argument_that_is_unknown_doubled_or_missing_is_named_with_what_was_called() {
    for (expression, expected) in [
        (
            "'a' | regex_match(patern='a')",
            "regex_match has no argument patern; it takes value, pattern, ignorecase",
        ),
        ("'a' | regex_match('a', pattern='a')", "regex_match got several values for pattern"),
        ("'a' | regex_match(pattern='a', pattern='b')", "regex_match got several values for pattern"),
        ("'a' | regex_replace('a')", "regex_replace needs replacement"),
        ("'a' | length(of=1)", "length has no argument of; it takes none"),
        ("'a' | upper(case=1)", "upper has no argument case; it takes none"),
        ("'a' | trim(char='a')", "trim has no argument char; it takes chars"),
        ("['a'] | join(',', d='-')", "join got several values for d"),
        ("['a'] | first(attribute='a')", "first has no argument attribute"),
        ("[1] | batch(fill_with=0)", "batch needs linecount"),
        ("ctx(name='x')", "ctx has no argument name; it takes key"),
        ("ctx('x', key='x')", "ctx got several values for key"),
        ("ctx(key='x', key='n')", "ctx got several values for key"),
        ("task_status(route=0)", "task_status needs task_id"),
        ("st2kv(default=1)", "st2kv needs key"),
        ("st2kv('none')", "The key \"none\" does not exist in the StackStorm datastore"),
        ("st2kv('system.none')", "The key \"none\" does not exist in the StackStorm datastore"),
        ("st2kv('a', decrypt='yes')", "Decrypt parameter is not typeof bool."),
        ("result(1)", "result takes at most 0 arguments, and 1 are given"),
        ("zip([1], fill=0)", "zip has no argument fill"),
    ] {
        let error = evaluate(expression).unwrap_err();
        assert!(error.contains(expected), "{expression}: {error}");
    }
}

#[test]
fn a_function_that_is_not_called_is_no_value() {
    for (expression, expected) in [
        ("item", "`item` is a function; call it: item()"),
        ("ctx", "`ctx` is a function; call it: ctx()"),
        ("[item]", "a function is no value; call it, as in item()"),
        ("item | upper", "a function is no value"),
        ("item | to_complex", "a function is no value"),
    ] {
        let error = evaluate(expression).unwrap_err();
        assert!(error.contains(expected) && !error.contains("petrel"), "{expression}: {error}");
    }
    let block =
        Statement::compile(json!("{% if true %}{{ item }}{% endif %}")).evaluate(&WorkflowScope::default());
    assert!(block.unwrap_err().to_string().contains("a function is no value"));
    for expression in ["{{ item() }}", "{{ item('a') }}", "<% item() %>", "<% item(a) %>"] {
        let error = Statement::compile(json!(expression)).evaluate(&WorkflowScope::default()).unwrap_err();
        assert!(error.to_string().contains("There is no item here"), "{expression}: {error}");
    }
}

//! Lists that hold the same part again and again: how much is in them grows without end while they take no memory, and
//! the template engine goes through all of it where a list is a key, is compared or is written. Each way to make such a
//! list meets each way to go through it; every one of them ends soon, with an error that names a limit.
#![expect(clippy::unwrap_used, reason = "this is part of a test")]

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use petrel_expressions::work::{Allowance, UNITS, within};
use petrel_expressions::{Scope, Statement, WorkflowScope, render};
use serde_json::json;

/// How long one may take without optimisation, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stack as large as that of the workers.
const STACK: usize = if cfg!(debug_assertions) { 32 } else { 2 } * 1024 * 1024;

/// What makes `v.x` hold itself twice or more often. `l` is `[v.x]`.
const SHAPES: &[&str] = &[
    "{% set v.x = [v.x, v.x] %}",
    "{% set v.x = (v.x, v.x) %}",
    "{% set v.x = v.x, v.x %}",
    "{% set v.x = {'a': v.x, 'b': v.x} %}",
    "{% set v.x = {'a': {'b': v.x}, 'c': [[v.x]]} %}",
    "{% set v.x = [[v.x] * 2] %}",
    "{% set v.x = [[v.x] + [v.x]] %}",
    "{% set v.x = dict(a=v.x, b=v.x) %}",
    "{% set v.x = dict([['a', v.x]], b=v.x) %}",
    "{% set v.x = namespace(a=v.x, b=v.x) %}",
    "{% set n = namespace() %}{% set n.a = v.x %}{% set n.b = v.x %}{% set v.x = n %}",
    "{% set l = [v.x] %}{% set v.x = l | zip(l) | list %}",
    "{% set l = [v.x] %}{% set v.x = l | zip(l) %}",
    "{% set l = [v.x] %}{% set v.x = [l | chain(l)] %}",
    "{% set l = [v.x] %}{% set v.x = l | batch(4, v.x) | list %}",
    "{% set l = [v.x] %}{% set v.x = [l | slice(3, v.x) | list] %}",
    "{% set v.x = [0, 0] | map('default', v.x, true) | list %}",
    "{% set v.x = [{}, {}] | map(attribute='a', default=v.x) | list %}",
    "{% set l = [v.x, 1] %}{% set v.x = [l, l[::-1]] %}",
    "{% set a = [] %}{% set _ = a.append(v.x) %}{% set _ = a.append(v.x) %}{% set v.x = a %}",
    "{% set a = [v.x] %}{% set _ = a.extend([v.x]) %}{% set _ = a.insert(0, v.x) %}{% set v.x = a %}",
    "{% set a = {} %}{% set _ = a.update({'a': v.x}, b=v.x) %}{% set _ = a.setdefault('c', v.x) %}{% set v.x = a %}",
];

/// What goes through `v.x`, of which `v.y` is made like it.
const CONSUMERS: &[&str] = &[
    "{{ {v.x: 1} }}",
    "{{ {v.x: 1, v.y: 2, (v.x, 1): 3} | length }}",
    "{{ d[v.x] }}",
    "{{ d[(v.x, 1)] }}",
    "{{ v.x in d }}",
    "{{ v.x is in d }}",
    "{{ d.get(v.x) }}",
    "{{ d | attr(v.x) }}",
    "{{ dict([[v.x, 1]]) }}",
    "{% set e = {} %}{% set _ = e.update([[v.x, 1]]) %}",
    "{% set e = {} %}{% set _ = e.setdefault(v.x, 1) %}",
    "{% set e = {} %}{% set _ = e.pop(v.x, 1) %}",
    "{% for i in [1, 2] %}{{ loop.changed(v.x) }}{% endfor %}",
    "{% for i in [v.x, v.y] %}{% set l = loop %}{{ l.changed(i) }}{% endfor %}",
    "{{ v.x == v.y }}",
    "{{ v.x is eq(v.y) }}",
    "{{ v.x < v.y }}",
    "{{ [(v.x,), (v.y,)] | unique | list }}",
    "{{ [v.x, v.y] | sort }}",
    "{{ [v.x, v.y] | max }}",
    "{{ [[v.x], [v.y]] | groupby(0) }}",
    "{{ [v.y].index(v.x) }}",
    "{{ [v.y].count(v.x) }}",
    "{{ [v.y] | select('eq', v.x) | list }}",
    "{{ v.x }}",
    "{{ v.x ~ '' }}",
    "{{ v.x | string }}",
    "{{ v.x | upper }}",
    "{{ v.x | trim }}",
    "{{ v.x | title | length }}",
    "{{ v.x | safe }}",
    "{{ v.x | urlencode }}",
    "{{ '%s' % [v.x] }}",
    "{{ '{}'.format(v.x) }}",
    "{{ [v.x] | join }}",
    "{{ v.x | to_json_string }}",
    "{{ v.x | tojson }}",
    "{{ v.x | pprint }}",
    "{{ v.x | to_yaml_string }}",
];

/// What comes round to itself.
const CYCLES: &[&str] = &[
    "{% set v = namespace() %}{% set v.x = v %}",
    "{% set v = namespace() %}{% set v.x = [v] %}",
    "{% set v = namespace() %}{% set v.x = {'a': (v, 1)} %}",
    "{% set v = namespace() %}{% set w = namespace(v=v) %}{% set v.x = w %}",
    "{% set v = namespace() %}{% set l = [] %}{% set v.x = l %}{% set _ = l.append(v) %}",
    "{% set v = namespace() %}{% set d = {} %}{% set v.x = d %}{% set _ = d.update(v=v) %}",
    "{% set v = namespace(x=1) %}{% for i in [v] %}{% set v.x = loop %}{% endfor %}",
    "{% set v = namespace() %}{% set v.x, v.y = v, v %}",
];

/// Twice as much so many times; `v.y` is made like `v.x`.
fn doubled(shape: &str, times: u32) -> String {
    let (x, y) = (shape.to_owned(), shape.replace("v.x", "v.y"));
    format!(
        "{{% set v = namespace(x=[1], y=[1]) %}}{{% set d = {{'a': 1, 2: 3}} %}}{{% for i in range({times}) %}}{x}{y}{{% endfor %}}"
    )
}

/// In rules and parameters, and in workflows.
fn both(text: &str) -> [Result<String, String>; 2] {
    let units = if cfg!(debug_assertions) { UNITS / 50 } else { UNITS };
    let allowance = Allowance { units, is_roomy: false, interrupt: None };
    let rendered = || render(text, &Scope::new()).map_err(|error| error.to_string());
    let evaluated = || {
        let statement = Statement::compile(Arc::new(json!([text])));
        statement
            .evaluate(&WorkflowScope::default())
            .map(|value| value.to_string())
            .map_err(|error| error.to_string())
    };
    [within(&allowance, rendered).value, within(&allowance, evaluated).value]
}

/// What comes of `text`; nothing if it does not end.
fn outcome(text: String) -> Option<[Result<String, String>; 2]> {
    let (sender, receiver) = channel();
    let evaluate = move || drop(sender.send(both(&text)));
    // A thread that does not end is left behind, and ends with this program.
    let _thread = std::thread::Builder::new().stack_size(STACK).spawn(evaluate).unwrap();
    receiver.recv_timeout(PATIENCE).ok()
}

/// What is wrong with the outcomes of `texts`, each of which must hit a limit.
fn unlimited(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for text in texts {
        let is_limited = |outcome: &Result<String, String>| {
            outcome.as_ref().is_err_and(|error| {
                ["more work", "more than", "deeper than"].iter().any(|limit| error.contains(limit))
            })
        };
        match outcome(text.clone()) {
            Some(both) if both.iter().all(is_limited) => {}
            Some(both) => wrong.push(format!("{text} gives {:.300}", format!("{both:?}"))),
            None => wrong.push(format!("{text} does not end")),
        }
        if wrong.len() > 9 {
            break;
        }
    }
    wrong
}

#[test]
fn what_is_shared_without_end_hits_a_limit_however_it_is_made_and_read() {
    let of = |shape: &&str| doubled(shape, 60);
    let each_shape =
        SHAPES.iter().flat_map(|shape| CONSUMERS.iter().take(3).map(move |consumer| of(shape) + consumer));
    let each_consumer = CONSUMERS.iter().map(|consumer| of(&"{% set v.x = [v.x, v.x] %}") + consumer);
    let wrong = unlimited(each_shape.chain(each_consumer));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What goes through `v.x` and gives no error, as often as the steps of a template allow.
const REPEATED: &[&str] = &[
    "set o = {v.x: 1} | length",
    "set o = {v.x: 1, v.y: 2, (v.x, 1): 3} | length",
    "set o = d[v.x] is defined",
    "set o = v.x in d",
    "set o = d.get(v.x)",
    "set o = dict([[v.x, 1]])",
    "set o = loop.changed(v.x)",
    "set o = v.x == v.y",
    "set o = [v.y].count(v.x)",
    "set o = v.x ~ ''",
    "set o = v.x | upper",
    "set o = v.x | trim",
    "set o = v.x is startingwith('a')",
];

#[test]
fn going_through_much_again_and_again_hits_a_limit() {
    let looped = REPEATED.iter().map(|statement| {
        let made = doubled("{% set v.x = [v.x, v.x] %}", 12);
        format!("{made}{{% for i in range(99999) %}}{{% {statement} %}}{{% endfor %}}")
    });
    let wrong = unlimited(looped);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// YAQL that goes through what is shared; `X` is it.
const YAQL: &[&str] = &[
    "X",
    "X = X",
    "X < X",
    "X in [X]",
    "set(X)",
    "dict([[X, 1]])",
    "[X].distinct()",
    "[X, X].orderBy($)",
    "[X].groupBy($)",
    "[X].toDict($, 1)",
    "dict(a => 1).get(X)",
    "dict(a => 1).set(X, 1)",
    "str(X)",
    "to_json_string(X)",
    "[X].indexOf(X)",
    "[X].count(X)",
    "[X].toSet()",
    "X.flatten()",
    "format('{0}', X)",
    "[X].contains(X)",
];

#[test]
fn what_is_shared_without_end_hits_a_limit_in_yaql() {
    let shapes = [
        "[$1, $1]",
        "dict(a => $1, b => $1)",
        "[[$1] * 2]",
        "[[$1] + [$1]]",
        "[$1].append($1)",
        "list($1, [$1])",
    ];
    for (place, made) in shapes.into_iter().enumerate() {
        let shared = format!("range(60).aggregate({made}, 1)");
        let consumers = YAQL.iter().take(if place == 0 { YAQL.len() } else { 2 });
        for consumer in consumers {
            let text = consumer.replace('X', &shared);
            let (sender, receiver) = channel();
            let evaluate = {
                let text = text.clone();
                move || {
                    let expression = petrel_yaql::Expression::compile(&text);
                    let value =
                        expression.and_then(|expression| expression.evaluate_data(&Arc::new(json!({}))));
                    drop(sender.send(value.and_then(|value| value.to_json()).map(drop)));
                }
            };
            let _thread = std::thread::Builder::new().stack_size(STACK).spawn(evaluate).unwrap();
            let outcome = receiver.recv_timeout(PATIENCE);
            assert!(outcome.as_ref().is_ok_and(Result::is_err), "{text} gives {outcome:?}");
        }
    }
}

#[test]
fn nothing_holds_itself() {
    for cycle in CYCLES {
        for consumer in ["", "{{ {v: 1} }}", "{{ v == v.x }}", "{{ v }}"] {
            let outcome = outcome(format!("{cycle}{consumer}"));
            assert!(outcome.is_some(), "{cycle}{consumer}");
            let is_refused = outcome.iter().flatten().all(Result::is_err);
            let is_shallow = consumer.is_empty() || consumer.contains("==") || cycle.contains("loop");
            assert!(is_refused || is_shallow, "{cycle}{consumer}");
        }
    }
}

#[test]
fn what_is_shared_within_reason_stays_as_it_was() {
    for (template, expected) in [
        (
            "{% set v = namespace(x=[1]) %}{% for i in range(3) %}{% set v.x = [v.x, v.x] %}{% endfor %}{{ v.x | string | length }}",
            "52",
        ),
        (
            "{% set v = namespace(x=[]) %}{% for i in range(500) %}{% set v.x = v.x + [{'n': i, 'm': [i, i]}] %}{% endfor %}{{ v.x | length }}",
            "500",
        ),
        ("{% set a, b = 1, [2] %}{{ (a, b) }}{{ {(a, 3): b}[(1, 3)] }}{{ {a: b}[a] }}", "(1, [2])[2][2]"),
        ("{% set v = namespace(a=namespace(b=1)) %}{% set v.c = v.a %}{{ v.c.b }}", "1"),
        ("{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "TrueFalseTrue"),
        (
            "{{ [1, 2] | zip([3, 4]) | list }}{{ [1, 2, 3] | batch(2) | list }}{{ [1] | chain([2]) | list }}",
            "[(1, 3), (2, 4)][[1, 2], [3]][1, 2]",
        ),
        ("{{ [1] | upper }}{{ ['aB'] | lower }}{{ ' a ' | trim }}{{ 'ab' | title }}", "[1]['ab']aAb"),
    ] {
        assert_eq!(render(template, &Scope::new()).as_deref(), Ok(expected), "{template}");
    }
}

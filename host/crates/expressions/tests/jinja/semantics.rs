//! Operators, filters and methods as Python has them, where the template engine's own differ.

use petrel_expressions::{Scope, render};
use serde_json::{Value, json};

fn scope() -> Scope {
    let values = json!({
        "n": 5, "neg": -7, "t": true, "z": null, "s": "hello World", "l": [3, 1, 2], "d": {"k": "v", "items": 1},
        "p": [{"name": "ann", "age": 30}, {"name": "Bob", "age": 25}, {"name": "cid", "age": 30}],
    });
    let Value::Object(values) = values else { return Scope::new() };
    values.into_iter().fold(Scope::new(), |scope, (name, value)| scope.with(&name, value))
}

fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(render(template, &scope()).as_deref(), Ok(*expected), "{template}");
    }
}

fn refuse(templates: &[&str]) {
    for template in templates {
        assert!(render(template, &scope()).is_err(), "{template}");
    }
}

#[test]
fn operators() {
    check(&[
        ("{{ neg % 3 }} {{ 7 % -3 }} {{ neg // 2 }} {{ n / 2 }} {{ 2 ** 3 ** 2 }}", "2 -2 -4 2.5 64"),
        (
            "{{ s == s.encode() }} {{ 1 < 3 < 2 }} {{ 1 < n <= 5 != 4 }} {{ true + 1 }} {{ 'a' < 'b' }}",
            "False False True 2 True",
        ),
        ("{{ '%s-%03d' % ('a', 5) }} {{ 'ab' * 2 }} {{ 'ab' * -1 }}|", "a-005 abab |"),
        ("{{ '%(ключ)s: %(n)d%% of %(ключ)3s' % {'ключ': 'e', 'n': 1} }}", "e: 1% of   e"),
        ("{{ '%3s|%-3s|%.1s' % ('é', 'ü', 'äö') }} {{ '%5d' | format(7) }}", "  é|ü  |ä     7"),
        ("{{ '%(a)s é' | format(a=5) }} {{ '%s é' % 1 }} {{ 'é %(a)s' % {'a': 2} }}", "5 é 1 é é 2"),
        ("{{ [1] + [2] }} {{ (1,) + (2,) }} {{ l * 2 }}", "[1, 2] (1, 2) [3, 1, 2, 3, 1, 2]"),
        (
            "{{ s[::-1] }} {{ ''[::-1] }}{{ [][::-1] }} {{ l[-2:] }} {{ s[1:5:2] }}",
            "dlroW olleh [] [1, 2] el",
        ),
        ("{{ 'o' in s }} {{ 3 not in l }} {{ 'k' in d }} {{ (1, 2) < (1, 3) }}", "True False True True"),
        ("{% for c in 'ab' %}{{ loop.last }}{% endfor %}", "FalseTrue"),
        ("{{ range(3) }} {{ range(1, 7, 2) | list }}", "range(0, 3) [1, 3, 5]"),
        ("{{ 3 is eq l[n - 5] }} {{ (l | sort)[n - 5] }}", "True 1"),
    ]);
    refuse(&[
        "{{ 1 < 'a' }}",
        "{{ z < 1 }}",
        "{{ 5 in 'abc' }}",
        "{{ 1 in z }}",
        "{{ [1] + range(2) }}",
        "{{ [1] + d.keys() }}",
        "{{ 'a' % 1 }}",
        "{{ '%(é)s' % {'e': 1} }}",
        "{{ '%(é' % {'é': 1} }}",
        "{{ '%é' % 1 }}",
        "{{ n % 0 }}",
        "{% for x in z %}{% endfor %}",
        "{{ range(1000000) }}",
        "{{ d.values }}",
    ]);
}

#[test]
fn filters() {
    check(&[
        (
            "{{ ['b', 'A', 'c'] | sort }} {{ p | sort(attribute='age,name') | map(attribute='name') | join }}",
            "['A', 'b', 'c'] Bobanncid",
        ),
        (
            "{{ p | groupby('age') | map('first') | list }} {{ {'b': 1, 'A': 2} | dictsort }}",
            "[25, 30] [('A', 2), ('b', 1)]",
        ),
        (
            "{{ [1, 1.0, true, 'a', 'A'] | unique | list }} {{ l | max }} {{ p | min(attribute='age') | length }}",
            "[1, 'a'] 3 2",
        ),
        (
            "{{ '42.9' | int }} {{ 'x' | int(7) }} {{ '0x1f' | int(0, 16) }} {{ '1_000' | int }} {{ z | int }}",
            "42 7 31 1000 0",
        ),
        (
            "{{ 2.5 | round }} {{ 42.55 | round(1) }} {{ 3 | round(0, 'ceil') }} {{ 1234 | round(-2) }}",
            "2.0 42.5 3.0 1200",
        ),
        ("{{ 3.7 | round(precision=99999999999) }} {{ 1e10 | round(300) }}", "3.7 10000000000.0"),
        (
            "{{ s | truncate(5) }} {{ s | truncate(7, true, '!', 0) }} {{ 'x' | center(3) }}|",
            "he... hello !  x |",
        ),
        (
            "{{ '<a \"b\">' | e }} {{ {'b': \"<'\", 'a': 1} | tojson }}",
            "&lt;a &#34;b&#34;&gt; {\"a\": 1, \"b\": \"\\u003c\\u0027\"}",
        ),
        (
            "{{ 1500 | filesizeformat }} {{ 1024 | filesizeformat(true) }} {{ 'a b-c' | wordcount }}",
            "1.5 kB 1.0 KiB 3",
        ),
        ("{{ d | to_yaml_string }}{{ 'a: [1, on]' | from_yaml_string }}", "items: 1\nk: v\n{'a': [1, True]}"),
        (
            "{{ p | jsonpath_query('[*].name') }} {{ 3661 | to_human_time_from_seconds }}",
            "['ann', 'Bob', 'cid'] 1h1m1s",
        ),
        ("{{ [('a b', 'é')] | urlencode }} {{ 'a/b c' | urlencode }}", "a+b=%C3%A9 a/b%20c"),
        ("{{ nope | default('x') }} {{ z | default('x') }} {{ z | default('x', boolean=true) }}", "x None x"),
    ]);
    refuse(&[
        "{{ [1, 'a'] | sort }}",
        "{{ z | list }}",
        "{{ p | selectattr('nope') | list }}",
        "{{ 'a' | abs }}",
        "{{ 'a' | round }}",
        "{{ l | random }}",
        "{{ s | decrypt_kv }}",
        "{{ 'x' | center(99999999999) }}",
        "{{ p | sum }}",
    ]);
}

#[test]
fn attributes() {
    check(&[
        (
            "{{ z | map(attribute='a') | list }} {{ ['ab'] | map(attribute=1) | list }} {{ 'aé' | first }}{{ 'aé' | last }}",
            "[] ['b'] aé",
        ),
        (
            "{{ [{}, {'a': {'b': 1}}] | map(attribute='a.b', default=0) | list }} {{ [d] | map(attribute='items') | list }}",
            "[0, 1] [1]",
        ),
    ]);
    refuse(&["{{ p | map(attribute='nope') | join }}", "{{ p | map(attribute='name', nope=1) }}"]);
}

#[test]
fn methods() {
    check(&[
        ("{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }}", "('a', '=', 'b=c') ('a=b', '=', 'c')"),
        (
            "{{ ' a  b '.split() }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a b c'.split(none, 1) }}",
            "['a', 'b'] ['a,b', 'c'] ['a', 'b c']",
        ),
        (
            "{{ s.index('o') }} {{ s.find('o', 5) }} {{ s.count('o') }} {{ '7'.zfill(3) }} {{ 'x'.rjust(3, '.') }}",
            "4 7 2 007 ..x",
        ),
        ("{{ '{:>5}|{!r}|{:.1%}|{0}'.format(1, 'a', 0.256) }}", "    1|'a'|25.6%|1"),
        ("{{ '{a[k]} {b.name} {0:{1}}'.format(7, 3, a=d, b=p[0]) }}", "v ann   7"),
        (
            "{{ d.keys() }} {{ d.values() | list }} {{ d['items'] }} {{ d.get('x', 2) }}",
            "dict_keys(['k', 'items']) ['v', 1] 1 2",
        ),
        (
            "{{ \"it's\".title() }} {{ 'abc'.removeprefix('a') }} {{ 'é'.encode() }} {{ l.index(2) }}",
            r"It'S bc b'\xc3\xa9' 2",
        ),
        ("{{ dict([('a', 1)], b=2) }} {{ 'x-y'.translate({45: none}) }}", "{'a': 1, 'b': 2} xy"),
    ]);
    refuse(&[
        "{{ s.index('z') }}",
        "{{ '{}'.format() }}",
        "{{ '{:x}'.format(l) }}",
        "{{ '{0:{1:{2:{3}}}}'.format(1, 2, 3, 4) }}",
        "{{ '{:99999999999}'.format(1) }}",
        "{{ s.__class__ }}",
        "{{ s.__len__() }}",
        "{{ s.split('') }}",
        "{{ d.keys()[0] }}",
        "{{ 'x'.ljust(99999999999) }}",
    ]);
}

#[test]
fn a_key_may_be_named_as_a_method() {
    let methods = [
        "clear",
        "copy",
        "fromkeys",
        "get",
        "items",
        "keys",
        "pop",
        "popitem",
        "setdefault",
        "update",
        "values",
    ];
    let body: Value = methods.iter().map(|name| ((*name).to_owned(), json!(format!("<{name}>")))).collect();
    let scope = Scope::new().with("trigger", json!({"body": body}));
    for name in methods {
        // The second one calls a method that changes something, for which all that is handed in is made anew.
        for template in [
            format!("{{{{ trigger.body.{name} }}}}"),
            format!("{{{{ trigger.body.{name} }}}}{{% set _ = [].append(1) %}}"),
            format!("{{{{ {{'{name}': trigger.body['{name}']}}.{name} }}}}"),
        ] {
            assert_eq!(render(&template, &scope), Ok(format!("<{name}>")), "{template}");
        }
    }
    let called =
        "{{ trigger.body.values() | length }}{{ trigger.body.get('pop') }}{{ trigger.body.keys() | first }}";
    assert_eq!(render(called, &scope).as_deref(), Ok("11<pop>clear"));
}

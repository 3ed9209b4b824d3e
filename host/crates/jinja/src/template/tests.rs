//! Templates as rules and parameters use them.

use petrel_scope::{Datastore, KeyScope, Opener};
use serde_json::{Value, json};

use super::*;

fn scope(values: &Value) -> Scope {
    let entries = values.as_object().unwrap();
    entries.iter().fold(Scope::new(), |scope, (name, value)| scope.with(name, value.clone()))
}

#[test]
fn text_is_filled_in_as_python_writes_it() {
    let values = json!({
        "n": 5, "f": 1e16, "t": true, "z": null, "s": "it's", "l": [1, "a", null, 2.0], "d": {"k": {"m": 1}},
        "json": "{\"a\": [1, 2.0]}", "big": 9_007_199_254_740_993_i64, "w": "a b; rm -rf '/'",
    });
    for (template, expected) in [
        ("x{{ n }}-{{ f }}-{{ t }}-{{ z }}", "x5-1e+16-True-None"),
        ("{{ l }} {{ d }}", "[1, 'a', None, 2.0] {'k': {'m': 1}}"),
        ("{{ big }} {{ 2 ** 62 }}", "9007199254740993 4611686018427387904"),
        ("{% if t %}\n  yes\n{% endif %}\n", "  yes\n"),
        ("{{ d.k.m + 1 }}{{ d['k'].get('zz') }}{{ s.upper() }}", "2NoneIT'S"),
        ("{{ l | to_complex }}", r#"[1, "a", null, 2.0]"#),
        (
            "{{ d | to_json_string }}{{ d | to_json_string(indent=1) }}",
            "{\"k\": {\"m\": 1}}{\n \"k\": {\n  \"m\": 1\n }\n}",
        ),
        ("{{ (json | from_json_string).a[1] }}", "2.0"),
        ("{{ '☃\"' | json_escape }}", r#"\u2603\""#),
        ("{{ s | regex_replace(\"(t)'(s)\", '\\\\2\\\\1') }}", "ist"),
        (
            "{{ 'a1b22' | regex_substring('\\d+', 1) }}{{ 'ab' | regex_match('B', ignorecase=true) }}",
            "22False",
        ),
        ("{{ '/a/b/c.txt' | basename }} {{ '//a' | dirname }} {{ 'a//b' | dirname }}", "c.txt // a"),
        ("{{ '1.10.0' | version_compare('1.9.0') }}{{ '1.2.3-rc1' | version_bump_patch }}", "11.2.4"),
        ("{{ '42.9' | int }}{{ 'rubbish' | int }}{{ 'x' | float(1.5) }}", "4201.5"),
        ("{{ w | shell_quote }} {{ '' | shell_quote }}", "'a b; rm -rf '\"'\"'/'\"'\"'' ''"),
        ("{{ z | use_none }}", "%*****__%NONE%__*****%"),
        ("{{ nope | default('d') }}", "d"),
        (
            "{{ l[-1] }}{{ l[1:3] }}{{ l | length }}{{ 'a' in l }}{{ 'k' in d }}{{ l | first }}",
            "2.0['a', None]4TrueTrue1",
        ),
        (
            "{{ d.k == {'m': 1} }}{{ l == [1, 'a', none, 2] }}{{ d.items() | list }}{{ l + [3] }}",
            "TrueTrue[('k', {'m': 1})][1, 'a', None, 2.0, 3]",
        ),
        (
            "{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %}{% for i in l %}{{ i }},{% endfor %}",
            "k={'m': 1}1,a,None,2.0,",
        ),
    ] {
        assert_eq!(render(template, &scope(&values)).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let values = json!({"d": {"k": 1}, "s": "x"});
    for (template, expected) in [
        ("{{ nope }}", "is not defined"),
        ("{{ d.nope }}", "is not defined"),
        ("{{ d.nope.deep | default('d') }}", "is not defined"),
        ("{{ s | to_yaml }}", "to_yaml"),
        ("{{ bad ( }}", "line 1"),
        ("{{ s + 1 }}", "+"),
        ("{{ nope | to_complex }}", "is not defined"),
        ("{{ s | regex_match('(') }}", "is not a regular expression"),
        (
            "{% for a in range(10000) %}{% for b in range(10000) %}{{ a }}{% endfor %}{% endfor %}",
            "more than 100000 steps",
        ),
        ("{{ 'x' * 99999999 }}", "more than 8388608 bytes"),
        ("{% include 'secret' %}", "secret"),
        // The value is not written into the message, since it may be too large.
        (
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}\
             {{ n.x | filesizeformat }}",
            "filesizeformat needs a number",
        ),
        (
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}\
             {{ n.x | to_human_time_from_seconds }}",
            "to_human_time_from_seconds needs a number",
        ),
        (
            "{% set n = namespace(x=[]) %}{% for i in range(1500) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
            "nests too deep",
        ),
    ] {
        let error = render(template, &scope(&values)).unwrap_err().to_string();
        assert!(error.contains(expected), "{template}: {error}");
    }
}

#[test]
fn what_is_not_defined_is_named_once() {
    let values = json!({"d": {"k": 1}, "l": [1], "s": "it's", "n": 7});
    for (template, expected) in [
        ("{{ nope }}", "`nope` is not defined; check the name, or add `| default(VALUE)`"),
        (
            "{{ nope.a | default('x') }}",
            "`nope` is not defined, and a part of it is read; check the name, since no default",
        ),
        ("{{ nope['a'] }}", "`nope` is not defined, and a part of it is read; check the name"),
        ("{{ d.nope }}", "`d.nope` is not defined; check"),
        ("{{ d.nope.more }}", "`d.nope` is not defined, and a part of it is read; check"),
        ("{{ d['nope'] }}", "nope"),
        (
            "{{ st2kv.limit }}",
            "`st2kv.limit` is not defined, since keys have a scope; did you mean `st2kv.system.limit`?",
        ),
        ("{{ st2kv.systm.limit }}", "did you mean `st2kv.system`?"),
        ("{{ d[s] }}", "`d[s]` (the key is \"it's\") is not defined; check"),
        ("{{ d[s].more | upper }}", "`d[s]` (the key is \"it's\") is not defined; check"),
        ("{{ d['k'] + l[n - 1] }}", "`l[n - 1]` (the key is 6) is not defined; check"),
        ("{{ d[nope] }}", "`nope` is not defined; check"),
        ("{{ nope[s] }}", "`nope` is not defined, and a part of it is read; check"),
        ("{{ d.nope | default(d.nope.more) }}", "`d.nope` is not defined; check"),
        ("{{ d[s] | default(1) }}{{ [] | first }}", "something in it is not defined; check"),
        ("{% for k in ['k', 'z'] %}{{ d[k] }}{% endfor %}", "`d[k]` (the key is 'z') is not defined; check"),
    ] {
        let error = render(template, &scope(&values)).unwrap_err().to_string();
        let (_, reason) = error.split_once(" cannot be rendered: ").unwrap();
        assert!(reason.contains(expected), "{template}: {error}");
        assert_eq!(reason.matches("defined").count(), 1, "{template}: {error}");
    }
    assert_eq!(render("{{ d[s] | default('x') }}", &scope(&values)).as_deref(), Ok("x"));
}

#[test]
fn the_datastore_is_read_by_name() {
    let system = [("a", "sysval"), ("num", "42"), ("b.c", "dotted")];
    let system = system.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let datastore = Arc::new(Datastore::shared(system));
    let scope = Scope::new().with_datastore(datastore).with_key_scope("system", KeyScope::System);
    for (template, expected) in [
        ("{{ st2kv.system.a }}{{ system.a }}", "sysvalsysval"),
        ("{{ st2kv.system.b.c }}|{{ st2kv.system.a.b }}|{{ st2kv.system['b.c'] }}", "dotted||dotted"),
        ("{{ st2kv.system.missing }}{{ st2kv.user.a }}", ""),
        ("{{ st2kv.system.num | int + 1 }}{{ st2kv.system.a.upper() }}", "43SYSVAL"),
        ("{{ st2kv.system.a == 'sysval' }}{{ st2kv.system.a | to_complex }}", "True\"sysval\""),
    ] {
        assert_eq!(render(template, &scope).as_deref(), Ok(expected), "{template}");
    }
}

/// Opens `sealed:NAME` for the key of that name.
#[derive(Debug)]
struct ByName;

impl Opener for ByName {
    fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
        match sealed.strip_prefix("sealed:") {
            None => Ok(None),
            Some(name) if name == key.name => Ok(Some(format!("s3cret of {key}"))),
            Some(_) => Err("it is of another key".to_owned()),
        }
    }
}

#[test]
fn a_secret_key_is_read_encrypted_and_decrypted_on_request() {
    let of = |pairs: &[(&str, &str)]| {
        Arc::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    let system = of(&[("a", "sealed:a"), ("b.c", "sealed:b.c"), ("d", "sealed:e"), ("open", "text")]);
    let datastore = Datastore { system, user: of(&[("u", "sealed:u")]), opener: Some(Arc::new(ByName)) };
    let scope = Scope::new().with_datastore(Arc::new(datastore)).with("taken", json!("sealed:a"));
    for (template, expected) in [
        ("{{ st2kv.system.a }}", "sealed:a"),
        ("{{ st2kv.system.a | decrypt_kv }}", "s3cret of st2kv.system.a"),
        ("{{ st2kv.system.b.c | decrypt_kv | upper }}", "S3CRET OF ST2KV.SYSTEM.B.C"),
        ("{{ st2kv.user.u | decrypt_kv }}", "s3cret of st2kv.user.u"),
        ("{{ taken | decrypt_kv }}", "s3cret of st2kv.system.a"),
    ] {
        let compiled = Template::compile(template).unwrap();
        assert_eq!(compiled.render(&scope).as_deref(), Ok(expected), "{template}");
        assert_eq!(compiled.may_decrypt(), template.contains("decrypt_kv"), "{template}");
    }
    for (template, says) in [
        ("{{ st2kv.system.d | decrypt_kv }}", "it is of another key"),
        ("{{ st2kv.system.open | decrypt_kv }}", "st2kv.system.open is not encrypted; leave out decrypt_kv"),
        ("{{ 'sealed:x' | decrypt_kv }}", "it is not the encrypted value of a key"),
        ("{{ st2kv.system.gone | decrypt_kv }}", "an empty text: the key does not exist"),
        // Nothing of a template without the word counts as secret, so it decrypts nothing.
        ("{{ [taken] | map('decrypt' ~ '_kv') | first }}", "its name cannot be computed"),
    ] {
        let error = render(template, &scope).unwrap_err().to_string();
        assert!(error.contains(says), "{template}: {error}");
    }
}

#[test]
fn names_and_keys_are_known_before() {
    let template =
        Template::compile("{% for i in range(n) %}{{ i }}{{ t.a }}{{ st2kv.system.x.upper() }}{% endfor %}")
            .unwrap();
    assert_eq!(template.names().collect::<Vec<_>>(), ["n", "st2kv", "t"]);
    let keys: Vec<_> = template.datastore_keys().iter().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["x"]);
}

#[test]
fn what_a_template_may_read_is_never_less_than_it_reads() {
    for source in [
        "{{ pin[0] }}",
        "{% set pin = pin %}{{ pin }}",
        "{% with pin = pin %}{{ pin }}{% endwith %}",
        "{%- set a = 1 -%}{% if a %}{% set pin = pin %}{{ pin }}{% endif %}",
    ] {
        let template = Template::compile(source).unwrap();
        assert!(template.may_read().any(|name| name == "pin"), "{source}");
    }
    let plain = Template::compile("the pin is {{ a.pin }}").unwrap();
    assert_eq!(plain.may_read().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_missing_key_is_named_as_it_was_written() {
    let datastore = Datastore::shared([("a".to_owned(), "1".to_owned())].into());
    let scope = Scope::new().with_datastore(Arc::new(datastore));
    for (template, says) in [
        (
            "{{ st2kv.system.gone.far | from_json_string }}",
            "; the datastore has no key st2kv.system.gone.far",
        ),
        ("{{ st2kv.user.mine | from_json_string }}", "; the datastore has no key st2kv.user.mine"),
        ("{{ st2kv.system.a }}{{ nothing.more }}", "not defined"),
    ] {
        let error = Template::compile(template).unwrap().render(&scope).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(error.contains("the datastore"), says.contains("the datastore"), "{error}");
    }
    assert_eq!(Template::compile("{{ st2kv.system.gone }}").unwrap().render(&scope).as_deref(), Ok(""));
}

#[test]
fn keys_in_brackets_are_found_where_their_names_are_fixed() {
    for (text, expected) in [
        ("{{ st2kv.system['my-key'] }}", &["my-key"][..]),
        ("{{ st2kv.system[ \"a b\" ] | int }} {{ st2kv.user['c'] }}", &["a b", "c"]),
        ("{{ st2kv.system['a' ~ n] }} {{ st2kv.system[name] }} {{ st2kv.system['a\\'b'] }}", &[]),
        ("st2kv.system['plain']", &[]),
        ("{{ st2kv.system.dotted }} and st2kv.system['too']", &["dotted", "too"]),
    ] {
        let template = Template::compile(text).unwrap();
        let keys: Vec<_> = template.datastore_keys().iter().map(|key| key.name.as_str()).collect();
        assert_eq!(keys, expected, "{text}");
    }
}

//! Verdicts, and their wording.

use petrel_model::Rule;
use serde_json::json;

use super::*;

fn rule(criteria: &Value) -> CompiledRule {
    let rule: Rule = serde_json::from_value(json!({
        "id": "000000000000000000000001", "ref": "p.r", "enabled": true,
        "trigger": {"type": "core.st2.webhook"}, "criteria": criteria, "action": {"ref": "core.noop"},
    }))
    .unwrap();
    CompiledRule::new(Arc::new(rule))
}

#[test]
fn a_verdict_says_why() {
    let payload = json!({"body": {"name": "other", "n": 5, "list": [{"id": 1}, {"id": 2}]}});
    for (criteria, matched, expected) in [
        (json!({}), true, "there are no criteria, so it matches always"),
        (json!({"trigger.body.n": {"type": "gt", "pattern": 1}}), true, "every criterion holds"),
        (
            json!({"trigger.body.n": {"type": "gt", "pattern": 1}, "trigger.body.name": {"type": "equals", "pattern": "test"}}),
            false,
            "trigger.body.name equals \"test\" does not hold: the value is \"other\"",
        ),
        (
            json!({"trigger.x": {"type": "exists", "pattern": ""}}),
            false,
            "trigger.x exists does not hold: there is no value",
        ),
        (
            json!({"trigger.body.n": {"pattern": 5}}),
            false,
            "trigger.body.n does not hold: a criterion needs a type, such as equals",
        ),
        (
            json!({"trigger.body.n": {"type": "regex", "pattern": "5"}}),
            false,
            "trigger.body.n regex \"5\" cannot be checked: regex needs a text, and the value is of type integer; use another operator or path",
        ),
        (
            json!({"trigger.body.n": {"type": "gt", "pattern": "{{ trigger.body.gone }}"}}),
            false,
            "trigger.body.n gt \"{{ trigger.body.gone }}\" cannot be checked: template `{{ trigger.body.gone }}` cannot be rendered: `trigger.body.gone` is not defined; check the name, or add `| default(VALUE)`",
        ),
        (
            json!({"trigger.body.n": {"type": "equals", "pattern": "{{ trigger.body.n }}"}}),
            true,
            "every criterion holds",
        ),
        (
            json!({"trigger.body.n#1": {"type": "lt", "pattern": "{{ (trigger.body.n + 1) }}"}}),
            true,
            "every criterion holds",
        ),
        (
            json!({"trigger.body.list": {"type": "search", "condition": "any", "pattern": {"item.id": {"type": "equals", "pattern": "{{ item.id }}"}}}}),
            true,
            "every criterion holds",
        ),
        (json!({"system.missing": {"type": "equals", "pattern": ""}}), true, "every criterion holds"),
    ] {
        let rule = rule(&criteria);
        let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::default());
        let verdict = evaluate(&rule, &occurrence);
        assert_eq!((verdict.matched, verdict.to_string().as_str()), (matched, expected), "{criteria}");
    }
}

#[test]
fn nothing_holds_of_an_empty_payload() {
    let rule = rule(&json!({"trigger.x": {"type": "nexists", "pattern": ""}}));
    let empty = Occurrence::new(Arc::new(json!({})), Timestamp::default(), Arc::default());
    assert_eq!(evaluate(&rule, &empty).to_string(), "the payload is empty, so no criterion holds");
}

#[test]
fn a_search_notes_what_it_cannot_check() {
    let criteria = json!({"trigger.l": {"type": "search", "condition": "any", "pattern": {"item.id": {"type": "gt", "pattern": "x"}}}});
    let rule = rule(&criteria);
    let occurrence =
        Occurrence::new(Arc::new(json!({"l": [{"id": 1}]})), Timestamp::default(), Arc::default());
    let verdict = evaluate(&rule, &occurrence);
    assert!(!verdict.matched && matches!(verdict.failure(), Some(Error::Unordered(_))));
}

#[test]
fn criteria_of_large_values_are_left_to_a_thread_of_their_own() {
    use petrel_expressions::work::{Allowance, within};

    let texts: Vec<_> = (0..50_000).map(|number| format!("text {number}")).collect();
    let objects: Vec<_> = (0..50_000).map(|number| json!({"n": number})).collect();
    let payload = json!({"big": "x".repeat(2_000_000), "texts": texts, "objects": objects, "small": ["a"]});
    let occurrence = Occurrence::new(Arc::new(payload), Timestamp::from_micros(0), Arc::default());
    let child = |operator: &str| json!({"item.n": {"type": operator, "pattern": 7}});
    for (criterion, is_quick) in [
        (json!({"trigger.small": {"type": "contains", "pattern": "a"}}), true),
        (json!({"trigger.small": {"type": "equals", "pattern": ["a"]}}), true),
        (
            json!({"trigger.objects": {"type": "search", "condition": "any", "pattern": child("equals")}}),
            false,
        ),
        (
            json!({"trigger.objects": {"type": "search", "condition": "any", "pattern": child("contains")}}),
            false,
        ),
        (
            json!({"trigger.big": {"type": "search", "condition": "any", "pattern": {"item": {"type": "equals", "pattern": "y"}}}}),
            false,
        ),
        (
            json!({"trigger.texts": {"type": "search", "condition": "any", "pattern": {"item": {"type": "matchregex", "pattern": "(t+)+y"}}}}),
            false,
        ),
        (json!({"trigger.objects[*].nothing": {"type": "exists"}}), false),
        (json!({"trigger..nothing": {"type": "exists"}}), false),
        (json!({"trigger.big": {"type": "regex", "pattern": "(x+)+y"}}), false),
        (json!({"trigger.big": {"type": "matchwildcard", "pattern": "*x*x*x*y"}}), false),
        (json!({"trigger.big": {"type": "icontains", "pattern": "Y"}}), false),
        (json!({"trigger.big": {"type": "timediff_lt", "pattern": 5}}), false),
        (json!({"trigger.objects": {"type": "contains", "pattern": {"n": "x"}}}), false),
    ] {
        let rule = rule(&criterion);
        let quick = Allowance { units: 1_500_000, is_roomy: false, interrupt: None };
        let ran = within(&quick, || evaluate(&rule, &occurrence).matched);
        assert_eq!(ran.limit.is_none(), is_quick, "{criterion}");
    }
}

#[test]
fn a_verdict_quotes_no_secret() {
    let payload = json!({"pin": "hush", "hosts": [{"token": "hush"}], "n": 5});
    let schema = json!({"type": "object", "properties": {
        "pin": {"secret": true},
        "hosts": {"items": {"properties": {"token": {"secret": true}}}},
    }});
    for (criteria, says) in [
        (
            json!({"trigger.pin": {"type": "equals", "pattern": "other"}}),
            "trigger.pin equals \"********\" does not hold: the value is \"********\"",
        ),
        (json!({"trigger.pin": {"type": "gt", "pattern": 5}}), "what it compares is secret"),
        (json!({"trigger.pin": {"type": "nexists", "pattern": ""}}), "the value is \"********\""),
        (json!({"trigger.pin.first": {"type": "gt", "pattern": 5}}), "trigger.pin.first gt"),
        (json!({"trigger.hosts[0].token": {"type": "equals", "pattern": 1}}), "\"********\""),
        (
            json!({"trigger.hosts": {"type": "search", "condition": "any", "pattern": {"item.token": {"type": "gt", "pattern": 5}}}}),
            "an item cannot be checked",
        ),
        (json!({"trigger.n": {"type": "equals", "pattern": "{{ trigger.pin }}"}}), "\"********\""),
        (json!({"trigger.n": {"type": "equals", "pattern": "{{ trigger['pin'] }}"}}), "\"********\""),
        (
            json!({"trigger.n": {"type": "equals", "pattern": "{{ trigger.pin | to_human_time_from_seconds }}"}}),
            "what it compares is secret",
        ),
        (
            json!({"trigger.n": {"type": "equals", "pattern": 6}}),
            "trigger.n equals 6 does not hold: the value is 5",
        ),
    ] {
        let rule = rule(&criteria);
        let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::default());
        let verdict = evaluate(&rule, &occurrence).without_secrets(&rule, Some(&schema));
        let text = verdict.criteria.last().unwrap().failure_text();
        assert!(text.contains(says) && !text.contains("hush"), "{criteria}: {text}");
        assert!(!format!("{:?}", verdict.criteria.last().unwrap().value).contains("hush"), "{criteria}");
    }
}

#[test]
fn criteria_look_into_the_datastore_and_what_is_there_is_data() {
    let system = [("limit", "5"), ("name", "main"), ("a.b", "dotted"), ("code", "{{ trigger.n }}")];
    let system = system.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let datastore = petrel_expressions::Datastore::shared(system);
    let payload =
        json!({"name": "main", "n": 7, "d": "dotted", "code": "{{ trigger.n }}", "l": [{"id": "main"}]});
    let occurrence = Occurrence::new(Arc::new(payload), Timestamp::default(), Arc::default())
        .with_datastore(Arc::new(datastore));
    let equals = |key: &str, pattern: &str| json!({key: {"type": "equals", "pattern": pattern}});
    for (criteria, matched, reads) in [
        (equals("trigger.name", "{{ st2kv.system.name }}"), true, true),
        (equals("trigger.name", "{{ system.name }}"), true, true),
        (equals("trigger.name", "{{ st2kv['system']['name'] }}"), true, true),
        (equals("trigger.d", "{{ st2kv.system.a.b }}"), true, true),
        (equals("trigger.code", "{{ st2kv.system.code }}"), true, true),
        (equals("trigger.n", "{{ st2kv.system.code }}"), false, true),
        (equals("trigger.name", "{{ st2kv.system.gone }}"), false, true),
        (equals("system.name", "main"), true, true),
        (equals("st2kv.system.name", "main"), true, true),
        (equals("system.a.b#twice", "{{ trigger.d }}"), true, true),
        (
            json!({"trigger.l": {"type": "search", "condition": "any", "pattern": equals("item.id", "{{ st2kv.system.name }}")}}),
            true,
            true,
        ),
        (json!({"trigger.n": {"type": "gt", "pattern": "{{ (st2kv.system.limit | int) }}"}}), true, true),
        (equals("trigger.name", "{{ trigger.name }}"), true, false),
        (equals("trigger.system", "x"), false, false),
    ] {
        let rule = rule(&criteria);
        let verdict = evaluate(&rule, &occurrence);
        assert_eq!((verdict.matched, rule.reads_datastore()), (matched, reads), "{criteria}: {verdict}");
    }
    for (criteria, says) in [
        (
            equals("trigger.name", "{{ st2kv.system.gone.far }}"),
            r#"trigger.name equals "" does not hold: the value is "main"; the datastore has no key st2kv.system.gone.far"#,
        ),
        (
            equals("system.gone", "x"),
            r#"system.gone equals "x" does not hold: the value is ""; the datastore has no key st2kv.system.gone"#,
        ),
    ] {
        let rule = rule(&criteria);
        assert_eq!(evaluate(&rule, &occurrence).to_string(), says);
    }
}

#[test]
fn why_shows_every_criterion_and_what_is_there_instead() {
    let criteria = json!({
        "trigger.body.envi": {"type": "equals", "pattern": "prod"},
        "trigger.body.n": {"type": "gt", "pattern": 1},
        "trigger.headers.x-event": {"type": "exists"},
        "trigger.body.gone": {"type": "nexists"},
    });
    let payload = json!({"headers": {"X-Event": "push"}, "body": {"env": "prod", "n": 5}});
    let rule = rule(&criteria);
    let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::default());
    assert_eq!(evaluate(&rule, &occurrence).criteria.len(), 1, "an event is not held up by the others");
    let verdict = evaluate_all(&rule, &occurrence).with_near_names(&rule, &payload);
    let told: Vec<_> = verdict.criteria.iter().map(ToString::to_string).collect();
    let expected = [
        "trigger.body.envi equals \"prod\" does not hold: there is no value; trigger.body has no envi: did you mean env? There is: env, n",
        "trigger.body.n gt 1 holds: the value is 5",
        "trigger.headers.x-event exists does not hold: there is no value; trigger.headers has no x-event: did you mean X-Event? There is: X-Event",
        "trigger.body.gone nexists holds",
    ];
    assert_eq!(told, expected);
    assert_eq!((verdict.matched, verdict.to_string().as_str()), (false, expected[0]));
}

#[test]
fn why_says_what_a_pattern_that_cannot_be_rendered_was_to_read() {
    let payload = json!({"body": {"name": "a", "my-key": "b"}});
    for (pattern, says) in [
        ("{{ trigger.body.my-key }}", "a name with a dash is read by `trigger.body['my-key']`"),
        ("{{ trigger.body.nmae }}", "trigger.body has no nmae: did you mean name? There is: name, my-key"),
        ("{{ st2kv.limit }}", "did you mean `st2kv.system.limit`?"),
    ] {
        let rule = rule(&json!({"trigger.body.name": {"type": "equals", "pattern": pattern}}));
        let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::default());
        let told = evaluate_all(&rule, &occurrence).with_near_names(&rule, &payload).to_string();
        assert!(told.contains("cannot be checked") && told.contains(says), "{told}");
    }
}

#[test]
fn no_name_within_a_secret_is_told() {
    let rule = rule(&json!({"trigger.login.pn": {"type": "equals", "pattern": 1}}));
    let payload = json!({"login": {"pin": 1}});
    let schema = json!({"type": "object", "properties": {"login": {"secret": true}}});
    let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::default());
    let verdict = evaluate_all(&rule, &occurrence)
        .without_secrets(&rule, Some(&schema))
        .with_near_names(&rule, &payload);
    assert!(!verdict.to_string().contains("pin"), "{verdict}");
}

/// A datastore with numbers, as texts.
fn limits() -> Arc<petrel_expressions::Datastore> {
    let system = [("limit", "5"), ("rate", "0.5"), ("quoted", "\"5\""), ("inf", "inf")];
    let system = system.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Arc::new(petrel_expressions::Datastore::shared(system))
}

#[test]
fn a_key_that_is_not_there_and_a_text_for_a_number_are_told() {
    const COMPARE: &str = "{{ st2kv.system.limit | from_json_string }}";
    let datastore = limits();
    let payload = json!({"n": 7, "name": "main", "s": "5"});
    for (key, operator, pattern, matched, says) in [
        (
            "trigger.name",
            "neq",
            json!("{{ st2kv.system.gone }}"),
            true,
            "the datastore has no key st2kv.system.gone",
        ),
        ("system.gone", "exists", json!(null), true, "the datastore has no key st2kv.system.gone"),
        ("trigger.n", "gt", json!("{{ st2kv.system.limit }}"), false, COMPARE),
        ("trigger.n", "equals", json!("{{ st2kv.system.limit }}"), false, COMPARE),
        ("trigger.n", "neq", json!("{{ st2kv.system.limit }}"), true, COMPARE),
        ("trigger.n", "lt", json!("{{ st2kv.system.rate }}"), false, "system.rate | from_json_string }}"),
        (
            "trigger.n",
            "gt",
            json!("{{ st2kv.system.quoted }}"),
            false,
            "sets it without them; then write {{ st2kv.system.",
        ),
        (
            "trigger.n",
            "gt",
            json!("{{ st2kv.system.quoted | from_json_string }}"),
            false,
            "`petrel key set quoted 5`",
        ),
        (
            "trigger.s",
            "equals",
            json!("{{ st2kv.system.limit | int }}"),
            false,
            "the value is text, which no number equals; write {{ st2kv.system.limit }} without `| int`",
        ),
        ("trigger.s", "equals", json!(COMPARE), false, "without `| from_json_string`"),
        (
            "system.limit",
            "gt",
            json!(3),
            false,
            "make {{ st2kv.system.limit | from_json_string }} the pattern",
        ),
    ] {
        let rule = rule(&json!({key: {"type": operator, "pattern": pattern}}));
        let occurrence =
            Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::clone(&datastore));
        let verdict = evaluate(&rule, &occurrence);
        let told = verdict.criteria[0].to_string();
        assert_eq!(verdict.matched, matched, "{told}");
        assert!(told.contains(says), "{told}");
        assert_eq!(verdict.missing().is_some(), told.contains("no key"), "{told}");
    }
}

#[test]
fn where_nothing_is_to_be_corrected_nothing_is_told() {
    let (datastore, payload) = (limits(), json!({"n": 7}));
    let inf = rule(&json!({"trigger.n": {"type": "equals", "pattern": "{{ st2kv.system.inf }}"}}));
    let occurrence = Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::clone(&datastore));
    assert_eq!(evaluate(&inf, &occurrence).criteria[0].hint, None, "`| int` would make 0 of it");
    for pattern in ["{{ st2kv.system.limit | int }}", "{{ (st2kv.system.limit | int) }}"] {
        let rule = rule(&json!({"trigger.n": {"type": "gt", "pattern": pattern}}));
        let occurrence =
            Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::clone(&datastore));
        let verdict = evaluate(&rule, &occurrence);
        assert!(verdict.matched && verdict.criteria[0].hint.is_none(), "{verdict}");
    }
}

#[test]
fn a_number_that_is_made_of_a_text_that_is_none_is_told() {
    let system = [("limit", "5"), ("word", "abc"), ("quoted", "\"5\"")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let datastore = Arc::new(petrel_expressions::Datastore::shared(system.into()));
    let payload = json!({"n": 7});
    let of = |pattern: &str| {
        let rule = rule(&json!({"trigger.n": {"type": "gt", "pattern": pattern}}));
        let occurrence =
            Occurrence::new(Arc::new(payload.clone()), Timestamp::default(), Arc::clone(&datastore));
        let verdict = evaluate_all(&rule, &occurrence).with_near_keys(&rule, &datastore);
        (verdict.matched, verdict.criteria[0].to_string(), verdict.missing())
    };
    let (matched, told, noted) = of("{{ st2kv.system.word | int }}");
    let zero = "`| int` of \"abc\" is 0; {{ st2kv.system.word | from_json_string }} fails instead";
    assert_eq!((matched, noted), (true, Some(format!("trigger.n was compared with 0: {zero}"))), "{told}");
    assert!(told.ends_with(zero), "{told}");
    let (_, told, _) = of("{{ st2kv.system.quoted | int }}");
    assert!(told.ends_with("is 0, for its quotes; `petrel key set quoted 5` sets it without them"), "{told}");
    let (matched, told, noted) = of("{{ st2kv.system.limt | int }}");
    assert!(matched && told.ends_with("fails instead; did you mean st2kv.system.limit?"), "{told}");
    let begin = "trigger.n was compared with 0: the datastore has no key st2kv.system.limt; `| int` of an empty text is 0";
    assert!(noted.as_ref().is_some_and(|noted| noted.starts_with(begin)), "{noted:?}");
    for (pattern, says) in [
        ("{{ st2kv.system.word | from_json_string }}", "cannot be checked"),
        ("{{ st2kv.system.limt | from_json_string }}", "the datastore has no key st2kv.system.limt"),
    ] {
        let (matched, told, _) = of(pattern);
        assert!(!matched && told.contains(says), "{told}");
    }
}

/// Opens every value that begins with `sealed:`.
#[derive(Debug)]
struct Open;

impl petrel_expressions::Opener for Open {
    fn open(&self, _: &petrel_expressions::KeyName, sealed: &str) -> Result<Option<String>, String> {
        Ok(sealed.strip_prefix("sealed:").map(str::to_owned))
    }
}

#[test]
fn what_is_decrypted_is_compared_and_not_shown() {
    let system = [("pin".to_owned(), "sealed:s3cret".to_owned())].into();
    let datastore = petrel_expressions::Datastore {
        opener: Some(Arc::new(Open)),
        ..petrel_expressions::Datastore::shared(system)
    };
    let datastore = Arc::new(datastore);
    for (payload, pattern, matched) in [
        ("s3cret", "{{ st2kv.system.pin | decrypt_kv }}", true),
        ("other", "{{ st2kv.system.pin | decrypt_kv }}", false),
        ("s3cret", "{{ st2kv.system.gone | decrypt_kv }}", false),
    ] {
        let rule = rule(&json!({"trigger.pin": {"type": "equals", "pattern": pattern}}));
        let payload = Arc::new(json!({"pin": payload}));
        let occurrence = Occurrence::new(payload, Timestamp::default(), Arc::clone(&datastore));
        let verdict = evaluate_all(&rule, &occurrence);
        let shown = format!("{} {:?}", verdict.criteria[0], verdict.criteria[0].pattern);
        assert_eq!(verdict.matched, matched, "{pattern}: {shown}");
        assert!(verdict.criteria[0].is_secret && !shown.contains("s3cret"), "{shown}");
    }
}

//! Parameters: cases that the conformance suite does not have, and one of each kind.

use serde_json::json;

use super::*;

fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn both(schema: &Value, given: &Value) -> Result<(Object, Finals), Error> {
    let signature = Signature::new(&Object::new(), &object(schema));
    let scope = scope(json!({"user": "joe"}), json!({}), Arc::default()).with("trigger", json!({"n": 5}));
    let live = live(&Given::compile(&object(given)), &signature, &scope)?;
    let finals = finals(&live, &signature, &scope)?;
    Ok((live, finals))
}

#[test]
fn rendered_and_cast() {
    for (schema, given, expected) in [
        (json!({"i": {"type": "integer"}}), json!({"i": "{{ trigger.n }}"}), json!({"i": 5})),
        (json!({"b": {"type": "boolean"}}), json!({"b": "FALSE"}), json!({"b": false})),
        (json!({"a": {"type": "array"}}), json!({"a": "1,2"}), json!({"a": [1, 2]})),
        (json!({"f": {"type": "number"}}), json!({"f": 5}), json!({"f": 5})),
        (json!({"f": {"type": "number"}}), json!({"f": "{{ trigger.n }}"}), json!({"f": 5})),
        (json!({"f": {"type": "number"}}), json!({"f": " 1.50 "}), json!({"f": 1.5})),
        (json!({"f": {"type": "number"}}), json!({"f": "1e3"}), json!({"f": 1000.0})),
        (
            json!({"f": {"type": "number"}, "g": {"type": "number"}}),
            json!({"f": 9_007_199_254_740_993_i64, "g": "9007199254740993"}),
            json!({"f": 9_007_199_254_740_993_i64, "g": 9_007_199_254_740_993_i64}),
        ),
        (json!({"i": {"type": "integer"}}), json!({"i": 5.9}), json!({"i": 5})),
        (
            json!({"s": {"type": "string", "default": "{{ b }}"}, "b": {"default": 1}}),
            json!({}),
            json!({"s": "1", "b": 1}),
        ),
        (
            json!({"s": {"default": "imm", "immutable": true}}),
            json!({"s": "{{ trigger.n }}"}),
            json!({"s": "imm"}),
        ),
        (json!({"s": {"default": "{{ trigger.n }}"}}), json!({"s": "{{ 'mine' }}"}), json!({"s": "mine"})),
        (
            json!({"o": {}, "x": {}}),
            json!({"o": ["{{x}}", "{{ x }}", {"{{ x[0] }}": "\"{{ x[1] }}"}], "x": [1, "\""]}),
            json!({"o": [[1, "\""], "[1, '\"']", {"1": "\"\""}], "x": [1, "\""]}),
        ),
        (
            json!({"o": {"type": "object"}, "x": {}}),
            json!({"o": {"a": "{{ x | use_none }}"}, "x": null}),
            json!({"o": {"a": null}, "x": null}),
        ),
        (json!({"s": {"type": "string"}}), json!({"s": "{{ none | use_none }}"}), json!({"s": null})),
        (json!({"s": {}}), json!({"s": "{{ bad ( }}"}), json!({"s": "{{ bad ( }}"})),
    ] {
        let (_, finals) = both(&schema, &given).unwrap();
        assert_eq!(Value::Object(finals.action), expected, "{given}");
    }
}

#[test]
fn what_an_expression_gave_becomes_the_text_that_is_declared() {
    let schema = object(&json!({"s": {"type": "string"}, "i": {"type": "integer"}, "t": {"type": "string"}}));
    let signature = Signature::new(&Object::new(), &schema);
    let scope = scope(json!({}), json!({}), Arc::default());
    let input = object(&json!({"s": 5, "i": "7", "t": "{{ 1 + 1 }}"}));
    for (given, text) in [(Given::data(&input), "{{ 1 + 1 }}"), (Given::evaluated_again(&input), "2")] {
        let made = live(&given, &signature, &scope).unwrap();
        assert_eq!(Value::Object(made), json!({"s": "5", "i": 7, "t": text}));
    }
    // The author of the text chose its type.
    assert!(live(&Given::compile(&input), &signature, &scope).is_err());
}

#[test]
fn what_cannot_be_made_is_told() {
    for (schema, given, expected) in [
        (json!({}), json!({"a": "{{ b }}"}), "parameter a refers to b"),
        (json!({}), json!({"a": "{{ b }}", "b": "{{ a }}"}), "in a circle: a, b"),
        (json!({}), json!({"a": "{{ trigger.zz }}"}), "is not defined"),
        (json!({"a": {"type": "integer"}}), json!({"a": "5.5"}), "\"5.5\" is not a value of type integer"),
        (json!({"a": {"type": "string"}}), json!({"a": 5}), "5 must be a string or null"),
        (json!({"a": {"type": "boolean"}}), json!({"a": "yes"}), "is not a value of type boolean"),
    ] {
        let error = both(&schema, &given).unwrap_err().to_string();
        assert!(error.contains(expected), "{given}: {error}");
    }
}

#[test]
fn what_is_secret_is_not_quoted() {
    let schema = json!({
        "token": {"type": "integer", "secret": true}, "key": {"secret": true}, "text": {"type": "string"},
        "login": {"type": "object", "properties": {"password": {"type": "string", "secret": true}}},
    });
    for (given, expected) in [
        (json!({"token": "hush-1"}), "parameter token is not a value of type integer"),
        (json!({"key": "hush-2 {{ trigger.zz }}"}), "parameter key cannot be rendered"),
        (
            json!({"key": "hush-3", "text": "{{ key | to_human_time_from_seconds }}"}),
            "parameter text cannot be rendered",
        ),
        (json!({"key": "{{ 'hush-4' | version_bump_major }}"}), "parameter key cannot be rendered"),
        (json!({"key": "{{ hush }}"}), "parameter key refers to something that does not exist"),
        (json!({"login": {"user": "{{ hush.x }}"}}), "parameter login refers to something"),
        (json!({"key": "k", "text": "{{ key }} {{ hush }}"}), "parameter text refers to something"),
        (json!({"kye": "{{ hush }}"}), "parameter kye refers to something that does not exist"),
        (json!({"kye": "{{ 'hush' | version_bump_major }}"}), "parameter kye cannot be rendered"),
        (json!({"login": "hush-6"}), "parameter login is not a value of type list or object"),
        (json!({"login": {"password": "hush-7 {{ trigger.zz }}"}}), "parameter login cannot be rendered"),
        (
            json!({"key": "hush-5{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"}),
            "took more than",
        ),
    ] {
        let error = both(&schema, &given).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("hush"), "{given}: {error}");
    }
}

#[test]
fn what_is_made_from_a_secret_is_not_quoted_where_it_does_not_fit() {
    for kind in ["integer", "number", "boolean", "array", "object"] {
        let schema = json!({
            "pw": {"type": "string", "secret": true}, "between": {"type": "string"}, "n": {"type": kind},
            "list": {"type": "array"}, "open": {"type": "string"},
        });
        for (given, wrong) in [
            (json!({"pw": "hush-1", "n": "{{ pw }}"}), "n"),
            (json!({"pw": "hush-2", "n": "{{ between }}", "between": "{{ pw }}-x"}), "n"),
            (json!({"pw": "hush-3", "list": "{{ pw }}"}), "list"),
            (json!({"pw": "hush-4", "n": "{{ pw }} {{ st2kv.system.gone }}"}), "n"),
        ] {
            let error = both(&schema, &given).unwrap_err().to_string();
            let starts = format!("parameter {wrong} is not a value of type ");
            assert!(error.starts_with(&starts) && !error.contains("hush"), "{kind} {given}: {error}");
        }
        // What is made from another one is told.
        let open = json!({"pw": "hush", "open": "told-1", "n": "{{ open }}"});
        let error = both(&schema, &open).unwrap_err().to_string();
        assert!(error.contains("told-1"), "{kind}: {error}");
    }
}

#[test]
fn a_default_that_is_made_from_a_secret_is_not_quoted_either() {
    for default in [json!("{{ pw }}"), json!("{{ between }}"), json!(["{{ pw }}"])] {
        let schema = json!({
            "pw": {"type": "string", "secret": true}, "between": {"type": "string", "default": "{{ pw }}"},
            "n": {"type": "integer", "default": default},
        });
        let error = both(&schema, &json!({"pw": "hush"})).unwrap_err().to_string();
        assert!(error.starts_with("parameter n is not a value of type integer"), "{default}: {error}");
        assert!(!error.contains("hush"), "{default}: {error}");
    }
}

#[test]
fn what_was_rendered_before_is_data() {
    let signature =
        Signature::new(&Object::new(), &object(&json!({"a": {}, "b": {}, "c": {"default": "{{ a }}!"}})));
    let scope = scope(json!({}), json!({}), Arc::default());
    let data = object(&json!({"a": "{{ 1 + 1 }}", "b": {"{{ 2 }}": ["{% if true %}"]}}));
    let live = live(&Given::data(&data), &signature, &scope).unwrap();
    assert_eq!(
        Value::Object(live),
        json!({"a": "{{ 1 + 1 }}", "b": {"{{ 2 }}": ["{% if true %}"]}, "c": "{{ 1 + 1 }}!"})
    );
    let over = Given::compile(&object(&json!({"a": "{{ 1 + 1 }}"}))).over(&data);
    let live = super::live(&over, &signature, &scope).unwrap();
    assert_eq!((&live["a"], &live["c"]), (&json!("2"), &json!("2!")));
}

#[test]
fn what_an_expression_gave_becomes_text_where_text_is_declared() {
    let types = json!({"s": {"type": "string"}, "i": {"type": "integer"}, "any": {}});
    let signature = Signature::new(&Object::new(), &object(&types));
    let scope = scope(json!({}), json!({}), Arc::default());
    let cast = |data: Value| live(&Given::data(&object(&data)), &signature, &scope).map(Value::Object);
    for (data, expected) in [
        (json!({"s": 5}), json!({"s": "5"})),
        (json!({"s": 1.0}), json!({"s": "1.0"})),
        (json!({"s": true}), json!({"s": "True"})),
        (json!({"s": null}), json!({"s": null})),
        (json!({"s": "x"}), json!({"s": "x"})),
        (json!({"i": 5, "any": 5}), json!({"i": 5, "any": 5})),
    ] {
        assert_eq!(cast(data.clone()), Ok(expected), "{data}");
    }
    for data in [json!({"s": [1]}), json!({"s": {"a": 1}})] {
        let error = cast(data.clone()).unwrap_err().to_string();
        assert!(error.contains("parameter s: ") && error.contains("must be a string"), "{data}: {error}");
    }
}

/// Finds nothing encrypted.
#[derive(Debug)]
struct OpensNothing;

impl petrel_expressions::Opener for OpensNothing {
    fn open(&self, _: &petrel_expressions::KeyName, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }
}

#[test]
fn what_is_decrypted_without_being_encrypted_is_told_and_not_quoted() {
    let system = [("limit".to_owned(), "5".to_owned())].into();
    let opener = Some(Arc::new(OpensNothing) as Arc<dyn petrel_expressions::Opener>);
    let datastore = Datastore { opener, ..Datastore::shared(system) };
    let scope = scope(json!({"user": "joe"}), json!({}), Arc::new(datastore));
    for (template, says) in [
        (
            "{{ st2kv.system.limit | decrypt_kv }}",
            "parameter n decrypts a key that is not encrypted; leave out decrypt_kv",
        ),
        (
            "{{ st2kv.system.limt | decrypt_kv }}",
            "parameter n decrypts a key that does not exist, or is empty; `petrel key set NAME --encrypt -` sets it",
        ),
        ("{{ 'hush' | decrypt_kv }}", "parameter n cannot be rendered"),
    ] {
        let signature = Signature::new(&Object::new(), &object(&json!({"n": {}})));
        let given = Given::compile(&object(&json!({"n": template})));
        let error = live(&given, &signature, &scope).unwrap_err().to_string();
        assert!(error.starts_with(says) && !error.contains("hush"), "{template}: {error}");
    }
}

#[test]
fn what_an_error_quotes_is_what_its_parameter_reads() {
    let payload = json!({"properties": {"body": {"properties": {"pin": {"secret": true}}}}});
    for (given, wrong, may_quote) in [
        // Another parameter reads the secret.
        ("{{ trigger.body.name }}", "a", false),
        ("{{ trigger.body.name }}", "b", true),
        ("{{ trigger.body.pin }}", "a", true),
        // It refers to one that does, over a third.
        ("{{ c }}", "a", true),
    ] {
        let declared = json!({"b": {"default": "{{ trigger.body.pin }}"}, "c": {"default": "{{ b }}"}});
        let signature = Signature::new(&Object::new(), &object(&declared));
        let given = Given::compile(&object(&json!({"a": given})));
        let error = Error::Unsatisfied { parameter: wrong.to_owned(), name: "x".to_owned() };
        let error = Error::Missing { error: Box::new(error), missing: "a key".to_owned() };
        let found = may_quote_secret(&error, "trigger", &given, &signature, &payload);
        assert_eq!(found, may_quote, "{wrong} of {given:?}");
    }
}

#[test]
fn who_reads_a_secret_of_the_event_is_known() {
    let payload = json!({"properties": {"body": {"properties": {"pin": {"secret": true}}}}});
    for (given, default, reads) in [
        (json!({"a": "{{ trigger.body.pin }}"}), json!("x"), true),
        (json!({"a": ["{{ trigger.body | to_json_string }}"]}), json!("x"), true),
        (json!({"a": "{{ trigger['body'].name }}"}), json!("x"), true),
        (json!({}), json!("{{ trigger.body.pin }}"), true),
        (json!({"a": "{{ trigger.body.name }}"}), json!("{{ trigger.n }}"), false),
        (json!({"a": "trigger.body.pin"}), json!("x"), false),
    ] {
        let signature = Signature::new(&Object::new(), &object(&json!({"b": {"default": default}})));
        let compiled = Given::compile(&object(&given));
        assert_eq!(read_secret("trigger", &compiled, &signature, &payload), reads, "{given} {default}");
        let renamed = |value: &Value| value.to_string().replace("trigger", "config_context");
        let given = object(&serde_json::from_str(&renamed(&given)).unwrap());
        let default: Value = serde_json::from_str(&renamed(&default)).unwrap();
        let signature = Signature::new(&Object::new(), &object(&json!({"b": {"default": default}})));
        let compiled = Given::compile(&given);
        assert_eq!(read_secret("config_context", &compiled, &signature, &payload), reads, "{given:?}");
        assert!(!read_secret("trigger", &compiled, &signature, &payload), "{given:?}");
    }
}

#[test]
fn which_parameter_is_made_from_a_secret_is_known() {
    let declared = json!({"pin": {"secret": true}, "b": {"default": "{{ pin }}"}, "n": {"type": "integer"}});
    let signature = Signature::new(&Object::new(), &object(&declared));
    let payload = json!({"properties": {"token": {"secret": true}}});
    for (given, parameter, refers, reads) in [
        (json!({"n": "{{ trigger.n }}", "pin": "{{ trigger.token }}"}), "n", false, false),
        (json!({"n": "{{ trigger.n }}", "pin": "{{ trigger.token }}"}), "pin", true, true),
        (json!({"n": "{{ b }}", "pin": "{{ trigger.token }}"}), "n", true, true),
        (json!({"n": "{{ pin }}", "pin": "hush"}), "n", true, false),
    ] {
        let given = Given::compile(&object(&given));
        assert_eq!(refers_to_secret(parameter, &given, &signature), refers, "{parameter} of {given:?}");
        let found = reads_secret(parameter, "trigger", &given, &signature, &payload);
        assert_eq!(found, reads, "{parameter} of {given:?}");
    }
}

#[test]
fn a_missing_key_of_the_datastore_is_named_with_what_came_of_it() {
    let signature = Signature::new(
        &Object::new(),
        &object(
            &json!({"n": {"type": "integer"}, "m": {"type": "integer", "default": "{{ st2kv.system.m }}"}, "s": {}}),
        ),
    );
    let scope = scope(json!({}), json!({}), Arc::default());
    for (given, says) in [
        (json!({"n": "{{ st2kv.system.gone.far }}", "m": 1}), "parameter n: "),
        (json!({"n": 1}), "parameter m: "),
    ] {
        let error = live(&Given::compile(&object(&given)), &signature, &scope).unwrap_err();
        let key = if says.contains(" n") { "st2kv.system.gone.far" } else { "st2kv.system.m" };
        let text = error.to_string();
        assert!(
            text.starts_with(says) && text.ends_with(&format!("; the datastore has no key {key}")),
            "{text}"
        );
        assert!(!error.hidden().to_string().contains("st2kv"), "{text}");
    }
    let fine = object(&json!({"s": "{{ st2kv.system.gone }}", "m": 1}));
    assert_eq!(live(&Given::compile(&fine), &signature, &scope).unwrap()["s"], json!(""));
}

#[test]
fn the_keys_that_templates_read_of_an_object_are_known() {
    let signature = Signature::new(
        &Object::new(),
        &object(&json!({"b": {"default": "{{ config_context['token'] }}{{ trigger.n }}"}})),
    );
    let given = json!({"a": "{{ config_context.auth.pin }} {{ config_context }}", "l": ["{{ config_context.x|upper }}"]});
    let read = keys_read("config_context", &Given::compile(&object(&given)), &signature);
    assert!(read.iter().eq(["auth", "token", "x"]), "{read:?}");
}

#[test]
fn a_chain_of_parameters_has_a_greatest_length() {
    let chain = |length: usize| {
        let links = (1..length).map(|n| (format!("p{n}"), json!(format!("{{{{ p{} }}}}", n + 1))));
        Value::Object(links.chain([(format!("p{length}"), json!(1))]).collect())
    };
    let (live, _) = both(&json!({}), &chain(100)).unwrap();
    assert_eq!(live.get("p1"), Some(&json!("1")));
    // As many as a request has room for; the stack of a thread has not.
    for length in [200, 100_000] {
        let error = both(&json!({}), &chain(length)).unwrap_err();
        assert_eq!(error, Error::Chain { parameter: "p129".into(), limit: 128 });
    }
}

#[test]
fn data_fills_in_what_was_not_given() {
    let many = |from: usize| (from..from + 50_000).map(|n| (format!("p{n}"), json!(n))).collect::<Object>();
    let given = Given::compile(&many(0)).over(&many(25_000));
    let of_data = given.iter().filter(|(_, parameter)| matches!(parameter, Parameter::Data(_)));
    assert_eq!((given.iter().count(), of_data.count()), (75_000, 25_000));
}

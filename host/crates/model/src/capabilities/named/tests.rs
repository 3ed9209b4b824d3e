//! Names are covered by patterns, must be asked for and granted, and have forms of their own.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::capabilities::{Ceiling, Layer, Rights, Target};

#[test]
fn a_star_is_any_text() {
    for (pattern, name, expected) in [
        ("a.b", "a.b", true),
        ("a.b", "a.bc", false),
        ("a.*", "a.", true),
        ("a.*", "a.b.c", true),
        ("a.*", "b.a.c", false),
        ("*", "anything", true),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abde", false),
        ("a**e", "abe", true),
        ("a*b", "ab", true),
        ("ab*b", "ab", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn names_have_the_form_of_their_kind() {
    for (kind, name, expected) in [
        (Named::Kv, "pack", true),
        (Named::Kv, "system", false),
        (Named::Kv, "a b", false),
        (Named::Secrets, "api_token", true),
        (Named::Reveal, "", false),
        (Named::Call, "core.local", true),
        (Named::Call, "core.*", true),
        (Named::Call, "core", false),
        (Named::Call, "core.", false),
        (Named::DatastoreRead, "system.jira.*", true),
        (Named::DatastoreRead, "jira.*", false),
        (Named::DatastoreWrite, "system.", false),
        (Named::DatastoreRead, "system.a'b", false),
    ] {
        assert_eq!(kind.check(name).is_ok(), expected, "{kind:?} {name}");
        assert_eq!(Named::of(kind.as_str()), Some(kind));
    }
}

fn names(call: &[&str]) -> Names {
    Names { call: call.iter().map(ToString::to_string).collect(), ..Names::default() }
}

#[test]
fn a_name_must_be_asked_for_granted_and_within_the_ceiling() {
    for (asked, granted, never, expected) in [
        (Some(&["core.*"][..]), &["core.*"][..], &[][..], Ok("core.*")),
        (Some(&["core.*"]), &["core.local"], &[], Ok("core.*")),
        (Some(&["core.*"]), &[], &[], Err((Layer::Grant, "`petrel pack grant p 'call=core.*'`"))),
        (
            Some(&[]),
            &["core.local"],
            &[],
            Err((Layer::Request, "adds core.local to call of its capabilities")),
        ),
        (None, &["core.local"], &[], Err((Layer::Request, "asks for nothing"))),
        (Some(&["core.*"]), &["core.*"], &[Named::Call], Err((Layer::Ceiling, "capabilities.never"))),
    ] {
        let asks = asked.map(|asked| Arc::new(Request { names: names(asked), ..Request::default() }));
        let ceiling = Arc::new(Ceiling { never: never.to_vec(), ..Ceiling::default() });
        let rights = Rights { pack: "p".into(), asks, names: names(granted), ceiling, ..Rights::default() };
        match (rights.named(Named::Call, "core.local"), expected) {
            (Ok(by), Ok(expected)) => assert_eq!(by, expected),
            (Err(refusal), Err((layer, says))) => {
                assert_eq!(refusal.layer, layer, "{}", refusal.hint);
                assert!(refusal.hint.contains(says), "{}", refusal.hint);
            }
            (found, expected) => panic!("{found:?} and not {expected:?}"),
        }
    }
}

#[test]
fn lists_have_the_shared_keys_that_may_be_read() {
    let names = |patterns: &[&str]| Names {
        datastore_read: patterns.iter().map(ToString::to_string).collect(),
        ..Names::default()
    };
    for (asked, granted, never, expected) in [
        (&["system.jira.*"][..], &["system.jira.*"][..], &[][..], true),
        (&["system.jira.*"], &["system.jira.a"], &[], true),
        (&["system.jira.*"], &["system.jira.b"], &[], false),
        (&["system.other"], &["system.*"], &[], false),
        (&["system.*"], &["system.*"], &[Named::DatastoreRead], false),
    ] {
        let asks = Some(Arc::new(Request { names: names(asked), ..Request::default() }));
        let ceiling = Arc::new(Ceiling { never: never.to_vec(), ..Ceiling::default() });
        let rights = Rights { pack: "p".into(), asks, names: names(granted), ceiling, ..Rights::default() };
        assert_eq!(rights.reads_shared("jira.a"), expected, "{asked:?} {granted:?} {never:?}");
        assert_eq!(rights.named(Named::DatastoreRead, "system.jira.a").is_ok(), expected);
    }
    assert!(!Rights::default().reads_shared("a"));
}

#[test]
fn what_a_component_names_does_not_come_into_a_command() {
    let rights = Rights { pack: "p".into(), ..Rights::default() };
    for (kind, name) in [
        (Named::Kv, "a';reboot;'"),
        (Named::Call, "core.$(reboot)'"),
        (Named::DatastoreRead, "system.a';reboot;'"),
    ] {
        let hint = rights.named(kind, name).unwrap_err().hint;
        assert!(hint.contains("no grant can name this") && !hint.contains("reboot"), "{hint}");
    }
}

#[test]
fn what_is_asked_for_beyond_is_told_of_names_rooms_and_places() {
    let request = |value: serde_json::Value| serde_json::from_value::<Request>(value).unwrap();
    let wish = |secrets: serde_json::Value| json!([{"id": "api", "reason": "r", "schemes": ["https"], "host": "a.example", "ports": [443], "secrets": secrets}]);
    let before = request(json!({
        "kv": ["pack"], "secrets": ["token"], "call": ["core.*"],
        "stores": {"pack": {"writes": false, "keys": 10, "bytes": 100, "value": 10}},
        "http": wish(json!([{"name": "token", "place": "header"}])),
    }));
    for (now, told) in [
        (json!({"call": ["core.local"]}), &[][..]),
        (json!({"kv": ["pack"]}), &["kv pack, with more room or to be changed"]),
        (
            json!({"kv": ["pack", "b"], "stores": {"pack": {"writes": false, "keys": 1, "bytes": 1, "value": 1}}}),
            &["kv b"],
        ),
        (
            json!({"reveal": ["token"], "datastore_read": ["system.a"]}),
            &["datastore_read system.a", "reveal token"],
        ),
        (
            json!({"http": wish(json!([{"name": "token", "place": "body"}]))}),
            &["secret token in the body of https://a.example/"],
        ),
    ] {
        let now = request(now);
        assert_eq!(now.beyond(&before), told);
        assert_ne!(now.hash(), before.hash());
        assert_eq!(serde_json::from_value::<Request>(json!(now)).unwrap(), now, "it is stored and read back");
    }
}

#[test]
fn a_secret_is_sent_where_the_pack_asks_for_it() {
    let wishes = json!([{
        "id": "api", "reason": "r", "schemes": ["https"], "host": "a.example", "ports": [443], "paths": ["/api"],
        "secrets": [{"name": "token", "place": "header"}, {"name": "token", "place": "query"}],
    }]);
    let asks = serde_json::from_value(json!({"http": wishes})).unwrap();
    let rights = Rights { asks: Some(Arc::new(asks)), ..Rights::default() };
    for (host, path, name, places) in [
        ("a.example", "/api/x", "token", &[SecretPlace::Header, SecretPlace::Query][..]),
        ("a.example", "/other", "token", &[]),
        ("b.example", "/api", "token", &[]),
        ("a.example", "/api", "other", &[]),
    ] {
        let host = super::super::host::Host::of(host);
        let target = Target { method: "GET", scheme: "https", host, port: 443, path };
        assert_eq!(rights.places_of(target, name), places, "{path} {name}");
    }
}

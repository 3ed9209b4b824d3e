//! A request needs all: the pack's request, a grant and the ceiling.

use serde_json::json;

use super::*;
use crate::capabilities::Host;
use crate::time::Timestamp;

fn rules(texts: &[&str]) -> Vec<HttpRule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn asking(texts: &[&str]) -> Request {
    let http: Vec<_> = rules(texts)
        .into_iter()
        .enumerate()
        .map(|(number, rule)| {
            let mut wish = json!(rule);
            wish["id"] = format!("id{number}").into();
            wish
        })
        .collect();
    serde_json::from_value(json!({
        "http": http, "files": [{"path": "/in", "access": "ro"}, {"path": "/out", "access": "rw"}], "env": ["TZ", "LANG"],
    }))
    .unwrap()
}

fn grant(http: &[&str]) -> PackGrant {
    let mount = |text: &str| Mount::parse(text).unwrap();
    PackGrant {
        pack: "test".into(),
        granted: Granted {
            http: rules(http),
            files: vec![mount("/srv/in:/in:rw"), mount("/srv/out:/out:rw"), mount("/srv/x:/x")],
            env: vec!["TZ".into(), "HOME".into()],
            ..Granted::default()
        },
        hash: String::new(),
        granted_by: "ada".into(),
        granted_at: Timestamp::from_micros(0),
    }
}

fn get<'a>(host: &'a str, path: &'a str) -> Target<'a> {
    Target { method: "GET", scheme: "https", host: Host::of(host), port: 443, path }
}

fn given(settings: &[&str], ceiling: Option<&[&str]>) -> Given {
    let granted = Granted { http: rules(settings), ..Granted::default() };
    let ceiling = Ceiling { http: ceiling.map(rules), ..Ceiling::default() };
    Given { grants: [("test".to_owned(), granted)].into(), ceiling: Arc::new(ceiling) }
}

#[test]
fn all_must_allow_a_request() {
    const A: &str = "https://a.example";
    const ANY: &str = "private+https://*";
    for (asks, granted, settings, ceiling, host, expected) in [
        (Some(&[A][..]), &[A][..], &[][..], None::<&[&str]>, "a.example", Ok(false)),
        (Some(&[A]), &[], &[], None, "a.example", Err(Layer::Grant)),
        (Some(&[A]), &[], &[A], None, "a.example", Ok(false)),
        (Some(&[]), &[A], &[A], None, "a.example", Err(Layer::Request)),
        (Some(&[A]), &[ANY], &[], None, "b.example", Err(Layer::Request)),
        (Some(&[ANY]), &[A], &[], None, "b.example", Err(Layer::Grant)),
        (Some(&[ANY]), &[ANY], &[], Some(&[A][..]), "b.example", Err(Layer::Ceiling)),
        (Some(&[ANY]), &[ANY], &[], Some(&[ANY]), "b.example", Ok(true)),
        (Some(&[ANY]), &[ANY], &[], Some(&["https://*"]), "b.example", Ok(false)),
        (Some(&[ANY]), &[ANY], &[], Some(&[]), "b.example", Err(Layer::Ceiling)),
        // A pack that does not say what it needs has what the settings grant, and no more.
        (None, &[A], &[], None, "a.example", Err(Layer::Grant)),
        (None, &[], &[A], None, "a.example", Ok(false)),
        (None, &[], &[A], Some(&["https://b.example"]), "a.example", Err(Layer::Ceiling)),
        // Private networks need the word of everybody.
        (Some(&[ANY]), &[ANY], &[], None, "10.0.0.1", Ok(true)),
        (Some(&["https://*"]), &[ANY], &[], None, "10.0.0.1", Err(Layer::Request)),
        (Some(&[ANY]), &["https://*"], &[], None, "10.0.0.1", Err(Layer::Grant)),
        (Some(&[ANY]), &["https://10.0.0.1"], &[], None, "10.0.0.1", Ok(true)),
        (Some(&[ANY]), &[ANY], &[], Some(&["https://*"]), "10.0.0.1", Err(Layer::Ceiling)),
        (Some(&["https://*"]), &["https://*"], &[], None, "9.9.9.9", Ok(false)),
    ] {
        let asks = asks.map(asking);
        let rights = Rights::of("test", asks.as_ref(), Some(&grant(granted)), &given(settings, ceiling));
        let decided = rights.http(get(host, "/"));
        let told = decided.as_ref().map(|reach| reach.private).map_err(|refusal| refusal.layer);
        assert_eq!(told, expected, "{rights:?} {host}");
    }
}

#[test]
fn a_refusal_says_what_is_allowed_and_what_would_allow_more() {
    let (any, one) = (asking(&["https://*.example"]), asking(&["https://a.example/api"]));
    for (asks, granted, ceiling, target, says) in [
        (
            Some(&any),
            &["https://a.example/api"][..],
            None,
            get("a.example", "/admin"),
            &[
                "granted is https://a.example/api;",
                "`petrel pack grant test 'http=GET https://a.example/admin'`",
            ][..],
        ),
        (Some(&any), &[], None, get("a.example", "/"), &["granted is nothing;"]),
        // One of many requests to a host that is named.
        (
            Some(&one),
            &[],
            None,
            get("a.example", "/api/5"),
            &[
                "'http=GET https://a.example/api/5'`, or all that it asks for there with `petrel pack grant test http=",
            ],
        ),
        (
            Some(&any),
            &[],
            None,
            get("a.other", "/x"),
            &[
                "asks for https://*.example/",
                "host: \"a.other\", schemes: [https], ports: [443], methods: [GET], paths: [/x]",
                "--grant`",
            ],
        ),
        (
            Some(&any),
            &["https://*"],
            Some(&["https://b.example"][..]),
            get("a.example", "/"),
            &["at most", "capabilities.max_http"],
        ),
        (
            None,
            &[],
            None,
            get("a.example", "/"),
            &["--grant-url test=https://HOST/PATH", "runners.grant_urls"],
        ),
    ] {
        let rights = Rights::of("test", asks, Some(&grant(granted)), &given(&[], ceiling));
        let hint = rights.http(target).unwrap_err().hint;
        assert!(says.iter().all(|part| hint.contains(part)), "{hint} does not say {says:?}");
    }
    let rights = Rights::of("test", Some(&any), Some(&grant(&["https://*"])), &given(&[], None));
    let refusal = rights.private_refused(get("a.example", "/"));
    assert_eq!(refusal.layer, Layer::Request);
    assert!(refusal.hint.contains("private: true"), "{refusal:?}");
}

#[test]
fn what_a_component_names_does_not_come_into_a_command() {
    let asks = asking(&["https://*"]);
    let none = asking(&[]);
    for target in [
        get("a';reboot;'.example", "/"),
        get("$(reboot).example", "/"),
        Target { method: "X'`reboot`'", ..get("a.example", "/") },
        Target { method: "get", ..get("a.example", "/") },
    ] {
        for (asks, ceiling) in
            [(Some(&asks), None), (Some(&none), None), (None, None), (Some(&asks), Some(&[][..]))]
        {
            let granted: &[&str] = if ceiling.is_some() { &["https://*"] } else { &[] };
            let rights = Rights::of("test", asks, Some(&grant(granted)), &given(&[], ceiling));
            let hint = rights.http(target).unwrap_err().hint;
            assert!(hint.starts_with("no grant can name this"), "{hint}");
        }
    }
    let plain = Rights::of("test", Some(&asks), Some(&grant(&[])), &given(&[], None));
    let hint = plain.http(get("a.example", "/$(reboot)")).unwrap_err().hint;
    assert!(hint.contains("'http=GET https://a.example/$(reboot)'`"), "{hint}");
}

#[test]
fn directories_and_variables_are_those_that_all_allow() {
    let rights = |asks: Option<&Request>, ceiling: Ceiling| {
        let given = Given { ceiling: Arc::new(ceiling), ..Given::default() };
        let rights = Rights::of("test", asks, Some(&grant(&[])), &given);
        let mounts: Vec<_> = rights.mounts.iter().map(ToString::to_string).collect();
        (mounts.join(" "), rights.env.join(" "))
    };
    let (asks, none) = (asking(&[]), Ceiling::default());
    assert_eq!(rights(Some(&asks), none.clone()), ("/srv/in:/in /srv/out:/out:rw".into(), "TZ".into()));
    assert_eq!(rights(None, none.clone()), (String::new(), String::new()));
    let some = vec![("/srv/out".into(), Access::ReadOnly), ("/other".into(), Access::ReadWrite)];
    let ceiling = Ceiling { directories: Some(some), env: Some(Vec::new()), ..none };
    assert_eq!(rights(Some(&asks), ceiling.clone()), ("/srv/out:/out".into(), String::new()));
    for (directory, expected) in [
        ("/srv/out/x", Some(Access::ReadOnly)),
        ("/srv/outer", None),
        ("/other/../srv", None),
        ("other", None),
    ] {
        assert_eq!(ceiling.access_to(Path::new(directory)), expected, "{directory}");
    }
}

#[test]
fn a_pack_without_a_directory_is_told_how_to_get_one() {
    let asks = asking(&[]);
    let granted = Rights::of("test", Some(&asks), Some(&grant(&[])), &Given::default());
    assert!(granted.files_hint().contains("/srv/in:/in"), "{}", granted.files_hint());
    for (asks, says) in [
        (Some(&asks), "`petrel pack grant test files=HOST-DIR:/in`"),
        (Some(&Request::default()), "its author asks"),
        (None, "runners.grant_directories"),
    ] {
        let hint = Rights::of("test", asks, None, &Given::default()).files_hint();
        assert!(hint.contains(says), "{hint}");
    }
}

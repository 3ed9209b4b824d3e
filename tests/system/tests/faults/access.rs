//! Faults of access: who comes in, as whom, and what strangers learn.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "these are the parts of a test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use petrel_hostile::routes;
use petrel_system_tests::{PATIENCE, assert_says};
use serde_json::{Value, json};

use super::{Scene, echo_rule};

pub(super) fn nobody_runs_as_somebody_else(scene: &Scene<'_>) {
    let run = |head: &str, user: &str| {
        scene.send(head, "POST", "/executions", &json!({"action": "core.noop", "user": user}))
    };
    run(&scene.ada, "ada").with_status(201);
    for user in ["admin", "bob", "ADA"] {
        let [_, message, hint] = run(&scene.ada, user).with_status(403).error();
        assert_says(&message, &[user]);
        assert!(!hint.is_empty());
    }
    // Nor by a rerun, a key, a token or a password of somebody else.
    let own = scene.host.request(&json!({"action": "core.noop"}));
    scene.host.until(&own, "succeeded");
    let rerun = format!("/executions/{own}/re_run");
    scene.send(&scene.ada, "POST", &rerun, &json!({"user": "admin"})).with_status(403);
    scene.send(&scene.ada, "POST", "/apikeys", &json!({"user": "admin"})).with_status(403);
    let basic = "Authorization: Basic YWRhOmNvcnJlY3QgaG9yc2U=\r\n";
    let body = json!({"user": "admin"}).to_string();
    scene.host.send_plain("POST", "/auth/v1/tokens", basic, body.as_bytes()).with_status(403);
    // The admin may, and who really asked is kept and shown.
    let made =
        scene.host.post("/executions", &json!({"action": "core.noop", "user": "ada"})).with_status(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let again = scene.host.post(&rerun, &json!({"user": "ada"})).with_status(201).json();
    for id in [id.as_str(), again["id"].as_str().unwrap()] {
        let context = &scene.host.execution(id)["context"];
        assert_eq!((&context["user"], &context["api_user"]), (&json!("ada"), &json!("admin")));
    }
}

/// What a caller might say about where an execution comes from.
fn contexts() -> [Value; 14] {
    let id = "000000000000000000000000";
    [
        json!({"user": "x"}),
        json!({"user": {"x": 1}}),
        json!({"pack": "x"}),
        json!({"pack": []}),
        json!({"rule": {"id": id, "name": "core.x"}}),
        json!({"rule": {}}),
        json!({"rule": 5}),
        json!({"trigger_instance": {"id": id, "name": "x"}}),
        json!({"trigger_instance": "x"}),
        json!({"re-run": {"ref": id, "tasks": ["x"]}}),
        json!({"re-run": true}),
        json!({"api_user": "x"}),
        json!({"parent": {"execution_id": id}}),
        json!({"other": {"user": "x"}}),
    ]
}

pub(super) fn a_context_forges_nothing(scene: &Scene<'_>) {
    for context in contexts() {
        let answer = scene.host.post("/executions", &json!({"action": "core.noop", "context": context}));
        if answer.status == 400 {
            assert!(!answer.error()[2].is_empty(), "{context}");
        } else {
            let id = answer.with_status(201).json()["id"].as_str().unwrap().to_owned();
            let shown = scene.host.until(&id, "succeeded");
            assert_eq!(shown["context"]["user"], "admin", "{context}");
            assert_ne!(shown["context"]["api_user"], "x", "{context}");
            for origin in [&shown["rule"], &shown["trigger_instance"], &shown["parent"]] {
                assert!(origin.is_null(), "{context}: {origin}");
            }
        }
        scene.assert_whole();
    }
}

pub(super) fn a_query_opens_no_other_scope(scene: &Scene<'_>) {
    scene.host.try_send("PUT", "/keys/mine", "", br#"{"value": "v"}"#).unwrap().with_status(200);
    for query in
        ["scope=all", "scope=user", "scope=user&user=admin", "user=admin", "scope=st2kv.user", "decrypt=true"]
    {
        for path in ["/keys", "/keys/mine"] {
            let answer = scene.send(&scene.ada, "GET", &format!("{path}?{query}"), &json!({}));
            if answer.status == 200 {
                let body = answer.json();
                let items = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
                assert!(items.iter().all(|item| item["scope"] == "st2kv.system"), "{query}: {body}");
            } else {
                assert!([400, 403, 404].contains(&answer.status), "{query}: {answer:?}");
            }
        }
    }
    // What one keeps for oneself, others do not come to.
    let own = json!({"value": "v", "scope": "user"});
    scene.send(&scene.ada, "PUT", "/keys/other", &own).with_status(200);
    for path in ["/keys/other", "/keys/other?scope=user"] {
        scene.host.get(path).with_status(404);
    }
    scene.send(&scene.ada, "DELETE", "/keys/other?scope=user", &json!({})).with_status(204);
}

pub(super) fn a_foreign_page_changes_nothing(scene: &Scene<'_>) {
    let cookie = format!("Cookie: auth-token={}\r\n", scene.host.token);
    let token = format!("X-Auth-Token: {}\r\n", scene.host.token);
    let before = scene.host.list("/executions").len();
    for origin in ["null", "http://evil.example", "https://petrel.evil.example", "http://petrel:1", "x"] {
        let origin = format!("Origin: {origin}\r\n");
        for (method, path, body) in [
            ("POST", "/executions", json!({"action": "core.noop"})),
            ("PUT", "/keys/foreign", json!({"value": "v"})),
            ("DELETE", "/keys/mine", json!({})),
        ] {
            scene.send(&format!("{cookie}{origin}"), method, path, &body).with_status(403);
        }
        // A page cannot read what it may not see, and cannot send the header of a token by itself.
        let read = scene.send(&format!("{cookie}{origin}"), "GET", "/keys", &json!({}));
        assert_eq!(read.header("access-control-allow-origin"), "");
        let with_token = format!("{token}{origin}");
        scene.send(&with_token, "PUT", "/keys/own", &json!({"value": "v"})).with_status(200);
    }
    assert_eq!(scene.host.list("/executions").len(), before);
    scene.host.get("/keys/foreign").with_status(404);
    scene.send(&cookie, "PUT", "/keys/own", &json!({"value": "w"})).with_status(200);
}

/// What may stand behind a path.
const ENDS: &[&str] = &[
    "",
    "/",
    "//",
    ";x",
    ".json",
    "%2f",
    "%2F..",
    "%00",
    "/.",
    "/..",
    "/..;/",
    "%20",
    "?x=y",
    "?x-auth-token=",
    ";a=b/c",
];
/// Other ways to write the beginning of one.
const BEGINNINGS: &[&str] = &[
    "/api//v1",
    "//api/v1",
    "/API/v1",
    "/api/./v1",
    "/api/x/../v1",
    "/api%2fv1",
    "/%61pi/v1",
    "/v1/../api/v1",
];

pub(super) fn no_end_of_a_path_skips_the_sign_in(scene: &Scene<'_>) {
    let wrong = "X-Auth-Token: 00000000000000000000000000000000\r\n";
    for route in routes::all().into_iter().filter(|route| !route.is_open) {
        let parts = route.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in route.methods.iter().copied() {
            for head in ["", wrong] {
                for end in ENDS {
                    let answer = scene.host.send_plain(method, &format!("{path}{end}"), head, b"");
                    // What lies outside of the API ends somewhere else.
                    let is_elsewhere = !path.starts_with("/api/v1") && answer.status == 404;
                    assert!(answer.status == 401 || is_elsewhere, "{method} {path}{end}: {answer:?}");
                }
            }
            for beginning in BEGINNINGS {
                let Some(rest) = path.strip_prefix("/api/v1") else { continue };
                let answer = scene.host.send_plain(method, &format!("{beginning}{rest}"), "", b"");
                // 501 is said of what no host of Petrel has.
                assert!(
                    [400, 401, 404, 501].contains(&answer.status),
                    "{method} {beginning}{rest}: {answer:?}"
                );
            }
        }
    }
}

pub(super) fn ids_in_bodies_mean_nothing(scene: &Scene<'_>) {
    let first = scene.host.post("/rules", &echo_rule("first", "one")).with_status(201).json();
    let mut second = echo_rule("second", "two");
    second["id"] = first["id"].clone();
    second["ref"] = json!("examples.first");
    second["uid"] = first["uid"].clone();
    let second = scene.host.post("/rules", &second).with_status(201).json();
    assert_ne!(second["id"], first["id"]);
    // A change of one does not reach the other, whatever it says that it is.
    let mut change = echo_rule("first", "three");
    change["id"] = first["id"].clone();
    scene.send(&format!("X-Auth-Token: {}\r\n", scene.host.token), "PUT", "/rules/examples.second", &change);
    assert_eq!(scene.host.get("/rules/examples.first").json(), first);

    let id = scene.host.request(&json!({"action": "core.noop"}));
    let taken =
        json!({"action": "core.noop", "id": id, "status": "succeeded", "parent": id, "result": {"x": 1}});
    // Refused, or another one.
    let answer = scene.host.post("/executions", &taken);
    assert!(answer.status == 400 || answer.with_status(201).json()["id"] != id.as_str());
    // A key of somebody else is not made one's own, nor given away.
    let key = scene.host.post("/apikeys", &json!({})).with_status(201).json();
    let path = format!("/apikeys/{}", key["id"].as_str().unwrap());
    scene.send(&scene.ada, "PUT", &path, &json!({"user": "ada"})).with_status(403);
    assert_eq!(scene.host.get(&path).json()["user"], "admin");
}

pub(super) fn nobody_is_never_somebody(scene: &Scene<'_>) {
    let who =
        |head: &str, query: &str| scene.host.send_plain("GET", &format!("/api/v1/user{query}"), head, b"");
    for head in [
        "X-Auth-Token:\r\n",
        "X-Auth-Token: \r\n",
        "X-Auth-Token: null\r\n",
        "St2-Api-Key:\r\n",
        "Authorization:\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic Og==\r\n",
        "Cookie: auth-token=\r\n",
        "X-Forwarded-User: admin\r\n",
        "Remote-User: admin\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
    ] {
        who(head, "").with_status(401);
    }
    for query in ["?x-auth-token=", "?st2-api-key=", "?x-auth-token", "?user=admin"] {
        who("", query).with_status(401);
    }
    // Who is deleted takes tokens and keys along, and a new user of the name does not bring them back.
    let user = json!({"name": "eve", "password": "battery staple"});
    scene.host.post("/users", &user).with_status(201);
    let basic = "Authorization: Basic ZXZlOmJhdHRlcnkgc3RhcGxl\r\n";
    let token = scene.host.send_plain("POST", "/auth/v1/tokens", basic, b"{}").with_status(201).json();
    let key = scene.host.post("/apikeys", &json!({"user": "eve"})).with_status(201).json();
    let heads = [
        format!("X-Auth-Token: {}\r\n", token["token"].as_str().unwrap()),
        format!("St2-Api-Key: {}\r\n", key["key"].as_str().unwrap()),
    ];
    heads.iter().for_each(|head| drop(who(head, "").with_status(200)));
    scene.host.delete("/users/eve").with_status(204);
    heads.iter().for_each(|head| drop(who(head, "").with_status(401)));
    scene.host.post("/users", &user).with_status(201);
    heads.iter().for_each(|head| drop(who(head, "").with_status(401)));
    scene.host.delete("/users/eve").with_status(204);
}

pub(super) fn strangers_do_not_learn_which_webhooks_exist(scene: &Scene<'_>) {
    scene.host.post("/rules", &echo_rule("exists", "x")).with_status(201);
    for head in ["", "X-Auth-Token: nonsense\r\n", "St2-Api-Key: nonsense\r\n"] {
        let ask = |path: &str| scene.host.send_plain("POST", path, head, b"{}").with_status(401);
        let there = ask("/api/v1/webhooks/exists");
        for path in ["/api/v1/webhooks/missing", "/api/v1/nothing", "/v1/webhooks/exists"] {
            assert_eq!(ask(path).body, there.body, "{path}");
        }
    }
    assert!(scene.host.list("/executions?rule=examples.exists").is_empty());
}

pub(super) fn a_stranger_s_body_is_not_waited_for(scene: &Scene<'_>) {
    for (path, expect) in [("webhooks/exists", ""), ("executions", "Expect: 100-continue\r\n"), ("rules", "")]
    {
        let mut stream = TcpStream::connect(&scene.host.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: nonsense\r\n{expect}Content-Length: {}\r\n\r\n",
            10 << 20
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Not a byte of the body is sent.
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 401", "{path}");
    }
}

//! What callers say of themselves, of others and of where something comes from is a claim: the host believes what it
//! knows, keeps who really asked, and leaves a trace of what was refused or changed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use petrel_system_tests::{Answer, Host, Place, assert_says};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

/// Makes a user; gives the lines of the head that sign in as that user.
fn user(host: &Host<'_>, name: &str) -> String {
    host.post("/users", &json!({"name": name, "password": PASSWORD})).with_status(201);
    let made = host.post("/apikeys", &json!({"user": name})).with_status(201).json();
    format!("St2-Api-Key: {}\r\n", made["key"].as_str().unwrap())
}

fn post(host: &Host<'_>, head: &str, path: &str, body: &Value) -> Answer {
    host.send_plain("POST", &format!("/api/v1{path}"), head, body.to_string().as_bytes())
}

#[test]
fn a_context_forges_nothing_and_can_be_read_back() {
    let place = Place::default();
    let host = place.start(&[]);
    let forged = json!({
        "user": "x", "pack": 7, "rule": {"id": "y"}, "trigger_instance": [], "api_user": {}, "cancelled_by": "z",
        "re-run": {"ref": "a", "tasks": ["b"]}, "given": 1, "other": {}, "parent": {"execution_id": "c"},
        "orquesta": null, "chain": {"name": "d"}, "source": "chat",
    });
    for (name, value) in forged.as_object().unwrap() {
        let id = host.request(&json!({"action": "core.noop", "context": {name: value}}));
        let context = host.until(&id, "succeeded")["context"].clone();
        assert_eq!((&context["user"], &context["pack"]), (&json!("admin"), &json!("core")), "{name}");
        let is_own = name != "source" && name != "other";
        let place = if is_own { &context["given"][name] } else { &context[name] };
        assert_eq!(place, value, "{name}: {context}");
    }
    let id = host.request(&json!({"action": "core.noop", "context": forged}));
    assert_eq!(host.until(&id, "succeeded")["context"]["given"]["rule"], json!({"id": "y"}));
    let count = host.list("/executions").len();
    assert_eq!(host.list("/executions?user=x").len(), 0);
    host.stop();
    place.petrel(&["store", "check"]).with_code(0);
    let host = place.start(&[]);
    assert_eq!(host.list("/executions").len(), count);
    host.stop();
}

#[test]
fn names_are_checked_before_anything_is_stored() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = |pack: &str, name: &str| json!({"pack": pack, "name": name, "enabled": true, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "core.noop"}});
    let long = "x".repeat(300);
    for pack in ["", ".", "..", "a.b", "a/b", "a b", "a\n", "A", &long] {
        let [_, message, _] = host.post("/rules", &rule(pack, "a")).with_status(400).error();
        assert_says(&message, &["cannot be the name of a pack"]);
    }
    for name in ["", ".", "..", "a/b", "a\nb", " a", "\u{202e}a", &long] {
        let [_, message, _] = host.post("/rules", &rule("examples", name)).with_status(400).error();
        assert_says(&message, &["cannot be the name of a rule"]);
    }
    for url in ["", "/", "a\nb"] {
        let mut rule = rule("examples", "hook");
        rule["trigger"]["parameters"]["url"] = json!(url);
        let [_, message, _] = host.post("/rules", &rule).with_status(400).error();
        assert_says(&message, &["cannot be the name of a webhook"]);
    }
    assert_eq!(host.list("/rules?pack=examples").len(), 0);
    for name in ["a", "a.b", "...", "on push", "ä"] {
        host.post("/rules", &rule("examples", name)).with_status(201);
    }
    // Keys and users hold any text; a slash in it is kept.
    for name in ["a", "a/b", "a b", "a/../b", "ä:1", "a%2Fb"] {
        host.ok(&["key", "set", name, "value"]);
        assert_eq!(host.ok(&["key", "get", name]).stdout.trim(), "value", "{name}");
    }
    assert_eq!(host.list("/keys").len(), 6);
    host.post("/users", &json!({"name": "CORP/ada ä", "password": PASSWORD})).with_status(201);
    for name in ["", "a\nb", "a:b"] {
        host.post("/users", &json!({"name": name, "password": PASSWORD})).with_status(400);
    }
    host.stop();
    place.petrel(&["store", "check"]).with_code(0);
    let host = place.start(&[]);
    assert_eq!((host.list("/rules?pack=examples").len(), host.list("/keys").len()), (5, 6));
    host.stop();
}

/// Nobody else makes users of such names, and whoever may act as others does not become the admin by it.
fn names_that_come_with_rights_are_the_admins(host: &Host<'_>, bob: &str, deploy: &str) {
    for name in ["admin", "stanley", "robot"] {
        let taken = json!({"name": name, "password": PASSWORD});
        let refused = post(host, bob, "/users", &taken).with_status(403);
        assert_says(&refused.body, &["`bob` may not make the user", name]);
    }
    // Not even the admin makes one that looks like them.
    for name in ["Admin", "ADMIN", " admin", "admin\u{200b}", "\u{430}dmin", "Stanley", "stanIey", "r0bot"] {
        let alike = json!({"name": name, "password": PASSWORD});
        let [_, message, _] = host.post("/users", &alike).with_status(400).error();
        assert_says(&message, &["cannot be the name of a user"]);
        post(host, bob, "/users", &alike).with_status(400);
    }
    let password = json!({"password": "another password"}).to_string();
    let refused = host.send_plain("PUT", "/api/v1/users/admin/password", deploy, password.as_bytes());
    assert_says(&refused.with_status(403).body, &["`deploy` may not act as `admin`"]);
    post(host, deploy, "/apikeys", &json!({"user": "admin"})).with_status(403);
}

#[test]
fn nobody_acts_as_somebody_else_unless_allowed() {
    let place = Place::default();
    let host = place.start(&["--may-impersonate", "deploy", "--may-impersonate", "robot"]);
    let (bob, deploy) = (user(&host, "bob"), user(&host, "deploy"));
    let run = json!({"action": "core.noop"});
    let own = post(&host, &bob, "/executions", &run).with_status(201).json();
    assert_eq!((&own["context"]["user"], &own["context"]["api_user"]), (&json!("bob"), &Value::Null));
    let id = own["id"].as_str().unwrap().to_owned();
    host.until(&id, "succeeded");

    let as_admin = json!({"action": "core.noop", "user": "admin"});
    let sign_in = json!({"user": "admin"});
    for (path, body) in [
        ("/executions".to_owned(), &as_admin),
        (format!("/executions/{id}/re_run"), &sign_in),
        ("/apikeys".to_owned(), &sign_in),
    ] {
        let [code, message, hint] = post(&host, &bob, &path, body).with_status(403).error();
        assert_eq!(code, "forbidden");
        assert_says(&format!("{message}; {hint}"), &["`bob` may not act as `admin`", "auth.may_impersonate"]);
    }
    let password = json!({"password": "another password"}).to_string();
    host.send_plain("PUT", "/api/v1/users/admin/password", &bob, password.as_bytes()).with_status(403);
    host.send_plain("DELETE", "/api/v1/users/admin", &bob, b"").with_status(403);
    for key in host.list("/apikeys") {
        let path = format!("/api/v1/apikeys/{}", key["id"].as_str().unwrap());
        let status = if key["user"] == "bob" { 200 } else { 403 };
        host.send_plain("PUT", &path, &bob, b"{}").with_status(status);
        host.send_plain("PUT", &path, &bob, sign_in.to_string().as_bytes()).with_status(403);
    }
    assert_eq!(host.list("/executions?user=admin").len(), 0);
    // Whoever has a backup can sign in as anybody.
    host.send_plain("GET", "/api/v1/backup", &bob, b"").with_status(403);
    // The log is everybody's, and its level the admin's.
    let level = json!({"level": "off"}).to_string();
    let refused = host.send_plain("PUT", "/api/v1/log", &bob, level.as_bytes()).with_status(403);
    assert_says(&refused.body, &["`bob` may not change the level of the log"]);
    host.send_plain("GET", "/api/v1/log", &bob, b"").with_status(200);

    // A secret of a rule comes back for the same action only, and of an execution only as it is.
    let rule = |action: &str, value: &str| {
        json!({"pack": "examples", "name": "s", "trigger": {"type": "core.st2.webhook", "parameters": {"url": "s"}}, "action": {"ref": action, "parameters": {"password": value, "url": "http://127.0.0.1:9", "cmd": value}}}).to_string()
    };
    host.try_send("POST", "/rules", "", rule("core.http", "topsecret").as_bytes()).unwrap().with_status(201);
    let changed = rule("core.local", "********");
    let refused =
        host.send_plain("PUT", "/api/v1/rules/examples.s", &bob, changed.as_bytes()).with_status(400);
    assert!(!refused.body.contains("topsecret"), "{}", refused.body);
    let shown =
        rule("core.http", "********").replace("http://127.0.0.1:9", "http://127.0.0.1:9/{{ password }}");
    let refused = host.send_plain("PUT", "/api/v1/rules/examples.s", &bob, shown.as_bytes()).with_status(403);
    assert_says(&refused.body, &["of rule `examples.s`", "beside it is changed"]);
    let call =
        json!({"action": "core.http", "parameters": {"url": "http://127.0.0.1:9", "password": "topsecret"}});
    let theirs = host.request(&call);
    let elsewhere = json!({"parameters": {"url": "http://127.0.0.1:10"}});
    let refused = post(&host, &bob, &format!("/executions/{theirs}/re_run"), &elsewhere).with_status(403);
    assert_says(&refused.body, &["password", "is a secret of `admin`"]);
    post(&host, &bob, &format!("/executions/{theirs}/re_run"), &json!({})).with_status(201);
    // A name that has become free is not for everybody.
    names_that_come_with_rights_are_the_admins(&host, &bob, &deploy);

    // Who may, is kept beside for whom.
    for (head, asked) in [(&deploy, "deploy"), (&format!("X-Auth-Token: {}\r\n", host.token), "admin")] {
        let made = post(&host, head, "/executions", &json!({"action": "core.noop", "user": "ann"}));
        let context = made.with_status(201).json()["context"].clone();
        assert_eq!((&context["user"], &context["api_user"]), (&json!("ann"), &json!(asked)));
    }
    host.stop();
}

#[test]
fn a_key_that_would_be_promised_more_than_is_kept_is_refused() {
    let place = Place::default();
    let host = place.start(&[]);
    let set = |body: Value| {
        let body = body.to_string();
        host.try_send("PUT", "/keys/k", "Content-Type: application/json\r\n", body.as_bytes()).unwrap()
    };
    for (name, value, says) in [
        ("encrypted", json!(true), "the encrypted value of the key `k`"),
        ("ttl", json!(0), "cannot expire then"),
        ("user", json!("ann"), "belong to nobody, and so not to `ann`"),
        ("name", json!("other"), "`other`"),
        ("expire_timestamp", json!("2020-01-01T00:00:00Z"), "cannot expire then"),
        ("scope", json!("all"), "a key is set in one scope"),
    ] {
        let [_, message, _] = set(json!({"value": "v", name: value})).with_status(400).error();
        assert_says(&message, &[says]);
    }
    for query in ["user=ann", "ttl=0", "scope=all", "scope=users"] {
        let body = json!({"value": "v"}).to_string();
        host.try_send("PUT", &format!("/keys/k?{query}"), "", body.as_bytes()).unwrap().with_status(400);
    }
    for path in ["/keys?scope=users", "/keys/k?scope=users", "/keys?user=ann", "/keys/k?user=ann"] {
        host.get(path).with_status(400);
    }
    assert_eq!(host.list("/keys?scope=all").len(), 0);
    // What StackStorm's client sends for a plain key.
    set(json!({"name": "k", "value": "v", "scope": "system", "user": null, "secret": false, "ttl": null}))
        .with_status(200);
    assert_eq!(host.list("/keys?scope=system").len(), 1);
    host.stop();
}

#[test]
fn a_rule_that_two_change_loses_neither_change() {
    let place = Place::default();
    let host = place.start(&[]);
    let rule = |description: &str, enabled: bool| {
        json!({"pack": "examples", "name": "r", "description": description, "enabled": enabled, "trigger": {"type": "core.st2.webhook", "parameters": {"url": "u"}}, "action": {"ref": "core.noop"}}).to_string()
    };
    host.try_send("POST", "/rules", "", rule("0", true).as_bytes()).unwrap().with_status(201);
    for n in 1..=30 {
        // Whichever comes first: the text is the new one. (It also says whether the rule is on.)
        std::thread::scope(|scope| {
            let switch =
                scope.spawn(|| host.try_send("PUT", "/rules/examples.r/enabled", "", b"false").unwrap());
            let text = rule(&n.to_string(), true);
            host.try_send("PUT", "/rules/examples.r", "", text.as_bytes()).unwrap().with_status(200);
            switch.join().unwrap().with_status(200);
        });
        assert_eq!(host.get("/rules/examples.r").json()["description"], json!(n.to_string()));
    }
    host.stop();
}

#[test]
fn who_is_signed_out_everywhere_is_so_with_copies_of_the_admin_token() {
    let place = Place::default();
    let host = place.start(&[]);
    let old = host.token.clone();
    let status = |token: &str| {
        host.send_plain("GET", "/api/v1/user", &format!("X-Auth-Token: {token}\r\n"), b"").status
    };
    let current = || std::fs::read_to_string(place.data().join("admin-token")).unwrap().trim().to_owned();
    host.ok(&["token", "rotate"]);
    assert_eq!((status(&old), status(&current())), (401, 200));
    let rotated = current();
    let body = json!({"password": PASSWORD}).to_string();
    let head = format!("X-Auth-Token: {rotated}\r\n");
    host.send_plain("PUT", "/api/v1/users/admin/password", &head, body.as_bytes()).with_status(200);
    assert_eq!((status(&rotated), status(&current())), (401, 200));
    // Strangers are told how to come in, and not where anything lies.
    let stranger = host.send_plain("GET", "/api/v1/user", "", b"").with_status(401);
    assert!(!stranger.body.contains(place.data().to_str().unwrap()), "{}", stranger.body);
    let head = format!("X-Auth-Token: {}\r\n", current());
    let key = host.send_plain(
        "POST",
        "/api/v1/users",
        &head,
        json!({"name": "bob", "password": PASSWORD}).to_string().as_bytes(),
    );
    key.with_status(201);
    let made =
        host.send_plain("POST", "/api/v1/apikeys", &head, json!({"user": "bob"}).to_string().as_bytes());
    let bob = format!("St2-Api-Key: {}\r\n", made.with_status(201).json()["key"].as_str().unwrap());
    host.send_plain("POST", "/api/v1/admin_token/rotate", &bob, b"{}").with_status(403);
    host.stop();
}

#[test]
fn what_was_refused_and_what_was_changed_leaves_a_trace() {
    let place = Place::default();
    let host = place.start(&["--log-level", "info"]);
    host.ok(&["pack", "install", "builtin:github"]);
    let why = || host.cli(&["trigger", "why", "last"]);
    host.send_plain("POST", "/api/v1/webhooks/github", "", b"{}").with_status(401);
    assert_says(&why().with_code(3).stderr, &["no event was accepted yet", "/api/v1/webhooks/github", "401"]);
    host.post("/webhooks/github", &json!({"ref": "refs/heads/main"})).with_status(202);
    host.post("/webhooks/nowhere", &json!({})).with_status(404);
    host.try_send("POST", "/webhooks/github", "", b"{").unwrap().with_status(400);
    let said = why().with_code(0).stdout;
    assert_says(&said, &["refused since then: 2", "/api/v1/webhooks/github", "127.0.0.1", "400"]);
    host.ok(&["key", "set", "a", "b"]);
    host.ok(&["rule", "disable", "github.on_push"]);
    host.post("/users", &json!({"name": "bob", "password": PASSWORD})).with_status(201);
    host.cli_with(&["login", "bob", "--password-stdin"], PASSWORD).with_code(0);
    host.stop();
    let log = place.read("log");
    let line = |part: &str| log.lines().filter(|line| line.contains(part)).collect::<Vec<_>>().join("\n");
    let refused = line("a request was refused");
    assert_says(&refused, &["/api/v1/webhooks/nowhere", "404", "401", "127.0.0.1"]);
    assert_says(&refused, &["reason=\"not_found\"", "reason=\"unauthorized\""]);
    assert!(!line("petrel_audit").contains("about=\"\""), "{}", line("petrel_audit"));
    assert_says(
        &line("petrel_audit"),
        &[
            "admin",
            "/api/v1/keys/a",
            "/api/v1/rules/github.on_push/enabled",
            "PUT",
            "about=\"github.on_push\"",
            "about=\"github\"",
            "about=\"a\"",
            "about=\"bob\"",
            "user=\"bob\"",
        ],
    );
}

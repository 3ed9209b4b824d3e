//! Signing in: passwords, tokens, API keys; what is kept of them, and what guessing meets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use petrel_system_tests::{Answer, Host, Place, assert_says, eventually};
use serde_json::{Value, json};

/// The lines of the head that sign in with a name and a password.
fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", base64(format!("{name}:{password}").as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            text.push(if n > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

fn sign_in(host: &Host<'_>, name: &str, password: &str, body: &Value) -> Answer {
    let body = body.to_string();
    host.send_plain("POST", "/auth/v1/tokens", &basic(name, password), body.as_bytes())
}

fn token(host: &Host<'_>, name: &str, password: &str) -> String {
    let answer = sign_in(host, name, password, &json!({})).with_status(201).json();
    answer["token"].as_str().unwrap().to_owned()
}

/// Who the host says that a request with this head is.
fn who(host: &Host<'_>, query: &str, head: &str) -> Answer {
    host.send_plain("GET", &format!("/api/v1/user{query}"), head, b"")
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn an_admin_is_there_from_the_first_start_and_the_password_is_shown_once() {
    let place = Place::default();
    let host = place.start(&[]);
    let password = host.password.clone();
    assert!(password.len() >= 20, "{password}");
    let answer = sign_in(&host, "admin", &password, &json!({})).with_status(201);
    assert_eq!(answer.header("x-api-url"), format!("http://{}/api", host.address));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!((answer.json()["user"].as_str(), token.len()), (Some("admin"), 32));
    host.stop();

    let host = place.start(&[]);
    assert!(!host.greeting.contains("password"));
    // What was signed in for before is good after a restart.
    let me = who(&host, "", &format!("X-Auth-Token: {token}\r\n")).with_status(200).json();
    assert_eq!((&me["username"], &me["rbac"]["is_admin"]), (&json!("admin"), &json!(true)));
    host.stop();
    for content in files(place.data()) {
        for secret in [&password, &token] {
            assert!(
                !content.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "a secret is on the disk"
            );
        }
    }
    assert!(!place.read("log").contains(&password) && !place.read("log").contains(&token));
}

#[test]
fn what_a_request_presents_is_taken_wherever_stackstorm_takes_it() {
    let place = Place::default();
    let host = place.start(&[]);
    let token = token(&host, "admin", &host.password);
    let key = host.post("/apikeys", &json!({"metadata": {"used_by": "me"}})).with_status(201).json();
    let key = key["key"].as_str().unwrap();
    for (query, head, method, location) in [
        (String::new(), format!("X-Auth-Token: {token}\r\n"), "authentication token", "header"),
        (format!("?x-auth-token={token}"), String::new(), "authentication token", "query"),
        (String::new(), format!("Cookie: auth-token={token}\r\n"), "authentication token", "cookie"),
        (String::new(), format!("Authorization: Bearer {token}\r\n"), "authentication token", "header"),
        // Alertmanager and Grafana know no other way.
        (String::new(), format!("Authorization: Bearer {key}\r\n"), "API key", "header"),
        (String::new(), format!("St2-Api-Key: {key}\r\n"), "API key", "header"),
        (format!("?st2-api-key={key}"), String::new(), "API key", "query"),
        (String::new(), format!("Authorization: St2-Api-Key {key}\r\n"), "API key", "header"),
    ] {
        let me = who(&host, &query, &head).with_status(200).json();
        assert_eq!(me["username"], "admin");
        assert_eq!(me["authentication"]["method"], method, "{query} {head}");
        assert_eq!(me["authentication"]["location"], location);
    }
    for (head, says) in [
        (String::new(), "One of Token or API key required."),
        ("X-Auth-Token: nonsense\r\n".into(), "the token is not valid"),
        (format!("X-Auth-Token: {key}\r\n"), "the token is not valid"),
        (format!("St2-Api-Key: {token}\r\n"), "the API key is not valid"),
        ("Authorization: Bearer nonsense\r\n".into(), "the token or API key is not valid"),
        (basic("admin", &host.password), "One of Token or API key required."),
    ] {
        let [code, message, hint] = who(&host, "", &head).with_status(401).error();
        assert_eq!(code, "unauthorized");
        assert_says(&message, &[says]);
        assert_says(&hint, &["petrel login", "admin-token"]);
    }
    host.stop();
}

#[test]
fn a_token_ends_when_it_was_said_to_and_when_it_is_taken_back() {
    let place = Place::default();
    let host = place.start(&["--token-seconds", "3600"]);
    let short = sign_in(&host, "admin", &host.password, &json!({"ttl": 1})).with_status(201).json();
    let head = format!("X-Auth-Token: {}\r\n", short["token"].as_str().unwrap());
    let refused =
        eventually("the token expires", || Some(who(&host, "", &head)).filter(|answer| answer.status != 200));
    assert_says(&refused.with_status(401).body, &["the token has expired"]);

    let long = sign_in(&host, "admin", &host.password, &json!({"ttl": 3601})).with_status(400);
    assert_eq!(long.error()[1], "TTL specified 3601 is greater than max allowed 3600.");

    let token = token(&host, "admin", &host.password);
    let head = format!("X-Auth-Token: {token}\r\n");
    let valid = |path: &str, token: &str| {
        let body = json!({"token": token}).to_string();
        host.send_plain("POST", &format!("{path}/tokens/validate"), "", body.as_bytes())
            .with_status(200)
            .json()
    };
    for path in ["/auth/v1", "/auth", "/v1", ""] {
        assert_eq!(valid(path, &token), json!({"valid": true}));
    }
    host.send_plain("DELETE", "/auth/v1/tokens", &head, b"").with_status(204);
    assert_eq!(valid("/auth/v1", &token), json!({"valid": false}));
    who(&host, "", &head).with_status(401);
    let admin = format!("X-Auth-Token: {}\r\n", host.token);
    host.send_plain("DELETE", "/auth/v1/tokens", &admin, b"").with_status(400);
    host.send_plain("POST", "/auth/v1/tokens/validate", "", b"{}").with_status(400);
    host.stop();
}

#[test]
fn guessing_is_slowed_down_and_learns_nothing() {
    let place = Place::default();
    let host = place.start(&[]);
    host.post("/users", &json!({"name": "ada", "password": "correct horse"})).with_status(201);
    let wrong = sign_in(&host, "ada", "wrong password", &json!({})).with_status(401);
    let nobody = sign_in(&host, "nobody", "wrong password", &json!({})).with_status(401);
    assert_eq!(wrong.body, nobody.body);
    let missing = host.send_plain("POST", "/auth/v1/tokens", "", b"{}").with_status(401);
    assert_eq!(missing.error()[1], "Invalid or missing credentials");

    let refused = eventually("it is too often", || {
        Some(sign_in(&host, "ada", "wrong again", &json!({}))).filter(|answer| answer.status != 401)
    });
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&seconds), "{seconds}");
    let [code, message, hint] = refused.with_status(429).error();
    assert_eq!(code, "too_often");
    assert_says(&message, &["too many attempts"]);
    assert_says(&hint, &["admin-token"]);
    // Nor does the right password help now; others are not concerned, and the host's own token never is.
    sign_in(&host, "ada", "correct horse", &json!({})).with_status(429);
    token(&host, "admin", &host.password);
    host.get("/user").with_status(200);
    eventually("the delay ends", || {
        Some(sign_in(&host, "ada", "correct horse", &json!({}))).filter(|answer| answer.status == 201)
    });
    assert!(!place.read("log").contains("correct horse") && !place.read("log").contains("wrong again"));
    host.stop();
}

#[test]
fn api_keys_are_made_switched_and_deleted() {
    let place = Place::default();
    let host = place.start(&[]);
    let made = host.ok(&["apikey", "create", "used_by=tests"]);
    let key = made.stdout.trim().to_owned();
    assert_eq!(key.len(), 64);
    let listed = host.list("/apikeys");
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(listed[0]["metadata"], json!({"used_by": "tests"}));
    assert_eq!((&listed[0]["key_hash"], &listed[0]["user"]), (&json!("********"), &json!("admin")));
    let shown = host.get(&format!("/apikeys/{id}?show_secrets=true")).json();
    assert_eq!(shown["key_hash"].as_str().unwrap().len(), 64);
    // As StackStorm's, a key can be asked for by itself.
    assert_eq!(host.get(&format!("/apikeys/{key}")).with_status(200).json()["id"], id);

    let head = format!("St2-Api-Key: {key}\r\n");
    who(&host, "", &head).with_status(200);
    host.ok(&["apikey", "disable", id]);
    assert_says(&who(&host, "", &head).with_status(401).body, &["the API key is disabled"]);
    host.ok(&["apikey", "enable", id]);
    who(&host, "", &head).with_status(200);
    assert_says(&host.ok(&["apikey", "get", id]).stdout, &[id, "used_by"]);
    host.ok(&["apikey", "delete", id]);
    assert_says(&who(&host, "", &head).with_status(401).body, &["the API key is not valid"]);
    host.cli(&["apikey", "get", id]).with_code(3);
    assert_says(&host.cli(&["apikey", "create", "words"]).with_code(2).stderr, &["NAME=VALUE"]);
    host.stop();
}

#[test]
fn what_is_worth_nothing_is_said_to_come_from_somewhere() {
    let place = Place::default();
    let host = place.start(&[]);
    let stale = place.write("other/admin-token", "stale\n");
    let other = place.path("other");
    for (environment, arguments, says) in [
        (
            &[("PETREL_TOKEN", "stale")][..],
            &["whoami"][..],
            &["variable PETREL_TOKEN", "unset PETREL_TOKEN"][..],
        ),
        (&[("PETREL_API_KEY", "stale")], &["whoami"], &["API key", "variable PETREL_API_KEY"]),
        (&[], &["whoami", "--token", "stale"], &["It came from --token", "correct --token"]),
        (&[("PETREL_TOKEN", "other")], &["rule", "list", "--token", "stale"], &["It came from --token"]),
        (&[("PETREL_TOKEN", "stale")], &["execution", "output", "last"], &["variable PETREL_TOKEN"]),
        (&[("PETREL_DATA_DIR", other.as_str())], &["whoami"], &[stale.as_str(), "set PETREL_DATA_DIR"]),
    ] {
        let refused = host.cli_in(environment, arguments).with_code(4);
        assert_says(&refused.stderr, says);
    }
    // The address alone, as somebody has it who was told nothing else.
    let empty = place.path("empty");
    let refused = host.cli_in(&[("PETREL_DATA_DIR", empty.as_str())], &["rule", "list"]).with_code(4);
    let ways =
        ["petrel login --url", "PETREL_TOKEN", "PETREL_API_KEY", "PETREL_DATA_DIR", "empty/admin-token"];
    assert_says(&refused.stderr, &ways);
    host.stop();
}

#[test]
fn the_command_line_signs_in_and_out() {
    let place = Place::default();
    let host = place.start(&[]);
    let cli = |words: &[&str], input: &str| host.cli_with(words, input);
    assert_says(&cli(&["whoami"], "").with_code(4).stderr, &["petrel login"]);
    let password = format!("{}\n", host.password);
    cli(&["user", "create", "ada", "--password-stdin"], "too short").with_code(4);
    cli(&["login", "--password-stdin"], &password).with_code(0);
    let kept = place.path("config/petrel/logins.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert_says(&cli(&["whoami"], "").with_code(0).stdout, &["admin", "authentication token"]);

    assert_says(
        &cli(&["user", "create", "ada", "--password-stdin"], "short").with_code(2).stderr,
        &["shorter than 8"],
    );
    cli(&["user", "create", "ada", "--password-stdin"], "correct horse\n").with_code(0);
    cli(&["user", "create", "ada", "--password-stdin"], "correct horse\n").with_code(6);
    assert_says(&cli(&["user", "create", "bob"], "").with_code(2).stderr, &["--password-stdin"]);
    cli(&["login", "ada", "--password-stdin"], "wrong horse\n").with_code(4);
    cli(&["login", "ada", "--password-stdin"], "correct horse\n").with_code(0);
    // What is run is run on behalf of who has signed in.
    cli(&["run", "core.noop"], "").with_code(0);
    assert_eq!(host.execution("last")["context"]["user"], "ada");
    host.request(&json!({"action": "core.noop", "user": "bob"}));
    let context = &host.execution("last")["context"];
    assert_eq!((&context["user"], &context["api_user"]), (&json!("bob"), &json!("admin")));

    // A new password signs out everywhere.
    cli(&["user", "password", "ada", "--password-stdin"], "correct donkey\n").with_code(0);
    cli(&["whoami"], "").with_code(4);
    cli(&["login", "ada", "--password-stdin"], "correct donkey\n").with_code(0);
    cli(&["logout"], "").with_code(0);
    cli(&["whoami"], "").with_code(4);
    assert!(!fs::read_to_string(&kept).unwrap().contains(&host.address));
    assert_says(&cli(&["logout"], "").with_code(0).stderr, &["nobody is signed in"]);

    let key = host.ok(&["apikey", "create", "--user", "ada"]).stdout;
    let whoami = |host: &Host<'_>| host.cli_with(&["whoami", "--api-key", key.trim()], "");
    assert_says(&whoami(&host).with_code(0).stdout, &["ada", "API key"]);
    // Who is deleted leaves nothing that is good.
    host.ok(&["user", "delete", "ada"]);
    whoami(&host).with_code(4);
    assert!(host.list("/apikeys").is_empty());
    assert_says(&host.cli(&["user", "delete", "admin"]).with_code(6).stderr, &["the only user"]);
    host.stop();
}

//! Grants are given and taken back in words, and only what a pack asks for is granted.

use serde_json::json;

use super::*;

fn request() -> Request {
    serde_json::from_value(json!({
        "http": [{"id": "api", "reason": "r", "schemes": ["https"], "host": "*.example", "ports": [443], "methods": ["GET", "POST"]}],
        "files": [{"path": "/data", "access": "ro", "reason": "r"}],
        "env": ["TZ"], "secrets": ["token"], "reveal": ["token"], "kv": ["pack"], "call": ["core.*"],
    }))
    .unwrap()
}

/// What is granted after these words, or the refusal of the last.
fn after(words: &[&str]) -> Result<Vec<String>, String> {
    let mut granted = Granted::default();
    for word in words {
        let said = |error: InvalidCapability| error.to_string();
        match word.strip_prefix('-') {
            Some(word) => drop(granted.take(&Wanted::parse(word).map_err(said)?, &request()).map_err(said)?),
            None => {
                for one in request().named(&Wanted::parse(word).map_err(said)?).map_err(said)? {
                    granted.add(one).map_err(said)?;
                }
            }
        }
    }
    Ok(granted.all().map(|one| one.to_string()).collect())
}

#[test]
fn what_is_asked_for_is_granted_and_taken_back() {
    const ALL: &str = "http=GET+POST https://*.example/";
    for (words, granted) in [
        (&["http"][..], &[ALL][..]),
        (&["http=api", "env", "files=/srv:/data"], &[ALL, "files=/srv:/data", "env=TZ"]),
        (&["http=GET https://a.example/x"], &["http=GET https://a.example/x"]),
        (&["http=GET https://a.example/x", "http"], &[ALL]),
        (&["http", "http=GET https://a.example/x"], &[ALL]),
        (&["files=/srv:/data", "files=/var:/data:rw"], &["files=/var:/data:rw"]),
        (&["http", "-http=api"], &[]),
        (&["http", "-http"], &[]),
        (&["-http"], &[]),
        (&["env=TZ", "-env=TZ", "files=/srv:/data", "-files=/data"], &[]),
        (&["call", "kv=pack", "reveal"], &["call=core.*", "kv=pack", "reveal=token"]),
        (&["secrets=token", "secrets=token", "-secrets", "kv", "-kv=pack"], &[]),
        (&["call=core.local"], &["call=core.local"]),
        (&["call=core.*", "call=core.local"], &["call=core.*"]),
        (&["call=core.local", "-call=core.*"], &[]),
        (&["call=core.l*", "call", "-call=core.l*"], &["call=core.*"]),
    ] {
        assert_eq!(after(words).unwrap(), granted, "{words:?}");
    }
}

#[test]
fn what_is_not_asked_for_is_refused_with_what_is() {
    for (words, says) in [
        (&["htp=https://a.example"][..], "did you mean http?"),
        (&["https://a.example/x"], "did you mean 'http=https://a.example/x'?"),
        (&["url=https://a.example"], "did you mean 'http=https://a.example/'?"),
        (&["all"], "write --all"),
        (&["network"], "is no capability"),
        (&["secrets=tokin"], "it asks for token"),
        (&["call=cor.local"], "it asks for core.*"),
        (&["call=core*.local"], "it asks for core.*"),
        (&["call=core"], "write PACK.NAME"),
        (&["datastore_read=a"], "write system. and the key"),
        (&["-reveal=token"], "nothing is granted"),
        (&["http=https://a.other"], "it asks for GET+POST https://*.example/ (api)"),
        (&["http=DELETE https://a.example"], "is not what the pack asks for"),
        (&["http=apu"], "(api); http=NAME is all of one"),
        (&["http=ftp://a.example"], "a scheme other than"),
        (&["files"], "files=HOST-DIR:GUEST-PATH"),
        (&["files=/srv:/other"], "it asks for /data:ro"),
        (&["files=/srv:data"], "names no directory"),
        (&["env=HOME"], "it asks for TZ"),
        (&["env=PETREL_TOKEN"], "of the host itself"),
        (&["env=1"], "no name of a variable"),
        (&["-env=TZ"], "nothing is granted"),
        (&["http", "-http=GET https://a.example"], "granted are 'http=GET+POST https://*.example/'"),
    ] {
        let told = after(words).unwrap_err();
        assert!(told.contains(says), "{words:?}: {told}");
    }
}

#[test]
fn what_is_revealed_is_not_granted_with_all() {
    let all: Vec<_> = request().grantable().map(|one| one.to_string()).collect();
    assert_eq!(
        all,
        ["http=GET+POST https://*.example/", "env=TZ", "call=core.*", "kv=pack", "secrets=token"]
    );
}

#[test]
fn a_grant_has_bounds() {
    let mut granted = Granted::default();
    for number in 0..MOST {
        granted.add(Capability::Env(format!("V{number}"))).unwrap();
    }
    let told = granted.add(Capability::Env("MORE".into())).unwrap_err().to_string();
    assert!(told.contains("64 of a kind"), "{told}");
}

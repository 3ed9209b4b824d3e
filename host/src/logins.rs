//! The tokens of `petrel login`, by the URL of the host, in a file that only its owner can read.

use std::borrow::Cow;
use std::path::PathBuf;

use petrel_api_types::Token;
use petrel_model::Timestamp;
use petrel_packs::plain_file;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::data_directory;
use crate::exit::{Code, Failure};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The login of a user at a host.
#[derive(Serialize, Deserialize)]
struct Login<'a> {
    /// The name of the user.
    #[serde(default)]
    user: Cow<'a, str>,
    token: Cow<'a, str>,
    /// The expiry of the token.
    #[serde(default)]
    expiry: Option<Timestamp>,
}

/// The path of the file, if there is a home directory.
pub(crate) fn file() -> Option<PathBuf> {
    Some(data_directory::config_home()?.join("logins.json"))
}

fn all() -> Map<String, Value> {
    let text = file().and_then(|file| plain_file::read_text(&file, LARGEST).ok()).unwrap_or_default();
    // An unreadable file counts as empty, and the next login replaces it.
    serde_json::from_str(&text).unwrap_or_default()
}

/// The token for the host at `url`, if there is one.
pub(crate) fn token(url: &str) -> Option<String> {
    let login: Login<'static> = serde_json::from_value(all().remove(url)?).ok()?;
    Some(login.token.into_owned())
}

/// Stores the token and its user from the answer of the host at `url`.
pub(crate) fn keep(url: &str, answer: &Token<'_>) -> Result<(), Failure> {
    let mut logins = all();
    let login = Login {
        user: Cow::Borrowed(&answer.user),
        token: Cow::Borrowed(&answer.token),
        expiry: Some(answer.expiry),
    };
    logins.insert(url.to_owned(), json!(login));
    write(&logins)
}

/// Deletes the token for the host at `url`.
pub(crate) fn forget(url: &str) -> Result<(), Failure> {
    let mut logins = all();
    if logins.remove(url).is_some() { write(&logins) } else { Ok(()) }
}

fn write(logins: &Map<String, Value>) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::new(
            Code::Server,
            "login",
            format!("the token cannot be kept: {why}"),
            "set XDG_CONFIG_HOME, or use PETREL_TOKEN",
        )
    };
    let file = file().ok_or_else(|| failed("there is no home directory".into()))?;
    if let Some(directory) = file.parent() {
        data_directory::make_private(directory)?;
    }
    let text = serde_json::to_string_pretty(logins).unwrap_or_default();
    data_directory::write_private(&file, text.as_bytes())
        .map_err(|error| failed(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_back_and_a_token_is_all_that_it_needs() {
        let kept = json!({"user": "ada", "token": "secret", "expiry": "2026-11-20T12:00:00.000000Z"});
        let login: Login<'static> = serde_json::from_value(kept.clone()).unwrap();
        assert_eq!(json!(login), kept);
        let little: Login<'static> = serde_json::from_value(json!({"token": "secret"})).unwrap();
        assert_eq!(little.token, "secret");
        assert!(serde_json::from_value::<Login<'static>>(json!({"user": "ada", "token": 5})).is_err());
    }
}

//! `petrel login`, `logout` and `whoami`: the identity of the client.

use clap::Args;
use petrel_api_types::Me;
use petrel_api_types::account::Authentication;
use petrel_model::Timestamp;
use serde_json::json;

use super::input::read_password;
use super::moment::seconds;
use super::session::Session;
use crate::exit::{Code, Failure};
use crate::logins;
use crate::print::{self, Attributes, Form};

/// Sign in with a name and a password. The token is kept for this URL, and later commands use it until it
/// expires.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petrel login
  petrel login ada --url https://petrel.example.com
  petrel login ada --password-stdin < password")]
pub(crate) struct Login {
    /// The name of the user
    #[arg(default_value = "admin")]
    user: String,

    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,

    /// Seconds until the token expires, or a time such as 8h [default: the host's setting]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ttl: Option<u64>,
}

impl Login {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        let password = read_password(
            &format!("Password of {} at {}", self.user, client.url()),
            self.password_stdin,
            false,
        )?;
        let token = client.sign_in(&self.user, &password, self.ttl).await?;
        logins::keep(client.url(), &token)?;
        let expiry = token.expiry;
        match session.form {
            Form::Json => print::json(&json!({"user": self.user, "url": client.url(), "expiry": expiry})),
            Form::Text => print::note(&format!(
                "signed in to {} as {} until {expiry}; `petrel logout` ends that",
                client.url(),
                self.user
            )),
        }
        Ok(Code::Ok)
    }
}

/// Sign out. The token of `petrel login` is not accepted any more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petrel logout\n  petrel logout --url https://petrel.example.com")]
pub(crate) struct Logout;

impl Logout {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let url = session.client.url();
        let was_signed_in = match logins::token(url) {
            Some(token) => {
                // The host first: a token that it still accepts must not be forgotten.
                session.client.sign_out(&token).await?;
                logins::forget(url)?;
                true
            }
            None => false,
        };
        match session.form {
            Form::Json => print::json(&json!({"url": url, "signed_out": was_signed_in})),
            Form::Text if was_signed_in => print::note(&format!("signed out of {url}")),
            Form::Text => print::note(&format!("nobody is signed in to {url}")),
        }
        Ok(Code::Ok)
    }
}

/// Show the user that you are to the host, and the credential that says so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  petrel whoami")]
pub(crate) struct Whoami;

impl Whoami {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let answer = session.client.get("/user").await?;
        session.show(&answer, |me: Me<'static>| print::attributes(&attributes(&me)))?;
        Ok(Code::Ok)
    }
}

/// The user who is signed in, with the authentication.
fn attributes(me: &Me<'_>) -> Attributes {
    let Authentication { method, token_expire, .. } = &me.authentication;
    // The last representable time stands for no expiry.
    let ends = |at: Timestamp| if at == Timestamp::LAST { "never".into() } else { print::to_the_second(at) };
    Attributes::default()
        .text("username", &me.username)
        .text("authentication.method", method)
        .text_if_any("authentication.token_expire", token_expire.map(ends))
        .text("rbac.is_admin", me.rbac.is_admin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_does_not_expire_says_so() {
        let last = Timestamp::LAST.to_string();
        for (token_expire, expected) in [
            (json!("2026-11-20T12:00:00.123456Z"), Some("2026-11-20T12:00:00Z")),
            (json!(last), Some("never")),
            (json!(null), None),
        ] {
            let answer = json!({
                "username": "ada",
                "authentication":
                    {"method": "authentication token", "location": "header", "token_expire": token_expire},
                "rbac": {"enabled": false, "roles": [], "is_admin": true},
            });
            let mut lines = vec![
                "username:                    ada".to_owned(),
                "authentication.method:       authentication token".to_owned(),
                "rbac.is_admin:               true".to_owned(),
            ];
            if let Some(expected) = expected {
                lines.insert(2, format!("authentication.token_expire: {expected}"));
            }
            assert_eq!(attributes(&serde_json::from_value(answer).unwrap()).lines(false), lines);
        }
    }
}

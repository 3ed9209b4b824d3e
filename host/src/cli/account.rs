//! `petrel login`, `logout` and `whoami`: the identity of the client.

use clap::Args;
use petrel_model::Timestamp;
use serde_json::json;

use super::input::read_password;
use super::session::Session;
use crate::exit::{Code, Failure};
use crate::logins;
use crate::print::{self, Form};

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

    /// Seconds until the token expires [default: the host's setting]
    #[arg(long, value_name = "SECONDS")]
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
        let mut user = session.client.get("/user").await?;
        let ends = user.pointer_mut("/authentication/token_expire");
        // Programs get the time itself.
        if let Some(ends) = ends.filter(|ends| session.form == Form::Text && **ends == json!(Timestamp::LAST))
        {
            *ends = json!("never");
        }
        let attributes =
            ["username", "authentication.method", "authentication.token_expire", "rbac.is_admin"];
        print::attributes(session.form, &user, &attributes);
        Ok(Code::Ok)
    }
}

//! `petrel user`: the users of the host.

use clap::Subcommand;
use petrel_access::ADMIN;
use petrel_api_types as wire;
use petrel_api_types::Item;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_password;
use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Form, Listing};

/// Create and delete users, and set their passwords. There are no roles yet: every user may do everything except act
/// on behalf of others.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List users
    #[command(alias = "ls", after_help = "Examples:\n  petrel user list")]
    List,
    /// Create a user
    #[command(
        after_help = "Examples:\n  petrel user create ada\n  petrel user create ada --password-stdin < password"
    )]
    Create {
        /// The name of the user
        name: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set the password of a user and sign the user out everywhere; API keys stay
    #[command(
        after_help = "Examples:\n  petrel user password admin\n  petrel user password ada --password-stdin < password"
    )]
    Password {
        /// The name of the user
        name: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Delete users, with all their tokens and API keys
    #[command(after_help = "Examples:\n  petrel user delete ada\n  petrel user delete ada bob")]
    Delete {
        /// The names of the users
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

impl User {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List => {
                let answer = client.list("/users?limit=-1").await?;
                session
                    .show(&answer, |users: Items<wire::User<'static>>| print::listing(table(&users), &[]))?;
            }
            Self::Create { name, password_stdin } => {
                let password = read_password(&format!("Password of {name}"), password_stdin, true)?;
                let body = json!({"name": name, "password": password});
                let user = client.send_json(Method::POST, "/users", &body).await?;
                said(session.form, &user, &format!("created {name}; `petrel login {name}` signs in"));
            }
            Self::Password { name, password_stdin } => {
                let password = read_password(&format!("New password of {name}"), password_stdin, true)?;
                let path = format!("/users/{}/password", path_segment(&name));
                let user = client.send_json(Method::PUT, &path, &json!({"password": password})).await?;
                said(session.form, &user, &format!("{name} has a new password and is signed out everywhere"));
                tell_of_token_file(&name);
            }
            Self::Delete { names } => {
                let delete = async |name: &str| {
                    client.delete(&format!("/users/{}", path_segment(name))).await?;
                    tell_of_token_file(name);
                    Ok::<_, Failure>(deleted("name", name))
                };
                let tell = |name: &str, _: &Value| {
                    print::note(&format!("deleted {name}"));
                    Ok(())
                };
                return each(session.form, &names, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

/// The list of users.
fn table<'r>(users: &'r [Item<'r, wire::User<'r>>]) -> Listing<'r, wire::User<'r>> {
    Listing::of(users)
        .whole("USER", |user| user.name.to_string())
        .whole("CREATED", |user| print::to_the_second(user.created_at))
}

/// Notes that the admin can still sign in by the token file, which a new password does not change.
fn tell_of_token_file(name: &str) {
    if name == ADMIN {
        print::note(
            "the host's file admin-token holds another token now: copies of the old one are worth nothing, and whoever \
             can read the file still signs in with it",
        );
    }
}

/// Reports the outcome: an object for programs, a sentence for people.
fn said(form: Form, object: &Value, sentence: &str) {
    match form {
        Form::Json => print::json(object),
        Form::Text => print::note(sentence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_line_for_each_user() {
        let answer = json!([{
            "id": "ada", "name": "ada", "is_admin": false, "created_at": "2026-11-20T12:00:00.000000Z",
        }]);
        let users: Items<wire::User<'static>> = serde_json::from_value(answer).unwrap();
        assert_eq!(table(&users).lines(None, false), ["USER  CREATED", "ada   2026-11-20T12:00:00Z"]);
    }
}

//! `petrel key`: the keys of the datastore, which expressions read.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_file;
use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Form, Listing};

mod named;

/// Show and change the datastore.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List keys
    #[command(alias = "ls", after_help = "Examples:\n  petrel key list\n  petrel key list --prefix deploy.")]
    List {
        /// List only keys whose names begin with this text
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show the value of a key
    #[command(after_help = "Examples:\n  petrel key get deploy.channel")]
    Get {
        /// The name of the key
        name: String,
    },
    /// Set the value of a key
    #[command(
        override_usage = "petrel key set [OPTIONS] <NAME> <VALUE>",
        after_help = "Examples:\n  petrel key set deploy.channel '#ops'\n  petrel key set deploy.offset -5\n  petrel key set deploy.certificate - < certificate.pem"
    )]
    Set {
        /// The name of the key; expressions read it as `st2kv.system.NAME`
        name: String,
        /// The value, or - for standard input (without the line end at its end)
        #[arg(value_name = "VALUE", allow_negative_numbers = true)]
        words: Vec<String>,
        /// As `st2` has it. Refused, since keys are not encrypted yet
        #[arg(short, long, aliases = ["encrypted", "secret"], hide = true)]
        encrypt: bool,
    },
    /// Delete keys
    #[command(
        after_help = "Examples:\n  petrel key delete deploy.channel\n  petrel key delete deploy.channel deploy.offset"
    )]
    Delete {
        /// The names of the keys
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

impl Key {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List { prefix } => {
                let path = format!("/keys?limit=-1&prefix={}", path_segment(&prefix));
                let answer = client.list(&path).await?;
                let asked = Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix));
                session.show(&answer, |keys: Items<wire::Key<'static>>| {
                    print::listing(table(&keys), asked.as_slice());
                })?;
            }
            Self::Get { name } => {
                let found = client.get(&format!("/keys/{}", path_segment(&name))).await;
                let answer = found.map_err(|failure| named::helped(failure, "get", &name))?;
                session.show(&answer, |key: wire::Key<'static>| print::line(&key.value))?;
            }
            Self::Set { encrypt: true, .. } => return Err(named::not_encrypted()),
            Self::Set { name, words, encrypt: false } => {
                let value = named::value(&name, words)?;
                let value = if value == "-" { piped()? } else { value };
                let path = format!("/keys/{}", path_segment(&name));
                let key =
                    client.send_json(Method::PUT, &path, &json!({"name": name, "value": value})).await?;
                match session.form {
                    Form::Json => print::json(&key),
                    Form::Text => print::note(&format!("{name} is set")),
                }
                if let Some(note) = named::note(&name, &value) {
                    print::note(&note);
                }
            }
            Self::Delete { names } => {
                let delete = async |name: &str| {
                    let gone = client.delete(&format!("/keys/{}", path_segment(name))).await;
                    gone.map_err(|failure| named::helped(failure, "delete", name))?;
                    Ok::<_, Failure>(deleted("name", name))
                };
                let tell = |name: &str, _: &Value| {
                    print::note(&format!("{name} is deleted"));
                    Ok(())
                };
                return each(session.form, &names, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

/// The list of keys.
fn table<'r>(keys: &'r [Item<'r, wire::Key<'r>>]) -> Listing<'r, wire::Key<'r>> {
    Listing::of(keys)
        .whole("NAME", |key| key.name.to_string())
        .text("VALUE", |key| key.value.to_string())
        .text("SCOPE", |key| key.scope.to_string())
}

/// The text on standard input, without the line end of a last line.
fn piped() -> Result<String, Failure> {
    let mut text = read_file("-")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(subcommand)]
        key: Key,
    }

    #[test]
    fn a_value_that_is_to_be_secret_is_refused_by_every_name_of_the_flag() {
        for flag in ["-e", "--encrypt", "--encrypted", "--secret"] {
            let line = Line::try_parse_from(["petrel", "set", "a", "b", flag]);
            assert!(line.is_ok_and(|line| matches!(line.key, Key::Set { encrypt: true, .. })), "{flag}");
        }
    }

    #[test]
    fn a_list_has_a_line_for_each_key() {
        let answer = json!([{"name": "deploy.channel", "value": "#ops\n", "scope": "st2kv.system"}]);
        let keys: Items<wire::Key<'static>> = serde_json::from_value(answer).unwrap();
        assert_eq!(
            table(&keys).lines(None, false),
            ["NAME            VALUE   SCOPE", "deploy.channel  #ops\\n  st2kv.system"]
        );
    }
}

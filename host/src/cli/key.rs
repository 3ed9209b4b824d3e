//! `petrel key`: the datastore, texts by name that expressions read.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_file;
use super::session::{Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Look at the datastore, and change it.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List keys
    #[command(alias = "ls", after_help = "Examples:\n  petrel key list\n  petrel key list --prefix deploy.")]
    List {
        /// List only keys whose names begin like this
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
        after_help = "Examples:\n  petrel key set deploy.channel '#ops'\n  petrel key set deploy.offset -5\n  petrel key set deploy.certificate - < certificate.pem"
    )]
    Set {
        /// The name of the key
        name: String,
        /// The text to set the key to, or - for standard input (without the line end at its end)
        #[arg(allow_negative_numbers = true)]
        value: String,
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
                let keys = client.list(&format!("/keys?limit=-1&prefix={}", path_segment(&prefix))).await?;
                let columns = [("NAME", "name"), ("VALUE", "value"), ("SCOPE", "scope")];
                let asked = Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix));
                print::listing_of(session.form, &keys, &columns, asked.as_slice());
            }
            Self::Get { name } => {
                let key = client.get(&format!("/keys/{}", path_segment(&name))).await?;
                match session.form {
                    Form::Json => print::json(&key),
                    Form::Text => print::line(&read::<petrel_api_types::Key<'_>>(&key)?.value),
                }
            }
            Self::Set { name, value } => {
                let value = if value == "-" { piped()? } else { value };
                let path = format!("/keys/{}", path_segment(&name));
                let key =
                    client.send_json(Method::PUT, &path, &json!({"name": name, "value": value})).await?;
                match session.form {
                    Form::Json => print::json(&key),
                    Form::Text => print::note(&format!("{name} is set")),
                }
            }
            Self::Delete { names } => {
                let delete = async |name: &str| {
                    client.delete(&format!("/keys/{}", path_segment(name))).await?;
                    Ok::<_, Failure>(deleted("name", name))
                };
                let tell = |name: &str, _: &Value| print::note(&format!("{name} is deleted"));
                return each(session.form, &names, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

/// What is on standard input, without the line end that closes a last line.
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

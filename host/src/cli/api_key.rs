//! `petrel apikey`: the credentials of programs.

use clap::Subcommand;
use petrel_api_types::MadeApiKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::session::{Secrets, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Form};

/// Create, enable, disable and delete API keys. A key does not expire, and has all rights of its user.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKey {
    /// List API keys
    #[command(alias = "ls", after_help = "Examples:\n  petrel apikey list")]
    List {
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Show an API key, but not the key itself, which is not stored
    #[command(after_help = "Examples:\n  petrel apikey get 6a1e5c2f9b1d4e5f60718293")]
    Get {
        /// The id of the API key
        id: String,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Create an API key, which is printed only once
    #[command(
        after_help = "Examples:\n  petrel apikey create used_by=github\n  PETREL_API_KEY=$(petrel apikey create used_by=ci)"
    )]
    Create {
        /// Attributes to store with the API key
        #[arg(value_name = "NAME=VALUE")]
        metadata: Vec<String>,
        /// The owner of the API key [default: you]
        #[arg(long)]
        user: Option<String>,
    },
    /// Enable API keys
    #[command(after_help = "Examples:\n  petrel apikey enable 6a1e5c2f9b1d4e5f60718293")]
    Enable {
        /// The ids of the API keys
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Disable API keys
    #[command(after_help = "Examples:\n  petrel apikey disable 6a1e5c2f9b1d4e5f60718293")]
    Disable {
        /// The ids of the API keys
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Delete API keys
    #[command(after_help = "Examples:\n  petrel apikey delete 6a1e5c2f9b1d4e5f60718293")]
    Delete {
        /// The ids of the API keys
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

impl ApiKey {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List { secrets } => {
                let columns = [
                    ("ID", "id"),
                    ("USER", "user"),
                    ("ENABLED", "enabled"),
                    ("CREATED", "created_at"),
                    ("METADATA", "metadata"),
                ];
                let keys = client.list(&secrets.asked("/apikeys?limit=-1")).await?;
                print::listing(session.form, &keys, &columns);
            }
            Self::Get { id, secrets } => {
                show(session.form, &client.get(&secrets.asked(&key_path(&id))).await?);
            }
            Self::Create { metadata, user } => {
                if let Some(word) = metadata.iter().find(|word| !word.contains('=')) {
                    let message = format!("`{word}` says nothing about the key");
                    return Err(Failure::usage(message, "write NAME=VALUE, as in used_by=github"));
                }
                let metadata = parameters::parse(&metadata, &Value::Null)?;
                let body = json!({"metadata": metadata, "user": user});
                let key = client.send_json(Method::POST, "/apikeys", &body).await?;
                if session.form == Form::Json {
                    print::json(&key);
                } else {
                    // Alone on standard output, for $(...).
                    let MadeApiKey { id, key, .. } = read::<MadeApiKey<'_>>(&key)?;
                    print::line(&key);
                    print::note(&format!(
                        "made {id}; the key is shown this once: send it as St2-Api-Key, or set PETREL_API_KEY"
                    ));
                }
            }
            Self::Enable { ids } => return switch(session, &ids, true).await,
            Self::Disable { ids } => return switch(session, &ids, false).await,
            Self::Delete { ids } => {
                let delete = async |id: &str| {
                    client.delete(&key_path(id)).await?;
                    Ok::<_, Failure>(deleted("id", id))
                };
                let tell = |id: &str, _: &Value| print::note(&format!("deleted {id}"));
                return each(session.form, &ids, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

fn key_path(id: &str) -> String {
    format!("/apikeys/{}", path_segment(id))
}

async fn switch(session: &Session, ids: &[String], enabled: bool) -> Result<Code, Failure> {
    let switch = async |id: &str| {
        session.client.send_json(Method::PUT, &key_path(id), &json!({"enabled": enabled})).await
    };
    each(session.form, ids, switch, |_, key| show(session.form, key)).await
}

fn show(form: Form, key: &Value) {
    print::attributes(form, key, &["id", "user", "enabled", "created_at", "metadata", "key_hash"]);
}

//! `petrel apikey`: the credentials of programs.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::session::{Items, Secrets, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Attributes, Listing};

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
                let answer = client.list(&secrets.asked("/apikeys?limit=-1")).await?;
                session
                    .show(&answer, |keys: Items<wire::ApiKey<'static>>| print::listing(table(&keys), &[]))?;
            }
            Self::Get { id, secrets } => {
                let answer = client.get(&secrets.asked(&key_path(&id))).await?;
                session.show(&answer, |key: wire::ApiKey<'static>| print::attributes(&attributes(&key)))?;
            }
            Self::Create { metadata, user } => {
                if let Some(word) = metadata.iter().find(|word| !word.contains('=')) {
                    let message = format!("`{word}` says nothing about the key");
                    return Err(Failure::usage(message, "write NAME=VALUE, as in used_by=github"));
                }
                let metadata = parameters::parse(&metadata, None)?;
                let body = json!({"metadata": metadata, "user": user});
                let answer = client.send_json(Method::POST, "/apikeys", &body).await?;
                session.show(&answer, |made: wire::MadeApiKey<'static>| {
                    // Alone on standard output, for $(...).
                    print::line(&made.key);
                    print::note(&format!(
                        "made {}; the key is shown this once: send it as St2-Api-Key, or set PETREL_API_KEY",
                        made.id
                    ));
                })?;
            }
            Self::Enable { ids } => return switch(session, &ids, true).await,
            Self::Disable { ids } => return switch(session, &ids, false).await,
            Self::Delete { ids } => {
                let delete = async |id: &str| {
                    client.delete(&key_path(id)).await?;
                    Ok::<_, Failure>(deleted("id", id))
                };
                let tell = |id: &str, _: &Value| {
                    print::note(&format!("deleted {id}"));
                    Ok(())
                };
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
    let tell = |_: &str, answer: &Value| -> Result<(), Failure> {
        print::attributes(&attributes(&read(answer)?));
        Ok(())
    };
    each(session.form, ids, switch, tell).await
}

/// The list of API keys.
fn table<'r>(keys: &'r [Item<'r, wire::ApiKey<'r>>]) -> Listing<'r, wire::ApiKey<'r>> {
    Listing::of(keys)
        .whole("ID", |key| key.id.to_string())
        .text("USER", |key| key.user.to_string())
        .whole("ENABLED", |key| key.enabled.to_string())
        .whole("CREATED", |key| print::to_the_second(key.created_at))
        .text("METADATA", |key| serde_json::to_string(&key.metadata).unwrap_or_default())
}

/// An API key with its metadata.
fn attributes(key: &wire::ApiKey<'_>) -> Attributes {
    Attributes::default()
        .text("id", key.id)
        .text("user", &key.user)
        .text("enabled", key.enabled)
        .time("created_at", key.created_at)
        .value("metadata", &key.metadata)
        .text("key_hash", &key.key_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_line_in_a_list_and_several_by_itself() {
        let answer = json!({
            "id": "65a000000000000000000001", "uid": "api_key:********", "user": "ada", "key_hash": "********",
            "metadata": {"used_by": "ci"}, "created_at": "2026-11-20T12:00:00.000000Z", "enabled": true,
        });
        let keys: Items<wire::ApiKey<'static>> = serde_json::from_value(json!([answer])).unwrap();
        assert_eq!(
            table(&keys).lines(None, false),
            [
                "ID                        USER  ENABLED  CREATED               METADATA",
                "65a000000000000000000001  ada   true     2026-11-20T12:00:00Z  {\"used_by\":\"ci\"}",
            ]
        );
        assert_eq!(
            attributes(&serde_json::from_value(answer).unwrap()).lines(false),
            [
                "id:         65a000000000000000000001",
                "user:       ada",
                "enabled:    true",
                "created_at: 2026-11-20T12:00:00Z",
                "metadata:",
                "  {",
                "    \"used_by\": \"ci\"",
                "  }",
                "key_hash:   ********",
            ]
        );
    }
}

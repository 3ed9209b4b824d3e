//! `petrel host-key`: the keys by which other hosts are recognized when commands are run there by SSH.

use clap::Subcommand;
use petrel_api_types::{HostKey, Item};
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Listing, to_the_second};

/// Show, pin and forget the keys of other hosts.
#[derive(Debug, Subcommand)]
pub(crate) enum HostKeys {
    /// List the keys that are pinned
    #[command(alias = "ls", after_help = "Examples:\n  petrel host-key list")]
    List,
    /// Show the key of a host
    #[command(
        after_help = "Examples:\n  petrel host-key get web1.example.com\n  petrel host-key get '[web1.example.com]:2222'"
    )]
    Get {
        /// The host, as `[HOST]:PORT` if its port is not 22
        host: String,
    },
    /// Pin the key of a host before the first contact
    #[command(
        after_help = "Examples:\n  petrel host-key pin web1.example.com \"$(ssh web1.example.com cat /etc/ssh/ssh_host_ed25519_key.pub)\""
    )]
    Pin {
        /// The host, as `[HOST]:PORT` if its port is not 22
        host: String,
        /// The public key, as in the file `ssh_host_ed25519_key.pub` of the host
        key: String,
    },
    /// Forget the keys of hosts that were set up anew: the next contact is the first again
    #[command(
        after_help = "Examples:\n  petrel host-key delete web1.example.com\n  petrel host-key delete '[web1.example.com]:2222'"
    )]
    Delete {
        /// The hosts, as `[HOST]:PORT` if the port is not 22
        #[arg(value_name = "HOST", required = true)]
        hosts: Vec<String>,
    },
}

impl HostKeys {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List => {
                let answer = client.list("/hostkeys?limit=-1").await?;
                session.show(&answer, |keys: Items<HostKey<'static>>| print::listing(table(&keys), &[]))?;
            }
            Self::Get { host } => {
                let answer = client.get(&path(&host)).await?;
                session.show(&answer, |key: HostKey<'static>| print::attributes(&attributes(&key)))?;
            }
            Self::Pin { host, key } => {
                let body = json!({"host": host, "key": key});
                let answer = client.send_json(Method::POST, "/hostkeys", &body).await?;
                session.show(&answer, |key: HostKey<'static>| print::attributes(&attributes(&key)))?;
            }
            Self::Delete { hosts } => {
                let delete = async |host: &str| {
                    client.delete(&path(host)).await?;
                    Ok::<_, Failure>(deleted("host", host))
                };
                let tell = |host: &str, _: &Value| {
                    print::note(&format!("deleted {host}"));
                    Ok(())
                };
                return each(session.form, &hosts, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

fn path(host: &str) -> String {
    format!("/hostkeys/{}", path_segment(host))
}

fn table<'r>(keys: &'r [Item<'r, HostKey<'r>>]) -> Listing<'r, HostKey<'r>> {
    Listing::of(keys)
        .whole("HOST", |key| key.host.to_string())
        .text("KIND", |key| kind(key).to_owned())
        .whole("FINGERPRINT", |key| key.fingerprint.to_string())
        .whole("PINNED", |key| to_the_second(key.pinned_at))
        .text("BY", |key| key.pinned_by.to_string())
}

/// The kind of the key, as `ssh-ed25519`.
fn kind<'a>(key: &'a HostKey<'_>) -> &'a str {
    key.key.split(' ').next().unwrap_or_default()
}

fn attributes(key: &HostKey<'_>) -> Attributes {
    let execution = key.execution.map(|id| id.to_string());
    Attributes::default()
        .text("host", &key.host)
        .text("key", &key.key)
        .text("fingerprint", &key.fingerprint)
        .time("pinned_at", key.pinned_at)
        .text("pinned_by", &key.pinned_by)
        .text_if_any("execution", execution.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whom_it_is_of_and_who_pinned_it() {
        let key: HostKey<'static> = serde_json::from_value(json!({
            "host": "[web1]:2222", "key": "ssh-ed25519 AAAA", "fingerprint": "SHA256:a",
            "pinned_at": "2026-11-20T12:00:00Z", "pinned_by": "ada",
        }))
        .unwrap();
        assert_eq!(
            attributes(&key).lines(false),
            [
                "host:        [web1]:2222",
                "key:         ssh-ed25519 AAAA",
                "fingerprint: SHA256:a",
                "pinned_at:   2026-11-20T12:00:00Z",
                "pinned_by:   ada",
            ]
        );
        let listed = [Item::Found(key)];
        let lines = table(&listed).lines(None, false);
        assert!(lines[1].starts_with("[web1]:2222 ") && lines[1].contains("ssh-ed25519"), "{lines:?}");
    }
}

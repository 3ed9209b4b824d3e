//! `petrel key`: the keys of the datastore, which expressions read.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_file;
use super::moment::seconds;
use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Form, Listing};
use place::Place;

mod load;
mod named;
mod place;

/// Show and change the datastore.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// List keys
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel key list\n  petrel key list --prefix deploy.\n  petrel key list --scope user --decrypt"
    )]
    List {
        /// List only keys whose names begin with this text
        #[arg(long, default_value = "")]
        prefix: String,
        /// The scope: system, user, or all for both
        #[arg(short, long, default_value = "all")]
        scope: String,
        /// The user whose keys those of the scope user are; only the admin may name somebody else
        #[arg(short, long)]
        user: Option<String>,
        /// Show the values of secret keys
        #[arg(short, long)]
        decrypt: bool,
    },
    /// Show the value of a key
    #[command(
        after_help = "Examples:\n  petrel key get deploy.channel\n  petrel key get deploy.token --decrypt"
    )]
    Get {
        /// The name of the key
        name: String,
        #[command(flatten)]
        place: Place,
        /// Show the value of a secret key
        #[arg(short, long)]
        decrypt: bool,
    },
    /// Set the value of a key
    #[command(
        override_usage = "petrel key set [OPTIONS] <NAME> <VALUE>",
        after_help = "Examples:\n  petrel key set deploy.channel '#ops'\n  petrel key set deploy.offset -5\n  petrel key set deploy.certificate - < certificate.pem\n  petrel key set deploy.token --encrypt - < token\n  petrel key set deploy.lock ada --ttl 10m"
    )]
    Set {
        /// The name of the key; expressions read it as `st2kv.system.NAME`
        name: String,
        /// The value, or - for standard input (without the line end at its end)
        #[arg(value_name = "VALUE", allow_negative_numbers = true)]
        words: Vec<String>,
        #[command(flatten)]
        place: Place,
        /// Encrypt the value; expressions read it as `st2kv.system.NAME | decrypt_kv`
        #[arg(short, long, alias = "secret")]
        encrypt: bool,
        /// The value is encrypted already: by this host for this very key, or by the StackStorm of `datastore.st2_key`
        #[arg(long, alias = "encrypted", conflicts_with = "encrypt")]
        pre_encrypted: bool,
        /// Seconds until the key expires, or a time such as 10m
        #[arg(short = 'l', long, value_name = "SECONDS", value_parser = seconds)]
        ttl: Option<u64>,
    },
    /// Set keys from a file of JSON or YAML: a list of objects with name and value, and what else `key set` takes
    #[command(after_help = "Examples:\n  petrel key load keys.yaml\n  petrel key load --convert keys.json")]
    Load {
        /// The file, or - for standard input
        file: String,
        /// Store values that are no texts as JSON; otherwise they are refused
        #[arg(short, long)]
        convert: bool,
    },
    /// Delete keys
    #[command(
        after_help = "Examples:\n  petrel key delete deploy.channel\n  petrel key delete deploy.channel deploy.offset\n  petrel key delete mine --scope user"
    )]
    Delete {
        /// The names of the keys
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
}

impl Key {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List { prefix, scope, user, decrypt } => {
                let place = Place { scope, user };
                let path =
                    format!("/keys?limit=-1&prefix={}{}", path_segment(&prefix), place.query('&', decrypt));
                let answer = client.list(&path).await?;
                let asked = Some(prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| ("prefix", prefix));
                session.show(&answer, |keys: Items<wire::Key<'static>>| {
                    print::listing(table(&keys), asked.as_slice());
                })?;
            }
            Self::Get { name, place, decrypt } => {
                let path = format!("/keys/{}{}", path_segment(&name), place.query('?', decrypt));
                let found = client.get(&path).await;
                let answer = found.map_err(|failure| named::helped(failure, "get", &name))?;
                session.show(&answer, |key: wire::Key<'static>| {
                    print::raw(&key.value);
                    if key.encrypted {
                        print::note("the value is encrypted; --decrypt shows it");
                    }
                })?;
            }
            Self::Set { name, words, place, encrypt, pre_encrypted, ttl } => {
                let value = named::value(&name, words)?;
                let value = if value == "-" { piped()? } else { value };
                let path = format!("/keys/{}", path_segment(&name));
                let mut body = json!({"name": name, "value": value, "scope": place.scope});
                place.add_to(&mut body, [("secret", encrypt), ("encrypted", pre_encrypted)], ttl);
                // StackStorm stores in clear what is set without the word, whatever was there.
                let is_secret = encrypt || pre_encrypted;
                let before = if is_secret { None } else { place.found(client, &path).await };
                let key = client.send_json(Method::PUT, &path, &body).await?;
                match session.form {
                    Form::Json => print::json(&key),
                    Form::Text => print::note(&format!("{name} is set")),
                }
                if !is_secret {
                    remark(&name, &value, &place, before.as_ref());
                }
            }
            Self::Load { file, convert } => return load::run(session, &file, convert).await,
            Self::Delete { names, place } => {
                let query = place.query('?', false);
                let delete = async |name: &str| {
                    let gone = client.delete(&format!("/keys/{}{query}", path_segment(name))).await;
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

/// Prints what is to remark of a key that was set in clear, and was something else `before`.
fn remark(name: &str, value: &str, place: &Place, before: Option<&Value>) {
    let bared = before.and_then(|before| named::bared(name, &place.flags(), before));
    let odd = if place.is_shared() { named::note(name, value) } else { None };
    bared.iter().chain(&odd).for_each(|note| print::note(note));
}

/// The list of keys. A value that is shown encrypted tells people nothing, and is long.
fn table<'r>(keys: &'r [Item<'r, wire::Key<'r>>]) -> Listing<'r, wire::Key<'r>> {
    Listing::of(keys)
        .whole("NAME", |key| key.name.to_string())
        .text("VALUE", |key| if key.encrypted { "(encrypted)".to_owned() } else { key.value.to_string() })
        .text("SCOPE", |key| match &key.user {
            None => key.scope.to_string(),
            Some(user) => format!("{}:{user}", key.scope),
        })
        .text("EXPIRES", |key| key.expire_timestamp.map_or_else(String::new, |at| at.to_string()))
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
    fn a_flag_of_stackstorm_means_the_same() {
        for (flag, meant) in [
            ("-e", (true, false)),
            ("--encrypt", (true, false)),
            ("--secret", (true, false)),
            ("--encrypted", (false, true)),
            ("--pre-encrypted", (false, true)),
        ] {
            let line =
                Line::try_parse_from(["petrel", "set", "a", "b", flag, "-l", "5", "-s", "user"]).unwrap();
            let Key::Set { encrypt, pre_encrypted, ttl, place, .. } = line.key else { panic!("{flag}") };
            assert_eq!((encrypt, pre_encrypted), meant, "{flag}");
            assert_eq!((ttl, place.scope.as_str()), (Some(5), "user"));
        }
        assert!(Line::try_parse_from(["petrel", "set", "a", "b", "-e", "--encrypted"]).is_err());
    }

    #[test]
    fn a_list_has_a_line_for_each_key() {
        let answer = json!([
            {"name": "deploy.channel", "value": "#ops\n", "scope": "st2kv.system"},
            {
                "name": "pin", "value": "petrel:1:a:b", "scope": "st2kv.user", "user": "ada", "encrypted": true,
                "secret": true, "expire_timestamp": "2025-11-20T12:00:00.000000Z",
            },
        ]);
        let keys: Items<wire::Key<'static>> = serde_json::from_value(answer).unwrap();
        assert_eq!(
            table(&keys).lines(None, false),
            [
                "NAME            VALUE        SCOPE           EXPIRES",
                "deploy.channel  #ops\\n       st2kv.system",
                "pin             (encrypted)  st2kv.user:ada  2025-11-20T12:00:00.000000Z",
            ]
        );
    }
}

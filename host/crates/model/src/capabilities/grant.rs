//! Grants of the operator to packs, and the words in which they are given and taken back: `http=GET https://HOST/PATH`,
//! `files=HOST-DIR:GUEST-PATH[:rw]`, `env=NAME`, `kv=STORE` and the like; `http=ID` for what the pack asks for by that name, and
//! `http` for all.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::files::{Mount, check_guest_path};
use super::http::HttpRule;
use super::invalid::InvalidCapability;
use super::kinds::{GRANTED, MOST};
use super::named::{Named, Names};
use super::request::Request;
use crate::nearest::nearest;
use crate::quoted::listed;
use crate::time::Timestamp;

/// The most capabilities that a message lists.
const MOST_LISTED: usize = 5;
/// The longest name of a variable, in bytes.
const LONGEST_NAME: usize = 100;

/// Capabilities that are granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Granted {
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpRule>,
    /// Directories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Mount>,
    /// Names of variables of the host's environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Stores of keys, keys of the datastore, secrets and actions.
    #[serde(flatten)]
    pub names: Names,
}

/// The grant of the operator to a pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackGrant {
    /// The pack.
    pub pack: String,
    /// What is granted.
    #[serde(flatten)]
    pub granted: Granted,
    /// The digest of what the pack asked for at that time.
    #[serde(default)]
    pub hash: String,
    /// The user who changed it last.
    #[serde(default)]
    pub granted_by: String,
    /// The time of that.
    pub granted_at: Timestamp,
}

/// One capability that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Addresses.
    Http(HttpRule),
    /// A directory.
    Files(Mount),
    /// A variable of the host's environment.
    Env(String),
    /// A store of keys, keys of the datastore, a secret, or actions.
    Named(Named, String),
}

impl Capability {
    /// The word for its kind.
    fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Files(_) => "files",
            Self::Env(_) => "env",
            Self::Named(kind, _) => kind.as_str(),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(rule) => write!(f, "http={rule}"),
            Self::Files(mount) => write!(f, "files={mount}"),
            Self::Env(name) => write!(f, "env={name}"),
            Self::Named(kind, name) => write!(f, "{}={name}", kind.as_str()),
        }
    }
}

/// Words that name capabilities to grant or to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of a kind.
    All(&'static str),
    /// The addresses that the pack asks for by this name.
    Named(String),
    /// The directory at this path in the component.
    Place(String),
    /// This one.
    One(Capability),
}

impl Wanted {
    /// Reads the words.
    ///
    /// # Errors
    /// When they name nothing; the remedy has the nearest kind.
    pub fn parse(text: &str) -> Result<Self, InvalidCapability> {
        let (kind, rest) =
            text.split_once('=').map_or((text, None), |(kind, rest)| (kind, Some(rest.trim())));
        let Some(kind) = GRANTED.into_iter().find(|known| *known == kind) else {
            return Err(unknown(text, kind));
        };
        if let (Some(named), Some(name)) = (Named::of(kind), rest) {
            return named.check(name).map(|()| Self::One(Capability::Named(named, name.to_owned())));
        }
        match (kind, rest) {
            (kind, None) => Ok(Self::All(kind)),
            ("http", Some(rest)) if rest.contains("://") => Ok(Self::One(Capability::Http(rest.parse()?))),
            ("http", Some(rest)) => Ok(Self::Named(rest.to_owned())),
            ("files", Some(rest)) if rest.contains(':') => {
                let mount = Mount::parse(rest).filter(|mount| check_guest_path(&mount.guest_path).is_ok());
                let mount = mount.ok_or_else(|| {
                    let remedy =
                        "write files=HOST-DIR:GUEST-PATH, or files=HOST-DIR:GUEST-PATH:rw for writing too";
                    InvalidCapability::new(text, "names no directory", remedy)
                })?;
                Ok(Self::One(Capability::Files(mount)))
            }
            ("files", Some(rest)) => Ok(Self::Place(rest.to_owned())),
            (_, Some(rest)) => check_variable(rest).map(|()| Self::One(Capability::Env(rest.to_owned()))),
        }
    }
}

fn unknown(text: &str, kind: &str) -> InvalidCapability {
    let address = text.split_once('=').map_or(text, |(_, rest)| rest);
    let remedy = match (nearest(kind, GRANTED), address.parse::<HttpRule>()) {
        _ if text == "all" => "write --all for all that the pack asks for".to_owned(),
        (Some(near), _) => format!("did you mean {near}?"),
        (_, Ok(rule)) => format!("did you mean 'http={rule}'?"),
        _ => format!(
            "write http=https://HOST/PATH, files=HOST-DIR:GUEST-PATH or KIND=NAME; the kinds are {}",
            GRANTED.join(", ")
        ),
    };
    InvalidCapability::new(text, "is no capability", remedy)
}

/// Checks the name of a variable that a pack may be given.
///
/// # Errors
/// When it is none, or is one of the host's own.
pub fn check_variable(name: &str) -> Result<(), InvalidCapability> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = name.bytes().all(is_sign) && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !is_name || name.len() > LONGEST_NAME {
        let remedy = "write it with letters, digits and _, as TZ";
        return Err(InvalidCapability::new(name, "is no name of a variable", remedy));
    }
    if name.to_ascii_uppercase().starts_with("PETREL_") {
        let remedy = "give the pack a configuration instead";
        return Err(InvalidCapability::new(
            name,
            "is a variable of the host itself, and no pack may have it",
            remedy,
        ));
    }
    Ok(())
}

impl Granted {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of it, one by one.
    pub fn all(&self) -> impl Iterator<Item = Capability> {
        let http = self.http.iter().cloned().map(Capability::Http);
        let files = self.files.iter().cloned().map(Capability::Files);
        let names = self.names.all().map(|(kind, name)| Capability::Named(kind, name.clone()));
        http.chain(files).chain(self.env.iter().cloned().map(Capability::Env)).chain(names)
    }

    /// Adds a capability. `false` if it was granted already.
    ///
    /// # Errors
    /// When there are too many of its kind.
    pub fn add(&mut self, capability: Capability) -> Result<bool, InvalidCapability> {
        let is_full = match &capability {
            Capability::Http(rule) if self.http.iter().any(|known| known.contains(rule)) => return Ok(false),
            Capability::Files(mount) if self.files.contains(mount) => return Ok(false),
            Capability::Env(name) if self.env.contains(name) => return Ok(false),
            Capability::Named(kind, name) if self.names.covering(*kind, name).is_some() => return Ok(false),
            Capability::Http(_) => self.http.len() >= MOST,
            Capability::Files(_) => self.files.len() >= MOST,
            Capability::Env(_) => self.env.len() >= MOST,
            Capability::Named(kind, _) => self.names.of(*kind).len() >= MOST,
        };
        if is_full {
            let reason = format!("is one too many: {MOST} of a kind is the limit");
            return Err(InvalidCapability::new(
                &capability.to_string(),
                reason,
                "revoke others, or grant wider ones",
            ));
        }
        match capability {
            Capability::Http(rule) => {
                self.http.retain(|known| !rule.contains(known));
                self.http.push(rule);
            }
            Capability::Files(mount) => {
                self.files.retain(|known| known.guest_path != mount.guest_path);
                self.files.push(mount);
            }
            Capability::Env(name) => self.env.push(name),
            Capability::Named(kind, name) => {
                self.names.of_mut(kind).insert(name);
            }
        }
        Ok(true)
    }

    /// Takes back what the words name, and returns it.
    ///
    /// # Errors
    /// When nothing of that is granted.
    pub fn take(&mut self, wanted: &Wanted, request: &Request) -> Result<Vec<Capability>, InvalidCapability> {
        let before: Vec<_> = self.all().collect();
        let named = |id: &str| request.http.iter().find(|wish| wish.id == *id).map(|wish| &wish.rule);
        match wanted {
            Wanted::All("http") => self.http.clear(),
            Wanted::All("files") => self.files.clear(),
            Wanted::All(kind) => match Named::of(kind) {
                Some(kind) => self.names.of_mut(kind).clear(),
                None => self.env.clear(),
            },
            Wanted::Named(id) => {
                self.http.retain(|known| named(id).is_none_or(|rule| !rule.contains(known)));
            }
            Wanted::Place(path) => self.files.retain(|mount| mount.guest_path != *path),
            Wanted::One(Capability::Http(rule)) => self.http.retain(|known| !rule.contains(known)),
            Wanted::One(Capability::Files(mount)) => {
                self.files.retain(|known| known.guest_path != mount.guest_path);
            }
            Wanted::One(Capability::Env(name)) => self.env.retain(|known| known != name),
            Wanted::One(Capability::Named(kind, name)) => {
                self.names.take(*kind, name);
            }
        }
        let after: Vec<_> = self.all().collect();
        let gone: Vec<_> = before.iter().filter(|one| !after.contains(one)).cloned().collect();
        // To take back all of a kind is done when there is none.
        if gone.is_empty() && !matches!(wanted, Wanted::All(_)) {
            let text = match wanted {
                Wanted::Named(id) => format!("http={id}"),
                Wanted::Place(path) => format!("files={path}"),
                Wanted::One(one) => one.to_string(),
                Wanted::All(kind) => (*kind).to_owned(),
            };
            let granted: Vec<_> = before.iter().map(|one| format!("'{one}'")).collect();
            let remedy = match granted.as_slice() {
                [] => "nothing is granted to the pack".to_owned(),
                granted => format!("granted are {}", listed(granted.iter().map(String::as_str), MOST_LISTED)),
            };
            return Err(InvalidCapability::new(&text, "is not granted", remedy));
        }
        Ok(gone)
    }
}

impl Request {
    /// All that can be granted as it is asked for. Directories are not: the operator says which; nor are secrets that
    /// are revealed, which the operator names.
    pub fn grantable(&self) -> impl Iterator<Item = Capability> {
        self.each().filter(|one| !matches!(one, Capability::Named(kind, _) if kind.is_apart()))
    }

    /// All that is asked for, apart from directories.
    fn each(&self) -> impl Iterator<Item = Capability> {
        let http = self.http.iter().map(|wish| Capability::Http(wish.rule.clone()));
        let names = self.names.all().map(|(kind, name)| Capability::Named(kind, name.clone()));
        http.chain(self.env.iter().cloned().map(Capability::Env)).chain(names)
    }

    /// The capabilities that the words name, to be granted to a pack with this request.
    ///
    /// # Errors
    /// When the pack does not ask for them.
    pub fn named(&self, wanted: &Wanted) -> Result<Vec<Capability>, InvalidCapability> {
        let not_asked = |text: &str, asked: Vec<String>| {
            let remedy = match asked.as_slice() {
                [] => {
                    "it asks for none of the kind; its author adds it to capabilities in pack.yaml".to_owned()
                }
                asked => {
                    let asked = listed(asked.iter().map(String::as_str), MOST_LISTED);
                    let named = if text.starts_with("http=") { "; http=NAME is all of one" } else { "" };
                    format!("it asks for {asked}{named}")
                }
            };
            InvalidCapability::new(text, "is not what the pack asks for", remedy)
        };
        let asked_http = || self.http.iter().map(|wish| format!("{} ({})", wish.rule, wish.id)).collect();
        match wanted {
            Wanted::All("files") | Wanted::Place(_) => Err(InvalidCapability::new(
                "files",
                "does not say which directory of the host is meant",
                "write files=HOST-DIR:GUEST-PATH for each, with :rw behind it for writing",
            )),
            Wanted::All(kind) => Ok(self.each().filter(|one| one.kind() == *kind).collect()),
            Wanted::Named(id) => {
                let wish = self.http.iter().find(|wish| wish.id == *id);
                let wish = wish.ok_or_else(|| not_asked(&format!("http={id}"), asked_http()))?;
                Ok(vec![Capability::Http(wish.rule.clone())])
            }
            Wanted::One(one) => {
                let (is_asked, asked) = match one {
                    Capability::Http(rule) => {
                        (self.http.iter().any(|wish| wish.rule.both(rule).is_some()), asked_http())
                    }
                    Capability::Files(mount) => (
                        self.files.iter().any(|wish| wish.path == mount.guest_path),
                        self.files.iter().map(ToString::to_string).collect(),
                    ),
                    Capability::Env(name) => (self.env.contains(name), self.env.clone()),
                    Capability::Named(kind, name) => {
                        // Less than a pattern that is asked for may be granted, too.
                        let is_asked = self.names.covering(*kind, name).is_some();
                        (is_asked, self.names.of(*kind).iter().cloned().collect())
                    }
                };
                if is_asked { Ok(vec![one.clone()]) } else { Err(not_asked(&one.to_string(), asked)) }
            }
        }
    }
}

#[cfg(test)]
mod tests;

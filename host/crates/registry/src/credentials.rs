//! Logins: from Docker's own files and its credential helpers first, so that whoever can `docker pull` can pull a pack, and then
//! from our file. A file that is missing or broken has no logins, and a registry is then asked without one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use petrel_packs::plain_file;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::files::write_whole;

/// The largest file with logins, and the longest answer of a helper, in bytes.
const LARGEST: u64 = 1 << 20;
/// The time that a helper may take. Some ask a person, or another machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The names of Docker Hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// A login. Its secret is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name with a password.
    Password {
        /// The name.
        user: String,
        /// The password, or a token in its place.
        secret: String,
    },
    /// A token with which the token service is asked.
    Identity(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user:?})"),
            Self::Identity(_) => f.write_str("Identity"),
        }
    }
}

/// A login and the place where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The login.
    pub credential: Credential,
    /// The file or the program that it came from.
    pub origin: String,
}

/// Where logins are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Docker's files, the first that has a login counts.
    docker: Vec<PathBuf>,
    /// Our own file.
    own: Option<PathBuf>,
}

impl Credentials {
    /// The files that the environment names, and `own`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<PathBuf>, own: Option<PathBuf>) -> Self {
        let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
        let home = set("HOME");
        let docker = set("DOCKER_CONFIG").or_else(|| Some(home?.join(".docker")));
        let files = [
            set("REGISTRY_AUTH_FILE"),
            docker.map(|directory| directory.join("config.json")),
            set("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
        ];
        Self { docker: files.into_iter().flatten().collect(), own }
    }

    /// Our own file.
    pub fn own(&self) -> Option<&Path> {
        self.own.as_deref()
    }

    /// The login for the registry `host`.
    pub async fn find(&self, host: &str) -> Option<Found> {
        for file in &self.docker {
            if let Some(found) = in_docker_file(file, host).await {
                return Some(found);
            }
        }
        let own = self.own.as_deref()?;
        let Login { user, secret } = logins(own).remove(host)?;
        Some(Found { credential: Credential::Password { user, secret }, origin: own.display().to_string() })
    }
}

/// The login in a file of Docker's, or from a helper that the file names.
async fn in_docker_file(file: &Path, host: &str) -> Option<Found> {
    let text = plain_file::read_text(file, LARGEST).ok()?;
    let config: Value = serde_json::from_str(&text).ok()?;
    let of_host = |key: &str| {
        let table = config.get(key).and_then(Value::as_object);
        table.and_then(|table| table.iter().find(|(key, _)| is_of(key, host)).map(|(_, value)| value))
    };
    let of_this = of_host("credHelpers").and_then(Value::as_str);
    let of_all = || config.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty());
    if let Some(helper) = of_this.or_else(of_all)
        && let Some(credential) = ask(helper, host).await
    {
        return Some(Found { credential, origin: format!("docker-credential-{helper}") });
    }
    let credential = written(of_host("auths")?)?;
    Some(Found { credential, origin: file.display().to_string() })
}

/// Whether a key of Docker's file is about `host`. Old keys are URLs.
fn is_of(key: &str, host: &str) -> bool {
    let name = match key.split_once("://") {
        Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
        None => key.trim_end_matches('/'),
    };
    name.eq_ignore_ascii_case(host) || (HUB.contains(&name) && HUB.contains(&host))
}

/// The login in an entry of Docker's file.
fn written(entry: &Value) -> Option<Credential> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Some(Credential::Identity(token.to_owned()));
    }
    if let (Some(user), Some(secret)) = (text("username"), text("password")) {
        return Some(Credential::Password { user: user.to_owned(), secret: secret.to_owned() });
    }
    let plain = String::from_utf8(STANDARD.decode(text("auth")?.trim()).ok()?).ok()?;
    let (user, secret) = plain.split_once(':')?;
    Some(Credential::Password { user: user.to_owned(), secret: secret.trim_end_matches('\0').to_owned() })
}

/// Asks a credential helper, as Docker does: `docker-credential-NAME get`, with the registry on standard input.
async fn ask(helper: &str, host: &str) -> Option<Credential> {
    let is_name = helper.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char));
    if !is_name {
        return None;
    }
    let registry = if HUB.contains(&host) { "https://index.docker.io/v1/" } else { host };
    let mut child = Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    let answer = async {
        input.write_all(registry.as_bytes()).await.ok()?;
        drop(input);
        let mut text = String::new();
        output.take(LARGEST).read_to_string(&mut text).await.ok()?;
        child.wait().await.ok()?.success().then_some(text)
    };
    answered(&tokio::time::timeout(PATIENCE, answer).await.ok()??)
}

/// The login in the answer of a helper.
fn answered(text: &str) -> Option<Credential> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let field = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    let (user, secret) = (field("Username")?, field("Secret")?);
    // So says a helper that what it has is no password.
    Some(if user == "<token>" { Credential::Identity(secret) } else { Credential::Password { user, secret } })
}

/// Our own file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OwnFile {
    #[serde(default)]
    registries: BTreeMap<String, Login>,
}

/// A login in our own file.
#[derive(Clone, Serialize, Deserialize)]
struct Login {
    user: String,
    secret: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({:?})", self.user)
    }
}

fn logins(file: &Path) -> BTreeMap<String, Login> {
    let text = plain_file::read_text(file, LARGEST).unwrap_or_default();
    // An unreadable file counts as empty, and the next login replaces it.
    serde_json::from_str::<OwnFile>(&text).unwrap_or_default().registries
}

/// The registries in our own file, with the names of their users.
pub fn known(file: &Path) -> Vec<(String, String)> {
    logins(file).into_iter().map(|(host, login)| (host, login.user)).collect()
}

/// Keeps a login in our own file, which only its owner can read.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(file: &Path, host: &str, user: &str, secret: &str) -> io::Result<()> {
    let mut registries = logins(file);
    registries.insert(host.to_owned(), Login { user: user.to_owned(), secret: secret.to_owned() });
    write(file, registries)
}

/// Drops a login from our own file. Returns whether there was one.
///
/// # Errors
/// When the file cannot be written.
pub fn forget(file: &Path, host: &str) -> io::Result<bool> {
    let mut registries = logins(file);
    if registries.remove(host).is_none() {
        return Ok(false);
    }
    write(file, registries).map(|()| true)
}

fn write(file: &Path, registries: BTreeMap<String, Login>) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&OwnFile { registries }).map_err(io::Error::other)?;
    write_whole(file, text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn password(user: &str, secret: &str) -> Credential {
        Credential::Password { user: user.into(), secret: secret.into() }
    }

    #[test]
    fn entries_of_dockers_file_are_read_in_all_their_forms() {
        let auth = STANDARD.encode("ada:pass:word");
        for (entry, expected) in [
            (json!({"auth": auth}), Some(password("ada", "pass:word"))),
            (json!({"auth": format!("{auth}\n")}), Some(password("ada", "pass:word"))),
            (json!({"username": "ada", "password": "s"}), Some(password("ada", "s"))),
            (json!({"auth": auth, "identitytoken": "t"}), Some(Credential::Identity("t".into()))),
            (json!({}), None),
            (json!({"auth": ""}), None),
            (json!({"auth": "!"}), None),
            (json!({"auth": STANDARD.encode("ada")}), None),
            (json!(7), None),
        ] {
            assert_eq!(written(&entry), expected, "{entry}");
        }
        assert_eq!(
            answered(r#"{"ServerURL":"r","Username":"ada","Secret":"s"}"#),
            Some(password("ada", "s"))
        );
        assert_eq!(
            answered(r#"{"Username":"<token>","Secret":"t"}"#),
            Some(Credential::Identity("t".into()))
        );
        assert_eq!(answered("credentials not found in native keychain"), None);
    }

    #[test]
    fn a_login_is_for_its_own_registry_only() {
        for (key, host, is_its) in [
            ("r.example.com", "r.example.com", true),
            ("https://r.example.com", "r.example.com", true),
            ("https://r.example.com/v1/", "r.example.com", true),
            ("https://index.docker.io/v1/", "docker.io", true),
            ("r.example.com:5000", "r.example.com", false),
            ("r.example.com/team", "r.example.com", false),
            ("example.com", "r.example.com", false),
            ("https://r.example.com.evil.net/", "r.example.com", false),
        ] {
            assert_eq!(is_of(key, host), is_its, "{key} {host}");
        }
    }

    #[test]
    fn our_own_file_is_private_and_its_secrets_are_not_shown() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("registries.json");
        keep(&file, "r.example.com", "ada", "hunter2").unwrap();
        keep(&file, "other.example.com", "bob", "x").unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let of = |host: &str| (host.to_owned(), logins(&file)[host].clone());
        assert_eq!(of("r.example.com").1.secret, "hunter2");
        assert!(
            !format!("{:?} {:?}", of("r.example.com"), Some(password("ada", "hunter2"))).contains("hunter2")
        );
        assert_eq!(known(&file).len(), 2);
        assert!(forget(&file, "r.example.com").unwrap() && !forget(&file, "r.example.com").unwrap());
        assert_eq!(known(&file), [("other.example.com".to_owned(), "bob".to_owned())]);
        std::fs::write(&file, "broken").unwrap();
        assert!(known(&file).is_empty());
    }

    #[test]
    fn the_environment_says_where_dockers_files_are() {
        let with = |set: &[(&str, &str)]| {
            let set: BTreeMap<String, PathBuf> =
                set.iter().map(|(name, path)| ((*name).to_owned(), PathBuf::from(path))).collect();
            Credentials::of_environment(|name| set.get(name).cloned(), None).docker
        };
        assert!(with(&[]).is_empty());
        assert_eq!(with(&[("HOME", "/h")]), [PathBuf::from("/h/.docker/config.json")]);
        let all = with(&[
            ("HOME", "/h"),
            ("DOCKER_CONFIG", "/d"),
            ("REGISTRY_AUTH_FILE", "/a"),
            ("XDG_RUNTIME_DIR", "/r"),
        ]);
        assert_eq!(all, ["/a", "/d/config.json", "/r/containers/auth.json"].map(PathBuf::from));
    }
}

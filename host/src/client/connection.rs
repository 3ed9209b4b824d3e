//! The address of the host and the credential: from the command line or a variable, otherwise from a file of this
//! user, or from the settings of a host on this machine.

use std::path::{Path, PathBuf};

use petrel_packs::plain_file;

use super::address;
use crate::config::Configuration;
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::logins;

/// The header of a token.
pub(super) const TOKEN: &str = "x-auth-token";
/// The header of an API key.
const API_KEY: &str = "st2-api-key";
/// The sources of a credential that is not given.
const OTHERS: &str =
    "what `petrel login` has got, or on the host's machine the admin-token in its data directory";
/// The largest file with certificates that is read, in bytes.
const LARGEST_CERTIFICATES: u64 = 16 << 20;

/// The address of the host and the credential.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Connection {
    /// The URL of the host.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The URL of the host, as http://HOST:PORT [default: the address in petrel.toml on this machine, else \
                port 9101] [env: PETREL_URL]",
        help_heading = "Connection"
    )]
    pub(crate) url: Option<String>,

    /// The token to sign in with.
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        help = "The token to sign in with [default: the token of `petrel login`, else the file admin-token in the data \
                directory] [env: PETREL_TOKEN]",
        help_heading = "Connection"
    )]
    pub(crate) token: Option<String>,

    /// The API key to sign in with, instead of a token.
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        help = "The API key to sign in with, instead of a token [env: PETREL_API_KEY]",
        help_heading = "Connection"
    )]
    pub(crate) api_key: Option<String>,

    /// Certificates in PEM to trust besides those of this machine.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Certificates in PEM to trust besides those of this machine [env: SSL_CERT_FILE]",
        help_heading = "Connection"
    )]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Connection {
    /// This connection, with the values of variables where no flag gives one. The parser of flags is not told of the
    /// variables, because it would show a flag in every usage as if somebody had given it.
    pub(crate) fn with_variables(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        // Either kind of credential on the command line wins over both variables.
        let is_signed = self.token.is_some() || self.api_key.is_some();
        let credential = |name: &str| if is_signed { None } else { variable(name) };
        Self {
            url: self.url.or_else(|| variable("PETREL_URL")),
            token: self.token.or_else(|| credential("PETREL_TOKEN")),
            api_key: self.api_key.or_else(|| credential("PETREL_API_KEY")),
            ca_file: self.ca_file,
        }
    }

    /// The URL of the host: the given one, or the address in the settings of this machine.
    ///
    /// # Errors
    /// When the given URL is invalid, or none is given and the settings are invalid.
    pub(super) fn place(&self) -> Result<String, Failure> {
        let url = match self.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(url) => address::checked(url)?,
            None => Configuration::of_client()?.url(),
        };
        Ok(url.trim_end_matches('/').to_owned())
    }

    /// The file with certificates to trust at `url`: the given one, or that of a host on this machine.
    pub(super) fn certificates(&self, url: &str) -> Option<PathBuf> {
        // clap does not read this variable: many machines set it, which does not mean that somebody gave a
        // certificate for this host.
        let of_machine =
            || std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
        let of_host = || {
            let settings = Configuration::of_client().ok().filter(|settings| settings.url() == url)?;
            settings.tls.certificate.filter(|file| plain_file::read(file, LARGEST_CERTIFICATES).is_ok())
        };
        self.ca_file.clone().or_else(of_machine).or_else(of_host)
    }

    /// The credential for `url`: the given one, or the token of a login there, or on this machine the admin's token.
    pub(super) fn credential(&self, url: &str) -> Option<Credential> {
        let given = |text: &Option<String>, header, flag: &'static str, variable: &'static str| {
            let secret = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
            let is_variable = std::env::var(variable).is_ok_and(|value| value.trim() == secret);
            let origin = Origin::Given(if is_variable { variable } else { flag });
            Some(Credential { header, secret: secret.to_owned(), origin })
        };
        given(&self.token, TOKEN, "--token", "PETREL_TOKEN")
            .or_else(|| given(&self.api_key, API_KEY, "--api-key", "PETREL_API_KEY"))
            .or_else(|| Some(Credential::of_file(logins::token(url)?, Origin::Login(logins::file()?))))
            .or_else(|| admin_token(url))
    }
}

/// The credential of requests.
pub(super) struct Credential {
    /// The header that carries it.
    pub(super) header: &'static str,
    pub(super) secret: String,
    origin: Origin,
}

/// The source of a credential.
#[derive(Debug)]
enum Origin {
    /// Given for this host, by this flag or variable.
    Given(&'static str),
    /// Kept by `petrel login` in this file.
    Login(PathBuf),
    /// The admin's token in a data directory, in this file.
    DataDirectory(PathBuf),
}

impl Credential {
    fn of_file(token: String, origin: Origin) -> Self {
        Self { header: TOKEN, secret: token, origin }
    }

    /// Whether somebody gave the credential for this host. Any other credential is sent only after the host has
    /// identified itself.
    pub(super) fn is_given(&self) -> bool {
        matches!(self.origin, Origin::Given(_))
    }

    /// Adds the source of the credential to a failure, if the host at `url` refused the credential.
    pub(super) fn named_in(&self, failure: Failure, url: &str) -> Failure {
        if failure.code != Code::Unauthorized || failure.kind != "unauthorized" {
            return failure;
        }
        let (place, hint) = match &self.origin {
            Origin::Given(name) if name.starts_with("--") => {
                ((*name).to_owned(), format!("correct {name}, or leave it out to use {OTHERS}"))
            }
            Origin::Given(name) => (
                format!("the variable {name}"),
                format!("set {name} anew, or `unset {name}` to use {OTHERS}"),
            ),
            Origin::Login(file) => {
                (format!("the file {}", file.display()), format!("sign in again: `petrel login --url {url}`"))
            }
            Origin::DataDirectory(file) => (
                format!("the file {}", file.display()),
                format!(
                    "set PETREL_DATA_DIR to the data directory of the host at {url}, or sign in with `petrel login \
                     --url {url}`"
                ),
            ),
        };
        let message = format!("{} It came from {place}.", failure.message);
        Failure { message, hint, ..failure }
    }
}

/// Adds the ways to a credential to a failure, if the host at `url` wants one and none was found. The host's own hint is
/// for all of its clients; this one is for `petrel`.
pub(super) fn without_credential(failure: Failure, url: &str) -> Failure {
    if failure.code != Code::Unauthorized || failure.kind != "unauthorized" {
        return failure;
    }
    let mut hint =
        format!("`petrel login --url {url}`, or set PETREL_TOKEN to a token or PETREL_API_KEY to an API key");
    let looked = match admin_token_file(url) {
        Some(file) => {
            hint.push_str(
                "; on the host's machine, set PETREL_DATA_DIR to its data directory, as its user who can read the \
                 admin-token there",
            );
            format!(" No login there is known, and {} cannot be read.", file.display())
        }
        None => " No login there is known.".to_owned(),
    };
    Failure { message: format!("{}{looked}", failure.message), hint, ..failure }
}

/// The admin's token in the data directory.
fn admin_token(url: &str) -> Option<Credential> {
    let file = admin_token_file(url)?;
    let token = plain_file::read_text(&file, data_directory::LARGEST_TOKEN).ok()?;
    Some(Credential::of_file(token.trim().to_owned(), Origin::DataDirectory(file)))
}

/// The file with the admin's token, where it may be used: a host elsewhere gets it only if a variable names the
/// directory and the connection is encrypted.
fn admin_token_file(url: &str) -> Option<PathBuf> {
    let named = std::env::var_os("PETREL_DATA_DIR").filter(|path| !path.is_empty()).map(PathBuf::from);
    // Invalid settings are reported where they are needed.
    let settings = Configuration::of_client().ok();
    let is_here = is_here(url) || settings.as_ref().is_some_and(|settings| settings.url() == url);
    if !is_here && (named.is_none() || !url.starts_with("https:")) {
        return None;
    }
    let data_dir = named.or_else(|| Some(settings?.data_dir())).unwrap_or_else(data_directory::default);
    Some(data_directory::token_file(&data_dir))
}

/// Whether `url` is an address of this machine.
fn is_here(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// The certificates in `file`.
pub(super) fn trusted(file: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let failed = |why: String| {
        Failure::usage(
            format!("the certificates {} cannot be read: {why}", file.display()),
            "check --ca-file or SSL_CERT_FILE",
        )
    };
    let pem = plain_file::read(file, LARGEST_CERTIFICATES).map_err(|error| failed(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("there is none in it".into())) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: &str) -> Failure {
        Failure::new(Code::Unauthorized, kind, "Unauthorized - the token is not valid.", "sign in")
    }

    #[test]
    fn what_was_refused_is_said_to_come_from_somewhere() {
        let url = "http://127.0.0.1:9101";
        for (origin, place, remedy) in [
            (Origin::Given("PETREL_TOKEN"), "It came from the variable PETREL_TOKEN.", "unset PETREL_TOKEN"),
            (Origin::Given("PETREL_API_KEY"), "the variable PETREL_API_KEY", "unset PETREL_API_KEY"),
            (Origin::Given("--token"), "It came from --token.", "correct --token"),
            (Origin::Login("/c/logins.json".into()), "the file /c/logins.json", "petrel login --url"),
            (Origin::DataDirectory("/d/admin-token".into()), "the file /d/admin-token", "PETREL_DATA_DIR"),
        ] {
            let credential = Credential::of_file("secret".into(), origin);
            let failure = credential.named_in(refused("unauthorized"), url);
            assert!(failure.message.starts_with("Unauthorized - the token is not valid. "), "{failure}");
            assert!(failure.message.contains(place) && failure.hint.contains(remedy), "{failure}");
            assert!(!failure.to_string().contains("secret"), "{failure}");
            let other = credential.named_in(refused("foreign_origin"), url);
            assert_eq!((other.message.contains("It came"), other.hint.as_str()), (false, "sign in"));
        }
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_credential_over_that_of_either_kind() {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let set = |name: &str| Some(if name == "PETREL_API_KEY" { " ".to_owned() } else { name.to_owned() });
        for (url, token, api_key, expected) in [
            (None, None, None, (Some("PETREL_URL"), Some("PETREL_TOKEN"), None)),
            (Some("u"), None, Some("k"), (Some("u"), None, Some("k"))),
            (None, Some("t"), None, (Some("PETREL_URL"), Some("t"), None)),
        ] {
            let given = Connection { url: own(url), token: own(token), api_key: own(api_key), ca_file: None };
            let told = given.with_variables(set);
            let told = (told.url.as_deref(), told.token.as_deref(), told.api_key.as_deref());
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn who_has_no_credential_is_told_each_way_to_one() {
        let required = |kind| {
            Failure::new(
                Code::Unauthorized,
                kind,
                "Unauthorized - One of Token or API key required.",
                "of the host",
            )
        };
        let ways = ["`petrel login --url ", "PETREL_TOKEN", "PETREL_API_KEY"];
        for (url, is_here) in [("http://127.0.0.1:1", true), ("http://petrel.example.com", false)] {
            let told = without_credential(required("unauthorized"), url);
            assert!(ways.iter().all(|way| told.hint.contains(way)) && told.hint.contains(url), "{told}");
            assert!(told.message.contains("No login there is known"), "{told}");
            let names_file = told.message.contains("admin-token cannot be read");
            // A data directory that the environment of the test names is no way to a host without encryption.
            assert_eq!((names_file, told.hint.contains("PETREL_DATA_DIR")), (is_here, is_here), "{told}");
        }
        assert_eq!(without_credential(required("too_often"), "http://127.0.0.1:1").hint, "of the host");
    }

    #[test]
    fn only_hosts_on_this_machine_get_its_token() {
        for url in ["http://127.0.0.1:9101", "https://localhost:9101", "http://[::1]:80"] {
            assert!(is_here(url), "{url}");
        }
        for url in
            ["http://10.0.0.1:9101", "https://localhost.example.com", "http://[fe80::1]:80", "nonsense"]
        {
            assert!(!is_here(url), "{url}");
        }
    }
}

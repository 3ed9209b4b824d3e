//! `petrel registry`: logins for the registries that packs are pushed to and fetched from, and whether one answers.

use clap::Subcommand;
use petrel_registry::credentials;
use petrel_registry::reference::checked_host;
use petrel_registry::{Error, Registry as Client};
use serde_json::json;

use super::input::read_password;
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, login_file};

/// Sign in to registries of packs, and test them.
#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Sign in to a registry. The login is tried, and kept in a file that only this user can read; logins of Docker count as well
    #[command(
        after_help = "Examples:\n  petrel registry login registry.example.com --user ada\n  petrel registry login registry.example.com --user ada --password-stdin < password"
    )]
    Login {
        /// The host of the registry, with its port if references have it
        host: String,
        /// The name of the user
        #[arg(short, long)]
        user: String,
        /// Read the password from standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Forget the login for a registry
    #[command(after_help = "Examples:\n  petrel registry logout registry.example.com")]
    Logout {
        /// The host of the registry
        host: String,
    },
    /// List the registries that have a login or settings of their own
    #[command(alias = "ls", after_help = "Examples:\n  petrel registry list")]
    List,
    /// Ask a registry whether it is there, and accepts the login
    #[command(after_help = "Examples:\n  petrel registry test registry.example.com")]
    Test {
        /// The host of the registry
        host: String,
    },
}

impl Registry {
    pub(crate) async fn run(self, form: Form) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        match self {
            Self::Login { host, user, password_stdin } => {
                login(&registries, form, &host, &user, password_stdin).await?;
            }
            Self::Logout { host } => logout(form, &host)?,
            Self::List => list(&registries, form),
            Self::Test { host } => test(&registries, form, &host).await?,
        }
        Ok(Code::Ok)
    }
}

async fn login(
    registries: &Registries,
    form: Form,
    host: &str,
    user: &str,
    password_stdin: bool,
) -> Result<(), Failure> {
    checked_host(host)?;
    let file = login_file().ok_or_else(|| {
        let message = "the login cannot be kept: there is no home directory";
        Failure::new(Code::Failed, "login", message, "set XDG_CONFIG_HOME")
    })?;
    let password = read_password(&format!("Password of {user} at {host}"), password_stdin, false)?;
    let client = Client::open(host, registries.settings(), registries.credentials())?;
    let pinged = client.with_login(user, &password).ping().await?;
    if let Some(directory) = file.parent() {
        data_directory::make_private(directory)?;
    }
    credentials::keep(&file, host, user, &password)
        .map_err(|error| Error::of_file("written", &file, &error))?;
    match form {
        Form::Json => print::json(&json!({"registry": host, "user": user, "asked": pinged.login.is_some()})),
        Form::Text => {
            print::note(&format!("signed in to {host} as {user}; the login is in {}", file.display()));
            if pinged.login.is_none() {
                print::note(&format!("note: {host} did not ask for a login, so it was not tried"));
            }
        }
    }
    Ok(())
}

fn logout(form: Form, host: &str) -> Result<(), Failure> {
    let forgotten = match login_file() {
        Some(file) => {
            credentials::forget(&file, host).map_err(|error| Error::of_file("written", &file, &error))?
        }
        None => false,
    };
    match form {
        Form::Json => print::json(&json!({"registry": host, "signed_out": forgotten})),
        Form::Text if forgotten => print::note(&format!("signed out of {host}")),
        Form::Text => print::note(&format!(
            "no login for {host} is kept; one of Docker's ends with `docker logout {host}`"
        )),
    }
    Ok(())
}

fn list(registries: &Registries, form: Form) {
    let logins = registries.credentials().own().map(credentials::known).unwrap_or_default();
    let of_settings = registries.settings().registries.iter().map(|registry| registry.host.clone());
    let mut hosts: Vec<String> = logins.iter().map(|(host, _)| host.clone()).chain(of_settings).collect();
    hosts.sort();
    hosts.dedup();
    let user = |host: &str| logins.iter().find(|(known, _)| known == host).map(|(_, user)| user.clone());
    let rows: Vec<_> = hosts
        .iter()
        .map(|host| json!({"registry": host, "url": registries.settings().of(host).base(), "user": user(host)}))
        .collect();
    match form {
        Form::Json => print::json(&json!(rows)),
        Form::Text if rows.is_empty() => {
            print::note(
                "no registry has a login or settings here; those of Docker are used where they are needed",
            );
        }
        Form::Text => {
            for host in &hosts {
                let url = registries.settings().of(host).base();
                let login =
                    user(host).map_or_else(|| "no login".to_owned(), |user| format!("login of {user}"));
                print::line(&format!("{host}  {url}  {login}"));
            }
        }
    }
}

async fn test(registries: &Registries, form: Form, host: &str) -> Result<(), Failure> {
    let pinged = registries.open(host)?.ping().await?;
    match form {
        Form::Json => print::json(&json!({"registry": host, "url": pinged.url, "login": pinged.login})),
        Form::Text => {
            print::line(&format!("{host} answers at {}", pinged.url));
            let login = match pinged.login {
                Some(origin) => format!("it accepts the login from {origin}"),
                None => "it asks for no login".to_owned(),
            };
            print::line(&login);
        }
    }
    Ok(())
}

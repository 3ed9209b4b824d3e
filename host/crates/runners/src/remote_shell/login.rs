//! The way in which a call signs in: its user, and the password, the key or the agent that proves it. Secrets go to ssh by
//! files in memory: the key is one, and a program that ssh asks (`SSH_ASKPASS`) reads the others.

use std::path::Path;

use crate::Outcome;
use crate::call_parameters::CallParameters;

use super::client::Proof;
use super::hidden::{self, HiddenFile};
use super::key::{self, Source};
use super::options::Options;

/// What ssh asks. It prints the secret that its argument, the prompt, is for. Nobody confirms a key by it.
const ASK: &[u8] = b"#!/bin/sh
case $1 in
*assphrase*) exec cat \"$PETREL_SSH_PASSPHRASE\" ;;
*yes/no*) exit 1 ;;
*) exec cat \"$PETREL_SSH_PASSWORD\" ;;
esac
";

/// A way to sign in, with the files that it needs as long as anything runs.
pub(super) struct Login {
    /// The user, if one is named.
    pub(super) user: Option<String>,
    /// What proves them.
    pub(super) proof: Proof,
    /// Variables for ssh.
    pub(super) variables: Vec<(String, String)>,
    _files: Vec<HiddenFile>,
}

/// The way in which a call with these parameters signs in. As in StackStorm a password counts before a key.
///
/// # Errors
/// The outcome of a call whose key cannot be read, or whose passphrase is missing.
pub(super) async fn of(given: CallParameters<'_>, options: &Options) -> Result<Login, Outcome> {
    let mut files = Vec::new();
    let mut hide = |bytes: &[u8]| keep(HiddenFile::new(bytes), &mut files);
    let mut variables = Vec::new();
    let (password, passphrase) = (secret(given, "password")?, secret(given, "passphrase")?);
    let from_setting = options.private_key.as_deref().map(|path| (path, Source::Setting));
    let key = given.text("private_key").map(|key| (key, Source::Parameter)).or(from_setting);
    let proof = if let Some(password) = password {
        variables.push(("PETREL_SSH_PASSWORD".to_owned(), hide(format!("{password}\n").as_bytes())?));
        Proof::Password
    } else if let Some((key, source)) = key {
        let home = options.environment.iter().find(|(name, _)| name == "HOME").map_or("/", |(_, home)| home);
        let key = key::read(key, source, Path::new(home)).await?;
        if key.is_encrypted {
            let Some(passphrase) = passphrase else {
                let message = "the private key is protected by a passphrase, and none is given";
                return Err(Outcome::failed("ssh.passphrase", message, "give it in passphrase"));
            };
            variables.push(("PETREL_SSH_PASSPHRASE".to_owned(), hide(format!("{passphrase}\n").as_bytes())?));
        }
        Proof::Key {
            path: hide(&key.text)?,
            certificate: key.certificate.map(|certificate| hide(&certificate)).transpose()?,
            is_encrypted: key.is_encrypted,
            is_only: source == Source::Parameter,
        }
    } else if passphrase.is_some() {
        let message = "a passphrase is given, and no private key that it opens";
        return Err(Outcome::failed("parameters.passphrase", message, "give the key in private_key"));
    } else {
        Proof::Own
    };
    if proof.asks() {
        let program = keep(HiddenFile::program(ASK), &mut files)?;
        for (name, value) in [
            ("SSH_ASKPASS", program.as_str()),
            ("SSH_ASKPASS_REQUIRE", "force"),
            // Before 8.4 ssh asks only where there is a display.
            ("DISPLAY", "none"),
        ] {
            variables.push((name.to_owned(), value.to_owned()));
        }
    }
    let agent =
        options.agent.clone().filter(|_| matches!(proof, Proof::Own | Proof::Key { is_only: false, .. }));
    variables.extend(agent.map(|agent| ("SSH_AUTH_SOCK".to_owned(), agent)));
    let user = given.text("username").map(str::to_owned).or_else(|| options.user.clone());
    if user.as_deref().is_some_and(|user| user.starts_with('-') || user.contains(char::is_whitespace)) {
        let message = "the username begins with a dash or has a space in it";
        return Err(Outcome::failed("parameters.username", message, "correct username"));
    }
    Ok(Login { user, proof, variables, _files: files })
}

/// Keeps a file, and returns its path.
fn keep(made: std::io::Result<HiddenFile>, files: &mut Vec<HiddenFile>) -> Result<String, Outcome> {
    let file = made.map_err(|error| {
        let message = format!("no file in memory can be made for ssh: {error}");
        Outcome::failed("ssh.start", message, hidden::remedy(&error))
    })?;
    let path = file.path();
    files.push(file);
    Ok(path)
}

/// A secret parameter, which is one line.
fn secret<'a>(given: CallParameters<'a>, name: &str) -> Result<Option<&'a str>, Outcome> {
    match given.text(name) {
        Some(text) if text.contains(['\n', '\0']) => {
            let message = format!("the parameter {name} has several lines, and ssh takes one");
            Err(Outcome::failed("parameters.secret", message, "remove the line end"))
        }
        found => Ok(found),
    }
}

//! The greeting of a host that listens: its address, how to sign in, and a first command, which works as it stands,
//! whatever the data directory and the address are. `config.rs` knows what a client finds without being told.

use std::path::{Path, PathBuf};

use petrel_runners::local_shell::identity::quoted;
use serde_json::{Value, json};

use crate::config::{Configuration, Settings};
use crate::data_directory;
use crate::print;

/// The addresses and paths of a host that its clients may need.
pub(crate) struct Whereabouts<'a> {
    /// The URL on which the host listens.
    pub(crate) listens: &'a str,
    /// The URL for clients on the same machine.
    pub(crate) url: &'a str,
    /// The data directory.
    pub(crate) data_dir: &'a Path,
    /// The certificate of the host, if connections are encrypted.
    pub(crate) certificate: Option<&'a Path>,
    /// The file with what is special about registries, which clients on the same machine talk to; empty if there is none.
    pub(crate) registries: &'a Path,
}

impl<'a> Whereabouts<'a> {
    /// Those of a host with these settings.
    pub(crate) fn of(settings: &'a Settings, listens: &'a str, url: &'a str, data_dir: &'a Path) -> Self {
        let certificate = settings.tls.certificate.as_deref();
        Self { listens, url, data_dir, certificate, registries: settings.file_with_registries() }
    }
}

impl Whereabouts<'_> {
    /// Prints the greeting.
    pub(crate) fn announce(&self) {
        let token_file = data_directory::token_file(self.data_dir);
        print::line(&format!("petrel {} listens on {}", env!("CARGO_PKG_VERSION"), self.listens));
        print::line(&format!("  data      {}", self.data_dir.display()));
        print::line("  sign in   on this machine `petrel` works at once, as the same user;");
        print::line("            elsewhere say `petrel login --url URL`,");
        print::line(&format!("            or send the token in {} as X-Auth-Token", token_file.display()));
        let found = Configuration::of_untold_client();
        let variables = self.variables(found.as_ref());
        if !variables.is_empty() {
            print::line("  client    in the terminal where you call `petrel`, say first");
            print::line(&format!("            export {}", variables.join(" ")));
        }
        let words: Vec<_> = variables.into_iter().chain([program()]).collect();
        let trusted = self.trusted(found.as_ref()).map(|file| format!(" --ca-file {}", quoted(&file)));
        let trusted = trusted.unwrap_or_default();
        print::line(&format!("  try       {} run core.local cmd='uname -a'{trusted}", words.join(" ")));
    }

    /// Prints the greeting as one document, and logs what an operator should look at.
    pub(crate) fn announce_to_programs(&self, password: Option<&str>, held: usize, notes: &[String]) {
        if held > 0 {
            tracing::warn!(count = held, "executions are held since a restore");
        }
        for note in notes {
            tracing::warn!(note, "cannot use something that is registered or set");
        }
        print::json(&self.as_json(password, held, notes));
    }

    fn as_json(&self, password: Option<&str>, held: usize, notes: &[String]) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "listens": self.listens,
            "url": self.url,
            "data_dir": written(self.data_dir),
            "token_file": written(&data_directory::token_file(self.data_dir)),
            "certificate": self.certificate.map(written),
            "password": password,
            "held": held,
            "notes": notes,
        })
    }

    /// The variables, as words of a shell, for a client that finds only the settings in `found`.
    fn variables(&self, found: Option<&Settings>) -> Vec<String> {
        let mut variables = Vec::new();
        let mut tell = |name: &str, value: String| variables.push(format!("{name}={}", quoted(&value)));
        if found.is_none_or(|found| found.url() != self.url) {
            tell("PETREL_URL", self.url.to_owned());
        }
        if found.is_none_or(|found| found.data_dir() != self.data_dir) {
            tell("PETREL_DATA_DIR", self.data_dir.display().to_string());
        }
        let has_registries = !self.registries.as_os_str().is_empty();
        if has_registries && found.is_none_or(|found| found.file_with_registries() != self.registries) {
            let file = std::path::absolute(self.registries);
            tell("PETREL_CONFIG", file.as_deref().unwrap_or(self.registries).display().to_string());
        }
        variables
    }

    /// The certificate that such a client must be told to trust, unless an authority that everybody trusts has issued
    /// it.
    fn trusted(&self, found: Option<&Settings>) -> Option<String> {
        let certificate = self.certificate?;
        if found.is_some_and(|found| found.tls.certificate.as_deref() == Some(certificate)) {
            return None;
        }
        let file = std::path::absolute(certificate).unwrap_or_else(|_unknown| certificate.to_owned());
        Some(file.display().to_string())
    }
}

/// A path as text; a name that is not UTF-8 must not fail the greeting.
fn written(path: &Path) -> String {
    path.display().to_string()
}

/// The command that runs this program: its name if a shell finds it by that, and otherwise its path.
fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return "petrel".to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named: Option<PathBuf> =
        std::env::split_paths(&path).map(|folder| folder.join("petrel")).find(|file| file.is_file());
    let is_own = named.and_then(|file| file.canonicalize().ok()).is_some_and(|file| file == own);
    if is_own { "petrel".to_owned() } else { quoted(&own.display().to_string()) }
}

/// Prints the admin's password, at the first start only, because only its hash is stored.
pub(crate) fn announce_admin(password: &str) {
    print::line(&format!("  password  {password}"));
    print::line("            of the user admin, shown this once; `petrel user password admin` sets another");
}

/// Prints the number of held executions, if there are any.
pub(crate) fn announce_held(count: usize) {
    if count > 0 {
        tracing::warn!(count, "executions are held since a restore");
        let held = print::counted(count, "execution");
        print::line(&format!("  held      {held} in flight at the backup, until you say so:"));
        print::line("            `petrel resume-all --show` lists them, `petrel resume-all` lets them go on");
        print::line("            (an action that had begun becomes abandoned unless it is idempotent)");
    }
}

/// Prints warnings about what is registered or set, and logs them: some read only one of the two.
pub(crate) fn announce_notes(notes: &[String]) {
    for note in notes {
        tracing::warn!(note, "cannot use something that is registered or set");
        print::line(&format!("  warning   {note}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_the_same() {
        let (listens, url, data_dir) = ("http://0.0.0.0:9101", "http://127.0.0.1:9101", Path::new("/data"));
        let here = Whereabouts { listens, url, data_dir, certificate: None, registries: Path::new("") };
        let expected = json!({
            "version": env!("CARGO_PKG_VERSION"), "listens": listens, "url": url, "data_dir": "/data",
            "token_file": "/data/admin-token", "certificate": null, "password": "secret", "held": 2,
            "notes": ["gone"],
        });
        assert_eq!(here.as_json(Some("secret"), 2, &["gone".to_owned()]), expected);
    }

    #[test]
    fn a_client_is_told_what_it_does_not_find() {
        let Some(found) = Configuration::of_untold_client() else { return };
        let (url, data_dir) = (found.url(), found.data_dir());
        let registries = found.file_with_registries();
        let here =
            Whereabouts { listens: &url, url: &url, data_dir: &data_dir, certificate: None, registries };
        assert_eq!(here.variables(Some(&found)), [""; 0]);
        assert_eq!(here.variables(None).len(), 2, "nothing can be read");
        let elsewhere = Whereabouts {
            listens: "https://0.0.0.0:80",
            url: "https://127.0.0.1:80",
            data_dir: Path::new("/my data"),
            certificate: Some(Path::new("/host.crt")),
            registries: Path::new("/my.toml"),
        };
        assert_eq!(
            elsewhere.variables(Some(&found)),
            ["PETREL_URL=https://127.0.0.1:80", "PETREL_DATA_DIR='/my data'", "PETREL_CONFIG=/my.toml"]
        );
        assert_eq!((elsewhere.trusted(None), here.trusted(None)), (Some("/host.crt".to_owned()), None));
    }
}

//! The session of client verbs: the client, the form of results, and paths of URLs.

use crate::client::{Client, Connection};
use crate::exit::Failure;
use crate::print::Form;

/// The session of a verb that needs a host.
pub(super) struct Session {
    /// The client of the host.
    pub(super) client: Client,
    /// The form of results.
    pub(super) form: Form,
}

impl Session {
    /// Finds the host and the credential.
    ///
    /// # Errors
    /// When no host is named, and the settings of this machine are invalid.
    pub(super) fn open(connection: &Connection, form: Form) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(connection)?, form })
    }
}

/// Whether secrets are shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Secrets {
    /// Show secrets in clear instead of ********; only the admin may see them
    #[arg(long)]
    show_secrets: bool,
}

impl Secrets {
    /// Adds the request for secrets to `path`, if they are to be shown.
    pub(super) fn asked(self, path: &str) -> String {
        if !self.show_secrets {
            return path.to_owned();
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}show_secrets=true")
    }
}

/// A part of a path, with escapes for characters that URLs do not allow.
pub(super) fn path_segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped() {
        assert_eq!(path_segment("core.local"), "core.local");
        assert_eq!(path_segment("a/b ü"), "a%2Fb%20%C3%BC");
    }

    #[test]
    fn secrets_are_asked_for_beside_what_else_is() {
        let asked = |show_secrets, path| Secrets { show_secrets }.asked(path);
        assert_eq!(asked(true, "/rules"), "/rules?show_secrets=true");
        assert_eq!(asked(true, "/rules?limit=1"), "/rules?limit=1&show_secrets=true");
        assert_eq!(asked(false, "/rules?limit=1"), "/rules?limit=1");
    }
}

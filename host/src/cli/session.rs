//! The session of client verbs: the client, the form of results, paths of URLs, and the output of answers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use petrel_api_types::Item;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, Connection, read};
use crate::exit::Failure;
use crate::print::{self, Form};

/// The items in the answer to a list.
pub(super) type Items<T> = Vec<Item<'static, T>>;

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

    /// Prints an answer: unchanged for programs, and by `tell` for people, which gets it as a type of the API.
    ///
    /// # Errors
    /// In the form for people, an answer that is not of this type.
    pub(super) fn show<'a, T: Deserialize<'a>>(
        &self,
        answer: &'a Value,
        tell: impl FnOnce(T),
    ) -> Result<(), Failure> {
        match self.form {
            Form::Json => print::json(answer),
            Form::Text => tell(read(answer)?),
        }
        Ok(())
    }
}

/// Prints an answer and its `notes`. Programs get the notes as well, on standard error; an answer of another type is
/// printed for them without notes.
///
/// # Errors
/// As [`Session::show`].
pub(super) fn show_noted<'a, T: Deserialize<'a>>(
    form: Form,
    answer: &'a Value,
    notes: impl FnOnce(&T),
    tell: impl FnOnce(&T),
) -> Result<(), Failure> {
    let said: Result<T, Failure> = read(answer);
    match form {
        Form::Json => {
            if let Ok(said) = &said {
                notes(said);
            }
            print::json(answer);
        }
        Form::Text => {
            let said = said?;
            notes(&said);
            tell(&said);
        }
    }
    Ok(())
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

/// The characters that are escaped in a part of a path: all but the unreserved ones of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path, or a value of a query, with escapes for characters that URLs do not allow there.
pub(super) fn path_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped() {
        assert_eq!(path_segment("core.local"), "core.local");
        assert_eq!(path_segment("a/b ü"), "a%2Fb%20%C3%BC");
        assert_eq!(path_segment("-._~%?&+"), "-._~%25%3F%26%2B");
    }

    #[test]
    fn secrets_are_asked_for_beside_what_else_is() {
        let asked = |show_secrets, path| Secrets { show_secrets }.asked(path);
        assert_eq!(asked(true, "/rules"), "/rules?show_secrets=true");
        assert_eq!(asked(true, "/rules?limit=1"), "/rules?limit=1&show_secrets=true");
        assert_eq!(asked(false, "/rules?limit=1"), "/rules?limit=1");
    }
}

//! What the client verbs have in common: the host that they talk to, how its paths are written, and how its answers are
//! shown.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use petrel_api_types::Item;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, Connection, read};
use crate::exit::Failure;
use crate::print::{self, Form};

/// The items of a list, as they are read from its answer.
pub(super) type Items<T> = Vec<Item<'static, T>>;

/// What every client verb gets that talks to a host.
pub(super) struct Session {
    /// Talks to the host.
    pub(super) client: Client,
    /// How results are printed.
    pub(super) form: Form,
}

impl Session {
    /// Finds out where the host is, and who signs in.
    ///
    /// # Errors
    /// When nobody has said where, and the settings of this machine make no sense.
    pub(super) fn open(connection: &Connection, form: Form) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(connection)?, form })
    }

    /// Shows an answer: to programs as it came, to people as `tell` does, from the type of the API that it is.
    ///
    /// # Errors
    /// When it is of another type, and people are to read it.
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

/// Shows an answer that has `notes` beside what is shown of it, which programs are told as well: on standard error. They
/// get an answer that is not understood too, without its notes.
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
    /// Show secrets as they are, in place of ********; only the admin may see them
    #[arg(long)]
    show_secrets: bool,
}

impl Secrets {
    /// `path`, with what asks for secrets if they are to be shown.
    pub(super) fn asked(self, path: &str) -> String {
        if !self.show_secrets {
            return path.to_owned();
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}show_secrets=true")
    }
}

/// What is escaped in a part of a path: all but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path, or a value of a query, with what URLs do not allow in it escaped.
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

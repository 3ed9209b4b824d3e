//! The reasons why parameters cannot be rendered or cast, with and without what they quote.

use petrel_expressions::{DECRYPTS_NOTHING, DECRYPTS_PLAIN, NOT_ENCRYPTED, NOTHING_ENCRYPTED};
use petrel_model::quoted::quoted;

use super::cast;

/// Reasons why parameters could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A template uses a name that is neither a parameter nor in the scope.
    #[error(
        "parameter {parameter} refers to {}, which is neither a parameter nor trigger, st2kv, action_context or config_context; check the name",
        quoted(.name)
    )]
    Unsatisfied {
        /// The parameter.
        parameter: String,
        /// The unknown name.
        name: String,
    },
    /// Parameters depend on each other in a cycle.
    #[error("parameters refer to each other in a circle: {}; give one of them a value", quoted(&.0.join(", ")))]
    Cycle(Vec<String>),
    /// Too many parameters wait for one another.
    #[error(
        "more than {limit} parameters refer to one another in a row, up to {parameter}; give some of them a value"
    )]
    Chain {
        /// The last of them that was looked at.
        parameter: String,
        /// The greatest number that may wait.
        limit: usize,
    },
    /// A template cannot be rendered.
    #[error("parameter {parameter}: {source}")]
    Render {
        /// The parameter.
        parameter: String,
        /// The error of the template.
        #[source]
        source: petrel_expressions::Error,
    },
    /// [`Unsatisfied`](Self::Unsatisfied), [`Render`](Self::Render) or [`Cast`](Self::Cast) with a secret parameter, or one
    /// that reads a secret. Quotes nothing.
    #[error("parameter {parameter} {what}; it holds a secret, so neither its text nor its value is shown")]
    Hidden {
        /// The parameter.
        parameter: String,
        /// The problem.
        what: String,
    },
    /// An error together with missing keys of the datastore or of the pack's configuration, which the template reads, or
    /// with the name that is likely meant.
    #[error("{error}; {missing}")]
    Missing {
        /// The error.
        error: Box<Self>,
        /// The missing keys or the name that is meant, in words.
        missing: String,
    },
    /// The value of a name that templates use is not available.
    #[error("`{name}` is not available: {reason}")]
    Unavailable {
        /// The name.
        name: &'static str,
        /// The reason and the remedy.
        reason: String,
    },
    /// A value cannot be cast to its declared type.
    #[error("parameter {parameter}: {source}")]
    Cast {
        /// The parameter.
        parameter: String,
        /// The error of the cast.
        #[source]
        source: cast::Error,
    },
}

impl Error {
    /// The parameter that is wrong, if it is one.
    pub(super) fn parameter(&self) -> Option<&str> {
        match self {
            Self::Unsatisfied { parameter, .. }
            | Self::Render { parameter, .. }
            | Self::Hidden { parameter, .. }
            | Self::Cast { parameter, .. } => Some(parameter),
            Self::Missing { error, .. } => error.parameter(),
            Self::Cycle(_) | Self::Chain { .. } | Self::Unavailable { .. } => None,
        }
    }

    /// This error without the quoted text and value.
    #[must_use]
    pub fn hidden(self) -> Self {
        let (parameter, what) = match self {
            // The name is a part of the text, and with it perhaps of the secret.
            Self::Unsatisfied { parameter, .. } => {
                (parameter, "refers to something that does not exist; check its template".to_owned())
            }
            Self::Render { parameter, source } => {
                let what = match source {
                    petrel_expressions::Error::TooMuch { limit, .. } => {
                        format!("cannot be rendered: {limit}")
                    }
                    petrel_expressions::Error::Syntax { line, .. } => {
                        format!("is not a valid template, in its line {line}")
                    }
                    // Not in the words of the reason, which may quote.
                    petrel_expressions::Error::Render { reason, .. } if reason.contains(NOT_ENCRYPTED) => {
                        DECRYPTS_PLAIN.to_owned()
                    }
                    petrel_expressions::Error::Render { reason, .. }
                        if reason.contains(NOTHING_ENCRYPTED) =>
                    {
                        DECRYPTS_NOTHING.to_owned()
                    }
                    _ => "cannot be rendered; check its template".to_owned(),
                };
                (parameter, what)
            }
            Self::Cast { parameter, source } => {
                let what = match source {
                    cast::Error::Text { kind, .. } => {
                        format!("is not a value of type {kind}; correct the value")
                    }
                    cast::Error::NotAString { found, .. } => {
                        format!("must be a string or null, and is of type {found}; put it in quotes")
                    }
                };
                (parameter, what)
            }
            Self::Missing { error, .. } => return error.hidden(),
            other => return other,
        };
        Self::Hidden { parameter, what }
    }
}

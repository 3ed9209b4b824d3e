//! Errors of templates, for the people who wrote them.

use minijinja::ErrorKind;
use petrel_model::quoted::told;
use petrel_scope::meant_with_scope;

use crate::environment::{OUTPUT_LIMIT, fuel};
use crate::missing;
use crate::work::{self, Exceeded, Limit};

/// The reason why a template could not be compiled or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a template.
    #[error("template `{template}`, line {line}: {reason}; correct the expression")]
    Syntax {
        /// The template, shortened.
        template: String,
        /// The line within it, from 1.
        line: usize,
        /// The reason of the parser.
        reason: String,
    },
    /// The template is well-formed, but not for these values.
    #[error("template `{template}` cannot be rendered: {reason}")]
    Render {
        /// The template, shortened.
        template: String,
        /// The reason, with a remedy where there is one.
        reason: String,
    },
    /// A limit of the evaluation was exceeded.
    #[error("template `{template}` was given up: {limit}")]
    TooMuch {
        /// The template, shortened.
        template: String,
        /// The limit.
        limit: Limit,
    },
    /// The limit on the output was exceeded.
    #[error("template `{template}` gave more than {OUTPUT_LIMIT} bytes; pass less, or do this in an action")]
    OutputTooLarge {
        /// The template, shortened.
        template: String,
    },
}

impl Error {
    /// Rewords the engine's error, whose text names neither the template nor a remedy.
    pub(crate) fn from_engine(source: &str, error: &minijinja::Error) -> Self {
        let template = shortened(source);
        if let Err(Exceeded(limit)) = work::check() {
            return Self::TooMuch { template, limit };
        }
        match error.kind() {
            ErrorKind::SyntaxError => Self::Syntax {
                template,
                line: error.line().unwrap_or(1),
                reason: told(error.detail().unwrap_or("syntax error")).into_owned(),
            },
            ErrorKind::OutOfFuel => Self::TooMuch { template, limit: Limit::Steps(fuel()) },
            kind => Self::Render { template, reason: told(&reason(source, kind, error)).into_owned() },
        }
    }

    /// The same error of the template that the author wrote as `source`, where another one was made of that.
    #[must_use]
    pub fn of_template(mut self, source: &str) -> Self {
        let (Self::Syntax { template, .. }
        | Self::Render { template, .. }
        | Self::TooMuch { template, .. }
        | Self::OutputTooLarge { template }) = &mut self;
        *template = shortened(source);
        self
    }

    /// The template, shortened.
    pub fn template(&self) -> &str {
        let (Self::Syntax { template, .. }
        | Self::Render { template, .. }
        | Self::TooMuch { template, .. }
        | Self::OutputTooLarge { template }) = self;
        template
    }

    /// Adds the missing keys of the datastore to the reason.
    pub(crate) fn with_missing(self, missing: Option<String>) -> Self {
        match (self, missing) {
            (Self::Render { template, reason }, Some(missing)) => {
                Self::Render { template, reason: format!("{reason}; {missing}") }
            }
            (other, _) => other,
        }
    }
}

fn reason(source: &str, kind: ErrorKind, error: &minijinja::Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match kind {
        ErrorKind::UndefinedError => undefined(source, &missing::name(detail)),
        ErrorKind::UnknownFilter => format!("{detail}; check its name"),
        _ if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    }
}

/// The reason for an undefined value in a template: a name, or an expression.
fn undefined(source: &str, what: &str) -> String {
    // Every key of a scope is defined, so the scope is missing or misspelt.
    let path = what.trim_matches('`').strip_prefix("st2kv.");
    match path.filter(|path| path.chars().all(|char| char.is_alphanumeric() || char == '_')) {
        Some(path) => {
            format!("{what} is not defined, since keys have a scope; {}", meant_with_scope(path))
        }
        None if is_read_further(source, what.trim_matches('`')) => {
            format!(
                "{what} is not defined, and a part of it is read; check the name, since no default takes its place"
            )
        }
        None => format!("{what} is not defined; check the name, or add `| default(VALUE)`"),
    }
}

/// Whether a template reads a part of `path`, wherever it has it: then a default stands behind the part.
fn is_read_further(source: &str, path: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut behind = source.match_indices(path).filter_map(|(place, _)| {
        let before = source.get(..place).unwrap_or_default();
        let behind = source.get(place + path.len()..).unwrap_or_default();
        (!before.ends_with(|letter| is_part(letter) || letter == '.') && !behind.starts_with(is_part))
            .then_some(behind)
    });
    let reads = |behind: &str| match behind.strip_prefix('.') {
        Some(name) => name.starts_with(is_part),
        None => behind.starts_with('['),
    };
    !path.is_empty() && behind.next().is_some_and(reads) && behind.all(reads)
}

/// The beginning of `text`, on one line.
pub(crate) fn shortened(text: &str) -> String {
    const LENGTH: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(LENGTH).collect();
    if short.len() < text.trim_end().len() {
        short.push('…');
    }
    short
}

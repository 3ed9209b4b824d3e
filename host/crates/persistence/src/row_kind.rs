//! The kinds of rows, as reports of damage name them: a document of a kind, a noun with an id, or a part of one.

use std::fmt;

use crate::documents::DocumentKind;

/// The kind of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A document.
    Document(DocumentKind),
    /// An execution.
    Execution,
    /// A trigger instance.
    TriggerInstance,
    /// An enforcement.
    Enforcement,
    /// A row that only a backend knows, by its name for people.
    Other(&'static str),
}

impl RowKind {
    /// The name for people: `execution`, `rule`, `API key` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Document(kind) => kind.name(),
            Self::Execution => "execution",
            Self::TriggerInstance => "trigger instance",
            Self::Enforcement => "enforcement",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<DocumentKind> for RowKind {
    fn from(kind: DocumentKind) -> Self {
        Self::Document(kind)
    }
}

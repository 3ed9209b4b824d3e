//! The tokens of a text.

use crate::place::Mark;

/// A token and the position where it starts.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: Mark,
}

/// The kind of a token.
#[derive(Debug)]
pub(crate) enum Kind {
    /// `%...`
    Directive(Directive),
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    /// The end of the text.
    End,
    /// Before the first `-` of a list.
    BlockListStart,
    /// Before the first key of a mapping.
    BlockMappingStart,
    /// At the end of an indented block.
    BlockEnd,
    /// `[`
    FlowListStart,
    /// `]`
    FlowListEnd,
    /// `{`
    FlowMappingStart,
    /// `}`
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    /// `?`, or before a key without it.
    Key,
    /// `:`
    Value,
    /// `*name`
    Alias(String),
    /// `&name`
    Anchor(String),
    /// `!handle!suffix`. Without a handle, the suffix is the whole tag.
    Tag { handle: Option<String>, suffix: String },
    /// A scalar.
    Scalar(Scalar),
}

/// A scalar, and whether it was written without quotes and outside of a block.
#[derive(Debug, Default)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) is_plain: bool,
}

/// A directive, that is a line that begins with `%`.
#[derive(Debug)]
pub(crate) enum Directive {
    /// `%YAML 1.1`, with the number before the dot.
    Version(String),
    /// `%TAG handle prefix`
    Tag { handle: String, prefix: String },
    /// Any other directive, which has no meaning.
    Other,
}

impl Kind {
    /// Its name in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Directive(_) => "a line with %",
            Self::DocumentStart => "`---`",
            Self::DocumentEnd => "`...`",
            Self::End => "the end of the text",
            Self::BlockListStart => "a list",
            Self::BlockMappingStart => "a mapping",
            Self::BlockEnd => "less indentation",
            Self::FlowListStart => "`[`",
            Self::FlowListEnd => "`]`",
            Self::FlowMappingStart => "`{`",
            Self::FlowMappingEnd => "`}`",
            Self::BlockEntry => "`-`",
            Self::FlowEntry => "`,`",
            Self::Key => "a key",
            Self::Value => "`:`",
            Self::Alias(_) => "an alias",
            Self::Anchor(_) => "an anchor",
            Self::Tag { .. } => "a tag",
            Self::Scalar(_) => "a text",
        }
    }
}

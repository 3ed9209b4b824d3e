//! What a text is made of, one after the other.

use crate::place::Mark;

/// A token, and where it starts.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: Mark,
}

/// What a token is.
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
    /// Where what was indented ends.
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
    /// `!handle!suffix`; without a handle the suffix is all of the tag.
    Tag { handle: Option<String>, suffix: String },
    /// A text, with or without quotes.
    Scalar(Scalar),
}

/// A text, and whether it was written without quotes and outside of a block.
#[derive(Debug, Default)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) is_plain: bool,
}

/// What a line that begins with `%` says.
#[derive(Debug)]
pub(crate) enum Directive {
    /// `%YAML 1.1`: the number before the dot.
    Version(String),
    /// `%TAG handle prefix`
    Tag { handle: String, prefix: String },
    /// Any other; it has no meaning.
    Other,
}

impl Kind {
    /// How messages call it.
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

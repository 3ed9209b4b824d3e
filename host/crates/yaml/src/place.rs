//! Positions in a text: as people count them, and as the scanner does.

/// A position in a text. Line and column are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// The beginning of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A position in a text. All numbers are counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Number of characters before it.
    pub(crate) index: usize,
    pub(crate) line: usize,
    /// In characters.
    pub(crate) column: usize,
}

impl From<Mark> for Position {
    fn from(mark: Mark) -> Self {
        Self { line: mark.line + 1, column: mark.column + 1 }
    }
}

//! Places in a text: as people count them, and as the reader does.

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Position {
    /// Where a text starts.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// A place in a text, all counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How many characters stand before it.
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

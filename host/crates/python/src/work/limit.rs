//! The limits of an evaluation, each with its remedy. [`work`](super) counts towards them.

use super::{BYTES, DEPTH, UNITS};

/// The limit that an evaluation exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`UNITS`], or the rest of the allowance.
    #[error(
        "it took more work than the {UNITS} units that an evaluation has; loop over less, or do this in an action"
    )]
    Work,
    /// The steps of a single template.
    #[error("it took more than {0} steps; loop over less, or do this in an action")]
    Steps(u64),
    /// [`BYTES`].
    #[error("it made more than {BYTES} bytes of text and lists; pass less, or do this in an action")]
    Bytes,
    /// [`DEPTH`].
    #[error("lists nest deeper than {DEPTH} levels in it, or one holds itself; flatten them")]
    Depth,
    /// The time in the operator's settings.
    #[error("it took longer than expressions.max_seconds; loop over less, or do this in an action")]
    Time,
    /// The host is stopping.
    #[error("it was ended since the host stops; ask again when it is back")]
    Stop,
}

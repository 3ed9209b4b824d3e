//! The limits of an evaluation that can be hit, and what to do about each. What counts towards them is in
//! [`work`](super).

use super::{BYTES, DEPTH, UNITS};

/// The limit that an evaluation has hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`UNITS`], or what was left of the allowance.
    #[error(
        "it took more work than the {UNITS} units that an evaluation has; loop over less, or do this in an action"
    )]
    Work,
    /// The steps that one template has.
    #[error("it took more than {0} steps; loop over less, or do this in an action")]
    Steps(u64),
    /// [`BYTES`].
    #[error("it made more than {BYTES} bytes of text and lists; pass less, or do this in an action")]
    Bytes,
    /// [`DEPTH`].
    #[error("lists nest deeper than {DEPTH} levels in it, or one holds itself; flatten them")]
    Depth,
    /// The time that the operator allows.
    #[error("it took longer than expressions.max_seconds; loop over less, or do this in an action")]
    Time,
    /// The host is about to stop.
    #[error("it was ended since the host stops; ask again when it is back")]
    Stop,
}

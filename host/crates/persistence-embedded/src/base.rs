//! The seam between the store and the ordered key-value engine underneath.

/// One write: a key and its new value, or `None` to delete it.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// A failure of the engine, in its own words.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct BaseError(pub String);

/// An ordered key-value engine. One thread writes; any thread reads.
pub trait Base: Send + Sync {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError>;

    /// Up to `limit` entries with `from <= key < to`, in order; from the end if `reverse`.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError>;

    /// Applies all of `writes` or none of them. Readers see them at once; they are not durable yet.
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError>;

    /// Makes everything applied so far durable. After an error nothing more may be written.
    fn sync(&self) -> Result<(), BaseError>;
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

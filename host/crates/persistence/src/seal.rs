//! Rows that hold secrets are stored encrypted. A backend knows which ones they are, and is given what encrypts
//! them: the keys are not its own.

use std::fmt;

use petrel_model::ExecutionId;

use crate::documents::Document;

/// Encrypts and decrypts rows. All of its errors are for people, and name the remedy.
pub trait Sealer: fmt::Debug + Send + Sync {
    /// `body` as it may be stored in `place`, in which alone it opens.
    ///
    /// # Errors
    /// When there is no key.
    fn seal(&self, body: &[u8], place: &[u8]) -> Result<Vec<u8>, String>;

    /// What was sealed in `place`.
    ///
    /// # Errors
    /// When its key is not there, or it was changed.
    fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, String>;

    /// The id of the key that seals now, if one does. It tells nothing of the key.
    fn key(&self) -> Option<String> {
        None
    }

    /// The id of the key by which this was sealed, as far as that can be seen; its beginning is enough.
    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        let _ = sealed;
        None
    }
}

/// The last execution that was looked at, and the number of those that were encrypted. `None` if there was none to look at.
pub type Looked = Option<(ExecutionId, usize)>;

/// Whether this document is stored encrypted.
pub fn is_secret(document: &Document) -> bool {
    matches!(document, Document::PackConfig(config) if config.secret)
}

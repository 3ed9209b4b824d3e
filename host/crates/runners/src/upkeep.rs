//! The upkeep of files that the host has laid out for what it runs: the directory in which processes start, the library
//! of Python actions, the packs of the binary. If one of them is missing when it is needed, it is laid out again at that
//! moment. The binary knows how; this file only asks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Lays out what a path belongs to, and says whether it is the host's own and there now.
type LayOut = dyn Fn(&Path) -> bool + Send + Sync;

/// Lays out missing files of the host again. The default lays nothing out.
#[derive(Clone, Default)]
pub struct Upkeep(Option<Arc<LayOut>>);

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upkeep")
    }
}

impl Upkeep {
    /// Upkeep by the function `lay_out`, which is called on a thread that may block. It gets the path of something that
    /// is missing, which need not be the host's own.
    pub fn by(lay_out: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(lay_out)))
    }

    /// Lays out what `missing` belongs to, if it is the host's own and still missing. Returns whether it is there now, so
    /// that it makes sense to try again: somebody else may have needed it a moment before.
    pub async fn lay_out(&self, missing: PathBuf) -> bool {
        let Some(lay_out) = self.0.clone() else { return false };
        tokio::task::spawn_blocking(move || lay_out(&missing)).await.unwrap_or(false)
    }
}

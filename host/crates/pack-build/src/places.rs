//! Places in the directory of a pack.

use std::path::{Path, PathBuf};

/// The directory with the sources of the component. It is no part of the pack that is published.
pub const SOURCES: &str = "component";
/// The directory in there for what is laid out and built.
const BUILT: &str = "build";

/// The directory of the sources of a pack.
pub fn sources(pack: &Path) -> PathBuf {
    pack.join(SOURCES)
}

/// The directory that is built into, which a watcher leaves out.
pub fn built(pack: &Path) -> PathBuf {
    sources(pack).join(BUILT)
}

/// The file of a pack's built component, unless `pack.yaml` says another: `wasm/NAME.wasm`.
pub fn usual_component(pack: &str) -> PathBuf {
    Path::new("wasm").join(format!("{pack}.wasm"))
}

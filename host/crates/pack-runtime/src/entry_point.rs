//! The component that an entry point names: its file within the pack, which no link leads out of, laid out and loaded if need be.

use std::path::{Component as PathPart, Path, PathBuf};
use std::sync::Arc;

use petrel_runners::Upkeep;

use crate::component_cache::LoadedComponent;
use crate::{LoadError, PackRuntime};

/// The component that `entry_point` names, loaded if need be, and laid out first if it is the host's own and missing.
pub(crate) async fn component(
    runtime: &PackRuntime,
    upkeep: &Upkeep,
    pack_path: &Path,
    entry_point: &str,
) -> Result<Arc<LoadedComponent>, LoadError> {
    let path = file(pack_path, entry_point)?;
    let core = runtime.core().await?;
    let found = core.components.get(&path, Some(pack_path)).await;
    if matches!(found, Err(LoadError::Missing { .. })) && upkeep.lay_out(path.clone()).await {
        return core.components.get(&path, Some(pack_path)).await;
    }
    found
}

/// The file that `entry_point` names, which must be inside the pack.
pub(crate) fn file(pack_path: &Path, entry_point: &str) -> Result<PathBuf, LoadError> {
    let path = pack_path.join(entry_point);
    let stays_inside = Path::new(entry_point).components().all(|part| matches!(part, PathPart::Normal(_)));
    if !stays_inside || entry_point.is_empty() {
        let reason = "entry_point must name a file within the pack".to_owned();
        return Err(LoadError::Missing { path, reason });
    }
    Ok(path)
}

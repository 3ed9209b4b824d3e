//! The file that an action runs: its entry point in `actions/` of the pack.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use petrel_model::{Action, Ref};

use crate::{Call, Outcome, Upkeep};

/// Largest file, in bytes. Interpreters read the whole of it.
const LARGEST: u64 = 64 << 20;

/// The file of an action.
#[derive(Debug)]
pub struct Found {
    /// Its path, with links resolved.
    pub path: PathBuf,
    /// What it was like when it was found.
    pub metadata: Metadata,
}

/// As [`find_in`], for a call. A missing file of a pack of the host's own is laid out first.
pub(crate) async fn find(call: &Call, upkeep: &Upkeep) -> Result<PathBuf, Outcome> {
    let mut found = find_in(&call.pack_path, &call.action).await;
    if found.is_err() {
        let missing = call.pack_path.join("actions").join(&call.action.entry_point);
        if upkeep.lay_out(missing).await {
            found = find_in(&call.pack_path, &call.action).await;
        }
    }
    found.map(|found| found.path)
}

/// Finds the file of an action of the pack at `pack_path`. It must exist inside the pack, with links resolved, and be a
/// regular file of acceptable size.
///
/// # Errors
/// The outcome of a call whose file is missing, outside the pack, not a regular file, or too large.
pub async fn find_in(pack_path: &Path, action: &Action) -> Result<Found, Outcome> {
    let (pack_path, action, name) =
        (pack_path.to_owned(), action.reference.clone(), action.entry_point.clone());
    if name.is_empty() {
        return Err(Outcome::failed(
            "script.missing",
            format!("{action} does not say which file it runs"),
            "give its metadata an entry_point, the name of a file beside it",
        ));
    }
    // All looks at the file system in one turn: a workflow begins in less time than a turn for each would take.
    let looked = tokio::task::spawn_blocking(move || look(&pack_path, &action, &name)).await;
    looked.unwrap_or_else(|error| {
        Err(Outcome::failed("script.missing", format!("nobody looked for its file: {error}"), "run it again"))
    })
}

fn look(pack_path: &Path, action: &Ref, name: &str) -> Result<Found, Outcome> {
    let file = pack_path.join("actions").join(name);
    let missing = |reason: String| {
        Outcome::failed(
            "script.missing",
            format!("the file {} of {action} {reason}", file.display()),
            format!("put it there, or correct entry_point and register the pack `{}` again", action.pack()),
        )
    };
    let pack = fs::canonicalize(pack_path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => without_pack(action.pack(), pack_path),
        _ => missing(format!("cannot be found: its pack cannot be read ({error})")),
    })?;
    let path = fs::canonicalize(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing("does not exist".into()),
        _ => missing(format!("cannot be read: {error}")),
    })?;
    if !path.starts_with(&pack) {
        return Err(missing("is outside its pack".into()));
    }
    let metadata = fs::metadata(&path).map_err(|error| missing(format!("cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(missing("is not a plain file".into()));
    }
    if metadata.len() > LARGEST {
        let message = format!("has {} bytes, and {} MiB is the limit", metadata.len(), LARGEST >> 20);
        return Err(missing(message));
    }
    Ok(Found { path, metadata })
}

/// The outcome of a call whose pack has gone from this machine, as after a restore on another one.
fn without_pack(pack: &str, path: &Path) -> Outcome {
    Outcome::failed(
        "script.missing",
        format!("the files of the pack `{pack}` are not there: {}", path.display()),
        "put them there again, or register the pack where they are now: petrel pack register DIRECTORY",
    )
}

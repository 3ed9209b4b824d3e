//! A version of a pack becomes the active one: the host registers it, and only then the lock and the history say so. Components are
//! compiled on the way, which is told while it lasts.

use std::path::Path;
use std::time::{Duration, Instant};

use petrel_registry::card::Card;
use petrel_registry::{Lock, Locked, PublicKey};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::session::{Session, path_segment};
use super::installed::Installed;
use crate::exit::{Code, Failure};
use crate::print;
use crate::registries::{Registries, mebibytes};

/// The time between two states of the line.
const NEXT: Duration = Duration::from_secs(1);
/// Statuses of executions whose files may still be read.
const RUNNING: [&str; 4] = ["running", "canceling", "pausing", "resuming"];
/// The executions of a status that are looked at. Beyond it any pack counts as in use.
const MOST: usize = 1000;

/// Makes a version that is laid out the active one.
///
/// # Errors
/// As [`register`], and as [`note`] when it is active already.
pub(super) async fn activate(
    session: &Session,
    registries: &Registries,
    installed: &Installed,
    locked: Locked,
    grant: bool,
) -> Result<Value, Failure> {
    let answer = register(session, installed, &locked, grant).await?;
    note(registries, installed, locked)?;
    Ok(answer)
}

/// Writes down that a version is active, in its record, the history and the lock.
///
/// # Errors
/// When one of them cannot be written.
pub(super) fn note(registries: &Registries, installed: &Installed, locked: Locked) -> Result<(), Failure> {
    installed.remember(&locked)?;
    let mut lock: Lock = registries.lock()?;
    lock.put(locked);
    Ok(lock.write(&registries.lock_file)?)
}

/// Has the host register a version that is laid out.
///
/// # Errors
/// When the host refuses it. Nothing was changed then.
pub(super) async fn register(
    session: &Session,
    installed: &Installed,
    locked: &Locked,
    grant: bool,
) -> Result<Value, Failure> {
    let path = installed.place(&locked.name, &locked.digest);
    let Some(text) = path.to_str() else {
        let message = format!("{} cannot be sent to the host: its path is not UTF-8", path.display());
        return Err(Failure::usage(message, "use a data directory with another name"));
    };
    let key = locked.signer().map(PublicKey::digest).map(|digest| digest.to_string());
    let artifact = json!({
        "reference": locked.reference,
        "digest": locked.digest,
        "signature": locked.signature,
        "key": key.unwrap_or_default(),
    });
    let body = json!({"path": text, "grant": grant, "artifact": artifact});
    let answer = session.client.send_json(Method::POST, "/packs/register", &body);
    while_compiling(&path, answer).await.map_err(accepted_here)
}

/// The failure of a registration. The directory that the host names may be withdrawn: what accepts it is this command.
fn accepted_here(failure: Failure) -> Failure {
    if failure.code != Code::Unaccepted {
        return failure;
    }
    Failure { hint: "repeat this with --grant if the pack may have that".to_owned(), ..failure }
}

/// Waits for the answer to a registration, and tells what it takes its time with.
async fn while_compiling<T>(path: &Path, answer: impl Future<Output = T>) -> T {
    let mut answer = std::pin::pin!(answer);
    let (mut what, began) = (None, Instant::now());
    loop {
        match tokio::time::timeout(NEXT, answer.as_mut()).await {
            Ok(answer) => {
                if let Some(what) = what {
                    print::overwritten(&format!("{}\n", line(what, began.elapsed())));
                }
                return answer;
            }
            Err(_not_yet) => {
                let what = *what.get_or_insert_with(|| components(path));
                print::overwritten(&line(what, began.elapsed()));
            }
        }
    }
}

/// The number of the components of a pack, and their bytes.
fn components(path: &Path) -> (u64, u64) {
    let components = Card::of(path).map(|(_, components)| components).unwrap_or_default();
    let sizes = components.iter().filter_map(|one| path.join(&one.path).metadata().ok());
    (components.len() as u64, sizes.map(|found| found.len()).sum())
}

fn line((count, bytes): (u64, u64), since: Duration) -> String {
    let seconds = since.as_secs();
    match count {
        0 => format!("registering: {seconds} s"),
        count => {
            format!("compiling {}, {}: {seconds} s", print::counted(count, "component"), mebibytes(bytes))
        }
    }
}

/// Whether executions of a pack may be reading files of a version that is not the active one.
pub(super) async fn is_busy(session: &Session, pack: &str) -> Result<bool, Failure> {
    for status in RUNNING {
        let path = format!("/executions?status={status}&limit={MOST}&include_attributes=action");
        let (answer, count) = session.client.counted(&path).await?;
        let none = Vec::new();
        let found = answer.as_array().unwrap_or(&none);
        let is_of_pack = |one: &Value| {
            one.pointer("/action/pack").and_then(Value::as_str).is_none_or(|found| found == pack)
        };
        let is_all = count.is_none_or(|count| count.beyond(found.len()).is_none());
        if !is_all || found.len() >= MOST || found.iter().any(is_of_pack) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The directory from which the host has registered a pack. `None` if it has no such pack.
pub(super) async fn active_path(session: &Session, pack: &str) -> Result<Option<String>, Failure> {
    match session.client.get(&format!("/packs/{}", path_segment(pack))).await {
        Ok(answer) => Ok(answer.get("path").and_then(Value::as_str).map(str::to_owned)),
        Err(failure) if failure.code == Code::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_that_is_there_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(while_compiling(place.path(), std::future::ready(8)).await, 8);
        assert_eq!(components(place.path()), (0, 0), "no pack has no components");
    }

    #[test]
    fn who_must_accept_something_is_told_how_in_the_same_command() {
        for (code, hint) in
            [(Code::Unaccepted, "repeat this with --grant if the pack may have that"), (Code::Conflict, "h")]
        {
            assert_eq!(accepted_here(Failure::new(code, "k", "m", "h")).hint, hint);
        }
    }

    #[test]
    fn the_line_tells_what_is_compiled() {
        let told = |count, bytes| line((count, bytes), Duration::from_secs(3));
        assert_eq!(told(0, 0), "registering: 3 s");
        assert_eq!(told(1, 3 << 19), "compiling 1 component, 1.5 MiB: 3 s");
        assert_eq!(told(2, 0), "compiling 2 components, 0 KiB: 3 s");
    }
}

//! `petrel pack gc`: what nothing needs any more on the disk of the host goes: versions of packs that are not active and that nothing
//! runs, downloads that broke off, and compiled components and virtual environments that no pack has.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;
use petrel_registry::card::Card;
use petrel_registry::{Digest, Fetched, Lock};
use petrel_runners::python_script::environments::superfluous as superfluous_environments;
use serde_json::{Value, json};

use super::super::session::Session;
use super::active;
use super::installed::{self, Installed, Kept};
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, mebibytes};

/// The ends of the names of compiled components and of what lies beside them.
const COMPILED: [&str; 2] = ["cwasm", "sha256"];
/// The digits of a digest at the beginning of such a name.
const DIGITS: usize = 64;

/// The arguments of the verb.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    /// Versions of each pack that are left beside the active one
    #[arg(long, default_value_t = 1, value_name = "N")]
    keep: usize,
}

/// What is not needed.
struct Waste {
    kind: &'static str,
    name: String,
    path: PathBuf,
    size: u64,
}

impl Waste {
    /// Removes it, and returns whether it is gone. What stays only takes space, and is found again the next time.
    fn is_removed(&self) -> bool {
        let is_directory = self.path.is_dir();
        let done = if is_directory { Fetched::remove(&self.path) } else { fs::remove_file(&self.path) };
        if let Err(error) = &done {
            print::note(&format!("note: {} cannot be removed: {error}", self.path.display()));
        }
        // With the last version of a pack goes its directory.
        if let Some(above) = self.path.parent().filter(|_| self.kind == "version") {
            drop(fs::remove_dir(above));
        }
        done.is_ok()
    }
}

impl Gc {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        let installed = Installed::open(&registries.data_dir)?;
        let lock = registries.lock()?;
        let (mut waste, mut gone) = (Vec::new(), BTreeSet::new());
        for pack in installed.packs() {
            let versions = self.versions(session, &installed, &lock, &pack).await?;
            gone.extend(versions.iter().map(|version| version.path.clone()));
            waste.extend(versions);
        }
        waste.extend(installed.broken_off().into_iter().map(|(name, path, size)| Waste {
            kind: "download",
            name,
            path,
            size,
        }));
        waste.extend(compiled(session, &registries, &installed, &gone).await?);
        waste.extend(environments(session, &registries).await?);
        if !self.dry_run {
            waste.retain(Waste::is_removed);
        }
        tell(session.form, &waste, self.dry_run);
        Ok(Code::Ok)
    }

    /// The versions of a pack that nothing needs.
    async fn versions(
        &self,
        session: &Session,
        installed: &Installed,
        lock: &Lock,
        pack: &str,
    ) -> Result<Vec<Waste>, Failure> {
        let versions = installed.versions(pack);
        let active = active::active_path(session, pack).await?;
        let locked = lock.of_pack(pack).map(|locked| &locked.digest);
        let old = superfluous(&versions, (active.as_deref(), locked), self.keep);
        if old.is_empty() {
            return Ok(Vec::new());
        }
        if active::is_busy(session, pack).await? {
            print::note(&format!("note: the versions of {pack} stay as long as its executions run"));
            return Ok(Vec::new());
        }
        let waste = old.into_iter().map(|version| Waste {
            kind: "version",
            name: format!("{pack} {}", version.locked.version),
            path: version.path.clone(),
            size: version.size(),
        });
        Ok(waste.collect())
    }
}

/// The versions that are neither active nor in the lock, without the newest of them. All go of a pack that is not registered.
fn superfluous<'k>(
    versions: &'k [Kept],
    (active, locked): (Option<&str>, Option<&Digest>),
    keep: usize,
) -> Vec<&'k Kept> {
    let is_needed = |version: &Kept| {
        active.is_some_and(|path| version.path.to_str() == Some(path))
            || locked == Some(&version.locked.digest)
    };
    let keep = if active.is_some() { keep } else { 0 };
    versions.iter().rev().filter(|version| !is_needed(version)).skip(keep).collect()
}

/// The compiled components that no pack has.
async fn compiled(
    session: &Session,
    registries: &Registries,
    installed: &Installed,
    gone: &BTreeSet<PathBuf>,
) -> Result<Vec<Waste>, Failure> {
    let answer = session.client.list("/packs?limit=-1").await?;
    let registered = answer.as_array().into_iter().flatten().filter_map(|pack| pack.get("path")?.as_str());
    let mut packs: BTreeSet<PathBuf> = registered.map(PathBuf::from).collect();
    for name in installed.packs() {
        packs.extend(installed.versions(&name).into_iter().map(|version| version.path));
    }
    let mut needed = BTreeSet::new();
    for pack in packs.difference(gone) {
        let Some(digests) = digests(pack) else {
            let pack = pack.display();
            print::note(&format!("note: {pack} cannot be read, so compiled components stay where they are"));
            return Ok(Vec::new());
        };
        needed.extend(digests);
    }
    let files =
        fs::read_dir(data_directory::components(&registries.data_dir)).into_iter().flatten().flatten();
    let waste = files.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().ok()?);
        let is_compiled = path.extension().is_some_and(|end| COMPILED.iter().any(|known| end == *known));
        let digest = name.get(..DIGITS)?;
        let size = entry.metadata().ok()?.len();
        (is_compiled && !needed.contains(digest)).then_some(Waste { kind: "compiled", name, path, size })
    });
    Ok(waste.collect())
}

/// The virtual environments that no pack has. Those of packs that run something stay.
async fn environments(session: &Session, registries: &Registries) -> Result<Vec<Waste>, Failure> {
    let answer = session.client.list("/packs?limit=-1").await?;
    let registered = answer.as_array().into_iter().flatten().filter_map(|pack| pack.get("ref")?.as_str());
    let registered: Vec<String> = registered.map(str::to_owned).collect();
    let root = data_directory::virtualenvs(&registries.data_dir);
    let mut waste = Vec::new();
    for path in superfluous_environments(&root, &registered) {
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        let pack = name.split('/').next().unwrap_or_default();
        if active::is_busy(session, pack).await? {
            print::note(&format!(
                "note: the virtual environments of {pack} stay as long as its executions run"
            ));
            continue;
        }
        let size = installed::size(&path);
        waste.push(Waste { kind: "virtualenv", name, path, size });
    }
    Ok(waste)
}

/// The digests of the components of a pack. `None` if it cannot be read.
fn digests(pack: &Path) -> Option<Vec<String>> {
    let (_, components) = Card::of(pack).ok()?;
    let digests = components.iter().map(|component| {
        let mut file = File::open(pack.join(&component.path)).ok()?;
        Some(Digest::of_reader(&mut file).ok()?.0.hex().to_owned())
    });
    digests.collect()
}

fn tell(form: Form, waste: &[Waste], is_dry: bool) {
    let size: u64 = waste.iter().map(|one| one.size).sum();
    match form {
        Form::Json => {
            let rows: Vec<Value> = waste
                .iter()
                .map(|one| json!({"kind": one.kind, "name": one.name, "path": one.path, "size": one.size}))
                .collect();
            print::json(&json!({"removed": rows, "size": size, "dry_run": is_dry}));
        }
        Form::Text => {
            for one in waste {
                let told = format!("{} {}  {}", one.kind, one.name, mebibytes(one.size));
                print::line(&told);
            }
            let verb = if is_dry { "would be freed" } else { "freed" };
            print::note(&format!("{} {verb}", mebibytes(size)));
        }
    }
}

#[cfg(test)]
mod tests {
    use petrel_registry::Locked;

    use super::*;

    #[test]
    fn what_is_active_or_locked_stays_with_the_newest_of_the_others() {
        let versions: Vec<Kept> = ["a", "b", "c", "d"]
            .map(|content| {
                let locked = Locked {
                    name: "mine".into(),
                    version: content.into(),
                    reference: String::new(),
                    resolved: String::new(),
                    digest: Digest::of(content.as_bytes()),
                    native: false,
                    signature: None,
                    key: None,
                };
                Kept { path: format!("/{content}").into(), locked }
            })
            .into();
        for (active, locked, keep, expected) in [
            (Some("/d"), None, 1, &["b", "a"][..]),
            (Some("/d"), Some("a"), 1, &["b"]),
            (Some("/a"), Some("a"), 0, &["d", "c", "b"]),
            (Some("/elsewhere"), None, 9, &[]),
            (None, None, 9, &["d", "c", "b", "a"]),
        ] {
            let locked = locked.map(|content: &str| Digest::of(content.as_bytes()));
            let found = superfluous(&versions, (active, locked.as_ref()), keep);
            let found: Vec<_> = found.iter().map(|version| version.locked.version.as_str()).collect();
            assert_eq!(found, expected, "{active:?} {locked:?} {keep}");
        }
    }
}

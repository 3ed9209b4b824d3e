//! The virtual environments of packs, in which what their `requirements.txt` lists is installed: `NAME/KEY` in a directory of
//! the host. The key follows from what is to be installed and from the interpreter, so that another version of a pack has
//! an environment of its own, beside the one before: what runs goes on with that, and so does the pack if the new one
//! cannot be made ([`making`]). One that is whole says so in a file.
//!
//! An execution gets the environment that its pack asks for as it lies there. If somebody has changed that and not
//! registered the pack since, it gets the newest one.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use petrel_model::{Pack, hexadecimal, names};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::options::Options;
use crate::{NotPrepared, ProgressLine};

mod making;
mod told;

/// The file in which a pack lists what it needs.
const REQUIREMENTS: &str = "requirements.txt";
/// The file in a pack that says which versions are taken.
const CONSTRAINTS: &str = "constraints.txt";
/// The file in an environment that says that it is whole.
const WHOLE: &str = ".petrel-whole";
/// The longest list of requirements or constraints, in bytes.
const LONGEST_LIST: u64 = 64 << 10;
/// The digits of a key.
const DIGITS: usize = 16;
/// The whole environments of a pack that are kept, for versions to which somebody goes back.
const KEPT: usize = 3;
/// The most lines of progress that are kept.
const MOST_LINES: usize = 400;
/// The most packs whose environment is remembered.
const MOST_KNOWN: usize = 2000;

/// Settings of virtual environments.
#[derive(Debug, Clone)]
pub struct EnvironmentOptions {
    /// Whether any are made. Those that are there are used in any case.
    pub are_made: bool,
    /// The directory of all of them.
    pub directory: PathBuf,
    /// The directory with the operator's constraints, one file `NAME.txt` a pack.
    pub constraints: PathBuf,
    /// The longest time that one may take.
    pub timeout: Duration,
    /// The index of packages, instead of that of the tool's own configuration.
    pub index_url: Option<String>,
    /// A directory of wheels, instead of any index.
    pub wheels: Option<PathBuf>,
    /// The proxy for the installation.
    pub proxy: Option<String>,
    /// What each has besides, as far as it can be installed.
    pub common: Vec<String>,
}

/// The virtual environments of a host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Environments(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: EnvironmentOptions,
    /// Held while one is made, one at a time: each may take all processors.
    turn: tokio::sync::Mutex<()>,
    progress: Mutex<Progress>,
    known: Mutex<HashMap<PathBuf, Known>>,
}

/// The last lines of what is made.
#[derive(Debug, Default)]
struct Progress {
    next: u64,
    lines: VecDeque<ProgressLine>,
}

/// What was found out about a pack, as its files were.
#[derive(Debug)]
struct Known {
    stamps: Vec<Option<(SystemTime, u64)>>,
    interpreter: Option<PathBuf>,
}

/// What a pack asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// The key of its environment.
    key: String,
    /// The files with constraints that there are.
    constraints: Vec<PathBuf>,
}

impl Environments {
    /// Environments with these options.
    pub fn new(options: EnvironmentOptions) -> Self {
        let (turn, progress, known) = (tokio::sync::Mutex::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { options, turn, progress, known }))
    }

    /// The lines of progress after the one with this number.
    pub fn progress(&self, after: u64) -> Vec<ProgressLine> {
        let progress = lock(&self.0.progress);
        progress.lines.iter().filter(|line| line.number > after).cloned().collect()
    }

    fn tell(&self, pack: &str, text: &str) {
        tracing::info!(pack, text, "a virtual environment is being made");
        let mut progress = lock(&self.0.progress);
        progress.next += 1;
        let line = ProgressLine {
            number: progress.next,
            pack: pack.to_owned(),
            text: text.to_owned(),
            at: Instant::now(),
        };
        progress.lines.push_back(line);
        if progress.lines.len() > MOST_LINES {
            progress.lines.pop_front();
        }
    }

    /// The interpreter in the environment of a pack. `None` if it has none, so that the host's own runs it.
    pub fn interpreter(&self, base: &Options, pack: &str, directory: &Path) -> Option<PathBuf> {
        let stamps: Vec<_> = self.lists(pack, directory).map(|file| stamp(&file)).collect();
        // What lists nothing has none.
        stamps.first()?.as_ref()?;
        if let Some(known) = lock(&self.0.known).get(directory)
            && known.stamps == stamps
            && known.interpreter.as_ref().is_none_or(|there| there.exists())
        {
            return known.interpreter.clone();
        }
        let interpreter = self.find(base, pack, directory);
        let mut known = lock(&self.0.known);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(directory.to_owned(), Known { stamps, interpreter: interpreter.clone() });
        interpreter
    }

    fn find(&self, base: &Options, pack: &str, directory: &Path) -> Option<PathBuf> {
        let wanted = base.find_interpreter().map(|interpreter| self.wanted(pack, directory, &interpreter));
        let found = match wanted {
            Some(Ok(None)) => return None,
            Some(Ok(Some(wanted))) => Some(self.place(pack, &wanted.key)).filter(|place| is_whole(place)),
            Some(Err(_)) | None => None,
        };
        let place = found.or_else(|| self.whole(pack).pop())?;
        Some(place.join("bin/python"))
    }

    /// Makes the environment that a pack asks for, unless it is there, and returns notes.
    ///
    /// # Errors
    /// When it cannot be made, with the requirement that is to blame. The one before is still there.
    pub(super) async fn equip(
        &self,
        base: &Options,
        pack: &Pack,
        directory: &Path,
    ) -> Result<Vec<String>, NotPrepared> {
        let name = &pack.reference;
        let mut notes = Vec::new();
        let Some(interpreter) = base.find_interpreter() else { return Ok(notes) };
        notes.extend(self.unsupported(base, &interpreter, pack).await);
        let Some(wanted) = self.wanted(name, directory, &interpreter)? else { return Ok(notes) };
        let place = self.place(name, &wanted.key);
        if !self.0.options.are_made {
            if !is_whole(&place) {
                notes.push(format!(
                    "what {REQUIREMENTS} of the pack `{name}` lists is not installed, since virtualenvs.enabled is false; \
                     install it for {}",
                    base.interpreter
                ));
            }
            return Ok(notes);
        }
        if self.0.turn.try_lock().is_err() {
            self.tell(name, "it waits for that of another pack");
        }
        let turn = self.0.turn.lock().await;
        if !is_whole(&place) {
            let job = making::Job { environments: self, base, pack: name, directory, place: &place };
            notes.extend(job.make(&interpreter, &wanted.constraints).await?);
        }
        drop(turn);
        // The newest is that of the pack as it is registered.
        let written = fs::write(place.join(WHOLE), format!("{}\n", directory.display()));
        if let Err(error) = written {
            notes.push(format!("{} cannot be written: {error}", place.join(WHOLE).display()));
        }
        lock(&self.0.known).clear();
        let whole = self.whole(name);
        for old in whole.iter().take(whole.len().saturating_sub(KEPT)) {
            remove(old);
        }
        Ok(notes)
    }

    /// Removes the environments of a pack that was removed.
    pub(super) fn removed(&self, pack: &str) {
        if names::check_pack(pack).is_ok() {
            remove(&self.0.options.directory.join(pack));
        }
        lock(&self.0.known).clear();
    }

    /// A note on a pack that is for other versions of Python. StackStorm runs it as well.
    async fn unsupported(&self, base: &Options, interpreter: &Path, pack: &Pack) -> Option<String> {
        let said = pack.other.get("python_versions").and_then(Value::as_array)?;
        let said: Vec<String> =
            said.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        if said.is_empty() {
            return None;
        }
        let version = making::version_of(base, interpreter).await?;
        let fits = |one: &String| version == *one || version.starts_with(&format!("{one}."));
        (!said.iter().any(fits)).then(|| {
            format!(
                "the pack `{}` is for Python {}, and {} is {version}; see runners.python",
                pack.reference,
                said.join(", "),
                base.interpreter
            )
        })
    }

    /// What a pack asks for. `None` if it lists nothing.
    fn wanted(
        &self,
        pack: &str,
        directory: &Path,
        interpreter: &Path,
    ) -> Result<Option<Wanted>, NotPrepared> {
        let requirements = list(&directory.join(REQUIREMENTS))?.unwrap_or_default();
        if !requirements.lines().any(is_requirement) {
            return Ok(None);
        }
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update(text);
            hasher.update([0]);
        };
        let real = interpreter.canonicalize().unwrap_or_else(|_gone| interpreter.to_owned());
        add(&real.display().to_string());
        add(&self.0.options.common.join(","));
        add(&requirements);
        for file in requirements.lines().filter_map(included) {
            add(&list(&directory.join(file))?.unwrap_or_default());
        }
        let mut constraints = Vec::new();
        for file in self.lists(pack, directory).skip(1) {
            if let Some(text) = list(&file)? {
                add(&text);
                constraints.push(file);
            }
        }
        let digest = hexadecimal(&hasher.finalize());
        let key = digest.get(..DIGITS).unwrap_or(&digest).to_owned();
        Ok(Some(Wanted { key, constraints }))
    }

    /// The requirements of a pack, and the files that may have constraints of them.
    fn lists(&self, pack: &str, directory: &Path) -> impl Iterator<Item = PathBuf> {
        let of_operator = self.0.options.constraints.join(format!("{pack}.txt"));
        [directory.join(REQUIREMENTS), directory.join(CONSTRAINTS), of_operator].into_iter()
    }

    fn place(&self, pack: &str, key: &str) -> PathBuf {
        self.0.options.directory.join(pack).join(key)
    }

    /// The whole environments of a pack, the newest last.
    fn whole(&self, pack: &str) -> Vec<PathBuf> {
        whole_in(&self.0.options.directory.join(pack))
    }
}

/// The environments in `directory` that nobody needs: of each of the packs `registered` all but the newest, and all of other
/// packs. For whoever cleans up.
pub fn superfluous(directory: &Path, registered: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in entries(directory) {
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !registered.contains(&name) {
            found.push(place);
            continue;
        }
        let newest = whole_in(&place).pop();
        found.extend(entries(&place).into_iter().filter(|one| Some(one) != newest.as_ref()));
    }
    found
}

fn whole_in(directory: &Path) -> Vec<PathBuf> {
    let when = |place: &PathBuf| fs::metadata(place.join(WHOLE)).and_then(|found| found.modified()).ok();
    let mut whole: Vec<_> =
        entries(directory).into_iter().filter_map(|place| Some((when(&place)?, place))).collect();
    whole.sort();
    whole.into_iter().map(|(_, place)| place).collect()
}

/// The directories in a directory, in order.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn is_whole(place: &Path) -> bool {
    place.join(WHOLE).is_file()
}

/// Removes a directory. What cannot be removed only takes space.
fn remove(place: &Path) {
    drop(fs::remove_dir_all(place));
}

/// The text of a list. `None` if there is no such file.
fn list(file: &Path) -> Result<Option<String>, NotPrepared> {
    let refused = |reason: String| NotPrepared {
        reason: format!("{} {reason}", file.display()),
        hint: "make it a plain list of requirements".to_owned(),
    };
    let found = match fs::metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(format!("cannot be read: {error}"))),
    };
    if !found.is_file() {
        return Err(refused("is not a plain file".to_owned()));
    }
    if found.len() > LONGEST_LIST {
        return Err(refused(format!("has {} bytes, and {LONGEST_LIST} is the limit", found.len())));
    }
    fs::read_to_string(file).map(Some).map_err(|error| refused(format!("cannot be read: {error}")))
}

/// Whether a line of a list asks for something.
fn is_requirement(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The file that a line of a list includes.
fn included(line: &str) -> Option<&str> {
    let line = line.trim();
    let options = ["-r", "--requirement", "-c", "--constraint"];
    let rest = options.iter().find_map(|option| line.strip_prefix(option))?;
    rest.starts_with([' ', '=', '\t']).then(|| rest.trim_start_matches(['=', ' ', '\t']))
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

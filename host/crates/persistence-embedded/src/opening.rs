//! Opens a store: takes the directory, replays the journal ([`recovered`]), rebuilds the state in memory, and starts
//! the threads.

mod recovered;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use petrel_model::{ExecutionId, Rule};
use petrel_persistence::{DocumentKind, Error, Fence, Noun as _, Unreadable};
use tokio::runtime;
use tokio::sync::{Semaphore, watch};

use crate::base::{Base, Write, gaps};
use crate::checkpoint::{self, Checkpointer, Progress};
use crate::committer::{Committer, LayerState, Request, State};
use crate::directory::{Directory, OpenError};
use crate::image::Image;
use crate::in_turn::InTurn;
use crate::journal::media::Media;
use crate::journal::replay::Replayed;
use crate::journal::{Journal, Segments};
use crate::keys;
use crate::options::Options;
use crate::remedy;
use crate::reserve::{self, Reserve};
use crate::room::Room;
use crate::rows::{Rows, is_lasting};
use crate::store::EmbeddedStore;
use crate::value;
use crate::watchdog::{Watchdog, Watched, Work};

pub(crate) use recovered::Recovered;
use recovered::unreadable;

/// Commits that may be in progress at a time. Further ones wait.
const COMMITS_UNDER_WAY: usize = 4096;
/// Rows that a migration reads at a time.
const MIGRATION_STEP: usize = 1000;
/// Distance to a surely unused epoch, for a store that has lost its own: no host is started that many times.
const EPOCHS_BEYOND: u64 = 1 << 32;
/// Smallest reserve of disk space, in bytes. With less, a group of commits might find no room.
const LEAST_RESERVE: u64 = 4 << 20;

/// A report of how a store was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The number of the last group of commits in the store.
    pub sequence: u64,
    /// Number of groups replayed from the journal. More than 0 after a crash.
    pub replayed: u64,
    /// Whether the last group was torn. Its commits had not been acknowledged.
    pub is_torn: bool,
    /// The losses that were accepted, one sentence each: see [`Options::accept_loss`].
    pub lost: Vec<String>,
    /// Duration of opening the store.
    pub took: Duration,
}

impl Opened {
    fn of(sequence: u64, replayed: Replayed, took: Duration) -> Self {
        let Replayed { groups, is_torn, lost, .. } = replayed;
        Self { sequence, replayed: groups, is_torn, lost, took }
    }
}

pub(crate) fn open(directory: &Path, options: &Options) -> Result<EmbeddedStore, OpenError> {
    let mut lost: Vec<String> = Vec::new();
    let mut open = || {
        let begun = Instant::now();
        let mut recovered = Recovered::offline(directory, options)?;
        // What an attempt before has given up is not there to be missed again.
        for one in std::mem::take(&mut recovered.replayed.lost) {
            if !lost.contains(&one) {
                lost.push(one);
            }
        }
        recovered.replayed.lost.clone_from(&lost);
        start(recovered, options, begun)
    };
    loop {
        match open() {
            // A quota may be used up on a disk that has room, and one part may not be enough. An attempt that fails wrote
            // nothing that the next one minds.
            Err(error) if is_no_room(&error) && is_store(directory) && reserve::give_up(directory) => {}
            opened => return opened,
        }
    }
}

/// Whether there is a store in `directory`, of which something may be given up.
fn is_store(directory: &Path) -> bool {
    Directory::kept(directory).is_ok_and(|kept| kept.is_some())
}

fn is_no_room(error: &OpenError) -> bool {
    remedy::in_words(&error.to_string()).is_some_and(|error| remedy::is_no_room(&error))
}

pub(crate) fn open_on(
    base: Box<dyn Base>,
    media: Arc<dyn Media>,
    directory: &Path,
    options: &Options,
) -> Result<EmbeddedStore, OpenError> {
    let begun = Instant::now();
    let taken = Directory::take(directory, options.engine)?;
    start(Recovered::of(base, media, taken, options.accept_loss)?, options, begun)
}

fn start(recovered: Recovered, options: &Options, begun: Instant) -> Result<EmbeddedStore, OpenError> {
    let Recovered { directory, rows, media, replayed, layer_bytes } = recovered;
    let path = directory.path().to_path_buf();
    let io = |error| OpenError::Io(path.clone(), error);
    directory.set_format(options.engine)?;
    // The first group of this process is the one that stores its epoch.
    let sequence = replayed.sequence + 1;
    let segments = Arc::new(Segments::new(media).map_err(io)?);
    let mut journal = Journal::begin(Arc::clone(&segments), replayed.newest + 1, sequence).map_err(io)?;
    let unreadable = unreadable(&directory);
    rows.sealing.begin(options.sealer.as_ref(), &rows.image).map_err(&unreadable)?;
    let state = load(&rows).map_err(&unreadable)?;
    let mut writes = missing_references(&rows).map_err(&unreadable)?;
    writes.append(&mut without_left_over(&rows).map_err(&unreadable)?);
    let fence = next_epoch(&rows, &mut journal, sequence, writes).map_err(&unreadable)?;
    // Only now: an opening that fails is not heard of, and the next one tells the loss again.
    directory.lower_watermark(sequence)?;
    let mut parts = Parts {
        state: Arc::new(Mutex::new(state)),
        failure: Arc::new(watch::channel(None).0),
        room: Arc::new(Room::new(&path, options.reserve_bytes.max(LEAST_RESERVE))),
        progress: Arc::new(Progress::default()),
        work: Arc::default(),
        threads: Vec::new(),
    };
    let checkpoint = parts.start_checkpoint(&rows.image, &segments).map_err(io)?;
    let watchdog = parts.start_watchdog(options).map_err(io)?;
    let (requests, receiver) = mpsc::channel();
    let empty = LayerState::empty(options.layer_bytes, options.layer_age);
    let committer = Committer {
        rows: Arc::clone(&rows),
        journal,
        checkpoint,
        // Not empty: it has the new epoch at least.
        layer: LayerState { bytes: layer_bytes, since: Some(begun), ..empty },
        state: Arc::clone(&parts.state),
        directory,
        fence,
        sequence,
        failure: Arc::clone(&parts.failure),
        room: Arc::clone(&parts.room),
        reserve: Reserve::new(&path, parts.room.reserve()),
        postponed: Vec::new(),
        work: Arc::clone(&parts.work),
        runtime: runtime::Handle::try_current().ok(),
    };
    parts.start_committer(committer, receiver).map_err(io)?;
    Ok(EmbeddedStore {
        rows,
        segments,
        state: parts.state,
        fence,
        requests: Some(requests),
        permits: Arc::new(Semaphore::new(COMMITS_UNDER_WAY)),
        failure: parts.failure,
        room: parts.room,
        progress: parts.progress,
        opened: Opened::of(sequence, replayed, begun.elapsed()),
        unreadable: Mutex::default(),
        documents: InTurn::default(),
        resting: Mutex::default(),
        threads: parts.threads,
        _watchdog: watchdog,
    })
}

/// State shared by the threads and the store.
struct Parts {
    state: Arc<Mutex<State>>,
    failure: Arc<watch::Sender<Option<Error>>>,
    room: Arc<Room>,
    progress: Arc<Progress>,
    /// The present work of the committer, for the watchdog.
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

impl Parts {
    fn start_watchdog(&self, options: &Options) -> std::io::Result<Watchdog> {
        let watched = vec![
            Watched {
                what: "the committer has been working on one group of commits",
                work: Arc::clone(&self.work),
            },
            Watched {
                what: "the checkpoint has been working on one slice",
                work: Arc::clone(&self.progress.work),
            },
        ];
        Watchdog::start(watched, options.stuck_after, options.on_stuck.clone())
    }

    fn start_committer(
        &mut self,
        committer: Committer,
        requests: mpsc::Receiver<Request>,
    ) -> std::io::Result<()> {
        let failure = Arc::clone(&self.failure);
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| committer.run(&requests))).is_err() {
                failure.send_replace(Some(Error::Unavailable("the committer has panicked".into())));
            }
        };
        // The first to be joined, since its end gives the checkpoint its last task.
        self.threads.insert(0, Builder::new().name("committer".into()).spawn(run)?);
        Ok(())
    }

    fn start_checkpoint(
        &mut self,
        image: &Arc<Image>,
        segments: &Arc<Segments>,
    ) -> std::io::Result<checkpoint::Handle> {
        let checkpointer = Checkpointer {
            image: Arc::clone(image),
            segments: Arc::clone(segments),
            failure: Arc::clone(&self.failure),
            progress: Arc::clone(&self.progress),
            room: Arc::clone(&self.room),
        };
        let (tasks, receiver) = mpsc::channel();
        self.threads
            .push(Builder::new().name("checkpoint".into()).spawn(move || checkpointer.run(&receiver))?);
        Ok(checkpoint::Handle { tasks, progress: Arc::clone(&self.progress) })
    }
}

/// Rebuilds the state in memory.
fn load(rows: &Rows) -> Result<State, Error> {
    let mut state = State::default();
    let held = rows.range(&keys::all(keys::HELD), false, usize::MAX)?;
    state.queue.hold(held.iter().filter_map(|(key, _)| keys::id_of(key)).map(ExecutionId::from));
    for (key, value) in rows.range(&keys::all(keys::ACTIVE), false, usize::MAX)? {
        if let Some(reason) = gaps::reason(&value) {
            let hint = Unreadable::REMEDY;
            tracing::error!(
                reason,
                hint,
                "some entries of the list of active executions cannot be read; those executions stay where they are"
            );
            continue;
        }
        let Some(id) = keys::id_of(&key) else { continue };
        // One damaged execution must not keep the host from serving all others. One that is encrypted is open all the same.
        match rows.execution_in_part(id.into()) {
            Ok(Some(execution)) => state.queue.store(&execution),
            Ok(None) => tracing::error!(execution.id = %id, "active execution is missing in the store"),
            // The next attempt may read it; left out it would wait until there is one.
            Err(error @ Error::Starved { .. }) if !is_lasting(&error) => return Err(error),
            Err(error) => tracing::error!(execution.id = %id, %error, "failed to read an active execution"),
        }
    }
    // Damaged rules are reported when the rules are listed.
    for rule in rows.documents(DocumentKind::Rule)?.0.into_iter().filter_map(Rule::from_document) {
        state.rules.insert(rule.reference, rule.id);
    }
    Ok(state)
}

/// Rows for references to blobs, which the first format did not have, and the row that marks them as complete. Empty if
/// they are complete. A large value that cannot be read is left to its readers.
fn missing_references(rows: &Rows) -> Result<Vec<Write>, Error> {
    if rows.knows_references()? {
        return Ok(Vec::new());
    }
    let mut writes = vec![value::row(keys::meta(keys::REFERENCES), &[])];
    let (mut from, to) = (Vec::new(), vec![u8::MAX]);
    loop {
        let entries = rows.range(&(from, to.clone()), false, MIGRATION_STEP)?;
        for (key, value) in &entries {
            if let Ok(Some(digest)) = value::blob_of(key, value) {
                writes.push(value::row(keys::reference(&digest, key), &[]));
            }
        }
        match entries.into_iter().next_back() {
            None => return Ok(writes),
            Some((mut last, _)) => {
                last.push(0);
                from = last;
            }
        }
    }
}

/// The writes of [`Rows::left_over_references`], with a line in the log if there are such references.
fn without_left_over(rows: &Rows) -> Result<Vec<Write>, Error> {
    let writes = rows.left_over_references()?;
    let references = writes.iter().filter(|(_, value)| value.is_none()).count();
    if references > 0 {
        tracing::info!(
            references,
            "removed references that an earlier version left behind when it replaced large values; nothing is lost"
        );
    }
    Ok(writes)
}

/// An epoch larger than any before, for a store with so many groups. Each process has written at least one group.
pub(crate) fn epoch_beyond(sequence: u64) -> u64 {
    EPOCHS_BEYOND.saturating_add(sequence)
}

/// Takes over the store by writing the next epoch durably, together with `writes`. From here on, executions that
/// earlier processes had started are orphans.
fn next_epoch(
    rows: &Rows,
    journal: &mut Journal,
    sequence: u64,
    mut writes: Vec<Write>,
) -> Result<Fence, Error> {
    let key = keys::meta(keys::EPOCH);
    let epoch = match rows.noun::<u64>(&key) {
        Ok(last) => last.unwrap_or(0) + 1,
        Err(error @ Error::Damaged { .. }) => {
            tracing::error!(%error, "failed to read the epoch of the store; continuing far above all earlier ones");
            epoch_beyond(sequence)
        }
        Err(error) => return Err(error),
    };
    writes.push(value::row(key, epoch.to_string().as_bytes()));
    journal.append(sequence, &writes).map_err(|error| Error::Unavailable(error.to_string()))?;
    rows.image.show(writes);
    Ok(Fence { epoch })
}

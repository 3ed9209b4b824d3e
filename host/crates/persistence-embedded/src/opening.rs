//! Bringing a store up: takes the directory, replays the journal ([`recovered`]), rebuilds the state in memory,
//! starts the threads.

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

use crate::base::{Base, Engine, Write, gaps};
use crate::checkpoint::{self, Checkpointer, Progress};
use crate::committer::{Committer, LayerState, Request, State};
use crate::directory::{Directory, OpenError, Room};
use crate::image::Image;
use crate::journal::media::Media;
use crate::journal::{Journal, Segments};
use crate::keys;
use crate::rows::Rows;
use crate::store::EmbeddedStore;
use crate::value;
use crate::watchdog::{OnStuck, Watchdog, Watched, Work};

pub(crate) use recovered::Recovered;
use recovered::unreadable;

/// How many commits may be under way.
const COMMITS_UNDER_WAY: usize = 4096;
/// How many rows a migration reads at once.
const MIGRATION_STEP: usize = 1000;
/// Above every epoch that there can have been, for a store that no longer knows its own: so many times no host is
/// started.
const EPOCHS_BEYOND: u64 = 1 << 32;
/// What is kept back in any case, in bytes: with less a group of commits might have no room.
const LEAST_RESERVE: u64 = 4 << 20;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The engine of the base.
    pub engine: Engine,
    /// Memory for the engine's cache, in bytes. Default 64 MiB; sled takes about twice as much.
    pub cache_bytes: u64,
    /// About how much memory rows may take before they are brought to the base, in bytes: the journal is
    /// as long. Default 16 MiB; twice as much while the base is slower than what comes in.
    pub layer_bytes: usize,
    /// The longest that rows stay in memory only when nothing else drives them to the base. Default 5 seconds.
    pub layer_age: Duration,
    /// Below so many bytes left on the disk nothing new is taken in. Default 64 MiB.
    pub reserve_bytes: u64,
    /// Go on although commits that were acknowledged are missing.
    pub accept_loss: bool,
    /// How long one group of commits, or one slice of a checkpoint, may take before the store counts as
    /// stuck. Default 60 seconds.
    pub stuck_after: Duration,
    /// What is done then. Default: the process is ended.
    pub on_stuck: OnStuck,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            cache_bytes: 64 << 20,
            layer_bytes: 16 << 20,
            layer_age: Duration::from_secs(5),
            reserve_bytes: 64 << 20,
            accept_loss: false,
            stuck_after: Duration::from_secs(60),
            on_stuck: OnStuck::default(),
        }
    }
}

/// What opening a store was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The number of the last group of commits that it holds.
    pub sequence: u64,
    /// How many groups came from the journal: more than none after a crash.
    pub replayed: u64,
    /// Whether the last group was torn; nobody was told that it was done.
    pub is_torn: bool,
    /// What it went on without, as told, a sentence each: see [`Options::accept_loss`].
    pub lost: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

pub(crate) fn open(directory: &Path, options: &Options) -> Result<EmbeddedStore, OpenError> {
    let begun = Instant::now();
    bring_up(Recovered::offline(directory, options)?, options, begun)
}

pub(crate) fn open_on(
    base: Box<dyn Base>,
    media: Arc<dyn Media>,
    directory: &Path,
    options: &Options,
) -> Result<EmbeddedStore, OpenError> {
    let begun = Instant::now();
    let taken = Directory::take(directory, options.engine)?;
    bring_up(Recovered::of(base, media, taken, options.accept_loss)?, options, begun)
}

fn bring_up(recovered: Recovered, options: &Options, begun: Instant) -> Result<EmbeddedStore, OpenError> {
    let Recovered { directory, rows, media, replayed, layer_bytes } = recovered;
    let path = directory.path().to_path_buf();
    let io = |error| OpenError::Io(path.clone(), error);
    directory.set_format(options.engine)?;
    // Its own epoch is the first group of this process.
    let sequence = replayed.sequence + 1;
    let segments = Arc::new(Segments::new(media).map_err(io)?);
    let mut journal = Journal::begin(Arc::clone(&segments), replayed.newest + 1, sequence).map_err(io)?;
    let unreadable = unreadable(&directory);
    let state = load(&rows).map_err(&unreadable)?;
    let writes = missing_references(&rows).map_err(&unreadable)?;
    let fence = next_epoch(&rows, &mut journal, sequence, writes).map_err(&unreadable)?;
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
    let committer = Committer {
        image: Arc::clone(&rows.image),
        journal,
        checkpoint,
        // The epoch at least is not in the base.
        layer: LayerState {
            bytes: layer_bytes,
            since: Some(begun),
            ..LayerState::empty(options.layer_bytes, options.layer_age)
        },
        state: Arc::clone(&parts.state),
        directory,
        fence,
        sequence,
        failure: Arc::clone(&parts.failure),
        room: Arc::clone(&parts.room),
        work: Arc::clone(&parts.work),
        runtime: runtime::Handle::try_current().ok(),
    };
    parts.start_committer(committer, receiver).map_err(io)?;
    let (replayed, is_torn, lost) = (replayed.groups, replayed.is_torn, replayed.lost);
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
        opened: Opened { sequence, replayed, is_torn, lost, took: begun.elapsed() },
        unreadable: Mutex::default(),
        threads: parts.threads,
        _watchdog: watchdog,
    })
}

/// What the threads and the store share.
struct Parts {
    state: Arc<Mutex<State>>,
    failure: Arc<watch::Sender<Option<Error>>>,
    room: Arc<Room>,
    progress: Arc<Progress>,
    /// What the committer is at.
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
}

impl Parts {
    fn start_watchdog(&self, options: &Options) -> std::io::Result<Watchdog> {
        let watched = vec![
            Watched {
                what: "the committer has been busy with one group of commits",
                work: Arc::clone(&self.work),
            },
            Watched {
                what: "the checkpoint has been busy with one slice",
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
                "which executions wait or had begun cannot be read in part; they rest"
            );
            continue;
        }
        let Some(id) = keys::id_of(&key) else { continue };
        // One that cannot be read must not keep the host from its work.
        match rows.execution(id.into()) {
            Ok(Some(execution)) => state.queue.store(&execution),
            Ok(None) => tracing::error!(execution.id = %id, "it is active and not there"),
            Err(error) => tracing::error!(execution.id = %id, %error, "it is active and cannot be read"),
        }
    }
    // What cannot be read among them is told when rules are asked for.
    for rule in rows.documents(DocumentKind::Rule)?.0.into_iter().filter_map(Rule::from_document) {
        state.rules.insert(rule.reference, rule.id);
    }
    Ok(state)
}

/// The rows for references to blobs, which the first format did not have, and the row that says that they are
/// there; nothing if it is. A large value that cannot be read is left to whoever reads it.
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

/// An epoch above all that there were, after so many groups: each process has made at least one.
pub(crate) fn epoch_beyond(sequence: u64) -> u64 {
    EPOCHS_BEYOND.saturating_add(sequence)
}

/// Takes the store: what earlier processes had begun is orphaned from here on, durably.
/// `writes` go with it.
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
            tracing::error!(%error, "epochs go on far above those that there were");
            epoch_beyond(sequence)
        }
        Err(error) => return Err(error),
    };
    writes.push(value::row(key, epoch.to_string().as_bytes()));
    journal
        .append(sequence, &writes)
        .map_err(|error| Error::Unavailable(format!("the journal cannot be written: {error}")))?;
    rows.image.show(writes);
    Ok(Fence { epoch })
}

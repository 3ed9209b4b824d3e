//! A process that forks others for executions when the host asks it to ([`Forker`]). It speaks lines of JSON on its standard
//! input, a socket: what to be ready for, then `ready` or `cold`, and after that one line for each child, which comes with
//! the descriptors of that child. [`forked`](super::forked) attends to the children.
//!
//! It ends when the host closes the socket, so also with the host. What it has forked goes on by itself.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Interest};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::begin::{Begun, begin};
use super::capture::Captured;
use super::capture::Reader;
use super::children::Started;
use super::group::signal;
use super::input::Input;
use super::spec::Spec;
use crate::output::{OutputSink, Stream};

/// Longest time until it is ready.
const LONGEST_START: Duration = Duration::from_secs(90);
/// Longest time until it has ended after its socket was closed.
const LONGEST_END: Duration = Duration::from_secs(5);
/// Longest line in either direction, in bytes.
const LONGEST_LINE: u64 = 4096;
/// Bytes of its output that are kept, for the reason of its end.
const KEPT_OUTPUT: usize = 8 << 10;

/// The reason why an execution was not forked. It has not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotForked {
    /// The reason, which names no values.
    pub why: String,
    /// Whether it is so for all that follow: the process is of no use any more.
    pub is_final: bool,
}

impl NotForked {
    pub(super) fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_final: true }
    }
}

/// What is known of a child.
#[derive(Debug)]
pub(super) enum Told {
    /// It has ended.
    Ended(ExitStatus),
    /// It was not forked.
    Refused(NotForked),
}

/// A process that forks others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Forker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writing: OwnedWriteHalf,
    state: Mutex<State>,
    /// Fires when it is to end.
    end: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// Whether it takes no further execution.
    is_closed: bool,
    /// Those that have not ended, by number.
    open: HashMap<u64, oneshot::Sender<Told>>,
    next: u64,
    used_at: Instant,
}

impl Forker {
    /// Starts a process and waits until it is ready for what `begin_with` says. After `idle` without use it ends.
    ///
    /// # Errors
    /// The reason why it is of no use.
    pub async fn start(spec: Spec, begin_with: &Value, idle: Duration) -> Result<Self, String> {
        let nothing = CancellationToken::new();
        // The socket alone: what is written and read is decided here.
        let input = Input::Exchange { request: Vec::new(), answer_limit: 0 };
        let begun = begin(&spec, &input, &nothing).await.map_err(|error| error.to_string())?;
        let Some(Begun { ours: Some(socket), mut child, started, .. }) = begun else {
            return Err("it was not started".to_owned());
        };
        let mut output = Output::of(&mut child);
        let (reading, mut writing) = socket.into_split();
        let mut reading = BufReader::new(reading);
        let first = {
            let first = async {
                let line = format!("{begin_with}\n");
                writing.write_all(line.as_bytes()).await.ok()?;
                next(&mut reading).await
            };
            tokio::pin!(first);
            tokio::select! {
                first = timeout(LONGEST_START, &mut first) => first.unwrap_or_default(),
                // It has ended, and may have said why before.
                () = output.read() => timeout(LONGEST_END, &mut first).await.unwrap_or_default(),
            }
        };
        let why = match &first {
            Some(line) if line.get("ready").is_some() => None,
            Some(line) => Some(text(line, "cold")),
            None => Some(output.last_words().await),
        };
        if let Some(why) = why {
            end(child, started).await;
            return Err(why);
        }
        let state = State { is_closed: false, open: HashMap::new(), next: 1, used_at: Instant::now() };
        let inner = Inner { writing, state: Mutex::new(state), end: CancellationToken::new() };
        let forker = Self(Arc::new(inner));
        tokio::spawn(forker.clone().tend(reading, output, (child, started), idle));
        Ok(forker)
    }

    /// Whether it takes executions.
    pub fn is_open(&self) -> bool {
        !self.state().is_closed
    }

    /// Whether it has no child that runs.
    pub fn is_unused(&self) -> bool {
        self.state().open.is_empty()
    }

    /// The time of its last use.
    pub fn used_at(&self) -> Instant {
        self.state().used_at
    }

    /// Has it end once its children have. It takes no further execution.
    pub fn retire(&self) {
        self.state().is_closed = true;
        self.0.end.cancel();
    }

    /// Asks for a child with these descriptors: standard output, standard error and the socket of its execution.
    pub(super) async fn ask(
        &self,
        seal: u64,
        variables: &[String],
        descriptors: [BorrowedFd<'_>; 3],
    ) -> Result<(u64, oneshot::Receiver<Told>), NotForked> {
        let (to, told) = oneshot::channel();
        let number = {
            let mut state = self.state();
            if state.is_closed {
                return Err(NotForked::for_good("it is ending"));
            }
            let number = state.next;
            state.next += 1;
            state.used_at = Instant::now();
            state.open.insert(number, to);
            number
        };
        let line = format!("{}\n", json!({"id": number, "seal": seal, "variables": variables}));
        let sent = if line.len() as u64 > LONGEST_LINE {
            Err(NotForked { why: "it has too many variables".to_owned(), is_final: false })
        } else {
            self.send(line.as_bytes(), descriptors).await.map_err(|error| {
                // Part of a line may have been sent, which nothing can follow.
                self.retire();
                NotForked::for_good(format!("it cannot be asked: {error}"))
            })
        };
        if let Err(why) = sent {
            self.state().open.remove(&number);
            return Err(why);
        }
        Ok((number, told))
    }

    async fn send(&self, line: &[u8], descriptors: [BorrowedFd<'_>; 3]) -> io::Result<()> {
        let socket: &tokio::net::UnixStream = self.0.writing.as_ref();
        loop {
            socket.writable().await?;
            let sent = socket.try_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
                let mut beside = SendAncillaryBuffer::new(&mut space);
                beside.push(SendAncillaryMessage::ScmRights(&descriptors));
                Ok(sendmsg(socket, &[IoSlice::new(line)], &mut beside, SendFlags::NOSIGNAL)?)
            });
            match sent {
                Ok(count) if count == line.len() => return Ok(()),
                Ok(_part) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Hears what it tells, until it ends, or is idle or retired and has no children.
    async fn tend(
        self,
        mut reading: BufReader<OwnedReadHalf>,
        mut output: Output,
        (child, started): (Child, Started),
        idle: Duration,
    ) {
        loop {
            let is_retired = self.0.end.is_cancelled();
            if self.closes(idle) {
                break;
            }
            let idle_at = self.used_at() + idle;
            tokio::select! {
                line = next(&mut reading) => match line {
                    Some(line) => self.hear(&line),
                    None => break,
                },
                () = self.0.end.cancelled(), if !is_retired => {}
                () = sleep_until(idle_at), if idle_at > Instant::now() => {}
                () = output.read(), if !output.is_over() => {}
            }
        }
        // Whoever waits for a child hears that nobody knows more of it.
        let open = {
            let mut state = self.state();
            state.is_closed = true;
            std::mem::take(&mut state.open)
        };
        drop(open);
        drop(reading);
        drop(self);
        end(child, started).await;
    }

    /// Whether it ends now: nobody uses it, and it was retired or nobody has used it for a while. It takes nothing more then.
    fn closes(&self, idle: Duration) -> bool {
        let mut state = self.state();
        let is_over = state.is_closed || state.used_at.elapsed() >= idle;
        let closes = state.open.is_empty() && is_over;
        state.is_closed |= closes;
        closes
    }

    fn hear(&self, line: &Value) {
        let number = |name: &str| line.get(name).and_then(Value::as_u64);
        let (id, told) = if let Some(id) = number("ended") {
            let status = line.get("status").and_then(Value::as_i64).and_then(|raw| i32::try_from(raw).ok());
            (id, Told::Ended(ExitStatus::from_raw(status.unwrap_or_default())))
        } else if let Some(id) = number("refused") {
            let is_final = line.get("is_final") == Some(&Value::Bool(true));
            if is_final {
                self.retire();
            }
            (id, Told::Refused(NotForked { why: text(line, "why"), is_final }))
        } else {
            return;
        };
        let waiting = {
            let mut state = self.state();
            // A long run counts as use.
            state.used_at = Instant::now();
            state.open.remove(&id)
        };
        if let Some(waiting) = waiting {
            // Nobody waits for it if its future was dropped.
            drop(waiting.send(told));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The output of the process itself, of which the end is kept.
struct Output {
    sink: OutputSink,
    stdout: Option<tokio::process::ChildStdout>,
    stderr: Option<tokio::process::ChildStderr>,
}

impl Output {
    fn of(child: &mut Child) -> Self {
        let sink = OutputSink::rolling(KEPT_OUTPUT);
        Self { sink, stdout: child.stdout.take(), stderr: child.stderr.take() }
    }

    fn is_over(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Reads until both streams have ended.
    async fn read(&mut self) {
        let Self { sink, stdout, stderr } = self;
        let (mut out, mut err) = (Reader::new(Stream::Stdout, sink, 0), Reader::new(Stream::Stderr, sink, 0));
        tokio::join!(out.read(stdout.as_mut()), err.read(stderr.as_mut()));
        drop::<[Captured; 2]>([out.finish(), err.finish()]);
        (*stdout, *stderr) = (None, None);
    }

    /// The last line of what it has written, for the reason why it has ended.
    async fn last_words(&mut self) -> String {
        drop(timeout(LONGEST_END, self.read()).await);
        let last = self.sink.take().into_iter().rev().find(|line| !line.text.trim().is_empty());
        last.map_or_else(|| "it ended, or took too long, without a word".to_owned(), |line| line.text)
    }
}

/// Waits for the end of a process whose socket was closed, and kills it if it takes too long, with what it has started while
/// it became ready. What it has forked is in groups of its own.
async fn end(mut child: Child, started: Started) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if timeout(LONGEST_END, child.wait()).await.is_err() {
        // An error means that it has ended meanwhile.
        drop(child.kill().await);
    }
    signal(group, Signal::KILL);
    drop(started);
}

/// The next line. `None` at the end, and for what is no line of JSON.
async fn next(reading: &mut BufReader<OwnedReadHalf>) -> Option<Value> {
    let mut line = Vec::new();
    let read = (&mut *reading).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
    read.ok()?;
    serde_json::from_slice(&line).ok()
}

fn text(line: &Value, name: &str) -> String {
    line.get(name).and_then(Value::as_str).unwrap_or("it says nothing that is understood").to_owned()
}

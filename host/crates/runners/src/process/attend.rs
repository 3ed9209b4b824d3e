//! Attends to a process while it runs: feeds it, reads its output, and waits for its end. Who has started it does not matter.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::AsyncRead;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::capture::{Captured, Reader};
use super::group::{Group, signal};
use super::input::{self, Input};
use super::leftovers;
use super::spec::{Exit, Finished, Spec};
use crate::output::{OutputSink, Stream};

/// Time between SIGTERM and SIGKILL of a process that does one thing.
const GRACE: Duration = Duration::from_millis(500);
/// Longest wait for the end of a group after SIGKILL.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Time that output is still read after the process has ended. A process that it left in the background may hold the
/// pipes open for ever.
pub(super) const DRAIN: Duration = Duration::from_millis(500);

/// The host's ends of the streams of a process.
pub(super) struct Streams<O, E> {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) exchange: Option<UnixStream>,
    pub(super) stdout: Option<O>,
    pub(super) stderr: Option<E>,
}

/// The first process of an execution.
pub(super) trait Leader {
    /// Waits for its end.
    async fn wait(&mut self) -> std::io::Result<Exit>;
}

impl Leader for Child {
    async fn wait(&mut self) -> std::io::Result<Exit> {
        Self::wait(self).await.map(Exit::Ended)
    }
}

/// Attends to a process that has begun, until it has ended. The leader comes with its group and the tick at which it began.
pub(super) async fn attend<O: AsyncRead + AsFd + Unpin, E: AsyncRead + AsFd + Unpin>(
    (leader, group, began): (&mut impl Leader, Option<Pid>, u64),
    streams: Streams<O, E>,
    input: Input,
    spec: &Spec,
    sink: &OutputSink,
    cancel: &CancellationToken,
) -> std::io::Result<Finished> {
    // Kills the group if this future is dropped before the end.
    let guard = Group(group);
    let Streams { stdin, exchange, stdout, stderr } = streams;
    let (mut answer, held) = (Captured::default(), input.held());
    let feed = input::feed(input, stdin, exchange, &mut answer, sink);
    let mut out = Reader::new(Stream::Stdout, sink, spec.output_limit);
    let mut err = Reader::new(Stream::Stderr, sink, spec.output_limit);
    let pipes = [number(stdout.as_ref()), number(stderr.as_ref())].into_iter().flatten().collect();
    let exit = {
        let reading = async { tokio::join!(feed, out.read(stdout), err.read(stderr)) };
        tokio::pin!(reading);
        let ended = watch(leader, (group, began), spec, cancel, GRACE);
        tokio::pin!(ended);
        tokio::select! {
            exit = &mut ended => {
                if let Some(held) = held {
                    held.cancel();
                }
                // The process has ended. Output that was written before still has to be read, but a process in the
                // background may hold the pipes open for as long as it likes.
                if timeout(DRAIN, &mut reading).await.is_err() {
                    let held = leftovers::end_holders(pipes).await;
                    if held > 0 {
                        sink.line(Stream::Output, format!("{held} processes that were left in the background held the output open and were ended"));
                    }
                    // The holders are gone, so this ends at once, unless one of another user could not be killed.
                    drop(timeout(DRAIN, &mut reading).await);
                }
                exit?
            }
            _ = &mut reading => ended.await?,
        }
    };
    // The process has ended by itself or was ended: whatever is left of its group may live on.
    guard.disarm();
    Ok(Finished { exit, stdout: out.finish(), stderr: err.finish(), answer })
}

/// The inode number of a pipe.
fn number(pipe: Option<&impl AsFd>) -> Option<u64> {
    pipe.and_then(|pipe| rustix::fs::fstat(pipe).ok()).map(|found| found.st_ino)
}

/// Waits for the end of the process, and ends it on timeout or cancellation, with `grace` between SIGTERM and SIGKILL.
/// `group` comes with the tick at which it began.
pub(super) async fn watch(
    child: &mut impl Leader,
    (group, began): (Option<Pid>, u64),
    spec: &Spec,
    cancel: &CancellationToken,
    grace: Duration,
) -> std::io::Result<Exit> {
    let exit = tokio::select! {
        exit = child.wait() => return exit,
        () = tokio::time::sleep(spec.timeout) => Exit::TimedOut,
        () = cancel.cancelled() => Exit::Canceled,
    };
    let marks = leftovers::look(&spec.execution, group, began).await;
    signal(group, Signal::TERM);
    let ended = timeout(grace, child.wait()).await;
    // Sent even if the leader has ended: other members of the group may still run.
    signal(group, Signal::KILL);
    if ended.is_err() && timeout(LAST_WAIT, child.wait()).await.is_err() {
        // Nothing more can be done: the process belongs to another user, or hangs in the kernel.
        tracing::error!(process.id = group.map(Pid::as_raw_pid), "process did not end after SIGKILL");
    }
    // Processes that have left the group.
    leftovers::end_all(marks).await;
    Ok(exit)
}

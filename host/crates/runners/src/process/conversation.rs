//! A process that goes on, with which the host talks over its standard input, a socket, until it ends by itself or is ended.
//! Nothing of it outlives it: when it ends, so do its group and whatever has its marks.

use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attend::{DRAIN, watch};
use super::begin::{Begun, begin};
use super::capture::Reader;
use super::group::{Group, signal};
use super::leftovers;
use super::{Exit, Input, Spec};
use crate::output::{OutputSink, Stream};

/// Time between SIGTERM and SIGKILL. A process that goes on may have more to put in order than one that does one thing.
const GRACE: Duration = Duration::from_secs(3);

/// A process that has begun, as the host talks with it.
#[derive(Debug)]
pub struct Peer {
    /// Its number.
    pub process: u32,
    /// The other end of its standard input.
    pub socket: UnixStream,
}

/// Runs a process until it ends or `cancel` fires. `talk` is dropped soon after its end, if it goes on. Its output goes to
/// `sink`, and nothing of it is captured. [`Spec::input`] does not matter.
///
/// # Errors
/// If the process cannot be started. If the system has no file or process left for it, it waits first.
pub async fn converse<F: Future<Output = ()>>(
    mut spec: Spec,
    sink: &OutputSink,
    cancel: &CancellationToken,
    talk: impl FnOnce(Peer) -> F,
) -> std::io::Result<Exit> {
    let begun = begin(&spec, &Input::Conversation, cancel).await?;
    let Some(Begun { ours, began, started, mut child }) = begun else { return Ok(Exit::Canceled) };
    // The process has it, and it may be large.
    spec.environment = Vec::new();
    let process = child.id();
    let group = process.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // Kills the group if this future is dropped before the end.
    let guard = Group(group);
    let (mut out, mut err) = (Reader::new(Stream::Stdout, sink, 0), Reader::new(Stream::Stderr, sink, 0));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let talking = async {
        if let (Some(process), Some(socket)) = (process, ours) {
            talk(Peer { process, socket }).await;
        }
    };
    let exit = {
        let attending = async { tokio::join!(talking, out.read(stdout), err.read(stderr)) };
        tokio::pin!(attending);
        let ended = watch(&mut child, (group, began), &spec, cancel, GRACE);
        tokio::pin!(ended);
        tokio::select! {
            exit = &mut ended => {
                // The next one of its kind must find nothing in its place, and output that was written is still read.
                signal(group, Signal::KILL);
                drop(timeout(DRAIN, &mut attending).await);
                exit?
            }
            _ = &mut attending => ended.await?,
        }
    };
    signal(group, Signal::KILL);
    if matches!(exit, Exit::Ended(_)) {
        let marks = leftovers::look(&spec.execution, None, began).await;
        leftovers::end_all(marks).await;
    }
    guard.disarm();
    drop(started);
    // The last lines, without a line end.
    drop((out.finish(), err.finish()));
    Ok(exit)
}

//! A process that another one has forked for an execution ([`Forker`]), from its beginning to its end. It has what a
//! process that the host starts has: a group of its own, the marks of its execution, streams of its own.
//!
//! The child says its number first, and gets its request only then: one that never came has not begun.

use std::io::PipeReader;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as Socket;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::attend::{Leader, Streams, attend};
use super::forker::{Forker, NotForked, Told};
use super::identity::Identity;
use super::seal::Seal;
use super::spec::{Exit, Finished, Spec};
use super::table;
use crate::output::OutputSink;

/// Longest time until a child says its number.
const LONGEST_START: Duration = Duration::from_secs(30);
/// The time between looks at a child whose parent has gone.
const LOOK: Duration = Duration::from_millis(100);
/// The digits of the greatest number of a process.
const DIGITS: usize = 10;

/// As [`run`](super::run), by a child of `forker`, which inherits program, arguments and working directory. `variables` are
/// the names of those that the caller has given; the request has all with their values. `spec` is given back if the
/// execution has not begun.
///
/// # Errors
/// The reason why it was not forked.
pub async fn run_forked(
    spec: &mut Spec,
    (forker, variables): (&Forker, &[String]),
    sink: &OutputSink,
    cancel: &CancellationToken,
) -> Result<std::io::Result<Finished>, NotForked> {
    let began = table::now();
    let (ends, theirs) = Ends::open().map_err(|error| not_now(&error))?;
    let seal = Seal::of(&spec.execution, Identity::own()).value();
    let [out, err, exchange] = &theirs;
    let (_, told) = forker.ask(seal, variables, [out.as_fd(), err.as_fd(), exchange.as_fd()]).await?;
    // With a copy here their end would never come.
    drop(theirs);
    let Ends { mut exchange, stdout, stderr } = ends;
    let mut child = Forked { told: Some(told), id: None };
    let id = tokio::select! {
        id = timeout(LONGEST_START, number_of(&mut exchange)) => id.ok().flatten(),
        () = cancel.cancelled() => return Ok(Ok(Finished::canceled())),
    };
    let Some(id) = id else { return Err(child.why_not().await) };
    child.id = Some(id);
    let streams =
        Streams { stdin: None, exchange: Some(exchange), stdout: Some(stdout), stderr: Some(stderr) };
    let input = std::mem::take(&mut spec.input);
    Ok(attend((&mut child, Some(id), began), streams, input, spec, sink, cancel).await)
}

/// The host's ends of the streams of a child.
struct Ends {
    exchange: UnixStream,
    stdout: Receiver,
    stderr: Receiver,
}

impl Ends {
    /// Opens them, with the child's ends.
    fn open() -> std::io::Result<(Self, [OwnedFd; 3])> {
        let receiver = |pipe: PipeReader| Receiver::from_owned_fd(OwnedFd::from(pipe));
        let ((stdout, out), (stderr, err)) = (std::io::pipe()?, std::io::pipe()?);
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let ends = Self {
            exchange: UnixStream::from_std(ours)?,
            stdout: receiver(stdout)?,
            stderr: receiver(stderr)?,
        };
        Ok((ends, [out.into(), err.into(), theirs.into()]))
    }
}

/// A child of another process.
struct Forked {
    /// What its parent tells of it, until it has.
    told: Option<oneshot::Receiver<Told>>,
    id: Option<Pid>,
}

impl Forked {
    /// The reason why it has not begun.
    async fn why_not(&mut self) -> NotForked {
        let Some(told) = self.told.take() else { return NotForked::for_good("it has gone") };
        match timeout(LONGEST_START, told).await {
            Ok(Ok(Told::Refused(why))) => why,
            Ok(Ok(Told::Ended(status))) => {
                NotForked::for_good(format!("its child ended before it began ({status})"))
            }
            Ok(Err(_gone)) => NotForked::for_good("it was ended from outside"),
            Err(_elapsed) => NotForked::for_good("it does not answer"),
        }
    }
}

impl Leader for Forked {
    async fn wait(&mut self) -> std::io::Result<Exit> {
        if let Some(told) = &mut self.told {
            let told = told.await;
            self.told = None;
            if let Ok(Told::Ended(status)) = told {
                return Ok(Exit::Ended(status));
            }
        }
        // Its parent has gone. It is looked at until it has gone too; somebody else waits for it.
        while self.id.is_some_and(|id| table::read(id.as_raw_pid()).is_some()) {
            sleep(LOOK).await;
        }
        Ok(Exit::Unknown)
    }
}

/// Reads the number of a child from its socket. `None` if there is no child.
async fn number_of(socket: &mut UnixStream) -> Option<Pid> {
    let mut number: i32 = 0;
    for _ in 0..=DIGITS {
        // Byte by byte, since what follows is the answer.
        match socket.read_u8().await.ok()? {
            b'\n' => return Pid::from_raw(number),
            digit @ b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))?;
            }
            _ => return None,
        }
    }
    None
}

fn not_now(error: &std::io::Error) -> NotForked {
    NotForked { why: format!("no file is left for it: {error}"), is_final: false }
}

//! `GET /backup`: an archive of the store and of the files that belong to it, made while the host goes on. A thread
//! of its own writes the archive as fast as it is read. A failure before the first byte is an ordinary error; a later
//! one breaks off the connection, and the archive lacks its end.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::Frame;
use petrel_engine::reads::Archived;
use tokio::sync::mpsc;

use crate::extensions::User;
use crate::said::Said;
use crate::{Api, ApiError};

/// Bytes that are sent at once.
const CHUNK: usize = 64 * 1024;
/// The number of finished chunks after which the writer waits.
const CHUNKS_READY: usize = 16;
/// The time for which a reader may pause. As long as a backup is open the store can free no space.
const PATIENCE: Duration = Duration::from_secs(60);
/// The interval of checks for room for another chunk.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn make(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    said: Said,
) -> Result<Response, ApiError> {
    let with_keys = said.only(&["with_key"])?.flag("with_key")?;
    // With a backup its reader can sign in as anybody.
    api.engine.access().refuse_others_than_admin(&user, "make a backup")?;
    let turn = Arc::clone(&api.backups.turn).try_acquire_owned().map_err(|_taken| {
        let hint = "wait until it is done, and try again";
        ApiError::new(StatusCode::CONFLICT, "conflict", "another backup is being made", hint)
    })?;
    tracing::info!(user, "backup started");
    let (sender, mut parts) = mpsc::channel(CHUNKS_READY);
    let write = Arc::clone(&api.backups.write);
    tokio::task::spawn_blocking(move || {
        let write = |to: &mut dyn Write| write(to, with_keys);
        send(&write, Parts { sender, ready: Vec::with_capacity(CHUNK), patience: PATIENCE });
        drop(turn);
    });
    match parts.recv().await {
        Some(Part::Bytes(first)) => {
            let head = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"petrel.backup\""),
            ];
            Ok((head, Body::new(Archive { first: Some(first), rest: parts })).into_response())
        }
        Some(Part::Failed(why)) => Err(failed(format!("the backup cannot be made: {why}"))),
        Some(Part::End) | None => Err(failed("the backup cannot be made: its thread ended early".into())),
    }
}

fn failed(message: String) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "backup_failed", message, "see the log of the host")
}

/// A part of an archive on its way to the client.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Bytes(Bytes),
    /// The archive is complete.
    End,
    Failed(String),
}

/// Writes an archive and sends its outcome.
fn send(write: &dyn Fn(&mut dyn Write) -> Result<Archived, String>, mut parts: Parts) {
    let written = write(&mut parts).and_then(|archived| {
        parts.flush().map_err(|error| error.to_string())?;
        Ok(archived)
    });
    let last = match written {
        Ok(Archived { rows, blobs, files, bytes }) => {
            tracing::info!(rows, blobs, files, bytes, "backup finished");
            Part::End
        }
        Err(why) => {
            tracing::error!(why, "backup failed");
            Part::Failed(why)
        }
    };
    // The client may have gone away; then nobody needs the outcome.
    drop(parts.send(last));
}

/// The writer's end of the archive.
struct Parts {
    sender: mpsc::Sender<Part>,
    /// Bytes that do not fill a chunk yet.
    ready: Vec<u8>,
    patience: Duration,
}

impl Parts {
    fn send(&self, mut part: Part) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            part = match self.sender.try_send(part) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone away"));
                }
                Err(mpsc::error::TrySendError::Full(_)) if begun.elapsed() >= self.patience => {
                    let waited = self.patience.as_secs();
                    let why = format!("the client has read nothing for {waited} seconds");
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                Err(mpsc::error::TrySendError::Full(part)) => part,
            };
            sleep(PAUSE);
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.ready.len() >= CHUNK {
            self.flush()?;
        }
        let (taken, _) = bytes.split_at(bytes.len().min(CHUNK - self.ready.len()));
        self.ready.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.ready.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.ready, Vec::with_capacity(CHUNK));
        self.send(Part::Bytes(chunk.into()))
    }
}

/// The body of the answer.
struct Archive {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Part>,
}

impl HttpBody for Archive {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|part| match part {
            Some(Part::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Part::End) => None,
            Some(Part::Failed(why)) => Some(Err(io::Error::other(why))),
            // The thread panicked.
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(ready: usize) -> (Parts, mpsc::Receiver<Part>) {
        let (sender, receiver) = mpsc::channel(ready);
        (Parts { sender, ready: Vec::new(), patience: Duration::from_millis(50) }, receiver)
    }

    #[test]
    fn what_is_written_comes_in_chunks_and_then_its_end() {
        let (parts, mut receiver) = parts(10);
        let written = vec![7; 2 * CHUNK + 1];
        send(
            &|to| {
                to.write_all(&[7; 5]).and_then(|()| to.write_all(&vec![7; 2 * CHUNK - 4])).unwrap();
                Ok(Archived::default())
            },
            parts,
        );
        let (mut read, mut last) = (Vec::new(), None);
        while let Ok(part) = receiver.try_recv() {
            match part {
                Part::Bytes(bytes) => read.extend_from_slice(&bytes),
                part => last = Some(part),
            }
        }
        assert_eq!((read == written, last), (true, Some(Part::End)));
    }

    #[test]
    fn what_fails_half_way_does_not_look_like_an_end() {
        let (parts, mut receiver) = parts(10);
        send(
            &|to| {
                to.write_all(&vec![7; CHUNK + 1]).unwrap();
                Err("the disk is broken".into())
            },
            parts,
        );
        assert!(matches!(receiver.try_recv(), Ok(Part::Bytes(_))));
        assert_eq!(receiver.try_recv(), Ok(Part::Failed("the disk is broken".into())));
    }

    #[test]
    fn who_reads_nothing_or_goes_away_ends_it() {
        let (mut slow, _receiver) = parts(1);
        let error = slow.write_all(&vec![7; 4 * CHUNK]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let (mut gone, receiver) = parts(1);
        drop(receiver);
        let error = gone.write_all(&vec![7; 4 * CHUNK]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}

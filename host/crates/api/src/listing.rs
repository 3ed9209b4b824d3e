//! Answers of JSON, and the room in memory that they hold until they are sent: who reads slowly takes no more than
//! others. A list is written while it is sent, if it is long: then only a little of it is ever there at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use petrel_engine::Error;
use petrel_engine::intake::Claim;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::body::Held;
use crate::{Api, ApiError};

/// How much is written at once, in bytes; a shorter list is sent as a whole. (One item may be larger.)
pub(crate) const CHUNK: usize = 4 << 20;
/// Answers of no more bytes need no room of their own.
const SMALL: usize = 64 << 10;
/// How long an answer that is about to be read waits for its room, and how often that is looked at.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Has `held` hold `bytes` for an answer, unless they are few.
///
/// # Errors
/// 503 when it is more than is left of what requests may take together, 413 when it is more than there ever is.
pub(crate) fn hold(api: &Api, held: &mut Option<Claim>, bytes: usize) -> Result<(), ApiError> {
    let missing = bytes.saturating_sub(held.as_ref().map_or(0, Claim::bytes));
    // What is small, as nearly all is, costs nothing more than it did.
    if missing == 0 || (held.is_none() && bytes <= SMALL) {
        return Ok(());
    }
    let taken = if let Some(claim) = held {
        claim.grow(missing)
    } else {
        api.engine.claim(missing).map(|claim| *held = Some(claim))
    };
    Ok(taken.map_err(|error| match error {
        Error::TooLarge { message, .. } => {
            let hint = "ask for less at a time, or raise server.max_in_flight_mib".into();
            Error::TooLarge { message, hint }
        }
        other => other,
    })?)
}

/// As [`hold`] of what holds nothing yet, before it is read: waits shortly where too little is left. What would be more than
/// there ever is takes its room as it comes: it was estimated.
///
/// # Errors
/// 503 when too little is left for a while.
pub(crate) async fn hold_soon(api: &Api, held: &mut Option<Claim>, bytes: usize) -> Result<(), ApiError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match api.engine.claim(bytes) {
            Ok(claim) => {
                *held = Some(claim);
                return Ok(());
            }
            Err(Error::TooLarge { .. }) => return Ok(()),
            Err(Error::Busy(_)) if Instant::now() < end => sleep(LOOK_AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Has an answer that is there as a whole hold its room until it is sent, beginning with what its request has held.
///
/// # Errors
/// As [`hold`], of what only reads. What has changed something is answered all the same.
pub(crate) fn keep(api: &Api, held: &Held, only_reads: bool, answer: Response) -> Result<Response, ApiError> {
    let size = answer.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let Some(size) = size.filter(|size| *size > SMALL) else { return Ok(answer) };
    if answer.extensions().get::<HasRoom>().is_some() {
        return Ok(answer);
    }
    let mut claim = Some(held.take(api)?);
    if let Err(error) = hold(api, &mut claim, size)
        && only_reads
    {
        return Err(error);
    }
    if let Some(claim) = &mut claim {
        claim.shrink_to(size);
    }
    Ok(answer.map(|body| Body::new(Kept { body, _claim: claim })))
}

/// A body that is there as a whole, with its room.
struct Kept {
    body: Body,
    _claim: Option<Claim>,
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    // Whether it has ended is not told before it is asked for more: until then it may not have been sent.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Says of an answer that its handler has seen to its room.
#[derive(Debug, Clone, Copy)]
struct HasRoom;

/// An answer with `items` as a list, which has the room that is `held`.
pub(crate) fn answer<I>(items: I, held: Option<Claim>) -> Response
where
    I: Iterator<Item: Serialize> + Send + Unpin + 'static,
{
    let mut list = List { items: Some(items), first: None, is_begun: false, is_ended: false, held };
    let first = list.chunk();
    if list.is_ended {
        // What is not written yet is no more.
        list.items = None;
        if let Some(claim) = &mut list.held {
            claim.shrink_to(first.len());
        }
    }
    list.first = Some(first);
    sent(list)
}

/// An answer that is `text`, which has the room that is `held`.
pub(crate) fn written(text: Vec<u8>, held: Option<Claim>) -> Response {
    let items: Option<std::iter::Empty<Value>> = None;
    sent(List { items, first: Some(text), is_begun: true, is_ended: true, held })
}

/// An answer that is `value`, which has the room that is `held`.
///
/// # Errors
/// 500 when it cannot be written.
pub(crate) fn one(value: &impl Serialize, held: Option<Claim>) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(value).map_err(|error| Error::Internal(error.to_string()))?;
    let mut held = held;
    if let Some(claim) = &mut held {
        claim.shrink_to(text.len());
    }
    Ok(written(text, held))
}

fn sent<I>(list: List<I>) -> Response
where
    I: Iterator<Item: Serialize> + Send + Unpin + 'static,
{
    let mut answer = ([(header::CONTENT_TYPE, "application/json")], Body::new(list)).into_response();
    answer.extensions_mut().insert(HasRoom);
    answer
}

struct List<I> {
    /// What is not written yet.
    items: Option<I>,
    /// What was written to see whether that is all.
    first: Option<Vec<u8>>,
    is_begun: bool,
    is_ended: bool,
    /// Until all is sent.
    held: Option<Claim>,
}

impl<I: Iterator<Item: Serialize>> List<I> {
    /// What is sent next.
    fn chunk(&mut self) -> Vec<u8> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let Some(item) = self.items.as_mut().and_then(Iterator::next) else {
                let end: &[u8] = if self.is_begun { b"]" } else { b"[]" };
                chunk.extend_from_slice(end);
                self.is_ended = true;
                break;
            };
            chunk.push(if self.is_begun { b',' } else { b'[' });
            self.is_begun = true;
            if let Err(error) = serde_json::to_writer(&mut chunk, &item) {
                // Whoever reads finds that the list is none, rather than that it is short.
                tracing::error!(%error, "an item of a list cannot be written");
                self.is_ended = true;
                break;
            }
        }
        chunk
    }
}

impl<I: Iterator<Item: Serialize> + Unpin> HttpBody for List<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = match self.first.take() {
            Some(first) => first,
            None if self.is_ended => return Poll::Ready(None),
            None => self.chunk(),
        };
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.first {
            Some(first) if self.is_ended => SizeHint::with_exact(first.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chunks_make_a_list() {
        for items in [
            vec![],
            vec![json!(1)],
            vec![json!("x".repeat(CHUNK)); 3],
            vec![json!("y".repeat(CHUNK / 10)); 25],
        ] {
            let rest = Some(items.clone().into_iter());
            let mut list = List { items: rest, first: None, is_begun: false, is_ended: false, held: None };
            let (mut text, mut chunks) = (Vec::new(), 0);
            while !list.is_ended && chunks < 10 {
                text.extend(list.chunk());
                chunks += 1;
            }
            assert!(serde_json::from_slice::<Vec<Value>>(&text).unwrap() == items, "{chunks} chunks");
            assert!(chunks <= 1 + text.len() / CHUNK, "{chunks} chunks");
        }
    }

    #[test]
    fn the_length_of_what_is_written_as_a_whole_is_known() {
        for (items, length) in [
            (vec![json!(1), json!(2)], Some(5)),
            (vec![], Some(2)),
            (vec![json!("x".repeat(CHUNK)); 2], None),
        ] {
            let answer = answer(items.into_iter(), None);
            assert_eq!(answer.body().size_hint().exact(), length);
        }
        assert_eq!(one(&json!({"a": 1}), None).unwrap().body().size_hint().exact(), Some(7));
    }
}

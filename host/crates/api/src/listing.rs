//! JSON answers and their claims on memory, which last until the answers are sent, so that a slow reader takes no
//! more than its share. A long list is written while it is sent, so that only a little of it is in memory at any
//! time.

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
use petrel_engine::triggers::Claim;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::body::Held;
use crate::{Api, ApiError};

/// Bytes of a list that are written at once; a shorter list is sent as a whole. A single item may be larger.
pub(crate) const CHUNK: usize = 4 << 20;
/// Bytes of each later chunk: a fast reader has many of them written without a pause in which the worker does other work.
const LATER_CHUNK: usize = 256 << 10;
/// Answers up to this many bytes need no claim.
const SMALL: usize = 64 << 10;
/// The time that an answer waits for its memory before its items are read, and the pause between its attempts.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Makes `held` cover `bytes` for an answer, unless they are few.
///
/// # Errors
/// 503 when requests have too little memory left, 413 when they never have so much.
pub(crate) fn hold(api: &Api, held: &mut Option<Claim>, bytes: usize) -> Result<(), ApiError> {
    let missing = bytes.saturating_sub(held.as_ref().map_or(0, Claim::bytes));
    // Nearly all answers are small, and must not pay for the accounting.
    if missing == 0 || (held.is_none() && bytes <= SMALL) {
        return Ok(());
    }
    let taken = if let Some(claim) = held {
        claim.grow(missing)
    } else {
        api.engine.triggers().claim(missing).map(|claim| *held = Some(claim))
    };
    Ok(taken.map_err(|error| match error {
        Error::TooLarge { message, .. } => {
            let hint = "ask for less at a time, or raise server.max_in_flight_mib".into();
            Error::TooLarge { message, hint }
        }
        other => other,
    })?)
}

/// As [`hold`] for an answer that holds nothing yet, before its items are read: waits shortly while requests have too
/// little memory left. An estimate of more than they ever have claims nothing; the items then claim theirs as they come.
///
/// # Errors
/// 503 when requests have too little memory left for a while.
pub(crate) async fn hold_soon(api: &Api, held: &mut Option<Claim>, bytes: usize) -> Result<(), ApiError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match api.engine.triggers().claim(bytes) {
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

/// Makes a complete answer hold its memory until it is sent, starting with what its request holds.
///
/// # Errors
/// As [`hold`], for a request that only reads. A change that has been made is answered in any case.
pub(crate) fn keep(api: &Api, held: &Held, only_reads: bool, answer: Response) -> Result<Response, ApiError> {
    let size = answer.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let Some(size) = size.filter(|size| *size > SMALL) else { return Ok(answer) };
    if answer.extensions().get::<HasRoom>().is_some() {
        return Ok(answer);
    }
    let mut claim = Some(held.take(api)?);
    // A change is made already, and must not look as if it had been refused.
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

/// A complete body, with its claim.
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

    // The default `is_end_stream` says false until the body is polled again. The claim must last until then, because
    // the body may not have been sent before.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Marks an answer whose handler has claimed its memory.
#[derive(Debug, Clone, Copy)]
struct HasRoom;

/// An answer that lists `items`, with the claim `held`.
pub(crate) fn answer<I>(items: I, held: Option<Claim>) -> Response
where
    I: Iterator<Item: Serialize> + Send + Unpin + 'static,
{
    let mut list = List { items: Some(items), first: None, is_begun: false, is_ended: false, held };
    let first = list.chunk(CHUNK);
    if list.is_ended {
        // The list is complete, so its items need no memory any longer.
        list.items = None;
        if let Some(claim) = &mut list.held {
            claim.shrink_to(first.len());
        }
    }
    list.first = Some(first);
    sent(list)
}

/// An answer of JSON text, with the claim `held`.
pub(crate) fn written(text: Vec<u8>, held: Option<Claim>) -> Response {
    let items: Option<std::iter::Empty<Value>> = None;
    sent(List { items, first: Some(text), is_begun: true, is_ended: true, held })
}

/// An answer that shows `value`, with the claim `held`.
///
/// # Errors
/// 500 when the value cannot be serialized.
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
    /// The items that are not written yet.
    items: Option<I>,
    /// The first chunk, which was written to find out whether it is the whole list.
    first: Option<Vec<u8>>,
    is_begun: bool,
    is_ended: bool,
    /// The claim, held until everything is sent.
    held: Option<Claim>,
}

impl<I: Iterator<Item: Serialize>> List<I> {
    /// The next chunk to send, of about `bytes`.
    fn chunk(&mut self, bytes: usize) -> Vec<u8> {
        let mut chunk = Vec::new();
        while chunk.len() < bytes {
            let Some(item) = self.items.as_mut().and_then(Iterator::next) else {
                let end: &[u8] = if self.is_begun { b"]" } else { b"[]" };
                chunk.extend_from_slice(end);
                self.is_ended = true;
                break;
            };
            chunk.push(if self.is_begun { b',' } else { b'[' });
            self.is_begun = true;
            if let Err(error) = serde_json::to_writer(&mut chunk, &item) {
                // The list stays without its closing bracket: a reader must notice that it is broken, and must not
                // take it for a short one.
                tracing::error!(%error, "failed to write an item of a list");
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
            None => self.chunk(LATER_CHUNK),
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
                text.extend(list.chunk(CHUNK));
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

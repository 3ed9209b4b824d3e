//! A JSON list that is written while it is sent, if it is long: then only a little of it is ever there at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde::Serialize;

/// How much is written at once, in bytes; a shorter list is sent as a whole. (One item may be larger.)
const CHUNK: usize = 4 << 20;

/// An answer with `items` as a list.
pub(crate) fn answer<I>(items: I) -> Response
where
    I: Iterator<Item: Serialize> + Send + Unpin + 'static,
{
    let mut list = List { items, first: None, is_begun: false, is_ended: false };
    let first = list.chunk();
    let body = if list.is_ended {
        Body::from(first)
    } else {
        list.first = Some(first);
        Body::new(list)
    };
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

struct List<I> {
    items: I,
    /// What was written to see whether that is all.
    first: Option<Vec<u8>>,
    is_begun: bool,
    is_ended: bool,
}

impl<I: Iterator<Item: Serialize>> List<I> {
    /// What is sent next.
    fn chunk(&mut self) -> Vec<u8> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK {
            let Some(item) = self.items.next() else {
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
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn chunks_make_a_list() {
        for items in [
            vec![],
            vec![json!(1)],
            vec![json!("x".repeat(CHUNK)); 3],
            vec![json!("y".repeat(CHUNK / 10)); 25],
        ] {
            let mut list =
                List { items: items.clone().into_iter(), first: None, is_begun: false, is_ended: false };
            let (mut text, mut chunks) = (Vec::new(), 0);
            while !list.is_ended && chunks < 10 {
                text.extend(list.chunk());
                chunks += 1;
            }
            assert!(serde_json::from_slice::<Vec<Value>>(&text).unwrap() == items, "{chunks} chunks");
            assert!(chunks <= 1 + text.len() / CHUNK, "{chunks} chunks");
        }
    }
}

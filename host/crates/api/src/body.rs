//! Reads the body of a request, within bounds: how long it is, how slowly it may come, and how much memory it and
//! what is made of it take beside all others.
//!
//! Who has not signed in is refused before this: such a body is never read, but for the small ones that ask for a
//! token.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use hyper::body::Frame;
use petrel_engine::intake::Claim;
use tokio::time::{Instant, timeout_at};

use crate::extensions::SignedIn;
use crate::{Api, ApiError};

/// The largest body that is read, in bytes: 10 MiB.
pub const BODY_LIMIT: usize = 10 << 20;

/// The largest body of who has not signed in, in bytes.
const STRANGERS_LIMIT: usize = 64 << 10;
/// How long a body may take although hardly anything of it comes.
const GRACE: Duration = Duration::from_secs(10);
/// How many bytes have to come for each second beyond that.
const SLOWEST: u32 = 1024;
/// How much is set aside for a body before it comes, in bytes; and so much of it is read in one go, before others have
/// their turn.
const PART: usize = 64 << 10;
/// How many times what has come is set aside for a body that is announced as longer, so that it is seldom moved.
const AHEAD: usize = 3;

/// The memory that a request takes: an extension of the requests that came in, and free again once it is
/// answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Option<Claim>>>, Option<IpAddr>);

impl Held {
    /// Nothing yet, for a request from this address.
    pub(crate) fn by(address: Option<IpAddr>) -> Self {
        Self(Arc::default(), address)
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// 413 when it is more than there ever is, 503 when it is more than is left.
    pub(crate) fn grow(&self, api: &Api, bytes: usize) -> Result<(), ApiError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(claim) => claim.grow(bytes)?,
            None => *held = Some(api.engine.claim_for(bytes, self.1)?),
        }
        Ok(())
    }

    /// What is held, to add to it elsewhere and to [put](Self::put) it back.
    ///
    /// # Errors
    /// As [`Held::grow`].
    pub(crate) fn take(&self, api: &Api) -> Result<Claim, ApiError> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(held.map_or_else(|| api.engine.claim_for(0, self.1), Ok)?)
    }

    /// Gives back what is held.
    pub(crate) fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Holds `claim` until the request is answered.
    pub(crate) fn put(&self, claim: Claim) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim);
    }
}

/// The body of `request`, for which `held` holds the room.
///
/// # Errors
/// 413 when it is too long, 408 when it comes too slowly, 503 when there is no room, 400 when it breaks off.
pub(crate) async fn read(api: &Api, held: &Held, request: Request) -> Result<Bytes, ApiError> {
    let has_signed_in = request.extensions().get::<SignedIn>().is_some();
    let limit = if has_signed_in { BODY_LIMIT } else { STRANGERS_LIMIT };
    let mut body = request.into_body();
    let announced = body.size_hint().exact();
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_long(limit));
    }
    let started = Instant::now();
    let (mut whole, mut unyielding) = (Vec::new(), 0);
    while let Some(frame) = next(&mut body, started, whole.len()).await? {
        // What follows a body, as trailers, is of no interest.
        let Ok(chunk) = frame.into_data() else { continue };
        if whole.len() + chunk.len() > limit {
            return Err(too_long(limit));
        }
        // As it comes and not as it is announced: who sends nothing takes nothing from others.
        held.grow(api, chunk.len())?;
        if whole.is_empty() && announced == Some(chunk.len() as u64) {
            return Ok(chunk);
        }
        make_room(&mut whole, announced, chunk.len());
        whole.extend_from_slice(&chunk);
        unyielding += chunk.len();
        if unyielding >= PART {
            unyielding = 0;
            tokio::task::yield_now().await;
        }
    }
    Ok(whole.into())
}

/// The next part of a body of which `received` bytes have come since `started`.
async fn next(body: &mut Body, started: Instant, received: usize) -> Result<Option<Frame<Bytes>>, ApiError> {
    let until = started + patience(received);
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
    match timeout_at(until, frame).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame)),
        Ok(Some(Err(error))) => {
            Err(ApiError::invalid(format!("the body cannot be read: {error}"), "send it again"))
        }
        Err(_elapsed) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            format!(
                "the body comes too slowly: {received} bytes in {} s, and at least {SLOWEST} a second are asked for",
                patience(received).as_secs()
            ),
            "send it faster, or less at once",
        )),
    }
}

/// Makes room for `length` bytes more of a body, and for some of those that are announced to follow.
fn make_room(whole: &mut Vec<u8>, announced: Option<u64>, length: usize) {
    if whole.capacity() - whole.len() < length {
        let announced = usize::try_from(announced.unwrap_or_default()).unwrap_or(usize::MAX);
        let follow = announced.saturating_sub(whole.len()).min(PART.max(AHEAD * whole.len()));
        whole.reserve(length.max(follow));
    }
}

/// How long a body may have taken of which `received` bytes have come.
fn patience(received: usize) -> Duration {
    GRACE + Duration::from_secs(1).saturating_mul(u32::try_from(received).unwrap_or(u32::MAX)) / SLOWEST
}

fn too_long(limit: usize) -> ApiError {
    let size = match limit {
        0..=0xf_ffff => format!("{} KiB", limit >> 10),
        _ => format!("{} MiB", limit >> 20),
    };
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {size}"),
        "send less, or a reference to where the data is",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_what_has_come() {
        for (received, seconds) in [(0, 10), (1024, 11), (10 << 20, 10 + 10_240)] {
            assert_eq!(patience(received).as_secs(), seconds, "{received} bytes");
        }
    }

    #[test]
    fn room_is_made_for_what_follows_but_not_for_all_that_is_announced() {
        const MIB: usize = 1 << 20;
        for (here, announced, comes, room) in [
            (0, None, 100, 100),
            (0, Some(10 * MIB), 100, PART),
            (PART, Some(10 * MIB), 100, 4 * PART),
            (MIB, Some(10 * MIB), PART, 4 * MIB),
            (9 * MIB, Some(10 * MIB), PART, 10 * MIB),
            // More comes than was announced; how much is too much is seen elsewhere.
            (MIB, Some(MIB), PART, MIB + PART),
        ] {
            let mut whole = vec![0; here];
            make_room(&mut whole, announced.map(|length: usize| length as u64), comes);
            // A vector grows at least to twice its size.
            assert!(
                (room..=room.max(2 * here)).contains(&whole.capacity()),
                "{here}, {announced:?}: {}",
                whole.capacity()
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(13)).unwrap();
        let error = next(&mut Body::new(Never), long_ago, 2048).await.unwrap_err();
        assert!(format!("{error:?}").contains("2048 bytes in 12 s"), "{error:?}");
    }

    /// A body of which nothing ever comes.
    struct Never;

    impl axum::body::HttpBody for Never {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
}

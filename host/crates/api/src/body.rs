//! Reads the body of a request within bounds: on its length, on its slowness, and on the memory that it and the
//! values made from it take beside those of all other requests.
//!
//! A stranger is refused before this, so that a stranger's body is never read, except for the small ones that ask for
//! a token, and those of webhooks whose settings ask for a signature or nothing.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use bytes::Bytes;
use hyper::body::Frame;
use petrel_engine::triggers::Claim;
use petrel_model::quoted::quoted;
use tokio::time::{Instant, timeout_at};

use crate::extensions::{Admitted, SignedIn};
use crate::{Api, ApiError};

/// The largest body that is read, in bytes: 10 MiB.
pub const BODY_LIMIT: usize = 10 << 20;

/// The largest body of a request without a credential, in bytes.
const STRANGERS_LIMIT: usize = 64 << 10;
/// The time in which a body may come at any pace.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes that must come for each second beyond [`GRACE`].
const SLOWEST: u32 = 1024;
/// Bytes of memory that are reserved for a body before it comes. After as many the reader yields to other requests.
const PART: usize = 64 << 10;
/// Memory for a longer announced body is reserved up to this multiple of what has come, so that its bytes are seldom
/// moved.
const AHEAD: usize = 3;

/// The claim on memory of a request. It is an extension of each request, and is released once the request has been
/// answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Option<Claim>>>, Option<IpAddr>);

impl Held {
    /// An empty claim, for a request from this address.
    pub(crate) fn by(address: Option<IpAddr>) -> Self {
        Self(Arc::default(), address)
    }

    /// Claims `bytes` more.
    ///
    /// # Errors
    /// 413 when all requests together may never take so much, 503 when too little is left at present.
    pub(crate) fn grow(&self, api: &Api, bytes: usize) -> Result<(), ApiError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(claim) => claim.grow(bytes)?,
            None => *held = Some(api.engine.triggers().claim_for(bytes, self.1)?),
        }
        Ok(())
    }

    /// Takes the claim out, to add to it elsewhere and to [put](Self::put) it back.
    ///
    /// # Errors
    /// As [`Held::grow`].
    pub(crate) fn take(&self, api: &Api) -> Result<Claim, ApiError> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(held.map_or_else(|| api.engine.triggers().claim_for(0, self.1), Ok)?)
    }

    /// Releases the claim.
    pub(crate) fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Keeps `claim` until the request is answered.
    pub(crate) fn put(&self, claim: Claim) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim);
    }
}

/// Reads the body of `request`; its memory is claimed in `held`.
///
/// # Errors
/// 415 when it is compressed, 413 when it is too long, 408 when it comes too slowly, 503 when there is no memory for
/// it, 400 when the connection breaks off.
pub(crate) async fn read(api: &Api, held: &Held, request: Request) -> Result<Bytes, ApiError> {
    // Who signs bodies has to send them first.
    let is_expected =
        request.extensions().get::<SignedIn>().is_some() || request.extensions().get::<Admitted>().is_some();
    let limit = if is_expected { BODY_LIMIT } else { STRANGERS_LIMIT };
    read_within(api, held, request, limit).await
}

/// As [`read`], up to `limit` bytes.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_within(
    api: &Api,
    held: &Held,
    request: Request,
    limit: usize,
) -> Result<Bytes, ApiError> {
    refuse_encoded(request.headers())?;
    let mut body = request.into_body();
    let announced = body.size_hint().exact();
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_long(limit));
    }
    let started = Instant::now();
    let (mut whole, mut unyielding) = (Vec::new(), 0);
    while let Some(frame) = next(&mut body, started, whole.len()).await? {
        // Trailers may follow a body; nobody reads them.
        let Ok(chunk) = frame.into_data() else { continue };
        if whole.len() + chunk.len() > limit {
            return Err(too_long(limit));
        }
        // Memory is claimed as bytes come and not as they are announced, so that a sender of nothing takes nothing
        // from others.
        held.grow(api, chunk.len())?;
        // A body that comes in one piece needs no copy.
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

/// Refuses an encoded body, since a few compressed bytes may expand to any number.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), ApiError> {
    for (header, plain) in [(header::CONTENT_ENCODING, "identity"), (header::TRANSFER_ENCODING, "chunked")] {
        for value in headers.get_all(&header) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let mut names = value.split(',').map(str::trim);
            if let Some(name) = names.find(|name| !name.is_empty() && !name.eq_ignore_ascii_case(plain)) {
                return Err(encoded(&header, name));
            }
        }
    }
    Ok(())
}

fn encoded(header: &HeaderName, encoding: &str) -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "encoded",
        format!(
            "the body has the encoding `{}` (header {header}), and this host decodes none",
            quoted(encoding)
        ),
        "send it unencoded, without the header Content-Encoding and any Transfer-Encoding but chunked",
    )
}

/// The next frame of a body of which `received` bytes have come since `started`.
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
                "the body comes too slowly: {received} bytes in {} s; the least is {SLOWEST} bytes a second",
                patience(received).as_secs()
            ),
            "send it faster, or less at once",
        )),
    }
}

/// Reserves memory for `length` more bytes, and for a part of those that are announced to follow.
fn make_room(whole: &mut Vec<u8>, announced: Option<u64>, length: usize) {
    if whole.capacity() - whole.len() < length {
        let announced = usize::try_from(announced.unwrap_or_default()).unwrap_or(usize::MAX);
        let follow = announced.saturating_sub(whole.len()).min(PART.max(AHEAD * whole.len()));
        whole.reserve(length.max(follow));
    }
}

/// The time in which a body must have come of which `received` bytes are there.
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

    #[test]
    fn an_encoded_body_is_refused_by_the_name_of_its_encoding() {
        let (content, transfer) = (header::CONTENT_ENCODING, header::TRANSFER_ENCODING);
        for (name, encodings, refused) in [
            (&content, &[][..], None),
            (&content, &["identity"], None),
            (&content, &["Identity", ""], None),
            (&content, &["gzip"], Some("`gzip` (header content-encoding)")),
            (&content, &["GZIP"], Some("`GZIP`")),
            (&content, &["identity, br"], Some("`br`")),
            (&content, &["identity", "deflate"], Some("`deflate`")),
            (&content, &["x-gzip;q=1"], Some("`x-gzip;q=1`")),
            (&transfer, &["chunked"], None),
            (&transfer, &["gzip, chunked"], Some("`gzip` (header transfer-encoding)")),
        ] {
            let headers = encodings.iter().map(|value| (name.clone(), value.parse().unwrap()));
            let said = refuse_encoded(&headers.collect()).err().map(|error| format!("{error:?}"));
            match refused {
                None => assert_eq!(said, None, "{encodings:?}"),
                Some(says) => assert!(said.as_ref().is_some_and(|said| said.contains(says)), "{said:?}"),
            }
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

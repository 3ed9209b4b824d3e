//! Answers in the place of the network: for tests of packs. What a pack may ask for is checked as ever.

use std::fmt;
use std::future::ready;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use reqwest::Url;
use wasmtime_wasi_http::WasiBody;

use super::parts::{Answer, Rest, internal, whole};

/// A request that a component makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedFor<'a> {
    /// The method.
    pub method: &'a str,
    /// The address, in its normal form.
    pub url: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// The answer that a component gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What answers the requests of components in the place of the network.
pub trait StandIn: Send + Sync + fmt::Debug {
    /// The answer to a request.
    ///
    /// # Errors
    /// There is none: the request fails, and the text says why.
    fn answer(&self, asked: &AskedFor<'_>) -> Result<Answered, String>;
}

/// The answer of `stand_in` to a request that may be made.
pub(super) async fn answer(stand_in: &dyn StandIn, url: &Url, request: http::Request<WasiBody>) -> Answer {
    let (head, body) = request.into_parts();
    let body = whole(body).await?;
    let asked = AskedFor { method: head.method.as_str(), url: url.as_str(), body: &body };
    let answered = stand_in.answer(&asked).map_err(internal)?;
    let mut answer = http::Response::builder().status(answered.status);
    for (name, value) in &answered.headers {
        answer = answer.header(name, value);
    }
    let body = Full::new(Bytes::from(answered.body)).map_err(|never| match never {}).boxed_unsync();
    let answer =
        answer.body(body).map_err(|error| internal(format!("the answer cannot be given: {error}")))?;
    let rest: Rest = Box::new(ready(Ok(())));
    Ok((answer, rest))
}

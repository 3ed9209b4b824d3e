//! Requests of components over `wasi:http`: each is checked against the grants of its pack, and sent within bounds.
//!
//! [`Gate`] belongs to one call and decides; [`Clients`] belong to the host and send. Redirects are not followed: their
//! target is a request of its own, which is checked as any other. Where private networks are not allowed, a name reaches
//! public addresses only, whatever it resolves to: it is resolved first, and one of the checked addresses is connected to.
//! `stand_in` answers in the place of the network, for tests of packs.
//! `swap` puts secrets in the places of what stands for them.

mod clients;
mod parts;
mod stand_in;
mod swap;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use petrel_model::capabilities::{Reach, Refusal};
use reqwest::Url;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::call_record::{CallRecord, Denial};
pub(crate) use clients::Clients;
use parts::{Answer, Rest, internal, named, target, whole};
pub use stand_in::{Answered, AskedFor, StandIn};
use swap::{Swapping, swapped};

/// Requests that one call may make, unless it goes on for as long as the host.
const MOST_REQUESTS: u32 = 200;
/// Requests of one call whose bodies are taken in, or whose answers have not begun, at a time. Others wait: these bodies
/// are memory of the host, which no limit of the component counts.
const AT_ONCE: usize = 4;
/// Bytes of a body that a component hands over with one write. Some of them wait in the channel of each request that has no
/// place yet.
const PIECE: usize = 64 << 10;
/// Largest body of an answer, in bytes, unless the call goes on for as long as the host.
const LARGEST_ANSWER: usize = 16 << 20;
/// Longest time until the head of an answer arrives.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The way of one call to the network.
pub(crate) struct Gate {
    clients: Arc<Clients>,
    record: Arc<CallRecord>,
    /// The number of requests that are left. Without an end if there is none.
    requests_left: Option<u32>,
    /// The places of requests that are being sent.
    places: Arc<Semaphore>,
}

impl Gate {
    /// The way of the call that `record` is about.
    pub(crate) fn new(clients: &Arc<Clients>, record: &Arc<CallRecord>, is_lasting: bool) -> Self {
        Self {
            clients: Arc::clone(clients),
            record: Arc::clone(record),
            requests_left: (!is_lasting).then_some(MOST_REQUESTS),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The address of a request that may be made.
    fn admit(&mut self, request: &http::Request<WasiBody>) -> Result<Url, Error> {
        // In the normal form of addresses: `..` and the like are resolved before anything is compared.
        let url =
            Url::parse(&request.uri().to_string()).map_err(|_unreadable| Error::HttpRequestUriInvalid)?;
        if request.method() == http::Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let reach = allowed(&self.record, request.method(), &url)?;
        if let Some(left) = &mut self.requests_left {
            *left = left.checked_sub(1).ok_or_else(|| {
                internal(format!("a call may make {MOST_REQUESTS} requests, and this is one more"))
            })?;
        }
        if let Some(name) = &reach.asked {
            self.record.used("http", name);
        }
        Ok(url)
    }
}

/// The way of a request by the rights as they are at this moment: a grant that was revoked is gone, however long the call has been
/// going on.
fn allowed(record: &CallRecord, method: &http::Method, url: &Url) -> Result<Reach, Error> {
    let target = target(method, url).ok_or(Error::HttpRequestUriInvalid)?;
    record.rights().http(target).map_err(|Refusal { hint, .. }| {
        record.denied(Denial::Http { what: named(method, url), hint });
        Error::HttpRequestDenied
    })
}

impl WasiHttpHooks for Gate {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        match self.admit(&request) {
            Err(error) => Box::new(ready(Answer::Err(error))),
            Ok(url) => {
                let most = if self.requests_left.is_some() { LARGEST_ANSWER } else { usize::MAX };
                let wait = options.and_then(|options| options.first_byte_timeout);
                let wait = wait.map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
                let (clients, record) = (Arc::clone(&self.clients), Arc::clone(&self.record));
                let places = Arc::clone(&self.places);
                Box::new(async move {
                    // It fails only when the semaphore is closed, and nobody closes it.
                    let _place = places.acquire().await.ok();
                    if let Some(stand_in) = &clients.stand_in {
                        return stand_in::answer(&**stand_in, &url, request).await;
                    }
                    send(&clients, url, request, (most, wait), &record).await
                })
            }
        }
    }
}

async fn send(
    clients: &Clients,
    url: Url,
    request: http::Request<WasiBody>,
    (most, wait): (usize, Duration),
    record: &CallRecord,
) -> Answer {
    let what = named(request.method(), &url);
    let (head, body) = request.into_parts();
    let body = whole(body).await?;
    // A component takes what time it likes to write a body, and what was granted at its beginning may be revoked by now.
    let reach = allowed(record, &head.method, &url)?;
    let client = clients.client(reach.private).map_err(internal)?;
    let plain = Swapping { method: head.method.clone(), url: url.clone(), headers: head.headers, body };
    let Swapping { url: sent_to, headers, body, .. } = swapped(plain, record)?;
    let mut request = reqwest::Request::new(head.method.clone(), sent_to);
    *request.headers_mut() = headers;
    // That is what the component wrote; the client says it anew, from the address that was compared with the grants.
    request.headers_mut().remove(HOST);
    // The client counts anew: connections are shared by all packs, and a wrong length would make the next request on one a
    // part of this one.
    let length = request.headers().get(CONTENT_LENGTH);
    if length.is_some_and(|length| !body.is_empty() || length != "0") {
        request.headers_mut().remove(CONTENT_LENGTH);
    }
    if !body.is_empty() {
        *request.body_mut() = Some(body.into());
    }
    let answer = match tokio::time::timeout(wait, client.execute(request)).await {
        Err(_elapsed) => return Err(Error::HttpResponseTimeout),
        Ok(Err(error)) if clients::is_private(&error) => {
            let refusal = target(&head.method, &url).map(|target| record.rights().private_refused(target));
            let hint = refusal.map(|refusal| refusal.hint).unwrap_or_default();
            let what = format!("{what}, whose name leads into a private network");
            record.denied(Denial::Http { what, hint });
            return Err(Error::DestinationIpProhibited);
        }
        Ok(Err(error)) if error.is_timeout() => return Err(Error::ConnectionTimeout),
        // The address has a query, which may contain secrets.
        Ok(Err(error)) => return Err(internal(chain(&error.without_url()))),
        Ok(Ok(answer)) => http::Response::<reqwest::Body>::from(answer),
    };
    let answer = answer.map(|body| {
        Limited::new(body, most)
            .map_err(move |error| {
                if error.is::<LengthLimitError>() {
                    Error::HttpResponseBodySize(u64::try_from(most).ok())
                } else {
                    Error::HttpResponseIncomplete
                }
            })
            .boxed_unsync()
    });
    let rest: Rest = Box::new(ready(Ok(())));
    Ok((answer, rest))
}

/// The error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;
    use petrel_model::Ref;
    use petrel_model::capabilities::{Rights, RightsTable};
    use petrel_runners::OutputSink;

    use super::*;
    use crate::limits::Limits;
    use crate::output::Output;
    use crate::standing::Standing;

    #[tokio::test]
    async fn what_is_revoked_while_a_body_is_written_is_not_sent() {
        let standing = Arc::new(Standing::default());
        let granted = Rights { http: vec!["http://127.0.0.1:9/".parse().unwrap()], ..Rights::default() };
        standing.set(&Arc::new(RightsTable::from([("p".to_owned(), Arc::new(granted))])));
        let record = CallRecord::new(Output::new(OutputSink::new(0), &Limits::default()));
        record.begin(&Ref::new("p", "a"), &standing);
        let revoking = Arc::clone(&standing);
        let body = Full::new(Bytes::from_static(b"secret")).map_err(|never| match never {}).map_frame(
            move |frame| {
                revoking.set(&Arc::default());
                frame
            },
        );
        let request = http::Request::post("http://127.0.0.1:9/x").body(body.boxed_unsync()).unwrap();
        let url = Url::parse("http://127.0.0.1:9/x").unwrap();
        let sent = send(&Clients::default(), url, request, (100, LONGEST_WAIT), &record).await;
        assert!(matches!(sent.map(drop), Err(Error::HttpRequestDenied)));
        assert!(
            matches!(record.denial(), Some(Denial::Http { what, .. }) if what == "POST http://127.0.0.1:9/x")
        );
    }
}

//! Attempts to send what may not be sent, and more than may be sent.

use petrel_pack_sdk::{Context, Error, ErrorKind};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

use crate::attempt::Attempt;

/// Sends a request to `at` that has the placeholder of the secret `name` in the place `to`, or a flood of requests.
pub(super) fn make(ctx: &Context, what: &str, attempt: &Attempt) -> Result<String, Error> {
    match what {
        "secret" => secret(ctx, attempt),
        "lie" => lie(attempt),
        "many" => many(attempt, true),
        "many and forget" => many(attempt, false),
        "bodies" => bodies(attempt),
        "methods" => long(attempt, |request, text| request.set_method(&Method::Other(text.to_owned()))),
        "authorities" => long(attempt, |request, text| request.set_authority(Some(text))),
        other => Err(Error::invalid_input(format!("nothing is sent as {other}"))),
    }
}

/// The parts of a request.
#[derive(Default)]
struct Parts {
    method: Option<Method>,
    authority: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
    trailer: Option<String>,
}

impl Parts {
    fn at(address: &str) -> Self {
        let rest = address.trim_start_matches("http://");
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self { authority: authority.to_owned(), path: format!("/{path}"), ..Self::default() }
    }

    fn request(&self) -> Result<OutgoingRequest, Error> {
        let headers = Fields::from_list(&self.headers)
            .map_err(|error| Error::permanent(format!("no such header: {error:?}")))?;
        let request = OutgoingRequest::new(headers);
        request
            .set_method(self.method.as_ref().unwrap_or(&Method::Post))
            .and_then(|()| request.set_scheme(Some(&Scheme::Http)))
            .and_then(|()| request.set_authority(Some(&self.authority)))
            .and_then(|()| request.set_path_with_query(Some(&self.path)))
            .map_err(|()| Error::permanent("no such request"))?;
        Ok(request)
    }

    fn send(&self) -> Result<String, Error> {
        let request = self.request()?;
        let body = request.body().map_err(|()| Error::permanent("no body"))?;
        let answer = handle(request, None).map_err(|code| refused(&code))?;
        let stream = body.write().map_err(|()| Error::permanent("no body"))?;
        for chunk in &self.chunks {
            stream.blocking_write_and_flush(chunk).unwrap_or_default();
        }
        drop(stream);
        let trailers = self.trailer.as_ref().map(|text| {
            Fields::from_list(&[("x-trailer".to_owned(), text.clone().into_bytes())])
                .unwrap_or_else(|_| Fields::new())
        });
        // The answer says why it was not sent.
        OutgoingBody::finish(body, trailers).unwrap_or_default();
        head(&answer)
    }
}

fn head(answer: &FutureIncomingResponse) -> Result<String, Error> {
    answer.subscribe().block();
    let answer = answer.get().and_then(Result::ok).ok_or_else(|| Error::permanent("no answer"))?;
    answer.map(|answer| answer.status().to_string()).map_err(|code| refused(&code))
}

fn refused(code: &ErrorCode) -> Error {
    Error::new(ErrorKind::Denied, format!("{code:?}"))
}

fn secret(ctx: &Context, attempt: &Attempt) -> Result<String, Error> {
    let plain = ctx.secret(&attempt.name)?.placeholder();
    let text = match attempt.form.as_str() {
        "percent" => plain.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        "upper" => plain.to_uppercase(),
        "half" => plain.replacen("petrel", "%70etrel", 1),
        _ => plain,
    };
    let text = attempt.value.replace("{}", &text);
    let mut parts = Parts::at(&attempt.at);
    let header = |name: &str, value: String| vec![(name.to_owned(), value.into_bytes())];
    match attempt.to.as_str() {
        "path" => parts.path = format!("/{text}"),
        "query" => parts.path = format!("/?q={text}"),
        "user" => parts.authority = format!("{text}@{}", parts.authority),
        "host" => parts.authority = format!("{text}.{}", parts.authority),
        "method" => parts.method = Some(Method::Other(text)),
        "header" => parts.headers = header("x-token", text),
        "name" => parts.headers = header(&text, "x".to_owned()),
        "cookie" => parts.headers = header("cookie", text),
        "basic" => parts.headers = header("authorization", format!("Basic {}", base64(&text))),
        "body" => parts.chunks = vec![text.into_bytes()],
        "chunks" => parts.chunks = text.bytes().map(|byte| vec![byte]).collect(),
        "trailer" => parts.trailer = Some(text),
        other => return Err(Error::invalid_input(format!("there is no place {other}"))),
    }
    parts.send()
}

/// A request that says more, or less, of its length than there is, or of how it is sent: `name` is the header.
fn lie(attempt: &Attempt) -> Result<String, Error> {
    let mut parts = Parts::at(&attempt.at);
    parts.headers = vec![(attempt.name.clone(), attempt.value.clone().into_bytes())];
    if attempt.count > 0 {
        parts.chunks = vec![vec![b'x'; usize::try_from(attempt.count).unwrap_or(usize::MAX)]];
    }
    parts.send()
}

/// So many requests at once, whose answers nobody waits for.
fn many(attempt: &Attempt, are_kept: bool) -> Result<String, Error> {
    let (parts, mut kept) = (Parts::at(&attempt.at), Vec::new());
    for _ in 0..attempt.count {
        let answer = handle(parts.request()?, None).map_err(|code| refused(&code))?;
        if !are_kept {
            kept.clear();
        }
        kept.push(answer);
    }
    kept.last().map_or_else(|| Ok("none".to_owned()), head)
}

/// The bytes that the host takes of the bodies of so many requests.
fn bodies(attempt: &Attempt) -> Result<String, Error> {
    let (parts, chunk) = (Parts::at(&attempt.at), vec![b'x'; 1 << 20]);
    // Less than the largest body: what has a place keeps it.
    let (mut kept, mut taken, most_of_one) = (Vec::new(), 0, 4 << 20);
    for _ in 0..attempt.count {
        let request = parts.request()?;
        let body = request.body().map_err(|()| Error::permanent("no body"))?;
        let answer = handle(request, None).map_err(|code| refused(&code))?;
        let stream = body.write().map_err(|()| Error::permanent("no body"))?;
        let mut of_this = 0;
        while of_this < most_of_one {
            let most = match stream.check_write() {
                Ok(0) | Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
                Ok(most) => usize::try_from(most).unwrap_or(usize::MAX).min(chunk.len()),
            };
            if stream.write(chunk.get(..most).unwrap_or_default()).is_err() {
                break;
            }
            of_this += most;
        }
        taken += of_this;
        kept.push((answer, stream, body));
    }
    Ok(taken.to_string())
}

/// So many requests of which one part has 4 MiB each.
fn long(attempt: &Attempt, set: impl Fn(&OutgoingRequest, &str) -> Result<(), ()>) -> Result<String, Error> {
    let (text, mut kept) = ("X".repeat(4 << 20), Vec::new());
    for _ in 0..attempt.count {
        let request = OutgoingRequest::new(Fields::new());
        if set(&request, &text).is_err() {
            return Ok(format!("refused after {}", kept.len()));
        }
        kept.push(request);
    }
    Ok(format!("{} held", kept.len()))
}

fn base64(text: &str) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |bits: u32| char::from(SIGNS[(bits & 63) as usize]);
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        encoded.extend([sign(bits >> 18), sign(bits >> 12)]);
        encoded.push(if three.len() > 1 { sign(bits >> 6) } else { '=' });
        encoded.push(if three.len() > 2 { sign(bits) } else { '=' });
    }
    encoded
}

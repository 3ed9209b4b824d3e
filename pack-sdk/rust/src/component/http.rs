//! Requests over `wasi:http`.

use std::io::{self, Read, Write};
use std::time::Duration;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasip2::io::streams::InputStream;

use crate::{Error, ErrorKind, Request, Response};

/// Makes a request, and waits for the head of its answer.
pub(crate) fn fetch(request: &Request) -> Result<Response, Error> {
    let what = named(request);
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| invalid(request, "its body cannot be written"))?;
    let options = options(request.timeout);
    let answer = outgoing_handler::handle(outgoing, options).map_err(|code| failed(&what, &code))?;
    let written = write(body, &request.body);
    answer.subscribe().block();
    let gone = || failed_with(&what, "the host gave no answer");
    // A request that was not sent is not written, either; the answer says why.
    let answer = answer.get().and_then(Result::ok).ok_or_else(gone)?.map_err(|code| failed(&what, &code))?;
    written.map_err(|error| failed_with(&what, &error.message))?;
    response(&answer).ok_or_else(gone)
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Error> {
    let (scheme, rest) = match request.url.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(("http", rest)) => (Scheme::Http, rest),
        _ => return Err(invalid(request, "its address does not begin with https:// or http://")),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let headers = Fields::from_list(&headers)
        .map_err(|error| invalid(request, &format!("a header cannot be sent: {error:?}")))?;
    let outgoing = OutgoingRequest::new(headers);
    let set = outgoing
        .set_method(&method(&request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)));
    set.map_err(|()| invalid(request, "its method or address is not valid"))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// The options, if there is anything to say.
fn options(timeout: Option<Duration>) -> Option<RequestOptions> {
    let nanoseconds = u64::try_from(timeout?.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host that cannot keep to it has a limit of its own.
    options.set_first_byte_timeout(Some(nanoseconds)).unwrap_or_default();
    Some(options)
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
    if !bytes.is_empty() {
        let mut stream = body.write().map_err(|()| Error::permanent("its body cannot be written"))?;
        Write::write_all(&mut stream, bytes)?;
        Write::flush(&mut stream)?;
    }
    OutgoingBody::finish(body, None).map_err(|code| Error::permanent(format!("{code:?}")))
}

fn response(answer: &IncomingResponse) -> Option<Response> {
    let headers = answer.headers().entries();
    let body = answer.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut response = Response::new(answer.status(), Body { stream, _body: body });
    response.headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    Some(response)
}

/// The body of an answer. The stream is a child of the body, and dropped before it.
struct Body {
    stream: InputStream,
    _body: IncomingBody,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.stream, into)
    }
}

fn invalid(request: &Request, why: &str) -> Error {
    Error::invalid_input(format!("the request {} cannot be made: {why}", named(request))).code("http.request")
}

/// The request in messages: without its query, which may contain secrets.
fn named(request: &Request) -> String {
    let address = request.url.split(['?', '#']).next().unwrap_or_default();
    format!("{} {address}", request.method)
}

/// The error of a request without an answer. A denial has no code, so that the host names its own.
fn failed(what: &str, code: &ErrorCode) -> Error {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            Error::new(ErrorKind::Denied, format!("{what} is not allowed"))
        }
        ErrorCode::ConnectionTimeout | ErrorCode::HttpResponseTimeout => {
            Error::new(ErrorKind::Timeout, format!("{what} took too long")).code("http.timeout")
        }
        ErrorCode::InternalError(Some(why)) => failed_with(what, why),
        code => failed_with(what, &format!("{code:?}")),
    }
}

fn failed_with(what: &str, why: &str) -> Error {
    Error::transient(format!("{what} failed: {why}")).code("http.failed")
}

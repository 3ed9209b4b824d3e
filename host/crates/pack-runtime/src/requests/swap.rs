//! Puts secrets in the places of what stands for them, in requests of components: where the pack asks for that and is granted
//! it. A request that has a placeholder anywhere else is denied, so that an author sees it.
//!
//! What a component makes of a placeholder, by cutting or encoding it, is no placeholder any more and stands for nothing;
//! only that of basic authentication is looked into.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use memchr::memmem;
use petrel_model::capabilities::{Named, SecretPlace};
use reqwest::Url;
use wasmtime_wasi_http::Error;

use super::parts::{LARGEST_REQUEST, internal, named, target};
use crate::call_record::{CallRecord, Denial};
use crate::secrets::key_of;

/// The scheme of basic authentication.
const BASIC: &str = "Basic";
/// The most bytes that one secret takes in the headers, or in the query, wherever it stands there.
const LARGEST_HEAD: usize = 64 << 10;

/// The parts of a request.
#[derive(Debug)]
pub(super) struct Swapping {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The request with secrets in the places of the placeholders of its call.
pub(super) fn swapped(mut request: Swapping, record: &CallRecord) -> Result<Swapping, Error> {
    for (name, placeholder) in record.placeholders.all() {
        let places = request.places(&placeholder);
        if places.is_empty() && !request.is_elsewhere(&placeholder) {
            continue;
        }
        allow(&request, &places, &name, &placeholder, record)?;
        let keys = record.keys().ok_or_else(|| internal("this host has no datastore".to_owned()))?;
        let key = key_of(&record.rights().pack, &name);
        let secret = keys.secret(&key).map_err(|reason| internal(format!("{reason}; {}", reason.hint)))?;
        for place in places {
            let sent = match place {
                SecretPlace::Header => request.in_headers(&placeholder, &secret),
                SecretPlace::Query => request.in_query(&placeholder, &secret),
                SecretPlace::Body => request.in_body(&placeholder, &secret),
            };
            sent.map_err(|reason| internal(format!("the secret {name} cannot be sent: {reason}")))?;
            record.used("secrets", &name);
            let target = target(&request.method, &request.url);
            if let Some(tried) = target.and_then(|target| record.rights().tried_to_send(target, &name, place))
            {
                record.used("sent", &tried);
            }
            record.sent(&name, request.url.host_str().unwrap_or_default(), place.as_str());
        }
    }
    Ok(request)
}

/// Refuses a secret that may not be sent so.
fn allow(
    request: &Swapping,
    places: &[SecretPlace],
    name: &str,
    placeholder: &str,
    record: &CallRecord,
) -> Result<(), Error> {
    let rights = record.rights();
    let deny = |place: &str, hint: String| {
        let what = format!("send {name} in the {place} of {}", named(&request.method, &request.url));
        // The address may have it, too.
        let what = what.replace(placeholder, name);
        record.denied(Denial::Named { kind: Named::Secrets, what, hint });
        Err(Error::HttpRequestDenied)
    };
    if let Err(refusal) = rights.named(Named::Secrets, name) {
        return deny("parts", refusal.hint);
    }
    let asked = target(&request.method, &request.url).map(|target| rights.places_of(target, name));
    let asked = asked.unwrap_or_default();
    if let Some(place) = places.iter().find(|place| !asked.contains(place)) {
        let place = place.as_str();
        let hint = format!(
            "the pack does not ask for that: its author adds {{name: {name}, in: [{place}]}} to secrets of the entry of http with \
             this address, in the capabilities of pack.yaml"
        );
        return deny(place, hint);
    }
    if request.is_elsewhere(placeholder) {
        let hint = "secrets are sent in the value of a header, in the query, or in the body".to_owned();
        return deny("address", hint);
    }
    Ok(())
}

impl Swapping {
    /// The places in which a text stands.
    fn places(&self, text: &str) -> Vec<SecretPlace> {
        let has = |place: &SecretPlace| match place {
            SecretPlace::Header => self.headers.iter().any(|(name, value)| {
                contains(value.as_bytes(), text) || basic(name, value).is_some_and(|pair| pair.contains(text))
            }),
            SecretPlace::Query => self.url.query().is_some_and(|query| query.contains(text)),
            SecretPlace::Body => contains(&self.body, text),
        };
        SecretPlace::ALL.into_iter().filter(has).collect()
    }

    /// Whether a text stands where no secret is ever sent.
    fn is_elsewhere(&self, text: &str) -> bool {
        let url = &self.url;
        let parts = [Some(url.path()), url.host_str(), Some(url.username()), url.password(), url.fragment()];
        let in_names = self.headers.keys().any(|name| name.as_str().contains(text));
        in_names
            || self.method.as_str().contains(text)
            || parts.into_iter().flatten().any(|part| part.contains(text))
    }

    fn in_headers(&mut self, placeholder: &str, secret: &str) -> Result<(), String> {
        let mut left = LARGEST_HEAD;
        for (name, value) in &mut self.headers {
            let pair = basic(name, value).filter(|pair| pair.contains(placeholder));
            let made = match &pair {
                Some(pair) => {
                    let pair = replaced(pair.as_bytes(), placeholder, secret, &mut left)?;
                    format!("{BASIC} {}", STANDARD.encode(pair)).into_bytes()
                }
                None if contains(value.as_bytes(), placeholder) => {
                    replaced(value.as_bytes(), placeholder, secret, &mut left)?
                }
                None => continue,
            };
            let mut changed = HeaderValue::from_bytes(&made)
                .map_err(|_signs| "it has signs that no header takes".to_owned())?;
            changed.set_sensitive(true);
            *value = changed;
        }
        Ok(())
    }

    fn in_query(&mut self, placeholder: &str, secret: &str) -> Result<(), String> {
        let query = self.url.query().unwrap_or_default();
        let mut left = LARGEST_HEAD;
        let made = replaced(query.as_bytes(), placeholder, &encoded(secret), &mut left)?;
        self.url.set_query(Some(&String::from_utf8_lossy(&made)));
        Ok(())
    }

    fn in_body(&mut self, placeholder: &str, secret: &str) -> Result<(), String> {
        let mut left = LARGEST_REQUEST;
        let made = replaced(&self.body, placeholder, secret, &mut left)?;
        if made.len() > LARGEST_REQUEST {
            return Err(too_large(LARGEST_REQUEST));
        }
        self.body = made.into();
        Ok(())
    }
}

/// The user and the password of basic authentication.
fn basic(name: &HeaderName, value: &HeaderValue) -> Option<String> {
    let (scheme, encoded) = value.to_str().ok().filter(|_| name == AUTHORIZATION)?.split_once(' ')?;
    let pair = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case(BASIC))?;
    String::from_utf8(pair).ok()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memmem::find(bytes, text.as_bytes()).is_some()
}

/// `bytes` with each `from` replaced, which takes no more than what is `left`: a text that stands there often would make a
/// large request of a small one.
fn replaced(bytes: &[u8], from: &str, to: &str, left: &mut usize) -> Result<Vec<u8>, String> {
    let finder = memmem::Finder::new(from);
    let added = finder.find_iter(bytes).count().saturating_mul(to.len());
    *left = left.checked_sub(added).ok_or_else(|| too_large(*left))?;
    let (mut made, mut behind) = (Vec::with_capacity(bytes.len().saturating_add(added)), 0);
    for at in finder.find_iter(bytes) {
        made.extend_from_slice(bytes.get(behind..at).unwrap_or_default());
        made.extend_from_slice(to.as_bytes());
        behind = at + from.len();
    }
    made.extend_from_slice(bytes.get(behind..).unwrap_or_default());
    Ok(made)
}

fn too_large(most: usize) -> String {
    format!("it would take more than {most} bytes there, which is the limit; send it less often")
}

/// A value of a query.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, header: (&str, &str), body: &str) -> Swapping {
        let mut headers = HeaderMap::new();
        let name: HeaderName = header.0.parse().unwrap();
        headers.insert(name, header.1.parse().unwrap());
        Swapping { method: Method::GET, url: url.parse().unwrap(), headers, body: body.to_owned().into() }
    }

    #[test]
    fn a_text_is_found_in_its_places() {
        use SecretPlace::{Body, Header, Query};
        let basic = format!("Basic {}", STANDARD.encode("me:TEXT"));
        for (url, header, body, places, elsewhere) in [
            ("https://a.example/", ("x-a", "TEXT"), "", &[Header][..], false),
            ("https://a.example/", ("authorization", basic.as_str()), "", &[Header], false),
            ("https://a.example/", ("x-a", basic.as_str()), "", &[], false),
            ("https://a.example/?a=TEXT", ("x-a", "b"), "a TEXT b", &[Query, Body], false),
            ("https://a.example/TEXT", ("x-a", "b"), "TEX T", &[], true),
        ] {
            let request = request(url, header, body);
            assert_eq!(request.places("TEXT"), places, "{url} {header:?} {body}");
            assert_eq!(request.is_elsewhere("TEXT"), elsewhere, "{url}");
        }
    }

    #[test]
    fn a_secret_is_put_in_whatever_signs_it_has() {
        let header = format!("Basic {}", STANDARD.encode("me:TEXT"));
        let mut asked = request("https://a.example/?a=TEXT&b=TEXT", ("authorization", &header), "TEXTTEXT.");
        asked.in_headers("TEXT", "p w").unwrap();
        asked.in_query("TEXT", "p w&x=1").unwrap();
        asked.in_body("TEXT", "p").unwrap();
        let header = &asked.headers[AUTHORIZATION];
        assert_eq!(basic(&AUTHORIZATION, header).unwrap(), "me:p w");
        assert!(header.is_sensitive());
        assert_eq!(asked.url.query(), Some("a=p%20w%26x%3D1&b=p%20w%26x%3D1"));
        assert_eq!(asked.body, "pp.");
        let mut broken = request("https://a.example/", ("x-a", "TEXT"), "");
        assert!(broken.in_headers("TEXT", "a\nb").is_err(), "no header is smuggled in");
    }

    #[test]
    fn a_small_request_does_not_become_a_large_one() {
        let (often, secret) = ("TEXT".repeat(100), "x".repeat(1 << 20));
        let url = format!("https://a.example/?{often}");
        let mut asked = request(&url, ("x-a", &often), &often);
        for refused in [
            asked.in_headers("TEXT", &secret),
            asked.in_query("TEXT", &secret),
            asked.in_body("TEXT", &secret),
        ] {
            assert!(refused.unwrap_err().contains("which is the limit"));
        }
        let full = "x".repeat(LARGEST_REQUEST - 4);
        let mut asked = request("https://a.example/", ("x-a", "b"), &format!("{full}TEXT"));
        asked.in_body("TEXT", "1234").unwrap();
        let mut asked = request("https://a.example/", ("x-a", "b"), &format!("{full}TEXT"));
        assert!(asked.in_body("TEXT", "12345").is_err());
    }
}

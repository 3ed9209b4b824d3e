//! Makes requests: a route, what varies in its path, a document that is right, nearly right or not at all, and
//! something unusual about the rest.

use std::path::PathBuf;

use super::documents::{self, Document};
use super::kept::{Access, Request};
use super::known::Known;
use super::texts;
use crate::random::Random;
use crate::routes::Route;

/// Methods that a route does not have, most likely.
const METHODS: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW", "get", "M-SEARCH"];
/// How much rarer what is dear is.
const DEAR: usize = 40;

/// Makes requests for the routes of a host.
#[derive(Debug)]
pub(crate) struct Maker {
    routes: Vec<Route>,
    pack: PathBuf,
}

impl Maker {
    /// For these routes, and documents about the pack that lies there.
    pub(crate) fn new(routes: Vec<Route>, pack: PathBuf) -> Self {
        Self { routes, pack }
    }

    /// The request that `random` chooses, about what is known; nothing when there are no routes.
    pub(crate) fn make(&self, known: &Known, random: &mut Random) -> Option<Request> {
        let route = self.route(random)?;
        let own = random.pick(&route.methods).copied()?;
        let is_other = random.one_in(15);
        let method = if is_other { random.word(METHODS) } else { own };
        let (path, is_plain_path) = target(route, own, known, random);
        let (body, kind) = self.body(route, own, random);
        let (head, is_plain_head) = head(&kind, random);
        let access = match random.below(10) {
            0 => Access::Nobody,
            1 => Access::Stranger,
            _ => Access::Admin,
        };
        let cut = (body.len() > 1 && random.one_in(50)).then(|| random.below(body.len()));
        let is_plain = is_plain_path && is_plain_head && cut.is_none() && route.methods.contains(&method);
        Some(Request {
            route: route.path.clone(),
            method: method.to_owned(),
            target: path,
            access,
            head,
            body,
            cut,
            is_plain,
        })
    }

    /// A route; what is dear is passed over, most of the time.
    fn route(&self, random: &mut Random) -> Option<&Route> {
        for _ in 0..self.routes.len() {
            let route = random.pick(&self.routes)?;
            if !route.is_dear() || random.one_in(DEAR) {
                return Some(route);
            }
        }
        self.routes.first()
    }

    /// A body, and what it is said to be.
    fn body(&self, route: &Route, method: &str, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        if matches!(method, "GET" | "DELETE") && !random.one_in(30) {
            return (Vec::new(), Vec::new());
        }
        let document = documents::valid(route.resource_path(), method, &self.pack, random);
        let (kind, is_json) = match document {
            Document::Json(_) => ("application/json", true),
            Document::Text(_) => ("text/plain", false),
        };
        let text = match (document, random.below(20)) {
            (Document::Json(document), 0..=7) => document.to_string(),
            (Document::Json(document), 8..=15) => texts::mutated(&document, random),
            (Document::Text(text), 0..=7) => text,
            (Document::Text(text), 8..=15) => spoilt(&text, random),
            (_, 16 | 17) => texts::json(random),
            (_, 18) => texts::name(random),
            _ => String::new(),
        };
        let mut body = text.into_bytes();
        if random.one_in(60) {
            let at = random.below(body.len() + 1);
            body.insert(at, 0xff);
        }
        let kind = match random.below(12) {
            0 => texts::content_type(random),
            1 if is_json => b"application/json; charset=utf-8",
            _ => kind.as_bytes(),
        };
        (body, kind.to_vec())
    }
}

/// A text with a piece taken out, doubled, or replaced.
fn spoilt(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = random.below(lines.len());
    match (random.below(4), lines.get(at).cloned()) {
        (0, Some(_)) => drop(lines.remove(at)),
        (1, Some(line)) => lines.insert(at, line),
        (2, Some(line)) => lines.insert(at, format!("{line} {}", texts::json(random))),
        _ => lines.insert(at, format!("{}: {}", texts::name(random), texts::json(random))),
    }
    lines.join("\n")
}

/// Path and query, and whether they lead to the route for certain.
fn target(route: &Route, method: &str, known: &Known, random: &mut Random) -> (Vec<u8>, bool) {
    let mut is_plain = true;
    let mut path = Vec::new();
    for part in route.path.split('/').skip(1) {
        path.push(b'/');
        if part.starts_with('{') {
            let is_attribute = part == "{attribute}" && random.one_in(2);
            let value = if is_attribute { "result".to_owned() } else { value(route, known, random) };
            is_plain &= !value.is_empty() && value != "." && value != "..";
            // Now and then as it is; but a blank or an end of line would begin something else.
            if random.one_in(8) {
                is_plain = false;
                path.extend(value.bytes().filter(|byte| !byte.is_ascii_whitespace()));
            } else {
                path.extend(escaped(&value).into_bytes());
            }
        } else {
            path.extend_from_slice(part.as_bytes());
        }
    }
    if route.path.starts_with("/api/v1") && random.one_in(6) {
        path.drain(..4);
    }
    if random.one_in(12) {
        is_plain = false;
        path.extend_from_slice(texts::suffix(random).as_bytes());
    }
    // What changes something knows hardly a parameter, and refuses many; a webhook takes any.
    let is_seldom = method != "GET" && route.resource() != "webhooks";
    if random.one_in(if is_seldom { 15 } else { 3 }) {
        path.push(b'?');
        path.extend_from_slice(texts::query(random).as_bytes());
        if random.one_in(4) {
            path.push(b'&');
            path.extend_from_slice(texts::query(random).as_bytes());
        }
    }
    (path, is_plain)
}

/// What stands for a variable part of a path.
fn value(route: &Route, known: &Known, random: &mut Random) -> String {
    let resource = route.resource();
    match random.below(10) {
        0..=4 => known.pick(resource, random).unwrap_or_else(|| documents::name(resource, random)),
        5 | 6 => documents::name(resource, random),
        7 => known.pick("executions", random).unwrap_or_default(),
        _ => texts::name(random),
    }
}

/// Lines of a head, and whether there is nothing unusual in them.
fn head(kind: &[u8], random: &mut Random) -> (Vec<u8>, bool) {
    let mut head = Vec::new();
    if !kind.is_empty() {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(kind);
        head.extend_from_slice(b"\r\n");
    }
    let unusual = if random.one_in(10) { 1 + random.below(3) } else { 0 };
    for _ in 0..unusual {
        head.extend(texts::line(random));
        head.extend_from_slice(b"\r\n");
    }
    (head, unusual == 0)
}

/// A part of a path, with everything escaped that means something there.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn every_route_and_method_is_reached_and_the_same_again() {
        let maker = Maker::new(routes::all(), PathBuf::from("pack"));
        let make = |number| maker.make(&Known::default(), &mut Random::numbered(5, number));
        let made: Vec<Request> = (0..60_000).filter_map(make).collect();
        assert_eq!(made.len(), 60_000);
        assert_eq!(made.first().cloned(), make(0));
        for route in routes::all() {
            for method in &route.methods {
                let is_it = |request: &&Request| request.route == route.path && request.method == *method;
                assert!(made.iter().any(|request| is_it(&request)), "{method} {}", route.path);
            }
        }
        // A head ends where it ends, whatever is in it.
        assert!(made.iter().all(|request| !request.target.iter().any(u8::is_ascii_whitespace)));
        assert!(made.iter().all(|request| !request.head.windows(4).any(|part| part == b"\r\n\r\n")));
    }

    #[test]
    fn a_part_of_a_path_is_escaped() {
        assert_eq!(escaped("a.b/é ?"), "a.b%2F%C3%A9%20%3F");
    }
}

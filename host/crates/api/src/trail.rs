//! The trail of requests in the log: refusals, and changes by people. The latest refused webhooks are kept, so that
//! `petrel trigger why` can say that an event was refused at the door.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use petrel_model::Timestamp;

use crate::extensions::{About, Peer, Reason, User};

/// The number of refused webhooks that are kept.
const KEPT: usize = 50;
/// The longest part of a path that is kept, in characters.
const LONGEST_PATH: usize = 200;
/// The number of refusals that are logged within one [`WINDOW`]. Further ones are only counted.
const LOGGED: u64 = 10;
/// The interval of [`LOGGED`].
const WINDOW: Duration = Duration::from_secs(1);
/// Resources that people change: the first parts of paths below `/api/v1`.
const CHANGED: [&str; 14] = [
    "users",
    "apikeys",
    "tokens",
    "admin_token",
    "rules",
    "policies",
    "maintenance",
    "hostkeys",
    "inquiries",
    "packs",
    "configs",
    "keys",
    "sensortypes",
    "log",
];

/// A refused request to a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// The time of the refusal.
    pub(crate) at: Timestamp,
    /// The path, cut at [`LONGEST_PATH`].
    pub(crate) path: String,
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// The sender, where it is known.
    pub(crate) address: Option<IpAddr>,
}

/// The latest refused webhooks, and the rate of the log.
#[derive(Debug, Default)]
pub struct Trail {
    webhooks: Mutex<VecDeque<Refused>>,
    logged: Mutex<Logged>,
}

/// The number of refusals in the current window.
#[derive(Debug, Default)]
struct Logged {
    began: Option<Instant>,
    count: u64,
}

impl Trail {
    /// The kept refusals since `after`, oldest first.
    pub(crate) fn since(&self, after: Option<Timestamp>) -> Vec<Refused> {
        let webhooks = self.webhooks.lock().unwrap_or_else(PoisonError::into_inner);
        webhooks.iter().filter(|refused| after.is_none_or(|after| refused.at >= after)).cloned().collect()
    }

    fn keep(&self, refused: Refused) {
        let mut webhooks = self.webhooks.lock().unwrap_or_else(PoisonError::into_inner);
        if webhooks.len() == KEPT {
            webhooks.pop_front();
        }
        webhooks.push_back(refused);
    }

    /// Whether another refusal may be logged now, and how many were left out of the last window if a new one begins.
    fn may_log(&self, now: Instant) -> (bool, u64) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.began.is_some_and(|began| now.duration_since(began) < WINDOW) {
            logged.count += 1;
            return (logged.count <= LOGGED, 0);
        }
        let passed_over = logged.count.saturating_sub(LOGGED);
        *logged = Logged { began: Some(now), count: 1 };
        (true, passed_over)
    }
}

/// A request that may change something.
pub(crate) struct Trace {
    method: Method,
    uri: Uri,
    address: Option<IpAddr>,
}

impl Trace {
    /// `None` for a request that only reads.
    pub(crate) fn begin(request: &Request) -> Option<Self> {
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let address = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip().to_canonical());
        Some(Self { method: request.method().clone(), uri: request.uri().clone(), address })
    }

    /// Logs the request, once it has been answered.
    pub(crate) fn end(self, trail: &Trail, response: &Response) {
        let Self { method, uri, address } = self;
        let status = response.status();
        // Other errors of the server are logged where they occur.
        if status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE {
            let reason = response.extensions().get::<Reason>().map_or("", |Reason(reason)| reason);
            refused(trail, (&method, uri.path()), (status, reason), address);
        } else if status.is_success() && is_audited(uri.path()) {
            let user = response.extensions().get::<User>().map_or("", |User(user)| user);
            let said = response.extensions().get::<About>().map(|About(about)| Cow::Borrowed(about.as_str()));
            let about = said.unwrap_or_else(|| object(uri.path()));
            tracing::info!(target: "petrel_audit", user, address = address.map(display), %method, path = uri.path(), about = &*about, status = status.as_u16(), "changed");
        }
    }
}

/// Whether the log keeps who changes the resource of this path.
pub(crate) fn is_audited(path: &str) -> bool {
    // A trial of a rule is sent as a change is, and changes nothing.
    CHANGED.contains(&resource(path)) && !path.ends_with("/rules/test")
}

fn refused(
    trail: &Trail,
    (method, path): (&Method, &str),
    (status, reason): (StatusCode, &str),
    address: Option<IpAddr>,
) {
    // The query stays out of the log: it may contain a token.
    let path: String = path.chars().take(LONGEST_PATH).collect();
    let (is_logged, passed_over) = trail.may_log(Instant::now());
    if passed_over > 0 {
        tracing::info!(count = passed_over, "further requests were refused");
    }
    if is_logged {
        tracing::info!(address = address.map(display), %method, path, status = status.as_u16(), reason, "a request was refused");
    }
    if resource(&path) == "webhooks" {
        let at = petrel_engine::clock::now();
        trail.keep(Refused { at, path, status: status.as_u16(), address });
    }
}

/// The resource of a path: its first part that is not a prefix.
fn resource(path: &str) -> &str {
    path.split('/').find(|part| !["", "api", "auth", "v1"].contains(part)).unwrap_or_default()
}

/// The object that a path names, for answers that do not name theirs.
fn object(path: &str) -> Cow<'_, str> {
    let resource = resource(path);
    let mut parts = path.split('/').skip_while(|part| *part != resource).skip(1);
    let name = match resource {
        "" => "",
        // The name of a key may contain slashes, so it is the rest of the path.
        "keys" => path.split_once("/keys/").map_or("", |(_, name)| name),
        _ => parts.next().unwrap_or_default(),
    };
    percent_decode_str(name).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_object() {
        for (path, about) in [
            ("/api/v1/keys/deploy.channel", "deploy.channel"),
            ("/api/v1/keys/a/b%20c", "a/b c"),
            ("/api/v1/keys/keys/keys", "keys/keys"),
            ("/api/v1/users/bob/password", "bob"),
            ("/v1/packs/mine", "mine"),
            ("/api/v1/configs/mine", "mine"),
            ("/apikeys/65a000000000000000000001", "65a000000000000000000001"),
            ("/api/v1/users", ""),
            ("/", ""),
        ] {
            assert_eq!(object(path), about, "{path}");
        }
    }

    #[test]
    fn a_path_is_about_its_resource() {
        for (path, about) in [
            ("/api/v1/webhooks/sample", "webhooks"),
            ("/v1/rules/a.b", "rules"),
            ("/api/v1/maintenance/nightly", "maintenance"),
            ("/auth/v1/tokens", "tokens"),
            ("/tokens", "tokens"),
            ("/", ""),
        ] {
            assert_eq!(resource(path), about, "{path}");
        }
    }

    #[test]
    fn who_changes_what_rules_and_policies_do_is_kept() {
        for (path, is_kept) in [
            ("/api/v1/rules/a.b", true),
            ("/api/v1/rules/test", false),
            ("/api/v1/policies/a.b.c", true),
            ("/api/v1/maintenance/nightly", true),
            ("/api/v1/executions", false),
            ("/api/v1/webhooks/sample", false),
        ] {
            assert_eq!(is_audited(path), is_kept, "{path}");
        }
    }

    #[test]
    fn of_many_refusals_some_are_logged_and_the_rest_is_counted() {
        let (trail, start) = (Trail::default(), Instant::now());
        let logged = (0..100).filter(|_| trail.may_log(start).0).count();
        assert_eq!(logged, 10);
        assert_eq!(trail.may_log(start + WINDOW), (true, 90));
        assert_eq!(trail.may_log(start + WINDOW), (true, 0));
    }

    #[test]
    fn the_newest_refused_webhooks_are_kept() {
        let trail = Trail::default();
        for n in 0..60 {
            let at = Timestamp::from_micros(n);
            trail.keep(Refused { at, path: n.to_string(), status: 401, address: None });
        }
        assert_eq!((trail.since(None).len(), trail.since(None)[0].path.as_str()), (50, "10"));
        assert_eq!(trail.since(Some(Timestamp::from_micros(58))).len(), 2);
    }
}

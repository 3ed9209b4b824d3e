//! Extensions of requests and answers, by which one part of the API leaves a note for another.

use std::net::SocketAddr;
use std::sync::Arc;

use petrel_access::Identity;

use crate::guard::Guarded;

/// The address that a request comes from. Every request has this extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The user on whose behalf a request is made.
#[derive(Debug, Clone)]
pub(crate) struct User(pub(crate) String);

/// The credential that a request has presented. Every authenticated request has this extension.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// The user, and the kind of the credential.
    pub(crate) identity: Identity,
    /// The place of the credential in the request: `header`, `query` or `cookie`.
    pub(crate) location: &'static str,
}

/// The webhook that a request without a credential is for, whose settings ask for none.
#[derive(Debug, Clone)]
pub(crate) struct Admitted(pub(crate) Arc<Guarded>);

/// The object of a change, where it is not the one that the path names. An extension of answers, for the audit log.
#[derive(Debug, Clone)]
pub(crate) struct About(pub(crate) String);

/// The stable code of a refusal. An extension of answers, for the log. The message itself stays out of the log,
/// because it may quote the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

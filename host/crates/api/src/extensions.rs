//! What requests and answers carry beside what is sent: extensions that one part of the API leaves for another.

use std::net::SocketAddr;

use petrel_access::Identity;

/// Where a request comes from: an extension of every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// On whose behalf a request comes.
#[derive(Debug, Clone)]
pub(crate) struct User(pub(crate) String);

/// What a request presented, and where: an extension of the requests that came in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) identity: Identity,
    /// `header`, `query` or `cookie`.
    pub(crate) location: &'static str,
}

/// What a change was about, where that is not the object that the path names: an extension of answers.
#[derive(Debug, Clone)]
pub(crate) struct About(pub(crate) String);

/// Why a request was refused, in the stable word that its answer has: an extension of answers. (The message stays out: it may
/// quote what was sent.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

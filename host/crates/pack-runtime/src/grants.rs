//! Grants of the operator to packs, and the WASI context that follows from them. Without a grant a component has no
//! files, no environment, no arguments, no network, and an empty standard input.
//!
//! `linker` checks each call of a host function and records denials; `requests` checks each request.

mod url;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_runners::Stream;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::call_record::{CallRecord, Denial};
use crate::limits::LARGEST_RANDOM;
use crate::output::StandardStream;
pub use url::UrlGrant;

/// The capabilities granted to packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Mounted directories by name of the pack. Default: none.
    pub directories: HashMap<String, Vec<Directory>>,
    /// Addresses to which components may make requests, by name of the pack. Default: none.
    pub urls: HashMap<String, Arc<[UrlGrant]>>,
}

/// A directory of the host that is mounted for the components of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The path on the host.
    pub host_path: PathBuf,
    /// The path inside the component, for example `/data`.
    pub guest_path: String,
    /// The permitted operations.
    pub access: Access,
}

/// The permitted operations on a directory and everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read files and list directories.
    ReadOnly,
    /// Create, change and remove files and directories as well.
    ReadWrite,
}

/// A granted directory that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the directory {} that is mounted for pack {pack} cannot be opened: {source}", .path.display())]
pub(crate) struct MountFailed {
    pub(crate) pack: String,
    pub(crate) path: PathBuf,
    pub(crate) source: wasmtime::Error,
}

impl Grants {
    /// Builds the WASI context for one call of an action of `pack`.
    pub(crate) fn context(&self, pack: &str, record: &Arc<CallRecord>) -> Result<WasiCtx, MountFailed> {
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(StandardStream::new(record, Stream::Stdout))
            .stderr(StandardStream::new(record, Stream::Stderr))
            .max_random_size(LARGEST_RANDOM)
            // Sockets may be created, so that the check below sees and can report the address they are meant for.
            .allow_tcp(true)
            .allow_udp(true)
            .allow_ip_name_lookup(false);
        let seen = Arc::clone(record);
        builder.socket_addr_check(move |address, usage| {
            let allowed = only_a_first_step(address, usage);
            if !allowed {
                seen.denied(Denial::Network(format!("{} {address}", verb(usage))));
            }
            Box::pin(std::future::ready(allowed))
        });
        for directory in self.directories.get(pack).into_iter().flatten() {
            let permissions = match directory.access {
                Access::ReadOnly => FsPerms::ReadOnly,
                Access::ReadWrite => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&directory.host_path, &directory.guest_path, permissions).map_err(
                |source| MountFailed { pack: pack.to_owned(), path: directory.host_path.clone(), source },
            )?;
        }
        Ok(builder.build())
    }
}

/// Whether this is only the check before a connection, in which WASI asks for permission to bind to any free port. That
/// alone reaches nobody, and denying it would hide the address that the component wanted to connect to.
fn only_a_first_step(address: std::net::SocketAddr, usage: SocketAddrUse) -> bool {
    matches!(usage, SocketAddrUse::TcpBind | SocketAddrUse::UdpBind)
        && address.ip().is_unspecified()
        && address.port() == 0
}

fn verb(usage: SocketAddrUse) -> &'static str {
    match usage {
        SocketAddrUse::TcpConnect => "connect to",
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => "bind to",
        SocketAddrUse::TcpListen => "listen on",
        SocketAddrUse::TcpAccept => "accept from",
        SocketAddrUse::UdpSend => "send to",
        SocketAddrUse::UdpReceive => "receive from",
    }
}

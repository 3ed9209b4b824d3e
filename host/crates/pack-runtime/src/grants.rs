//! What the operator grants to packs, and how a grant becomes a WASI context. Nothing is granted unless it
//! is written here: no files, no environment, no arguments, no network, an empty standard input.
//!
//! Checks at each call of a host function are made in `linker`, which also notes denials.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_runners::Stream;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::call_record::{CallRecord, Denial};
use crate::limits::LARGEST_RANDOM;
use crate::output::StandardStream;

/// What packs may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// By pack, the directories that its components see. Default: none.
    pub directories: HashMap<String, Vec<Directory>>,
}

/// A directory of the host that components of a pack see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is on the host.
    pub host_path: PathBuf,
    /// Where components see it, for example `/data`.
    pub guest_path: String,
    /// What they may do with it.
    pub access: Access,
}

/// What may be done with a directory and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read files and list directories.
    ReadOnly,
    /// Create, change and remove them as well.
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
    /// The WASI context of one call of `pack`.
    pub(crate) fn context(&self, pack: &str, record: &Arc<CallRecord>) -> Result<WasiCtx, MountFailed> {
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(StandardStream::new(record, Stream::Stdout))
            .stderr(StandardStream::new(record, Stream::Stderr))
            .max_random_size(LARGEST_RANDOM)
            // Sockets can be made, so that the check below sees where they are to lead, and denies it.
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

/// Before a connection WASI asks whether it may bind to any free port. That alone reaches nobody, and
/// denying it would hide where the connection was to lead.
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

//! The WASI context of a call, by the rights of its pack. Without a right a component has no files, no environment, no
//! arguments, no network, and an empty standard input.
//!
//! `linker` checks each call of a host function and records denials; `requests` checks each request. `standing` has the
//! rights as they are now.

mod within;

use std::path::PathBuf;
use std::sync::Arc;

use petrel_model::capabilities::{Access, Mount, Rights};
use petrel_runners::Stream;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::call_record::{CallRecord, Denial};
use crate::limits::LARGEST_RANDOM;
use crate::output::StandardStream;
use within::Within;

/// A granted directory that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the directory {} that is mounted for pack {pack} cannot be opened: {source}", .path.display())]
pub(crate) struct MountFailed {
    pub(crate) pack: String,
    pub(crate) path: PathBuf,
    pub(crate) source: wasmtime::Error,
}

/// Builds the WASI context for one call of a component with these rights.
pub(crate) fn context(rights: &Rights, record: &Arc<CallRecord>) -> Result<WasiCtx, MountFailed> {
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
    for name in &rights.env {
        // A variable that is not set, or no text, is not there for the component either.
        if let Ok(value) = std::env::var(name) {
            builder.env(name, value);
        }
    }
    for Mount { host_path, guest_path, access } in &rights.mounts {
        let failed = |source: wasmtime::Error| MountFailed {
            pack: rights.pack.clone(),
            path: host_path.clone(),
            source,
        };
        let around = record.written_around(host_path);
        let within = around.map(|around| Within::open(&around, host_path)).transpose().map_err(failed)?;
        let path = within.as_ref().map_or_else(|| host_path.clone(), Within::path);
        let permissions = match access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        builder.preopened_dir(path, guest_path, permissions).map_err(failed)?;
    }
    Ok(builder.build())
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

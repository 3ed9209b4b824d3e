//! The WASI context of a call, by the rights of its pack. Without a right a component has no files, no environment, no
//! arguments, no network, and an empty standard input.
//!
//! `linker` checks each call of a host function and records denials; `requests` checks each request. `standing` has the
//! rights as they are now.

mod within;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_model::capabilities::{Access, Ceiling, Mount, Rights};
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
    for mount in &rights.mounts {
        let Mount { host_path, guest_path, .. } = mount;
        let failed = |source| MountFailed { pack: rights.pack.clone(), path: host_path.clone(), source };
        let around = record.written_around(host_path);
        let within = around.map(|around| Within::open(&around, host_path)).transpose().map_err(failed)?;
        let path = within.as_ref().map_or_else(|| host_path.clone(), Within::path);
        let (place, access) = permitted(&rights.ceiling, path.clone(), mount.access).map_err(failed)?;
        // What is open already is not looked up by its name once more: something else may be there by now.
        let place = if within.is_some() { path } else { place };
        let permissions = match access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        builder.preopened_dir(place, guest_path, permissions).map_err(failed)?;
    }
    Ok(builder.build())
}

/// The place of a directory, and the permitted operations there. The ceiling is compared with where a path leads, and not only with
/// how it is written: a link below a permitted directory may lead out of it.
fn permitted(ceiling: &Ceiling, path: PathBuf, asked: Access) -> wasmtime::Result<(PathBuf, Access)> {
    let Some(most) = &ceiling.directories else { return Ok((path, asked)) };
    let place = fs::canonicalize(&path)?;
    let real = most.iter().filter_map(|(path, access)| Some((fs::canonicalize(path).ok()?, *access)));
    let ceiling = Ceiling { directories: Some(real.collect()), ..Ceiling::default() };
    match ceiling.access_to(&place) {
        Some(most) => Ok((place, asked.min(most))),
        None => Err(wasmtime::Error::msg(format!(
            "it is a link to {}, and capabilities.max_directories allows none there",
            place.display()
        ))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_not_lead_out_of_the_ceiling() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for directory in ["in/app", "out"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for (link, to) in [("in/link", "../out"), ("other", "in"), ("in/inner", "app")] {
            std::os::unix::fs::symlink(to, at(link)).unwrap();
        }
        for (most, mounted, expected) in [
            (None, "in/link", Some(Access::ReadWrite)),
            (Some(("in", Access::ReadWrite)), "in/app", Some(Access::ReadWrite)),
            (Some(("in", Access::ReadOnly)), "in/inner", Some(Access::ReadOnly)),
            (Some(("in", Access::ReadWrite)), "in/link", None),
            (Some(("other", Access::ReadWrite)), "other/app", Some(Access::ReadWrite)),
            (Some(("in", Access::ReadWrite)), "in/gone", None),
        ] {
            let directories = most.map(|(path, access)| vec![(at(path), access)]);
            let ceiling = Ceiling { directories, ..Ceiling::default() };
            assert_eq!(
                permitted(&ceiling, at(mounted), Access::ReadWrite).ok().map(|(_, access)| access),
                expected,
                "{most:?} {mounted}"
            );
        }
    }
}

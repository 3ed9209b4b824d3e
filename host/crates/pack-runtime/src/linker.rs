//! The linker: every import of a component, that is WASI 0.2 with nothing granted, and Petrel's host functions.
//!
//! The linker provides every function, granted or not, since toolchains import all of WASI anyway. A few functions
//! of WASI are wrapped here to record a denial about which WASI itself keeps silent (`call_record::Denial`); `lost` wraps
//! those that name something in a directory, and `narrow` those of which WASI lets a component have too much.

mod lost;
mod narrow;

use std::net::IpAddr;
use std::sync::Arc;

use petrel_model::capabilities::Mount;
use petrel_model::quoted::quoted;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView};
use wasmtime_wasi::p2::Network;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode as FileError, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host as _, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode as SocketErrorCode;
use wasmtime_wasi::sockets::WasiSocketsView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::petrel;
use crate::call_record::{CallRecord, Denial};
use crate::caller::Caller;
use crate::memory::MemoryLimiter;
use crate::requests::Gate;

/// The version of WASI that wasmtime implements. Components built for an older 0.2 are linked to it as well.
const WASI_FILES: &str = "wasi:filesystem/types@0.2.12";
const WASI_DIRECTORIES: &str = "wasi:filesystem/preopens@0.2.12";
const WASI_NAMES: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// State that belongs to the instance of one call.
pub(crate) struct CallState {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) record: Arc<CallRecord>,
    pub(crate) caller: Caller,
    pub(crate) http: WasiHttpCtx,
    pub(crate) gate: Gate,
    pub(crate) directories: Directories,
    /// The most calls of all components that may wait for others.
    pub(crate) most_waiting: usize,
}

/// The directories that a call was given at its beginning.
pub(crate) struct Directories {
    mounts: Vec<Mount>,
    /// The path of each, by the number of its descriptor.
    places: Vec<(u32, String)>,
}

impl Directories {
    /// The directories of a call that begins.
    pub(crate) fn new(mounts: Vec<Mount>) -> Self {
        Self { mounts, places: Vec::new() }
    }
}

impl CallState {
    /// Whether a directory of the call has been taken back since its beginning, which is the denial of `what`.
    fn has_lost_directories(&self, what: &str) -> bool {
        let is_lost = !self.record.has_still(&self.directories.mounts);
        if is_lost {
            self.record
                .denied(Denial::Files(format!("{what}, after a directory of the call was taken back")));
        }
        is_lost
    }

    /// Whether it may take for ever to open this: a pipe is opened when somebody else opens its other end, and a thread of
    /// the host would wait for that, also after the call.
    async fn would_wait(&mut self, directory: u32, follow: PathFlags, path: &str) -> bool {
        let directory = Resource::new_borrow(directory);
        let found = self.filesystem().stat_at(directory, follow, path.to_owned()).await;
        found.is_ok_and(|found| matches!(found.type_, DescriptorType::Fifo | DescriptorType::Unknown))
    }
}

/// A text of a component in a message: bounded, and in one line.
pub(crate) fn shown(text: &str) -> String {
    quoted(text).escape_debug().to_string()
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Builds a linker with every function that a component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    petrel::log::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::config::config::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::trigger::emit::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::kv::kv::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::secrets::secrets::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::secrets::reveal::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    petrel::actions::call::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    // The functions below replace functions of WASI, which are linked already.
    linker.allow_shadowing(true);
    note_denied_names(&mut linker)?;
    note_denied_files(&mut linker)?;
    lost::bar_names(&mut linker.instance(WASI_FILES)?)?;
    note_missing_directories(&mut linker)?;
    narrow::bound(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
type Opened = (Result<Resource<Descriptor>, FileError>,);

/// Wraps the function that opens files. WASI refuses a path that leads out of its directory.
fn note_denied_files(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.instance(WASI_FILES)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, CallState>, (directory, follow, path, how, flags): OpenAt| {
            Box::new(async move {
                let state = store.data_mut();
                let (what, number) = (format!("open {}", shown(&path)), directory.rep());
                if state.has_lost_directories(&what) {
                    return Ok::<Opened, wasmtime::Error>((Err(FileError::NotPermitted),));
                }
                if state.would_wait(number, follow, &path).await {
                    state.record.denied(Denial::Files(format!("{what}, which is no file and no directory")));
                    return Ok((Err(FileError::NotPermitted),));
                }
                match state.filesystem().open_at(directory, follow, path, how, flags).await {
                    Ok(file) => {
                        let place = state.directories.places.iter().find(|(known, _)| *known == number);
                        if let Some((_, place)) = place {
                            state.record.used("files", place);
                        }
                        Ok::<Opened, wasmtime::Error>((Ok(file),))
                    }
                    Err(error) => {
                        let code = error.downcast()?;
                        if matches!(code, FileError::NotPermitted | FileError::Access) {
                            state.record.denied(Denial::Files(what));
                        }
                        Ok((Err(code),))
                    }
                }
            })
        },
    )
}

type Listed = (Vec<(Resource<Descriptor>, String)>,);

/// Wraps the function that lists the mounted directories, to record that a component found none.
fn note_missing_directories(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.instance(WASI_DIRECTORIES)?.func_wrap(
        "get-directories",
        |mut store: StoreContextMut<'_, CallState>, (): ()| {
            let state = store.data_mut();
            let directories = state.filesystem().get_directories()?;
            if directories.is_empty() {
                state.record.found_no_files();
            }
            // A component may list them again and again; the last numbers count.
            let places = directories.iter().map(|(directory, path)| (directory.rep(), path.clone()));
            state.directories.places = places.collect();
            Ok::<Listed, wasmtime::Error>((directories,))
        },
    )
}

type Resolve = (Resource<Network>, String);
type Resolved = (Result<Resource<ResolveAddressStream>, SocketErrorCode>,);

/// Wraps the function that resolves host names. All are denied; only literal addresses pass.
fn note_denied_names(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.instance(WASI_NAMES)?.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, CallState>, (network, name): Resolve| {
            let state = store.data_mut();
            if name.parse::<IpAddr>().is_err() {
                state.record.denied(Denial::Network(format!("look up {}", shown(&name))));
            }
            match state.sockets().resolve_addresses(network, name) {
                Ok(stream) => Ok::<Resolved, wasmtime::Error>((Ok(stream),)),
                Err(error) => Ok((Err(error.downcast()?),)),
            }
        },
    )
}

//! Bounds of things that WASI lets a component have without any: texts that the host keeps in the parts of requests, and
//! sockets, which are of no use to a component but take descriptors of the whole process.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::p2::{SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method, OutgoingRequest};

use super::CallState;
use crate::call_record::Denial;

const WASI_REQUESTS: &str = "wasi:http/types@0.2.12";
const WASI_TCP: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const WASI_UDP: &str = "wasi:sockets/udp-create-socket@0.2.12";

/// Longest name of a method, in bytes.
const LONGEST_METHOD: usize = 64;
/// Longest user, host and port of a request, in bytes.
const LONGEST_AUTHORITY: usize = 4 << 10;
/// Sockets that a call can have at once.
const MOST_SOCKETS: usize = 4;

type Set = (Result<(), ()>,);
type Made<T> = (Result<Resource<T>, ErrorCode>,);

/// Wraps these functions.
pub(super) fn bound(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut requests = linker.instance(WASI_REQUESTS)?;
    requests.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, CallState>,
         (request, method): (Resource<OutgoingRequest>, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > LONGEST_METHOD) {
                return Ok::<Set, wasmtime::Error>((Err(()),));
            }
            Ok((store.data_mut().http().set_method(request, method)?,))
        },
    )?;
    requests.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, CallState>,
         (request, authority): (Resource<OutgoingRequest>, Option<String>)| {
            if authority.as_ref().is_some_and(|authority| authority.len() > LONGEST_AUTHORITY) {
                return Ok::<Set, wasmtime::Error>((Err(()),));
            }
            Ok((store.data_mut().http().set_authority(request, authority)?,))
        },
    )?;
    linker.instance(WASI_TCP)?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, CallState>, (family,): (IpAddressFamily,)| {
            let state = store.data_mut();
            if state.has_sockets_enough() {
                return Ok((Err(ErrorCode::NewSocketLimit),));
            }
            answer::<TcpSocket>(state.sockets().create_tcp_socket(family))
        },
    )?;
    linker.instance(WASI_UDP)?.func_wrap_async(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, CallState>, (family,): (IpAddressFamily,)| {
            Box::new(async move {
                let state = store.data_mut();
                if state.has_sockets_enough() {
                    return Ok((Err(ErrorCode::NewSocketLimit),));
                }
                answer::<UdpSocket>(state.sockets().create_udp_socket(family).await)
            })
        },
    )
}

impl CallState {
    /// Whether the call has as many sockets as it can have, which is the denial of another one.
    fn has_sockets_enough(&mut self) -> bool {
        let sockets =
            self.table.iter_mut().filter(|entry| entry.is::<TcpSocket>() || entry.is::<UdpSocket>());
        let is_enough = sockets.count() >= MOST_SOCKETS;
        if is_enough {
            self.record.denied(Denial::Network(format!("make another socket beside {MOST_SOCKETS}")));
        }
        is_enough
    }
}

/// The answer to the component, or the trap that it stands for.
fn answer<T: 'static>(made: Result<Resource<T>, SocketError>) -> wasmtime::Result<Made<T>> {
    match made {
        Ok(socket) => Ok((Ok(socket),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

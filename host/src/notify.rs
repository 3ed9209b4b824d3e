//! Reports the state of the host to systemd: ready, stopping, alive. Without `NOTIFY_SOCKET` nothing is reported.
//!
//! The protocol is that of `sd_notify(3)`: datagrams of `NAME=VALUE` to a socket that the environment names.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The time that a report may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// The socket of systemd, if there is one.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Reads the environment.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| {
            open(&name)
                .inspect_err(
                    |error| tracing::warn!(%error, socket = %name.display(), "failed to open systemd's notify socket; nothing will be reported"),
                )
                .ok()
        });
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        // A watchdog with the id of another process is not for us.
        let is_ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Self { socket, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Sends one state, such as `READY=1`.
    pub(crate) fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::warn!(%error, state, "failed to report a state to systemd");
        }
    }

    /// The interval of heartbeats: half of systemd's patience.
    pub(crate) fn beat(&self) -> Option<Duration> {
        self.socket.as_ref()?;
        // As sd_watchdog_enabled(3) recommends.
        self.watchdog.map(|patience| patience / 2)
    }
}

/// Tells systemd again and again that the host is alive, if it wants to know. It never ends.
pub(crate) async fn beat(notifier: Arc<Notifier>) {
    let Some(beat) = notifier.beat() else { return std::future::pending().await };
    loop {
        notifier.tell("WATCHDOG=1");
        tokio::time::sleep(beat).await;
    }
}

fn open(name: &OsString) -> std::io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        // A name that begins with @ is in the abstract namespace and not a file.
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A reader that does not read must not block the host.
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

//! Tells systemd how the host is: ready, stopping, alive. Without `NOTIFY_SOCKET` it tells nobody.
//!
//! The protocol is that of `sd_notify(3)`: datagrams of `NAME=VALUE` to a socket that the environment names.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// How long it may take until something was told.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whom to tell.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| {
            open(&name)
                .inspect_err(
                    |error| tracing::warn!(%error, socket = %name.display(), "systemd cannot be told anything"),
                )
                .ok()
        });
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        // The watchdog is meant for another process when it names one.
        let is_ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Self { socket, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Sends one state, as in `READY=1`.
    pub(crate) fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.socket
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::warn!(%error, state, "systemd cannot be told");
        }
    }

    /// How often systemd wants to hear that the host is alive: twice within its patience.
    pub(crate) fn beat(&self) -> Option<Duration> {
        self.socket.as_ref()?;
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
        // Beginning with @ it is no file.
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // Who does not listen must not hold the host up.
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

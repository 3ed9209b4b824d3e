//! The signals that stop the host: in order where it hears them, and in any case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Code;

/// How long after its drain a host ends that has not heard the signal.
const NOT_HEARD: Duration = Duration::from_millis(1500);

/// Ends the process a moment after its drain when a signal has come and the host has not even heard of it: all that could
/// hear it computes something that has no end. What was acknowledged is on the disk.
pub(crate) fn end_in_any_case(drain: Duration, is_stopping: Arc<AtomicBool>) -> anyhow::Result<()> {
    // A runtime of its own, which nothing else keeps busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let watch = move || {
        runtime.block_on(async {
            let name = stop_signal().await;
            tokio::time::sleep(drain + NOT_HEARD).await;
            if !is_stopping.load(Ordering::SeqCst) {
                tracing::error!(signal = name, "nothing has heard the signal, since something computes without an end; the process ends now");
                end();
            }
        });
    };
    std::thread::Builder::new().name("end".into()).spawn(watch)?;
    Ok(())
}

#[expect(clippy::exit, reason = "nobody is left who could return")]
fn end() -> ! {
    std::process::exit(i32::from(Code::Server as u8))
}

/// Handles the signals that stop the host from now on; the future says which one came.
pub(crate) fn stop_signal() -> impl Future<Output = &'static str> {
    let [terminate, interrupt] = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let wait = async |handler: std::io::Result<Signal>| match handler {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the default applies: the signal ends the process.
        Err(error) => {
            tracing::warn!(%error, "a signal cannot be handled");
            std::future::pending::<()>().await;
        }
    };
    async move {
        tokio::select! {
            () = wait(terminate) => "SIGTERM",
            () = wait(interrupt) => "SIGINT",
        }
    }
}

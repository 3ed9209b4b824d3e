//! The signals that stop the host: in order if it can hear them, and by force otherwise. Also ^C, for a client that
//! waits. One signal is survived.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Code;

/// The signal that the kernel sends to a process that makes a file larger than its limit.
const SIGXFSZ: i32 = 25;
/// The time after its drain at which a host ends that has not heard the signal.
const NOT_HEARD: Duration = Duration::from_millis(1500);

/// Ends the process after its drain if a signal has come and the host has not heard it, because all of its threads
/// compute without an end. Acknowledged commits are on the disk.
pub(crate) fn end_in_any_case(drain: Duration, is_stopping: Arc<AtomicBool>) -> anyhow::Result<()> {
    // A runtime of its own, which no other task can occupy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let watch = move || {
        runtime.block_on(async {
            let name = stop_signal().await;
            tokio::time::sleep(drain + NOT_HEARD).await;
            if !is_stopping.load(Ordering::SeqCst) {
                tracing::error!(signal = name, "the host did not hear the signal, because something computes without an end; the process ends now");
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

/// From now on, a write that would make a file larger than the limit (`ulimit -f`) is an error like any other, instead of
/// the end of the process without a word. What is started by this process has the signal as it was.
pub(crate) fn outlive_limit_of_files() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    // Nobody waits for it: that it is caught is enough, and it stays so.
    signal(SignalKind::from_raw(SIGXFSZ)).map(drop)
}

/// Handles the stop signals from now on. The future returns the name of the one that came.
pub(crate) fn stop_signal() -> impl Future<Output = &'static str> {
    let [terminate, interrupt] = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let wait = async |handler: std::io::Result<Signal>| match handler {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the default applies, by which the signal ends the process.
        Err(error) => {
            tracing::warn!(%error, "failed to install a signal handler");
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

/// Returns when ^C is typed, which from now on does not end the process. Where it cannot be heard it still does.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    /// Says to [`hears_nothing`] that it is the process that is to be ended.
    const IS_CHILD: &str = "TEST_HEARS_NOTHING";

    /// A bound for what takes [`NOT_HEARD`].
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Whether this process has a handler for SIGTERM.
    fn has_handler() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & (1 << (15 - 1)) != 0)
    }

    /// Nothing by itself: the process that the test below starts, whose only other thread computes.
    #[test]
    fn hears_nothing() {
        if std::env::var_os(IS_CHILD).is_none() {
            return;
        }
        let began = Instant::now();
        end_in_any_case(Duration::ZERO, Arc::default()).unwrap();
        while !has_handler() {
            assert!(began.elapsed() < PATIENCE, "no handler");
            std::thread::yield_now();
        }
        eprintln!("ready");
        while began.elapsed() < 2 * PATIENCE {
            std::hint::spin_loop();
        }
        panic!("nobody has ended it");
    }

    /// Names the file that [`writes_a_large_file`] is to write.
    const FILE: &str = "TEST_WRITES_A_LARGE_FILE";

    /// Nothing by itself: the process that the test below starts, with a limit.
    #[test]
    fn writes_a_large_file() {
        let Some(file) = std::env::var_os(FILE) else { return };
        outlive_limit_of_files().unwrap();
        let refused = fs::write(file, vec![0; 1 << 20]).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_file_that_is_too_large_is_an_error_and_not_the_end() {
        let place = tempfile::tempdir().unwrap();
        let ended = Command::new("/bin/sh")
            .args(["-c", "ulimit -f 8; exec \"$0\" --exact signals::tests::writes_a_large_file"])
            .arg(std::env::current_exe().unwrap())
            .env(FILE, place.path().join("large"))
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}: {}", ended.status, String::from_utf8_lossy(&ended.stdout));
        assert!(String::from_utf8_lossy(&ended.stdout).contains("1 passed"));
    }

    #[test]
    fn a_host_that_hears_no_signal_is_ended_all_the_same() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::tests::hears_nothing", "--nocapture"])
            .env(IS_CHILD, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let is_ready = lines.any(|line| line == "ready");
        let began = Instant::now();
        let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        let has_ended = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(10));
            child.try_wait().unwrap().is_some()
        });
        let is_by_itself = has_ended.take_while(|_| began.elapsed() < PATIENCE).any(|has_ended| has_ended);
        // What has ended is not killed any more.
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(is_ready && kill.success());
        // By itself, with the code of a failure, and not by the signal.
        assert_eq!((is_by_itself, ended.code()), (true, Some(i32::from(Code::Server as u8))), "{ended}");
        assert!(began.elapsed() >= NOT_HEARD, "it has its time to stop in order");
    }
}

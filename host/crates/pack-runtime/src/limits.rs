//! What one call may use, and how that is enforced: CPU time at each tick of the epoch clock, wall time and
//! cancellation whenever the call gives way.
//!
//! Memory is counted in `memory`, output in `output`; the limits of the pool as a whole are in `engine_settings`.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

/// What one call may use. The wall time is the runner's parameter `timeout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes over all memories and tables of the instance. Default 128 MiB.
    pub memory: usize,
    /// Time on a processor. Default 30 s.
    pub cpu: Duration,
    /// Bytes of output and log together, as they are stored; what is beyond is cut and marked. Default 2 MiB.
    pub output: usize,
    /// Lines of output and log together; what is beyond is cut and marked. Default 10,000.
    pub output_lines: usize,
    /// Bytes of the result as JSON. Default 2 MiB.
    pub result: usize,
    /// Calls of one component at the same time; further ones wait. Default 64.
    pub concurrency: usize,
    /// Files, sockets and streams that one call can have open. Default 256.
    pub handles: usize,
    /// Handles that one call can hold at once, those of resources that the component itself makes included.
    /// Default 10,000.
    pub component_handles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            cpu: Duration::from_secs(30),
            output: 2 << 20,
            output_lines: 10_000,
            result: 2 << 20,
            concurrency: 64,
            handles: 256,
            component_handles: 10_000,
        }
    }
}

/// What a host call may copy out of a component, in bytes.
pub(crate) const HOSTCALL_FUEL: usize = 8 << 20;

/// Random bytes that a component can ask for at once.
pub(crate) const LARGEST_RANDOM: u64 = 1 << 20;

/// The call has used up its CPU time. The error of the trap that ends it.
#[derive(Debug, thiserror::Error)]
#[error("the limit of CPU time is reached")]
pub(crate) struct CpuExhausted;

/// Measures the CPU time of one call, over the threads that it comes to run on.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    /// Nanoseconds before the present poll.
    spent: AtomicU64,
    /// The thread's clock when the present poll began.
    began: AtomicU64,
}

impl CpuMeter {
    /// The time so far; only to be asked from within the call.
    pub(crate) fn spent(&self) -> Duration {
        let present = thread_cpu_nanoseconds().saturating_sub(self.began.load(Ordering::Relaxed));
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(present))
    }

    fn begin(&self) {
        self.began.store(thread_cpu_nanoseconds(), Ordering::Relaxed);
    }

    fn end(&self) {
        let present = thread_cpu_nanoseconds().saturating_sub(self.began.load(Ordering::Relaxed));
        self.spent.fetch_add(present, Ordering::Relaxed);
    }
}

/// Why a call was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Canceled,
    TimedOut,
}

/// Runs `call` until it is done, `deadline` is reached or `cancel` fires; then the call is dropped.
///
/// Most calls are done at once, so the timer is only set up when a call gives way for the first time. A
/// call that computes gives way at each tick.
pub(crate) async fn watch<T>(
    call: impl Future<Output = T>,
    meter: &CpuMeter,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Result<T, Stopped> {
    if cancel.is_cancelled() {
        return Err(Stopped::Canceled);
    }
    let mut call = pin!(call);
    let mut metered = poll_fn(|context| {
        meter.begin();
        let polled = call.as_mut().poll(context);
        meter.end();
        polled
    });
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(pin!(&mut metered).poll(context))).await {
        return Ok(done);
    }
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Canceled),
        () = tokio::time::sleep_until(deadline.into()) => Err(Stopped::TimedOut),
        done = metered => Ok(done),
    }
}

/// What the current thread has used of a processor, in nanoseconds.
fn thread_cpu_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_measured_within_polls_only() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let meter = CpuMeter::default();
        let cancel = CancellationToken::new();
        let deadline = Instant::now() + Duration::from_millis(50);
        let endless = async {
            loop {
                tokio::task::yield_now().await;
            }
        };
        let stopped = runtime.block_on(watch::<()>(endless, &meter, deadline, &cancel));
        assert_eq!(stopped, Err(Stopped::TimedOut));
        let spent = Duration::from_nanos(meter.spent.load(Ordering::Relaxed));
        assert!(spent > Duration::ZERO && spent < Duration::from_millis(60), "{spent:?}");
    }
}

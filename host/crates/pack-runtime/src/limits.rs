//! Limits of one call and their enforcement: CPU time is checked at each tick of the epoch clock, wall time and
//! cancellation whenever the call yields.
//!
//! Memory is counted in `memory`, output in `output`; the limits of the pool as a whole are in `engine_settings`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use crate::apart::{Apart, Gone};
use crate::call_record::CallRecord;

/// Limits of one call. The wall time is limited by the runner's parameter `timeout`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the instance, over all its memories and tables, in bytes. Default: 128 MiB.
    pub memory: usize,
    /// CPU time. Default: 30 s.
    pub cpu: Duration,
    /// Output and log together, in bytes as stored. The rest is cut and marked. Default: 2 MiB.
    pub output: usize,
    /// Lines of output and log together. The rest is cut and marked. Default: 10,000.
    pub output_lines: usize,
    /// Size of the result as JSON, in bytes. Default: 2 MiB.
    pub result: usize,
    /// Concurrent calls of one component. Further ones wait. Default: 64.
    pub concurrency: usize,
    /// Files, sockets and streams that one call can have open. Default: 256.
    pub handles: usize,
    /// Handles that one call can hold, including those of resources that the component itself defines.
    /// Default: 10,000.
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

/// Bytes that one host call may copy out of a component.
pub(crate) const HOSTCALL_FUEL: usize = 8 << 20;

/// CPU time up to which a call counts as short: it is not interrupted, and stays on the worker where it began.
pub(crate) const SHORT: Duration = Duration::from_millis(1);

/// Random bytes that a component can request with one call.
pub(crate) const LARGEST_RANDOM: u64 = 1 << 20;

/// The span over which the CPU time of a call that goes on without end is limited.
pub(crate) const SPAN: Duration = Duration::from_mins(5);

/// The CPU time that a call has left.
#[derive(Debug)]
pub(crate) struct CpuBudget {
    most: Duration,
    /// The CPU time that counts now.
    level: Duration,
    /// The CPU time at the last look.
    spent: Duration,
    /// The time of the last look, for a call that goes on without end. Its level sinks by [`CpuBudget::most`] in each [`SPAN`].
    looked_at: Option<Instant>,
}

impl CpuBudget {
    /// Allows `most` in all.
    pub(crate) fn in_all(most: Duration) -> Self {
        Self { most, level: Duration::ZERO, spent: Duration::ZERO, looked_at: None }
    }

    /// Allows `most` in each [`SPAN`].
    pub(crate) fn in_each_span(most: Duration, now: Instant) -> Self {
        Self { looked_at: Some(now), ..Self::in_all(most) }
    }

    /// Whether a call that has spent so much CPU time by `now` may go on.
    pub(crate) fn allows(&mut self, spent: Duration, now: impl FnOnce() -> Instant) -> bool {
        if let Some(before) = self.looked_at {
            let now = now();
            let share = now.saturating_duration_since(before).as_secs_f64() / SPAN.as_secs_f64();
            self.level = self.level.saturating_sub(self.most.mul_f64(share.min(1.0)));
            self.looked_at = Some(now);
        }
        self.level = self.level.saturating_add(spent.saturating_sub(self.spent));
        self.spent = spent;
        self.level <= self.most
    }
}

/// The error of the trap that ends a call when its CPU time is used up.
#[derive(Debug, thiserror::Error)]
#[error("the limit of CPU time is reached")]
pub(crate) struct CpuExhausted;

/// Measures the CPU time of one call across the threads that it runs on.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    /// CPU time up to which the call counts as short.
    short: Duration,
    /// CPU time before the present poll, in nanoseconds.
    spent: AtomicU64,
    /// The CPU clock of the thread when the present poll began, in nanoseconds.
    began: AtomicU64,
}

impl Default for CpuMeter {
    fn default() -> Self {
        Self { short: SHORT, spent: AtomicU64::new(0), began: AtomicU64::new(0) }
    }
}

impl CpuMeter {
    /// CPU time so far. Only meaningful on the thread that polls the call.
    pub(crate) fn spent(&self) -> Duration {
        // Whoever polls the call reads and writes these two. A call that moves to another thread is handed
        // over with all that was written before, so no stronger order is needed.
        let present = thread_cpu_nanoseconds().saturating_sub(self.began.load(Ordering::Relaxed));
        Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(present))
    }

    /// Whether the call was short up to the end of its latest poll.
    fn is_short(&self) -> bool {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed)) < self.short
    }

    fn begin(&self) {
        self.began.store(thread_cpu_nanoseconds(), Ordering::Relaxed);
    }

    fn end(&self) {
        let present = thread_cpu_nanoseconds().saturating_sub(self.began.load(Ordering::Relaxed));
        self.spent.fetch_add(present, Ordering::Relaxed);
    }
}

/// Reasons why a call was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Canceled,
    TimedOut,
}

/// Runs `call` until it is done, `deadline` passes or `cancel` fires. In the last two cases the call is dropped.
///
/// Most calls are done at their first poll, so the timer is only set up when a call yields for the first time. A
/// call that computes yields at each tick; once it is no longer short, it moves to the threads of `apart`.
pub(crate) async fn watch<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
    record: &Arc<CallRecord>,
    apart: &Apart,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Result<T, Stopped> {
    // It may have been canceled while it waited for its resources.
    if cancel.is_cancelled() {
        return Err(Stopped::Canceled);
    }
    let mut call = Metered { call: Box::pin(call), record: Arc::clone(record) };
    // `None` means that the call has to move to the background threads.
    let mut here = poll_fn(|context| match pin!(&mut call).poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if record.cpu.is_short() => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    });
    // Most calls are done with their first poll, and then need neither a timer nor the token.
    let goes_on_here = match poll_fn(|context| Poll::Ready(pin!(&mut here).poll(context))).await {
        Poll::Ready(Some(done)) => return Ok(done),
        Poll::Ready(None) => false,
        Poll::Pending => true,
    };
    let mut stopped = pin!(async {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Stopped::Canceled,
            () = tokio::time::sleep_until(deadline.into()) => Stopped::TimedOut,
        }
    });
    if goes_on_here {
        tokio::select! {
            biased;
            why = &mut stopped => return Err(why),
            done = here => if let Some(done) = done { return Ok(done) },
        }
    }
    tokio::select! {
        biased;
        why = &mut stopped => Err(why),
        done = apart.finish(call) => done.map_err(|Gone| Stopped::Canceled),
    }
}

/// A call that adds the CPU time of each poll to its record. The call is large, so it is put in its place only once.
struct Metered<F> {
    call: Pin<Box<F>>,
    record: Arc<CallRecord>,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        self.record.cpu.begin();
        let polled = self.call.as_mut().poll(context);
        // Nobody asks any more once the call is done, and a look at this clock is a system call.
        if polled.is_pending() {
            self.record.cpu.end();
        }
        polled
    }
}

/// CPU time of the current thread, in nanoseconds.
fn thread_cpu_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use petrel_runners::OutputSink;
    use tokio::task::yield_now;

    use crate::output::Output;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// Far more than a poll that only waits takes, on however slow a machine.
    const SHORT_HERE: Duration = Duration::from_millis(500);

    /// Watches `call` on this thread for at most `time`. Returns its CPU time as well.
    fn watched<T: Send + 'static>(
        call: impl Future<Output = T> + Send + 'static,
        time: Duration,
    ) -> (Result<T, Stopped>, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut record = CallRecord::new(Output::new(OutputSink::new(0), &Limits::default()));
        record.cpu.short = SHORT_HERE;
        let record = Arc::new(record);
        let (apart, cancel) = (Apart::default(), CancellationToken::new());
        let done = runtime.block_on(watch(call, &record, &apart, Instant::now() + time, &cancel));
        let spent = Duration::from_nanos(record.cpu.spent.load(Ordering::Relaxed));
        (done, spent)
    }

    /// Uses the processor until this poll is no longer short.
    fn compute() {
        let begun = thread_cpu_nanoseconds();
        while Duration::from_nanos(thread_cpu_nanoseconds() - begun) < SHORT_HERE {}
    }

    fn here() -> ThreadId {
        thread::current().id()
    }

    #[test]
    fn cpu_time_is_limited_in_all_or_in_each_span() {
        let (begun, seconds) = (Instant::now(), Duration::from_secs);
        let mut in_all = CpuBudget::in_all(seconds(30));
        let mut in_spans = CpuBudget::in_each_span(seconds(30), begun);
        // After so many seconds, with so much CPU time spent.
        for (after, spent, in_all_allows, in_spans_allow) in [
            (10, 10, true, true),
            (11, 30, true, true),
            (60, 31, false, true),
            (360, 61, false, true),
            (370, 90, false, false),
        ] {
            let now = || begun + seconds(after);
            let allowed = (in_all.allows(seconds(spent), now), in_spans.allows(seconds(spent), now));
            assert_eq!(allowed, (in_all_allows, in_spans_allow), "{after}");
        }
    }

    #[test]
    fn cpu_time_is_measured_within_polls_only() {
        let waits = Duration::from_millis(500);
        let (stopped, spent) = watched::<()>(std::future::pending(), waits);
        assert_eq!(stopped, Err(Stopped::TimedOut));
        assert!(spent > Duration::ZERO && spent < waits, "{spent:?}");
    }

    #[test]
    fn a_short_call_stays_on_its_thread_however_often_it_waits() {
        let call = async {
            for _ in 0..10 {
                yield_now().await;
            }
            here()
        };
        assert_eq!(watched(call, LONG).0, Ok(here()));
    }

    #[test]
    fn what_computes_for_long_goes_on_elsewhere_at_once_or_later() {
        for waits in [0, 3] {
            let call = async move {
                for _ in 0..waits {
                    yield_now().await;
                }
                let before = here();
                compute();
                yield_now().await;
                (before, here())
            };
            let (before, after) = watched(call, LONG).0.unwrap();
            assert_eq!(before, here(), "{waits}");
            assert_ne!(after, here(), "{waits}");
        }
    }

    #[test]
    fn what_goes_on_elsewhere_ends_when_its_time_is_up() {
        let endless = async {
            loop {
                compute();
                yield_now().await;
            }
        };
        assert_eq!(watched::<()>(endless, Duration::from_millis(50)).0, Err(Stopped::TimedOut));
    }
}

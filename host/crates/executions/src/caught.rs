//! The run of an action by its runner, whose panics are caught.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use petrel_runners::{Call, Outcome, OutputSink, Runner};
use tokio_util::sync::CancellationToken;

/// Runs an action. A panic of the runner is the outcome of this run, and of nothing else.
pub(super) async fn caught(
    runner: Arc<dyn Runner>,
    call: Call,
    output: OutputSink,
    cancel: CancellationToken,
) -> Outcome {
    let mut run = runner.run(call, output, cancel);
    poll_fn(|context| {
        // Not polled again after a panic, so nobody sees what it has left half done.
        let polled = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(panicked(message_of(panic.as_ref()))))
    })
    .await
}

/// The message of a panic.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}

/// The outcome of a run whose runner has panicked.
pub(super) fn panicked(why: &str) -> Outcome {
    let hint = "this is a mistake in petrel; the log has the details";
    Outcome::failed("runner.panic", format!("the runner has panicked: {why}"), hint)
}

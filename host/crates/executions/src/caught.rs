//! The run of an action by its runner, whose panics are caught.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use petrel_runners::Outcome;

/// The outcome of `run`. A panic of the runner is the outcome of this run, and of nothing else.
pub(super) async fn caught(run: impl Future<Output = Outcome>) -> Outcome {
    let mut run = pin!(run);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn panics(pauses: usize, with_value: bool) -> Outcome {
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
        if with_value { panic!("on {}", "purpose") } else { std::panic::panic_any(7) }
    }

    #[tokio::test]
    async fn a_panic_is_the_outcome_of_its_run() {
        assert_eq!(caught(async { Outcome::succeeded(json!(1)) }).await, Outcome::succeeded(json!(1)));
        for (pauses, with_value, why) in
            [(0, true, "on purpose"), (3, true, "on purpose"), (1, false, "it does not say why")]
        {
            assert_eq!(caught(panics(pauses, with_value)).await, panicked(why), "{pauses}");
        }
    }
}

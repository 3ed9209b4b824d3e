//! Repeated questions to a host until something has happened: with pauses between them, and with an end when the host
//! does not answer any more.
//!
//! A host holds a question until there is news, so that asking again at once is right. A host that answers at once
//! again and again is asked less and less often.

use std::time::{Duration, Instant};

use super::UNREACHABLE;
use crate::exit::Failure;

/// The time up to which an answer counts as immediate.
const AT_ONCE: Duration = Duration::from_millis(500);
/// The first pause. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The number of failed questions in a row, which bridges a restart of the host.
const MOST_REFUSALS: usize = 5;

/// A series of questions about one thing.
#[derive(Debug)]
pub(crate) struct Waiting {
    pause: Duration,
    /// Whether the last answer was immediate, which calls for a pause.
    was_at_once: bool,
    refusals: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { pause: FIRST_PAUSE, was_at_once: false, refusals: 0 }
    }
}

impl Waiting {
    /// Asks, after a pause if the last answer was immediate. `None` when the host did not answer and should be asked
    /// again.
    ///
    /// # Errors
    /// The failure of the question, or that the host does not answer any more.
    pub(crate) async fn ask<T>(
        &mut self,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Option<T>, Failure> {
        if self.was_at_once {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        let asked_at = Instant::now();
        let answer = question.await;
        self.was_at_once = asked_at.elapsed() < AT_ONCE;
        if !self.was_at_once {
            self.pause = FIRST_PAUSE;
        }
        match answer {
            Err(failure) if failure.kind == UNREACHABLE && self.refusals < MOST_REFUSALS => {
                self.refusals += 1;
                // The next question needs a pause, however long this one took.
                self.was_at_once = true;
                Ok(None)
            }
            Err(failure) => Err(failure),
            Ok(answer) => {
                self.refusals = 0;
                Ok(Some(answer))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Code;

    #[tokio::test]
    async fn who_answers_at_once_is_asked_less_and_less_often() {
        let (started, mut waiting) = (Instant::now(), Waiting::default());
        for _ in 0..4 {
            assert_eq!(waiting.ask(async { Ok(5) }).await.unwrap(), Some(5));
        }
        assert!(started.elapsed() >= FIRST_PAUSE * 7, "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn waiting_ends_when_nobody_answers() {
        let nobody = async |kind: &str| Err::<(), _>(Failure::new(Code::Server, kind, "nobody", ""));
        let mut waiting = Waiting { pause: Duration::ZERO, ..Waiting::default() };
        for _ in 0..MOST_REFUSALS {
            assert_eq!(waiting.ask(nobody(UNREACHABLE)).await.unwrap(), None);
        }
        assert_eq!(waiting.ask(nobody(UNREACHABLE)).await.unwrap_err().message, "nobody");
        assert_eq!(Waiting::default().ask(nobody("not_petrel")).await.unwrap_err().message, "nobody");
    }
}

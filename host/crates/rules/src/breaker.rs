//! Circuit breakers: what the end of an execution means for the rule that requested it. `petrel_executions` keeps the states
//! and tells of the ends.

use petrel_model::breaker::{BreakerState, CircuitBreaker, FailedRun, LONGEST_PAUSE, Pause, Span};
use petrel_model::{ExecutionId, RuleId, Status, Timestamp};

/// What an end has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// A failure counts, or a try is over.
    Counted,
    /// The rule pauses until this time.
    Paused(Timestamp),
    /// The rule fires as ever, and nothing is remembered of it.
    Closed,
}

/// The state of a rule of which nothing is remembered.
pub fn closed(rule: RuleId) -> BreakerState {
    BreakerState { rule, failed: Vec::new(), pause: None }
}

/// Takes note of the end of `execution` with a final status.
pub fn ended(
    state: &mut BreakerState,
    breaker: CircuitBreaker,
    (execution, status): (ExecutionId, Status),
    at: Timestamp,
) -> Change {
    let is_trial = state.pause.is_some_and(|pause| pause.trial == Some(execution));
    match status {
        Status::Succeeded if is_trial || state.pause.is_none() => closes(state),
        Status::Failed | Status::Timeout | Status::Abandoned => {
            failed(state, breaker, execution, at, is_trial)
        }
        // It has neither failed nor succeeded. Another may try.
        Status::Canceled => {
            let before = state.failed.len();
            state.failed.retain(|run| run.execution != execution);
            if let Some(pause) = state.pause.as_mut().filter(|_| is_trial) {
                pause.trial = None;
            }
            if is_trial || state.failed.len() != before { Change::Counted } else { Change::None }
        }
        // What was requested before the pause says nothing about the present.
        _ => Change::None,
    }
}

fn closes(state: &mut BreakerState) -> Change {
    let was_blank = state.failed.is_empty() && state.pause.is_none();
    (state.failed, state.pause) = (Vec::new(), None);
    if was_blank { Change::None } else { Change::Closed }
}

fn failed(
    state: &mut BreakerState,
    breaker: CircuitBreaker,
    execution: ExecutionId,
    at: Timestamp,
    is_trial: bool,
) -> Change {
    // Its commit was refused, and comes again.
    if state.failed.iter().any(|run| run.execution == execution) {
        return Change::Counted;
    }
    let length = match state.pause {
        Some(pause) if is_trial => (pause.length.0 * 2).min(LONGEST_PAUSE),
        Some(_) => return Change::None,
        None => breaker.pause.0,
    };
    let begin = at.minus(breaker.within.0);
    state.failed.retain(|run| is_trial || run.at >= begin);
    state.failed.push(FailedRun { execution, at });
    let most = breaker.failures as usize;
    state.failed.drain(..state.failed.len().saturating_sub(most));
    if !is_trial && state.failed.len() < most {
        return Change::Counted;
    }
    let until = at.plus(length);
    state.pause = Some(Pause { until, length: Span(length), trial: None });
    Change::Paused(until)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use petrel_model::Id;

    use super::*;

    const BREAKER: CircuitBreaker = CircuitBreaker {
        failures: 2,
        within: Span(Duration::from_secs(60)),
        pause: Span(Duration::from_secs(100)),
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn id(number: u64) -> ExecutionId {
        Id::from_parts(1, number).into()
    }

    fn blank() -> BreakerState {
        closed(Id::from_parts(2, 1).into())
    }

    #[test]
    fn failures_count_within_their_time_and_until_a_success() {
        use Status::{Abandoned, Canceled, Failed, Succeeded, Timeout};
        for (ends, is_paused) in [
            (&[(1, Failed, 0), (2, Timeout, 60)][..], true),
            (&[(1, Failed, 0), (2, Abandoned, 61)], false),
            (&[(1, Failed, 0), (1, Failed, 1)], false),
            (&[(1, Failed, 0), (2, Succeeded, 1), (3, Failed, 2)], false),
            (&[(1, Failed, 0), (2, Canceled, 1), (3, Failed, 2)], true),
            (&[(1, Failed, 0), (1, Canceled, 1), (3, Failed, 2)], false),
        ] {
            let mut state = blank();
            for (number, status, time) in ends {
                ended(&mut state, BREAKER, (id(*number), *status), at(*time));
            }
            assert_eq!(state.pause.is_some(), is_paused, "{ends:?}");
        }
    }

    #[test]
    fn a_try_that_fails_doubles_the_pause_and_one_that_succeeds_ends_it() {
        let mut state = blank();
        let end = |state: &mut BreakerState, number, status, time| {
            ended(state, BREAKER, (id(number), status), at(time))
        };
        end(&mut state, 1, Status::Failed, 0);
        assert_eq!(end(&mut state, 2, Status::Failed, 1), Change::Paused(at(101)));
        for late in [Status::Failed, Status::Succeeded] {
            assert_eq!(end(&mut state, 9, late, 2), Change::None, "it was requested before");
        }
        let (mut time, mut length) = (200, 100);
        for number in 10..30 {
            state.pause.as_mut().unwrap().trial = Some(id(number));
            length = (length * 2).min(86_400);
            assert_eq!(end(&mut state, number, Status::Failed, time), Change::Paused(at(time + length)));
            time += length;
        }
        state.pause.as_mut().unwrap().trial = Some(id(40));
        assert_eq!(end(&mut state, 40, Status::Canceled, time), Change::Counted);
        assert_eq!(state.pause.unwrap().trial, None, "another may try");
        state.pause.as_mut().unwrap().trial = Some(id(41));
        assert_eq!(end(&mut state, 41, Status::Succeeded, time), Change::Closed);
        assert_eq!(state, blank());
    }
}

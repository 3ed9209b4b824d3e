//! Removes the steps that a failure does not need: larger parts first, then smaller ones, then single steps.

use std::time::{Duration, Instant};

use crate::steps::Step;

/// How many simulations this may take.
const MOST_TRIES: usize = 600;
/// How long it may take, in real time: who waits for a test is to hear of the failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A part of `steps` that still `fails`, from which no single step can be left out, unless that takes too long.
///
/// # Errors
/// When a simulation cannot be made.
pub(crate) fn shrunk(
    steps: &[Step],
    mut fails: impl FnMut(&[Step]) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<Step>> {
    let begun = Instant::now();
    let has_time = |tries: usize| tries < MOST_TRIES && begun.elapsed() < PATIENCE;
    let (mut left, mut part, mut tries) = (steps.to_vec(), steps.len().div_ceil(2), 0);
    while part > 0 && !left.is_empty() {
        let (mut at, mut is_shorter) = (0, false);
        while at < left.len() && has_time(tries) {
            tries += 1;
            let without: Vec<Step> =
                left.iter().take(at).chain(left.iter().skip(at + part)).copied().collect();
            if fails(&without)? {
                left = without;
                is_shorter = true;
            } else {
                at += part;
            }
        }
        if !has_time(tries) || (part == 1 && !is_shorter) {
            break;
        }
        // What was needed at first may not be any more, so single steps are tried until none can go.
        part = if part == 1 { 1 } else { part.div_ceil(2) };
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::Which;

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let steps: Vec<Step> = (0..100).map(|number| Step::Pause(Which(number))).collect();
        let needed = [Step::Pause(Which(17)), Step::Pause(Which(18)), Step::Pause(Which(90))];
        let fails = |steps: &[Step]| Ok(needed.iter().all(|step| steps.contains(step)));
        assert_eq!(shrunk(&steps, fails).unwrap(), needed);
    }
}

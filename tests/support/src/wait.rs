//! Waiting for what is to come, with an end to it.

use std::time::{Duration, Instant};

use anyhow::ensure;

/// How long anything may take that has no bound of its own.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The shortest pause between two looks; after one that took longer it is as long as that.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again, until `look` finds something.
///
/// # Errors
/// When it finds nothing within `patience`, named by `what`; or when the look itself fails.
pub fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        let looked = Instant::now();
        if let Some(found) = look()? {
            return Ok(found);
        }
        let pause = PAUSE.max(looked.elapsed());
        ensure!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::sleep(pause);
    }
}

/// Says why a test cannot run here; where all tests must run, that is a failure.
///
/// # Panics
/// With `PETREL_TEST_ALL=1`.
#[expect(clippy::print_stdout, reason = "who reads the output of tests is to know")]
pub fn skip(why: &str) {
    let must = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
    assert!(!must, "PETREL_TEST_ALL=1, and this test cannot run: {why}");
    println!("SKIPPED: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_found_and_what_does_not_is_named() {
        let mut looks = 0;
        let found = until("the third look", PATIENCE, || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.unwrap(), 3);
        let nothing = until("a miracle", Duration::ZERO, || Ok(None::<()>)).unwrap_err();
        assert_eq!(nothing.to_string(), "a miracle: not within 0ns");
        let failed =
            until("a look", PATIENCE, || Err::<Option<()>, _>(anyhow::anyhow!("blind"))).unwrap_err();
        assert_eq!(failed.to_string(), "blind");
    }
}

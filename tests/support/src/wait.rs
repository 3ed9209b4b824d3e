//! Bounded waiting for a condition.

use std::time::{Duration, Instant};

use anyhow::ensure;

/// The bound of every wait that has none of its own.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The shortest pause between two looks. After a look that took longer, the pause is as long as the look.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `look` again and again, until it finds something.
///
/// # Errors
/// When it finds nothing within `patience`, with `what` in the message; or when `look` itself fails.
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

/// Reports why a test cannot run here; where all tests must run, this is a failure.
///
/// # Panics
/// With `PETREL_TEST_ALL=1`.
pub fn skip(why: &str) {
    let must = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
    assert!(!must, "PETREL_TEST_ALL=1, and this test cannot run: {why}");
    report(why);
}

/// As [`skip`], and no failure where `PETREL_TEST_WITHOUT` lists `what`: its parts cannot be fetched at present.
///
/// # Panics
/// With `PETREL_TEST_ALL=1`, unless it is listed.
pub fn skip_without(what: &str, why: &str) {
    let unfetched = std::env::var("PETREL_TEST_WITHOUT").unwrap_or_default();
    if is_listed(&unfetched, what) {
        report(why);
    } else {
        skip(why);
    }
}

fn is_listed(words: &str, what: &str) -> bool {
    words.split_whitespace().any(|word| word == what)
}

#[expect(clippy::print_stdout, reason = "who reads the output of tests is to know")]
fn report(why: &str) {
    println!("SKIPPED: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_fetched_is_listed_by_its_word() {
        for (words, what, expected) in
            [("python go", "go", true), ("python go", "c", false), ("", "c", false), ("cc", "c", false)]
        {
            assert_eq!(is_listed(words, what), expected, "{words}: {what}");
        }
    }

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

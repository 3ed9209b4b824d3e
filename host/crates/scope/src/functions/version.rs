//! Semantic versions.

use std::cmp::Ordering;

use petrel_model::quoted::quoted;
use petrel_python::work;

use super::Error;

/// A version by its parts; what follows `+` has no weight.
struct Version {
    numbers: [u64; 3],
    prerelease: Vec<String>,
}

fn parse(text: &str) -> Result<Version, Error> {
    // Each word of it becomes a text of its own, and is compared.
    work::read(text.len())?;
    work::make(text.len().saturating_mul(3))?;
    work::make_list(text.matches('.').count().saturating_mul(2))?;
    let invalid = || Error::Wrong(format!("`{}` is not a semantic version; write it as 1.2.3", quoted(text)));
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, prerelease) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let words = |part: Option<&str>| -> Result<Vec<String>, Error> {
        let Some(part) = part else { return Ok(Vec::new()) };
        let words: Option<Vec<_>> =
            part.split('.').map(|word| is_word(&word).then(|| word.to_owned())).collect();
        words.ok_or_else(invalid)
    };
    let mut numbers = [0; 3];
    let mut parts = core.split('.');
    for number in &mut numbers {
        let part = parts.next().ok_or_else(invalid)?;
        if part.is_empty()
            || (part.len() > 1 && part.starts_with('0'))
            || !part.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(invalid());
        }
        *number = part.parse().map_err(|_too_large| invalid())?;
    }
    words(build)?;
    if parts.next().is_some() {
        Err(invalid())
    } else {
        Ok(Version { numbers, prerelease: words(prerelease)? })
    }
}

fn order(left: &str, right: &str) -> Result<Ordering, Error> {
    let (left, right) = (parse(left)?, parse(right)?);
    let by_numbers = left.numbers.cmp(&right.numbers);
    Ok(by_numbers.then_with(|| match (left.prerelease.as_slice(), right.prerelease.as_slice()) {
        ([], []) => Ordering::Equal,
        ([], _) => Ordering::Greater,
        (_, []) => Ordering::Less,
        (left, right) => order_prerelease(left, right),
    }))
}

fn order_prerelease(left: &[String], right: &[String]) -> Ordering {
    let words =
        left.iter().zip(right).map(|(left, right)| match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => left.cmp(right),
        });
    words.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// -1, 0 or 1, as `left` is less than `right`, equal to it or more.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn compare(left: &str, right: &str) -> Result<i64, Error> {
    order(left, right).map(|order| order as i64)
}

/// Whether `left` is more than `right`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn more_than(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_gt)
}

/// Whether `left` is less than `right`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn less_than(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_lt)
}

/// Whether `left` and `right` are the same version.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn equal(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_eq)
}

/// Whether `version` is as `expression` wants it: an operator and a version, or a version alone.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn matches(version: &str, expression: &str) -> Result<bool, Error> {
    type Test = fn(Ordering) -> bool;
    let tests: [(&str, Test); 6] = [
        (">=", Ordering::is_ge),
        ("<=", Ordering::is_le),
        ("==", Ordering::is_eq),
        ("!=", Ordering::is_ne),
        (">", Ordering::is_gt),
        ("<", Ordering::is_lt),
    ];
    for (operator, test) in tests {
        if let Some(other) = expression.strip_prefix(operator) {
            return order(version, other).map(test);
        }
    }
    if expression.starts_with(|char: char| char.is_ascii_digit()) {
        return equal(version, expression);
    }
    let expression = quoted(expression);
    Err(Error::Wrong(format!("`{expression}` does not start with <, >, ==, <=, >= or !=, as in >=1.2.3")))
}

/// The next major version.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn bump_major(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { numbers: [major, ..], .. }| format!("{}.0.0", major.saturating_add(1)))
}

/// The next minor version.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn bump_minor(version: &str) -> Result<String, Error> {
    parse(version)
        .map(|Version { numbers: [major, minor, _], .. }| format!("{major}.{}.0", minor.saturating_add(1)))
}

/// The next patch of `version`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn bump_patch(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { numbers: [major, minor, patch], .. }| {
        format!("{major}.{minor}.{}", patch.saturating_add(1))
    })
}

/// `version` without its patch: `1.2`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn strip_patch(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { numbers: [major, minor, _], .. }| format!("{major}.{minor}"))
}

//! Semantic versions, as the crate `semver` reads them, which is as the specification has them and StackStorm's library of the
//! same name does. What is matched is our own: an operator and one version, where the crate's requirements are Cargo's.

use std::cmp::Ordering;

use petrel_model::quoted::quoted;
use petrel_python::work;
use semver::Version;

use super::Error;

fn parse(text: &str) -> Result<Version, Error> {
    work::read(text.len())?;
    work::make(text.len())?;
    Version::parse(text).map_err(|_not_one| {
        Error::Wrong(format!("`{}` is not a semantic version; write it as 1.2.3", quoted(text)))
    })
}

/// What follows `+` has no weight.
fn order(left: &str, right: &str) -> Result<Ordering, Error> {
    Ok(parse(left)?.cmp_precedence(&parse(right)?))
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
    parse(version).map(|Version { major, .. }| format!("{}.0.0", major.saturating_add(1)))
}

/// The next minor version.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn bump_minor(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { major, minor, .. }| format!("{major}.{}.0", minor.saturating_add(1)))
}

/// The next patch of `version`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn bump_patch(version: &str) -> Result<String, Error> {
    parse(version)
        .map(|Version { major, minor, patch, .. }| format!("{major}.{minor}.{}", patch.saturating_add(1)))
}

/// `version` without its patch: `1.2`.
///
/// # Errors
/// What is no version, and the limit that reading it exceeds.
pub fn strip_patch(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { major, minor, .. }| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_order_of_the_specification() {
        // Section 11, beside what has no weight.
        let rising = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.10.0",
            "2.0.0",
        ];
        for (place, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                let expected = place.cmp(&other) as i64;
                assert_eq!(compare(left, right), Ok(expected), "{left} {right}");
                assert_eq!(
                    compare(&format!("{left}+a.1"), &format!("{right}+b")),
                    Ok(expected),
                    "{left} {right}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_version_is_refused_by_name() {
        for text in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "v1.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0+",
            "1.0.0-a..b",
            " 1.0.0",
        ] {
            let Err(Error::Wrong(refused)) = compare(text, "1.0.0") else { panic!("`{text}` is taken") };
            assert_eq!(refused, format!("`{text}` is not a semantic version; write it as 1.2.3"));
        }
    }
}

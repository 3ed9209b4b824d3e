//! The functions on semantic versions. The crate `semver` parses them by the specification, as StackStorm's library of
//! the same name does. Matching is our own, an operator and one version, because the crate's requirements are Cargo's.

use std::cmp::Ordering;

use petrel_model::quoted::quoted;
use petrel_python::work;
use semver::Version;

use super::Error;

fn parse(text: &str) -> Result<Version, Error> {
    work::read(text.len())?;
    work::make(text.len())?;
    // Each word is checked and compared by itself.
    work::visit(text.matches('.').count())?;
    Version::parse(text).map_err(|_not_one| {
        Error::Wrong(format!("`{}` is not a semantic version; write it as 1.2.3", quoted(text)))
    })
}

/// The precedence of two versions. Build metadata after `+` has none.
fn order(left: &str, right: &str) -> Result<Ordering, Error> {
    Ok(parse(left)?.cmp_precedence(&parse(right)?))
}

/// -1, 0 or 1, if `left` is lower than `right`, equal to it or higher.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn compare(left: &str, right: &str) -> Result<i64, Error> {
    order(left, right).map(|order| order as i64)
}

/// Whether `left` is higher than `right`.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn more_than(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_gt)
}

/// Whether `left` is lower than `right`.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn less_than(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_lt)
}

/// Whether `left` and `right` are the same version.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn equal(left: &str, right: &str) -> Result<bool, Error> {
    order(left, right).map(Ordering::is_eq)
}

/// Whether `version` satisfies `expression`: an operator with a version, or a version alone.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn matches(version: &str, expression: &str) -> Result<bool, Error> {
    type Test = fn(Ordering) -> bool;
    // Longer operators come first, since `>` is the beginning of `>=`.
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
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn bump_major(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { major, .. }| format!("{}.0.0", major.saturating_add(1)))
}

/// The next minor version.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn bump_minor(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { major, minor, .. }| format!("{major}.{}.0", minor.saturating_add(1)))
}

/// The next patch version.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn bump_patch(version: &str) -> Result<String, Error> {
    parse(version)
        .map(|Version { major, minor, patch, .. }| format!("{major}.{minor}.{}", patch.saturating_add(1)))
}

/// `version` without its patch number: `1.2`.
///
/// # Errors
/// A text that is not a version, or the limit that parsing it exceeds.
pub fn strip_patch(version: &str) -> Result<String, Error> {
    parse(version).map(|Version { major, minor, .. }| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_order_of_the_specification() {
        // Section 11 of the specification, with build metadata, which has no precedence.
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

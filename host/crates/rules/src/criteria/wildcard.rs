//! Shell-style patterns (`*`, `?`, `[a-z]`, `[!a]`), as in Python's `fnmatch`: the whole text must match, and slashes
//! and leading dots are ordinary characters.

use petrel_expressions::work::{self, Limit};

/// Work units charged for looking at one character, beside those for the ranges of a class.
const STEP: u64 = 5;

/// Whether `text` matches `pattern`. Charges work in proportion to the product of their lengths, at most.
///
/// # Errors
/// The limit that is exceeded.
pub(super) fn matches(pattern: &str, text: &str) -> Result<bool, Limit> {
    work::charge(10 * (pattern.len() + text.len()) as u64)?;
    let pattern = parse(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // The position to return to if the text after the latest star does not match: one character further. Earlier stars
    // need no second try, since the latest one can take over whatever they would have matched.
    let mut retry = None;
    while let Some(char) = text.get(place) {
        let part = pattern.get(at);
        work::charge(STEP + part.map_or(0, Part::ranges))?;
        match part {
            Some(Part::Star) => {
                retry = Some((at, place + 1));
                at += 1;
                continue;
            }
            Some(part) if part.fits(*char) => {
                at += 1;
                place += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, next)) => {
                at = star + 1;
                place = next;
                retry = Some((star, next + 1));
            }
            None => return Ok(false),
        }
    }
    Ok(pattern.iter().skip(at).all(|part| matches!(part, Part::Star)))
}

enum Part {
    Star,
    Any,
    Literal(char),
    OneOf { ranges: Vec<(char, char)>, negated: bool },
}

impl Part {
    /// The number of ranges that a character is compared with.
    fn ranges(&self) -> u64 {
        match self {
            Self::OneOf { ranges, .. } => ranges.len() as u64,
            _ => 0,
        }
    }

    fn fits(&self, char: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Literal(literal) => *literal == char,
            Self::OneOf { ranges, negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&char)) != *negated
            }
        }
    }
}

fn parse(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    // Behind a bracket that is not closed none is, and need not be looked for: the pattern may be nothing but brackets.
    let mut closes = true;
    while let Some(char) = rest.chars().next() {
        rest = rest.get(char.len_utf8()..).unwrap_or_default();
        parts.push(match char {
            '*' => Part::Star,
            '?' => Part::Any,
            '[' if closes => {
                if let Some((part, after)) = class(rest) {
                    rest = after;
                    part
                } else {
                    closes = false;
                    Part::Literal('[')
                }
            }
            _ => Part::Literal(char),
        });
    }
    parts
}

/// Parses a class without its opening bracket. Returns it with the text after it, or `None` if it is not closed.
fn class(rest: &str) -> Option<(Part, &str)> {
    let (negated, body) = rest.strip_prefix('!').map_or((false, rest), |body| (true, body));
    // As in Python, a bracket in the first place of a class stands for itself.
    let skipped = usize::from(body.starts_with(']'));
    let end = skipped + body.get(skipped..)?.find(']')?;
    let (inner, after) = body.split_at_checked(end)?;
    let chars: Vec<char> = inner.chars().collect();
    let mut ranges = Vec::new();
    let mut index = 0;
    while let Some(from) = chars.get(index) {
        let to = chars.get(index + 2).filter(|_| chars.get(index + 1) == Some(&'-'));
        ranges.push((*from, *to.unwrap_or(from)));
        index += if to.is_some() { 3 } else { 1 };
    }
    Some((Part::OneOf { ranges, negated }, after.strip_prefix(']')?))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn as_fnmatch() {
        for (pattern, text, expected) in [
            ("h?llo", "hello", true),
            ("H*", "hello", false),
            ("[!h]ello", "hello", false),
            ("[a-z]*", "hello", true),
            ("a[]]b", "a]b", true),
            ("a[a-]b", "a-b", true),
            ("a[b", "a[b", true),
            ("a*b", "a/\nb", true),
            ("*.log", ".log", true),
            ("", "", true),
            ("", "x", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("[z-a]", "m", false),
            ("[!]", "[!]", true),
            ("[]", "[]", true),
            ("[[a]", "[", true),
            ("[a][b", "a[b", true),
            ("[![", "[![", true),
        ] {
            assert_eq!(matches(pattern, text), Ok(expected), "{pattern} {text}");
        }
        assert_eq!(matches(&format!("{}b", "a*".repeat(50)), &"a".repeat(5000)), Ok(false));
    }

    #[test]
    fn the_ranges_of_a_class_are_charged() {
        use petrel_expressions::work::{Allowance, evaluation, within};
        let (text, class) = ("a".repeat(10_000), "b".repeat(10_000));
        for pattern in [format!("*[{class}]"), format!("[!{class}]*[!{class}]b"), format!("*{class}b")] {
            let allowance = Allowance { units: 10_000_000, is_roomy: false, interrupt: None };
            let ran = within(&allowance, || evaluation(|| matches(&pattern, &text)));
            assert_eq!(ran.value.is_err(), pattern.contains('['), "{pattern:.5}");
        }
    }
}

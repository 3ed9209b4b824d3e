//! The variables that an expression reads, found as Orquesta's inspection finds them: by patterns in its
//! text. So some are found where none are read, and the other way round.

use std::sync::LazyLock;

use crate::regex::{Flags, Regex};

/// Calls of `ctx`, with what follows them.
const CALLS: &str = r#"\bctx\(['"]?[\]\[a-zA-Z0-9_'"\.()]*['"]?\)\.?[\]\[a-zA-Z0-9_'"\.()]*"#;

/// The name in such a call: `ctx().x`, `ctx(x)`, `ctx('x')`, `ctx("x")`.
const NAMES: [&str; 4] = [
    r"(?<=\bctx\(\)\.)([a-zA-Z0-9_-]+)\b(?!\()\.?",
    r"(?:\bctx\(([a-zA-Z0-9_-]+)\))",
    r"(?:\bctx\(\'([a-zA-Z0-9_-]+)\'\))",
    r#"(?:\bctx\("([a-zA-Z0-9_-]+)"\))"#,
];

static PATTERNS: LazyLock<Option<(Regex, Vec<Regex>)>> = LazyLock::new(|| {
    let regex = |pattern: &str| Regex::new(pattern, Flags::default()).ok();
    Some((regex(CALLS)?, NAMES.into_iter().map(regex).collect::<Option<_>>()?))
});

/// The names of the variables that `text` reads, each once, in order of the alphabet.
pub fn variables(text: &str) -> Vec<String> {
    let Some((calls, names)) = &*PATTERNS else { return Vec::new() };
    let mut found = Vec::new();
    for call in calls.matches(text).unwrap_or_default() {
        let call = text.get(call.range).unwrap_or_default();
        for name in names {
            let name = name.matches(call).unwrap_or_default().into_iter().next();
            found.extend(name.and_then(|name| name.groups.into_iter().next()));
        }
    }
    found.retain(|name| !name.is_empty());
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn names_are_found_as_inspection_finds_them() {
        for (text, expected) in [
            ("ctx().a + ctx(b) + ctx('c') + ctx(\"d\")", &["a", "b", "c", "d"][..]),
            ("ctx().a.b.where($ > 1)", &["a"]),
            ("ctx().get(a)", &[]),
            ("ctx()", &[]),
            ("result().a", &[]),
            ("ctx().b + ctx().a + ctx().b", &["a", "b"]),
        ] {
            assert_eq!(variables(text), expected, "{text}");
        }
    }
}

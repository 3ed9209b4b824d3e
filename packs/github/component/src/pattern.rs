//! Patterns of branch names: `main`, `release/*`, `*`.

/// Whether `name` matches `pattern`, in which `*` stands for any text, including none.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name) in [
            ("main", "main"),
            ("*", "anything/at-all"),
            ("release/*", "release/1.2"),
            ("*-hotfix", "urgent-hotfix"),
            ("release/*/final", "release/1.2/final"),
            ("a*b*c", "a--b--b--c"),
            ("main*", "main"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("main", "maintenance"),
            ("main", "the-main"),
            ("release/*", "releases"),
            ("a*b*c", "acb"),
            ("ab*ba", "aba"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}

//! References: the variables that a text reads by a fixed name. They are found in the text, by the patterns of the
//! original, and not in the tree of an expression, so that inspections report the same.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use fancy_regex::Regex;

use super::terms::{Language, Reference};

/// The pattern of `ctx(...)` with the path read from it.
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\bctx\(['"]?[\]\[a-zA-Z0-9_'"\.()]*['"]?\)\.?[\]\[a-zA-Z0-9_'"\.()]*"#).ok()
});

/// The patterns of the name in `ctx().name`, `ctx(name)`, `ctx('name')` and `ctx("name")`.
static NAMES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"\bctx\(\)\.([a-zA-Z0-9_-]+)\b(?!\()\.?",
        r"\bctx\(([a-zA-Z0-9_-]+)\)",
        r"\bctx\('([a-zA-Z0-9_-]+)'\)",
        r#"\bctx\("([a-zA-Z0-9_-]+)"\)"#,
    ];
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// `item(...)`, with its key if that is a literal.
static ITEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?<![.\w])item\(\s*(?:'(\w+)'|"(\w+)"|(\w+))?\s*\)"#).ok());

/// Adds the keys of the item that `text` reads. An empty name stands for the item itself.
pub(super) fn collect_items(text: &str, into: &mut Vec<Reference>) {
    let Some(pattern) = ITEM.as_ref() else { return };
    for language in [Language::Jinja, Language::Yaql] {
        for part in language.parts(text) {
            let mut shared: Option<Arc<str>> = None;
            for call in pattern.captures_iter(part).filter_map(Result::ok) {
                let key = (1..=3).find_map(|group| call.get(group));
                let name = key.map(|key| key.as_str().to_owned()).unwrap_or_default();
                let expression = Arc::clone(shared.get_or_insert_with(|| part.into()));
                into.push(Reference { language, expression, name });
            }
        }
    }
}

/// Adds the references in `text`.
pub(super) fn collect(text: &str, into: &mut Vec<Reference>) {
    let mut shared: Option<Arc<str>> = None;
    for language in [Language::Jinja, Language::Yaql] {
        let names: BTreeSet<String> =
            language.parts(text).flat_map(|part| names(language.inside(part))).collect();
        for name in names {
            let expression = Arc::clone(shared.get_or_insert_with(|| text.into()));
            into.push(Reference { language, expression, name });
        }
    }
}

fn names(expression: &str) -> Vec<String> {
    let Some(call) = CALL.as_ref() else { return Vec::new() };
    let calls = call.find_iter(expression).filter_map(Result::ok);
    let name = |call: &str, pattern: &Regex| {
        let captures = pattern.captures(call).ok().flatten()?;
        captures.get(1).map(|name| name.as_str().to_owned())
    };
    calls.flat_map(|call| NAMES.iter().filter_map(move |pattern| name(call.as_str(), pattern))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_items_are_found_in_every_spelling() {
        assert!(ITEM.is_some());
        for (text, expected) in [
            ("<% item(a) %> {{ item('b') }} <% item(\"c\") + item( d ) %>", &["b", "a", "c", "d"][..]),
            ("<% item() %> <% item().a %>", &["", ""]),
            ("<% ctx().item(a) + my_item(b) %> item(c)", &[]),
        ] {
            let mut found = Vec::new();
            collect_items(text, &mut found);
            let names: Vec<_> = found.iter().map(|reference| reference.name.as_str()).collect();
            assert_eq!(names, expected, "{text}");
        }
    }

    #[test]
    fn names_are_found_in_every_spelling() {
        assert!(CALL.is_some() && NAMES.len() == 4);
        for (text, expected) in [
            ("{{ ctx().a1 + ctx(\"a2\") }}", &["a1", "a2"][..]),
            ("<% ctx(a) %> {{ ctx('b') }}", &["a", "b"]),
            ("<% ctx().a.b.c + ctx().a %>", &["a"]),
            ("{{ ctx().get('a') }}", &[]),
            ("{{ ctx().a\n}}", &[]),
            ("{{ ctx()['a'] }}", &[]),
            ("x in <% ctx(xs) %>", &["xs"]),
            ("{{ ctx('__state') }}", &["__state"]),
            ("ctx().a", &[]),
        ] {
            let mut found = Vec::new();
            collect(text, &mut found);
            let mut names: Vec<_> = found.iter().map(|reference| reference.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{text}");
        }
    }
}

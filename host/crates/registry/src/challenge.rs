//! Challenges: how a registry asks for a login, in its header `WWW-Authenticate`.

use std::collections::BTreeMap;

/// The longest header that is read, in bytes.
const LONGEST: usize = 8 << 10;

/// The way in which a registry wants to be told who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token from a service.
    Bearer {
        /// The URL of the service.
        realm: String,
        /// The name by which the service knows the registry.
        service: Option<String>,
        /// What the token must be good for.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The challenge in the values of the header. One for a token is preferred. `None` if no known one is among them.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v str>) -> Option<Self> {
        let found: Vec<_> =
            values.into_iter().filter(|value| value.len() <= LONGEST).filter_map(one).collect();
        let token = found.iter().find(|one| **one != Self::Basic);
        token.or_else(|| found.first()).cloned()
    }
}

fn one(value: &str) -> Option<Challenge> {
    let value = value.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut fields = fields(rest);
    Some(Challenge::Bearer {
        realm: fields.remove("realm")?,
        service: fields.remove("service"),
        scope: fields.remove("scope"),
    })
}

/// The fields `name=value, name="value"`, where a text in quotes may have commas.
fn fields(text: &str) -> BTreeMap<String, String> {
    let (mut fields, mut rest) = (BTreeMap::new(), text);
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_start_matches([',', ' ']).trim().to_ascii_lowercase();
        let (value, after) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
            in_quotes(quoted)
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let (value, after) = after.split_at(end);
            (value.trim().to_owned(), after)
        };
        // The first counts: a second one would be somebody else's.
        fields.entry(name).or_insert(value);
        rest = after;
    }
    fields
}

/// The text up to the closing quotation mark, and what follows.
fn in_quotes(text: &str) -> (String, &str) {
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, char) in text.char_indices() {
        match char {
            '"' if !is_escaped => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' if !is_escaped => is_escaped = true,
            other => {
                value.push(other);
                is_escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_as_registries_write_it() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some(Challenge::Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope) })
        };
        for (values, expected) in [
            (&[][..], None),
            (&["Basic realm=\"r\""], Some(Challenge::Basic)),
            (&["basic"], Some(Challenge::Basic)),
            (&["Negotiate", "Basic"], Some(Challenge::Basic)),
            (
                &["Bearer realm=\"https://a/token\",service=\"r\",scope=\"repository:a:pull,push\""],
                bearer("https://a/token", Some("r"), Some("repository:a:pull,push")),
            ),
            (&["bearer realm=https://a, service = r"], bearer("https://a", Some("r"), None)),
            (&["Basic realm=\"r\"", "Bearer realm=\"x\""], bearer("x", None, None)),
            (&["Bearer realm=\"a\", realm=\"b\""], bearer("a", None, None)),
            (&["Bearer realm=\"a\\\"b"], bearer("a\"b", None, None)),
            (&["Bearer service=\"r\""], None),
            (&["Bearer"], None),
        ] {
            assert_eq!(Challenge::of(values.iter().copied()), expected, "{values:?}");
        }
        let long = format!("Bearer realm=\"{}\"", "a".repeat(10_000));
        assert_eq!(Challenge::of([long.as_str()]), None);
    }
}

//! The tables of trust in the file, `[trust."REPOSITORY"]`: which signatures the packs of some repositories need. What is wrong in
//! one is told with its line. What the words mean is `petrel_registry::trust`'s.

use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_registry::trust::{Policy, Rule};
use toml::de::{DeTable, DeValue};

use super::value::{Raw, Value};

/// The section that has these tables.
pub(super) const SECTION: &str = "trust";
/// The keys of a table.
const KEYS: [&str; 2] = ["policy", "keys"];
/// The policies, with their words.
const POLICIES: [(&str, Policy); 3] =
    [("deny", Policy::Deny), ("warn", Policy::Warn), ("first-use", Policy::FirstUse)];

fn policy(word: &str) -> Option<Policy> {
    POLICIES.into_iter().find(|(known, _)| *known == word).map(|(_, policy)| policy)
}

fn word(policy: Policy) -> &'static str {
    POLICIES.into_iter().find(|(_, known)| *known == policy).map_or("", |(word, _)| word)
}

impl Value for Policy {
    const EXPECTED: &'static str = "\"deny\", \"warn\" or \"first-use\"";

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Written(text) | Raw::Text(text) => policy(text),
            _ => None,
        }
    }

    fn write(&self) -> Raw {
        Raw::Text(word(*self).to_owned())
    }
}

/// Reads the table of some repositories: their pattern with the line, and its content.
pub(super) fn read(
    (pattern, at): (&str, usize),
    table: &DeTable<'_>,
    line: &dyn Fn(usize) -> usize,
) -> Result<Rule, Vec<(usize, String)>> {
    let name = format!("{SECTION}.{}", serde_json::Value::from(&*quoted(pattern)));
    let mut rule = Rule { pattern: pattern.to_owned(), policy: None, keys: Vec::new() };
    let mut problems = Vec::new();
    if pattern.is_empty() || pattern.contains("://") {
        let form = "write it as \"registry.example.com/packs/*\"";
        problems.push((at, format!("{name}: it is no repository; {form}")));
    }
    for (key, value) in table {
        let (key, at): (&str, _) = (key.get_ref(), line(key.span().start));
        let problem = match key {
            "policy" => {
                rule.policy = value.get_ref().as_str().and_then(policy);
                rule.policy.is_none().then(|| format!("policy must be {}", Policy::EXPECTED))
            }
            "keys" => {
                let files = match value.get_ref() {
                    DeValue::Array(items) => {
                        let files = items.iter().map(|item| item.get_ref().as_str().map(Into::into));
                        files.collect::<Option<Vec<_>>>()
                    }
                    _ => None,
                };
                let is_list = files.is_some();
                rule.keys = files.unwrap_or_default();
                (!is_list).then(|| "keys must be a list of files with public keys in PEM".to_owned())
            }
            other => {
                let near = nearest(other, KEYS);
                let known = || format!("there are {}", KEYS.join(", "));
                let hint = near.map_or_else(known, |near| format!("did you mean `{near}`?"));
                Some(format!("unknown key `{}`; {hint}", quoted(other)))
            }
        };
        problems.extend(problem.map(|problem| (at, format!("{name}: {problem}"))));
    }
    if problems.is_empty() { Ok(rule) } else { Err(problems) }
}

/// A table on one line.
pub(super) fn told(rule: &Rule) -> String {
    let policy = rule.policy.map(|policy| format!("policy = {}", word(policy)));
    let keys: Vec<_> = rule.keys.iter().map(|file| file.display().to_string()).collect();
    let keys = (!keys.is_empty()).then(|| format!("keys = {}", keys.join(" ")));
    policy.into_iter().chain(keys).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pattern: &str, text: &str) -> Result<Rule, Vec<(usize, String)>> {
        let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line = |offset: usize| ends.partition_point(|end| *end < offset) + 1;
        let parsed = DeTable::parse(text).unwrap();
        read((pattern, 1), parsed.get_ref(), &line)
    }

    #[test]
    fn a_table_is_read_with_its_keys() {
        let rule = table("r.example.com/*", "policy = \"warn\"\nkeys = [\"/a.pub\", \"/b.pub\"]\n").unwrap();
        assert_eq!((rule.pattern.as_str(), rule.policy), ("r.example.com/*", Some(Policy::Warn)));
        assert_eq!(told(&rule), "policy = warn, keys = /a.pub /b.pub");
        assert_eq!(told(&table("*", "keys = []").unwrap()), "");
        for (word, _) in POLICIES {
            let read = Policy::read(&Raw::Written(word.to_owned())).unwrap();
            assert_eq!(read.write(), Raw::Text(word.to_owned()));
        }
        assert_eq!(Policy::read(&Raw::Switch(true)), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (pattern, text, at, says) in [
            ("r.io/*", "policy = \"allow\"", 1, "policy must be \"deny\", \"warn\" or \"first-use\""),
            ("r.io/*", "\npolicy = 1", 2, "policy must be"),
            ("r.io/*", "\nkeys = \"a.pub\"", 2, "keys must be a list"),
            ("r.io/*", "keys = [1]", 1, "keys must be a list"),
            ("r.io/*", "key = []", 1, "did you mean `keys`?"),
            ("r.io/*", "colour = 1", 1, "there are policy, keys"),
            ("https://r.io/*", "policy = \"deny\"", 1, "it is no repository"),
        ] {
            let problems = table(pattern, text).unwrap_err();
            assert_eq!(problems[0].0, at, "{problems:?}");
            assert!(problems[0].1.contains(says) && problems[0].1.starts_with("trust.\""), "{problems:?}");
        }
    }
}

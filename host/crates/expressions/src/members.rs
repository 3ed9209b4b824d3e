//! The keys that templates read of an object which they see under a name, found in the text: `region` for
//! `config_context.region` and `config_context['region']`. A key that comes from an expression is known only when it is
//! evaluated.

use std::collections::BTreeSet;

use petrel_jinja::is_template;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::texts;
use serde_json::Value;

use crate::words::asks;

/// The name of a pack's configuration in templates.
const CONFIG: &str = "config_context";

/// Largest number of sentences on the keys that one value reads.
const MOST: usize = 20;

/// Largest number of keys that are compared with an unknown one.
const MOST_COMPARED: usize = 1_000;

/// A key that a text reads of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member<'a> {
    /// The key.
    pub key: &'a str,
    /// Whether the text provides for an object without it, as by `| default('')`.
    pub may_be_absent: bool,
}

/// The keys that `source` reads of the object `name`, in the order of the text.
pub fn members<'a>(source: &'a str, name: &str) -> impl Iterator<Item = Member<'a>> {
    source.match_indices(name).filter_map(move |(start, name)| {
        let before = source.get(..start)?;
        // A longer name, or the field of another object.
        if before.ends_with(|char: char| is_part(char) || char == '.') {
            return None;
        }
        let (key, behind) = first_key(source.get(start + name.len()..)?)?;
        Some(Member { key, may_be_absent: asks(behind) })
    })
}

/// The key with which the text behind the name of an object begins, and the text behind it. A method is none, nor is the
/// beginning of a name with a dash, which [`words`](crate::words) tells of.
fn first_key(rest: &str) -> Option<(&str, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let (key, behind) =
            rest.split_at_checked(rest.find(|char: char| !is_part(char)).unwrap_or(rest.len()))?;
        let is_dashed = behind.strip_prefix('-').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        let is_method = behind.trim_start().starts_with('(');
        return (!key.is_empty() && !is_dashed && !is_method).then_some((key, behind));
    }
    let inside = rest.trim_start().strip_prefix('[')?.trim_start();
    let quote = inside.chars().next().filter(|char| matches!(char, '\'' | '"'))?;
    let (key, behind) = inside.strip_prefix(quote)?.split_once(quote)?;
    let behind = behind.trim_start().strip_prefix(']')?;
    (!key.is_empty() && !key.contains('\\')).then_some((key, behind))
}

fn is_part(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The keys that the configuration of a pack may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigKeys {
    pack: String,
    keys: BTreeSet<String>,
}

impl ConfigKeys {
    /// The keys of the configuration of `pack`.
    pub fn new<'a>(pack: &str, keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self { pack: pack.to_owned(), keys: keys.into_iter().map(str::to_owned).collect() }
    }

    /// A sentence on each key that a template in `value` reads of the configuration although it is none of these, with
    /// the place of the template in the value. Keys that a template can do without are left out.
    pub fn strangers(&self, value: &Value) -> Vec<(String, String)> {
        let mut found = Vec::new();
        texts::each(value, "", &mut |place: &str, text: &str| {
            if !is_template(text) {
                return;
            }
            let read: BTreeSet<_> = members(text, CONFIG).filter(|member| !member.may_be_absent).collect();
            let strange = read.into_iter().filter(|member| !self.keys.contains(member.key));
            let room = MOST.saturating_sub(found.len());
            found.extend(strange.take(room).map(|member| (place.to_owned(), self.told(member.key))));
        });
        found
    }

    fn told(&self, key: &str) -> String {
        let known = self.keys.iter().map(String::as_str).take(MOST_COMPARED);
        let remedy = match nearest(key, known) {
            Some(near) => format!("did you mean {}?", quoted(near)),
            None => "check the name, or declare it in config.schema.yaml".to_owned(),
        };
        format!("the configuration of the pack {} has no key {}; {remedy}", self.pack, quoted(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_found_in_every_spelling() {
        for (text, expected) in [
            ("{{ c.a }} {{ c['b'] }} {{ c[ \"c d\" ] }} {{ c.e.f | upper }}", &["a", "b", "c d", "e"][..]),
            ("{{ c.a | default('x') }}{{ c['b']|d('x') }}{% if c.e is defined %}", &["a?", "b?", "e?"]),
            ("{{ c.get('a') }}{{ c.items() }}{{ c['a' ~ 'b'] }}{{ c[k] }}{{ c }}", &[]),
            ("{{ x.c.a }}{{ xc.a }}{{ cx.a }}{{ c.my-key }}", &[]),
            ("{{ c.a - 1 }}{{ c.b-1 }}", &["a", "b"]),
        ] {
            let told = members(text, "c")
                .map(|member| format!("{}{}", member.key, if member.may_be_absent { "?" } else { "" }));
            assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn keys_that_no_configuration_has_are_told_with_the_nearest() {
        let keys = ConfigKeys::new("p", ["region", "zone"]);
        for (value, expected) in [
            (json!("{{ config_context.region }}{{ config_context['zone'] }}"), &[][..]),
            (json!("config_context.regin"), &[]),
            (json!("{{ config_context.regin | default('') }}"), &[]),
            (
                json!({"a": ["{{ config_context.regin }}"]}),
                &[(".a[0]", "the configuration of the pack p has no key regin; did you mean region?")],
            ),
            (
                json!("{{ config_context['colour'] }}"),
                &[(
                    "",
                    "the configuration of the pack p has no key colour; check the name, or declare it in config.schema.yaml",
                )],
            ),
        ] {
            let found = keys.strangers(&value);
            let told: Vec<_> = found.iter().map(|(place, said)| (place.as_str(), said.as_str())).collect();
            assert_eq!(told, expected, "{value}");
        }
    }
}

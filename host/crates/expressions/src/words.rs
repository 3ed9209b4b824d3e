//! Words in templates that mean nothing where they stand: functions, filters and tests that do not exist, and names
//! that nothing gives. Such a template is well-formed, and fails when it is rendered.
//!
//! Rules, chains and defaults of actions are checked with this when they are written. What expressions of workflows
//! use is found by [`statement::slips`](fn@crate::statement::slips).

use std::collections::BTreeSet;

use petrel_jinja::{Template, is_template};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::texts;
use petrel_scope::DATASTORE;
use serde_json::Value;

use crate::dashes::{self, Dashed};
use crate::unscoped;

/// StackStorm's filter for encrypted keys of the datastore.
const DECRYPTION: &str = "decrypt_kv";

/// Largest number of names that a message lists.
const MOST_NAMES: usize = 12;

/// The names that the templates of one value see.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The names that are always there, such as `trigger`.
    pub fixed: &'a [&'a str],
    /// The names that the author chose, such as those of parameters.
    pub own: &'a BTreeSet<&'a str>,
    /// Whether there are no others. Otherwise, only what is nearly a fixed name is reported.
    pub is_whole: bool,
    /// Whether a template may ask for a name that is not there, as by `| default('')`.
    pub may_be_absent: bool,
}

/// A word that means nothing where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// The place of its template in the value, such as `.hosts[0]`. Empty for the value itself.
    pub place: String,
    /// Whether it is a name that nothing gives, rather than a function, a filter or a test.
    pub is_name: bool,
    /// The problem and its remedy. It quotes the word, and nothing else of the template.
    pub message: String,
}

/// The words in the templates of `value` that mean nothing, by template. Templates that cannot be parsed are left out.
pub fn strays(value: &Value, seen: Seen<'_>) -> Vec<Stray> {
    let mut found = Vec::new();
    texts::each(value, "", &mut |place: &str, text: &str| {
        if !is_template(text) {
            return;
        }
        let Ok(template) = Template::compile(text) else { return };
        let words = words(&template, seen).into_iter();
        found.extend(words.map(|(is_name, message)| Stray { place: place.to_owned(), is_name, message }));
    });
    found
}

/// A message for each word of one template that means nothing, and whether it is a name.
fn words(template: &Template, seen: Seen<'_>) -> Vec<(bool, String)> {
    let unknown = template.unknown();
    let is_told = |name: &str| {
        // A function that does not exist is a name, too.
        let word = format!("\"{}\"", quoted(name));
        unknown.iter().any(|message| message.contains(&word))
    };
    let is_seen = |name: &str| seen.fixed.contains(&name) || seen.own.contains(name);
    let mut dashed = dashes::in_template(template.source());
    // What is behind a dash may be a parameter that is subtracted; of `trigger` and its like hardly anybody subtracts.
    let is_name = |dashed: &Dashed| seen.is_whole || seen.fixed.contains(&dashed.root());
    dashed.retain(|dashed| is_name(dashed) && dashed.parts().any(|part| !is_seen(part)));
    let strange = template.names().filter(|name| {
        let is_asked = seen.may_be_absent && asks_for(template.source(), name);
        let is_dashed = dashed.iter().flat_map(Dashed::parts).any(|part| part == *name);
        !is_seen(name) && !is_asked && !is_dashed && !is_told(name)
    });
    let names: Vec<_> = strange.filter_map(|name| Some((true, unknown_name(name, seen)?))).collect();
    let dashed = dashed.iter().map(|dashed| (true, dashed.told_in_jinja()));
    let unscoped = if seen.fixed.contains(&DATASTORE) && template.names().any(|name| name == DATASTORE) {
        unscoped::in_template(template.source())
    } else {
        Vec::new()
    };
    let unscoped = unscoped.into_iter().map(|message| (true, message));
    let unknown = unknown.into_iter().map(|message| (false, message));
    unknown.chain(dashed).chain(unscoped).chain(names).collect()
}

/// A sentence on the first name with a dash in a template, of which `part` stands behind a dash if it is given: the
/// template subtracts there.
pub fn dashed(source: &str, part: Option<&str>) -> Option<String> {
    let dashed = dashes::in_template(source).into_iter();
    let mut meant = dashed.filter(|dashed| part.is_none_or(|part| dashed.parts().any(|one| one == part)));
    meant.next().map(|dashed| dashed.told_in_jinja())
}

/// A sentence on the first name with a blank in a template that cannot be parsed.
pub fn blank(source: &str) -> Option<String> {
    let mut found = None;
    dashes::each_expression(source, &mut |expression: &str| {
        if found.is_none() {
            found = dashes::with_blank(expression, false);
        }
    });
    found
}

/// Calls `look` with the inside of each expression and block of a template, with blanks in the place of its texts.
pub fn each_plain_expression(source: &str, look: &mut impl FnMut(&str)) {
    dashes::each_expression(source, &mut |expression: &str| look(&dashes::without_texts(expression)));
}

/// A sentence on each key of the datastore that a template reads without a scope, such as `st2kv.limit`.
pub fn unscoped(source: &str) -> Vec<String> {
    unscoped::in_template(source)
}

/// The message about a name that is not seen, unless it may be one all the same.
fn unknown_name(name: &str, seen: Seen<'_>) -> Option<String> {
    let fixed = seen.fixed.iter().copied();
    let own = seen.own.iter().copied().filter(|_| seen.is_whole);
    let near = nearest(name, fixed.clone().chain(own.clone()));
    let shown = quoted(name);
    if let Some(near) = near {
        return Some(format!("unknown name \"{shown}\"; did you mean \"{near}\"?"));
    }
    if !seen.is_whole {
        return None;
    }
    let listed: Vec<_> = fixed.chain(own).take(MOST_NAMES).map(quoted).collect();
    let more = (seen.fixed.len() + seen.own.len()).saturating_sub(listed.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("unknown name \"{shown}\"; known are {}{more}", listed.join(", ")))
}

/// Whether a template asks if there is a `name` at all, as by `name is defined` or `name | default('')`.
pub(crate) fn asks_for(source: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    source.match_indices(name).any(|(place, _)| {
        let before = source.get(..place).unwrap_or_default();
        let behind = source.get(place + name.len()..).unwrap_or_default();
        if before.ends_with(is_part) || behind.starts_with(is_part) {
            return false;
        }
        asks(behind)
    })
}

/// Whether the text `behind` a name provides for a value that is not there.
pub(crate) fn asks(behind: &str) -> bool {
    const TESTS: [&str; 4] = ["is defined", "is not defined", "is undefined", "is not undefined"];
    let behind = behind.trim_start();
    let filter = behind.strip_prefix('|').map(str::trim_start).unwrap_or_default();
    let is_default = ["default", "d("].iter().any(|start| filter.starts_with(start));
    is_default || TESTS.iter().any(|test| behind.starts_with(test))
}

/// Whether an expression in a template decrypts a key of the datastore, by the filter or by a call. A key, or a text, may
/// have the same name.
pub fn may_decrypt(source: &str) -> bool {
    let mut found = false;
    // Hardly a template does, and looking into expressions is not free.
    if source.contains(DECRYPTION) {
        dashes::each_expression(source, &mut |expression: &str| {
            found |= is_decrypting(&dashes::without_texts(expression));
        });
    }
    found
}

fn is_decrypting(expression: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    expression.match_indices(DECRYPTION).any(|(place, _)| {
        let before = expression.get(..place).unwrap_or_default();
        let behind = expression.get(place + DECRYPTION.len()..).unwrap_or_default();
        let is_filter = before.trim_end().ends_with('|');
        let is_call =
            behind.trim_start().starts_with('(') && !before.ends_with('.') && !before.ends_with(is_part);
        !behind.starts_with(is_part) && (is_filter || is_call)
    })
}

/// Whether a template handles a missing key of the datastore itself. It may rely on the fact that such a key reads as
/// empty text.
pub fn copes_with_absence(source: &str) -> bool {
    ["{%", "default", " or ", " if "].iter().any(|word| source.contains(word))
}

/// Whether a template has another value in the place of a missing key, which reads as empty text: `default` replaces that
/// only if its second argument says so, and one of empty text means it.
pub fn replaces_absence(source: &str) -> bool {
    let replaces = |behind: &str| match behind.trim_start().strip_prefix('(') {
        Some(args) => {
            let args = args.split(')').next().unwrap_or_default().trim();
            args.contains("true") || args.contains("True") || ["''", "\"\"", ""].contains(&args)
        }
        None => true,
    };
    copes_with_absence(source)
        && (["{%", " or ", " if "].iter().any(|word| source.contains(word))
            || source.split("default").skip(1).all(replaces))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIXED: [&str; 2] = ["trigger", "st2kv"];

    /// What is said of a text, in one line.
    fn said(text: &str, is_whole: bool, may_be_absent: bool) -> String {
        let own = BTreeSet::from(["host"]);
        let seen = Seen { fixed: &FIXED, own: &own, is_whole, may_be_absent };
        let messages: Vec<_> = strays(&json!(text), seen).into_iter().map(|stray| stray.message).collect();
        messages.join("; ")
    }

    #[test]
    fn words_that_nobody_has_are_told_with_the_nearest() {
        for (text, expected) in [
            ("{{ trigger.body.x | upper }} {{ host }} {{ st2kv.system.x }}", ""),
            ("{{ trigger.x | uper }}", "unknown filter \"uper\"; did you mean \"upper\"?"),
            ("{{ triger.body.x }}", "unknown name \"triger\"; did you mean \"trigger\"?"),
            ("{{ hst }}", "unknown name \"hst\"; did you mean \"host\"?"),
            ("{{ colour }}", "unknown name \"colour\"; known are trigger, st2kv, host"),
            (
                "{{ trigger.headers.X-Request-ID }}",
                "the dash in `trigger.headers.X-Request-ID` subtracts; a name with a dash is read by `trigger.headers['X-Request-ID']`",
            ),
            ("{{ trigger.body.n-host }}{{ trigger.headers['X-Y'] }} x.a-b", ""),
            ("{{ frobnicate(1) }}", "unknown function \"frobnicate\"; check its name"),
            ("{% for x in trigger.a %}{{ x }}{{ loop.index }}{% endfor %}", ""),
            ("{% set y = 1 %}{{ y }}", ""),
            (
                "{{ st2kv.limit }}",
                "`st2kv.limit` names no scope of the datastore; did you mean `st2kv.system.limit`? A key of a user is read by `st2kv.user.limit`",
            ),
            ("plain triger", ""),
            ("{{ bad ( }}", ""),
        ] {
            assert_eq!(said(text, true, false), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_there_is_left_in_peace() {
        for (text, is_whole, may_be_absent, is_told) in [
            ("{{ colour }}", false, false, false),
            // It is near a name that the author chose, and may be another one.
            ("{{ hosts }}", false, false, false),
            ("{{ triger }}", false, false, true),
            ("{{ colour | default('x') }}", true, true, false),
            ("{{ colour|d('x') }}", true, true, false),
            ("{% if colour is not defined %}x{% endif %}", true, true, false),
            ("{{ colour | default('x') }}", true, false, true),
            ("{{ colour.deep | default('x') }}", true, true, true),
        ] {
            let said = said(text, is_whole, may_be_absent);
            assert_eq!(!said.is_empty(), is_told, "{text}: {said}");
        }
    }

    #[test]
    fn a_dash_that_was_meant_as_a_part_of_a_name_is_told() {
        for (text, part, says) in [
            ("{{ trigger.body.my-key }}", Some("key"), Some("trigger.body['my-key']")),
            ("{{ trigger.body.my-key }}", None, Some("trigger.body['my-key']")),
            ("{{ trigger.body.my-key }}", Some("other"), None),
            ("{{ trigger.body.n - key }}", Some("key"), None),
        ] {
            let said = dashed(text, part);
            assert_eq!(said.is_some(), says.is_some(), "{text}: {said:?}");
            assert!(said.unwrap_or_default().contains(says.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn a_blank_that_was_meant_as_a_part_of_a_name_is_told() {
        let says = "a name with a blank is read by `trigger.body['my key']`";
        assert_eq!(blank("a.b c {{ trigger.body.x }} {{ trigger.body.my key }}").as_deref(), Some(says));
        assert_eq!(blank("a.b c {{ trigger.body.x }}"), None);
    }

    #[test]
    fn the_place_of_a_template_is_told() {
        let own = BTreeSet::new();
        let seen = Seen { fixed: &FIXED, own: &own, is_whole: true, may_be_absent: false };
        let found = strays(&json!({"a": [1, {"b": "{{ x | uper }}"}]}), seen);
        let places: Vec<_> = found.iter().map(|stray| stray.place.as_str()).collect();
        assert_eq!(places, [".a[1].b", ".a[1].b"]);
    }

    #[test]
    fn a_filter_that_decrypts_is_told_from_a_name() {
        for (text, expected) in [
            ("{{ st2kv.system.x | decrypt_kv }}", true),
            ("{{ st2kv.system.x |\n decrypt_kv | upper }}", true),
            ("{{ st2kv.system.x | default('') | decrypt_kv }}", true),
            ("{{ decrypt_kv(st2kv.system.x) }}", true),
            ("{{ st2kv.system.decrypt_kv_pin }}", false),
            ("{{ st2kv.system.decrypt_kv }}", false),
            ("{{ st2kv.system.x | decrypt_kvs }}{{ st2kv.system.decrypt_kv('a') }}", false),
            ("{{ '| decrypt_kv' }} | decrypt_kv", false),
            ("{% if st2kv.system.x %}{{ st2kv.system.x | decrypt_kv }}{% endif %}", true),
            ("{{ st2kv.system.y or st2kv.system.x | decrypt_kv }}", true),
        ] {
            assert_eq!(may_decrypt(text), expected, "{text}");
        }
    }

    #[test]
    fn a_default_replaces_an_empty_text_only_if_it_says_so() {
        for (text, replaces) in [
            ("{{ st2kv.system.x }}", false),
            ("{{ st2kv.system.x | default(5) }}", false),
            ("{{ st2kv.system.x | default('a') | int }}", false),
            ("{{ st2kv.system.x | default(5, true) }}", true),
            ("{{ st2kv.system.x | default(5, boolean=True) }}", true),
            ("{{ st2kv.system.x | default('') }}", true),
            ("{{ st2kv.system.x or 5 }}", true),
            ("{% if st2kv.system.x %}a{% endif %}", true),
        ] {
            assert_eq!(replaces_absence(text), replaces, "{text}");
        }
    }
}

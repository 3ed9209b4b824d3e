//! Keys of the datastore without a scope, such as `st2kv.limit`, or with one that does not exist: such a name is not
//! defined, and hardly anybody means that.

use std::sync::LazyLock;

use fancy_regex::Regex;
use petrel_model::quoted::quoted;
use petrel_scope::meant_with_scope;

use crate::dashes::{each_expression, is_in_quotes, without_texts};
use crate::words::asks;

/// Largest number of keys that are told of one template.
const MOST_TOLD: usize = 20;

/// Bytes of an expression that is looked at.
const LONGEST: usize = 10_000;

/// A path behind `st2kv` that begins with no scope. The last name before a parenthesis is a method.
static PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?<![\w.$])st2kv\.((?!(?:system|user)\b)[A-Za-z_]\w*(?:\.\w+)*)(?![\w(-])").ok()
});

/// A key in brackets in the place of the scope.
static BRACKETS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?<![\w.$])st2kv\[\s*(?:'([^'\\]+)'|"([^"\\]+)")\s*\]"#).ok());

/// A sentence on each key without a scope in the expressions and blocks of a template of Jinja, once each. Those that the
/// template can do without are left out.
pub(crate) fn in_template(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Most templates read no key, and the patterns are not free.
    let (true, Some(path), Some(brackets)) = (text.contains("st2kv"), PATH.as_ref(), BRACKETS.as_ref())
    else {
        return found;
    };
    each_expression(text, &mut |expression: &str| {
        if expression.len() > LONGEST {
            return;
        }
        let plain = without_texts(expression);
        let behind = |end: usize| expression.get(end..).unwrap_or_default();
        for captures in path.captures_iter(&plain).filter_map(Result::ok) {
            let Some(name) = captures.get(1).filter(|name| !asks(behind(name.end()))) else { continue };
            add(&mut found, &format!("st2kv.{}", quoted(name.as_str())), &meant_with_scope(name.as_str()));
        }
        for captures in brackets.captures_iter(expression).filter_map(Result::ok) {
            let (Some(whole), Some(name)) = (captures.get(0), captures.get(1).or_else(|| captures.get(2)))
            else {
                continue;
            };
            let is_meant = !is_in_quotes(&plain, whole.start());
            let is_scope = ["system", "user"].contains(&name.as_str());
            if is_meant && !is_scope && !asks(behind(whole.end())) {
                let meant = format!("did you mean `st2kv.system['{}']`?", quoted(name.as_str()));
                add(&mut found, &quoted(whole.as_str()), &meant);
            }
        }
    });
    found
}

fn add(found: &mut Vec<String>, written: &str, meant: &str) {
    let said = format!("`{written}` names no scope of the datastore; {meant}");
    if found.len() < MOST_TOLD && !found.contains(&said) {
        found.push(said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_a_scope_is_told_with_the_form_that_reads_it() {
        assert!(PATH.is_some() && BRACKETS.is_some());
        for (text, expected) in [
            (
                "{{ st2kv.system.limit }}{{ st2kv.user.x }}{{ st2kv['system'].x }}{{ st2kv.system['a'] }}",
                &[][..],
            ),
            (
                "{{ st2kv.limit }} {{ st2kv.limit | int }}",
                &["st2kv.limit st2kv.system.limit st2kv.user.limit"],
            ),
            ("{% if st2kv.systm.a.b %}x{% endif %}", &["st2kv.systm.a.b st2kv.system.a.b"]),
            ("{{ st2kv.limit.upper() }}", &["st2kv.limit st2kv.system.limit st2kv.user.limit"]),
            ("{{ st2kv['my key'] }}", &["st2kv['my key'] st2kv.system['my key']"]),
            ("{{ st2kv.limit | default(5) }}{{ st2kv['x'] is defined }}{{ st2kv.get('x') }}", &[]),
            ("{{ \"st2kv['my key']\" }}{{ 'st2kv[\"x\"]' ~ 'it\\'s st2kv.limit' }}", &[]),
            ("{{ 'st2kv.limit' }} st2kv.limit {{ x.st2kv.limit }} it's {{ st2kv.my-key }}", &[]),
        ] {
            let told = in_template(text).into_iter().map(|said| {
                let quotes: Vec<_> = said.split('`').skip(1).step_by(2).collect();
                quotes.join(" ")
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
        }
    }
}

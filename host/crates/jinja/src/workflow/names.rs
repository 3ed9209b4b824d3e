//! Unknown names in expressions and templates, and the known ones for suggestions.

use std::collections::BTreeSet;

use minijinja::{Environment, State, Value};
use petrel_scope::names::{Role, unknown};

use crate::guard::guarded;
use crate::rewrite::called;

/// The filters of templates, which the library knows and cannot list.
const FILTERS: &str = "abs attr basename batch bool capitalize center chain count d decrypt_kv default dictsort dirname e \
    escape filesizeformat first float forceescape format from_json_string from_yaml_string groupby \
    indent int items join json_dump json_escape json_parse jsonpath_query last length lines list lower \
    map max min pprint random regex_match regex_replace regex_search regex_substring reject rejectattr \
    replace reverse round safe select selectattr shell_quote slice sort split string striptags sum title \
    to_complex to_human_time_from_seconds to_json_string to_yaml_string tojson trim truncate unique \
    upper urlencode use_none version_bump_major version_bump_minor version_bump_patch version_compare \
    version_equal version_less_than version_match version_more_than version_strip_patch wordcount \
    wordwrap xmlattr yaml_dump yaml_parse zip";

/// The tests with names.
const TESTS: &str = "boolean callable defined divisibleby endingwith equalto escaped even false float greaterthan in \
    integer iterable lessthan lower mapping none number odd sameas sequence startingwith string true \
    undefined upper";

/// A sentence on each name in `text`, an expression or a whole template, that `environment` does not know; each only
/// once.
pub(crate) fn unknown_in(environment: &Environment<'_>, text: &str, is_template: bool) -> Vec<String> {
    let called = if is_template { called::in_template(text) } else { called::in_expression(text) };
    if called.is_empty() {
        return Vec::new();
    }
    let functions: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
    let mut state = environment.empty_state();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for (role, name) in called.into_iter().filter(|called| seen.insert(*called)) {
        let message = match role {
            Role::Function | Role::Method if functions.contains(name) => continue,
            Role::Function | Role::Method => {
                // The functions of the rewriting must not be suggested to anybody.
                let shown = functions.iter().copied().filter(|name| !name.starts_with("petrel__"));
                unknown(role, name, shown)
            }
            Role::Filter if has(&mut state, "filter", name) => continue,
            Role::Filter => unknown(role, name, FILTERS.split_whitespace()),
            Role::Test if has(&mut state, "test", name) => continue,
            Role::Test => unknown(role, name, TESTS.split_whitespace()),
        };
        found.push(message);
    }
    found
}

/// The names that `text`, an expression or a whole template, reads and that are neither functions nor in `there`, sorted.
/// A text that cannot be parsed reads none.
pub(super) fn strays_in(
    environment: &Environment<'_>,
    text: &str,
    is_template: bool,
    there: &[&str],
) -> Vec<String> {
    let read = guarded(|| {
        if is_template {
            environment.template_from_str(text).map(|template| template.undeclared_variables(false))
        } else {
            environment.compile_expression(text).map(|expression| expression.undeclared_variables(false))
        }
    });
    let called = if is_template { called::in_template(text) } else { called::in_expression(text) };
    let is_called = |name: &str| called.contains(&(Role::Function, name));
    let functions: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
    let names: BTreeSet<String> = read.unwrap_or_default().into_iter().collect();
    let is_there = |name: &str| functions.contains(name) || there.contains(&name) || is_called(name);
    names.into_iter().filter(|name| !is_there(name)).collect()
}

/// Whether the library has a filter or a test with this name. It has tests that ask for both.
fn has(state: &mut State<'_, '_>, what: &str, name: &str) -> bool {
    state.perform_test(what, &[Value::from(name)]).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::SHARED;

    #[test]
    fn all_names_that_may_be_told_are_there() {
        let mut state = SHARED.empty_state();
        let mut missing: Vec<_> =
            FILTERS.split_whitespace().filter(|name| !has(&mut state, "filter", name)).collect();
        missing.extend(TESTS.split_whitespace().filter(|name| !has(&mut state, "test", name)));
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_nobody_has_is_told_once_with_the_nearest() {
        for (text, expected) in [
            ("succeeded() and ctx().a | upper is defined", &[][..]),
            ("succeded() or succeded()", &["unknown function \"succeded\"; did you mean \"succeeded\"?"]),
            (
                "lipsum() ~ ctx('a') | urlize",
                &[
                    "the function \"lipsum\" of Jinja is not offered; it gives a text by chance; write the text itself",
                    "the filter \"urlize\" of Jinja is not offered; write the link itself, as in <a href=\"{{ URL | e }}\">",
                ],
            ),
            ("ctx('a') | uper", &["unknown filter \"uper\"; did you mean \"upper\"?"]),
            ("ctx('a') is defnied", &["unknown test \"defnied\"; did you mean \"defined\"?"]),
            ("ctx('a') is not frobnicated", &["unknown test \"frobnicated\"; check its name"]),
            ("st2kv('system.a', decrypt=true) | from_json_string", &[]),
            ("ctx('a').anything().upper() | map(attribute='x') | list", &[]),
        ] {
            assert_eq!(crate::workflow::unknown(text, false), expected, "{text}");
        }
        for (text, is_template, expected) in [
            ("ctx().a + result().b[task('c')]", false, &[][..]),
            ("hst ~ config_context.zone ~ __vars.a", false, &["hst"]),
            ("succeded() and (b or a)", false, &["a", "b"]),
            ("{% for x in ctx('xs') %}{{ x }}{{ y }}{% endfor %}", true, &["y"]),
            ("{% set z = 1 %}{{ z }}", true, &[]),
            ("broken (", false, &[]),
        ] {
            assert_eq!(crate::workflow::stray_names(text, is_template), expected, "{text}");
        }
        let template = "{% for x in range(3) %}{{ x | frobnicate }}{{ loop.index }}{% endfor %}";
        assert_eq!(unknown_in(&SHARED, template, true), ["unknown filter \"frobnicate\"; check its name"]);
    }
}

//! Calls of the functions that name a task or a key of the datastore, found in the text, as far as that name is written
//! out: `task('a')`, `st2kv('system.key')`. A name that comes from an expression is known only when it is evaluated.

use std::sync::{Arc, LazyLock};

use fancy_regex::Regex;

use super::lazy::Certain;
use super::terms::Language;
use crate::dashes::{is_in_quotes, without_texts};

/// The function of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// `task('name')`.
    Task,
    /// `task_status('name')`.
    TaskStatus,
    /// `st2kv('system.key')`.
    Key,
    /// `st2kv.system.key`, as in rules and parameters. In a workflow it fails, since `st2kv` is a function there.
    KeyPath,
}

/// A call whose first argument is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteralCall {
    /// The function.
    pub called: Called,
    /// The argument, without quotes. Of a [`Called::KeyPath`] the part behind `st2kv.`.
    pub argument: String,
    /// Whether the argument is in quotes.
    pub is_quoted: bool,
    /// Whether there is an argument `default`.
    pub has_default: bool,
    /// Whether an evaluation may pass it by, as far as its text tells: behind `or`, beside `if`, inside `switch()`.
    pub is_conditional: bool,
    /// The language of the expression.
    pub language: Language,
    /// The expression with its delimiters.
    pub expression: Arc<str>,
}

/// A call, with its argument in quotes or as a word, and what follows behind a comma.
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?<![.\w$])(task|task_status|st2kv)\(\s*(?:(?:task_id|taskId|key)\s*=>?\s*)?(?:'([^'\\]*)'|"([^"\\]*)"|(\w[\w.\-]*))\s*(?:\)|,([^()]*))"#,
    )
    .ok()
});

/// A key as rules and parameters read it. The last name before a parenthesis is a method.
static PATH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<![.\w$])st2kv\.([A-Za-z_][\w.\-]*(?<![.\-]))(?![\w(])").ok());

/// Bytes of an expression that is looked at. A longer one of YAQL is refused, and hardly anybody writes one of Jinja.
const LONGEST: usize = 64 * 1024;

/// Adds the calls in `text`.
pub(super) fn collect(text: &str, into: &mut Vec<LiteralCall>) {
    // A block may pass by anything.
    let has_block = text.contains("{%");
    for language in [Language::Jinja, Language::Yaql] {
        for part in language.parts(text) {
            // Most have neither, and the patterns are not free.
            if part.len() <= LONGEST && (part.contains("task") || part.contains("st2kv")) {
                in_part(part, language, has_block && language == Language::Jinja, into);
            }
        }
    }
}

/// Adds the calls in one expression; with `has_block` any may be passed by.
fn in_part(part: &str, language: Language, has_block: bool, into: &mut Vec<LiteralCall>) {
    let (Some(call), Some(path)) = (CALL.as_ref(), PATH.as_ref()) else { return };
    // Texts in quotes are blank, and have their length.
    let plain = without_texts(part);
    let certain = Certain::of(language, &plain);
    let is_conditional = |start: usize, end: usize| has_block || !certain.has(start, end);
    // Shared, since an expression may have thousands of calls.
    let expression: Arc<str> = part.into();
    for found in call.captures_iter(part).filter_map(Result::ok) {
        let group = |number: usize| found.get(number).map(|group| group.as_str());
        let quoted = group(2).or_else(|| group(3));
        let (Some(whole), Some(argument)) = (found.get(0), quoted.or_else(|| group(4))) else { continue };
        if is_in_quotes(&plain, whole.start()) {
            continue;
        }
        into.push(LiteralCall {
            called: match group(1) {
                Some("task") => Called::Task,
                Some("task_status") => Called::TaskStatus,
                _ => Called::Key,
            },
            argument: argument.to_owned(),
            is_quoted: quoted.is_some(),
            has_default: group(5).is_some_and(|others| others.contains("default")),
            is_conditional: is_conditional(whole.start(), whole.end()),
            language,
            expression: Arc::clone(&expression),
        });
    }
    for found in path.captures_iter(&plain).filter_map(Result::ok) {
        let Some(argument) = found.get(1) else { continue };
        into.push(LiteralCall {
            called: Called::KeyPath,
            argument: argument.as_str().to_owned(),
            is_quoted: false,
            has_default: false,
            is_conditional: is_conditional(argument.start(), argument.end()),
            language,
            expression: Arc::clone(&expression),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_passed_by_is_told_from_what_is_always_read() {
        for (text, expected) in [
            ("{{ st2kv('system.a') }}{{ st2kv('system.a') | int + 1 }}", &[false, false][..]),
            ("{{ st2kv('system.a') or 1 }}<% st2kv('system.a') or 1 %>", &[false, false]),
            ("{{ ctx().y or st2kv('system.a') }}<% ctx().y and st2kv('system.a') %>", &[true, true]),
            (
                "{{ st2kv('system.a') if ctx().y else 1 }}{{ 1 if ctx().y else st2kv.system.a }}",
                &[true, true],
            ),
            ("<% switch(ctx().y => st2kv('system.a'), true => 1) %>", &[true]),
            ("<% coalesce(ctx().y, task('a')) %><% str(task('a')) %>", &[true, false]),
            ("{% if ctx().y %}{{ st2kv('system.a') }}{% endif %}", &[true]),
            ("{{ 'and if ' ~ st2kv('system.a') ~ ' if ' }}", &[false]),
            ("{{ 'it\\'s and ' ~ st2kv('system.a') }}", &[false]),
            ("{{ st2kv('system.a', default=1 if x else 2) }}", &[false]),
            ("<% ctx(x)?.get(task('a')) %><% task('a')?.result %>", &[true, false]),
            ("<% dict(x => task('a')) %><% let(task('a')) %><% assert(task('a')) %>", &[true, true, true]),
            (
                "<% ctx(xs).orderByDescending(task('a')) %><% ctx(xs).lastIndexWhere(task('a')) %>",
                &[true, true],
            ),
            ("<% st2kv('system.a', decrypt => true) + st2kv('system.b') %>", &[false, false]),
        ] {
            let mut found = Vec::new();
            collect(text, &mut found);
            let told: Vec<_> = found.iter().map(|call| call.is_conditional).collect();
            assert_eq!(told, expected, "{text}");
        }
    }

    #[test]
    fn names_that_are_written_out_are_found() {
        assert!(CALL.is_some() && PATH.is_some());
        for (text, expected) in [
            ("<% task('a').result + task(b).status %>", &["Task a", "Task b?"][..]),
            ("{{ task(task_id=\"a\", route=0) }} {{ task_status('b') }}", &["Task a", "TaskStatus b"]),
            (
                "<% st2kv('system.a.b-c') %><% st2kv(system.x, decrypt => true) %>",
                &["Key system.a.b-c", "Key system.x?"],
            ),
            ("{{ st2kv('system.a', default='x') }}", &["Key system.a or else"]),
            ("{{ st2kv.system.a.b }}{{ st2kv.user.c | upper }}", &["KeyPath system.a.b?", "KeyPath user.c?"]),
            (
                "{{ st2kv.limit }}{{ st2kv.system.a.upper() }}{{ st2kv.get('x') }}",
                &["KeyPath limit?", "KeyPath system.a?"],
            ),
            ("<% task(ctx(name)) + st2kv('system.' + ctx(x)) + task() %>", &[]),
            ("<% my_task('a') + ctx().task(b) + $.task('a') %> task('x')", &[]),
            ("{{ ctx('u') ~ '/st2kv.html' }}{{ \"st2kv('system.a')\" ~ ' task(b)' }}", &[]),
        ] {
            let mut found = Vec::new();
            collect(text, &mut found);
            let told = found.iter().map(|call| {
                let LiteralCall { called, argument, is_quoted, has_default, .. } = call;
                let (mark, end) =
                    (if *is_quoted { "" } else { "?" }, if *has_default { " or else" } else { "" });
                format!("{called:?} {argument}{mark}{end}")
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn many_calls_share_their_expression_and_one_that_is_too_long_is_left_out() {
        let of = |calls: usize| format!("<%{}%>", " task(a)".repeat(calls));
        let mut found = Vec::new();
        collect(&of(LONGEST / 8 - 1), &mut found);
        assert_eq!(found.len(), LONGEST / 8 - 1);
        assert!(found.iter().all(|call| Arc::ptr_eq(&call.expression, &found[0].expression)));
        collect(&of(LONGEST / 8 + 1), &mut found);
        assert_eq!(found.len(), LONGEST / 8 - 1);
    }
}

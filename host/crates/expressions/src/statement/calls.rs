//! Calls of the functions that name a task or a key of the datastore, found in the text, as far as that name is written
//! out: `task('a')`, `st2kv('system.key')`. A name that comes from an expression is known only when it is evaluated.

use std::sync::{Arc, LazyLock};

use fancy_regex::Regex;

use super::terms::Language;

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

/// A key as rules and parameters read it.
static PATH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<![.\w$])st2kv\.((?:system|user)\.[\w.\-]*\w)").ok());

/// Adds the calls in `text`.
pub(super) fn collect(text: &str, into: &mut Vec<LiteralCall>) {
    // Most texts have neither, and the patterns are not free.
    if !text.contains("task") && !text.contains("st2kv") {
        return;
    }
    let (Some(call), Some(path)) = (CALL.as_ref(), PATH.as_ref()) else { return };
    for language in [Language::Jinja, Language::Yaql] {
        for part in language.parts(text) {
            for found in call.captures_iter(part).filter_map(Result::ok) {
                let group = |number: usize| found.get(number).map(|group| group.as_str());
                let quoted = group(2).or_else(|| group(3));
                let Some(argument) = quoted.or_else(|| group(4)) else { continue };
                into.push(LiteralCall {
                    called: match group(1) {
                        Some("task") => Called::Task,
                        Some("task_status") => Called::TaskStatus,
                        _ => Called::Key,
                    },
                    argument: argument.to_owned(),
                    is_quoted: quoted.is_some(),
                    has_default: group(5).is_some_and(|others| others.contains("default")),
                    language,
                    expression: part.into(),
                });
            }
            for found in path.captures_iter(part).filter_map(Result::ok) {
                let Some(argument) = found.get(1) else { continue };
                into.push(LiteralCall {
                    called: Called::KeyPath,
                    argument: argument.as_str().to_owned(),
                    is_quoted: false,
                    has_default: false,
                    language,
                    expression: part.into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("<% task(ctx(name)) + st2kv('system.' + ctx(x)) + task() %>", &[]),
            ("<% my_task('a') + ctx().task(b) + $.task('a') %> task('x')", &[]),
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
}

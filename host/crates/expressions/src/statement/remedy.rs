//! The remedy of an expression that could not be evaluated, by its error and what it sees: the name that is likely meant.
//! The error itself is in Orquesta's words, which have none.

use std::sync::LazyLock;

use fancy_regex::Regex;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_scope::WorkflowScope;
use petrel_scope::workflow::shared_key;
use serde_json::Value;

use crate::dashes;

/// Bytes of an error that is looked at.
const LONGEST: usize = 4_000;

/// Largest number of names that are compared with an unknown one.
const MOST_COMPARED: usize = 200;

/// A word as the argument of a function that takes the name of something.
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?<![\w.])(ctx|item|st2kv|task|task_status)\(\s*([A-Za-z_]\w*)(?:\.[\w.]*\w)?\s*[,)]").ok()
});

/// A key of the result.
static RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<![\w.])result\(\)\.(\w+)(?![\w(])").ok());

/// A variable, read as a key.
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<![\w.])ctx\(\)\.(\w+)(?![\w(])").ok());

/// A variable in the words of either language about one that does not exist.
static MISSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?:The variable "(\w+)" is undefined|Unable to resolve key '(\w+)'|(?<!\w)'(\w+)' is undefined)"#,
    )
    .ok()
});

/// A path in the words of Jinja about one that does not exist.
static UNDEFINED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"`([^`]+)` (?:\(the key is [^`]*\) )?is not defined").ok());

/// A key of the datastore as rules and parameters read it.
static KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?<![\w.$])st2kv\.([A-Za-z_][\w.\-]*(?<![.\-]))(?![\w(])").ok());

/// A sentence on what is likely meant by the expression in `error`, which could not be evaluated in `scope`; `None` if
/// nothing is near.
pub fn remedy(error: &str, scope: &WorkflowScope) -> Option<String> {
    if error.len() > LONGEST {
        return None;
    }
    let expression = expression(error);
    // What is in quotes is a text, whatever it looks like.
    let plain = dashes::without_texts(expression);
    of_key(error, &plain)
        .or_else(|| of_dash(error, expression))
        .or_else(|| of_word(error, &plain))
        .or_else(|| of_result(&plain, scope))
        .or_else(|| of_variable(error, &plain, scope))
}

/// The expression that an error quotes, or all of the error.
fn expression(error: &str) -> &str {
    let between = |open: &str, close: &str| {
        let (_, inside) = error.split_once(open)?;
        inside.split_once(close).map(|(inside, _)| inside)
    };
    let unresolved = || error.split_once("unresolved variables: ").map(|(_, names)| names);
    between("{{", "}}").or_else(|| between("<%", "%>")).or_else(unresolved).unwrap_or(error)
}

fn first<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str) -> Option<fancy_regex::Captures<'t, str>> {
    pattern.as_ref()?.captures(text).ok().flatten()
}

fn of_dash(error: &str, expression: &str) -> Option<String> {
    let dashed = dashes::in_expression(expression).into_iter().next()?;
    let told = if error.contains("<%") { dashed.told_in_yaql() } else { dashed.told_in_jinja() };
    Some(format!("{}.", capital(&told)))
}

fn of_key(error: &str, expression: &str) -> Option<String> {
    let path = first(&KEY, expression)?.get(1)?.as_str();
    if !is_about(error, path) {
        return None;
    }
    let has_scope = ["system.", "user."].iter().any(|scope| path.starts_with(scope));
    let meant = if has_scope { path.to_owned() } else { shared_key(path) };
    Some(format!("`st2kv` is a function in a workflow; write `st2kv('{}')`.", quoted(&meant)))
}

/// Whether what `error` says is missing belongs to the key behind `st2kv.path`, or it does not say what.
fn is_about(error: &str, path: &str) -> bool {
    let said = first(&MISSING, error).or_else(|| first(&UNDEFINED, error));
    let missing = said.and_then(|said| (1..=3).find_map(|group| said.get(group)));
    missing.map(|missing| missing.as_str()).is_none_or(|missing| {
        missing.starts_with("st2kv") || path.split(['.', '-']).any(|part| part == missing)
    })
}

/// In Jinja a word is a name, and the names of workflows are texts.
fn of_word(error: &str, expression: &str) -> Option<String> {
    let call = first(&WORD, expression)?;
    let (called, name) = (call.get(1)?.as_str(), call.get(2)?.as_str());
    if !error.contains(&format!("'{name}' is undefined")) {
        return None;
    }
    let whole = call.get(0)?.as_str();
    let argument = whole.split_once('(')?.1.trim_end_matches([',', ')']).trim();
    Some(format!("A name is a text; write `{called}('{}')`.", quoted(argument)))
}

/// The keys of the result are not listed, since those of a part that is secret tell of it.
fn of_result(expression: &str, scope: &WorkflowScope) -> Option<String> {
    let name = first(&RESULT, expression)?.get(1)?.as_str();
    let result = scope.task.as_ref()?.result.as_object()?;
    if result.contains_key(name) {
        return None;
    }
    let names = result.keys().map(String::as_str).take(MOST_COMPARED);
    if let Some(near) = nearest(name, names) {
        return Some(format!("Did you mean `result().{}`?", quoted(near)));
    }
    // The output of an action that returns a value is below `result`.
    if let Some(Value::Object(inner)) = result.get("result")
        && inner.contains_key(name)
    {
        return Some(format!("Did you mean `result().result.{}`?", quoted(name)));
    }
    None
}

fn of_variable(error: &str, expression: &str, scope: &WorkflowScope) -> Option<String> {
    let is_there = |name: &str| scope.variables.get(name).is_some();
    let read = first(&VARIABLE, expression).and_then(|read| read.get(1)).map(|name| name.as_str());
    let missing = first(&MISSING, error)
        .and_then(|said| (1..=3).find_map(|group| said.get(group)))
        .map(|name| name.as_str());
    if let Some(name) = missing.filter(|name| is_there(name) && !error.contains("<%")) {
        return Some(format!("A variable is read by `ctx('{}')`.", quoted(name)));
    }
    let name = missing.or(read).filter(|name| !is_there(name))?;
    let names = scope.variables.iter().map(|(name, _)| &**name).filter(|name| !name.starts_with("__"));
    let near = nearest(name, names.take(MOST_COMPARED))?;
    Some(format!("Did you mean `ctx('{}')`?", quoted(near)))
}

/// `text` with a capital letter at its beginning.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_scope::Variables;
    use petrel_scope::workflow::CurrentTask;
    use serde_json::json;

    use super::super::Statement;
    use super::*;

    #[test]
    fn the_name_that_is_likely_meant_is_told() {
        for pattern in [&WORD, &RESULT, &VARIABLE, &MISSING, &UNDEFINED, &KEY] {
            assert!(pattern.is_some());
        }
        let mut variables = Variables::new();
        variables.insert("host", Arc::new(json!("h")));
        let result = Arc::new(json!({"stdout": "x", "return_code": 0, "result": {"id": 1}}));
        let task = Some(CurrentTask { id: "a".into(), route: 0, result });
        let scope = WorkflowScope { variables, task, ..WorkflowScope::default() };
        for (text, says) in [
            ("{{ result().stdot }}", "Did you mean `result().stdout`?"),
            ("{{ result().id }}", "Did you mean `result().result.id`?"),
            ("{{ result().colour }}", ""),
            ("{{ ctx('hst') ~ '/st2kv.html' }}", "Did you mean `ctx('host')`?"),
            ("{{ ctx('hst') ~ 'result().stdot' }}", "Did you mean `ctx('host')`?"),
            ("{{ ctx('hst') ~ st2kv.limit }}", "Did you mean `ctx('host')`?"),
            (
                "{{ st2kv.system.limit }}",
                "`st2kv` is a function in a workflow; write `st2kv('system.limit')`.",
            ),
            ("{{ task(b).result }}", "A name is a text; write `task('b')`."),
            ("{{ st2kv(system.x) }}", "A name is a text; write `st2kv('system.x')`."),
            ("{{ st2kv.limit }}", "`st2kv` is a function in a workflow; write `st2kv('system.limit')`."),
            ("{{ st2kv.my-key }}", "`st2kv` is a function in a workflow; write `st2kv('system.my-key')`."),
            ("{{ ctx().hst }}", "Did you mean `ctx('host')`?"),
            ("{{ ctx('hst') }}", "Did you mean `ctx('host')`?"),
            ("<% ctx(hst) %>", "Did you mean `ctx('host')`?"),
            ("{{ host ~ 'x' }}", "A variable is read by `ctx('host')`."),
            (
                "{{ ctx().my-key }}",
                "The dash in `ctx().my-key` subtracts; a name with a dash is read by `ctx('my-key')`.",
            ),
            ("{{ ctx('colour') }}", ""),
            ("{{ 1 / 0 }}", ""),
        ] {
            let error = Statement::compile(json!(text)).evaluate(&scope).unwrap_err().to_string();
            assert_eq!(remedy(&error, &scope).unwrap_or_default(), says, "{error}");
        }
    }
}

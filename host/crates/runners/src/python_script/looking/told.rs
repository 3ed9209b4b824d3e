//! The wording of the findings in the files of Python actions. [`super`] has them found.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::Action;
use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::{quoted, told};
use serde_json::Value;

use crate::Remark;

/// Remarks on `actions`, from the findings in the file of each.
pub(super) fn remarks(
    actions: &[Action],
    seen: &[Value],
    of_runner: &Parameters,
    interpreter: &str,
) -> Vec<Remark> {
    let looked = || actions.iter().zip(seen);
    let mut remarks: Vec<_> =
        looked().flat_map(|(action, seen)| on_action(action, seen, of_runner)).collect();
    remarks.extend(on_modules(looked(), interpreter));
    remarks
}

/// Remarks on one action.
fn on_action(action: &Action, seen: &Value, of_runner: &Parameters) -> Vec<Remark> {
    let remark =
        |message: String, is_fatal: bool| Remark { action: action.reference.clone(), message, is_fatal };
    if let Some(reason) = text(seen, "broken") {
        let place = match (number(seen, "line"), number(seen, "column")) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: "),
            (Some(line), None) => format!("line {line}: "),
            (None, _) => String::new(),
        };
        let message = format!("{place}Python cannot compile it ({}); correct the file", told(reason));
        return vec![remark(message, true)];
    }
    if let Some(reason) = text(seen, "skipped") {
        let message = format!("actions/{} was not checked: {}", action.entry_point, told(reason));
        return vec![remark(message, false)];
    }
    if let Some(without) = seen.get("without").filter(|without| without.is_object()) {
        return vec![remark(without_run(without), true)];
    }
    let place = format!("actions/{}:{}", action.entry_point, number(seen, "line").unwrap_or(1));
    let begin = |name: &str, verb: &str| format!("{place}: run() {verb} {}", quoted(name));
    let unknown = texts(seen, "unknown").map(|name| {
        let begin = begin(name, "does not take");
        format!(
            "{begin}, which the action `{}` declares, so a run that gives it fails; add it to run()",
            action.reference
        )
    });
    let needed = texts(seen, "needed").map(|name| {
        let begin = begin(name, "needs");
        if of_runner.contains_key(name) {
            return format!("{begin}, which is for the runner and is not passed on; give it a default");
        }
        format!(
            "{begin}, which the action `{}` does not declare, so every run fails; declare it, or give it a default",
            action.reference
        )
    });
    let baseless = seen.get("baseless").and_then(|found| without_base(&action.entry_point, found));
    unknown.chain(needed).chain(baseless).map(|message| remark(message, false)).collect()
}

/// The note on a class that is derived from a name that its file does not know.
fn without_base(entry_point: &str, found: &Value) -> Option<String> {
    let (class, base, near) = (text(found, "class")?, text(found, "base")?, text(found, "near")?);
    Some(format!(
        "actions/{entry_point}:{}: the class {} is derived from {}, which nothing in the file defines, so every run fails; did \
         you mean {}?",
        number(found, "line").unwrap_or(1),
        quoted(class),
        quoted(base),
        quoted(near)
    ))
}

/// The problem of a file in which no class is an action with a method `run`.
fn without_run(without: &Value) -> String {
    let Some(class) = text(without, "class") else {
        return "it has no class with a method run, so every run fails; derive one from Action of \
                st2common.runners.base_action"
            .to_owned();
    };
    let line = number(without, "line").unwrap_or(1);
    if without.get("is_bare").and_then(Value::as_bool).unwrap_or_default() {
        return format!(
            "line {line}: the class {0} is not derived from Action of st2common.runners.base_action, so it takes no \
             configuration and every run fails; import that, and write class {0}(Action)",
            quoted(class)
        );
    }
    let remedy = match nearest("run", texts(without, "methods")) {
        Some(near) => format!("did you mean {}? Call it run", quoted(near)),
        None => "add run(self), with the parameters of the action".to_owned(),
    };
    format!("line {line}: the class {} has no method run, so every run fails; {remedy}", quoted(class))
}

/// Remarks on imported modules that do not exist: one for each module, however many files import it.
fn on_modules<'a>(looked: impl Iterator<Item = (&'a Action, &'a Value)>, interpreter: &str) -> Vec<Remark> {
    // By module, remedy and near name.
    let mut strangers: BTreeMap<(&str, bool, &str), Importers<'_>> = BTreeMap::new();
    for (action, seen) in looked {
        for stranger in seen.get("strangers").and_then(Value::as_array).into_iter().flatten() {
            let (Some(module), Some(file)) = (text(stranger, "module"), text(stranger, "file")) else {
                continue;
            };
            let (line, near) = (number(stranger, "line").unwrap_or(1), text(stranger, "near"));
            let has_moved = stranger.get("moved").and_then(Value::as_bool).unwrap_or_default();
            let place = || format!("{}:{line}", quoted(file));
            let first = || Importers { action, place: place(), files: BTreeSet::new() };
            let key = (module, has_moved, near.unwrap_or_default());
            strangers.entry(key).or_insert_with(first).files.insert(file);
        }
    }
    let told = strangers.into_iter().map(|((module, has_moved, near), importers)| {
        let Importers { action, place, files } = importers;
        let verb = match files.len().saturating_sub(1) {
            0 => "imports".to_owned(),
            1 => "and 1 more file import".to_owned(),
            more => format!("and {more} more files import"),
        };
        let remedy = match near {
            "" => "correct the name, or install what brings it, and list that in requirements.txt".to_owned(),
            near if has_moved => format!("Python 3 has it in {}", quoted(near)),
            near => format!("did you mean {}?", quoted(near)),
        };
        let message = format!(
            "{place} {verb} {}, which is neither in the pack nor installed for {}, so a run that comes to it fails; {remedy}",
            quoted(module),
            quoted(interpreter)
        );
        Remark { action: action.reference.clone(), message, is_fatal: false }
    });
    told.collect()
}

/// What imports a module that does not exist.
struct Importers<'a> {
    /// The first action that does.
    action: &'a Action,
    /// The file and the line where it does.
    place: String,
    /// All files that do.
    files: BTreeSet<&'a str>,
}

fn number(seen: &Value, name: &str) -> Option<u64> {
    seen.get(name).and_then(Value::as_u64)
}

fn text<'a>(seen: &'a Value, name: &str) -> Option<&'a str> {
    seen.get(name).and_then(Value::as_str)
}

fn texts<'a>(seen: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    seen.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

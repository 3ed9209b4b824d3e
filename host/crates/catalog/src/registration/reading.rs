//! The reading of a pack that is registered or only checked, with the same findings for both.
//!
//! Problems of one action (its metadata, its workflow, its component) go to [`PackContents::refused`], and to the
//! notes in the words with which the action is refused when somebody runs it. [`super::flows`] checks workflows,
//! [`super::schemas`] parameters, [`super::rule_files`] rules.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use petrel_engine_core::apart;
use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::count::counted;
use petrel_model::{Action, Pack, Ref, names};
use petrel_packs::{Directory, PackContents, Problem, read_pack};
use petrel_runners::NotPrepared;

use super::flows::{Around, check_workflows};
use super::rule_files::check_rules;
use super::schemas::check_schemas;
use crate::content::{Content, Runners, refusal, without_runner};

/// The number of problems of one action that are reported when it is run.
const MOST_REASONS: usize = 10;
const LONGEST_REASON: usize = 4_000;

/// Checks the pack in a directory, as a host would on registering it whose catalog is `content`
/// ([`Content::of_packs`]). The contents of other packs are unknown, so calls of their actions are not checked.
///
/// # Errors
/// The problems that keep it from being registered, all of them, with file, line and column.
pub async fn look_at(directory: &Path, content: Content) -> Result<PackContents, Vec<Problem>> {
    let contents = look_around(directory, Around::alone(Arc::new(content)), false).await?;
    let Some((message, hint)) = own_name(&contents.pack) else { return Ok(contents) };
    let message = format!("{message}; {hint}");
    let mut problems = vec![Problem { file: "pack.yaml".to_owned(), position: None, message }];
    problems.extend(contents.refused.into_values().flatten());
    problems.extend(contents.refused_rules.into_values().flatten());
    Err(problems)
}

/// As [`look_at`], with the knowledge `around`, after what the pack needs was made if it is `equipped`. The names of the
/// host's own packs are not refused here.
pub(super) async fn look_around(
    directory: &Path,
    around: Around,
    equipped: bool,
) -> Result<PackContents, Vec<Problem>> {
    let content = Arc::clone(around.content());
    let runners = content.runners();
    let mut contents = files(directory, around).await?;
    if equipped && own_name(&contents.pack).is_none() {
        equip(directory, &mut contents, runners).await?;
    }
    let missing = contents.actions.iter().filter(|action| !runners.contains_key(&action.runner_type));
    let missing: Vec<_> = missing
        .map(|action| {
            let (message, hint) = without_runner(action, runners);
            format!("{message}; {hint}")
        })
        .collect();
    contents.notes.extend(missing);
    ask_runners(directory, &mut contents, runners).await;
    Ok(contents)
}

/// The part of the check that needs only files.
pub(super) async fn files(directory: &Path, around: Around) -> Result<PackContents, Vec<Problem>> {
    let path = directory.to_path_buf();
    let read = apart::wait_for(move || -> Result<PackContents, Vec<Problem>> {
        let opened = Directory::open(&path).map_err(|error| {
            let message =
                format!("the directory cannot be read ({error}); give the one that holds pack.yaml");
            vec![Problem { file: path.display().to_string(), position: None, message }]
        })?;
        let mut contents = read_pack(&opened)?;
        let failing = check_workflows(&opened, &mut contents, &around);
        check_schemas(&mut contents, around.content().runners());
        check_rules(&mut contents, &around);
        // Last, so that the other checks look at these actions too.
        for (name, problem) in failing {
            contents.refused.entry(name).or_default().push(problem);
        }
        Ok(contents)
    });
    read.await.unwrap_or_else(|gone| {
        let message = format!("the pack could not be read ({gone}); see the log of the host");
        Err(vec![Problem { file: "pack.yaml".to_owned(), position: None, message }])
    })
}

/// The message and the remedy for a pack with the name of one of the host's own.
pub(super) fn own_name(pack: &Pack) -> Option<(String, &'static str)> {
    let name = &pack.reference;
    names::is_own_pack(name).then(|| {
        let message = format!("the pack `{name}` came with petrel, or will, and cannot be replaced");
        (message, "give your pack another ref in its pack.yaml, and write it in what calls its actions")
    })
}

/// Has the runners make what the actions and sensors of a pack need beside its files.
async fn equip(directory: &Path, contents: &mut PackContents, runners: &Runners) -> Result<(), Vec<Problem>> {
    let has_sensors = !contents.sensors.is_empty() || !contents.sensors_left_out.is_empty();
    for (name, runs) in runners {
        let Some(runner) = runs.runner() else { continue };
        if !has_sensors && !contents.actions.iter().any(|action| action.runner_type == *name) {
            continue;
        }
        match runner.equip(&contents.pack, directory).await {
            Ok(notes) => contents.notes.extend(notes),
            Err(NotPrepared { reason, hint }) => {
                let message = format!("{reason}; {hint}");
                return Err(vec![Problem { file: "requirements.txt".to_owned(), position: None, message }]);
            }
        }
    }
    Ok(())
}

/// Has the runners check the actions that they are to run.
async fn ask_runners(directory: &Path, contents: &mut PackContents, runners: &Runners) {
    for (name, runs) in runners {
        let Some(runner) = runs.runner() else { continue };
        let is_theirs = |action: &&Action| {
            action.runner_type == *name && !contents.refused.contains_key(action.reference.name())
        };
        let actions: Vec<Action> = contents.actions.iter().filter(is_theirs).cloned().collect();
        if actions.is_empty() {
            continue;
        }
        for remark in runner.look_at(directory, &actions).await {
            if !remark.is_fatal {
                contents.notes.push(remark.message);
                continue;
            }
            let action = actions.iter().find(|action| action.reference == remark.action);
            let file = action.map(entry_file).unwrap_or_default();
            let problem = Problem { file, position: None, message: remark.message };
            contents.refused.entry(remark.action.name().to_owned()).or_default().push(problem);
        }
    }
}

/// The file that an action runs, relative to its pack.
fn entry_file(action: &Action) -> String {
    if action.runner_type == COMPONENT_RUNNER {
        return action.entry_point.clone();
    }
    format!("actions/{}", action.entry_point)
}

/// Notes the actions and rules of a pack that are refused, there and in the notes.
pub(super) fn note_refused(
    pack: &mut Pack,
    actions: BTreeMap<String, Vec<Problem>>,
    rules: BTreeMap<String, Vec<Problem>>,
    notes: &mut Vec<String>,
) {
    for (name, problems) in actions {
        let why = reason(&problems);
        notes.push(refusal(&Ref::new(&pack.reference, &name), &reasons(&problems)));
        pack.refused.insert(name, why);
    }
    for (name, problems) in rules {
        let why = reason(&problems);
        let reasons = reasons(&problems);
        notes.push(format!("rule `{}.{name}` is refused: {reasons}", pack.reference));
        pack.refused_rules.insert(name, why);
    }
}

/// The reason why an action or a rule is refused, in one line.
pub(super) fn reason(problems: &[Problem]) -> String {
    told(problems, "; ")
}

/// The reasons for the person who registers the pack: each problem on a line of its own if there are several.
pub(super) fn reasons(problems: &[Problem]) -> String {
    if problems.len() < 2 { reason(problems) } else { format!("\n  {}", told(problems, "\n  ")) }
}

fn told(problems: &[Problem], between: &str) -> String {
    let mut text = String::new();
    let mut count = 0;
    for problem in problems.iter().take(MOST_REASONS) {
        let problem = problem.to_string();
        if count > 0 && text.len() + problem.len() > LONGEST_REASON {
            break;
        }
        if count > 0 {
            text.push_str(between);
        }
        text.push_str(beginning(&problem));
        count += 1;
    }
    match problems.len().saturating_sub(count) {
        0 => text,
        more => format!("{text}{between}and {}", counted(more, "more problem")),
    }
}

/// The beginning of a problem, which may quote an expression of any length.
fn beginning(problem: &str) -> &str {
    let end = problem.char_indices().map(|(place, _)| place).nth(LONGEST_REASON);
    end.and_then(|end| problem.get(..end)).unwrap_or(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_an_end() {
        let problem = |message: &str| Problem {
            file: "actions/a.yaml".into(),
            position: None,
            message: message.to_owned(),
        };
        assert_eq!(reason(&[problem("one"), problem("two")]), "actions/a.yaml: one; actions/a.yaml: two");
        let many = reason(&vec![problem("x"); 25]);
        assert!(many.ends_with("; and 15 more problems"), "{many}");
        assert_eq!(reasons(&[problem("one")]), "actions/a.yaml: one");
        let lines = reasons(&[problem("one"), problem("two")]);
        assert_eq!(lines, "\n  actions/a.yaml: one\n  actions/a.yaml: two");
        let long = reason(&vec![problem(&"x".repeat(3_000)); 3]);
        assert!(long.ends_with("; and 2 more problems") && long.len() < 4_000, "{long}");
        assert!(reason(&[problem(&"é".repeat(100_000))]).len() < 9_000);
    }
}

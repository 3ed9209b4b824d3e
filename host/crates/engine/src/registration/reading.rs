//! Reads a pack that is to be registered, or that is only looked at: both hear the same of it.
//!
//! What is wrong with one action (its metadata, its workflow, its component) goes to [`PackContents::refused`], and to the
//! notes in the words with which that action is refused when somebody runs it.

use std::path::Path;

use petrel_model::Action;
use petrel_packs::limits::{LARGEST_WORKFLOW, MOST_PROBLEMS_OF_PACK};
use petrel_packs::{Directory, PackContents, Problem, Source, read_pack};

use crate::content::{Runners, without_runner};
use crate::workflows;

/// How many problems of one action are told when it is run, and characters of them.
const MOST_REASONS: usize = 10;
const LONGEST_REASON: usize = 4_000;

/// Looks at the pack in a directory, as a host with these runners does when it registers it.
///
/// # Errors
/// What keeps it from being registered: every problem, with file, line and column.
pub async fn look_at(directory: &Path, runners: &Runners) -> Result<PackContents, Vec<Problem>> {
    let mut contents = files(directory).await?;
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

/// The same as far as the files alone tell it.
pub(super) async fn files(directory: &Path) -> Result<PackContents, Vec<Problem>> {
    let path = directory.to_path_buf();
    let read = tokio::task::spawn_blocking(move || -> Result<PackContents, Vec<Problem>> {
        let opened = Directory::open(&path).map_err(|error| {
            let message =
                format!("the directory cannot be read ({error}); give the one that holds pack.yaml");
            vec![Problem { file: path.display().to_string(), position: None, message }]
        })?;
        let mut contents = read_pack(&opened)?;
        check_workflows(&opened, &mut contents);
        Ok(contents)
    });
    read.await.unwrap_or_else(|gone| {
        let message = format!("it could not be read ({gone}); see the log of the host");
        Err(vec![Problem { file: "pack.yaml".to_owned(), position: None, message }])
    })
}

/// Refuses the actions whose workflow is wrong.
fn check_workflows(pack: &dyn Source, contents: &mut PackContents) {
    let mut left = MOST_PROBLEMS_OF_PACK;
    for action in &contents.actions {
        let name = action.reference.name();
        // Of one that is refused already its file may be missing.
        if !workflows::is_workflow(&action.runner_type) || contents.refused.contains_key(name) {
            continue;
        }
        let mut problems = workflow_problems(pack, action);
        if !problems.is_empty() {
            // The first is told of each, however many there are.
            problems.truncate(left.max(1));
            left = left.saturating_sub(problems.len());
            contents.refused.insert(name.to_owned(), problems);
        }
    }
}

/// What is wrong with the workflow of an action, as other problems of a pack are said.
fn workflow_problems(pack: &dyn Source, action: &Action) -> Vec<Problem> {
    let file = format!("actions/{}", action.entry_point);
    let source = match pack.read(&file, LARGEST_WORKFLOW) {
        Ok(source) => source,
        Err(error) => {
            let message = format!("the workflow cannot be read ({error}); check the file");
            return vec![Problem { file, position: None, message }];
        }
    };
    let Err(invalid) = workflows::check(&action.runner_type, &source) else { return Vec::new() };
    let problem = |found: workflows::Found| Problem {
        file: file.clone(),
        position: found.position,
        message: found.without_position(),
    };
    invalid.0.into_iter().map(problem).collect()
}

/// Has the runners look at what they are to run.
async fn ask_runners(directory: &Path, contents: &mut PackContents, runners: &Runners) {
    for (name, runner) in runners {
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
            let file = action.map(|action| action.entry_point.clone()).unwrap_or_default();
            let problem = Problem { file, position: None, message: remark.message };
            contents.refused.entry(remark.action.name().to_owned()).or_default().push(problem);
        }
    }
}

/// Why an action is refused, in a line.
pub(super) fn reason(problems: &[Problem]) -> String {
    let mut text = String::new();
    let mut told = 0;
    for problem in problems.iter().take(MOST_REASONS) {
        let problem = problem.to_string();
        if told > 0 && text.len() + problem.len() > LONGEST_REASON {
            break;
        }
        if told > 0 {
            text.push_str("; ");
        }
        text.push_str(beginning(&problem));
        told += 1;
    }
    match problems.len().saturating_sub(told) {
        0 => text,
        more => format!("{text}; and {more} more problems"),
    }
}

/// As much of a problem as is told: it may quote an expression of any length.
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
        let long = reason(&vec![problem(&"x".repeat(3_000)); 3]);
        assert!(long.ends_with("; and 2 more problems") && long.len() < 4_000, "{long}");
        assert!(reason(&[problem(&"é".repeat(100_000))]).len() < 9_000);
    }
}

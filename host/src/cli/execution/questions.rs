//! The questions that keep an execution from its end. Whoever waits for the execution is told of each once, since nothing
//! happens until somebody answers.

use std::collections::BTreeSet;

use petrel_api_types::Execution;
use petrel_api_types::execution::Standing;
use petrel_model::{ExecutionId, Status};

use super::task_tree::inside;
use crate::cli::session::Session;
use crate::print;

/// The questions of which it was told.
#[derive(Debug, Default)]
pub(in crate::cli) struct Questions {
    told: BTreeSet<String>,
}

impl Questions {
    /// Notes the questions that `standing`, or an execution inside it, now waits for.
    pub(in crate::cli) async fn tell(&mut self, session: &Session, standing: &Standing<'_>) {
        let open = match standing.status {
            Status::Pending => vec![standing.id.to_string()],
            // A workflow rests while a task of it asks.
            Status::Pausing | Status::Paused => {
                let Ok(id) = standing.id.parse::<ExecutionId>() else { return };
                // The wait goes on all the same if the tasks cannot be read.
                pending(&inside(session, id).await.unwrap_or_default())
            }
            _ => return,
        };
        self.news(&standing.id, open).iter().for_each(|note| print::note(note));
    }

    /// A note on each of the questions `open` in the execution `id` of which nothing was told yet.
    fn news(&mut self, id: &str, open: Vec<String>) -> Vec<String> {
        let new: Vec<_> = open.into_iter().filter(|question| !self.told.contains(question)).collect();
        self.told.extend(new.iter().cloned());
        let note =
            |question: &String| format!("{id} waits for an answer: `petrel inquiry respond {question}`");
        new.iter().map(note).collect()
    }
}

/// The ids of the executions that wait for an answer.
fn pending(executions: &[Execution<'_>]) -> Vec<String> {
    let asking = executions.iter().filter(|execution| execution.status == Status::Pending);
    asking.map(|execution| execution.id.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::{ID, execution};
    use super::*;

    #[test]
    fn each_question_is_told_once() {
        let mut questions = Questions::default();
        for (statuses, told) in [
            (&["running", "succeeded"][..], 0),
            (&["succeeded", "pending"], 1),
            (&["succeeded", "pending", "running"], 0),
        ] {
            let inside: Vec<_> = statuses.iter().map(|status| execution(json!({"status": status}))).collect();
            let notes = questions.news("1", pending(&inside));
            assert_eq!(notes.len(), told, "{statuses:?}");
            let note = format!("1 waits for an answer: `petrel inquiry respond {ID}`");
            assert!(notes.iter().all(|told| *told == note), "{notes:?}");
        }
    }
}

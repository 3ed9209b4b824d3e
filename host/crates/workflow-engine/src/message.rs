//! Messages to workflows, and their answers.

use petrel_engine_core::Error;
use petrel_executions::Report;
use petrel_model::{Execution, ExecutionId};
use petrel_workflows::Status;
use tokio::sync::oneshot;

use super::refusal::Refusal;

/// A message to a workflow.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// An execution of a task reports its status.
    Report(Box<Report>),
    /// Several executions report, all or none.
    Reports(Vec<Report>),
    /// Somebody asks for a status, but for its end.
    Request(Status),
    /// This user cancels it.
    Cancel(String),
    /// The timeout of the workflow has passed.
    Expire,
    /// The workflow is made to fail for this reason, and everything inside it ends.
    Fail(String),
}

/// The answer to a message: the workflow's execution in its new state, which is durable.
pub(super) type Answer = Result<Execution, Refusal>;

/// A message with the way back to its sender.
pub(super) struct Envelope {
    pub(super) message: Message,
    /// Receives the answer once the message is durable.
    pub(super) reply: oneshot::Sender<Answer>,
}

impl Envelope {
    /// Answers the sender, if it still waits. Reports to a workflow that is gone are handed back in the
    /// refusal.
    pub(super) fn answer(self, answer: Answer) {
        let answer = answer.map_err(|refusal| match refusal {
            Refusal::Gone { workflow, .. } => Refusal::Gone { workflow, reports: self.message.reports() },
            refusal => refusal,
        });
        // The sender may have stopped waiting.
        drop(self.reply.send(answer));
    }
}

impl Message {
    fn reports(self) -> Vec<Report> {
        match self {
            Self::Report(report) => vec![*report],
            Self::Reports(reports) => reports,
            Self::Request(_) | Self::Cancel(_) | Self::Expire | Self::Fail(_) => Vec::new(),
        }
    }
}

/// The error for a lost message, which is a mistake in this crate.
pub(super) fn dropped(id: ExecutionId) -> Refusal {
    Refusal::Failed(Error::Internal(format!("a message to the workflow {id} was lost")))
}

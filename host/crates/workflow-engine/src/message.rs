//! What happens to a workflow, and the way of it to its mailbox.

use petrel_engine_core::Error;
use petrel_executions::Report;
use petrel_model::{Execution, ExecutionId};
use petrel_workflows::Status;
use tokio::sync::oneshot;

use super::refusal::Refusal;

/// What happens to a workflow.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// An execution that a task has asked for tells where it stands.
    Report(Box<Report>),
    /// Several of them do, all or none.
    Reports(Vec<Report>),
    /// Somebody asks for a status, but for its end.
    Request(Status),
    /// This user cancels it.
    Cancel(String),
    /// It has taken longer than it may.
    Expire,
    /// It is made to fail, for this reason, and all that is inside it ends.
    Fail(String),
}

/// What comes of a message: the workflow's execution as it is then, durably.
pub(super) type Answer = Result<Execution, Refusal>;

/// A message on its way.
pub(super) struct Envelope {
    pub(super) message: Message,
    /// Who waits for it to be durable.
    pub(super) reply: oneshot::Sender<Answer>,
}

impl Envelope {
    /// Answers who waits for it, if he still does. Of a workflow that is gone the reports are handed back.
    pub(super) fn answer(self, answer: Answer) {
        let answer = answer.map_err(|refusal| match refusal {
            Refusal::Gone { workflow, .. } => Refusal::Gone { workflow, reports: self.message.reports() },
            refusal => refusal,
        });
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

/// That a message got lost, which is a mistake.
pub(super) fn dropped(id: ExecutionId) -> Refusal {
    Refusal::Failed(Error::Internal(format!("what happened to the workflow {id} was dropped")))
}

//! The delivery of messages to workflows, in order and one workflow at a time. Messages that come while a
//! commit is under way are applied together by the next one: a hundred tasks that end at once cost a few
//! commits.

use std::pin::Pin;

use petrel_engine_core::Error;
use petrel_executions::Report;
use petrel_model::ExecutionId;
use tokio::sync::oneshot;

use super::live::Live;
use super::message::{Answer, Envelope, Message, dropped};
use super::service::WorkflowEngine;
use super::step;

impl WorkflowEngine {
    /// Delivers `message` to the workflow `id`. Its consequences are durable when this returns.
    ///
    /// # Errors
    /// The obstacle. Nothing has happened then.
    pub(super) async fn deliver(&self, id: ExecutionId, message: Message) -> Answer {
        let (reply, mut answer) = oneshot::channel();
        let mut envelope = Some(Envelope { message, reply });
        loop {
            let workflow = self.workflows().get(id);
            // Posted before the wait, so that the next holder of the workflow takes this message along.
            workflow.post(envelope.take());
            let mut live = workflow.hold().await;
            if workflow.is_gone() {
                // The instance was forgotten while we waited. Messages that nobody has taken are ours to pass
                // on.
                let left = workflow.collect();
                drop(live);
                if !left.is_empty() {
                    self.workflows().get(id).post(left);
                }
            } else {
                workflow.begin_work(self.core(), &mut live).await?;
                let batch = workflow.collect();
                if !batch.is_empty() {
                    step::process(self, id, &mut live, batch).await;
                }
                workflow.end_work();
                if let Some(live) = live.as_ref() {
                    self.follow(live);
                }
                // Nothing more is expected of it, so it need not stay in memory.
                if live.as_ref().is_none_or(Live::is_idle) && workflow.is_empty() {
                    self.workflows().forget(id, &workflow);
                    *live = None;
                } else {
                    self.workflows().used(&workflow, live.as_ref());
                }
                // Released first, so that this workflow can be dropped as well.
                drop(live);
                self.make_room();
            }
            // Another sender may have applied the message. Without an answer it still is in a mailbox.
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => return Err(dropped(id)),
            }
        }
    }

    /// Reports a workflow to the one above it. Each level runs as a task of its own, because workflows may be
    /// nested deeper than the stack allows.
    pub(super) fn deliver_up(&self, report: Report) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let (engine, above) = (self.clone(), report.parent.execution);
        let delivery = self.core().spawn("report to a workflow", async move {
            engine.deliver(above, Message::Report(Box::new(report))).await
        });
        Box::pin(async move { delivery.await.unwrap_or_else(|gone| Err(Error::from(gone).into())) })
    }

    /// Drops idle workflows when all of them together take more memory than the setting allows.
    pub(super) fn make_room(&self) {
        self.workflows().make_room(self.options().waiting_memory);
    }
}

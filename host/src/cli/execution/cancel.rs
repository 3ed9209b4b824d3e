//! `petrel execution cancel`: executions by their ids, or many at once. The host cancels many in steps, which are asked for
//! here one after the other.

use petrel_api_types::CanceledMany;
use petrel_api_types::cancellation::{CanceledOne, NotCanceled};
use petrel_api_types::execution::Standing;
use petrel_model::Object;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::each::each;
use crate::cli::moment::moment;
use crate::cli::session::{Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form, counted};

/// Cancel executions, by their ids or all that match the filters
#[derive(Debug, clap::Args)]
// A group, so that the parser's error names all of them.
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["ids", "status", "action", "rule", "user", "older"]))]
pub(crate) struct Cancel {
    /// The ids of the executions, or `last`
    #[arg(
        value_name = "ID",
        conflicts_with_all = ["status", "action", "rule", "user", "older", "all", "dry_run"]
    )]
    ids: Vec<String>,
    /// Cancel executions with this status: requested, delayed, scheduled, running, pausing, paused, pending or resuming
    #[arg(long)]
    status: Option<String>,
    /// Cancel executions of this action, as pack.name
    #[arg(long)]
    action: Option<String>,
    /// Cancel executions that this rule requested, as pack.name
    #[arg(long)]
    rule: Option<String>,
    /// Cancel executions on behalf of this user
    #[arg(long)]
    user: Option<String>,
    /// Cancel executions requested before this time: 1h for an hour ago, or 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME")]
    older: Option<String>,
    /// Cancel executions inside workflows too, by themselves
    #[arg(long)]
    all: bool,
    /// Cancel nothing, and only say what would be canceled
    #[arg(long)]
    dry_run: bool,
}

impl Cancel {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        if self.ids.is_empty() {
            return self.many(session).await;
        }
        let cancel = async |id: &str| {
            let path = format!("/executions/{}", path_segment(id));
            session.client.execution(Method::DELETE, &path, None).await
        };
        each(session.form, &self.ids, cancel, tell_status).await
    }

    /// Cancels all that match, step by step.
    async fn many(&self, session: &Session) -> Result<Code, Failure> {
        let mut body = self.body()?;
        let mut done = Done::default();
        loop {
            let asked = Value::Object(body.clone());
            let answer = session.client.send_json(Method::POST, "/executions/cancel", &asked).await?;
            let step: CanceledMany<'static> = read(&answer)?;
            if session.form == Form::Text {
                step.canceled.iter().for_each(|one| print::line(&line(one)));
                step.failed.iter().for_each(|one| print::failure(Form::Text, &failure(one)));
            }
            let next = step.next;
            done.add(step);
            let Some(next) = next else { break };
            body.insert("before".into(), next.to_string().into());
        }
        match session.form {
            Form::Json => print::json(&done.as_json(self.dry_run)),
            Form::Text => print::note(&done.told(self.dry_run)),
        }
        Ok(if done.failed.is_empty() { Code::Ok } else { Code::Failed })
    }

    /// The request for the first step.
    fn body(&self) -> Result<Object, Failure> {
        let mut body = Object::new();
        let older = self.older.as_deref().map(moment).transpose()?;
        let asked = [
            ("status", &self.status),
            ("action", &self.action),
            ("rule", &self.rule),
            ("user", &self.user),
            ("timestamp_lt", &older),
        ];
        for (name, value) in asked {
            if let Some(value) = value {
                body.insert(name.into(), value.as_str().into());
            }
        }
        body.insert("inside_workflows".into(), self.all.into());
        body.insert("dry_run".into(), self.dry_run.into());
        Ok(body)
    }
}

/// The outcome of all steps.
#[derive(Debug, Default)]
struct Done {
    canceled: Vec<CanceledOne<'static>>,
    failed: Vec<NotCanceled<'static>>,
}

impl Done {
    fn add(&mut self, step: CanceledMany<'static>) {
        self.canceled.extend(step.canceled);
        self.failed.extend(step.failed);
    }

    /// One document for programs, in the form of a step.
    fn as_json(&self, is_trial: bool) -> Value {
        json!({"canceled": self.canceled, "failed": self.failed, "dry_run": is_trial})
    }

    fn told(&self, is_trial: bool) -> String {
        let count = counted(self.canceled.len(), "execution");
        let failed = match self.failed.len() {
            0 => String::new(),
            failed => format!("; {} could not be canceled", counted(failed, "execution")),
        };
        if is_trial {
            format!("{count} would be canceled; leave out --dry-run to cancel them")
        } else {
            format!("{count} canceled, or canceling until the action has ended{failed}")
        }
    }
}

/// Prints the status of an execution in an answer.
pub(super) fn tell_status(_: &str, answer: &Value) -> Result<(), Failure> {
    let Standing { id, status, .. } = read(answer)?;
    print::note(&format!("{id}: {status}"));
    Ok(())
}

fn line(one: &CanceledOne<'_>) -> String {
    print::plain(&format!("{}  {}  {}", one.id, one.action, one.status)).into_owned()
}

fn failure(one: &NotCanceled<'_>) -> Failure {
    Failure::new(Code::Failed, "not_canceled", format!("{}: {}", one.id, one.faultstring), one.hint.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_are_counted_together() {
        const ID: &str = "65a000000000000000000001";
        let step = |canceled: usize, failed: usize| -> CanceledMany<'static> {
            let one = json!({"id": ID, "action": "core.noop", "status": "canceled"});
            let not = json!({"id": ID, "faultstring": "why", "hint": "do this"});
            serde_json::from_value(json!({"canceled": vec![one; canceled], "failed": vec![not; failed]}))
                .unwrap()
        };
        let mut done = Done::default();
        done.add(step(2, 0));
        assert_eq!(done.told(true), "2 executions would be canceled; leave out --dry-run to cancel them");
        done.add(step(1, 1));
        let told = done.told(false);
        assert!(
            told.starts_with("3 executions canceled") && told.ends_with("1 execution could not be canceled")
        );
        assert_eq!(done.as_json(false)["canceled"].as_array().map(Vec::len), Some(3));
        assert_eq!(line(&done.canceled[0]), format!("{ID}  core.noop  canceled"));
    }
}

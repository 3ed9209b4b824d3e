//! `petrel run`: runs an action, waits for it, prints what came of it, and ends as it did. On a terminal it says meanwhile
//! how it goes, and who breaks off is told how to find it again.

use std::time::{Duration, Instant};

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, path_segment};
use crate::client::Waiting;
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Form};
use crate::signals;

/// How long the host is asked to wait for the end the first time: what takes longer is said to run.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// How long it is asked to wait after that.
const LONG_LOOK: Duration = Duration::from_secs(20);

/// Run an action and wait for it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petrel run core.local cmd='uname -a'
  petrel run core.local -- uname -a
  petrel run core.local cmd='sleep 100' timeout=5
  petrel run github.decide_push payload=@push.json branches:='[\"main\"]'
  petrel run --async core.local cmd='make nightly'

Parameters are NAME=VALUE, read by the type that the action declares; NAME:=JSON; NAME=@FILE (NAME='\\@TEXT' for a text that begins so).
^C stops waiting, and the action goes on.")]
pub(crate) struct Run {
    /// The action, as pack.name
    #[arg(value_name = "ACTION")]
    action: String,

    /// Parameters; words without `=` are put together as the parameter cmd
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// Print the id at once and do not wait
    #[arg(long = "async", short = 'a')]
    is_async: bool,

    /// How many seconds to wait at most
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl Run {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let action = path_segment(&self.action);
        let schemas = session.client.get(&format!("/actions/views/parameters/{action}")).await?;
        let given = parameters::parse(&self.parameters, schemas.get("parameters").unwrap_or(&Value::Null))?;
        let body = json!({"action": self.action, "parameters": given});
        let execution = session.client.execution(Method::POST, "/executions", Some(&body)).await?;
        if self.is_async {
            match session.form {
                Form::Json => print::json(&execution),
                Form::Text => print::line(id(&execution)),
            }
            return Ok(Code::Ok);
        }
        let id = id(&execution).to_owned();
        print::progress(&format!("{} is {} as {id}; ^C stops waiting", self.action, status(&execution)));
        let execution = until_interrupted(&id, self.wait(session, &id, execution)).await?;
        super::execution::show_whole(session, &execution).await?;
        Ok(outcome(&execution))
    }

    async fn wait(&self, session: &Session, id: &str, mut execution: Value) -> Result<Value, Failure> {
        let (started, mut waiting, mut longest) = (Instant::now(), Waiting::default(), FIRST_LOOK);
        while !is_final(&execution) {
            let left =
                self.wait.map(|seconds| Duration::from_secs(seconds).saturating_sub(started.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let step = left.unwrap_or(Duration::MAX).min(longest).as_secs_f64();
            longest = LONG_LOOK;
            let query = format!("wait={step}");
            if let Some(news) = waiting.ask(session.client.state_of(id, &query)).await? {
                if status(&news) != status(&execution) && !is_final(&news) {
                    print::progress(&format!("{id} is {}", status(&news)));
                }
                execution = news;
            }
        }
        Ok(execution)
    }
}

/// What `waiting` for the execution `id` gives.
///
/// # Errors
/// Those of `waiting`, or that it was broken off by ^C: then how the execution is found again.
pub(super) async fn until_interrupted<T>(
    id: &str,
    waiting: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = waiting => done,
        () = signals::interrupted() => Err(Failure::new(
            Code::Interrupted,
            "interrupted",
            format!("nobody waits any more for the execution {id}, which goes on"),
            format!("`petrel execution get {id}` shows it, `petrel execution cancel {id}` ends it"),
        )),
    }
}

fn id(execution: &Value) -> &str {
    execution.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn status(execution: &Value) -> &str {
    execution.get("status").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn is_final(execution: &Value) -> bool {
    status(execution).parse::<petrel_model::Status>().is_ok_and(petrel_model::Status::is_final)
}

/// The exit code mirrors the run.
pub(super) fn outcome(execution: &Value) -> Code {
    match status(execution) {
        "succeeded" => Code::Ok,
        "canceled" => Code::Canceled,
        _ if is_final(execution) => Code::Failed,
        _ => Code::TimedOut,
    }
}

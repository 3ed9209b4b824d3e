//! `petrel run`: runs an action, waits for it, prints its result, and exits with its code. On a terminal it shows
//! progress; after ^C it says how to find the execution again.

use std::time::{Duration, Instant};

use clap::Args;
use petrel_api_types::action::ActionParameters;
use petrel_api_types::execution::Standing;
use petrel_model::Status;
use reqwest::Method;
use serde_json::{Value, json};

use super::execution::Questions;
use super::moment::seconds;
use super::session::{Session, path_segment};
use crate::client::{Waiting, read};
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Form};
use crate::signals;

mod swallowed;

/// The first time for which the host is asked to wait. After it the execution is reported as running.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Each further time for which the host is asked to wait.
const LONG_LOOK: Duration = Duration::from_secs(20);

/// Run an action and wait for it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  petrel run core.local cmd='uname -a'
  petrel run core.local -- uname -a
  petrel run core.local cmd='sleep 100' timeout=5
  petrel run github.decide_push payload=@push.json branches:='[\"main\"]'
  petrel run --async core.local cmd='make nightly'
  petrel run --notify ops core.local cmd='make nightly'

Words without = are a command, for actions that take one; write -- before a command with flags of its own.
Parameters are NAME=VALUE, read by the type that the action declares; NAME:=JSON; NAME=@FILE (NAME='\\@TEXT' for a text that begins so).
`petrel action get ACTION` shows the parameters that an action takes. ^C stops waiting, and the action goes on.")]
pub(crate) struct Run {
    /// The action, as pack.name
    #[arg(value_name = "ACTION")]
    action: String,

    /// Parameters; words without `=` are joined to the parameter cmd, with `--` before them if they have flags
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,

    /// Print the id at once, without waiting
    #[arg(long = "async", short = 'a')]
    is_async: bool,

    /// Have the rules be told of the end that listen to core.st2.generic.notifytrigger, by this route
    #[arg(long, value_name = "ROUTE")]
    notify: Vec<String>,

    /// The greatest number of seconds to wait, or a time such as 10m
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<u64>,

    /// A tag for the trace of all that comes of it, by which `petrel trace get TAG` finds it
    #[arg(long, alias = "trace_tag", value_name = "TAG")]
    trace_tag: Option<String>,

    /// The trace that it belongs to: its id, or that of an event or execution in it
    #[arg(long, alias = "trace_id", value_name = "ID", conflicts_with = "trace_tag")]
    trace_id: Option<String>,
}

impl Run {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        // The words as they were typed: the parser has taken the flags out.
        let line: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        swallowed::refuse(&line, &self.action, &self.parameters)?;
        let action = path_segment(&self.action);
        let path = format!("/actions/views/parameters/{action}");
        let takes: ActionParameters<'static> = read(&session.client.get(&path).await?)?;
        let given = parameters::parse(&self.parameters, Some(&takes.parameters))?;
        let mut body = json!({"action": self.action, "parameters": given});
        if let (false, Some(body)) = (self.notify.is_empty(), body.as_object_mut()) {
            body.insert("notify".to_owned(), json!({"on-complete": {"routes": self.notify}}));
        }
        if let (Some(trace), Some(body)) = (self.trace(), body.as_object_mut()) {
            body.insert("context".into(), json!({"trace_context": trace}));
        }
        let execution = session.client.execution(Method::POST, "/executions", Some(&body)).await?;
        let begun: Standing<'static> = read(&execution)?;
        if self.is_async {
            match session.form {
                Form::Json => print::json(&execution),
                Form::Text => print::line(&begun.id),
            }
            return Ok(Code::Ok);
        }
        let id: &str = &begun.id;
        let status = begun.status;
        print::progress(&format!("{} is {status} as {id}; ^C stops waiting", self.action));
        let (execution, status) = until_interrupted(id, self.wait(session, id, (execution, status))).await?;
        super::execution::show_whole(session, &execution).await?;
        Ok(outcome(status))
    }

    /// The trace, as StackStorm's client names it.
    fn trace(&self) -> Option<Value> {
        let tag = self.trace_tag.as_ref().map(|tag| json!({"trace_tag": tag}));
        tag.or_else(|| self.trace_id.as_ref().map(|id| json!({"id_": id})))
    }

    /// The execution once it has ended or the time is up, with its status.
    async fn wait(
        &self,
        session: &Session,
        id: &str,
        begun: (Value, Status),
    ) -> Result<(Value, Status), Failure> {
        let (mut execution, mut status) = begun;
        let (started, mut waiting, mut longest) = (Instant::now(), Waiting::default(), FIRST_LOOK);
        let mut questions = Questions::default();
        while !status.is_final() {
            let left =
                self.wait.map(|seconds| Duration::from_secs(seconds).saturating_sub(started.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            let step = left.unwrap_or(Duration::MAX).min(longest).as_secs_f64();
            longest = LONG_LOOK;
            let query = format!("wait={step}");
            if let Some(news) = waiting.ask(session.client.state_of(id, &query)).await? {
                let standing: Standing<'_> = read(&news)?;
                let now = standing.status;
                if now != status && !now.is_final() {
                    print::progress(&format!("{id} is {now}"));
                }
                questions.tell(session, &standing).await;
                (execution, status) = (news, now);
            }
        }
        Ok((execution, status))
    }
}

/// Runs `waiting`, which waits for the execution `id`, until ^C.
///
/// # Errors
/// The errors of `waiting`, or an interruption by ^C with a hint how to find the execution again.
pub(super) async fn until_interrupted<T>(
    id: &str,
    waiting: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = waiting => done,
        () = signals::interrupted() => Err(Failure::new(
            Code::Interrupted,
            "interrupted",
            format!("stopped waiting for the execution {id}, which goes on"),
            format!("`petrel execution get {id}` shows it, `petrel execution cancel {id}` cancels it"),
        )),
    }
}

/// The exit code for the status of a run.
pub(super) fn outcome(status: Status) -> Code {
    match status {
        Status::Succeeded => Code::Ok,
        Status::Canceled => Code::Canceled,
        status if status.is_final() => Code::Failed,
        _ => Code::TimedOut,
    }
}

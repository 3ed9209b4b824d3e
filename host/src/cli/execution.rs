//! `petrel execution`: executions, past and present.

use std::time::{Duration, Instant};

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use petrel_api_types::execution::Standing;
use petrel_model::ExecutionId;
use reqwest::Method;
use serde_json::json;

use super::each::each;
use super::moment::{moment, seconds};
use super::nothing;
use super::run;
use super::session::{Items, Secrets, Session, path_segment};
use crate::client::{Waiting, read};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod attributes;
mod cancel;
mod ending;
mod held;
mod newest;
mod questions;
mod rerun;
mod task_tree;

use cancel::tell_status;
use rerun::Again;

pub(super) use ending::show_whole;
pub(super) use held::list as list_held;
pub(super) use questions::Questions;

/// Show, cancel, pause and rerun executions.
#[derive(Debug, Subcommand)]
pub(crate) enum Execution {
    /// List executions, newest first; `get` of a workflow shows those inside it
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel execution list\n  petrel execution list --status failed -n 10\n  petrel execution list --after 1h --all"
    )]
    List {
        /// The greatest number of executions to list
        #[arg(short = 'n', long, alias = "last", default_value_t = 50)]
        limit: usize,
        /// List only executions with this status, such as failed, running or canceled
        #[arg(long)]
        status: Option<String>,
        /// List only executions of this action, as pack.name
        #[arg(long)]
        action: Option<String>,
        /// List only executions that this rule requested, as pack.name
        #[arg(long)]
        rule: Option<String>,
        /// List only executions that this event led to
        #[arg(long, alias = "trigger_instance", value_name = "ID")]
        trigger_instance: Option<String>,
        /// List only executions on behalf of this user
        #[arg(long)]
        user: Option<String>,
        /// List only executions requested after this time: 1h for an hour ago, or 2026-11-20T12:00:00Z
        #[arg(long, alias = "timestamp-gt", value_name = "TIME")]
        after: Option<String>,
        /// List only executions requested before this time
        #[arg(long, alias = "timestamp-lt", value_name = "TIME")]
        before: Option<String>,
        /// List executions inside workflows too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Show an execution and its result
    #[command(
        after_help = "Examples:\n  petrel execution get last\n  petrel execution get 6a1e5c2f9b1d4e5f60718293 --json"
    )]
    Get {
        /// The id of the execution, or `last` for the newest one outside of workflows
        id: String,
        /// With `last`: the newest of all executions, inside of workflows too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Print the output of an execution
    #[command(after_help = "Examples:\n  petrel execution output last")]
    Output {
        /// The id of the execution, or `last`
        id: String,
    },
    /// Print the output of an execution and of its tasks as it comes, until it ends; exit with its code
    #[command(
        after_help = "Examples:\n  petrel execution tail last\n  petrel execution tail 6a1e5c2f9b1d4e5f60718293 --wait 60"
    )]
    Tail {
        /// The id of the execution, or `last`
        id: String,
        /// The greatest number of seconds to follow it, or a time such as 10m
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        wait: Option<u64>,
    },
    /// Pause workflows: no more of their tasks start, and running tasks may finish
    #[command(after_help = "Examples:\n  petrel execution pause 6a1e5c2f9b1d4e5f60718293")]
    Pause {
        /// The ids of the executions, or `last`
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Resume paused workflows
    #[command(after_help = "Examples:\n  petrel execution resume 6a1e5c2f9b1d4e5f60718293")]
    Resume {
        /// The ids of the executions, or `last`
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Run an execution again, or a workflow from some of its tasks on
    #[command(
        alias = "re-run",
        after_help = "Examples:\n  petrel execution rerun 6a1e5c2f9b1d4e5f60718293\n  petrel execution rerun 6a1e5c2f9b1d4e5f60718293 --tasks deploy,notify --reset deploy"
    )]
    Rerun {
        /// The id of the execution, or `last`
        id: String,
        /// Parameters in place of those that it had
        #[arg(value_name = "NAME=VALUE")]
        parameters: Vec<String>,
        /// The tasks to run again, with all that follows them; `NAME|2` is the task on its third route
        #[arg(long, value_delimiter = ',', value_name = "TASK,..")]
        tasks: Vec<String>,
        /// Tasks among these whose items are all run again, not only the failed ones
        #[arg(long, value_delimiter = ',', value_name = "TASK,..", requires = "tasks")]
        reset: Vec<String>,
    },
    /// Cancel executions, by their ids or all that match the filters
    #[command(
        after_help = "Examples:\n  petrel execution cancel 6a1e5c2f9b1d4e5f60718293\n  petrel execution cancel --action core.local --older 1h --dry-run\n  petrel execution cancel --status requested --rule examples.sample_rule_with_webhook"
    )]
    Cancel(cancel::Cancel),
}

impl Execution {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List {
                limit,
                status,
                action,
                rule,
                trigger_instance,
                user,
                after,
                before,
                all,
                secrets,
            } => {
                let asked = [
                    ("status", status),
                    ("action", action),
                    ("rule", rule),
                    ("trigger-instance", trigger_instance),
                    ("user", user),
                    ("after", after),
                    ("before", before),
                ];
                let given = asked.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
                let asked: Vec<_> = given.collect();
                list(session, &secrets.asked(&newest(limit, all, &asked)?), &asked).await?;
            }
            Self::Get { id, all, secrets } => {
                // The `last` of the API is the newest one outside of workflows.
                let id = if all && id == "last" { newest_of_all(session).await? } else { id };
                let path = secrets.asked(&format!("/executions/{}", path_segment(&id)));
                let answer = session.client.execution(Method::GET, &path, None).await?;
                show_whole(session, &answer).await?;
                newest::tell_of_later_event(session, &id, &answer).await;
            }
            Self::Output { id } => {
                let path = format!("/executions/{}/output", path_segment(&id));
                let output = session.client.get_text(&path).await?;
                match session.form {
                    Form::Json => print::json(&json!({"id": id, "output": output})),
                    Form::Text => print::raw(output.trim_end_matches('\n')),
                }
                if session.form == Form::Text && output.is_empty() {
                    ending::point_to_tasks(session, &id).await?;
                }
                newest::tell_of_later_event_than_last(session, &id).await?;
            }
            Self::Tail { id, wait } => return tail(session, &id, wait.map(Duration::from_secs)).await,
            Self::Pause { ids } => return ask(session, &ids, "pausing").await,
            Self::Resume { ids } => return ask(session, &ids, "resuming").await,
            Self::Rerun { id, parameters, tasks, reset } => {
                rerun::rerun(session, &id, &parameters, &Again { tasks, reset }).await?;
            }
            Self::Cancel(cancel) => return cancel.run(session).await,
        }
        Ok(Code::Ok)
    }
}

/// The path of the newest executions that match the filters of these flags, with those of workflows if `all`.
fn newest(limit: usize, all: bool, asked: &[(&str, String)]) -> Result<String, Failure> {
    let mut path = format!("/executions?limit={limit}&sort_desc=true");
    for (flag, value) in asked {
        let (name, value) = match *flag {
            "after" => ("timestamp_gt", moment(value)?),
            "before" => ("timestamp_lt", moment(value)?),
            "trigger-instance" => ("trigger_instance", value.clone()),
            name => (name, value.clone()),
        };
        path.push_str(&format!("&{name}={}", path_segment(&value)));
    }
    if !all {
        path.push_str("&parent=null");
    }
    Ok(path)
}

/// Prints the listing at `path`, by the filters in `asked`.
async fn list(session: &Session, path: &str, asked: &[(&str, String)]) -> Result<(), Failure> {
    let (answer, count) = session.client.counted(path).await?;
    session.show(&answer, |executions: Items<wire::Execution<'static>>| {
        print::listing(attributes::table(&executions), asked);
        print::count(executions.len(), count);
        if executions.iter().any(|item| matches!(item, Item::Found(execution) if execution.held)) {
            held::explain();
        }
    })?;
    nothing::explain(session, &answer, asked).await;
    Ok(())
}

/// The id of the newest execution, inside or outside of workflows.
async fn newest_of_all(session: &Session) -> Result<String, Failure> {
    let answer = session.client.list("/executions?limit=1&include_attributes=status").await?;
    match read::<Items<Standing<'static>>>(&answer)?.into_iter().next() {
        Some(Item::Found(newest)) => Ok(newest.id.into_owned()),
        Some(Item::Lost(newest)) => Ok(newest.id.into_owned()),
        None => Err(Failure::new(
            Code::NotFound,
            "not_found",
            "execution `last` does not exist",
            "nothing has run yet; start something with `petrel run core.noop`",
        )),
    }
}

/// Requests a status of workflows.
async fn ask(session: &Session, ids: &[String], status: &str) -> Result<Code, Failure> {
    let ask = async |id: &str| {
        let path = format!("/executions/{}", path_segment(id));
        session.client.execution(Method::PUT, &path, Some(&json!({"status": status}))).await
    };
    each(session.form, ids, ask, tell_status).await
}

/// Prints output as it comes, for up to `patience`. The host is asked every second for lines from the last one on.
async fn tail(session: &Session, id: &str, patience: Option<Duration>) -> Result<Code, Failure> {
    let client = &session.client;
    // `last` is resolved once: a newer execution must not take its place meanwhile.
    let answer = client.execution(Method::GET, &format!("/executions/{}", path_segment(id)), None).await?;
    newest::tell_of_later_event(session, id, &answer).await;
    let first: wire::Execution<'static> = read(&answer)?;
    if first.held {
        held::explain();
    }
    let following = follow(session, first.id, task_tree::is_workflow(&first), patience);
    run::until_interrupted(&first.id.to_string(), following).await
}

async fn follow(
    session: &Session,
    id: ExecutionId,
    has_tasks: bool,
    patience: Option<Duration>,
) -> Result<Code, Failure> {
    let client = &session.client;
    let (mut tasks, mut questions) = (task_tree::Followed::default(), Questions::default());
    let (name, started, mut waiting, mut lines) = (id.to_string(), Instant::now(), Waiting::default(), 0);
    // Programs get one document, at the end.
    let (is_text, mut all) = (session.form == Form::Text, String::new());
    loop {
        // The status is read before the output, so that no output before the end is missed.
        let now = client.state_of(&name, "wait=1&exclude_attributes=result");
        let Some(execution) = waiting.ask(now).await? else { continue };
        let standing: Standing<'_> = read(&execution)?;
        let output = client.get_text(&format!("/executions/{id}/output?from={lines}")).await?;
        lines += output.matches('\n').count();
        if is_text {
            print::text(&output);
        } else {
            all.push_str(&output);
        }
        if is_text && has_tasks {
            tasks.print_news(session, id).await?;
        }
        questions.tell(session, &standing).await;
        let is_late = patience.is_some_and(|patience| started.elapsed() >= patience);
        let status = standing.status;
        if is_late || status.is_final() {
            match session.form {
                Form::Json => print::json(&json!({"id": id, "status": status, "output": all})),
                Form::Text => {
                    let reason = if lines == 0 { ending::reason(session, &standing).await? } else { None };
                    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                    print::note(&format!("{id}: {status}{reason}"));
                }
            }
            return Ok(run::outcome(status));
        }
    }
}

//! Workflows under crashes: many of them run, with items, joins, retries and delays, while their host is killed
//! again and again. Each is to end as one that nobody disturbed does, with every task done once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use petrel_test_support::{Start, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::rounds::Moments;

/// How many workflows run at any time.
const AT_ONCE: usize = 50;
/// The latest moment of a kill, after the host was ready.
const LATEST: Duration = Duration::from_millis(900);
/// How long all of them may take in the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a run of the workflow is made of. Shell commands that were running when the host was killed are
/// abandoned, so those tasks are done again; components are run again by the host itself.
const DEFINITION: &str = r#"
version: 1.0
input: [name]
vars:
  - said: []
  - sum: 0
tasks:
  items:
    with: {items: n in <% range(8).toList() %>, concurrency: 3}
    action: core.echo message="<% ctx().name %> <% item(n) %>"
    next:
      - when: <% succeeded() %>
        publish: [{said: <% result().select($.stdout) %>}]
        do: left, middle, right
  left:
    action: core.local cmd="sleep 0.3; echo 1"
    retry: {count: 100}
    next: [{when: <% succeeded() %>, publish: [{left: <% int(result().stdout) %>}], do: joined}]
  middle:
    action: core.echo message="2"
    next: [{when: <% succeeded() %>, publish: [{middle: <% int(result().stdout) %>}], do: joined}]
  right:
    delay: 1
    action: core.echo message="4"
    next: [{when: <% succeeded() %>, publish: [{right: <% int(result().stdout) %>}], do: joined}]
  joined:
    join: all
    action: core.local cmd="exit <% ctx().left %>"
    retry: {count: 100, when: <% result().get(return_code) != 1 %>}
    next: [{when: <% failed() %>, publish: [{sum: <% ctx().left + ctx().middle + ctx().right %>}], do: loop}]
  loop:
    action: core.noop
    next:
      - when: <% succeeded() and ctx().sum < 12 %>
        publish: [{sum: <% ctx().sum + 1 %>}]
        do: loop
      - when: <% succeeded() and ctx().sum >= 12 %>
        do: sub
  sub:
    action: crash.inner name=<% ctx().name %>
    next: [{when: <% succeeded() %>, publish: [{inner: <% result().output.who %>}], do: noop}]
output:
  - said: <% ctx().said %>
  - sum: <% ctx().sum %>
  - inner: <% ctx().inner %>
"#;

const INNER: &str = r"
version: 1.0
input: [name]
tasks:
  one: {action: core.noop, next: [{do: two}]}
  two: {action: core.noop}
output: [{who: <% ctx().name %>}]
";

/// What came of all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How often the host was killed.
    pub kills: usize,
    /// How many workflows were run.
    pub workflows: usize,
    /// How many executions their tasks have asked for.
    pub tasks: usize,
    /// How many of those were abandoned, and done again.
    pub abandoned: usize,
}

/// Kills the host `rounds` times while workflows run, then lets all of them end and audits them.
///
/// # Errors
/// When the host does not come up again, a workflow does not end, or ends otherwise than it should.
pub fn kill(rounds: usize, engine: &str, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-flows-")?;
    let ordinary = Start::new(&directory.path().join("data"))?.flags(&["--store-engine", engine]);
    let at_checkpoints = ordinary.clone().flags(&["--store-checkpoint-kib", "8"]);
    write_pack(&directory.path().join("pack"))?;
    let mut started: Vec<String> = Vec::new();
    for round in 0..rounds {
        let start = if round.is_multiple_of(3) { &at_checkpoints } else { &ordinary };
        let mut host = start.start()?;
        let mut client = Client::of(&host);
        if round == 0 {
            let body = json!({"path": directory.path().join("pack")}).to_string();
            ensure!(client.send("POST", "/packs/register", &body)?.status == 200, "the pack was refused");
        }
        let open = open(&mut client, &started)?;
        for _ in open..AT_ONCE {
            started.push(ask(&mut client, started.len())?);
        }
        std::thread::sleep(moments.next(LATEST));
        host.process.kill()?;
    }
    let host = ordinary.start()?;
    let mut report = Report { kills: rounds, workflows: started.len(), tasks: 0, abandoned: 0 };
    host.explain(end(&mut Client::of(&host), &started, &mut report))?;
    Ok(report)
}

/// Waits until all of them have ended, and audits each.
fn end(client: &mut Client, started: &[String], report: &mut Report) -> anyhow::Result<()> {
    until("the end of all workflows", PATIENCE, || Ok((open(client, started)? == 0).then_some(())))?;
    for (number, id) in started.iter().enumerate() {
        audit(client, id, number, report)?;
    }
    Ok(())
}

fn write_pack(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory.join("actions/workflows"))?;
    fs::write(
        directory.join("pack.yaml"),
        "ref: crash\nname: crash\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    )?;
    for (name, definition) in [("outer", DEFINITION), ("inner", INNER)] {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {{name: {{type: string}}}}\n"
        );
        fs::write(directory.join(format!("actions/{name}.yaml")), metadata)?;
        fs::write(directory.join(format!("actions/workflows/{name}.yaml")), definition)?;
    }
    Ok(())
}

fn ask(client: &mut Client, number: usize) -> anyhow::Result<String> {
    let body = json!({"action": "crash.outer", "parameters": {"name": format!("w{number}")}}).to_string();
    let answer = client.send("POST", "/executions", &body)?;
    ensure!(answer.status == 201, "a workflow was answered with {}", answer.status);
    Ok(text(&answer.json()?, "/id").to_owned())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// How many of the workflows have not ended. They end in about the order in which they were started.
fn open(client: &mut Client, started: &[String]) -> anyhow::Result<usize> {
    let mut open = 0;
    for id in started.iter().rev().take(4 * AT_ONCE) {
        let path = format!("/executions/{id}?include_attributes=status");
        let execution = client.send("GET", &path, "")?.json()?;
        let status = text(&execution, "/status");
        open += usize::from(!matches!(status, "succeeded" | "failed" | "canceled" | "timeout" | "abandoned"));
    }
    Ok(open)
}

/// A workflow must have ended as an undisturbed one does, and each of its tasks must have been done once.
fn audit(client: &mut Client, id: &str, number: usize, report: &mut Report) -> anyhow::Result<()> {
    let execution = client.send("GET", &format!("/executions/{id}"), "")?.json()?;
    let said: Vec<String> = (0..8).map(|item| format!("w{number} {item}")).collect();
    let output = json!({"said": said, "sum": 12, "inner": format!("w{number}")});
    ensure!(
        text(&execution, "/status") == "succeeded" && execution.pointer("/result/output") == Some(&output),
        "the workflow {id} ended as {} with {:?}",
        text(&execution, "/status"),
        execution.get("result")
    );
    let children = client.send("GET", &format!("/executions/{id}/children?depth=1"), "")?.json()?;
    let children = children.as_array().context("children are no list")?;
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for child in children {
        let (status, task) = (text(child, "/status"), text(child, "/context/orquesta/task_name"));
        report.tasks += 1;
        report.abandoned += usize::from(status == "abandoned");
        let is_done = status == "succeeded" || (task == "joined" && status == "failed");
        ensure!(is_done || status == "abandoned", "the task {task} of {id} is {status}");
        let item = child.pointer("/context/orquesta/item_id").map_or_else(String::new, Value::to_string);
        *done.entry(format!("{task}{item}")).or_default() += usize::from(is_done);
    }
    // The loop is gone through once for each step of the sum from 7 to 12, and once more.
    let expected = |task: &str| if task == "loop" { 6 } else { 1 };
    for (task, times) in &done {
        ensure!(*times == expected(task), "the task {task} of {id} was done {times} times");
    }
    ensure!(done.len() == 14, "the workflow {id} has these tasks: {:?}", done.keys());
    Ok(())
}

//! Trees of workflows under crashes: random ones are started, paused, resumed and canceled while their host is killed
//! again and again. At every moment nothing is open inside a workflow that has ended, and in the end nothing is open.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, bail, ensure};
use petrel_test_support::{Start, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::invariants::{Inside, open_inside_ended};
use crate::rounds::Moments;

/// How many workflows a pack has; each may ask for those after it, and for itself.
pub const WORKFLOWS: usize = 5;
/// The latest moment of a kill, after the host was ready.
const LATEST: Duration = Duration::from_millis(600);
/// How long all of it may take to end after the last kill.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so many kills all is let come to its end, and the next begin with an empty store and other workflows.
const KILLS_A_STORE: usize = 10;
/// The limits under which they run, so that some exceed them.
const LIMITS: [&str; 4] = ["--workflows-max-depth", "3", "--workflows-max-descendants", "100"];

/// What came of all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// How often the host was killed.
    pub kills: usize,
    /// How many trees were started.
    pub trees: usize,
    /// How often somebody asked for a pause, a resume or a cancel.
    pub requests: usize,
    /// How many executions there were in the end.
    pub executions: usize,
    /// How many of them were canceled.
    pub canceled: usize,
}

/// Kills the host `rounds` times while trees of workflows grow and are canceled, checks the store after each kill, and
/// audits what is left of the trees.
///
/// # Errors
/// When the host does not come up again, the store is not whole, something does not end, or something is open inside
/// a workflow that has ended.
pub fn kill(rounds: usize, engine: &str, moments: &mut Moments) -> anyhow::Result<Report> {
    let mut report = Report::default();
    while report.kills < rounds {
        let kills = KILLS_A_STORE.min(rounds - report.kills);
        let directory = TempDir::with_prefix("petrel-trees-")?;
        on_one_store(kills, engine, directory.path(), moments, &mut report)?;
    }
    Ok(report)
}

fn on_one_store(
    kills: usize,
    engine: &str,
    directory: &Path,
    moments: &mut Moments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let start = Start::new(&directory.join("data"))?.flags(&["--store-engine", engine]).flags(&LIMITS);
    write_pack(&directory.join("pack"), moments)?;
    let mut tops = Vec::new();
    for kill in 0..kills {
        let mut host = start.start()?;
        let mut client = Client::of(&host);
        if kill == 0 {
            let body = json!({"path": directory.join("pack")}).to_string();
            ensure!(client.send("POST", "/packs/register", &body)?.status == 200, "the pack was refused");
        }
        host.explain(disturb(&mut client, &mut tops, moments, report))?;
        host.process.kill()?;
        report.kills += 1;
        check(&start)?;
    }
    let mut host = start.start()?;
    let mut client = Client::of(&host);
    let all = host.explain(end(&mut client, &tops))?;
    report.executions += all.len();
    report.canceled += all.iter().filter(|one| one.status == petrel_model::Status::Canceled).count();
    host.process.kill()?;
    check(&start)
}

/// Starts trees, and asks for this and that, until a random moment.
fn disturb(
    client: &mut Client,
    tops: &mut Vec<String>,
    moments: &mut Moments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (begun, end) = (Instant::now(), moments.next(LATEST));
    while begun.elapsed() < end {
        match moments.number(6) {
            0 | 1 => {
                let body = json!({"action": format!("trees.w{}", moments.number(2))}).to_string();
                let answer = client.send("POST", "/executions", &body)?;
                ensure!(answer.status == 201, "a workflow was answered with {}", answer.status);
                tops.push(text(&answer.json()?, "id").to_owned());
                report.trees += 1;
            }
            which if !tops.is_empty() => {
                let id = tops.get(moments.number(tops.len())).context("there is none")?;
                let status = ["pausing", "resuming", "canceled", "canceled"].get(which - 2).copied();
                let body = json!({"status": status}).to_string();
                // Many of them have ended by then.
                let answer = client.send("PUT", &format!("/executions/{id}"), &body)?;
                ensure!(answer.status < 500, "a request was answered with {}", answer.status);
                report.requests += 1;
            }
            _ => {}
        }
        thread::sleep(moments.next(Duration::from_millis(20)));
        all_ended(client)?;
    }
    Ok(())
}

/// Nothing is open inside what has ended; gives all that there is.
fn all_ended(client: &mut Client) -> anyhow::Result<Vec<Inside>> {
    let all = observe(client)?;
    let mut violations = open_inside_ended(&all);
    if !violations.is_empty() {
        // What is inside a workflow may have been read before it.
        let again = open_inside_ended(&observe(client)?);
        violations.retain(|one| again.contains(one));
    }
    ensure!(violations.is_empty(), "{violations:#?}");
    Ok(all)
}

/// Cancels what is left and waits until everything has ended; gives all that there is.
fn end(client: &mut Client, tops: &[String]) -> anyhow::Result<Vec<Inside>> {
    all_ended(client)?;
    for id in tops {
        client.send("DELETE", &format!("/executions/{id}"), "")?;
    }
    let mut open = Vec::<String>::new();
    let ended = until("the end of all executions", PATIENCE, || {
        let all = all_ended(client)?;
        open = all.iter().filter(|one| !one.status.is_final()).map(|one| one.id.clone()).collect();
        Ok(open.is_empty().then_some(all))
    });
    ended.with_context(|| format!("these are open: {open:?}"))
}

/// All executions; those that were asked for meanwhile may be missing.
fn observe(client: &mut Client) -> anyhow::Result<Vec<Inside>> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/executions?limit=500&include_attributes=id,status,parent{before}");
        let page = client.send("GET", &path, "")?.json()?;
        let items = page.as_array().context("a listing is no list")?;
        for item in items {
            let parent = item.get("parent").and_then(Value::as_str).map(str::to_owned);
            all.push(Inside {
                id: text(item, "id").to_owned(),
                parent,
                status: text(item, "status").parse()?,
            });
        }
        match items.last() {
            Some(last) => before = format!("&before={}", text(last, "id")),
            None => return Ok(all),
        }
    }
}

/// The store as its own check sees it.
fn check(start: &Start) -> anyhow::Result<()> {
    match start.check_store()? {
        None => Ok(()),
        Some(wrong) => bail!("the store is not whole: {wrong}"),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Writes a pack of random workflows, whose tasks are others of them, themselves, or actions that succeed, fail or last.
///
/// # Errors
/// When it cannot be written.
pub fn write_pack(directory: &Path, moments: &mut Moments) -> anyhow::Result<()> {
    fs::create_dir_all(directory.join("actions/workflows"))?;
    fs::write(
        directory.join("pack.yaml"),
        "ref: trees\nname: trees\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    )?;
    fs::write(
        directory.join("actions/shell.yaml"),
        "name: shell\nrunner_type: local-shell-cmd\nenabled: true\nparameters: {}\n",
    )?;
    for number in 0..WORKFLOWS {
        let metadata = format!(
            "name: w{number}\nrunner_type: orquesta\nentry_point: workflows/w{number}.yaml\nenabled: true\nparameters: {{}}\n"
        );
        fs::write(directory.join(format!("actions/w{number}.yaml")), metadata)?;
        let definition = definition(number, moments);
        fs::write(directory.join(format!("actions/workflows/w{number}.yaml")), definition)?;
    }
    Ok(())
}

/// A random workflow. It may ask for itself, as what is too deep is refused.
fn definition(number: usize, moments: &mut Moments) -> String {
    let mut text = String::from("version: 1.0\n");
    if moments.number(5) == 0 {
        text.push_str("timeout: 1\n");
    }
    text.push_str("tasks:\n");
    let tasks = 1 + moments.number(2);
    for task in 0..=tasks {
        let action = match moments.number(8) {
            0..=3 if number + 1 < WORKFLOWS => {
                format!("trees.w{}", number + 1 + moments.number(WORKFLOWS - number - 1))
            }
            4 => format!("trees.w{number}"),
            5 => "trees.shell cmd=\"exit 1\"".to_owned(),
            6 => "trees.shell cmd=\"sleep 0.2\"".to_owned(),
            _ => "trees.shell cmd=\"true\"".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  t{task}:\n    action: {action}");
        if moments.number(3) == 0 {
            let _ = writeln!(text, "    with: <% range({}).toList() %>", 1 + moments.number(3));
        }
        if task < tasks && moments.number(3) == 0 {
            let _ = writeln!(text, "    next: [{{do: t{}}}]", task + 1);
        }
        if moments.number(6) == 0 {
            text.push_str("    delay: 1\n");
        }
    }
    text
}

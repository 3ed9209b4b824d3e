//! W2, W3, W4, W8 and `items`: workflows. Their definitions are generated here, in a pack of their own. A task
//! is a component that does nothing, but for W8, whose tasks are shell commands that sleep.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::Host;
use crate::http::Connection;
use crate::workloads::{percentile, round};

/// How many times W3 and W4 are run.
const RUNS: usize = 7;
/// How long one workflow may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a task of W8 sleeps, and how many there are.
const NAP: (Duration, usize) = (Duration::from_millis(20), 100);

/// `tasks` tasks one after the other; each sees what the one before gave.
fn sequence(tasks: usize, action: &str) -> String {
    let mut text = "version: 1.0\nvars: [{n: 0}, {last: null}]\ntasks:\n".to_owned();
    for number in 1..=tasks {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  t{number}:\n    action: {action}");
        if number < tasks {
            let _ = writeln!(
                text,
                "    next:\n      - when: <% succeeded() %>\n        publish:\n          - n: <% ctx().n + 1 %>\n          - last: <% result() %>\n        do: t{}",
                number + 1
            );
        }
    }
    text.push_str("output:\n  - n: <% ctx().n %>\n");
    text
}

/// One task, `width` at the same time, one that joins them.
fn fan(width: usize) -> String {
    let names: Vec<_> = (1..=width).map(|number| format!("p{number}")).collect();
    let mut text = format!(
        "version: 1.0\ntasks:\n  start:\n    action: core.noop\n    next: [{{do: [{}]}}]\n",
        names.join(", ")
    );
    for name in names {
        let _ = writeln!(
            text,
            "  {name}:\n    action: core.noop\n    next: [{{when: <% succeeded() %>, do: end}}]"
        );
    }
    text.push_str("  end:\n    join: all\n    action: core.noop\n");
    text
}

const ITEMS: &str = "version: 1.0\ninput: [n, c]\ntasks:\n  all:\n    with:\n      items: <% range(ctx().n).toList() %>\n      concurrency: <% ctx().c %>\n    action: core.noop\n";

/// Writes the pack with these sequences, and registers it.
async fn register(control: &mut Connection, directory: &Path, sequences: &[usize]) -> anyhow::Result<()> {
    let actions = directory.join("actions/workflows");
    fs::create_dir_all(&actions)?;
    fs::write(
        directory.join("pack.yaml"),
        "ref: load\nname: load\ndescription: Workflows to be measured.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    )?;
    let mut workflows = vec![
        ("fan".to_owned(), "{}", fan(100)),
        ("items".to_owned(), "{n: {type: integer}, c: {type: integer}}", ITEMS.to_owned()),
    ];
    for tasks in sequences {
        workflows.push((format!("sequence_{tasks}"), "{}", sequence(*tasks, "core.noop")));
    }
    let nap = format!("core.local cmd=\"sleep {}\"\n    retry: {{count: 3}}", NAP.0.as_secs_f64());
    workflows.push(("naps".to_owned(), "{}", sequence(NAP.1, &nap)));
    for (name, parameters, definition) in workflows {
        let metadata = format!(
            "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {parameters}\n"
        );
        fs::write(directory.join(format!("actions/{name}.yaml")), metadata)?;
        fs::write(actions.join(format!("{name}.yaml")), definition)?;
    }
    let body = json!({"path": directory}).to_string();
    let answer = control.send("POST", "/packs/register", "", &body).await?;
    ensure!(
        answer.status == 200,
        "the pack was answered with {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}

async fn start(connection: &mut Connection, action: &str, parameters: &Value) -> anyhow::Result<String> {
    let body = json!({"action": format!("load.{action}"), "parameters": parameters}).to_string();
    let answer = connection.send("POST", "/executions", "", &body).await?;
    ensure!(answer.status == 201, "a workflow was answered with {}", answer.status);
    Ok(answer.json()?.get("id").and_then(Value::as_str).context("no id")?.to_owned())
}

/// Waits until an execution has ended well.
async fn end(connection: &mut Connection, id: &str) -> anyhow::Result<Value> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let path = format!("/executions/{id}?wait=30");
        let execution = connection.send("GET", &path, "", "").await?.json()?;
        match execution.get("status").and_then(Value::as_str) {
            Some("succeeded") => return Ok(execution),
            Some("running" | "requested" | "scheduled") => {}
            other => anyhow::bail!("the workflow {id} is {other:?}: {:?}", execution.get("result")),
        }
    }
    anyhow::bail!("the workflow {id} has not ended within {PATIENCE:?}")
}

/// One workflow from the request to its stored end.
async fn whole(connection: &mut Connection, action: &str, parameters: &Value) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let id = start(connection, action, parameters).await?;
    end(connection, &id).await?;
    Ok(started.elapsed())
}

/// Runs the workload `name` and prints its figures.
pub(crate) async fn run(
    host: &mut Host,
    name: &str,
    clients: &[usize],
    duration: Duration,
    steps: &[usize],
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let directory = TempDir::with_prefix("petrel-load-pack-")?;
    let mut control = Connection::open(&host.address, &host.token).await?;
    let sequences = if steps.is_empty() { vec![10, 1_000] } else { [&[10, 1_000], steps].concat() };
    register(&mut control, directory.path(), &sequences).await?;
    match name {
        "W2" => {
            for clients in clients {
                print(many(host, *clients, duration).await?);
            }
        }
        "W3" => print(repeated(host, "W3", "fan", 102).await?),
        "W4" => {
            print(repeated(host, "W4", "sequence_1000", 1_000).await?);
            for tasks in steps {
                print(growth(host, *tasks).await?);
            }
        }
        "items" => {
            let (n, c) = (steps.first().copied().unwrap_or(10_000), steps.get(1).copied().unwrap_or(100));
            print(items(host, n, c).await?);
        }
        _ => print(crash(host).await?),
    }
    Ok(())
}

/// W2: workflows of ten tasks, with so many clients in a closed loop.
async fn many(host: &Host, clients: usize, duration: Duration) -> anyhow::Result<Value> {
    const TASKS: f64 = 10.0;
    let mut control = Connection::open(&host.address, &host.token).await?;
    for _ in 0..5 {
        whole(&mut control, "sequence_10", &json!({})).await?;
    }
    let (cpu, disk) = (host.cpu(), host.disk_mib());
    let started = Instant::now();
    let until = started + duration;
    let tasks = tokio::task::LocalSet::new();
    let address = Rc::new((host.address.clone(), host.token.clone()));
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let address = Rc::clone(&address);
            tasks.spawn_local(async move {
                let mut connection = Connection::open(&address.0, &address.1).await?;
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    latencies.push(whole(&mut connection, "sequence_10", &json!({})).await?);
                }
                anyhow::Ok(latencies)
            })
        })
        .collect();
    let mut latencies = Vec::new();
    tasks
        .run_until(async {
            for client in running {
                latencies.extend(client.await??);
            }
            anyhow::Ok(())
        })
        .await?;
    let elapsed = started.elapsed();
    let cpu = cpu.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    let done = latencies.len() as f64;
    #[expect(clippy::cast_precision_loss, reason = "megabytes of a test")]
    let grown = disk.zip(host.disk_mib()).map(|(before, after)| after.saturating_sub(before) as f64);
    Ok(json!({
        "workload": "W2",
        "clients": clients,
        "workflows_per_s": round(done / elapsed.as_secs_f64()),
        "steps_per_s": round(done * TASKS / elapsed.as_secs_f64()),
        "p50_ms": percentile(&latencies, 50),
        "p99_ms": percentile(&latencies, 99),
        "cpu_ms_per_step": cpu.map(|cpu| round(cpu.as_secs_f64() * 1000.0 / (done * TASKS))),
        "disk_bytes_per_step": grown.map(|mib| round(mib * 1_048_576.0 / (done * TASKS))),
        "rss_mib": host.rss_mib().map(round),
    }))
}

/// One workflow at a time, several times.
async fn repeated(host: &Host, name: &str, action: &str, tasks: u32) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    whole(&mut control, action, &json!({})).await?;
    let cpu = host.cpu();
    let mut latencies = Vec::new();
    for _ in 0..RUNS {
        latencies.push(whole(&mut control, action, &json!({})).await?);
    }
    let cpu = cpu.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let steps = f64::from(tasks) * RUNS as f64;
    let p50 = percentile(&latencies, 50);
    Ok(json!({
        "workload": name,
        "p50_ms": p50,
        "max_ms": latencies.last().map(|latency| round(latency.as_secs_f64() * 1000.0)),
        "ms_per_task": p50.map(|p50| round(p50 / f64::from(tasks))),
        "cpu_ms_per_step": cpu.map(|cpu| round(cpu.as_secs_f64() * 1000.0 / steps)),
        "rss_mib": host.rss_mib().map(round),
    }))
}

/// How long a task takes around the 10th, 100th, 1,000th and 10,000th of one sequence: from the end of the one
/// before to its own.
async fn growth(host: &Host, tasks: usize) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    let id = start(&mut control, &format!("sequence_{tasks}"), &json!({})).await?;
    end(&mut control, &id).await?;
    let path = format!("/executions/{id}/children?depth=1&include_attributes=end_timestamp");
    let children = control.send("GET", &path, "", "").await?.json()?;
    let ends: Vec<f64> = children
        .as_array()
        .context("children are no list")?
        .iter()
        .filter_map(|child| seconds(child.get("end_timestamp")?.as_str()?))
        .collect();
    let around = |task: usize| {
        let (from, to) =
            (task.saturating_sub(task / 10).saturating_sub(1), (task + task / 10).min(ends.len() - 1));
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let count = to.saturating_sub(from) as f64;
        Some(round((ends.get(to)? - ends.get(from)?) * 1000.0 / count))
    };
    let at = [10, 100, 1_000, 10_000].into_iter().filter(|task| *task <= tasks);
    let at: serde_json::Map<_, _> = at.map(|task| (task.to_string(), json!(around(task)))).collect();
    Ok(
        json!({"workload": "W4 growth", "tasks": tasks, "ms_per_task_at": at, "rss_mib": host.rss_mib().map(round)}),
    )
}

/// The seconds of a day in a time as `2026-11-20T12:00:00.123456Z`.
fn seconds(time: &str) -> Option<f64> {
    let clock = time.split('T').nth(1)?.trim_end_matches('Z');
    clock.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

/// A task with so many items, so many at once.
async fn items(host: &Host, n: usize, c: usize) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    whole(&mut control, "items", &json!({"n": 100, "c": 10})).await?;
    let (cpu, before) = (host.cpu(), host.rss_mib());
    let latency = whole(&mut control, "items", &json!({"n": n, "c": c})).await?;
    let cpu = cpu.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = n as f64;
    Ok(json!({
        "workload": "items", "items": n, "concurrency": c,
        "seconds": round(latency.as_secs_f64()),
        "ms_per_item": round(latency.as_secs_f64() * 1000.0 / count),
        "cpu_ms_per_item": cpu.map(|cpu| round(cpu.as_secs_f64() * 1000.0 / count)),
        "rss_before_mib": before.map(round),
        "rss_mib": host.rss_mib().map(round),
    }))
}

/// W8: SIGKILL in the middle of a workflow; how long from the new start to its end, beyond the naps that were
/// left.
async fn crash(host: &mut Host) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    let id = start(&mut control, "naps", &json!({})).await?;
    tokio::time::sleep(NAP.0 * 50).await;
    let children = format!("/executions/{id}/children?depth=1&include_attributes=status");
    let ready = host.restart(true)?;
    let restarted = Instant::now();
    let mut control = Connection::open(&host.address, &host.token).await?;
    let done = |list: &Value| {
        let all = list.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|child| child.get("status") == Some(&json!("succeeded"))).count()
    };
    let before = done(&control.send("GET", &children, "", "").await?.json()?);
    end(&mut control, &id).await?;
    let took = restarted.elapsed() + ready;
    let all = control.send("GET", &children, "", "").await?.json()?;
    let left = u32::try_from(NAP.1.saturating_sub(before)).unwrap_or_default();
    Ok(json!({
        "workload": "W8",
        "ready_ms": round(ready.as_secs_f64() * 1000.0),
        "done_before": before,
        "to_the_end_s": round(took.as_secs_f64()),
        "over_the_remaining_naps_s": round(took.as_secs_f64() - (NAP.0 * left).as_secs_f64()),
        "steps_run_twice": done(&all).saturating_sub(NAP.1),
        "abandoned": all.as_array().map_or(0, Vec::len).saturating_sub(done(&all)),
    }))
}

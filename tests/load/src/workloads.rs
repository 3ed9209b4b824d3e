//! The workloads: what is sent, and what must be stored afterwards for it to count.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::host::Host;
use crate::http::Connection;

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// A webhook is durably accepted.
    Accept,
    /// A webhook is accepted, its rule matches, its component has run and the result is stored.
    Done,
    /// A shell command has run, with its output stored.
    Shell,
}

impl Workload {
    /// The workloads of a name.
    pub(crate) fn named(name: &str) -> anyhow::Result<Vec<Self>> {
        match name {
            "W1" => Ok(vec![Self::Accept, Self::Done]),
            "W1-accept" => Ok(vec![Self::Accept]),
            "W1-done" => Ok(vec![Self::Done]),
            "W6" => Ok(vec![Self::Shell]),
            other => bail!(
                "unknown workload {other}; there are W1, W1-accept, W1-done, W2, W3, W4, W5, W6, W7-past, W7-rules, W7-others, W8, items, timers, sensors, queues and soak"
            ),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Accept => "W1-accept",
            Self::Done => "W1-done",
            Self::Shell => "W6",
        }
    }

    /// Does one unit and returns the id of what must be stored.
    async fn unit(self, connection: &mut Connection) -> anyhow::Result<String> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let event =
            || format!("{{\"kind\":\"alert\",\"host\":\"h{}\"}}", NUMBER.fetch_add(1, Ordering::Relaxed));
        match self {
            Self::Accept => {
                let answer = connection.send("POST", "/webhooks/load", "", &event()).await?;
                ensure!(answer.status == 202, "a webhook was answered with {}", answer.status);
                Ok(answer.header("x-trigger-instance-id").context("no id")?.to_owned())
            }
            Self::Done => {
                let answer =
                    connection.send("POST", "/webhooks/load", "Prefer: wait=30\r\n", &event()).await?;
                ensure!(answer.status == 202, "a webhook was answered with {}", answer.status);
                ensure!(
                    answer.header("x-execution-statuses") == Some("succeeded"),
                    "it did not succeed in time"
                );
                Ok(answer.header("x-execution-ids").context("no id")?.to_owned())
            }
            Self::Shell => {
                let body = r#"{"action":"core.local","parameters":{"cmd":"bash -c 'echo hi'"}}"#;
                let answer = connection.send("POST", "/executions", "", body).await?;
                ensure!(answer.status == 201, "an execution was answered with {}", answer.status);
                let id = answer.json()?.get("id").and_then(Value::as_str).context("no id")?.to_owned();
                let answer =
                    connection.send("GET", &format!("/executions/{id}?wait=30"), "", "").await?.json()?;
                ensure!(answer.pointer("/result/stdout") == Some(&json!("hi")), "its output is not stored");
                Ok(id)
            }
        }
    }

    /// What is stored, page by page, newest first: ids of what counts.
    async fn stored(self, connection: &mut Connection, expected: &HashSet<String>) -> anyhow::Result<usize> {
        let (resource, attributes) = match self {
            Self::Accept => ("triggerinstances", "id"),
            Self::Done | Self::Shell => ("executions", "id,status"),
        };
        let Some(oldest) = expected.iter().min() else { return Ok(0) };
        let (mut found, mut before) = (0, String::new());
        loop {
            let path = format!("/{resource}?limit=1000&include_attributes={attributes}{before}");
            let page = connection.send("GET", &path, "", "").await?.json()?;
            let items = page.as_array().context("a listing is no list")?;
            let mut last = None;
            for item in items {
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
                let counts = self == Self::Accept || item.get("status") == Some(&json!("succeeded"));
                found += usize::from(counts && expected.contains(id));
                last = Some(id);
            }
            match last {
                Some(id) if id > oldest.as_str() => before = format!("&before={id}"),
                _ => return Ok(found),
            }
        }
    }
}

/// Runs `workload` with so many clients in a closed loop, and returns the figures.
pub(crate) async fn measure(
    host: &Host,
    workload: Workload,
    clients: usize,
    duration: Duration,
) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    create_rule(&mut control).await?;
    // Warm: the component is compiled, the connections are open.
    for _ in 0..20 {
        workload.unit(&mut control).await?;
    }
    settle(&mut control).await?;
    let cpu_before = host.cpu();
    let started = Instant::now();
    let until = started + duration;
    let tasks = tokio::task::LocalSet::new();
    let address = Rc::new((host.address.clone(), host.token.clone()));
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let address = Rc::clone(&address);
            tasks.spawn_local(async move { client(&address, workload, until).await })
        })
        .collect();
    let mut units = Vec::new();
    tasks
        .run_until(async {
            for client in running {
                units.extend(client.await??);
            }
            anyhow::Ok(())
        })
        .await?;
    let elapsed = started.elapsed();
    // What was accepted is still being worked on: its cost belongs to the event.
    settle(&mut control).await?;
    let cpu = cpu_before.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
    let expected: HashSet<String> = units.iter().map(|(id, _)| id.clone()).collect();
    let stored = workload.stored(&mut control, &expected).await?;
    let mut latencies: Vec<Duration> = units.iter().map(|(_, latency)| *latency).collect();
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    let stored_float = stored as f64;
    Ok(json!({
        "workload": workload.name(),
        "clients": clients,
        "rps": round(stored_float / elapsed.as_secs_f64()),
        "p50_ms": percentile(&latencies, 50),
        "p99_ms": percentile(&latencies, 99),
        "cpu_ms_per_unit": cpu.map(|cpu| round(cpu.as_secs_f64() * 1000.0 / stored_float)),
        "rss_mib": host.rss_mib().map(round),
        "stored": stored,
        "sent": units.len(),
    }))
}

/// Puts `count` units through, with so many clients, and waits until all of it is done. Nothing is measured.
pub(crate) async fn put(
    host: &Host,
    workload: Workload,
    clients: usize,
    count: usize,
) -> anyhow::Result<usize> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    create_rule(&mut control).await?;
    let tasks = tokio::task::LocalSet::new();
    let left = Rc::new(Cell::new(count));
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let (left, address, token) = (Rc::clone(&left), host.address.clone(), host.token.clone());
            tasks.spawn_local(async move {
                let mut connection = Connection::open(&address, &token).await?;
                while let Some(fewer) = left.get().checked_sub(1) {
                    left.set(fewer);
                    workload.unit(&mut connection).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    tasks
        .run_until(async {
            for client in running {
                client.await??;
            }
            anyhow::Ok(())
        })
        .await?;
    // A connection that was idle for so long may have been closed.
    settle(&mut Connection::open(&host.address, &host.token).await?).await?;
    Ok(count)
}

async fn client(
    address: &(String, String),
    workload: Workload,
    until: Instant,
) -> anyhow::Result<Vec<(String, Duration)>> {
    let mut connection = Connection::open(&address.0, &address.1).await?;
    let mut units = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        let id = workload.unit(&mut connection).await?;
        units.push((id, started.elapsed()));
    }
    Ok(units)
}

pub(crate) async fn create_rule(control: &mut Connection) -> anyhow::Result<()> {
    let rule = json!({
        "name": "load", "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "load"}},
        "criteria": {"trigger.body.kind": {"type": "equals", "pattern": "alert"}},
        "action": {"ref": "core.noop"},
    });
    let status = control.send("POST", "/rules", "", &rule.to_string()).await?.status;
    ensure!(status == 201 || status == 409, "the rule was answered with {status}");
    Ok(())
}

/// Waits until nothing is waiting or running.
async fn settle(control: &mut Connection) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(120) {
        let status = control.send("GET", "/status", "", "").await?.json()?;
        if status.get("waiting") == Some(&json!(0)) && status.get("running") == Some(&json!(0)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the host did not come to rest within two minutes")
}

pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let at = (sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?);
    sorted.get(at).map(|latency| round(latency.as_secs_f64() * 1000.0))
}

pub(crate) fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

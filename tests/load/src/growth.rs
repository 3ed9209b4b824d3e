//! W7: what an event costs as the past and the rules grow, each against the beginning of the same run; and how
//! long a page of the listing takes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::host::Host;
use crate::http::Connection;
use crate::workloads::{self, Workload};

/// How many requests measure a page.
const PAGES: usize = 30;
/// How many clients fill the past.
const FILLERS: usize = 64;

/// Prints the cost of an event with `steps` past executions.
pub(crate) async fn past(
    host: &Host,
    steps: &[usize],
    clients: &[usize],
    duration: Duration,
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let mut stored = 0;
    for step in steps {
        while stored < *step {
            stored += workloads::put(host, Workload::Done, FILLERS, (*step - stored).min(50_000)).await?;
        }
        for clients in clients {
            let mut figures = workloads::measure(host, Workload::Done, *clients, duration).await?;
            stored += figures
                .get("stored")
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0);
            add(&mut figures, "past", json!(step));
            print(figures);
        }
        let mut control = Connection::open(&host.address, &host.token).await?;
        let (page, filtered) =
            (page(&mut control, "").await?, page(&mut control, "&action=core.noop&status=succeeded").await?);
        print(json!({"workload": "page of 50", "past": stored, "p50_ms": page, "filtered_p50_ms": filtered}));
    }
    Ok(())
}

/// Prints the cost of an event with so many more rules, of which none matches: on the same trigger, then on
/// others.
pub(crate) async fn rules(
    host: &Host,
    steps: &[usize],
    on_others: bool,
    clients: &[usize],
    duration: Duration,
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    let mut made = 0;
    for step in steps {
        let started = Instant::now();
        for number in made..*step {
            make_rule(&mut control, number, on_others).await?;
        }
        let seconds = started.elapsed().as_secs_f64();
        made = *step;
        for clients in clients {
            let mut figures = workloads::measure(host, Workload::Done, *clients, duration).await?;
            add(&mut figures, if on_others { "rules_on_others" } else { "rules_on_the_same" }, json!(step));
            add(&mut figures, "seconds_to_make_them", json!(workloads::round(seconds)));
            print(figures);
        }
    }
    Ok(())
}

fn add(figures: &mut Value, name: &str, value: Value) {
    if let Some(figures) = figures.as_object_mut() {
        figures.insert(name.to_owned(), value);
    }
}

async fn make_rule(control: &mut Connection, number: usize, on_others: bool) -> anyhow::Result<()> {
    let url = if on_others { format!("other{number}") } else { "load".to_owned() };
    let rule = json!({
        "name": format!("more{number}"), "pack": "examples", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": url}},
        "criteria": {"trigger.body.kind": {"type": "equals", "pattern": format!("kind{number}")}},
        "action": {"ref": "core.noop"},
    });
    let status = control.send("POST", "/rules", "", &rule.to_string()).await?.status;
    ensure!(status == 201, "a rule was answered with {status}");
    Ok(())
}

/// The median time of a page of 50 executions, in milliseconds.
async fn page(control: &mut Connection, filter: &str) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let started = Instant::now();
        let answer = control.send("GET", &format!("/executions?limit=50{filter}"), "", "").await?;
        times.push(started.elapsed());
        let count = answer.json()?.as_array().map(Vec::len);
        ensure!(count == Some(50), "a page has {count:?} executions");
    }
    times.sort_unstable();
    workloads::percentile(&times, 50).context("no page was measured")
}

//! `timers`, `sensors` and `queues`: what many timers and sensors cost while nothing is due, how late timers are, and
//! what an execution costs that a policy holds back, at the beginning of a long queue and at its end.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::Host;
use crate::http::Connection;
use crate::workloads::{percentile, round};

/// How long timers may fire before they are looked at: each of them does within a minute.
const MINUTE: Duration = Duration::from_secs(60);
/// How long the store may work on what has just been stored.
const SETTLE: Duration = Duration::from_secs(10);
/// The number of events that are read at once.
const PAGE: usize = 1_000;
/// How long a queue may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The number of executions that a policy lets run at once.
const AT_ONCE: usize = 10;
/// The number of executions that a policy lets start in a second.
const A_SECOND: usize = 500;

/// Prints what `count` timers cost that are not due, and then how late `count` timers are of which each fires once a
/// minute.
pub(crate) async fn timers(
    host: &Host,
    count: usize,
    duration: Duration,
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    let bare = host.rss_mib();
    let started = Instant::now();
    for number in 0..count {
        let parameters = json!({"unit": "days", "delta": number + 1});
        rule(&mut control, &format!("idle{number}"), "core.st2.IntervalTimer", &parameters).await?;
    }
    let made = started.elapsed();
    // What was just stored still goes to the base.
    tokio::time::sleep(SETTLE).await;
    let share = share_of_cpu(host, duration).await;
    let mut control = Connection::open(&host.address, &host.token).await?;
    print(json!({
        "workload": "timers, not due", "timers": count, "cpu_percent": share,
        "rss_mib": host.rss_mib().map(round), "rss_bare_mib": bare.map(round),
        "ms_to_make_one": per(made, count),
    }));
    for number in 0..count {
        // Timers with the same parameters are one timer: the years tell them apart.
        let years = format!("{}-{}", 2000 + number % 10, 2100 + number / 10);
        let parameters = json!({"second": number % 60, "year": years});
        rule(&mut control, &format!("due{number}"), "core.st2.CronTimer", &parameters).await?;
    }
    let share = share_of_cpu(host, MINUTE).await;
    // A connection that was idle for so long may have been closed.
    let mut control = Connection::open(&host.address, &host.token).await?;
    let mut late = lateness(&mut control, count).await?;
    late.sort_unstable();
    print(json!({
        "workload": "timers, each once a minute", "timers": count, "cpu_percent": share,
        "fired": late.len(), "late_p50_ms": percentile(&late, 50), "late_p99_ms": percentile(&late, 99),
        "late_max_ms": late.last().map(|late| round(late.as_secs_f64() * 1000.0)),
        "rss_mib": host.rss_mib().map(round),
    }));
    Ok(())
}

/// Prints what `count` sensors cost that are polled every `pause` seconds, unless they ask for another pause, by a component
/// with a sensor `count`.
pub(crate) async fn sensors(
    host: &Host,
    component: &Path,
    (count, pause): (usize, usize),
    duration: Duration,
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let directory = TempDir::with_prefix("petrel-load-sensors-")?;
    let mut control = Connection::open(&host.address, &host.token).await?;
    let bare = host.rss_mib();
    let started = Instant::now();
    for number in 0..count {
        let place = directory.path().join(format!("s{number}"));
        sensor(&place, component, &format!("s{number}"), pause)?;
        let answer = control.send("POST", "/packs/register", "", &json!({"path": place}).to_string()).await?;
        ensure!(answer.status == 200, "a pack was answered with {}", answer.status);
    }
    let made = started.elapsed();
    let before = polled(&mut control).await?;
    let begun = Instant::now();
    let share = share_of_cpu(host, duration).await;
    let mut control = Connection::open(&host.address, &host.token).await?;
    let polls = polled(&mut control).await?.saturating_sub(before);
    print(json!({
        "workload": "sensors", "sensors": count, "poll_interval_s": pause, "cpu_percent": share,
        "polls_per_s": per_second(polls, begun.elapsed()),
        "rss_mib": host.rss_mib().map(round), "rss_bare_mib": bare.map(round),
        "ms_to_register_one": per(made, count),
    }));
    Ok(())
}

/// Prints what it takes to drain `count` executions of which a policy lets only some run at once, and then of which a
/// policy lets only some start in a second.
pub(crate) async fn queues(host: &Host, count: usize, print: impl Fn(Value)) -> anyhow::Result<()> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    for (kind, parameters) in [
        ("action.concurrency", json!({"threshold": AT_ONCE})),
        ("action.rate_limit", json!({"limit": A_SECOND, "per": 1})),
    ] {
        let policy = json!({
            "name": "load", "pack": "examples", "enabled": true, "resource_ref": "core.noop",
            "policy_type": kind, "parameters": parameters,
        });
        let answer = control.send("POST", "/policies", "", &policy.to_string()).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 201, "a policy was answered with {}: {said}", answer.status);
        print(drain(host, &mut control, kind, count).await?);
        let answer = control.send("DELETE", "/policies/examples.load", "", "").await?;
        ensure!(answer.status == 204, "the end of a policy was answered with {}", answer.status);
    }
    Ok(())
}

/// Requests `count` executions, and measures each quarter of the queue as it drains.
async fn drain(host: &Host, control: &mut Connection, kind: &str, count: usize) -> anyhow::Result<Value> {
    let cpu = host.cpu();
    let started = Instant::now();
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let answer = control.send("POST", "/executions", "", r#"{"action":"core.noop"}"#).await?;
        ensure!(answer.status == 201, "an execution was answered with {}", answer.status);
        ids.push(answer.json()?.get("id").and_then(Value::as_str).context("no id")?.to_owned());
    }
    let requested = started.elapsed();
    let last = ids.last().context("nothing was requested")?;
    while started.elapsed() < PATIENCE {
        let execution = control.send("GET", &format!("/executions/{last}?wait=30"), "", "").await?.json()?;
        if execution.get("status") == Some(&json!("succeeded")) {
            break;
        }
    }
    let took = started.elapsed();
    let cpu = cpu.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
    let (quarters, out_of_order) = in_order(control, &ids).await?;
    Ok(json!({
        "workload": kind, "executions": count, "requested_after_s": round(requested.as_secs_f64()),
        "drained_after_s": round(took.as_secs_f64()), "cpu_ms_per_execution": cpu.map(|cpu| per(cpu, count)),
        "starts_per_s_by_quarter": quarters, "out_of_order": out_of_order,
        "rss_mib": host.rss_mib().map(round),
    }))
}

/// How many executions started in a second in each quarter of the queue, and how many started before one that was
/// requested well before them.
async fn in_order(control: &mut Connection, ids: &[String]) -> anyhow::Result<(Vec<f64>, usize)> {
    let mut starts = Vec::with_capacity(ids.len());
    let mut before = String::new();
    while starts.len() < ids.len() {
        let path = format!(
            "/executions?limit={PAGE}&action=core.noop&include_attributes=id,start_timestamp,log{before}"
        );
        let page = control.send("GET", &path, "", "").await?.json()?;
        let items = page.as_array().context("a listing is no list")?;
        let Some(last) = items.last().and_then(|item| item.get("id")?.as_str()) else { break };
        before = format!("&before={last}");
        starts.extend(items.iter().filter_map(began));
    }
    starts.truncate(ids.len());
    starts.reverse();
    // Those that are let run at once may begin in any order.
    let out_of_order = starts.windows(2 * AT_ONCE).filter(|pair| pair.first() > pair.last()).count();
    let quarters = starts.chunks(starts.len().div_ceil(4).max(1)).filter_map(|quarter| {
        let took = quarter.last()? - quarter.first()?;
        Some(per_second(quarter.len(), Duration::from_secs_f64(took.max(0.001))))
    });
    Ok((quarters.collect(), out_of_order))
}

/// The second of the day at which an execution began to run, by its log.
fn began(execution: &Value) -> Option<f64> {
    let log = execution.get("log")?.as_array()?;
    let entry = log.iter().find(|entry| entry.get("status") == Some(&json!("running")))?;
    second_of_day(entry.get("timestamp")?.as_str()?)
}

/// How late timers have fired, by the newest `count` events.
async fn lateness(control: &mut Connection, count: usize) -> anyhow::Result<Vec<Duration>> {
    let (mut late, mut before) = (Vec::new(), String::new());
    while late.len() < count {
        let path = format!("/triggerinstances?limit={PAGE}&trigger_type=core.st2.CronTimer{before}");
        let page = control.send("GET", &path, "", "").await?.json()?;
        let items = page.as_array().context("a listing is no list")?;
        let Some(last) = items.last().and_then(|item| item.get("id")?.as_str()) else { break };
        before = format!("&before={last}");
        late.extend(items.iter().filter_map(|event| {
            let at = |name| second_of_day(event.get("payload")?.get(name)?.as_str()?);
            Some(Duration::from_secs_f64((at("executed_at")? - at("scheduled_at")?).max(0.0)))
        }));
    }
    Ok(late)
}

/// The seconds of a day in a time as `2026-11-20 12:00:00.123456+00:00`, or with `T` and `Z`.
fn second_of_day(time: &str) -> Option<f64> {
    let clock = time.get(11..)?.trim_end_matches('Z').trim_end_matches("+00:00");
    clock.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

async fn rule(control: &mut Connection, name: &str, kind: &str, parameters: &Value) -> anyhow::Result<()> {
    let rule = json!({
        "name": name, "pack": "examples", "enabled": true,
        "trigger": {"type": kind, "parameters": parameters}, "action": {"ref": "core.noop"},
    });
    let answer = control.send("POST", "/rules", "", &rule.to_string()).await?;
    ensure!(
        answer.status == 201,
        "a rule was answered with {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}

/// Writes a pack with one sensor.
fn sensor(place: &Path, component: &Path, name: &str, pause: usize) -> anyhow::Result<()> {
    fs::create_dir_all(place.join("sensors"))?;
    let about = "description: A sensor to be measured.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n";
    fs::write(place.join("pack.yaml"), format!("ref: {name}\nname: {name}\n{about}"))?;
    let metadata = format!(
        "class_name: count\nentry_point: count.wasm\npoll_interval: {pause}\ntrigger_types: [{{name: tick, payload_schema: {{type: object}}}}]\n"
    );
    fs::write(place.join("sensors/count.yaml"), metadata)?;
    // A link would change the time stamp that all of them share, and each would look like another file.
    fs::copy(component, place.join("sensors/count.wasm"))
        .map(drop)
        .with_context(|| format!("the component {}", component.display()))
}

/// The polls of all sensors together.
async fn polled(control: &mut Connection) -> anyhow::Result<usize> {
    let list = control.send("GET", "/sensortypes?limit=-1", "", "").await?.json()?;
    let sensors = list.as_array().context("a listing is no list")?.iter();
    let sum: u64 = sensors.filter_map(|sensor| sensor.get("polls")?.as_u64()).sum();
    Ok(usize::try_from(sum)?)
}

/// The share of one processor that the host takes during `duration`, in percent.
async fn share_of_cpu(host: &Host, duration: Duration) -> Option<f64> {
    let before = host.cpu()?;
    let begun = Instant::now();
    tokio::time::sleep(duration).await;
    let spent = host.cpu()?.saturating_sub(before);
    Some(round(spent.as_secs_f64() * 100.0 / begun.elapsed().as_secs_f64()))
}

/// Milliseconds for each of `count`.
#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn per(all: Duration, count: usize) -> f64 {
    round(all.as_secs_f64() * 1000.0 / count.max(1) as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn per_second(count: usize, took: Duration) -> f64 {
    round(count as f64 / took.as_secs_f64())
}

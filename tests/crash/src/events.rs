//! The event side under crashes: webhooks whose events have keys, a timer that is due each second, a sensor that is polled
//! ([`polling`]), writes that expect a state, questions and their answers, and rules on what the platform
//! itself does, while the host is killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use petrel_test_support::{Host, Start};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::audit::{each, settle, text};
use crate::client::Client;
use crate::event_invariants::{Seen, violations};
use crate::polling;
use crate::rounds::Moments;

/// The latest moment of a kill, after the host was ready.
const LATEST: Duration = Duration::from_millis(1200);
/// How long events that are on their way may take in the end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often an answer is offered to a question that may not be asked yet.
const OFFERS: usize = 40;
/// The key that is counted up.
const COUNTER: &str = "/keys/crash_counter";

/// What came of all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How often the host was killed.
    pub kills: usize,
    /// How many events with keys were acknowledged.
    pub acknowledged: usize,
    /// How often the timer has fired.
    pub fired: usize,
    /// The number that the key has.
    pub counted: u64,
    /// How many answers were acknowledged.
    pub answers: usize,
    /// How many ends of executions were reported.
    pub reported: usize,
    /// How many events the sensor has brought.
    pub polled: usize,
}

/// What the senders were told so far, and the key whose event they do not know of.
#[derive(Debug, Default)]
struct Told {
    seen: Seen,
    open: Option<String>,
}

type Shared = Arc<Mutex<Told>>;

/// Puts load on a host until that is gone, in the round of this number.
type Sender = fn(&mut Client, usize, &Shared) -> anyhow::Result<()>;

fn with<T>(told: &Shared, change: impl FnOnce(&mut Told) -> T) -> T {
    change(&mut told.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Kills the host `rounds` times under such a load, then lets everything come to rest and audits it. `component` has the
/// sensor.
///
/// # Errors
/// When the host does not come up again, or an invariant is violated.
pub fn kill(rounds: usize, engine: &str, component: &Path, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-events-")?;
    let flags = ["--store-engine", engine, "--timers-misfire", "catch-up"];
    let ordinary = Start::new(&directory.path().join("data"))?.flags(&flags);
    let at_checkpoints = ordinary.clone().flags(&["--store-checkpoint-kib", "8"]);
    let told = Shared::default();
    for round in 0..rounds {
        let start = if round.is_multiple_of(3) { &at_checkpoints } else { &ordinary };
        let mut host = start.start()?;
        if round == 0 {
            let mut client = Client::of(&host);
            host.explain(polling::begin(&mut client, &directory.path().join("pack"), component))?;
            host.explain(make_rules(&mut client))?;
        }
        let load = load(&host, round, &told);
        std::thread::sleep(moments.next(LATEST));
        host.process.kill()?;
        for sender in load {
            // One that panicked has said so itself.
            drop(sender.join());
        }
    }
    let host = ordinary.start()?;
    let seen = with(&told, |told| std::mem::take(&mut told.seen));
    host.explain(audit(&mut Client::of(&host), rounds, &seen))
}

/// Rules on everything that is tried. That on the ends of executions asks for something else than it listens to.
fn make_rules(client: &mut Client) -> anyhow::Result<()> {
    let noop = json!({"ref": "core.noop"});
    let echo = json!({"ref": "core.echo", "parameters": {"message": "{{ trigger.execution_id }}"}});
    let of_noop = json!({"trigger.action_name": {"type": "equals", "pattern": "core.noop"}});
    for (name, kind, parameters, criteria, action) in [
        ("end", "core.st2.generic.actiontrigger", json!({}), of_noop, &echo),
        ("update", "core.st2.key_value_pair.update", json!({}), json!({}), &noop),
        ("webhook", "core.st2.webhook", json!({"url": "crash"}), json!({}), &noop),
        ("tick", "core.st2.IntervalTimer", json!({"unit": "seconds", "delta": 1}), json!({}), &noop),
    ] {
        let rule = json!({
            "name": name, "pack": "crash", "enabled": true, "action": action, "criteria": criteria,
            "trigger": {"type": kind, "parameters": parameters},
        });
        let status = client.send("POST", "/rules", &rule.to_string())?.status;
        ensure!(status == 201, "the rule {name} was answered with {status}");
    }
    Ok(())
}

/// The senders of a round. They end with the host.
fn load(host: &Host, round: usize, told: &Shared) -> Vec<JoinHandle<()>> {
    let senders: [Sender; 3] = [send_events, count_up, ask];
    let begin = |sender: Sender| {
        let (mut client, told) = (Client::of(host), Arc::clone(told));
        // It ends with an error when the host is gone.
        std::thread::spawn(move || drop(sender(&mut client, round, &told)))
    };
    senders.map(begin).into()
}

/// Sends events, each twice, and first the one that the round before left open.
fn send_events(client: &mut Client, round: usize, told: &Shared) -> anyhow::Result<()> {
    for number in 0_usize.. {
        let next = || format!("{round}-{number}");
        let key = with(told, |told| told.open.get_or_insert_with(next).clone());
        for _ in 0..2 {
            let body = json!({"key": key}).to_string();
            let head = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
            let answer = client.send_with("POST", "/webhooks/crash", &head, &body)?;
            ensure!(answer.status == 202, "the event was answered with {}", answer.status);
            let id = answer.header("x-trigger-instance-id").context("no id")?.to_owned();
            with(told, |told| told.seen.acknowledged.push((key.clone(), id)));
        }
        with(told, |told| told.open = None);
    }
    Ok(())
}

/// Counts a key up, each time on the condition that it is as it was read.
fn count_up(client: &mut Client, _round: usize, told: &Shared) -> anyhow::Result<()> {
    loop {
        let read = client.send("GET", COUNTER, "")?;
        let (number, condition) = if read.status == 404 {
            (1, "If-None-Match: *".to_owned())
        } else {
            let mark = read.header("etag").context("a key without a mark")?;
            (number(&read.json()?)? + 1, format!("If-Match: {mark}"))
        };
        let body = json!({"value": number.to_string()}).to_string();
        let head = format!("Content-Type: application/json\r\n{condition}\r\n");
        let answer = client.send_with("PUT", COUNTER, &head, &body)?;
        ensure!(answer.status == 200, "the key was answered with {}", answer.status);
        with(told, |told| told.seen.written = number);
    }
}

fn number(key: &Value) -> anyhow::Result<u64> {
    Ok(text(key, "value").parse()?)
}

/// Asks questions and answers each, then tries to answer it again.
fn ask(client: &mut Client, round: usize, told: &Shared) -> anyhow::Result<()> {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "required": true}}});
    let asked = json!({"action": "core.ask", "parameters": {"schema": schema}}).to_string();
    for number in 0_u64.. {
        let execution = client.send("POST", "/executions", &asked)?.json()?;
        let id = text(&execution, "id").to_owned();
        let first = u64::try_from(round)? * 1_000_000 + number * 2;
        for answer in [first, first + 1] {
            let body = json!({"response": {"n": answer}}).to_string();
            let offers = if answer == first { OFFERS } else { 1 };
            for _ in 0..offers {
                let head = "Content-Type: application/json\r\n";
                if client.send_with("PUT", &format!("/inquiries/{id}"), head, &body)?.status == 200 {
                    with(told, |told| told.seen.answers.push((id.clone(), answer)));
                    break;
                }
                // It may not be asked yet.
                std::thread::sleep(Duration::from_millis(25));
            }
        }
    }
    Ok(())
}

/// Lets everything come to rest, and checks what was kept.
fn audit(client: &mut Client, kills: usize, told: &Seen) -> anyhow::Result<Report> {
    let status = client.send("DELETE", "/rules/crash.tick", "")?.status;
    ensure!(status == 204, "the end of the timer was answered with {status}");
    polling::end(client)?;
    let until = Instant::now() + PATIENCE;
    loop {
        settle(client)?;
        let seen = observe(client, told.clone())?;
        let violations = violations(&seen);
        if violations.is_empty() {
            return Ok(Report {
                kills,
                acknowledged: seen.acknowledged.len(),
                fired: seen.due.len(),
                counted: seen.stored,
                answers: seen.answers.len(),
                reported: seen.reported.len(),
                polled: seen.polled.len(),
            });
        }
        // Events of what has ended may be on their way.
        ensure!(Instant::now() < until, "{} violations:\n{}", violations.len(), violations.join("\n"));
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Adds to what the senders were told what a host has kept.
fn observe(client: &mut Client, told: Seen) -> anyhow::Result<Seen> {
    let of = |kind: &str| format!("/triggerinstances?limit=500&trigger_type=core.st2.{kind}");
    let mut seen = told;
    each(client, &of("webhook"), |event| {
        let key = event.pointer("/payload/body/key").and_then(Value::as_str).unwrap_or_default();
        seen.events.push((key.to_owned(), text(event, "id").to_owned()));
        Ok(())
    })?;
    each(client, &of("IntervalTimer"), |event| {
        let at = event.pointer("/payload/scheduled_at").and_then(Value::as_str).unwrap_or_default();
        let part = |from: usize| at.get(from..from + 2).context("a time without minutes and seconds");
        seen.due.push(part(14)?.parse::<u64>()? * 60 + part(17)?.parse::<u64>()?);
        Ok(())
    })?;
    // Lists are newest first.
    seen.due.reverse();
    each(client, &of("key_value_pair.update"), |event| {
        let key = event.pointer("/payload/object").context("an event without its key")?;
        seen.told.push(number(key)?);
        Ok(())
    })?;
    each(client, &of("generic.actiontrigger"), |event| {
        let id = event.pointer("/payload/execution_id").and_then(Value::as_str).unwrap_or_default();
        seen.reported.push(id.to_owned());
        Ok(())
    })?;
    (seen.polled, seen.cursor) = polling::observe(client)?;
    (seen.ended, seen.answered) = executions(client)?;
    let counter = client.send("GET", COUNTER, "")?;
    seen.stored = if counter.status == 404 { 0 } else { number(&counter.json()?)? };
    Ok(seen)
}

/// The executions that have succeeded, and the answers to questions among them.
fn executions(client: &mut Client) -> anyhow::Result<(BTreeSet<String>, BTreeMap<String, u64>)> {
    let (mut ended, mut answered) = (BTreeSet::new(), BTreeMap::new());
    each(client, "/executions?limit=500&include_attributes=id,status,result", |execution| {
        let id = text(execution, "id").to_owned();
        if let Some(answer) = execution.pointer("/result/response/n").and_then(Value::as_u64) {
            answered.insert(id.clone(), answer);
        }
        if text(execution, "status") == "succeeded" {
            ended.insert(id);
        }
        Ok(())
    })?;
    Ok((ended, answered))
}

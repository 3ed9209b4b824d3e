//! Reads back what a host kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use petrel_model::Status;
use petrel_test_support::until;
use serde_json::Value;

use crate::client::Client;
use crate::invariants::{Acknowledged, Observed, Stored};

/// How long a host may take to finish what is waiting.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until nothing waits and nothing runs.
///
/// # Errors
/// When that does not happen.
pub fn settle(client: &mut Client) -> anyhow::Result<()> {
    until("a host at rest", PATIENCE, || {
        let status = client.send("GET", "/status", "")?.json()?;
        let is_none = |name: &str| status.get(name) == Some(&0.into());
        Ok((is_none("waiting") && is_none("running")).then_some(()))
    })
}

/// Everything that can be seen from outside.
///
/// # Errors
/// When the host does not answer.
pub fn observe(
    client: &mut Client,
    acknowledged: &[Acknowledged],
    effects: &Path,
) -> anyhow::Result<Observed> {
    let mut trigger_instances = BTreeSet::new();
    each(client, "/triggerinstances?limit=500&include_attributes=id", |item| {
        trigger_instances.insert(text(item, "id").to_owned());
        Ok(())
    })?;
    let mut executions = BTreeMap::new();
    each(client, "/executions?limit=500&include_attributes=id,status,log,rule", |item| {
        executions.insert(text(item, "id").to_owned(), stored(item)?);
        Ok(())
    })?;
    let effects = std::fs::read_to_string(effects).unwrap_or_default();
    Ok(Observed {
        acknowledged: acknowledged.to_vec(),
        trigger_instances,
        executions,
        effects: effects.lines().map(str::to_owned).collect(),
    })
}

/// A large result that an acknowledged event leads to: `line` again and again, cut to `size` bytes.
#[derive(Debug, Clone)]
pub struct Large {
    /// The execution.
    pub execution: String,
    /// What its command repeats.
    pub line: String,
    /// How many bytes it prints.
    pub size: usize,
}

impl Large {
    /// What its result must hold.
    fn expected(&self) -> String {
        let line = format!("{}\n", self.line);
        let mut text = line.repeat(self.size / line.len() + 1);
        text.truncate(self.size);
        text
    }
}

/// How many large results there are, and which are not what their commands printed.
///
/// # Errors
/// When the host does not answer.
pub fn torn(client: &mut Client, large: &[Large]) -> anyhow::Result<(usize, Vec<String>)> {
    let (mut read, mut torn) = (0, Vec::new());
    for one in large {
        let execution = client.send("GET", &format!("/executions/{}", one.execution), "")?.json()?;
        if text(&execution, "status") != "succeeded" {
            continue;
        }
        read += 1;
        let found = execution.pointer("/result/stdout").and_then(Value::as_str).unwrap_or_default();
        if found.trim_end() != one.expected().trim_end() {
            torn.push(format!(
                "execution {} has {} bytes of result, not {}",
                one.execution,
                found.len(),
                one.size
            ));
        }
    }
    Ok((read, torn))
}

/// Calls `take` with each item of a list, newest first, however long that is.
///
/// # Errors
/// When the host does not answer, or `take` fails.
pub(crate) fn each(
    client: &mut Client,
    path: &str,
    mut take: impl FnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut before = String::new();
    loop {
        let page = client.send("GET", &format!("{path}{before}"), "")?.json()?;
        let items = page.as_array().context("a listing is no list")?;
        items.iter().try_for_each(&mut take)?;
        match items.last() {
            Some(last) => before = format!("&before={}", text(last, "id")),
            None => return Ok(()),
        }
    }
}

pub(crate) fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn stored(item: &Value) -> anyhow::Result<Stored> {
    let log = item.get("log").and_then(Value::as_array).context("an execution without a log")?;
    let log: Result<Vec<Status>, _> = log.iter().map(|entry| text(entry, "status").parse()).collect();
    Ok(Stored {
        status: text(item, "status").parse()?,
        has_effect: item.pointer("/rule/ref") == Some(&"crash.effect".into()),
        log: log?,
    })
}

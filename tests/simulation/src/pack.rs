//! The packs of a simulation: an action that may run once, one that may run again, and random workflows of them and of
//! each other; besides, actions with policies, one that asks a question, and a sensor. The files of each pack are laid out
//! once in a process, and registered in each simulation as the documents that came of that.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use petrel_crash::rounds::Moments;
use petrel_persistence::{Document, DocumentKind, MemoryStore, Store as _};
use tempfile::TempDir;

/// How many packs there are: a seed takes one of them.
const PACKS: u64 = 16;
/// How many workflows a pack has; each may ask for those after it.
pub(crate) const WORKFLOWS: usize = 4;

/// The trigger types that simulations need, as they come with the host.
const TRIGGERS: [(&str, &str); 4] = [
    ("action_trigger.yaml", include_str!("../../../packs/core/triggers/action_trigger.yaml")),
    ("cron_timer.yaml", include_str!("../../../packs/core/triggers/cron_timer.yaml")),
    ("interval_timer.yaml", include_str!("../../../packs/core/triggers/interval_timer.yaml")),
    ("webhook.yaml", include_str!("../../../packs/core/triggers/webhook.yaml")),
];

/// The actions of which a policy lets only so many run at once. What is too much waits, or is canceled.
pub(crate) const LIMITED: [(&str, usize); 2] = [("sim.narrow", 2), ("sim.only", 1)];
/// The action that is tried again after a failure, and how often.
pub(crate) const TRIED_AGAIN: (&str, u32) = ("sim.again", 2);
/// How long a question is open.
pub(crate) const ASKED_FOR: Duration = Duration::from_secs(60);
/// The sensor, and the trigger type of its events.
pub(crate) const SENSOR: (&str, &str) = ("sim.steps", "sim.step");

/// The policies: name, action, type and parameters.
const POLICIES: [(&str, &str, &str, &str); 4] = [
    ("narrow", "sim.narrow", "action.concurrency", "{threshold: 2, action: delay}"),
    ("only", "sim.only", "action.concurrency", "{threshold: 1, action: cancel}"),
    ("again", "sim.again", "action.retry", "{retry_on: failure, max_retry_count: 2, delay: 1}"),
    ("paced", "sim.paced", "action.rate_limit", "{limit: 2, per: 4, action: delay}"),
];
/// The action that asks a question, whose answer is a number.
const ASK: &str = "name: ask\nrunner_type: inquirer\nentry_point: ''\nenabled: true\nparameters:\n  schema:\n    default: {type: object, properties: {n: {type: integer, required: true}}}\n  ttl:\n    default: 1\n";
/// The workflow that goes on when its question is answered, or open for too long.
const APPROVAL: &str = "version: 1.0\ntasks:\n  ask:\n    action: sim.ask\n    next:\n      - when: <% completed() %>\n        do: go\n  go:\n    action: sim.safe n=1\n";
/// The sensor, which is off until it is switched on.
const STEPS: &str = "class_name: steps\nentry_point: steps.wasm\nenabled: false\npoll_interval: 5\ntrigger_types:\n  - {name: step, payload_schema: {type: object, properties: {n: {type: integer, required: true}}}}\n";

/// A task in the plan of a workflow: its name, what it leads to, whether it waits for all that leads to it, and whether
/// it may have items.
type Task = (&'static str, &'static str, bool, bool);

/// The plans of workflows.
const PLANS: [&[Task]; 4] = [
    &[("a", "b", false, false), ("b", "c", false, true), ("c", "", false, false)],
    &[("a", "b, c", false, false), ("b", "d", false, false), ("c", "d", false, true), ("d", "", true, false)],
    &[("a", "b", false, true), ("b", "", false, false)],
    &[("a", "", false, false), ("b", "", false, false), ("c", "d", false, true), ("d", "", false, false)],
];

/// All packs of this process.
#[derive(Debug)]
pub struct Packs {
    directory: TempDir,
    registered: Mutex<BTreeMap<u64, Vec<Document>>>,
}

impl Packs {
    /// Room for them. It goes when this is dropped.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn new() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("petrel-simulation-")?;
        Ok(Self { directory, registered: Mutex::default() })
    }

    /// What is registered for `seed`; what is not yet is registered by `register`, which is given the directories of
    /// the packs and an empty store.
    ///
    /// # Errors
    /// When the files cannot be written, or what `register` says.
    pub(crate) fn of_seed(
        &self,
        seed: u64,
        register: impl FnOnce(&[PathBuf], MemoryStore) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Document>> {
        let number = seed % PACKS;
        let mut registered = self.registered.lock();
        if let Some(documents) = registered.get(&number) {
            return Ok(documents.clone());
        }
        let directory = self.directory.path().join(number.to_string());
        let paths = [directory.join("core"), directory.join("sim")];
        write_core(&directory.join("core")).context("the pack `core` cannot be written")?;
        let mut moments = Moments::from_seed((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        write_sim(&directory.join("sim"), &mut moments).context("the pack `sim` cannot be written")?;
        let store = MemoryStore::default();
        register(&paths, store.clone())?;
        let documents = documents(&store)?;
        registered.insert(number, documents.clone());
        Ok(documents)
    }
}

/// All documents of a store.
fn documents(store: &MemoryStore) -> anyhow::Result<Vec<Document>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut documents = Vec::new();
        for kind in DocumentKind::ALL {
            documents.extend(store.documents(*kind).await?);
        }
        Ok(documents)
    })
}

/// The part of the pack `core` that needs no component.
fn write_core(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("triggers"))?;
    fs::write(directory.join("pack.yaml"), head("core"))?;
    TRIGGERS.iter().try_for_each(|(file, text)| fs::write(directory.join("triggers").join(file), text))
}

fn write_sim(directory: &Path, moments: &mut Moments) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("actions/workflows"))?;
    fs::write(directory.join("pack.yaml"), head("sim"))?;
    let once = ["once", "narrow", "only", "again", "paced"].map(|name| (name, ""));
    for (name, mark) in once.into_iter().chain([("safe", "idempotent: true\n")]) {
        let action = format!(
            "name: {name}\nrunner_type: noop\nenabled: true\n{mark}parameters:\n  n:\n    type: integer\n"
        );
        fs::write(directory.join(format!("actions/{name}.yaml")), action)?;
    }
    for number in 0..WORKFLOWS {
        write_workflow(directory, &format!("w{number}"), &workflow(number, moments).unwrap_or_default())?;
    }
    write_workflow(directory, "approval", APPROVAL)?;
    write_event_side(directory)
}

fn write_workflow(directory: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let metadata = format!(
        "name: {name}\nrunner_type: orquesta\nentry_point: workflows/{name}.yaml\nenabled: true\nparameters: {{}}\n"
    );
    fs::write(directory.join(format!("actions/{name}.yaml")), metadata)?;
    fs::write(directory.join(format!("actions/workflows/{name}.yaml")), text)
}

/// The policies, the question and the sensor.
fn write_event_side(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("policies"))?;
    for (name, action, kind, parameters) in POLICIES {
        let policy = format!(
            "name: {name}\nenabled: true\nresource_ref: {action}\npolicy_type: {kind}\nparameters: {parameters}\n"
        );
        fs::write(directory.join(format!("policies/{name}.yaml")), policy)?;
    }
    fs::write(directory.join("actions/ask.yaml"), ASK)?;
    fs::create_dir_all(directory.join("sensors"))?;
    fs::write(directory.join("sensors/steps.yaml"), STEPS)?;
    // What runs sensors here does not look into it.
    fs::write(directory.join("sensors/steps.wasm"), "")
}

fn head(name: &str) -> String {
    format!("ref: {name}\nname: {name}\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n")
}

/// A random workflow: one of the plans, with random actions, items, delays, retries and a timeout.
fn workflow(number: usize, moments: &mut Moments) -> Result<String, std::fmt::Error> {
    let mut text = String::from("version: 1.0\n");
    if moments.number(4) == 0 {
        writeln!(text, "timeout: {}", 1 + moments.number(20))?;
    }
    text.push_str("tasks:\n");
    let plan = PLANS.get(moments.number(PLANS.len())).copied().unwrap_or_default();
    for (name, next, joins, may_have_items) in plan {
        writeln!(text, "  {name}:\n    action: {}", action(number, moments))?;
        if *joins {
            text.push_str("    join: all\n");
        }
        if *may_have_items && moments.number(3) > 0 {
            let (items, at_once) = (moments.number(4), 1 + moments.number(3));
            let list = format!("<% range({items}).toList() %>");
            writeln!(text, "    with: {{items: \"{list}\", concurrency: {at_once}}}")?;
        }
        if moments.number(3) == 0 {
            writeln!(text, "    retry: {{count: {}, delay: {}}}", 1 + moments.number(2), moments.number(3))?;
        }
        if moments.number(5) == 0 {
            writeln!(text, "    delay: {}", 1 + moments.number(3))?;
        }
        if !next.is_empty() {
            let when = ["succeeded()", "succeeded()", "completed()"].get(moments.number(3)).copied();
            let when = when.unwrap_or("completed()");
            writeln!(text, "    next:\n      - when: <% {when} %>\n        do: {next}")?;
        }
    }
    Ok(text)
}

/// What a task of the workflow `number` runs.
fn action(number: usize, moments: &mut Moments) -> String {
    match moments.number(8) {
        0..=2 if number + 1 < WORKFLOWS => {
            format!("sim.w{}", number + 1 + moments.number(WORKFLOWS - number - 1))
        }
        3..=5 => "sim.safe n=1".into(),
        _ => "sim.once n=2".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_the_same_each_time_and_calls_nothing_that_calls_it() {
        for seed in 1..PACKS {
            for number in 0..WORKFLOWS {
                let made = || workflow(number, &mut Moments::from_seed(seed)).unwrap();
                let text = made();
                assert_eq!(text, made());
                assert!((0..=number).all(|called| !text.contains(&format!("sim.w{called}"))), "{text}");
            }
        }
    }
}

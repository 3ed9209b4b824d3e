//! The packs of a simulation: an action that may run once, one that may run again, and random workflows of them and of
//! each other. The files of each pack are laid out once in a process, and registered in each simulation as
//! the documents that came of that.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use parking_lot::Mutex;
use petrel_crash::rounds::Moments;
use petrel_persistence::{Document, DocumentKind, MemoryStore, Store as _};
use tempfile::TempDir;

/// How many packs there are: a seed takes one of them.
const PACKS: u64 = 16;
/// How many workflows a pack has; each may ask for those after it.
pub(crate) const WORKFLOWS: usize = 4;

/// The trigger type of webhooks, as it comes with the host.
const WEBHOOK: &str = include_str!("../../../packs/core/triggers/webhook.yaml");

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
    fs::write(directory.join("triggers/webhook.yaml"), WEBHOOK)
}

fn write_sim(directory: &Path, moments: &mut Moments) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("actions/workflows"))?;
    fs::write(directory.join("pack.yaml"), head("sim"))?;
    for (name, mark) in [("once", ""), ("safe", "idempotent: true\n")] {
        let action = format!(
            "name: {name}\nrunner_type: noop\nenabled: true\n{mark}parameters:\n  n:\n    type: integer\n"
        );
        fs::write(directory.join(format!("actions/{name}.yaml")), action)?;
    }
    for number in 0..WORKFLOWS {
        let metadata = format!(
            "name: w{number}\nrunner_type: orquesta\nentry_point: workflows/w{number}.yaml\nenabled: true\nparameters: {{}}\n"
        );
        fs::write(directory.join(format!("actions/w{number}.yaml")), metadata)?;
        fs::write(
            directory.join(format!("actions/workflows/w{number}.yaml")),
            workflow(number, moments).unwrap_or_default(),
        )?;
    }
    Ok(())
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

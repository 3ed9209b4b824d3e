//! The world of a workflow's expressions: the moment, the datastore, and results of tasks.
//!
//! Reads of the datastore are noted, and go into the log with the event, so that a replay of the log sees the
//! same values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use petrel_engine_core::Vault;
use petrel_expressions::workflow::{Keys, Moment};
use petrel_expressions::{Datastore, KeyName, KeyScope, Opener, open_any};
use petrel_model::{ExecutionId, Timestamp, WorkflowEntry};
use petrel_workflows::conductor::{Records, Report, Secrets};
use petrel_workflows::{Conducted, World};
use serde_json::{Value, json};

/// Reads of the datastore, by the name of the key, with its scope unless that is the system's.
pub(super) type Reads = BTreeMap<String, Option<String>>;

fn noted(scope: KeyScope, name: &str) -> String {
    match scope {
        KeyScope::System => name.to_owned(),
        // No name of a key has a line end, so that no shared key has such a name.
        KeyScope::User => format!("user\n{name}"),
    }
}

/// The key that was noted so.
fn named(noted: &str) -> KeyName {
    let (scope, name) = match noted.strip_prefix("user\n") {
        Some(name) => (KeyScope::User, name),
        None => (KeyScope::System, noted),
    };
    KeyName { scope, name: name.to_owned() }
}

/// Encrypted values that were read, each behind the key as it is noted.
pub(super) type Sealed = BTreeSet<(String, String)>;

/// The encrypted ones of `reads`.
pub(super) fn sealed(reads: &Reads) -> impl Iterator<Item = (String, String)> {
    reads.iter().filter_map(|(key, value)| {
        let value = value.as_ref().filter(|value| Vault::is_sealed(value))?;
        Some((key.clone(), value.clone()))
    })
}

/// The texts of `sealed`, as far as `opener` opens them. One of fewer than four characters is in too many other texts.
pub(super) fn opened(sealed: &Sealed, opener: &dyn Opener) -> Vec<String> {
    let texts = sealed.iter().filter_map(|(key, value)| opener.open(&named(key), value).ok().flatten());
    texts.filter(|text| text.chars().nth(3).is_some()).collect()
}

/// The present datastore; its reads are noted.
#[derive(Debug)]
pub(super) struct Live {
    datastore: Arc<Datastore>,
    reads: Mutex<Reads>,
}

impl Live {
    pub(super) fn new(datastore: Arc<Datastore>) -> Self {
        Self { datastore, reads: Mutex::default() }
    }

    /// The reads so far.
    pub(super) fn reads(&self) -> Reads {
        self.reads.lock().clone()
    }
}

impl Keys for Live {
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String> {
        let values = match scope {
            KeyScope::System => &self.datastore.system,
            KeyScope::User => &self.datastore.user,
        };
        let value = values.get(name).cloned();
        self.reads.lock().insert(noted(scope, name), value.clone());
        read(value, scope, name, self.datastore.opener.as_deref().filter(|_| decrypt))
    }

    fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        let opened = open_any(self.datastore.keys_of(sealed), self.datastore.opener.as_deref(), sealed);
        let key = match &opened {
            Ok(Some((key, _))) => Some(key.clone()),
            Ok(None) | Err(_) => self.datastore.keys_of(sealed).next(),
        };
        if let Some(key) = key {
            // What is noted is encrypted: the log of the workflow is stored.
            self.reads.lock().insert(noted(key.scope, &key.name), Some(sealed.to_owned()));
        }
        opened.map(|opened| opened.map(|(_, text)| text))
    }
}

/// `value`, which was read of a key; decrypted if there is an `opener` and it is encrypted.
fn read(
    value: Option<String>,
    scope: KeyScope,
    name: &str,
    opener: Option<&dyn Opener>,
) -> Result<Option<String>, String> {
    let (Some(text), Some(opener)) = (&value, opener) else { return Ok(value) };
    let key = KeyName { scope, name: name.to_owned() };
    let opened = opener.open(&key, text).map_err(|reason| format!("{key} cannot be decrypted: {reason}"))?;
    Ok(opened.or(value))
}

/// The reads of the datastore at the time of the event.
#[derive(Debug)]
struct Noted {
    reads: Reads,
    opener: Option<Arc<dyn Opener>>,
}

impl Keys for Noted {
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String> {
        let value = self.reads.get(&noted(scope, name)).cloned().flatten();
        read(value, scope, name, self.opener.as_deref().filter(|_| decrypt))
    }

    fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        let read = self.reads.iter().filter(|(_, value)| value.as_deref() == Some(sealed));
        let mut keys: Vec<_> = read.map(|(key, _)| named(key)).collect();
        // As `Datastore::keys_of` has it.
        if keys.iter().any(|key| key.scope == KeyScope::User) {
            keys.retain(|key| key.scope == KeyScope::User);
        }
        let opened = open_any(keys.into_iter(), self.opener.as_deref(), sealed);
        opened.map(|opened| opened.map(|(_, text)| text))
    }
}

/// The results of a task's actions with their statuses, by item; `None` is the task itself.
type GivenByItem = BTreeMap<Option<usize>, (String, Arc<Value>)>;

/// The results of one workflow's tasks, for expressions that call `task()`.
#[derive(Debug)]
pub(super) struct Results {
    workflow: ExecutionId,
    /// By the number of the task's run.
    given: Mutex<BTreeMap<usize, GivenByItem>>,
}

impl Results {
    pub(super) fn new(workflow: ExecutionId) -> Self {
        Self { workflow, given: Mutex::default() }
    }

    /// Keeps the result of an ended action.
    pub(super) fn keep(&self, report: &Report, conductor: &Conducted) {
        let number = conductor.number(&report.task, report.route).filter(|_| report.status.is_completed());
        if let Some(number) = number {
            let given = (report.status.as_str().to_owned(), Arc::clone(&report.result));
            self.given.lock().entry(number).or_default().insert(report.item, given);
        }
    }
}

impl Records for Results {
    fn workflow(&self) -> String {
        self.workflow.to_string()
    }

    fn task(&self, number: usize) -> String {
        task_execution_id(self.workflow, number)
    }

    fn result(&self, number: usize) -> Result<Arc<Value>, String> {
        let given = self.given.lock();
        let Some(items) = given.get(&number) else { return Ok(Arc::default()) };
        if let Some((_, result)) = items.get(&None) {
            return Ok(Arc::clone(result));
        }
        let items = items.values().map(|(status, result)| json!({"status": status, "result": **result}));
        Ok(Arc::new(json!({"items": items.collect::<Vec<_>>()})))
    }
}

/// The id of a task's run: that of its workflow, with the number of the run in place of its end.
pub(crate) fn task_execution_id(workflow: ExecutionId, number: usize) -> String {
    let mut id = workflow.to_string();
    // As long as StackStorm's ids: 24 hexadecimal digits.
    id.truncate(16);
    format!("{id}{number:08x}")
}

/// The moment of the entry with this number, with its seed: the same whenever the log is read, so the formula
/// must not change.
fn moment(at: Timestamp, number: u64) -> Moment {
    let micros = at.as_micros();
    // Spreads neighbouring numbers over the whole range.
    let seed = (micros.unsigned_abs() ^ number.rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Moment { micros, seed }
}

/// The surroundings of one workflow: the results of its tasks, and the catalog.
#[derive(Debug, Clone)]
pub(super) struct Around {
    results: Option<Arc<Results>>,
    secrets: Arc<dyn Secrets>,
}

impl Around {
    pub(super) fn new(secrets: &Arc<dyn Secrets>, results: Option<Arc<Results>>) -> Self {
        Self { results, secrets: Arc::clone(secrets) }
    }

    /// The present world, for the entry with this number.
    pub(super) fn now(&self, at: Timestamp, number: u64, keys: Arc<Live>) -> World {
        self.world(moment(at, number), keys)
    }

    /// The world at the time of the entry with this number. `opener` opens what was read and is encrypted.
    pub(super) fn then(&self, entry: &WorkflowEntry, number: u64, opener: Option<&Arc<dyn Opener>>) -> World {
        let noted = Noted { reads: entry.keys.clone(), opener: opener.cloned() };
        self.world(moment(entry.at, number), Arc::new(noted))
    }

    fn world(&self, moment: Moment, keys: Arc<dyn Keys>) -> World {
        World {
            moment,
            keys: Some(keys),
            records: self.results.clone().map(|results| results as Arc<dyn Records>),
            secrets: Some(Arc::clone(&self.secrets)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens `sealed:NAME` for the key of that name.
    #[derive(Debug)]
    struct ByName;

    impl Opener for ByName {
        fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
            match sealed.strip_prefix("sealed:") {
                None => Ok(None),
                Some(name) if name == key.name => Ok(Some(format!("{key} is open"))),
                Some(_) => Err("it is of another key".to_owned()),
            }
        }
    }

    #[test]
    fn a_replay_decrypts_what_the_event_has_decrypted() {
        let of = |pairs: &[(&str, &str)]| {
            Arc::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let opener: Arc<dyn Opener> = Arc::new(ByName);
        let datastore = Arc::new(Datastore {
            system: of(&[("a", "sealed:b"), ("b", "sealed:b"), ("c", "sealed:c")]),
            user: of(&[("mine", "sealed:c"), ("own", "sealed:own")]),
            opener: Some(Arc::clone(&opener)),
        });
        for (sealed, expected) in [
            ("sealed:b", Ok(Some("st2kv.system.b is open"))),
            ("sealed:own", Ok(Some("st2kv.user.own is open"))),
            // A key of the user with the value of one that all share does not give that to them.
            ("sealed:c", Err("it is of another key")),
            ("other", Ok(None)),
        ] {
            let live = Live::new(Arc::clone(&datastore));
            // A copy is read too.
            drop(live.get(KeyScope::System, "a", false));
            let then = live.open(sealed);
            let noted = Noted { reads: live.reads(), opener: Some(Arc::clone(&opener)) };
            assert_eq!(then.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{sealed}");
            assert_eq!(noted.open(sealed), then, "{sealed}");
        }
    }
}

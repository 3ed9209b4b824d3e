//! What the expressions of a workflow see of the world: the moment, the datastore, what tasks gave.
//!
//! What was read from the datastore is noted, and goes into the log with the event: when the log is read
//! again, the same is seen again.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use petrel_expressions::workflow::{Keys, Moment};
use petrel_expressions::{Datastore, KeyScope};
use petrel_model::{ExecutionId, Timestamp, WorkflowEntry};
use petrel_workflows::conductor::{Records, Report, Secrets};
use petrel_workflows::{Conducted, World};
use serde_json::{Value, json};

/// What was read from the datastore, by the name of the key with its scope where that is not the system's.
pub(super) type Reads = BTreeMap<String, Option<String>>;

fn noted(scope: KeyScope, name: &str) -> String {
    match scope {
        KeyScope::System => name.to_owned(),
        KeyScope::User => format!("user/{name}"),
    }
}

/// The datastore as it is now; what is read is noted.
#[derive(Debug)]
pub(super) struct Live {
    datastore: Arc<Datastore>,
    reads: Mutex<Reads>,
}

impl Live {
    pub(super) fn new(datastore: Arc<Datastore>) -> Self {
        Self { datastore, reads: Mutex::default() }
    }

    /// What was read so far.
    pub(super) fn reads(&self) -> Reads {
        self.reads.lock().clone()
    }
}

impl Keys for Live {
    fn get(&self, scope: KeyScope, name: &str, _decrypt: bool) -> Result<Option<String>, String> {
        let values = match scope {
            KeyScope::System => &self.datastore.system,
            KeyScope::User => &self.datastore.user,
        };
        let value = values.get(name).cloned();
        self.reads.lock().insert(noted(scope, name), value.clone());
        Ok(value)
    }
}

/// What was read from the datastore when something happened first.
#[derive(Debug)]
struct Noted(Reads);

impl Keys for Noted {
    fn get(&self, scope: KeyScope, name: &str, _decrypt: bool) -> Result<Option<String>, String> {
        Ok(self.0.get(&noted(scope, name)).cloned().flatten())
    }
}

/// What the actions of a task gave, with their statuses, by item; `None` is the task itself.
type GivenByItem = BTreeMap<Option<usize>, (String, Arc<Value>)>;

/// What the tasks of one workflow gave, for those that ask with `task()`.
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

    /// Keeps what an action gave that has ended.
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

/// The identity of a task's run: that of its workflow, with the number in the place of its end.
pub(crate) fn task_execution_id(workflow: ExecutionId, number: usize) -> String {
    let mut id = workflow.to_string();
    id.truncate(16);
    format!("{id}{number:08x}")
}

/// A moment, with the chance of the entry of a log that has this number: the same when it is read again.
fn moment(at: Timestamp, number: u64) -> Moment {
    let micros = at.as_micros();
    // Neighbours are spread over the whole range.
    let seed = (micros.unsigned_abs() ^ number.rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Moment { micros, seed }
}

/// The world around one workflow: what its tasks gave, and what is registered.
#[derive(Debug, Clone)]
pub(super) struct Around {
    results: Option<Arc<Results>>,
    secrets: Arc<dyn Secrets>,
}

impl Around {
    pub(super) fn new(secrets: &Arc<dyn Secrets>, results: Option<Arc<Results>>) -> Self {
        Self { results, secrets: Arc::clone(secrets) }
    }

    /// The world as it is now, for the entry with this number.
    pub(super) fn now(&self, at: Timestamp, number: u64, keys: Arc<Live>) -> World {
        self.world(moment(at, number), keys)
    }

    /// The world as it was when the entry with this number was made.
    pub(super) fn then(&self, entry: &WorkflowEntry, number: u64) -> World {
        self.world(moment(entry.at, number), Arc::new(Noted(entry.keys.clone())))
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

//! The plan of a process: its settings, its pack, its clock, and the rows that an earlier one has stored.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use petrel_engine::Options;
use petrel_engine_core::SetClock;
use petrel_model::trigger::WEBHOOK;
use petrel_model::{ExecutionId, Object, TriggerType};
use tempfile::TempDir;

use super::house::House;
use super::metadata_of_pack;
use super::script::{SCRIPTED, SCRIPTED_PROCESS};
use super::store::TestStore;

/// The actions of the pack: name, runner, further lines of its metadata.
const ACTIONS: [(&str, &str, &str); 12] = [
    ("waits", SCRIPTED, ""),
    ("at_once", SCRIPTED, ""),
    ("fails", SCRIPTED, ""),
    ("panics", SCRIPTED, ""),
    ("deaf", SCRIPTED, ""),
    ("talks", SCRIPTED, ""),
    ("again", SCRIPTED, "idempotent: true\n"),
    ("again_at_once", SCRIPTED, "idempotent: true\n"),
    ("idle", SCRIPTED, "enabled: false\n"),
    ("heavy", SCRIPTED_PROCESS, ""),
    ("heavy_at_once", SCRIPTED_PROCESS, ""),
    ("elsewhere", "no-such-runner", ""),
];

/// The parameters of each of them.
const PARAMETERS: &str = "parameters:\n  value: {type: string}\n  number: {type: integer}\n  password: {type: string, secret: true}\n";
/// What a process is started with, and what is there before it.
pub(crate) struct Plan {
    pub(super) options: Options,
    /// Whether an earlier process has registered the pack.
    pub(super) is_known: bool,
    pub(super) rests: bool,
    pub(super) files: TempDir,
    pub(super) clock: Arc<SetClock>,
    pub(super) store: TestStore,
}

impl Default for Plan {
    fn default() -> Self {
        let plan = Self {
            options: Options::default(),
            is_known: false,
            rests: false,
            files: TempDir::new().unwrap(),
            clock: Arc::new(SetClock::default()),
            store: TestStore::default(),
        };
        plan.write("pack.yaml", &metadata_of_pack("1.0.0"));
        for (name, runner, lines) in ACTIONS {
            plan.write(
                &format!("actions/{name}.yaml"),
                &format!("name: {name}\nrunner_type: {runner}\n{lines}{PARAMETERS}"),
            );
        }
        plan
    }
}

impl Plan {
    /// The same with other settings.
    pub(crate) fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// The same with a workflow, or a chain, in the pack.
    pub(crate) fn workflow(self, name: &str, definition: &str) -> Self {
        self.workflow_with(name, "{}", definition)
    }

    /// The same with a workflow that takes parameters.
    pub(crate) fn workflow_with(self, name: &str, parameters: &str, definition: &str) -> Self {
        let runner = if definition.contains("chain:") { "action-chain" } else { "orquesta" };
        let metadata = format!(
            "name: {name}\nrunner_type: {runner}\nentry_point: workflows/{name}.yaml\nparameters: {parameters}\n"
        );
        self.write(&format!("actions/{name}.yaml"), &metadata);
        self.write(&format!("actions/workflows/{name}.yaml"), definition);
        self
    }

    /// The same with an action `ask` in the pack, which asks a question.
    pub(crate) fn asking(self) -> Self {
        self.write("actions/ask.yaml", "name: ask\nrunner_type: inquirer\nidempotent: true\n");
        self
    }

    /// The same with an action `calls` in the pack, which runs another one.
    pub(crate) fn calling(self) -> Self {
        for name in ["calls", "learns"] {
            let action = format!("name: {name}\nrunner_type: {SCRIPTED}\n{PARAMETERS}");
            self.write(&format!("actions/{name}.yaml"), &action);
        }
        self
    }

    /// The same, but nothing runs before [`House::start`].
    pub(crate) fn resting(mut self) -> Self {
        self.rests = true;
        self
    }

    /// Holds executions, as a restore from a backup does.
    pub(crate) fn holding(self, ids: &[ExecutionId]) -> Self {
        self.store.hold(ids.iter().copied());
        self
    }

    /// The disk of a store that has failed is whole again.
    pub(crate) fn mended(self) -> Self {
        self.store.mend();
        self
    }

    /// Turns the clock while no process is there.
    pub(crate) fn turn(&self, by: Duration) {
        self.clock.turn(by);
    }

    /// Writes a file of the pack.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.files.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The trigger type of webhooks, as the pack `core` would bring it.
    pub(super) fn webhook() -> TriggerType {
        TriggerType {
            reference: WEBHOOK.parse().unwrap(),
            description: String::new(),
            parameters_schema: Object::new(),
            payload_schema: Object::new(),
            made_by: None,
        }
    }

    /// Starts the process.
    pub(crate) async fn open(self) -> House {
        House::begin(self).await
    }
}

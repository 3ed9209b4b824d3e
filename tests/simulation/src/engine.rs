//! All calls of the engine: the composition of a host over a store and a clock, the requests to it, and its answers. The
//! rest of the simulation knows the engine only through these.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use petrel_access::Behalf;
use petrel_catalog::Giver;
use petrel_catalog::content::Runners;
use petrel_engine::executions::{self, Again, Canceled, Request};
use petrel_engine::triggers::SensorRunners;
use petrel_engine::workflows::{self, orquesta};
use petrel_engine::{Engine, Error, Options, Retention};
use petrel_engine_core::{Clock, Core};
use petrel_model::trigger::{ACTION_TRIGGER, CRON_TIMER, INTERVAL_TIMER};
use petrel_model::{Execution, ExecutionId, Object, Ref, Status, TriggerInstanceId};
use petrel_persistence::{ExecutionFilter, Store};
use petrel_runners::Runs;
use petrel_runners::inquirer::Inquirer;
use serde_json::{Value, json};

use crate::ledger::RUNNER;
use crate::pack::SENSOR;
use crate::side::{CRON_SECONDS, INTERVAL_SECONDS};
use crate::steps::{Action, RULES};

/// The number of actions that run at once: few, so that others wait.
pub(crate) const SLOTS: usize = 3;
/// The time for which ended executions are kept.
pub(crate) const KEPT: Duration = Duration::from_secs(90);

/// A request to a host.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Event { webhook: usize, n: usize },
    MakeRule { rule: usize, webhook: usize, below: usize, action: Action },
    MakeOther { rule: usize },
    SwitchRule { rule: usize, is_on: bool },
    DropRule { rule: usize },
    Request { action: Action, user: usize, delay: Option<Duration> },
    Cancel(ExecutionId),
    Pause(ExecutionId),
    Resume(ExecutionId),
    Rerun(ExecutionId, Vec<String>),
    SwitchSensor(bool),
    Respond(ExecutionId, usize),
}

/// An answer of a host.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The event is stored, with its consequences.
    Event(TriggerInstanceId, Vec<ExecutionId>),
    /// The execution is stored, or has moved.
    Execution(ExecutionId, Status),
    /// The cancel is accepted.
    Canceled(ExecutionId, Status),
    /// It cannot be canceled any more.
    NotCanceled(ExecutionId, Status),
    /// The rule is as requested.
    Rule,
    /// The sensor is as requested.
    Sensor,
    /// The question is answered.
    Responded(ExecutionId, usize),
    /// The request was refused, with this code.
    Refused(&'static str),
}

/// One life of a host.
#[derive(Clone)]
pub(crate) struct Host {
    engine: Engine,
    core: Core,
}

/// The tasks of a host that go on for as long as it lives.
const LASTING: [&str; 11] = [
    "clock",
    "correlations",
    "expiry",
    "inquiries",
    "maintenance windows",
    "outbox",
    "policies",
    "retention",
    "scheduler",
    "sensors",
    "timers",
];

impl Host {
    /// A host that recovers the content of `store`, and runs it.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        runner: Runs,
        sensors: SensorRunners,
    ) -> anyhow::Result<Self> {
        let runners: Runners = [runner, orquesta(), Runs::by(Inquirer::default())].map(Runs::named).into();
        let core = Core::new(store, clock);
        let engine = Engine::on(core.clone(), runners, sensors, options()).await?;
        engine.start().await?;
        Ok(Self { engine, core })
    }

    /// Registers the packs in these directories, which came with the host.
    pub(crate) async fn register(&self, packs: &[PathBuf]) -> anyhow::Result<()> {
        for pack in packs {
            let report = self.engine.catalog().register_pack(pack, true).await?;
            let refused = report.notes.iter().find(|note| note.contains("refused"));
            anyhow::ensure!(refused.is_none(), "a simulation has something that cannot run: {refused:?}");
        }
        Ok(())
    }

    /// Stops in order, as far as that comes before the host is dropped.
    pub(crate) async fn stop(self) {
        self.engine.stop().await;
    }

    /// The number of running actions, as the engine counts them.
    pub(crate) fn running(&self) -> usize {
        self.engine.executions().running()
    }

    /// The tasks that have not ended, but for those that a host always has: how many of each name.
    pub(crate) fn tasks(&self) -> Vec<(&'static str, usize)> {
        let mut tasks = self.core.running();
        tasks.retain(|(name, _)| !LASTING.contains(name));
        tasks
    }

    /// The rules that are registered, and whether they are switched on.
    pub(crate) fn rules(&self) -> BTreeMap<String, bool> {
        let content = self.engine.catalog().content();
        content.rules().map(|rule| (rule.reference.name().to_owned(), rule.enabled)).collect()
    }

    /// All executions, as they are read.
    pub(crate) async fn executions(&self) -> anyhow::Result<BTreeMap<ExecutionId, Status>> {
        let (mut all, mut before) = (BTreeMap::new(), None);
        loop {
            let page = self.engine.reads().executions(&ExecutionFilter::default(), before, 1_000).await?;
            all.extend(page.items.into_iter().map(|execution| (execution.id, execution.status)));
            before = page.next;
            if before.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sends a request, and waits for the answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        self.answer(ask).await.unwrap_or_else(|error| Answer::Refused(error.code()))
    }

    async fn answer(&self, ask: Ask) -> Result<Answer, Error> {
        let engine = &self.engine;
        let moved = |execution: Execution| Answer::Execution(execution.id, execution.status);
        Ok(match ask {
            Ask::Event { webhook, n } => {
                let event = json!({"headers": {}, "body": {"n": n}});
                let accepted = engine.triggers().accept_webhook(&format!("hook{webhook}"), event).await?;
                Answer::Event(accepted.id, accepted.executions)
            }
            Ask::MakeRule { rule, webhook, below, action } => {
                self.make_rule(rule, &rule_text(rule, webhook, below, action)).await?
            }
            Ask::MakeOther { rule } => self.make_rule(rule, &other_text(rule)).await?,
            Ask::SwitchSensor(is_on) => {
                engine.catalog().set_sensor_enabled(SENSOR.0, is_on).await?;
                Answer::Sensor
            }
            Ask::Respond(id, n) => {
                let (response, user) = (json!({"n": n}), "admin".to_owned());
                let answer = executions::Answer { response, user, issuer: None };
                Answer::Responded(engine.executions().respond(id, answer).await?.id, n)
            }
            Ask::SwitchRule { rule, is_on } => {
                engine.catalog().set_rule_enabled(&rule_name(rule), is_on).await?;
                Answer::Rule
            }
            Ask::DropRule { rule } => {
                engine.catalog().delete_rule(&rule_name(rule)).await?;
                Answer::Rule
            }
            Ask::Request { action, user, delay } => {
                moved(engine.executions().request(request(action, user, delay)?).await?)
            }
            Ask::Cancel(id) => match engine.executions().cancel(id, "admin").await? {
                Canceled::Ends(execution) => Answer::Canceled(execution.id, execution.status),
                Canceled::TooLate(execution) => Answer::NotCanceled(execution.id, execution.status),
            },
            Ask::Pause(id) => moved(engine.executions().pause(id).await?),
            Ask::Resume(id) => moved(engine.executions().resume(id).await?),
            Ask::Rerun(id, tasks) => {
                let again = Again {
                    parameters: Object::new(),
                    merges: tasks.is_empty(),
                    tasks,
                    reset: Vec::new(),
                    behalf: Behalf::own("admin"),
                    delay: None,
                };
                moved(engine.executions().rerun(id, again).await?)
            }
        })
    }

    /// Makes a rule, or changes it if there is one of its name.
    async fn make_rule(&self, rule: usize, text: &str) -> Result<Answer, Error> {
        let catalog = self.engine.catalog();
        match catalog.update_rule(&rule_name(rule), text, Giver::SeesSecrets).await {
            Err(Error::NotFound { .. }) => catalog.create_rule(text, "admin").await?,
            updated => updated?,
        };
        Ok(Answer::Rule)
    }
}

/// Few slots, short retention and narrow limits, so that each of them is reached.
fn options() -> Options {
    Options {
        executions: executions::Options {
            component_slots: SLOTS,
            workflow_slots: 2,
            ..executions::Options::default()
        },
        workflows: workflows::Options {
            max_depth: 3,
            max_descendants: 60,
            waiting_memory: 32 << 10,
            ..workflows::Options::default()
        },
        drain: Duration::ZERO,
        retention: Retention {
            executions: Some(KEPT),
            trigger_instances: Some(KEPT),
            dead_letters: Some(KEPT),
        },
        ..Options::default()
    }
}

/// The name of a rule within its pack.
pub(crate) fn rule_short_name(rule: usize) -> String {
    format!("r{rule}")
}

fn rule_name(rule: usize) -> String {
    format!("sim.{}", rule_short_name(rule))
}

fn rule_text(rule: usize, webhook: usize, below: usize, action: Action) -> String {
    let parameters = match action {
        Action::Workflow(_) => json!({}),
        _ => json!({"n": "{{ trigger.body.n }}"}),
    };
    json!({
        "name": rule_short_name(rule), "pack": "sim", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": format!("hook{webhook}")}},
        "criteria": {"trigger.body.n": {"type": "lt", "pattern": below}},
        "action": {"ref": action_name(action), "parameters": parameters},
    })
    .to_string()
}

/// A rule on something else than a webhook.
fn other_text(rule: usize) -> String {
    let timer = |kind: &str, parameters: Value| json!({"type": kind, "parameters": parameters});
    let (trigger, criteria, action) = match rule.saturating_sub(RULES) {
        0 => {
            let every = json!({"unit": "seconds", "delta": INTERVAL_SECONDS});
            (timer(INTERVAL_TIMER, every), json!({}), Action::Narrow)
        }
        1 => (timer(CRON_TIMER, json!({"second": format!("*/{CRON_SECONDS}")})), json!({}), Action::Safe),
        2 => (json!({"type": SENSOR.1}), json!({}), Action::Paced),
        // Not on the end of what it asks for itself.
        _ => {
            let of_once =
                json!({"trigger.action_name": {"type": "equals", "pattern": action_name(Action::Once)}});
            (json!({"type": ACTION_TRIGGER}), of_once, Action::Safe)
        }
    };
    json!({
        "name": rule_short_name(rule), "pack": "sim", "enabled": true, "trigger": trigger, "criteria": criteria,
        "action": {"ref": action_name(action), "parameters": {}},
    })
    .to_string()
}

fn action_name(action: Action) -> String {
    match action {
        Action::Once => "sim.once".into(),
        Action::Safe => "sim.safe".into(),
        Action::Workflow(number) => format!("sim.w{number}"),
        Action::Narrow => "sim.narrow".into(),
        Action::Only => "sim.only".into(),
        Action::Again => "sim.again".into(),
        Action::Paced => "sim.paced".into(),
        Action::Ask => "sim.ask".into(),
        Action::Approval => "sim.approval".into(),
    }
}

fn request(action: Action, user: usize, delay: Option<Duration>) -> Result<Request, Error> {
    let reference: Ref = action_name(action)
        .parse()
        .map_err(|_invalid| Error::Internal(format!("the simulation asks for {action:?}")))?;
    Ok(Request {
        trace: None,
        trace_tag: None,
        action: reference,
        parameters: Object::new(),
        rendered: Object::new(),
        behalf: Behalf::own(format!("user{user}")),
        context: Object::new(),
        rerun: None,
        notify: None,
        delay,
    })
}

/// Whether an execution is of an action, and not of a workflow.
pub(crate) fn is_action(runner: &str) -> bool {
    runner == RUNNER
}

//! The world of a simulation: one store, one clock, and one life of the host after the other. It does the steps, takes the
//! answers, and checks the invariants whenever all is at rest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use petrel_crash::rounds::Moments;
use petrel_engine::triggers::SensorRunners;
use petrel_engine_core::Clock as _;
use petrel_model::{ExecutionId, Status, inquiry};
use petrel_persistence::{Change, Commit, MemoryStore, Store as _};
use petrel_runners::sensors::SensorRunner;
use petrel_runners::{End, Runs};

use crate::clock::TurnedClock;
use crate::engine::{Answer, Ask, Host, KEPT};
use crate::hearing::hear;
use crate::invariants::{self, LEFT, LOST, events};
use crate::lateness::TimerWatch;
use crate::ledger::{Ledger, Violation};
use crate::pack::Packs;
use crate::polling::Numbers;
use crate::rules::Rules;
use crate::runner::{Script, ScriptedRunner};
use crate::slots::SlotWatch;
use crate::steps::{RULES, Step, Which};
use crate::store::{Faults, FaultyStore, Life as Faulty};
use crate::thread::OneThread;
use crate::watch::Watch;

/// How long the host is away when it is started again. It is longer than a millisecond, so that ids grow.
const AWAY: Duration = Duration::from_millis(10);
/// How often the clock is turned by [`ROUND`] in the end, until all has ended.
const ROUNDS: usize = 720;
/// See [`ROUNDS`]. All is looked at after each, so that a simulation does not go on for long when nothing is left.
const ROUND: Duration = Duration::from_secs(5);
/// In the end, whatever is due within so much happens together.
const TOGETHER: Duration = Duration::from_secs(1);

/// One life of the host, and the thread that it lives on.
struct Life {
    host: Host,
    thread: OneThread,
}

impl Life {
    fn start(store: &FaultyStore, clock: &Arc<TurnedClock>, script: &Arc<Script>) -> anyhow::Result<Self> {
        let thread = OneThread::new()?;
        let runner = Runs::by(ScriptedRunner::new(Arc::clone(script)));
        let polls = Numbers::new(Moments::from_seed(u64::try_from(clock.turned().as_nanos()).unwrap_or(1)));
        let sensors: SensorRunners = [Arc::new(polls) as Arc<dyn SensorRunner>].into();
        let clock = Arc::<TurnedClock>::clone(clock);
        let host = thread.run(Host::start(Arc::new(store.clone()), clock, runner, sensors))?;
        Ok(Self { host, thread })
    }
}

/// Everything that there is in a simulation.
pub(crate) struct World {
    /// There is none for a moment, while it is started again.
    life: Option<Life>,
    store: FaultyStore,
    clock: Arc<TurnedClock>,
    ledger: Arc<Mutex<Ledger>>,
    script: Arc<Script>,
    asked: usize,
    /// What was asked and is not answered yet.
    pending: BTreeMap<usize, Ask>,
    answers: Arc<Mutex<Vec<(usize, Ask, Answer)>>>,
    rules: Rules,
    slots: SlotWatch,
    timers: TimerWatch,
    watch: Watch,
}

impl World {
    /// The world of `seed` before anything happens.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn begin(seed: u64, packs: &Packs) -> anyhow::Result<Self> {
        let documents = packs.of_seed(seed, register)?;
        let inner = MemoryStore::default();
        OneThread::new()?.run(inner.commit(Commit::of(documents.into_iter().map(Change::Put))))?;
        let (store, clock, ledger, script) = ground(inner, seed);
        let watch = Watch::begin(seed, &ledger)?;
        let life = Life::start(&store, &clock, &script)?;
        let mut world = Self {
            life: Some(life),
            store,
            clock,
            ledger,
            script,
            asked: 0,
            pending: BTreeMap::new(),
            answers: Arc::default(),
            rules: Rules::default(),
            slots: SlotWatch::default(),
            timers: TimerWatch::default(),
            watch,
        };
        world.settle()?;
        Ok(world)
    }

    /// The first thing that does not hold, if there is one by now.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.ledger.lock().violations.first().cloned()
    }

    /// What became visible so far.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.ledger.lock().lines.clone()
    }

    /// Does a step, lets all that follows from it come to rest, and looks at it.
    ///
    /// # Errors
    /// When it does not come to rest, or the host cannot be started again.
    pub(crate) fn step(&mut self, number: usize, step: &Step) -> anyhow::Result<()> {
        let turned = self.clock.turned();
        let line = format!("{number} at {turned:?}: {step:?}");
        self.watch.goes_on(&line, self.tasks());
        self.ledger.lock().lines.push(line);
        self.act(step)?;
        self.settle()?;
        if self.store.is_lost() {
            self.kill()?;
        }
        self.check()
    }

    /// Lets all come to its end: without faults, and with runs that do not take long. It is turned for an hour at most.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.watch.goes_on("the end", self.tasks());
        self.ledger.lock().lines.push("the end".into());
        self.store.fail(|faults| *faults = Faults { is_lost: faults.is_lost, ..Faults::default() });
        if self.store.is_lost() {
            self.kill()?;
        }
        self.script.hurry();
        self.drop_others()?;
        for _ in 0..ROUNDS {
            let rests = |status: Status| matches!(status, Status::Pausing | Status::Paused);
            for id in self.open(rests) {
                self.ask(Ask::Resume(id))?;
                self.settle()?;
            }
            self.turn(ROUND, TOGETHER)?;
            self.check()?;
            // Who waits before trying something again finds a moment later that nothing is left to do.
            let has_ended = self.ledger.lock().open().next().is_none();
            if has_ended && self.tasks().is_empty() {
                break;
            }
        }
        self.compare()?;
        let (effects, tasks) = (self.script.effects(), self.tasks());
        let mut ledger = self.ledger.lock();
        let open: Vec<_> = ledger
            .open()
            .map(|(_, known)| format!("{} {} is {}", known.name, known.action, known.status))
            .collect();
        if open.is_empty() && !tasks.is_empty() {
            ledger.violate(LEFT, format!("all has ended, and these tasks have not: {tasks:?}"));
        }
        open.into_iter().for_each(|what| ledger.violate(LEFT, what));
        let found = invariants::at_the_end(&ledger, &effects);
        ledger.violations.extend(found);
        let found = events::at_the_end(&ledger);
        ledger.violations.extend(found);
        Ok(())
    }

    /// Drops the rules that would ask for something without end.
    fn drop_others(&mut self) -> anyhow::Result<()> {
        let rules = self.life()?.host.rules().into_keys();
        let numbers: Vec<usize> = rules.filter_map(|name| name.strip_prefix('r')?.parse().ok()).collect();
        for rule in numbers.into_iter().filter(|number| *number >= RULES) {
            self.ask(Ask::DropRule { rule })?;
            self.settle()?;
        }
        Ok(())
    }

    fn act(&mut self, step: &Step) -> anyhow::Result<()> {
        let any = |_status: Status| true;
        match *step {
            Step::Event { webhook, n } => self.ask(Ask::Event { webhook, n }),
            Step::MakeRule { rule, webhook, below, action } => {
                self.ask(Ask::MakeRule { rule, webhook, below, action })
            }
            Step::MakeOther { rule } => self.ask(Ask::MakeOther { rule }),
            Step::SwitchSensor { is_on } => self.ask(Ask::SwitchSensor(is_on)),
            Step::Respond { which, n, of_open } => match which.of(&self.questions(of_open)) {
                Some(id) => self.ask(Ask::Respond(id, n)),
                None => Ok(()),
            },
            Step::SwitchRule { rule, is_on } => self.ask(Ask::SwitchRule { rule, is_on }),
            Step::DropRule { rule } => self.ask(Ask::DropRule { rule }),
            Step::Request { action, user, delay } => self.ask(Ask::Request { action, user, delay }),
            Step::Cancel(which) => self.ask_about(which, |status| !status.is_final(), Ask::Cancel),
            Step::Pause(which) => self.ask_about(which, |status| status == Status::Running, Ask::Pause),
            Step::Resume(which) => {
                let rests = |status: Status| matches!(status, Status::Pausing | Status::Paused);
                self.ask_about(which, rests, Ask::Resume)
            }
            Step::Rerun(which, of_task) => {
                let tasks = if of_task { vec!["a".to_owned()] } else { Vec::new() };
                self.ask_about(which, any, |id| Ask::Rerun(id, tasks))
            }
            Step::Turn { by, together } => self.turn(by, together),
            Step::End(which, end) => self.end(which, end),
            Step::Slow { .. } | Step::WithoutRoom { .. } | Step::Lose { .. } => {
                self.store.fail(|faults| faults.ask_for(step));
                Ok(())
            }
            Step::Kill => self.kill(),
            Step::Stop(within) => self.stop(within),
        }
    }

    /// The tasks that have not ended: how many of each name.
    fn tasks(&self) -> Vec<(&'static str, usize)> {
        self.life.as_ref().map(|life| life.host.tasks()).unwrap_or_default()
    }

    fn life(&self) -> anyhow::Result<&Life> {
        self.life.as_ref().context("the host could not be started again")
    }

    /// The executions that are stored, whose status is one of these, oldest first.
    fn open(&self, is_meant: impl Fn(Status) -> bool) -> Vec<ExecutionId> {
        let ledger = self.ledger.lock();
        let stored = ledger.executions.iter().filter(|(_, known)| !known.is_deleted);
        stored.filter(|(_, known)| is_meant(known.status)).map(|(id, _)| *id).collect()
    }

    /// The questions that are stored, oldest first: all of them, or the open ones.
    fn questions(&self, are_open: bool) -> Vec<ExecutionId> {
        let ledger = self.ledger.lock();
        let stored = ledger.executions.iter().filter(|(_, known)| !known.is_deleted);
        let asked = stored.filter(|(_, known)| known.runner == inquiry::NAME);
        let meant = asked.filter(|(_, known)| !are_open || known.status == Status::Pending);
        meant.map(|(id, _)| *id).collect()
    }

    /// Asks something about one of the executions whose status is one of these; nothing when there is none.
    fn ask_about(
        &mut self,
        which: Which,
        is_meant: impl Fn(Status) -> bool,
        ask: impl FnOnce(ExecutionId) -> Ask,
    ) -> anyhow::Result<()> {
        match which.of(&self.open(is_meant)) {
            Some(id) => self.ask(ask(id)),
            None => Ok(()),
        }
    }

    /// Asks; the answer is heard when it comes.
    fn ask(&mut self, ask: Ask) -> anyhow::Result<()> {
        self.asked += 1;
        let (number, answers) = (self.asked, Arc::clone(&self.answers));
        self.pending.insert(number, ask.clone());
        let life = self.life()?;
        let host = life.host.clone();
        life.thread.spawn(async move {
            let answer = host.ask(ask.clone()).await;
            answers.lock().push((number, ask, answer));
        });
        Ok(())
    }

    /// Runs all tasks until none can go on, then hears the answers.
    fn settle(&mut self) -> anyhow::Result<()> {
        self.life.as_mut().context("the host could not be started again")?.thread.settle()?;
        let answers = std::mem::take(&mut *self.answers.lock());
        for (number, ask, answer) in answers {
            self.pending.remove(&number);
            hear(&mut self.ledger.lock(), &answer);
            self.rules.hear(&ask, &answer);
        }
        Ok(())
    }

    /// Turns the clock, from one moment at which something is due to the next.
    fn turn(&mut self, by: Duration, together: Duration) -> anyhow::Result<()> {
        let end = self.clock.turned() + by;
        while self.clock.turned() < end && !self.store.is_lost() {
            let due = self.clock.next_due().into_iter().chain(self.script.next_end()).min().unwrap_or(end);
            self.clock.go_to(due.max(self.clock.turned() + together).min(end));
            self.settle()?;
            while let Some(id) = self.script.due(self.clock.turned()) {
                self.script.end(id, None);
                self.settle()?;
            }
        }
        Ok(())
    }

    fn end(&mut self, which: Which, end: End) -> anyhow::Result<()> {
        if let Some(id) = which.of(&self.script.running()) {
            self.script.end(id, Some(end));
        }
        self.settle()
    }

    /// Has the host stop, and what it has not done `within` that time is lost with it.
    fn stop(&mut self, within: Duration) -> anyhow::Result<()> {
        let life = self.life()?;
        life.thread.spawn(life.host.clone().stop());
        self.settle()?;
        self.turn(within, TOGETHER)?;
        self.kill()
    }

    /// Ends the host at once, with all that runs, and starts the next one on the same store.
    fn kill(&mut self) -> anyhow::Result<()> {
        self.ledger.lock().lines.push("    the host is lost, and the next one starts".into());
        self.life = None;
        self.script.lose();
        self.answers.lock().clear();
        std::mem::take(&mut self.pending).values().for_each(|ask| self.rules.doubt(ask));
        self.store = self.store.reopen();
        self.clock.go_to(self.clock.turned() + AWAY);
        let life = Life::start(&self.store, &self.clock, &self.script)?;
        self.rules.take_over(&life.host.rules());
        self.life = Some(life);
        self.slots = SlotWatch::default();
        self.timers = TimerWatch::default();
        self.settle()?;
        self.compare()
    }

    /// Looks at what must hold when all is at rest.
    fn check(&mut self) -> anyhow::Result<()> {
        let (registered, running) = (self.life()?.host.rules(), self.life()?.host.running());
        let runs = self.script.running();
        let mut ledger = self.ledger.lock();
        let mut found = invariants::at_rest(&ledger);
        found.extend(events::at_rest(&ledger));
        let is_disturbed = self.store.is_disturbed() || !self.store.is_calm();
        found.extend(self.timers.look(&ledger, is_disturbed, self.clock.now()));
        found.extend(self.rules.differences(&registered, self.pending.values()));
        if self.store.is_calm() {
            found.extend(self.slots.look(&ledger, &runs, running, self.clock.now()));
        }
        ledger.violations.extend(found);
        Ok(())
    }

    /// What is read of executions is what is known of them.
    fn compare(&self) -> anyhow::Result<()> {
        let life = self.life()?;
        let read = life.thread.run(life.host.executions())?;
        let mut ledger = self.ledger.lock();
        let stored = ledger.executions.iter().filter(|(_, known)| !known.is_deleted);
        let known: BTreeMap<_, _> = stored.map(|(id, known)| (*id, known.status)).collect();
        if read != known {
            let differs = |id: &&ExecutionId| read.get(*id) != known.get(*id);
            let names: Vec<_> =
                read.keys().chain(known.keys()).filter(differs).map(|id| ledger.name(*id)).collect();
            ledger.violate(LOST, format!("these are read otherwise than they were stored: {names:?}"));
        }
        Ok(())
    }
}

/// A store over `inner`, with its clock, its ledger and what happens in runs.
fn ground(inner: MemoryStore, seed: u64) -> (FaultyStore, Arc<TurnedClock>, Arc<Mutex<Ledger>>, Arc<Script>) {
    let clock = Arc::new(TurnedClock::default());
    let ledger = Arc::new(Mutex::new(Ledger::new(KEPT)));
    let store = FaultyStore::new(inner, Faulty::new(Arc::clone(&clock), Arc::clone(&ledger)));
    let moments = Moments::from_seed(seed.wrapping_add(7).wrapping_mul(0xd1b5_4a32_d192_ed03));
    let script = Arc::new(Script::new(Arc::clone(&clock), Arc::clone(&ledger), moments));
    (store, clock, ledger, script)
}

/// Registers packs in a store, by a host that lives no longer than that.
fn register(packs: &[PathBuf], inner: MemoryStore) -> anyhow::Result<()> {
    let (store, clock, _ledger, script) = ground(inner, 0);
    let life = Life::start(&store, &clock, &script)?;
    life.thread.run(life.host.register(packs))
}

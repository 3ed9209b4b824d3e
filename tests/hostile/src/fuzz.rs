//! The fuzzer: requests to every route of the API, most of them nearly right, and after each thousand a look at
//! everything that the host has. It must answer each, never with a fault of its own, let nobody in without a token,
//! keep what it took in, stay small, end when it is asked to, and come up again.
//!
//! [`request`] makes requests out of [`documents`] and [`texts`], [`kept`] is one that can be sent again,
//! [`reading`] reads everything back, [`findings`] collects what is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use petrel_test_support::{Broken, Client};
use serde_json::json;
use tempfile::TempDir;

mod documents;
mod findings;
mod kept;
mod known;
mod reading;
mod request;
mod texts;

use crate::random::Random;
use crate::routes::{self, Route};
use crate::victim::{self, Start, Victim};
use findings::Findings;
use kept::{Access, Request};
use known::Known;
use reading::{Reader, Reading};
use request::Maker;

/// How long the host may let what runs go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);
/// How long the host keeps executions and events.
const KEPT: Duration = Duration::from_secs(10);
/// A connection may end without an answer when so much of a body was not wanted: what was sent after the answer
/// takes the answer with it.
const LARGE: usize = 32 << 10;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many requests are sent in all.
    pub requests: u64,
    /// What chooses them.
    pub seed: u64,
    /// How many are sent at once.
    pub clients: usize,
    /// After how many everything is read back.
    pub look_every: u64,
    /// After how many the host is ended, its store checked, and started again.
    pub restart_every: u64,
    /// The engine of the store.
    pub engine: String,
    /// Where requests that found something are kept.
    pub keep: Option<PathBuf>,
    /// How much memory the host may take, in MiB.
    pub memory_mib: u64,
}

/// What the host was like after a tenth of all requests.
#[derive(Debug, Clone)]
pub struct Row {
    /// How many requests had been sent.
    pub requests: u64,
    /// How many answers there were in this tenth, by the status; 0 for none.
    pub answers: BTreeMap<u16, u64>,
    /// The median of resident memory over this tenth, in MiB. At one moment it is by chance what the last requests
    /// were about.
    pub resident_mib: u64,
    /// The most that it had been since the host was started, in MiB.
    pub largest_mib: u64,
    /// Since the beginning.
    pub elapsed: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was found, a line each kind.
    pub findings: Vec<String>,
    /// How the host was, tenth by tenth.
    pub rows: Vec<Row>,
    /// The longest that SIGTERM took.
    pub longest_end: Duration,
    /// How often the host was ended and its store checked.
    pub restarts: usize,
}

impl Report {
    /// Resident memory at the end, as a multiple of what it was after the first tenth.
    pub fn growth(&self) -> Option<f64> {
        let mib = |row: &Row| u32::try_from(row.resident_mib).map(f64::from).ok();
        Some(mib(self.rows.last()?)? / mib(self.rows.first()?)?.max(1.0))
    }
}

/// Attacks a host by plan; what is found is said at once.
///
/// # Errors
/// When there is no host to attack, or the system does not let us. What the host does wrong is no error.
pub fn run(plan: &Plan, say: fn(&str)) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-hostile-")?;
    let pack = documents::write_pack(directory.path())?;
    let kept = format!("{}s", KEPT.as_secs());
    // With a small cache it is full early, and with old rows deleted the store stays as large as it is: what grows
    // afterwards is worth a look. (If all were kept, requests for whole lists would get ever larger answers.)
    let flags = ["--store-engine", &plan.engine, "--drain-seconds", "5", "--store-cache-mib", "8"];
    let retention = ["--retention-executions", &kept, "--retention-trigger-instances", &kept];
    let flags: Vec<&str> = flags.into_iter().chain(retention).collect();
    let mut run = Run {
        plan,
        say,
        start: Start::new(&directory.path().join("data"), &flags, plan.memory_mib)?,
        maker: Maker::new(routes::all(), pack.clone()),
        routes: routes::all(),
        pack,
        findings: Findings::new(plan.keep.as_deref(), say)?,
        reading: Reading::new(routes::all()),
        begun: Instant::now(),
        done: 0,
        answers: BTreeMap::new(),
        resident: Vec::new(),
        report: Report { findings: Vec::new(), rows: Vec::new(), longest_end: Duration::ZERO, restarts: 0 },
    };
    while run.done < plan.requests {
        run.life()?;
    }
    run.report.findings = run.findings.all();
    Ok(run.report)
}

/// Sends the requests that were kept in a file to a fresh host, and says what each is answered with.
///
/// # Errors
/// When the file cannot be read, or there is no host.
pub fn replay(kept: &Path, engine: &str, memory_mib: u64, say: fn(&str)) -> anyhow::Result<()> {
    let directory = TempDir::with_prefix("petrel-hostile-")?;
    let pack = documents::write_pack(directory.path())?;
    let flags = ["--store-engine", engine];
    let mut victim = Start::new(&directory.path().join("data"), &flags, memory_mib)?.start()?;
    let mut client = victim::client(victim.address(), &victim.token());
    register(&mut client, &pack);
    let text = std::fs::read_to_string(kept).with_context(|| format!("reading {}", kept.display()))?;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (what, request) = Request::read(line)?;
        let outcome = request.send(&mut client, &victim.token());
        say(&format!("{} {}: {outcome:?} (had found: {what})", request.method, request.route));
    }
    if let Some(death) = victim.death()? {
        say(&death);
    }
    Ok(())
}

/// Registers the pack that requests are about; it may have been removed by one.
fn register(client: &mut Client, pack: &Path) {
    let body = json!({"path": pack}).to_string();
    // What comes of it is seen when everything is read.
    drop(client.send("POST", "/api/v1/packs/register", body.as_bytes()));
}

/// An attack under way.
struct Run<'a> {
    plan: &'a Plan,
    say: fn(&str),
    start: Start,
    maker: Maker,
    routes: Vec<Route>,
    pack: PathBuf,
    findings: Findings,
    reading: Reading,
    begun: Instant,
    done: u64,
    answers: BTreeMap<u16, u64>,
    /// Resident memory in this tenth so far, in MiB.
    resident: Vec<u64>,
    report: Report,
}

/// Requests that are sent by several clients.
struct Part<'a> {
    victim: &'a Victim,
    known: &'a Known,
    next: AtomicU64,
    until: u64,
    is_gone: AtomicBool,
}

impl Run<'_> {
    /// From a start of the host to its end.
    fn life(&mut self) -> anyhow::Result<()> {
        let started = self.start.start();
        let mut victim = match started {
            Err(error) if self.done > 0 => {
                self.findings.other(&format!("the host does not start again: {error:#}"));
                self.done = self.plan.requests;
                return Ok(());
            }
            started => started?,
        };
        let until = (self.done + self.plan.restart_every.max(1)).min(self.plan.requests);
        let mut known = self.look(&victim, false);
        while self.done < until {
            let to = (self.done + self.plan.look_every.max(1)).min(until);
            self.send(&victim, &known, to);
            let tenth = |number: u64| number * 10 / self.plan.requests;
            let is_tenth = tenth(to) > tenth(self.done);
            known = self.look(&victim, is_tenth);
            if let Some(death) = victim.death()? {
                self.findings.other(&format!("between requests {} and {to}: {death}", self.done));
                self.done = to;
                return Ok(());
            }
            if is_tenth {
                self.row(&victim, to);
            }
            self.done = to;
        }
        self.resident.extend(victim.seen_mib());
        let (took, wrong) = victim.terminate(DRAIN)?;
        self.report.longest_end = self.report.longest_end.max(took);
        self.report.restarts += 1;
        if let Some(wrong) = wrong {
            self.findings.other(&wrong);
        }
        if let Some(problems) = self.start.check_store()? {
            self.findings.other(&format!("after {} requests `petrel store check`: {problems}", self.done));
        }
        Ok(())
    }

    /// Reads everything back.
    fn look(&mut self, victim: &Victim, is_whole: bool) -> Known {
        let mut client = victim::client(victim.address(), &victim.token());
        register(&mut client, &self.pack);
        let mut reader = Reader { client: &mut client, findings: &self.findings, kept: KEPT };
        // Who is gone is found gone by its process.
        self.reading.look(&mut reader, is_whole).unwrap_or_default()
    }

    /// Sends requests up to that number, and counts the answers.
    fn send(&mut self, victim: &Victim, known: &Known, until: u64) {
        let next = AtomicU64::new(self.done);
        let part = Part { victim, known, next, until, is_gone: AtomicBool::new(false) };
        let run: &Self = self;
        let shared = &part;
        let answers: Vec<BTreeMap<u16, u64>> = std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..run.plan.clients.max(1)).map(|_| scope.spawn(move || run.client(shared))).collect();
            clients.into_iter().filter_map(|client| client.join().ok()).collect()
        });
        for (status, count) in answers.into_iter().flatten() {
            *self.answers.entry(status).or_default() += count;
        }
    }

    /// One client: sends what is next until there is no more, or nobody answers.
    fn client(&self, part: &Part<'_>) -> BTreeMap<u16, u64> {
        // Each request says itself whose it is.
        let mut client = victim::client(part.victim.address(), "");
        let mut answers = BTreeMap::new();
        while !part.is_gone.load(Ordering::Relaxed) {
            let number = part.next.fetch_add(1, Ordering::Relaxed);
            if number >= part.until {
                break;
            }
            let made = self.maker.make(part.known, &mut Random::numbered(self.plan.seed, number));
            let Some(request) = made else { break };
            let outcome = request.send(&mut client, &part.victim.token());
            *answers.entry(outcome.as_ref().copied().unwrap_or_default()).or_default() += 1;
            if matches!(outcome, Err(Broken::Unreachable(_))) {
                part.is_gone.store(true, Ordering::Relaxed);
            } else if let Some(what) = self.wrong(&request, &outcome) {
                self.findings.request(&what, number, &request);
            }
        }
        answers
    }

    /// What is wrong with how a request was answered.
    fn wrong(&self, request: &Request, outcome: &Result<u16, Broken>) -> Option<String> {
        match outcome {
            Err(Broken::Hang) => Some("no answer in time".into()),
            // Who is gone is found gone by its process; and a host may say that it has no room, or that something of
            // StackStorm's is not there yet.
            Err(Broken::Unreachable(_)) | Ok(501 | 503 | 507) => None,
            Err(Broken::HungUp(why)) => {
                let is_whole = request.cut.is_none() && request.body.len() <= LARGE;
                is_whole.then(|| format!("no answer: {why}"))
            }
            Ok(status @ 500..) => Some(format!("status {status}")),
            Ok(status) => self.let_in(request, *status),
        }
    }

    /// What is wrong with the answer to somebody without a token.
    fn let_in(&self, request: &Request, status: u16) -> Option<String> {
        if request.access == Access::Admin || status == 401 || self.is_open(request) {
            return None;
        }
        if status < 400 {
            return Some(format!("let in without a token, status {status}"));
        }
        request.is_plain.then(|| format!("who has no token gets {status} instead of 401"))
    }

    /// Whether what is asked for is for everybody.
    fn is_open(&self, request: &Request) -> bool {
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        let mut routes = self.routes.iter().filter(|route| route.path == request.route);
        routes.any(|route| route.is_open && route.methods.contains(&method))
    }

    /// Notes how the host is after a tenth.
    fn row(&mut self, victim: &Victim, requests: u64) {
        let mut resident = std::mem::take(&mut self.resident);
        resident.extend(victim.seen_mib());
        resident.sort_unstable();
        let resident_mib = resident.get(resident.len() / 2).copied().unwrap_or_default();
        let largest_mib = victim.largest_mib();
        let answers = std::mem::take(&mut self.answers);
        let row = Row { requests, answers, resident_mib, largest_mib, elapsed: self.begun.elapsed() };
        (self.say)(&format!(
            "{requests:>8} requests, {resident_mib:>5} MiB resident, {largest_mib:>5} MiB at most, {:>5} s, answers {:?}",
            row.elapsed.as_secs(),
            row.answers
        ));
        self.report.rows.push(row);
    }
}

//! Attacks at the command line: `petrel-hostile fuzz --requests 300000`, `petrel-hostile replay FILE`,
//! `petrel-hostile isolation`.
#![expect(clippy::print_stdout, reason = "what is found is printed")]

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use petrel_hostile::fuzz::{self, Plan, Report};
use petrel_hostile::isolation::{self, Kind, Row};

/// By how much resident memory may have grown since the first tenth of all requests.
const GROWTH: f64 = 1.2;
/// How many times longer an innocent event may take beside something hostile than beside something harmless.
const RATIO: f64 = 2.0;
/// How long 99 of 100 innocent events may take beside something hostile.
const LONGEST: Duration = Duration::from_millis(250);
/// How much memory the host may take beside something hostile, in MiB.
const LARGEST_MIB: u64 = 512;
/// How much longer than its drain the host may take to end.
const OVERTIME: Duration = Duration::from_secs(2);

/// Attack a host, and see what becomes of it and of others.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo run --release -p petrel-hostile -- fuzz --requests 300000 --keep found.jsonl
  cargo run --release -p petrel-hostile -- replay found.jsonl
  cargo run --release -p petrel-hostile -- isolation --kinds large-events,slow-bodies")]
struct Arguments {
    #[command(subcommand)]
    attack: Attack,
    /// The engine of the store
    #[arg(long, global = true, default_value = "sled")]
    engine: String,
    /// The host is killed when it takes more memory, in MiB
    #[arg(long, global = true, default_value_t = 2048)]
    memory_mib: u64,
}

#[derive(Debug, Subcommand)]
enum Attack {
    /// Send what is nearly right to every route, and read back what was taken
    Fuzz {
        /// How many requests
        #[arg(long, default_value_t = 300_000)]
        requests: u64,
        /// Chooses the requests; printed, so that they can be chosen again
        #[arg(long)]
        seed: Option<u64>,
        /// How many are sent at once
        #[arg(long, default_value_t = 8)]
        clients: usize,
        /// Keep the requests that found something, behind what is in this file
        #[arg(long, value_name = "FILE")]
        keep: Option<PathBuf>,
    },
    /// Send the requests that were kept to a fresh host
    Replay {
        /// The file
        kept: PathBuf,
    },
    /// Measure how long an innocent event takes beside something hostile
    Isolation {
        /// Beside what [default: everything]
        #[arg(long, value_delimiter = ',')]
        kinds: Vec<Kind>,
        /// How often; the median counts
        #[arg(long, default_value_t = 5)]
        runs: usize,
        /// For how long each time
        #[arg(long, default_value_t = 8)]
        seconds: u64,
    },
}

fn say(line: &str) {
    println!("{line}");
}

fn main() -> anyhow::Result<()> {
    let Arguments { attack, engine, memory_mib } = Arguments::parse();
    match attack {
        Attack::Fuzz { requests, seed, clients, keep } => {
            let seed = seed.unwrap_or_else(by_the_clock);
            println!("seed {seed}");
            let (look_every, restart_every) = (1_000, 10_000);
            let plan = Plan { requests, seed, clients, look_every, restart_every, engine, keep, memory_mib };
            let report = fuzz::run(&plan, say)?;
            show(&report);
            anyhow::ensure!(
                report.findings.is_empty(),
                "the host does not stand what it was sent; see above"
            );
            Ok(())
        }
        Attack::Replay { kept } => fuzz::replay(&kept, &engine, memory_mib, say),
        Attack::Isolation { kinds, runs, seconds } => {
            let kinds = if kinds.is_empty() { Kind::ALL.to_vec() } else { kinds };
            let duration = Duration::from_secs(seconds);
            let rows = isolation::run(&isolation::Plan { kinds, runs, duration, engine, memory_mib }, say)?;
            let is_isolated = show_isolation(&rows);
            anyhow::ensure!(is_isolated, "an innocent event notices what goes on beside it; see above");
            Ok(())
        }
    }
}

fn by_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()))
}

fn show(report: &Report) {
    println!("\nrequests  MiB resident  MiB at most  seconds  2xx      3xx  4xx      5xx  none");
    for row in &report.rows {
        let count = |class: u16| -> u64 {
            row.answers.iter().filter(|(status, _)| **status / 100 == class).map(|(_, count)| count).sum()
        };
        println!(
            "{:>8}  {:>12}  {:>11}  {:>7}  {:<7}  {:<3}  {:<7}  {:<3}  {}",
            row.requests,
            row.resident_mib,
            row.largest_mib,
            row.elapsed.as_secs(),
            count(2),
            count(3),
            count(4),
            count(5),
            count(0)
        );
    }
    println!(
        "{} restarts with a checked store; SIGTERM took at most {:?}",
        report.restarts, report.longest_end
    );
    if let Some(growth) = report.growth() {
        let word = if growth <= GROWTH { "within" } else { "ABOVE" };
        println!("resident memory is {growth:.2} times what it was after the first tenth, {word} {GROWTH}");
    }
    println!("{} kinds of findings", report.findings.len());
    report.findings.iter().for_each(|finding| println!("  {finding}"));
}

/// Prints a line each kind; whether all are as they should be.
fn show_isolation(rows: &[Row]) -> bool {
    println!("\nbeside            p99 ms  beside harmless  ratio  MiB at most  SIGTERM s");
    let mut is_isolated = true;
    for row in rows {
        let ([hostile, harmless], (memory, end)) = (row.p99(), row.worst());
        let is_fine = row.ratio() <= RATIO
            && hostile < LONGEST
            && memory < LARGEST_MIB
            && end <= isolation::DRAIN + OVERTIME
            && row.wrong().next().is_none();
        is_isolated &= is_fine;
        println!(
            "{:<16}  {:>6.1}  {:>15.1}  {:>5.2}  {:>11}  {:>9.1}  {}",
            row.kind.name(),
            hostile.as_secs_f64() * 1000.0,
            harmless.as_secs_f64() * 1000.0,
            row.ratio(),
            memory,
            end.as_secs_f64(),
            if is_fine { "as it should be" } else { "NOT as it should be" }
        );
        row.wrong().for_each(|wrong| println!("  {wrong}"));
    }
    is_isolated
}

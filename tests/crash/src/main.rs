//! The crash harness at the command line: `petrel-crash kill --rounds 200`, `petrel-crash power --rounds 40`.
#![expect(clippy::print_stdout, reason = "the report is printed")]

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use petrel_crash::disk::Disk;
use petrel_crash::rounds::{self, Moments, Subject};
use petrel_crash::{events, trees, workflows};

/// Crash a host again and again under load, then audit what it kept.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo run --release -p petrel-crash -- kill --rounds 200 --large
  cargo run --release -p petrel-crash -- power --rounds 40 --engine redb   (needs root and loop devices)")]
struct Arguments {
    #[command(subcommand)]
    crash: Crash,
    /// Chooses the moments; printed, so that a failure can be looked into
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// The engine of the store
    #[arg(long, global = true, default_value = "sled")]
    engine: String,
    /// With results of 40 KB and 5 MB too
    #[arg(long, global = true)]
    large: bool,
}

#[derive(Debug, Subcommand)]
enum Crash {
    /// Kill the process with SIGKILL
    Kill {
        /// How often
        #[arg(long, default_value_t = 200)]
        rounds: usize,
    },
    /// Kill the process with SIGKILL while fifty workflows run
    Workflows {
        /// How often
        #[arg(long, default_value_t = 200)]
        rounds: usize,
    },
    /// Kill the process with SIGKILL while trees of workflows are started and canceled
    Trees {
        /// How often
        #[arg(long, default_value_t = 200)]
        rounds: usize,
    },
    /// Kill the process with SIGKILL while events, timers, polls, keys and questions come and go
    Events {
        /// How often
        #[arg(long, default_value_t = 500)]
        rounds: usize,
        /// A component with a sensor `steady`: that of the package petrel-guest-polls
        #[arg(long, value_name = "FILE.wasm")]
        component: PathBuf,
    },
    /// Cut the power of its disk
    Power {
        /// How often
        #[arg(long, default_value_t = 40)]
        rounds: usize,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let clock =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
    let seed = arguments.seed.unwrap_or_else(clock);
    println!("seed {seed}");
    let mut moments = Moments::from_seed(seed);
    let subject = Subject { engine: arguments.engine, has_large: arguments.large };
    let report = match arguments.crash {
        Crash::Workflows { rounds } => {
            println!("{:?}", workflows::kill(rounds, &subject.engine, &mut moments)?);
            println!("every workflow has ended as it should, and every task was done once");
            return Ok(());
        }
        Crash::Trees { rounds } => {
            println!("{:?}", trees::kill(rounds, &subject.engine, &mut moments)?);
            println!("nothing is open inside a workflow that has ended, and the store is whole");
            return Ok(());
        }
        Crash::Events { rounds, component } => {
            println!("{:?}", events::kill(rounds, &subject.engine, &component, &mut moments)?);
            println!("no event, time, change or answer is lost, and none is there twice");
            return Ok(());
        }
        Crash::Kill { rounds } => rounds::kill(rounds, &subject, &mut moments)?,
        Crash::Power { rounds } => {
            Disk::is_possible().map_err(anyhow::Error::msg)?;
            rounds::cut_power(rounds, &subject, &mut moments)?
        }
    };
    println!("{report:?}");
    println!("nothing acknowledged is lost, nothing ran twice, nothing is left running");
    Ok(())
}

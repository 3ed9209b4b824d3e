//! Simulations at the command line: `simulate --seeds 0..10000`. A violation is printed with its seed, and with as few
//! steps as it needs.
#![expect(clippy::print_stdout, reason = "the report is printed")]

use std::ops::Range;
use std::process::ExitCode;

use clap::Parser;
use petrel_simulation::{MOST_STEPS, Packs, check, simulate, steps};

/// Run the engine through what seeds say, each of them twice.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo run --release -p petrel-simulation -- --seeds 0..10000
  cargo run -p petrel-simulation -- --seeds 17..18 --trace")]
struct Arguments {
    /// The seeds, the last one excluded
    #[arg(long, value_name = "FROM..TO", value_parser = range, default_value = "0..1000")]
    seeds: Range<u64>,
    /// No more steps than this of each seed
    #[arg(long, default_value_t = MOST_STEPS)]
    steps: usize,
    /// Print what becomes visible in each seed
    #[arg(long)]
    trace: bool,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let seeds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    seeds.ok_or_else(|| format!("`{text}` is no range of seeds; write it as 0..1000"))
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { seeds, steps: most, trace } = Arguments::parse();
    let packs = Packs::new()?;
    let mut failures = 0;
    for seed in seeds.clone() {
        if trace {
            let ended = simulate(seed, &steps(seed, most), &packs)?;
            ended.trace.iter().for_each(|line| println!("{line}"));
        }
        let Some(failure) = check(seed, most, &packs)? else { continue };
        failures += 1;
        // At once: it may take a while until it needs fewer steps.
        println!("seed {seed}: {}", failure.violation);
        let failure = failure.shrunk(&packs)?;
        println!("{failure}");
        if trace {
            let ended = simulate(seed, &failure.steps, &packs)?;
            ended.trace.iter().for_each(|line| println!("{line}"));
        }
    }
    println!("{} seeds, {failures} with something that does not hold", seeds.end.saturating_sub(seeds.start));
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

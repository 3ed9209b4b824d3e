//! The load generator. It starts a host of its own (or takes a URL), puts load on it, reads back what is
//! stored, and prints one JSON line a measurement: `workload, clients, rps, p50_ms, p99_ms,
//! cpu_ms_per_unit, rss_mib, stored`. Only what was read back as stored counts.
//!
//! [`host`] starts the host, by `tests/support`, and measures its process; [`http`] is a client of its own that costs
//! next to nothing, so that the machine is the host's; [`workloads`] are the workloads that are repeated for a while;
//! [`flows`] are workflows; [`events`] are timers, sensors and policies; [`cold_start`], [`growth`] and [`soak`] are those that take the host through something.
#![expect(clippy::print_stdout, reason = "the figures are printed")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

mod cold_start;
mod events;
mod flows;
mod growth;
mod host;
mod http;
mod soak;
mod workloads;

use workloads::Workload;

/// Put load on a host and print what it took.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo run --release -p load -- W1
  cargo run --release -p load -- W1-done --clients 1,64 --seconds 10 --data-root /dev/shm
  cargo run --release -p load -- W7-past --steps 0,100000,1000000 --clients 64
  cargo run --release -p load -- W4 --steps 10000
  cargo run --release -p load -- items --steps 10000,100
  cargo run --release -p load -- timers --steps 10000 --seconds 20
  cargo run --release -p load -- sensors --steps 1000,30 --component count.wasm --seconds 60
  cargo run --release -p load -- queues --steps 10000
  cargo run --release -p load -- soak --steps 2000000,10 --host-flag=--retention-executions=30s
  cargo run --release -p load -- W1-accept --url http://127.0.0.1:9101 --token-file ~/.local/share/petrel/admin-token")]
struct Arguments {
    /// W1 (both halves), W1-accept, W1-done, W2, W3, W4, W5, W6, W7-past, W7-rules, W7-others, W8, items, timers, sensors,
    /// queues or soak
    workload: String,
    /// How many clients at once; a list makes a measurement each
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    clients: Vec<usize>,
    /// For how long
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Below which directory the host keeps its data; another disk, or /dev/shm
    #[arg(long)]
    data_root: Option<PathBuf>,
    /// The binary of the host [default: petrel beside this program]
    #[arg(long)]
    binary: Option<PathBuf>,
    /// For W7: past executions or rules, one measurement each; for W4: lengths of sequences to look at growth in;
    /// for items: how many, and how many at once; for timers and queues: how many; for sensors: how many, and the
    /// seconds between two polls; for soak: events, and how many reports
    #[arg(long, value_delimiter = ',')]
    steps: Vec<usize>,
    /// For sensors: a component with a sensor `count` that is polled
    #[arg(long)]
    component: Option<PathBuf>,
    /// A flag for the host that is started, as in `--host-flag=--store-engine=redb`
    #[arg(long = "host-flag", allow_hyphen_values = true)]
    host_flags: Vec<String>,
    /// Take this host instead of starting one
    #[arg(long, requires = "token_file")]
    url: Option<String>,
    /// The file with the token of that host
    #[arg(long)]
    token_file: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut host = match (&arguments.url, &arguments.token_file) {
        (Some(url), Some(file)) => host::Host::running(url, file)?,
        _ => host::Host::start(
            arguments.binary.as_deref(),
            arguments.data_root.as_deref(),
            &arguments.host_flags,
        )?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let outcome = runtime.block_on(run(&arguments, &mut host));
    host.explain(outcome)
}

async fn run(arguments: &Arguments, host: &mut host::Host) -> anyhow::Result<()> {
    let print = |figures: serde_json::Value| println!("{figures}");
    let (clients, duration) = (arguments.clients.as_slice(), Duration::from_secs(arguments.seconds));
    let steps = |default: &[usize]| {
        if arguments.steps.is_empty() { default.to_vec() } else { arguments.steps.clone() }
    };
    match arguments.workload.as_str() {
        "W5" => {
            for killed in [false, true] {
                print(cold_start::measure(host, killed).await?);
            }
        }
        "W7-past" => growth::past(host, &steps(&[0, 10_000, 100_000]), clients, duration, print).await?,
        "W7-rules" => {
            growth::rules(host, &steps(&[0, 1_000, 10_000]), false, clients, duration, print).await?;
        }
        "W7-others" => {
            growth::rules(host, &steps(&[0, 1_000, 10_000]), true, clients, duration, print).await?;
        }
        "timers" => {
            let count = steps(&[10_000]).first().copied().unwrap_or(10_000);
            events::timers(host, count, duration, print).await?;
        }
        "sensors" => {
            let component = arguments.component.as_deref().context("sensors need --component FILE.wasm")?;
            let steps = steps(&[1_000, 30]);
            let counts = (steps.first().copied().unwrap_or(1_000), steps.get(1).copied().unwrap_or(30));
            events::sensors(host, component, counts, duration, print).await?;
        }
        "queues" => {
            events::queues(host, steps(&[10_000]).first().copied().unwrap_or(10_000), print).await?;
        }
        "soak" => {
            let steps = steps(&[2_000_000, 10]);
            let (events, reports) = (steps.first().copied(), steps.get(1).copied());
            soak::run(host, events.unwrap_or(2_000_000), reports.unwrap_or(10), print).await?;
        }
        name @ ("W2" | "W3" | "W4" | "W8" | "items") => {
            flows::run(host, name, clients, duration, &arguments.steps, print).await?;
        }
        name => {
            for workload in Workload::named(name)? {
                for clients in clients {
                    print(workloads::measure(host, workload, *clients, duration).await?);
                }
            }
        }
    }
    Ok(())
}

//! The load generator. It starts a host of its own (or takes a URL), puts load on it, reads back what is
//! stored, and prints one JSON line a measurement: `workload, clients, rps, p50_ms, p99_ms,
//! cpu_ms_per_unit, rss_mib, stored`. Only what was read back as stored counts.
//!
//! [`host`] starts the host and measures its process; [`http`] is a client that costs next to nothing, so
//! that the machine is the host's; [`workloads`] are the workloads.
#![expect(clippy::print_stdout, reason = "the figures are printed")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

mod host;
mod http;
mod workloads;

use workloads::Workload;

/// Put load on a host and print what it took.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  cargo build --release && cargo run --release -p load -- W1
  cargo run --release -p load -- W1-done --clients 1,64 --seconds 10 --data-root /dev/shm
  cargo run --release -p load -- W1-accept --url http://127.0.0.1:9101 --token-file ~/.local/share/petrel/admin-token")]
struct Arguments {
    /// W1 (both halves), W1-accept, W1-done or W6
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
    /// Take this host instead of starting one
    #[arg(long, requires = "token_file")]
    url: Option<String>,
    /// The file with the token of that host
    #[arg(long)]
    token_file: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let workloads = Workload::named(&arguments.workload)?;
    let host = match (&arguments.url, &arguments.token_file) {
        (Some(url), Some(file)) => host::Host::running(url, file)?,
        _ => host::Host::start(arguments.binary.as_deref(), arguments.data_root.as_deref())?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    for workload in workloads {
        for clients in &arguments.clients {
            let duration = Duration::from_secs(arguments.seconds);
            let figures = runtime.block_on(workloads::measure(&host, workload, *clients, duration))?;
            println!("{figures}");
        }
    }
    Ok(())
}

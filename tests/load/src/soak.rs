//! Many events with a short retention: whether memory and disk stay as they are.

use serde_json::{Value, json};

use crate::host::Host;
use crate::workloads::{self, Workload};

/// How many clients send.
const CLIENTS: usize = 64;

/// Puts `events` through, and prints memory and disk after each of `reports` parts.
pub(crate) async fn run(
    host: &Host,
    events: usize,
    reports: usize,
    print: impl Fn(Value),
) -> anyhow::Result<()> {
    let part = events.div_ceil(reports.max(1));
    let mut done = 0;
    while done < events {
        let (cpu, started) = (host.cpu(), std::time::Instant::now());
        let put = workloads::put(host, Workload::Done, CLIENTS, part.min(events - done)).await?;
        done += put;
        let cpu = cpu.zip(host.cpu()).map(|(before, after)| after.saturating_sub(before));
        #[expect(clippy::cast_precision_loss, reason = "counts of a few minutes")]
        let put = put as f64;
        print(json!({
            "workload": "soak",
            "events": done,
            "rps": workloads::round(put / started.elapsed().as_secs_f64()),
            "cpu_ms_per_unit": cpu.map(|cpu| workloads::round(cpu.as_secs_f64() * 1000.0 / put)),
            "rss_mib": host.rss_mib().map(workloads::round),
            "disk_mib": host.disk_mib(),
        }));
    }
    Ok(())
}

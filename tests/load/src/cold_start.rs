//! W5: how long a host with data takes from its start to the first answer, and what it takes when idle.

use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;
use crate::http::Connection;
use crate::workloads::{self, Workload};

/// How often it is started.
const STARTS: usize = 10;
/// How long it is left alone before its memory is read.
const QUIET: Duration = Duration::from_secs(5);

/// Stops and starts the host again and again; with `killed` by SIGKILL instead of SIGTERM.
pub(crate) async fn measure(host: &mut Host, killed: bool) -> anyhow::Result<Value> {
    let mut control = Connection::open(&host.address, &host.token).await?;
    workloads::create_rule(&mut control).await?;
    workloads::put(host, Workload::Done, 1, 100).await?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(host.restart(killed)?);
    }
    tokio::time::sleep(QUIET).await;
    times.sort_unstable();
    Ok(json!({
        "workload": if killed { "W5 after SIGKILL" } else { "W5" },
        "start_p50_ms": workloads::percentile(&times, 50),
        "start_max_ms": times.last().map(|time| workloads::round(time.as_secs_f64() * 1000.0)),
        "idle_rss_mib": host.rss_mib().map(workloads::round),
    }))
}

//! Lines of progress while the host registers a pack, which may install what the pack needs and take minutes. They are notes,
//! on standard error.

use std::time::Duration;

use petrel_api_types as wire;
use tokio::time::Instant;

use super::super::session::Session;
use crate::client::read;
use crate::print;

/// The time until the host is asked the first time, and between two questions. Most packs are registered before.
const LOOK: Duration = Duration::from_secs(1);

/// Waits for a request, and prints meanwhile what the host is making.
pub(super) async fn during<T>(session: &Session, request: impl Future<Output = T>) -> T {
    let (begun, mut after) = (Instant::now(), 0);
    tokio::pin!(request);
    loop {
        tokio::select! {
            answer = &mut request => return answer,
            () = tokio::time::sleep(LOOK) => {}
        }
        tokio::select! {
            answer = &mut request => return answer,
            last = tell(session, after, begun) => after = last.unwrap_or(after),
        }
    }
}

/// Prints the lines after one, and returns the number of the last. Those from before are of others. A host that tells none
/// is no reason to fail.
async fn tell(session: &Session, after: u64, begun: Instant) -> Option<u64> {
    let answer = session.client.get(&format!("/packs/views/progress?after={after}")).await.ok()?;
    let progress = read::<wire::PackProgress<'_>>(&answer).ok()?;
    let age = begun.elapsed().as_secs();
    for line in progress.lines.iter().filter(|line| line.age_seconds <= age) {
        print::note(&format!("{}: {}", line.pack, line.text));
    }
    progress.lines.last().map(|line| line.number)
}

//! Setup for the whole host, once, so that nothing that executions start gets out of sight: the host becomes the reaper
//! of processes that lose their parent ([`children`]), and moves to a control group of its own where it can
//! ([`home`](super::home)). From then on it marks processes with its [`Identity`].

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::children;
use super::home::Home;
use super::identity::Identity;

/// Interval at which orphans that have ended are waited for. A SIGCHLD handler would be quicker, but would run at the
/// end of every process.
const INTERVAL: Duration = Duration::from_millis(500);

/// Remark in the log for a host that receives orphans of others and has no control group to distinguish them.
const SHARED: &str = "only for what has some mark: orphans of others come to the first process of a container too, and to \
    one that a shell with children has become by `exec`; start the host under an init (docker run --init), as a process \
    of its own";

/// Proof that this process is the reaper of everything that it starts. The role ends when this is dropped.
#[derive(Debug)]
#[must_use = "what was begun ends when this is dropped"]
pub struct Reaper {
    reaping: Option<JoinHandle<()>>,
    _home: Option<Home>,
}

impl Reaper {
    /// Makes this process the reaper, for the host that has `data_dir` to itself. `identity` is a text that belongs to
    /// this data directory and no other. Must be called within a runtime, before any process is started. Where the
    /// system lacks a feature, the log says which, and the host does without.
    pub fn start(data_dir: &Path, identity: &str) -> Self {
        match Identity::of(identity, data_dir) {
            Ok(identity) => identity.become_own(),
            Err(error) => {
                tracing::error!(%error, directory = %data_dir.display(), "failed to read the identity of the data directory; processes of this host cannot be told from those of others");
            }
        }
        let reaping = children::become_reaper().map(|()| {
            tokio::spawn(async {
                loop {
                    tokio::time::sleep(INTERVAL).await;
                    // `strays` also waits for those that have ended.
                    drop(children::strays());
                }
            })
        });
        let home = Home::enter(data_dir);
        let reaper = match (&reaping, &home) {
            (Err(error), _) => error.to_string(),
            (Ok(_), Err(_)) if children::gets_others() => SHARED.to_owned(),
            (Ok(_), _) => "yes".to_owned(),
        };
        let cgroup = home.as_ref().map_or_else(ToString::to_string, |home| home.path.display().to_string());
        tracing::info!(reaper, cgroup, "set up the search for processes that escape from their execution");
        Self { reaping: reaping.ok(), _home: home.ok() }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(reaping) = &self.reaping {
            reaping.abort();
        }
    }
}

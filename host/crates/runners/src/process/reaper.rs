//! What is done once for the whole process, so that nothing that executions start is out of sight: the host becomes the
//! reaper of what loses its parent ([`children`]), and goes to a control group of its own where it can
//! ([`home`](super::home)). Its marks are those of its [`Identity`] from then on.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::children;
use super::home::Home;
use super::identity::Identity;

/// How often those are waited for who came by themselves and have ended. No signal is asked to say when: it would come
/// with the end of every process.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the log says of a host to which orphans of others come, and which has no home to tell them by.
const SHARED: &str = "only for what has some mark: orphans of others come to the first process of a container too, and to \
    one that a shell with children has become by `exec`; start the host under an init (docker run --init), as a process \
    of its own";

/// That this process is the reaper of all that it starts, until this is dropped.
#[derive(Debug)]
#[must_use = "what was begun ends when this is dropped"]
pub struct Reaper {
    reaping: Option<JoinHandle<()>>,
    _home: Option<Home>,
}

impl Reaper {
    /// Begins, for the host that has this data directory to itself; `identity` is a text that no other data directory has
    /// got, and stays with this one. To be called within a runtime, before anything is started. Where the system does not
    /// have what it takes the log says what is missing, and the host does without.
    pub fn start(data_dir: &Path, identity: &str) -> Self {
        match Identity::of(identity, data_dir) {
            Ok(identity) => identity.become_own(),
            Err(error) => {
                tracing::error!(%error, directory = %data_dir.display(), "what this host starts has no marks of its own");
            }
        }
        let reaping = children::become_reaper().map(|()| {
            tokio::spawn(async {
                loop {
                    tokio::time::sleep(INTERVAL).await;
                    // Who has ended is waited for by that.
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
        tracing::info!(reaper, cgroup, "how processes are found that hide from their execution");
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

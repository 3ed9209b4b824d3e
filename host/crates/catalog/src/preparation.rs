//! The preparation of actions before anybody waits for them: a component is compiled when its pack is registered, and
//! looked up when the host starts. Each runner knows what to prepare ([`petrel_runners::Runner::prepare`]).

use std::collections::BTreeSet;
use std::path::PathBuf;

use petrel_runners::{NotPrepared, ProgressLine, Runs};

use crate::service::Catalog;

/// The subject of a preparation: the name of the runner, the directory of the pack, and the entry point.
type Start = (String, PathBuf, String);

impl Catalog {
    /// Begins to prepare the actions of `pack`, or of all packs. This takes processors, so it runs in the background,
    /// one action after the other, and ends when the host stops. An execution that comes meanwhile waits for the same
    /// preparation.
    pub fn prepare(&self, pack: Option<&str>) {
        let all = self.preparation(pack);
        self.core().spawn("preparation", all);
    }

    /// The last lines of what is made for packs that are being registered, after the one with this number.
    pub fn progress(&self, after: u64) -> Vec<ProgressLine> {
        let content = self.content();
        let runners = content.runners().values().filter_map(Runs::runner);
        runners.flat_map(|runner| runner.progress(after)).collect()
    }

    /// Waits until the actions of `pack` are prepared, or the host stops, so that the first event after it need not
    /// wait.
    pub async fn prepared(&self, pack: &str) {
        self.preparation(Some(pack)).await;
    }

    /// Prepares the actions of `pack`, or of all packs.
    fn preparation(&self, pack: Option<&str>) -> impl Future<Output = ()> + Send + use<> {
        let (starts, runners) = {
            let content = self.content();
            let enabled = content.actions().filter(|known| known.action.enabled);
            let wanted =
                enabled.filter(|known| pack.is_none_or(|pack| known.action.reference.pack() == pack));
            let starts: BTreeSet<Start> = wanted
                .map(|known| {
                    let action = &known.action;
                    (action.runner_type.clone(), known.pack_path.clone(), action.entry_point.clone())
                })
                .collect();
            (starts, content.runners().clone())
        };
        let all = async move {
            for (runner, pack_path, entry_point) in starts {
                let Some(runner) = runners.get(&runner).and_then(Runs::runner) else { continue };
                let prepared = runner.prepare(&pack_path, &entry_point).await;
                if let Err(NotPrepared { reason: error, hint }) = prepared {
                    tracing::warn!(
                        error,
                        hint,
                        "failed to prepare an action's entry point; its actions cannot run"
                    );
                }
            }
        };
        let stop = self.core().stop_starting().clone();
        async move { stop.run_until_cancelled(all).await.unwrap_or_default() }
    }
}

//! The stage of the cases: the bench of the pack with all granted that it asks for, but directories, and with the network,
//! the keys and the events of the case that is tried.

use std::path::Path;
use std::sync::Arc;

use petrel_pack_runtime::StandIn;
use petrel_packs::PackContents;
use petrel_packs::definition::Case;
use petrel_runners::OutputSink;
use petrel_runners::asked::KeyValues;
use petrel_runners::sensors::Emitter;

use super::super::bench::{Bench, OUTPUT, rights};
use super::super::sandbox;
use super::events::{self, Events};
use super::keys::Keys;
use super::network::Network;
use super::verdict;
use crate::exit::Failure;

/// A bench, with what stands for the world around it.
pub(super) struct Stage {
    bench: Bench,
    network: Arc<Network>,
    keys: Arc<Keys>,
    events: Arc<Events>,
}

impl Stage {
    /// The stage of the pack in a directory.
    pub(super) fn of(directory: &Path, contents: PackContents) -> Result<Self, Failure> {
        let network = Arc::new(Network::default());
        let stand_in: Arc<dyn StandIn> = Arc::<Network>::clone(&network);
        let runtime = sandbox::runtime(Some(&stand_in))?;
        let keys = Arc::new(Keys::default());
        let shared: Arc<dyn KeyValues> = Arc::<Keys>::clone(&keys);
        let rights = rights(&contents.pack.reference, contents.pack.capabilities.as_deref());
        let events = Arc::new(Events::of(&contents));
        let taker: Arc<dyn Emitter> = Arc::<Events>::clone(&events);
        let bench = Bench::of(directory, contents, runtime, (rights, &shared), taker);
        Ok(Self { bench, network, keys, events })
    }

    /// What is not as a case expects.
    pub(super) async fn differences(&self, case: &Case) -> Vec<String> {
        let action = match self.bench.action(&case.action) {
            Ok(action) => action,
            Err(told) => return vec![told],
        };
        self.network.begin(&case.http);
        self.keys.begin(&case.keys, &case.secrets);
        let output = OutputSink::new(OUTPUT);
        let outcome = self.bench.run(action, (&case.parameters, &case.config), &output).await;
        let output: Vec<_> = output.take().into_iter().map(|line| line.text).collect();
        let emitted = self.events.take();
        let mut found = self.network.differences();
        found.extend(events::differences(case.expect.events.as_deref(), &emitted));
        found.extend(self.keys.differences(&case.expect));
        found.extend(verdict::differences(&case.expect, &outcome, &output));
        found
    }
}

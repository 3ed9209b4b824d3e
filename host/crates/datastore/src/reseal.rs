//! Secret keys are sealed anew after the operator has made a new key (`petrel store rotate-key`).

use std::borrow::Cow;

use petrel_engine_core::{Decided, Error};

use crate::held::Held;
use crate::key::{Entry, KeyId};
use crate::keys::Keys;
use crate::sealing::unsealed;

/// How many keys one commit seals anew, and about how many bytes of them.
const AT_ONCE: (usize, usize) = (50, 4 << 20);

impl Keys {
    /// Whether secret keys were sealed with an older key than the one that seals now.
    pub fn has_older_seals(&self) -> bool {
        self.held().get().with_older_key(self.core().vault()).next().is_some()
    }

    /// Seals all of these anew. What was sealed stays the same, and so does its revision.
    pub async fn reseal(self) {
        let vault = self.core().vault().clone();
        let ids: Vec<_> = self.held().get().with_older_key(&vault).cloned().collect();
        let stop = self.core().stop_starting().clone();
        let (mut count, mut rest) = (0, ids.as_slice());
        while let Some((some, others)) =
            rest.split_at_checked(self.next_of(rest)).filter(|_| !rest.is_empty())
        {
            rest = others;
            let sealed = stop.run_until_cancelled(self.reseal_some(some.to_vec())).await;
            match sealed {
                None => return,
                Some(Ok(sealed)) => count += sealed,
                Some(Err(error)) => {
                    // The next start tries again: the older key is still there.
                    tracing::warn!(%error, hint = error.hint(), "failed to seal secret keys anew");
                    return;
                }
            }
        }
        tracing::info!(count, of = ids.len(), "sealed secret keys with the new key");
    }

    /// How many of `ids` are sealed anew next.
    fn next_of(&self, ids: &[KeyId]) -> usize {
        let (held, (most, mut room)) = (self.held().get(), AT_ONCE);
        let fits = |id: &&KeyId| {
            let is_next = room > 0;
            room = room.saturating_sub(held.get(id).map_or(0, |entry| entry.value.len()));
            is_next
        };
        ids.iter().take(most).take_while(fits).count()
    }

    async fn reseal_some(&self, ids: Vec<KeyId>) -> Result<usize, Error> {
        let vault = self.core().vault().clone();
        let seal = move |held: &Held| {
            let mut sealed = Vec::new();
            for id in &ids {
                let entry = held.get(id).filter(|entry| entry.secret && !vault.is_current(&entry.value));
                // One that is damaged stays as it is, and is told when it is read.
                let Some((entry, text)) = entry
                    .and_then(|entry| vault.open(&entry.value, &id.place()).ok().map(|text| (entry, text)))
                else {
                    continue;
                };
                let value = vault.seal(&text, &id.place()).map_err(|error| unsealed(id, &error))?;
                sealed.push(Entry {
                    owner: id.owner.clone().map(Cow::Owned),
                    name: Cow::Owned(id.name.clone()),
                    value: Cow::Owned(value),
                    secret: true,
                    expires_at: entry.expires_at,
                    revision: entry.revision,
                });
            }
            let changes = sealed.iter().map(Entry::stored).collect();
            let count = sealed.len();
            Ok(Decided::new(changes, count, move |held: &mut Held| {
                sealed.into_iter().for_each(|entry| held.put(entry));
            }))
        };
        self.held().change(self.core(), seal).await
    }
}

//! The room that a listing from the store takes, and its turn: what is small takes what it needs as it is read, what is
//! large waits for its turn ([`turns`](crate::turns)) and then for room, before it is read.

use super::super::MOST_BYTES;
use super::Part;
use crate::turns::WITHOUT_TURN;
use crate::{Api, ApiError, listing};

impl<T> Part<T> {
    /// Whether it may go on by itself: it has a turn, or what was read for it takes no more than `bytes`.
    pub(crate) fn may_read(&self, bytes: usize) -> bool {
        self.turn.is_some() || bytes <= WITHOUT_TURN
    }

    /// Whether it is so large that it must be read in turn.
    pub(crate) fn needs_turn(&self) -> bool {
        !self.may_read(self.bytes)
    }

    /// Begins it anew, in the turn of `user`, with room for `items` items such as those it has. Nothing is held
    /// meanwhile, neither items nor room: who holds any never waits for more.
    ///
    /// # Errors
    /// 503 when too many wait, or when no turn or no room is to be had for a while.
    pub(crate) async fn begin_in_turn(
        &mut self,
        api: &Api,
        user: &str,
        items: usize,
    ) -> Result<(), ApiError> {
        let mean = self.bytes / self.items.len().max(1);
        let expected = mean.saturating_mul(items).min(MOST_BYTES);
        let at_once = expected.min(listing::CHUNK.max(self.largest));
        *self = Self::in_order_of(self.is_rising);
        self.take_turn(api, user).await?;
        listing::hold_soon(api, &mut self.held, expected + 2 * at_once).await
    }

    /// Waits for the turn of `user`, if it has none.
    ///
    /// # Errors
    /// 503 when too many wait, or when none is to be had for a while.
    pub(crate) async fn take_turn(&mut self, api: &Api, user: &str) -> Result<(), ApiError> {
        if self.turn.is_none() {
            self.turn = Some(api.turns.take(user).await?);
        }
        Ok(())
    }

    /// Gives back what room it has beyond what it takes: nothing more is added to it.
    pub(crate) fn give_back(&mut self) {
        let needed = self.needed();
        if let Some(claim) = &mut self.held {
            claim.shrink_to(needed);
        }
    }

    /// The room for what there is, and for what is written of it at once.
    fn needed(&self) -> usize {
        let at_once = self.bytes.min(listing::CHUNK.max(self.largest));
        self.bytes.saturating_add(2 * at_once)
    }

    /// Holds room for what there is, and for what is written of it at once.
    ///
    /// # Errors
    /// As [`listing::hold`].
    pub(crate) fn hold(&mut self, api: &Api) -> Result<(), ApiError> {
        let needed = self.needed();
        listing::hold(api, &mut self.held, needed)
    }
}

//! The memory that a listing from the store claims, and its turn. Whether a list is large is seen in a glance at its
//! start. A small one claims memory as it is read; a large one waits for its turn ([`turns`](crate::turns)) and then for
//! memory, before it is read.

use super::super::MOST_BYTES;
use super::Part;
use crate::turns::WITHOUT_TURN;
use crate::{Api, ApiError, listing};

impl<T> Part<T> {
    /// Whether the part may go on after reading `bytes`: it has a turn, or they are few.
    pub(crate) fn may_read(&self, bytes: usize) -> bool {
        self.turn.is_some() || bytes <= WITHOUT_TURN
    }

    /// Whether the part is so large that it must be read in turn.
    pub(crate) fn needs_turn(&self) -> bool {
        !self.may_read(self.bytes)
    }

    /// Waits for a glance of `user`, before anything is read. A request that could not wait for a turn after it, if its
    /// list `may_be_large`, is refused at once.
    ///
    /// # Errors
    /// 503 when too many requests wait, or when no glance is free for a while.
    pub(crate) async fn take_glance(
        &mut self,
        api: &Api,
        user: &str,
        may_be_large: bool,
    ) -> Result<(), ApiError> {
        if may_be_large {
            api.turns.refuse_if_full(user)?;
        }
        self.glance = Some(api.glances.take(user).await?);
        Ok(())
    }

    /// Lets others have their glances who wait for one, and goes on in a later one of `user`.
    ///
    /// # Errors
    /// As [`Part::take_glance`].
    pub(crate) async fn let_others_glance(&mut self, api: &Api, user: &str) -> Result<(), ApiError> {
        if let Some(glance) = self.glance.take() {
            self.glance = Some(api.glances.let_others(glance, user).await?);
        }
        Ok(())
    }

    /// Starts again with an empty part, in the turn of `user`, with memory for `items` items of the same mean size.
    /// Waits without holding items, memory or a glance: a request that holds memory never waits for more.
    ///
    /// # Errors
    /// 503 when too many requests wait, or when no turn or no memory is free for a while.
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

    /// Waits for a turn of `user`, unless the part has one.
    ///
    /// # Errors
    /// 503 when too many requests wait, or when no turn is free for a while.
    pub(crate) async fn take_turn(&mut self, api: &Api, user: &str) -> Result<(), ApiError> {
        if self.turn.is_none() {
            self.turn = Some(api.turns.take(user).await?);
        }
        Ok(())
    }

    /// Takes a turn if one is free, unless the part has one. Says whether it has one now.
    pub(crate) fn try_take_turn(&mut self, api: &Api) -> bool {
        if self.turn.is_none() {
            self.turn = api.turns.try_take();
        }
        self.turn.is_some()
    }

    /// Lets others read who wait for a turn, and goes on in a later turn of `user`: a filter that admits little makes a
    /// small part of a long list. A part that has become large is nearly whole, and keeps its turn.
    ///
    /// # Errors
    /// As [`Part::take_turn`].
    pub(crate) async fn let_others(&mut self, api: &Api, user: &str) -> Result<(), ApiError> {
        let needed = self.needed();
        if needed > WITHOUT_TURN {
            return Ok(());
        }
        let Some(turn) = self.turn.take() else { return Ok(()) };
        // The memory for a whole page is not kept from others meanwhile.
        if let Some(claim) = &mut self.held {
            claim.shrink_to(needed);
        }
        self.turn = Some(api.turns.let_others(turn, user).await?);
        Ok(())
    }

    /// Gives back the memory that the part does not need: nothing more is added to it.
    pub(crate) fn give_back(&mut self) {
        let needed = self.needed();
        if let Some(claim) = &mut self.held {
            claim.shrink_to(needed);
        }
    }

    /// The bytes of the items, and of the text that is written of them at once.
    fn needed(&self) -> usize {
        let at_once = self.bytes.min(listing::CHUNK.max(self.largest));
        self.bytes.saturating_add(2 * at_once)
    }

    /// Claims memory for the items, and for the text that is written of them at once.
    ///
    /// # Errors
    /// As [`listing::hold`].
    pub(crate) fn hold(&mut self, api: &Api) -> Result<(), ApiError> {
        let needed = self.needed();
        listing::hold(api, &mut self.held, needed)
    }
}

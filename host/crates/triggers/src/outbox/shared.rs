//! What the payloads of several internal events have in common, in a row of its own: it goes once none of them is in the
//! outbox any more. The host may end in between; then the next start sees to it.

use petrel_engine_core::Error;
use petrel_model::{InternalEvent, InternalEventId, Object, SharedPayload};
use petrel_persistence::{Change, Document, DocumentKind, Error as ReadError, Noun as _, StoreExt as _};

use crate::service::Triggers;

/// How many rows are looked at, at once.
const AT_ONCE: usize = 16;

impl Triggers {
    /// The payload of an event whose own is `payload`.
    pub(super) async fn whole_payload(
        &self,
        payload: Object,
        shares: Option<InternalEventId>,
    ) -> Result<Object, Error> {
        let Some(shared) = shares else { return Ok(payload) };
        let Some(SharedPayload { payload: mut whole, .. }) = self.store().get(&shared).await? else {
            return Err(Error::Unreadable(format!("the payload {shared} of internal events is missing")));
        };
        whole.extend(payload);
        Ok(whole)
    }

    /// Deletes what payloads have in common, if no event needs it any more.
    pub(super) async fn drop_shared(&self, shares: Option<InternalEventId>) {
        let Some(shared) = shares else { return };
        let dropped = async {
            let Some(shared) = self.store().get::<SharedPayload>(&shared).await? else { return Ok(()) };
            self.drop_unless_needed(&shared).await
        };
        if let Err(error) = dropped.await {
            tracing::debug!(%shared, %error, "failed to delete the payload of internal events; the next start does");
        }
    }

    /// Deletes what an earlier process has left over.
    pub(super) async fn drop_left_over(&self) {
        let dropped = async {
            // Some at a time: each may be large, and as many may be there as events wait.
            let mut after = None;
            loop {
                let kind = DocumentKind::SharedPayload;
                let found = self.store().documents_after(kind, after.as_ref(), AT_ONCE).await?;
                let Some(last) = found.last().map(Document::key) else { return Ok::<_, Error>(()) };
                after = Some(last);
                for shared in found.into_iter().filter_map(SharedPayload::from_document) {
                    self.drop_unless_needed(&shared).await?;
                }
            }
        };
        if let Err(error) = dropped.await {
            tracing::warn!(%error, "failed to look for payloads of internal events that nobody needs; the next start does");
        }
    }

    async fn drop_unless_needed(&self, shared: &SharedPayload) -> Result<(), Error> {
        if self.is_needed(shared).await? {
            return Ok(());
        }
        self.core().commit(Vec::new(), vec![Change::delete::<SharedPayload>(shared.id)]).await
    }

    /// Whether one of its events is in the outbox. They come between it and the last one, perhaps among others.
    async fn is_needed(&self, shared: &SharedPayload) -> Result<bool, ReadError> {
        let (mut after, last) =
            (InternalEvent::document_key(shared.id), InternalEvent::document_key(shared.last));
        loop {
            let kind = DocumentKind::InternalEvent;
            let found = self.store().documents_after(kind, Some(&after), AT_ONCE).await?;
            let is_last = found.len() < AT_ONCE;
            for event in found {
                after = event.key();
                if after > last {
                    return Ok(false);
                }
                if InternalEvent::from_document(event).is_some_and(|event| event.shares == Some(shared.id)) {
                    return Ok(true);
                }
            }
            if is_last {
                return Ok(false);
            }
        }
    }
}

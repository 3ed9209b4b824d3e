//! What is to be done after a commit, and is done also if the one who waits for the commit goes away before it is answered.

use tokio::runtime::Handle;

use crate::ground::Core;

/// Something to be done after a commit that is under way. It costs nothing beyond itself as long as somebody waits for that.
pub(crate) struct Owed<'a, F: FnOnce() + Send + 'static> {
    core: &'a Core,
    then: Option<F>,
}

impl<'a, F: FnOnce() + Send + 'static> Owed<'a, F> {
    /// Has `then` done after the commit that follows.
    pub(crate) fn new(core: &'a Core, then: F) -> Self {
        Self { core, then: Some(then) }
    }

    /// Does it if the commit was made. Otherwise there is nothing to be done.
    pub(crate) fn settle(mut self, is_made: bool) {
        if let Some(then) = self.then.take()
            && is_made
        {
            then();
        }
    }
}

impl<F: FnOnce() + Send + 'static> Drop for Owed<'_, F> {
    fn drop(&mut self) {
        let Some(then) = self.then.take() else { return };
        // Without a runtime nobody is left to whom it would matter.
        if Handle::try_current().is_err() {
            return;
        }
        let core = self.core.clone();
        self.core.spawn("what follows a commit", async move {
            // The commit may be made now or later, so it has to be waited for. If that fails, too early is better than never.
            if let Err(error) = core.pass_commits().await {
                tracing::debug!(%error, "a commit that nobody waits for cannot be waited for");
            }
            then();
        });
    }
}

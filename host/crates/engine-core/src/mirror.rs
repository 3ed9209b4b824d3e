//! What a service keeps in memory of what is stored. Readers get a snapshot; a change is decided on what is there now,
//! committed, and only then shown.
//!
//! So no update is lost, nobody reads what could still be refused, and no guard of a lock leaves this file. A change runs
//! on a task of its own: what was committed shows in memory although whoever asked for it has gone away.
//!
//! A change that another host has committed to a shared store has its door here too: [`Mirror::read_again`] shows what is
//! stored by then, and [`Mirror::version`] says whether anything was shown since.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use petrel_persistence::{Change, Expect};
use tokio::sync::MutexGuard;

use crate::error::Error;
use crate::ground::Core;

/// What is held in memory of what is stored. Clones are the same mirror.
#[derive(Debug)]
pub struct Mirror<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    shown: RwLock<Arc<T>>,
    version: AtomicU64,
    /// Held from a decision until it is shown, so that store and memory see the same order.
    changing: tokio::sync::Mutex<()>,
}

/// What has been decided on: what is to be committed, what it does to the mirror once it is, and the answer.
pub struct Decided<T, R> {
    expect: Vec<Expect>,
    changes: Vec<Change>,
    show: Box<dyn FnOnce(&mut T) + Send>,
    answer: R,
}

impl<T, R> Decided<T, R> {
    /// To commit `changes`, then to have `show` make the same of what is in memory, then to give `answer`.
    pub fn new(changes: Vec<Change>, answer: R, show: impl FnOnce(&mut T) + Send + 'static) -> Self {
        Self { expect: Vec::new(), changes, show: Box::new(show), answer }
    }

    /// The same, if the store finds that `expect` holds.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// The same, if the store finds that all of these hold.
    #[must_use]
    pub fn expecting_all(mut self, expect: Vec<Expect>) -> Self {
        self.expect.extend(expect);
        self
    }
}

/// A change that has begun: until this is dropped nobody else changes anything.
#[derive(Debug)]
pub struct Changing<'a, T> {
    mirror: &'a Mirror<T>,
    _alone: MutexGuard<'a, ()>,
}

impl<T: Clone + Send + Sync + 'static> Changing<'_, T> {
    /// What is there, which nobody else changes meanwhile.
    pub fn get(&self) -> Arc<T> {
        self.mirror.get()
    }

    /// How often something else has been shown, as [`Mirror::version`].
    pub fn version(&self) -> u64 {
        self.mirror.version()
    }

    /// Commits what has been decided on, and shows that.
    ///
    /// # Errors
    /// When the commit is refused. Then nothing is stored and nothing else is shown.
    pub async fn make<R>(&self, core: &Core, decided: Decided<T, R>) -> Result<R, Error> {
        core.commit(decided.expect, decided.changes).await?;
        self.mirror.show(decided.show);
        Ok(decided.answer)
    }
}

impl<T> Clone for Mirror<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Mirror<T> {
    /// A mirror that shows `value`, which was read from the store.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Inner {
            shown: RwLock::new(Arc::new(value)),
            version: AtomicU64::new(0),
            changing: tokio::sync::Mutex::default(),
        }))
    }

    /// What is there now. It stays as it is, whatever changes; do not keep it for long.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.shown.read())
    }

    /// How often something else has been shown.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }

    /// Has `decide` look at what is there now, commits what it has decided on, and shows that. Nobody else changes
    /// anything meanwhile. It is done to its end although the caller does not wait for it.
    ///
    /// # Errors
    /// What `decide` says, or when the commit is refused. Then nothing is stored and nothing else is shown.
    pub async fn change<R: Send + 'static>(
        &self,
        core: &Core,
        decide: impl FnOnce(&T) -> Result<Decided<T, R>, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (mirror, own) = (self.clone(), core.clone());
        core.run_detached(async move {
            let changing = mirror.begin().await;
            let decided = decide(&changing.get())?;
            changing.make(&own, decided).await
        })
        .await
    }

    /// Keeps others from changing anything from now on, for a decision that has to wait for something itself. Whoever
    /// begins so sees to it that the change runs to its end ([`Core::run_detached`]).
    pub async fn begin(&self) -> Changing<'_, T> {
        Changing { mirror: self, _alone: self.0.changing.lock().await }
    }

    /// Shows what `read` finds in the store, between two changes.
    ///
    /// # Errors
    /// When it cannot be read. Then what was shown is shown further on.
    pub async fn read_again(&self, read: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
        let _changing = self.0.changing.lock().await;
        let value = read.await?;
        self.show(|shown| *shown = value);
        Ok(())
    }

    fn show(&self, show: impl FnOnce(&mut T)) {
        let mut shown = self.0.shown.write();
        if let Some(value) = Arc::get_mut(&mut shown) {
            show(value);
        } else {
            // Somebody has a snapshot, so it takes a copy. Readers do not wait for that, and who changes is alone.
            let before = Arc::clone(&shown);
            drop(shown);
            let mut value = T::clone(&before);
            show(&mut value);
            *self.0.shown.write() = Arc::new(value);
        }
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;

//! A service's copy of stored things in memory. Readers get a snapshot. A change is decided on the present value,
//! committed, and only then shown.
//!
//! So no update is lost, nobody reads anything that could still be refused, and no guard of a lock leaves this file.
//! A change runs on a task of its own, so that a committed change shows in memory although its caller has gone away.
//!
//! Another host that shares the store may commit changes too. [`Mirror::read_again`] then shows the stored value, and
//! [`Mirror::version`] tells whether the value has changed since, and [`Mirror::changed_since`] waits for that.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use petrel_persistence::{Change, Expect};
use tokio::sync::{MutexGuard, Notify};

use crate::error::Error;
use crate::ground::Core;

/// A copy of stored things in memory. Clones are the same mirror.
#[derive(Debug)]
pub struct Mirror<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    shown: RwLock<Arc<T>>,
    watch: Watch<T>,
    version: AtomicU64,
    /// Tells those who wait for the next version.
    changed: Notify,
    /// Held from the decision until the change is shown, so that store and memory see changes in the same order.
    changing: tokio::sync::Mutex<()>,
}

/// What is told of each value before anybody sees it.
struct Watch<T>(Box<dyn Fn(&T) + Send + Sync>);

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

/// A decision: the changes to commit, their effect on the mirror, and the answer to the caller.
pub struct Decided<T, R> {
    expect: Vec<Expect>,
    changes: Vec<Change>,
    show: Box<dyn FnOnce(&mut T) + Send>,
    answer: R,
}

impl<T, R> Decided<T, R> {
    /// Commits `changes`, then applies `show` to the value in memory, then returns `answer`.
    pub fn new(changes: Vec<Change>, answer: R, show: impl FnOnce(&mut T) + Send + 'static) -> Self {
        Self { expect: Vec::new(), changes, show: Box::new(show), answer }
    }

    /// Makes the commit only if `expect` holds in the store.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Makes the commit only if all of `expect` hold in the store.
    #[must_use]
    pub fn expecting_all(mut self, expect: Vec<Expect>) -> Self {
        self.expect.extend(expect);
        self
    }
}

/// A change that has begun. Until it is dropped nobody else changes anything.
#[derive(Debug)]
pub struct Changing<'a, T> {
    mirror: &'a Mirror<T>,
    _alone: MutexGuard<'a, ()>,
}

impl<T: Clone + Send + Sync + 'static> Changing<'_, T> {
    /// The present snapshot, which nobody else changes meanwhile.
    pub fn get(&self) -> Arc<T> {
        self.mirror.get()
    }

    /// The number of changes so far, as [`Mirror::version`].
    pub fn version(&self) -> u64 {
        self.mirror.version()
    }

    /// Commits the decision, and shows it.
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
    /// A mirror of `value`, which was read from the store.
    pub fn new(value: T) -> Self {
        Self::watched(value, |_value| {})
    }

    /// As [`new`](Self::new). `watch` is told of each value before anybody sees it. Readers wait meanwhile.
    pub fn watched(value: T, watch: impl Fn(&T) + Send + Sync + 'static) -> Self {
        watch(&value);
        Self(Arc::new(Inner {
            shown: RwLock::new(Arc::new(value)),
            watch: Watch(Box::new(watch)),
            version: AtomicU64::new(0),
            changed: Notify::new(),
            changing: tokio::sync::Mutex::default(),
        }))
    }

    /// A snapshot of the present value, which later changes do not touch. A snapshot that is kept for long makes the
    /// next change copy the value.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.shown.read())
    }

    /// The number of changes shown so far.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }

    /// Waits until the version is another one than `version`.
    pub async fn changed_since(&self, version: u64) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Registered before the version is read, so that no change in between is missed.
            changed.as_mut().enable();
            if self.version() != version {
                return;
            }
            changed.await;
        }
    }

    /// Calls `decide` with the present value, commits its decision, and shows the new value. No other change happens
    /// meanwhile. The change is completed even if the caller stops waiting.
    ///
    /// # Errors
    /// The error of `decide`, or of the commit. Then nothing is stored and the value stays.
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

    /// Keeps others from changing anything from now on, for a decision that has to wait for something itself. The caller
    /// ensures that the change runs to its end ([`Core::run_detached`]).
    pub async fn begin(&self) -> Changing<'_, T> {
        Changing { mirror: self, _alone: self.0.changing.lock().await }
    }

    /// Replaces the value by the one that `read` finds in the store, between two changes.
    ///
    /// # Errors
    /// When the store cannot be read. The value stays then.
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
            (self.0.watch.0)(value);
        } else {
            // A reader holds a snapshot, so a copy is changed. The lock is released meanwhile, which is safe since
            // `changing` lets no other change in.
            let before = Arc::clone(&shown);
            drop(shown);
            let mut value = T::clone(&before);
            show(&mut value);
            (self.0.watch.0)(&value);
            *self.0.shown.write() = Arc::new(value);
        }
        // Raised after the value is shown: who sees the number also sees the value.
        self.0.version.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;

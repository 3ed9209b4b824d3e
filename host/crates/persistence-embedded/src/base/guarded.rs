//! Guards engines: panics become errors, and are not printed. Both engines assert properties of their files in places,
//! and a single flipped byte is enough to violate them.
//!
//! Ranges that a guarded engine cannot read are left to [`gaps`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::base::gaps;
use crate::base::{Base, BaseError, Entry, Reads, Write};

/// Names of threads that engines start.
const ENGINE_THREADS: [&str; 2] = ["sled-io", "log flusher"];

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, and turns a panic into an error about damage.
fn guarded<T>(work: impl FnOnce() -> Result<T, BaseError>) -> Result<T, BaseError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(silence_panics);
    let before = IS_GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(before);
    done.unwrap_or_else(|panic| Err(BaseError::damaged(panic_message(panic.as_ref()))))
}

/// Silences the panics that are caught here, whose backtraces do not help an operator. All other panics are printed as
/// before.
fn silence_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let is_engines =
            ENGINE_THREADS.iter().any(|name| thread.name().is_some_and(|own| own.starts_with(name)));
        if is_engines {
            tracing::error!(thread = thread.name(), "thread of the storage engine panicked");
        } else if !IS_GUARDED.try_with(Cell::get).unwrap_or(false) {
            before(panic);
        }
    }));
}

/// The message of a panic, in one line.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    format!("its files are damaged ({})", text.lines().next().unwrap_or("the engine does not say how"))
}

/// An engine behind the guard.
pub(super) struct Guarded<B> {
    /// Present until this is dropped.
    engine: Option<B>,
}

impl<B> Guarded<B> {
    /// Opens an engine behind the guard.
    pub(super) fn open(open: impl FnOnce() -> Result<B, BaseError>) -> Result<Self, BaseError> {
        Ok(Self { engine: Some(guarded(open)?) })
    }

    fn with<T>(&self, work: impl FnOnce(&B) -> Result<T, BaseError>) -> Result<T, BaseError> {
        let engine = self.engine.as_ref().ok_or_else(|| BaseError::failed("the engine was closed"))?;
        guarded(|| work(engine))
    }
}

impl<B> Drop for Guarded<B> {
    fn drop(&mut self) {
        let engine = self.engine.take();
        // What it fails to write now is still in the journal.
        drop(guarded(|| {
            drop(engine);
            Ok(())
        }));
    }
}

impl<B: Base> Reads for Guarded<B> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        match self.with(|engine| engine.get(key)) {
            Err(error) if error.is_damage => Ok(Some(gaps::value(&error.reason))),
            found => found,
        }
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let read =
            |from: &[u8], to: &[u8], limit: usize| self.with(|engine| engine.range(from, to, reverse, limit));
        match read(from, to, limit) {
            Err(error) if error.is_damage => gaps::read_around(read, (from, to), reverse, limit),
            found => found,
        }
    }
}

impl<B: Base> Base for Guarded<B> {
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        self.with(|engine| engine.apply(writes))
    }

    fn sync(&self) -> Result<(), BaseError> {
        self.with(Base::sync)
    }

    fn lost(&self) -> Option<String> {
        self.engine.as_ref().and_then(Base::lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_in_its_own_words() {
        for (opened, expected) in [
            (
                Guarded::<()>::open(|| panic!("page {} is gone\nat all", 7)),
                "its files are damaged (page 7 is gone)",
            ),
            (Guarded::open(|| panic!("gone")), "its files are damaged (gone)"),
            (Guarded::open(|| Err(BaseError::failed("no room"))), "no room"),
        ] {
            assert_eq!(opened.err().map(|error| error.reason).as_deref(), Some(expected));
        }
    }
}

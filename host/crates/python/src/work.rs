//! The meter of evaluations: one for both languages, for regular expressions, JSON, YAML and JSONPath.
//!
//! Code that builds a value, or walks through one, charges the meter before it does so ([`charge`], [`make`]). A unit
//! is about a nanosecond of work, so that [`UNITS`] are about a second. One evaluation is everything within the
//! outermost [`Evaluation`]. An [`Allowance`] limits the evaluations that run [`within`] it together, and an
//! [`Interrupt`] ends them from outside. The meter belongs to the thread, so that no function has to pass it on.
//!
//! The languages are crates of their own, and charge for each value they touch; so the functions they call are
//! inlined there.
//!
//! The template engine counts its own work in fuel (`petrel-jinja`), which is charged here after a rendering. A
//! refused charge stays refused until the evaluation is over: code that catches the error can go on only with work
//! that costs nothing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

pub use limit::Limit;

mod limit;

/// The units of work that one evaluation may take: about a second in an optimised build.
pub const UNITS: u64 = 1_000_000_000;

/// The bytes of text and lists that one evaluation may build in all.
pub const BYTES: usize = 64 * 1024 * 1024;

/// The units after which the interrupt is checked: about every millisecond.
const SLICE: u64 = 1_000_000;

/// The work of visiting one item of a list.
pub const ITEM: u64 = 32;

/// The bytes of one place in a list, with room for growth.
pub const PLACE: usize = 40;

/// The depth of lists and mappings within each other up to which code walks through them.
pub const DEPTH: usize = 500;

/// A signal that ends evaluations from outside. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Ends them because their time is up.
    pub fn time_is_up(&self) {
        // The larger number wins, so that a stop is never taken for a lack of time. Nothing else is published
        // with the number, so no stronger order is needed.
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// Ends them because the host is stopping.
    pub fn stop(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    fn limit(&self) -> Option<Limit> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Limit::Time),
            _ => Some(Limit::Stop),
        }
    }
}

/// The limits that several evaluations share.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Units of work.
    pub units: u64,
    /// Whether the stack has room for the deepest values that the template engine can build with all of its fuel,
    /// some tens of MiB. Otherwise a rendering gets less fuel.
    pub is_roomy: bool,
    /// The signal that ends the evaluations, if there is one.
    pub interrupt: Option<Interrupt>,
}

/// The outcome of evaluations within an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran<T> {
    /// The value of the work.
    pub value: T,
    /// The shared limit that was hit. Some evaluations failed then that might succeed with a larger allowance.
    pub limit: Option<Limit>,
}

struct Meter {
    /// The units that may be charged until `rest` and the interrupt are looked at again.
    slice: Cell<u64>,
    /// The units that the evaluation has left besides the slice.
    rest: Cell<u64>,
    bytes: Cell<usize>,
    refused: Cell<Option<Limit>>,
    /// The number of nested evaluations.
    depth: Cell<u32>,
    /// The units that all evaluations have left; `None` where nothing limits them together.
    allowance: Cell<Option<u64>>,
    /// The shared limit that was hit.
    ended: Cell<Option<Limit>>,
    is_roomy: Cell<bool>,
    interrupt: RefCell<Option<Interrupt>>,
}

thread_local! {
    static METER: Meter = const {
        Meter {
            slice: Cell::new(0),
            rest: Cell::new(0),
            bytes: Cell::new(0),
            refused: Cell::new(None),
            depth: Cell::new(0),
            allowance: Cell::new(None),
            ended: Cell::new(None),
            is_roomy: Cell::new(false),
            interrupt: RefCell::new(None),
        }
    };
}

impl Meter {
    #[inline]
    fn charge(&self, units: u64) -> Result<(), Limit> {
        // The common path is one subtraction and one store; everything rarer happens in `refill`.
        match self.slice.get().checked_sub(units) {
            Some(left) => {
                self.slice.set(left);
                Ok(())
            }
            None => self.refill(units),
        }
    }

    /// Takes the next slice, if the limits allow it.
    #[cold]
    fn refill(&self, units: u64) -> Result<(), Limit> {
        // Outside of an evaluation nothing is limited, because no slice was ever filled.
        if self.depth.get() == 0 {
            return Ok(());
        }
        if let Some(limit) = self.refused.get() {
            return Err(limit);
        }
        if let Some(limit) = self.interrupt.borrow().as_ref().and_then(Interrupt::limit) {
            self.ended.set(Some(limit));
            return Err(self.refuse(limit));
        }
        // The slice still counts: a charge may exceed the slice although the evaluation has enough left.
        let Some(left) = self.slice.get().saturating_add(self.rest.get()).checked_sub(units) else {
            return Err(self.refuse(Limit::Work));
        };
        let slice = left.min(SLICE);
        self.slice.set(slice);
        self.rest.set(left - slice);
        Ok(())
    }

    fn afford(&self, units: u64) -> Result<(), Limit> {
        if self.depth.get() == 0 || units <= self.slice.get() + self.rest.get() {
            return Ok(());
        }
        Err(self.refused.get().unwrap_or_else(|| self.refuse(Limit::Work)))
    }

    fn refuse(&self, limit: Limit) -> Limit {
        // With nothing left, every later charge goes to `refill` and finds the refusal there.
        self.refused.set(Some(limit));
        self.slice.set(0);
        self.rest.set(0);
        limit
    }

    #[inline]
    fn make(&self, bytes: usize) -> Result<(), Limit> {
        self.charge(bytes as u64)?;
        if self.depth.get() == 0 {
            return Ok(());
        }
        // Bytes are counted by themselves too, since they stay in memory after the work is done.
        let Some(left) = self.bytes.get().checked_sub(bytes) else {
            return Err(self.refuse(Limit::Bytes));
        };
        self.bytes.set(left);
        Ok(())
    }
}

/// Charges units of work, which the caller is about to do.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn charge(units: u64) -> Result<(), Limit> {
    METER.with(|meter| meter.charge(units))
}

/// Refuses work that may take `units` where fewer are left. The caller charges the real cost afterwards.
pub(crate) fn afford(units: u64) -> Result<(), Limit> {
    METER.with(|meter| meter.afford(units))
}

/// Charges for visiting items.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn visit(items: usize) -> Result<(), Limit> {
    charge((items as u64).saturating_mul(ITEM))
}

/// Charges for comparing bytes.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn compare(bytes: usize) -> Result<(), Limit> {
    charge(bytes as u64 / 8)
}

/// Charges for hashing bytes, or for counting or finding characters in them.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn scan(bytes: usize) -> Result<(), Limit> {
    charge(bytes as u64)
}

/// Charges for an examination of each character in this number of bytes.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn read(bytes: usize) -> Result<(), Limit> {
    charge((bytes as u64).saturating_mul(8))
}

/// Charges for trimming `chars` off the ends of `text`: each character there is compared with all of them.
///
/// # Errors
/// The limit that the charge exceeds.
pub fn trim(text: &str, chars: &str) -> Result<(), Limit> {
    charge((text.len() as u64).saturating_mul(chars.len() as u64))
}

/// Charges for bytes that are about to be built, and for the work of building them.
///
/// # Errors
/// The limit that the charge exceeds.
#[inline]
pub fn make(bytes: usize) -> Result<(), Limit> {
    METER.with(|meter| meter.make(bytes))
}

/// Charges for a list that is about to be built.
#[inline]
pub fn make_list(places: usize) -> Result<(), Limit> {
    make(places.saturating_mul(PLACE))
}

/// Refuses every further charge of this evaluation.
pub fn refuse(limit: Limit) -> Limit {
    METER.with(|meter| meter.refuse(limit))
}

/// Whether a charge of this evaluation was refused.
///
/// # Errors
/// The limit that was exceeded.
#[inline]
pub fn check() -> Result<(), Limit> {
    METER.with(|meter| meter.refused.get().map_or(Ok(()), Err))
}

/// Whether the stack has room for the deepest values of the template engine.
pub fn is_roomy() -> bool {
    METER.with(|meter| meter.is_roomy.get())
}

/// Runs `work` as one evaluation, for metered work that is no expression.
pub fn evaluation<T>(work: impl FnOnce() -> T) -> T {
    let _evaluation = Evaluation::begin();
    work()
}

/// One evaluation, until it is dropped. An evaluation that begins within another one is a part of it.
#[derive(Debug)]
pub struct Evaluation(());

impl Evaluation {
    /// Begins an evaluation.
    pub fn begin() -> Self {
        METER.with(|meter| {
            if meter.depth.get() == 0 {
                let units = meter.allowance.get().map_or(UNITS, |left| left.min(UNITS));
                // An empty slice makes the first charge look at the interrupt.
                meter.slice.set(0);
                meter.rest.set(units);
                meter.bytes.set(BYTES);
                // What has ended the allowance refuses all further evaluations within it.
                meter.refused.set(meter.ended.get());
            }
            meter.depth.set(meter.depth.get() + 1);
        });
        Self(())
    }
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        METER.with(|meter| {
            meter.depth.set(meter.depth.get() - 1);
            if meter.depth.get() > 0 {
                return;
            }
            if let Some(allowance) = meter.allowance.get() {
                // The allowance pays only for what this evaluation used, which is the difference to what it was given
                // at the beginning.
                let left = meter.slice.get() + meter.rest.get();
                let allowance = allowance.saturating_sub(allowance.min(UNITS).saturating_sub(left));
                meter.allowance.set(Some(allowance));
                if allowance == 0 && meter.ended.get().is_none() {
                    meter.ended.set(Some(Limit::Work));
                }
            }
            meter.slice.set(0);
            meter.rest.set(0);
            meter.refused.set(None);
        });
    }
}

/// Runs `work`, whose evaluations share `allowance`.
pub fn within<T>(allowance: &Allowance, work: impl FnOnce() -> T) -> Ran<T> {
    /// Restores the outer limits, even if `work` panics.
    struct Before(Option<u64>, Option<Limit>, bool, Option<Interrupt>);
    impl Drop for Before {
        fn drop(&mut self) {
            METER.with(|meter| {
                meter.allowance.set(self.0);
                meter.ended.set(self.1);
                meter.is_roomy.set(self.2);
                *meter.interrupt.borrow_mut() = self.3.take();
            });
        }
    }
    let _before = METER.with(|meter| {
        Before(
            meter.allowance.replace(Some(allowance.units)),
            meter.ended.replace(None),
            meter.is_roomy.replace(allowance.is_roomy),
            meter.interrupt.replace(allowance.interrupt.clone()),
        )
    });
    let value = work();
    Ran { value, limit: METER.with(|meter| meter.ended.get()) }
}

/// Runs `work`, whose evaluations together take at most `units` of what is left. Unlike [`within`] this is a part of
/// the surrounding evaluation: it is interrupted with it and gets no more than that has left. Work that does not fit
/// fails in the same way each time.
pub fn part<T>(units: u64, work: impl FnOnce() -> T) -> T {
    let (outer, given) = METER.with(|meter| {
        let outer = meter.allowance.get();
        let given = outer.map_or(units, |outer| outer.min(units));
        meter.allowance.set(Some(given));
        (outer, given)
    });
    let value = work();
    METER.with(|meter| {
        let used = given.saturating_sub(meter.allowance.get().unwrap_or(0));
        let left = outer.map(|outer| outer.saturating_sub(used));
        meter.allowance.set(left);
        // The outer allowance has something left, so this limit was only the part's own.
        if meter.ended.get() == Some(Limit::Work) && left != Some(0) {
            meter.ended.set(None);
        }
    });
    value
}

/// Text whose growth is charged.
#[derive(Debug, Default)]
pub struct Text(pub String);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A little more than the bytes, because each piece is formatted by itself.
        charge(16).and_then(|()| make(text.len())).map_err(|_limit| fmt::Error)?;
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

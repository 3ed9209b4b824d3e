//! What evaluations may use up: one meter for all languages, for regular expressions, JSON, YAML and JSONPath too.
//!
//! Whoever makes something, or goes through it, charges the meter before it does so ([`charge`], [`make`]). A unit is about
//! a nanosecond of work, so that [`UNITS`] are about a second. One evaluation is what lies within the outermost
//! [`Evaluation`]; what several of them may take together says the [`Allowance`] that they run [`within`], and an
//! [`Interrupt`] ends them from outside. The meter belongs to the thread, so that nothing has to be handed through.
//!
//! The languages are crates of their own, and charge for each value that they touch; so what they call is inlined there.
//!
//! The template engine counts what it does itself in fuel of its own (`petrel-jinja`), which is charged here
//! when a rendering is over. A charge that was refused stays refused until the evaluation is over: whatever catches the
//! error on the way can go on only with what costs nothing.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

pub use limit::Limit;

mod limit;

/// How much work one evaluation may do: about a second in an optimised build.
pub const UNITS: u64 = 1_000_000_000;

/// How many bytes of text and lists one evaluation may make in all.
pub const BYTES: usize = 64 * 1024 * 1024;

/// After so many units the interrupt is looked at: about every millisecond.
const SLICE: u64 = 1_000_000;

/// The work of going through one item of a list.
pub const ITEM: u64 = 32;

/// How many bytes one place in a list takes, with its growth.
pub const PLACE: usize = 40;

/// How deep lists and mappings may stand within each other where something goes through all of them.
pub const DEPTH: usize = 500;

/// Ends evaluations from outside. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// They have taken too long.
    pub fn time_is_up(&self) {
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// The host stops.
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

/// What evaluations may take together.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Units of work.
    pub units: u64,
    /// Whether the stack has room for the deepest values that the template engine can make with all of its fuel: some
    /// tens of MiB. Otherwise a rendering gets less of it.
    pub is_roomy: bool,
    /// What ends them.
    pub interrupt: Option<Interrupt>,
}

/// What came of evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran<T> {
    /// It.
    pub value: T,
    /// The limit on all of them that was hit. Then some of them failed that might not have with more.
    pub limit: Option<Limit>,
}

struct Meter {
    /// What may be done until the next look at `rest` and the interrupt.
    slice: Cell<u64>,
    /// What the evaluation has left beside.
    rest: Cell<u64>,
    bytes: Cell<usize>,
    refused: Cell<Option<Limit>>,
    /// How many evaluations are within each other.
    depth: Cell<u32>,
    /// What all evaluations have left; not counted where nobody says so.
    allowance: Cell<Option<u64>>,
    /// The limit on all of them that was hit.
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
        match self.slice.get().checked_sub(units) {
            Some(left) => {
                self.slice.set(left);
                Ok(())
            }
            None => self.refill(units),
        }
    }

    /// Takes the next slice, if there is one.
    #[cold]
    fn refill(&self, units: u64) -> Result<(), Limit> {
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
        let Some(left) = self.bytes.get().checked_sub(bytes) else {
            return Err(self.refuse(Limit::Bytes));
        };
        self.bytes.set(left);
        Ok(())
    }
}

/// Charges so many units, before they are worked.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn charge(units: u64) -> Result<(), Limit> {
    METER.with(|meter| meter.charge(units))
}

/// Refuses what may take so many units where fewer are left. What it took is charged afterwards.
pub(crate) fn afford(units: u64) -> Result<(), Limit> {
    METER.with(|meter| meter.afford(units))
}

/// Charges for going through so many items.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn visit(items: usize) -> Result<(), Limit> {
    charge((items as u64).saturating_mul(ITEM))
}

/// Charges for comparing so many bytes with others.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn compare(bytes: usize) -> Result<(), Limit> {
    charge(bytes as u64 / 8)
}

/// Charges for hashing so many bytes, or for counting or finding characters in them.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn scan(bytes: usize) -> Result<(), Limit> {
    charge(bytes as u64)
}

/// Charges for asking something of each character in so many bytes.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn read(bytes: usize) -> Result<(), Limit> {
    charge((bytes as u64).saturating_mul(8))
}

/// Charges for taking `chars` off the ends of `text`: each character there is looked for among all of them.
///
/// # Errors
/// The limit that this exceeds.
pub fn trim(text: &str, chars: &str) -> Result<(), Limit> {
    charge((text.len() as u64).saturating_mul(chars.len() as u64))
}

/// Charges for so many bytes that are about to be made, and the work of it.
///
/// # Errors
/// The limit that this exceeds.
#[inline]
pub fn make(bytes: usize) -> Result<(), Limit> {
    METER.with(|meter| meter.make(bytes))
}

/// Charges for a list of so many places that is about to be made.
#[inline]
pub fn make_list(places: usize) -> Result<(), Limit> {
    make(places.saturating_mul(PLACE))
}

/// Refuses all that is still to come of this evaluation.
pub fn refuse(limit: Limit) -> Limit {
    METER.with(|meter| meter.refuse(limit))
}

/// Whether something was refused in this evaluation.
///
/// # Errors
/// The limit that was exceeded.
#[inline]
pub fn check() -> Result<(), Limit> {
    METER.with(|meter| meter.refused.get().map_or(Ok(()), Err))
}

/// Whether the stack has room for whatever the template engine can make.
pub fn is_roomy() -> bool {
    METER.with(|meter| meter.is_roomy.get())
}

/// Does `work` as one evaluation. For what is no expression and counts all the same.
pub fn evaluation<T>(work: impl FnOnce() -> T) -> T {
    let _evaluation = Evaluation::begin();
    work()
}

/// One evaluation, for as long as it is not dropped. What begins within another one is part of that.
#[derive(Debug)]
pub struct Evaluation(());

impl Evaluation {
    /// Begins one.
    pub fn begin() -> Self {
        METER.with(|meter| {
            if meter.depth.get() == 0 {
                let units = meter.allowance.get().map_or(UNITS, |left| left.min(UNITS));
                meter.slice.set(0);
                meter.rest.set(units);
                meter.bytes.set(BYTES);
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

/// Does `work`, and lets all evaluations in it together take no more than `allowance`.
pub fn within<T>(allowance: &Allowance, work: impl FnOnce() -> T) -> Ran<T> {
    /// Puts back what there was before, also when `work` panics.
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

/// Does `work`, and lets all evaluations in it together take no more than `units` of what there is. Unlike
/// [`within`] it is a part of what goes on: ended from outside with it, and with no more than that has left. What
/// does not fit into it fails in the same way each time.
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
        if meter.ended.get() == Some(Limit::Work) && left != Some(0) {
            meter.ended.set(None);
        }
    });
    value
}

/// Text that is charged as it grows.
#[derive(Debug, Default)]
pub struct Text(pub String);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A little more than the bytes, since each piece is found out one by one.
        charge(16).and_then(|()| make(text.len())).map_err(|_limit| fmt::Error)?;
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

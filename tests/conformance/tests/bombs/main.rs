//! Templates and expressions that are made to hurt: each ends soon, with an error that names a limit, and takes no
//! more memory than an evaluation may. Memory is counted by an allocator of this program's own, so there is one test.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are the parts of a test")]

mod criteria;
mod jinja;
mod yaql;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use petrel_expressions::work::{Allowance, UNITS, within};

/// How much more memory may be in use at any time: what an evaluation may make, a copy of it on the way out, and
/// what was charged by estimate.
const MEMORY: usize = 160 * 1024 * 1024;

/// How long one may take without optimisation, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(40);

/// A stack for the deepest values, without optimisation.
const STACK: usize = 512 * 1024 * 1024;

struct Counting;

/// What did not end as it must.
static WRONG: Mutex<Vec<String>> = Mutex::new(Vec::new());

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator that counts can be had in no other way")]
// SAFETY: everything is handed on to the allocator of the system.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Evaluates `text`, and looks at what that took; gives what came of it.
fn measured(text: &str, evaluate: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let (before, started) = (NOW.load(Ordering::Relaxed), Instant::now());
    MOST.store(before, Ordering::Relaxed);
    let outcome = within(&allowance(), evaluate).value;
    let (took, most) = (started.elapsed(), MOST.load(Ordering::Relaxed).saturating_sub(before));
    if std::env::var_os("PETREL_SHOW").is_some() {
        let shown: String = format!("{outcome:?}").chars().take(120).collect();
        println!("{:>6} ms {:>5} MiB  {text:.90}  {shown}", took.as_millis(), most >> 20);
    }
    if most > MEMORY || took > PATIENCE {
        WRONG.lock().unwrap().push(format!("{text:.200} took {} MiB and {took:?}: {outcome:?}", most >> 20));
    }
    outcome
}

/// It must have hit a limit.
fn is_limited(text: &str, outcome: &Result<(), String>) {
    const LIMITS: [&str; 9] = [
        "it took more",
        "it made more",
        "gave more than",
        "gives more than",
        "is too long",
        "is too large",
        "Range too big",
        "took more than",
        "built more than",
    ];
    const MORE: [&str; 8] = [
        "more than",
        "longer than",
        "was given up",
        "deeper than",
        "levels deep",
        "too large",
        "recursion limit",
        "unable to calculate",
    ];
    let is_named = |error: &String| LIMITS.iter().chain(&MORE).any(|limit| error.contains(limit));
    if !outcome.as_ref().is_err_and(is_named) {
        WRONG.lock().unwrap().push(format!("{text:.200} hits no limit: {outcome:?}"));
    }
}

/// Whether there is room on the stack now.
static IS_ROOMY: AtomicBool = AtomicBool::new(true);

/// What one evaluation may do. Without optimisation all takes many times as long.
fn allowance() -> Allowance {
    let units = if cfg!(debug_assertions) { UNITS / 50 } else { UNITS };
    Allowance { units, is_roomy: IS_ROOMY.load(Ordering::Relaxed), interrupt: None }
}

#[test]
fn whatever_is_written_takes_no_more_than_it_may() {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        jinja::listed();
        jinja::every_filter();
        yaql::listed();
        yaql::every_function();
        criteria::listed();
        IS_ROOMY.store(false, Ordering::Relaxed);
        jinja::listed();
    });
    thread.unwrap().join().unwrap();
    let wrong = WRONG.lock().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

//! Turns the end of a call into the outcome that people read: a stable code, an explanation and advice.
//!
//! The call itself is in `component_runner`, the limits are in `limits`.
//!
//! | code | |
//! |---|---|
//! | `limit.shared_memory`, `limit.results` | failed because running executions held the shared memory |
//! | `limit.memory`, `limit.cpu`, `limit.stack`, `limit.result`, `limit.hostcall`, `limit.handles` | failed at a limit |
//! | `limit.time` | timed out at the runner's parameter `timeout` |
//! | `parameters.timeout` | failed because that parameter is 0 or less |
//! | `component.trap`, `component.exit`, `component.result`, `component.failed` | failed by its own fault |
//! | `component.missing`, `component.invalid`, `component.world`, `component.mount`, `component.host` | did not begin (`LoadError`) |
//! | `denied.network`, `denied.files`, `denied.http`, `denied.kv` and the like | failed after a capability was denied |
//! | `action.error`, or the code that the action gives | the action returned an error |

mod frames;

use std::collections::BTreeSet;

use petrel_model::{Object, size};
use petrel_runners::{End, Outcome};
use serde_json::Value;
use wasmtime::component::ResourceTableError;
use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::bindings::petrel::types::types::{Error as GuestError, ErrorKind};
use crate::call_record::CallRecord;
use crate::limits::{CpuExhausted, HOSTCALL_FUEL, Limits};
use crate::memory::Refused;
use frames::frames;

/// Number of lines quoted from an error of the host.
const LINES: usize = 5;

/// Number of frames that the engine collects at most. A trace of this length means that the stack was at least as deep.
const MANY_FRAMES: usize = 16;

/// The circumstances in which a call ended, for its error message.
pub(crate) struct Circumstances<'a> {
    pub(crate) limits: &'a Limits,
    /// The latest request for memory that was refused, if any.
    pub(crate) memory_refused: Option<Refused>,
    /// Memory that all instances share, in bytes.
    pub(crate) memory_of_all: usize,
    pub(crate) record: &'a CallRecord,
}

impl Circumstances<'_> {
    /// The outcome of a call that trapped, exited or could not be instantiated.
    pub(crate) fn by(&self, error: &wasmtime::Error) -> Outcome {
        if error.is::<CpuExhausted>() {
            return cpu(self.limits);
        }
        match self.memory_refused {
            Some(Refused::ByInstanceLimit(wanted)) => return memory(self.limits, wanted),
            Some(Refused::BySharedBudget(wanted)) => return shared_memory(self.memory_of_all, wanted),
            None => {}
        }
        if let Some(I32Exit(code)) = error.downcast_ref() {
            let word = if *code == 0 { "success" } else { "failure" };
            return Outcome::failed(
                "component.exit",
                format!("the component exited on its own, with {word}, instead of returning a result"),
                "an action returns its result or an error; do not call exit in it",
            );
        }
        if is_stack_overflow(error) {
            return Outcome::failed(
                "limit.stack",
                format!("the component used up its call stack{}", frames(error)),
                "look for endless recursion; the stack has 512 KiB",
            );
        }
        if is_transfer_too_large(error) {
            return transfer_too_large(self.limits, error);
        }
        if let Some(outcome) = asked_for_too_much(error) {
            return outcome;
        }
        if let Some(outcome) = too_many_handles(self.limits, error) {
            return outcome;
        }
        if let Some(denial) = self.record.denial() {
            let words = self.last_words(error).map_or_else(String::new, |words| format!(": {words}"));
            return Outcome::failed(
                denial.code(),
                format!("the component trapped after it was denied {denial}{words}{}", frames(error)),
                self.record.hint(&denial),
            );
        }
        let Some(trap) = error.downcast_ref::<Trap>() else { return host(error) };
        let what = match self.last_words(error) {
            Some(words) => format!("panicked: {words}"),
            None => format!("trapped: {}", plain(*trap)),
        };
        Outcome::failed(
            "component.trap",
            format!("the component {what}{}", frames(error)),
            "this is a fault in the component; see also `petrel execution output` of the execution",
        )
    }

    /// The panic message of a component that ended with a panic.
    fn last_words(&self, error: &wasmtime::Error) -> Option<String> {
        let is_panic = matches!(error.downcast_ref(), Some(Trap::UnreachableCodeReached));
        is_panic.then(|| self.record.output.last_words()).flatten()
    }

    /// The outcome of a call that returned an error.
    pub(crate) fn guest(&self, error: GuestError) -> Outcome {
        let details = error.details.as_deref().unwrap_or_default();
        let (size, parsed) = (bytes_of(&error), size::parsed(details.as_bytes()));
        if size > self.limits.result {
            return result_too_large(self.limits, Some(size));
        }
        if !self.record.output.claim(size.saturating_add(parsed)) {
            return no_room_for_result(&self.record.output.refusal());
        }
        self.told(error)
    }

    fn told(&self, error: GuestError) -> Outcome {
        let denial = match error.kind {
            ErrorKind::NotFound | ErrorKind::Denied if error.code.is_none() => {
                self.record.denial_behind_absence()
            }
            _ => self.record.denial(),
        };
        let (kind, retry_after) = kind(error.kind);
        // A component that says itself that it was denied may leave out an address that is a secret.
        let is_told = error.code.as_deref().is_some_and(|code| code.starts_with("denied."));
        let mut result = Object::new();
        result.insert("error".into(), error.message.into());
        let code = error.code.or_else(|| denial.as_ref().map(|denial| denial.code().to_owned()));
        result.insert("code".into(), code.unwrap_or_else(|| "action.error".to_owned()).into());
        let hint = error.hint.or_else(|| denial.as_ref().map(|denial| self.record.hint(denial)));
        result.insert("hint".into(), hint.map_or(Value::Null, Value::from));
        result.insert("kind".into(), kind.into());
        if let Some(milliseconds) = retry_after {
            result.insert("retry_after_ms".into(), milliseconds.into());
        }
        if let Some(denial) = denial.as_ref().filter(|_| !is_told) {
            result.insert("denied".into(), denial.to_string().into());
        }
        if let Some(details) = error.details {
            // Details that are not JSON are kept as text rather than lost.
            let details = serde_json::from_str(&details).unwrap_or(Value::String(details));
            result.insert("details".into(), details);
        }
        Outcome { end: End::Failed, result: Value::Object(result) }
    }
}

/// The bytes of the texts of an error.
fn bytes_of(error: &GuestError) -> usize {
    let word = if let ErrorKind::Other(word) = &error.kind { Some(word) } else { None };
    let texts =
        [Some(&error.message), error.hint.as_ref(), error.code.as_ref(), error.details.as_ref(), word];
    texts.into_iter().flatten().map(String::len).sum()
}

/// The outcome of a call whose result is larger than allowed.
pub(crate) fn result_too_large(limits: &Limits, size: Option<usize>) -> Outcome {
    let size = size.map_or_else(String::new, |size| format!(" of {size} bytes"));
    Outcome::failed(
        "limit.result",
        format!("the component returned a result{size}, more than the limit of {} bytes", limits.result),
        "return less, for example a reference to where the data is",
    )
}

/// The outcome of a call whose result found no room in the memory shared by all results.
pub(crate) fn no_room_for_result(refusal: &str) -> Outcome {
    Outcome::failed(
        "limit.results",
        format!("the result of the component was not accepted: {refusal}"),
        "run it again when fewer actions run, return less, or raise engine.results_mib",
    )
}

/// The outcome of a call whose result is not JSON.
pub(crate) fn result_invalid(error: &serde_json::Error) -> Outcome {
    Outcome::failed(
        "component.result",
        format!("the component returned a result that is not JSON: {error}"),
        "an action returns JSON text; the SDKs see to that",
    )
}

/// The outcome of a call that took longer than its parameter `timeout` allows.
pub(crate) fn timed_out(seconds: u64) -> Outcome {
    Outcome::timed_out(
        "limit.time",
        format!("the component did not return within {seconds} s and was ended"),
        "raise the parameter timeout of the action, in seconds",
    )
}

/// The outcome of a call whose parameter `timeout` is 0 or less, which every runner refuses.
pub(crate) fn without_time(seconds: f64) -> Outcome {
    Outcome::failed(
        "parameters.timeout",
        format!("the timeout of an action must be positive, and is {seconds}"),
        "give a number of seconds above 0",
    )
}

fn mebibytes(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}

fn shared_memory(limit: usize, wanted: usize) -> Outcome {
    Outcome::failed(
        "limit.shared_memory",
        format!(
            "the component needed {} MiB of memory, but too little was left of the {} MiB that all running components share (components.memory_mib)",
            mebibytes(wanted),
            mebibytes(limit)
        ),
        "run it again when fewer actions run, allow fewer at once (engine.component_slots), or raise components.memory_mib",
    )
}

fn memory(limits: &Limits, wanted: usize) -> Outcome {
    Outcome::failed(
        "limit.memory",
        format!(
            "the component needed {} MiB of memory, more than the limit of {} MiB",
            mebibytes(wanted),
            mebibytes(limits.memory)
        ),
        "process less at a time, or raise components.max_memory_mib",
    )
}

fn cpu(limits: &Limits) -> Outcome {
    Outcome::failed(
        "limit.cpu",
        format!("the component used up its {} s of CPU time and was ended", limits.cpu.as_secs_f64()),
        "look for an endless loop, or raise components.max_cpu_seconds",
    )
}

/// The outcome of a call that ended for any other reason: a fault of the host (the pool is exhausted, a mount is gone)
/// or the misuse of a host function.
fn host(error: &wasmtime::Error) -> Outcome {
    let text = format!("{error:#}");
    let text: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(LINES).collect();
    Outcome::failed(
        "component.failed",
        format!("the call of the component could not be completed: {}", text.join(" ")),
        "the message says which part failed; see also the log of the host",
    )
}

/// Recognized by its text, since wasmtime has no type for this error.
pub(crate) fn is_transfer_too_large(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| cause.to_string().contains("fuel allocated for hostcalls has been exhausted"))
}

/// The outcome of a call that passed too much to the host, as its result or as an argument of a host function.
fn transfer_too_large(limits: &Limits, error: &wasmtime::Error) -> Outcome {
    let calls_a_host_function =
        error.downcast_ref::<WasmBacktrace>().is_some_and(|trace| !trace.frames().is_empty());
    if !calls_a_host_function {
        return result_too_large(limits, None);
    }
    Outcome::failed(
        "limit.hostcall",
        format!("the component passed more than {HOSTCALL_FUEL} bytes to a host function{}", frames(error)),
        "pass less at a time",
    )
}

/// The outcome of a call that asked a function of the host for more bytes than that gives at once. Recognized by its text,
/// since there is no type for these errors.
fn asked_for_too_much(error: &wasmtime::Error) -> Option<Outcome> {
    let is_of = |text: &str| {
        (text.contains("requested len") && text.contains("exceeds limit"))
            || text.contains("cannot write more zeroes")
    };
    let said = error.chain().map(ToString::to_string).find(|text| is_of(text))?;
    Some(Outcome::failed(
        "limit.hostcall",
        format!(
            "the component asked a function of the host for too many bytes at once: {said}{}",
            frames(error)
        ),
        "ask for less at a time",
    ))
}

/// The outcome of a call that holds too many things at once. They are counted twice: resources that the host opened
/// for it, and all handles. wasmtime has no type for the second error.
fn too_many_handles(limits: &Limits, error: &wasmtime::Error) -> Option<Outcome> {
    let (what, limit) = if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        ("files, sockets and streams open", limits.handles)
    } else if error.chain().any(|cause| cause.to_string().contains("store handle limit exceeded")) {
        ("handles", limits.component_handles)
    } else {
        return None;
    };
    Some(Outcome::failed(
        "limit.handles",
        format!("the component wanted more than {limit} {what} at once{}", frames(error)),
        "close what is no longer needed, or do less at a time",
    ))
}

/// Whether the call ran out of stack. There are two stacks: that of WebAssembly itself, and the one that compilers keep
/// in the component's memory. The second ends where memory begins, so its overflow is only visible as an access out
/// of bounds from within functions that call each other over and over.
fn is_stack_overflow(error: &wasmtime::Error) -> bool {
    let repeated = || {
        let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
        let functions: BTreeSet<u32> = frames.iter().map(FrameInfo::func_index).collect();
        frames.len() >= MANY_FRAMES && functions.len() <= frames.len() / 4
    };
    match error.downcast_ref() {
        Some(Trap::StackOverflow) => true,
        Some(Trap::MemoryOutOfBounds) => repeated(),
        _ => false,
    }
}

fn plain(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

fn kind(kind: ErrorKind) -> (String, Option<u64>) {
    let (word, retry_after) = match kind {
        ErrorKind::InvalidInput => ("invalid-input", None),
        ErrorKind::Misconfigured => ("misconfigured", None),
        ErrorKind::Denied => ("denied", None),
        ErrorKind::Unauthenticated => ("unauthenticated", None),
        ErrorKind::NotFound => ("not-found", None),
        ErrorKind::Conflict => ("conflict", None),
        ErrorKind::Transient(after) => ("transient", after),
        ErrorKind::RateLimited(after) => ("rate-limited", after),
        ErrorKind::Timeout => ("timeout", None),
        ErrorKind::Canceled => ("canceled", None),
        ErrorKind::Permanent => ("permanent", None),
        ErrorKind::Other(word) => return (word, None),
    };
    (word.to_owned(), retry_after)
}

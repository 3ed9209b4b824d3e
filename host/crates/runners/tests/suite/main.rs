//! Tests of the runners of processes from outside: a call goes in, an outcome comes out.
#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use petrel_model::Id;
use petrel_runners::local_shell::Options;
use petrel_runners::shares::{Holder, Root};
use petrel_runners::{Call, Outcome, Outlet, OutputSink, ResultRoom};
use serde_json::{Value, json};

mod http_request;
mod local_script;
mod local_shell;
mod python_script;
mod python_sensors;

/// The settings of processes in the tests. The limit on output is short, so that it can be reached.
fn shell_options() -> Options {
    Options {
        environment: vec![("PATH".into(), std::env::var("PATH").unwrap()), ("A".into(), "host".into())],
        working_directory: std::env::temp_dir(),
        api_url: "http://127.0.0.1:9101".into(),
        output_limit: 1000,
        run_as: None,
        decode_scalars: true,
        upkeep: petrel_runners::Upkeep::default(),
    }
}

/// Number of calls. Each belongs to an execution of its own, since ending one also ends all processes with its marks.
static CALLS: AtomicU64 = AtomicU64::new(1);

/// A call of an action with this metadata, of a pack in this directory.
fn call_of(action: Value, parameters: Value, pack: &Path) -> Call {
    let parameters = if parameters.is_null() { json!({}) } else { parameters };
    Call {
        execution_id: Id::from_parts(CALLS.fetch_add(1, Ordering::Relaxed), std::process::id().into()).into(),
        attempt: 0,
        action: Arc::new(serde_json::from_value(action).unwrap()),
        parameters: Arc::new(parameters.as_object().cloned().unwrap()),
        user: "admin".into(),
        pack_path: pack.to_owned(),
        pack_config: Arc::default(),
        outlet: Outlet::default(),
        around: petrel_runners::asked::Around::default(),
    }
}

/// A sink whose result has hardly any memory left beside those of others.
fn crowded() -> OutputSink {
    let ann = Holder { user: "ann".into(), root: Root::User("ann".into()) };
    OutputSink::within(2000, &Arc::new(ResultRoom::new(100)), ann)
}

/// Asserts that the result says that it is incomplete or was not accepted, and what to do.
fn assert_says_that_it_was_cut(outcome: &Outcome) {
    let error = outcome.result.get("error").and_then(|error| error.as_str()).unwrap_or_default();
    let is_said = ["not whole", "not accepted"].iter().any(|words| error.contains(words));
    assert!(is_said && error.contains("engine.results_mib"), "{outcome:?}");
}

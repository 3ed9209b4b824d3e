//! The common ground of the tests: an engine over a store in memory that may fail ([`store`]), with a runner
//! whose ends the test decides ([`script`]) and a clock that the test turns. [`plan`] has the settings of a
//! process, [`house`] is the process, [`registered`] the contents of its catalog; only these two call the
//! engine. This file has the vocabulary of all tests.
//!
//! Nothing waits for a time to pass. A waiting test lets all other tasks run until something holds; a net of
//! ten seconds catches conditions that never hold.

mod gate;
mod house;
mod plan;
mod registered;
pub(crate) mod script;
pub(crate) mod store;

use std::time::Duration;

use petrel_access::Behalf;
pub(crate) use petrel_catalog::registration::Parts;
use petrel_engine::Error;
use petrel_engine::executions::Canceled;
pub(crate) use petrel_engine::executions::{Again, Request};
use petrel_model::trigger::WEBHOOK;
use petrel_model::{Execution, Object, Ref};
use serde_json::Value;

pub(crate) use house::House;
pub(crate) use plan::Plan;
pub(crate) use registered::RuleChange;

/// The pack that every house has.
pub(crate) const PACK: &str = "house";
/// Long enough for everything that comes at all.
const NET: Duration = Duration::from_secs(10);
/// How often all other tasks are let run until they are taken to rest.
const ROUNDS: usize = 200;

/// The metadata of the pack in some version.
pub(crate) fn metadata_of_pack(version: &str) -> String {
    format!(
        "ref: {PACK}\nname: {PACK}\ndescription: For tests.\nversion: {version}\nauthor: me\nemail: me@example.com\n"
    )
}

/// The text of a rule that has the events of a webhook run an action of the pack; `lines` go with the action.
pub(crate) fn rule(name: &str, url: &str, action: &str, lines: &str) -> String {
    format!(
        "name: {name}\npack: {PACK}\nenabled: true\ntrigger: {{type: {WEBHOOK}, parameters: {{url: {url}}}}}\n{lines}action: \
         {{ref: {PACK}.{action}}}\n"
    )
}

/// The text of a policy of an action of the pack.
pub(crate) fn policy(name: &str, kind: &str, action: &str, parameters: &str) -> String {
    let parameters = parameters.trim_matches(['{', '}']);
    format!(
        "name: {name}\npack: {PACK}\nresource_ref: {PACK}.{action}\npolicy_type: {kind}\nparameters: {{{parameters}}}\n"
    )
}

/// A request for an action of the pack, by Ada.
pub(crate) fn asks(action: &str) -> Request {
    Request {
        trace: None,
        trace_tag: None,
        action: Ref::new(PACK, action),
        parameters: Object::new(),
        rendered: Object::new(),
        behalf: Behalf::own("ada"),
        context: Object::new(),
        rerun: None,
        notify: None,
        delay: None,
    }
}

/// The same with parameters.
pub(crate) fn asks_with(action: &str, parameters: &Value) -> Request {
    Request { parameters: object(parameters), ..asks(action) }
}

/// What is asked for when an execution is run again as it was, by Ada.
pub(crate) fn again() -> Again {
    Again {
        parameters: Object::new(),
        merges: true,
        tasks: Vec::new(),
        reset: Vec::new(),
        behalf: Behalf::own("ada"),
        delay: None,
    }
}

/// An object.
pub(crate) fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap_or_default()
}

/// The code of a refusal, which names a remedy, and its message.
pub(crate) fn refused<T>(result: Result<T, Error>) -> (&'static str, String) {
    let error = result.err().unwrap();
    assert!(!error.hint().is_empty(), "{error}");
    (error.code(), error.to_string())
}

/// The task that has asked for an execution.
pub(crate) fn task_of(child: &Execution) -> &str {
    child.parent.as_ref().map(|parent| &*parent.task).unwrap_or_default()
}

/// The statuses that an execution has had.
pub(crate) fn statuses(execution: &Execution) -> Vec<&'static str> {
    execution.log.iter().map(|entry| entry.status.as_str()).collect()
}

/// A field of the result of an execution.
pub(crate) fn result_of(execution: &Execution, field: &str) -> Value {
    let result = execution.result.as_deref();
    result.and_then(|result| result.get(field)).cloned().unwrap_or_default()
}
/// What comes of `work`, which is to come.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(NET, work).await {
        Ok(done) => done,
        Err(late) => panic!("{what}: {late}"),
    }
}

/// Lets everything else run until `holds`.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    within(what, waits).await;
}

/// Lets everything else run until it rests.
pub(crate) async fn settle() {
    for _ in 0..ROUNDS {
        tokio::task::yield_now().await;
    }
}

/// The execution that a cancel ends.
pub(crate) fn in_time(canceled: Result<Canceled, Error>) -> Execution {
    match canceled.unwrap() {
        Canceled::Ends(execution) => execution,
        Canceled::TooLate(execution) => panic!("it is too late: {execution:?}"),
    }
}

/// The execution for which a cancel comes too late.
pub(crate) fn too_late(canceled: Result<Canceled, Error>) -> Execution {
    match canceled.unwrap() {
        Canceled::TooLate(execution) => execution,
        Canceled::Ends(execution) => panic!("it ends: {execution:?}"),
    }
}

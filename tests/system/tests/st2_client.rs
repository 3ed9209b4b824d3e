//! What StackStorm's own client asks for, beside what `lists.rs` has of it: webhooks, API keys from a file, executions that
//! are run again, what is inside a workflow. The requests are those that its version 3.9.0 sends.

use petrel_system_tests::{Host, Place, assert_says};
use serde_json::{Value, json};

#[test]
fn a_delay_beyond_all_time_is_still_waited_for_after_a_restart() {
    let place = Place::default();
    let host = place.start(&[]);
    let far = host.request(&json!({"action": "core.noop", "delay": 9_999_999_999_999_999_u64}));
    host.stop();
    let host = place.start(&[]);
    let soon = host.request(&json!({"action": "core.noop"}));
    host.until(&soon, "succeeded");
    assert_eq!(host.execution(&far)["status"], "delayed");
    host.stop();
}

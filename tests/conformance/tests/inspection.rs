//! Workflows that are made to be looked at for long are inspected in bounded time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use petrel_workflows::definition::inline;
use petrel_workflows::inspect;
use petrel_workflows::inspection::{Kind, slips};
use serde_json::{Map, Value, json};

/// Far more than it takes, in a debug build on a busy machine; far less than following every way takes.
const LONGEST: Duration = Duration::from_secs(60);

/// 2,000 tasks, each of which leads to two, and sets a variable for each that all later ones read.
fn large(is_join: bool) -> Value {
    let task = |number: usize| {
        let transition = |ahead: usize| {
            let target = number + ahead;
            let target = if target < 2_000 { format!("t{target:04}") } else { "noop".to_owned() };
            json!({"do": target, "publish": [{(format!("v{number}_{ahead}")): "<% result() %>"}]})
        };
        let reads = format!("<% ctx().v{}_1 %>", number.saturating_sub(1));
        let mut task =
            json!({"action": "core.noop", "input": {"text": reads}, "next": [transition(1), transition(2)]});
        if let Some(task) = task.as_object_mut().filter(|_| is_join && number % 3 == 2) {
            task.insert("join".to_owned(), json!("all"));
        }
        (format!("t{number:04}"), task)
    };
    let tasks: Map<String, Value> = (0..2_000).map(task).collect();
    json!({"version": 1.0, "tasks": tasks})
}

#[test]
fn a_large_workflow_is_inspected_in_bounded_time() {
    for is_join in [false, true] {
        let began = Instant::now();
        let findings = inspect(&large(is_join), &[]);
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
        // What only the shorter way sets is read where the longer one leads too.
        let unset = findings.iter().filter(|finding| finding.kind == Kind::Context).count();
        assert!(unset > 0 && unset <= 2_000, "{unset}");
    }
}

#[test]
fn a_text_of_very_many_expressions_is_inspected_in_bounded_time() {
    let yaql: String = (0..5_000).map(|number| format!("<% ctx().a{number} + %>")).collect();
    let jinja: String = (0..5_000).map(|number| format!("{{{{ ctx().a{number} }}}}")).collect();
    let raw: String = (0..5_000).map(|number| format!("{{% raw %}}{number}{{% endraw %}}")).collect();
    for (text, findings) in [(yaql, 10_000), (jinja, 5_000), (raw, 0)] {
        let task = json!({"action": "core.noop", "input": {"text": text}});
        let began = Instant::now();
        let definition = json!({"version": 1.0, "tasks": {"t": task}});
        let found = inspect(&definition, &[]);
        assert!(slips(&definition).is_empty());
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
        assert_eq!(found.len(), findings);
        let whole =
            found.iter().filter_map(|finding| finding.expression.as_ref().filter(|of| ***of == *text));
        let places: BTreeSet<*const u8> = whole.map(|text| text.as_ptr()).collect();
        assert!(places.len() <= 1, "the text is kept once, and not {} times", places.len());
    }
}

#[test]
fn parameters_in_a_text_are_found_in_one_pass() {
    for part in ["a=[b=1 ", "a=<% b=1 ", "a={{ b=1 ", "a=' b=1 ", "a=\" b=1 ", "a= ", "aaaaaaaa", "a=1 "] {
        let began = Instant::now();
        let text = part.repeat(400_000 / part.len());
        inline::parameters(&text);
        inline::dropped(&text);
        assert!(began.elapsed() < LONGEST, "{part}: {:?}", began.elapsed());
    }
}

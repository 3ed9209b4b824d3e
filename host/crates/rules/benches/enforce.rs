//! The cost of an event when rules exist that cannot match: 10 of them, and 10,000.
//!
//! `cargo bench -p petrel-rules`. Fails if many rules cost more than one and a half times as much as few, plus
//! [`UNNOTICED`], which is negligible compared to the commit of an event.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement, not a product")]

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::{Id, Ref, Rule, Timestamp};
use petrel_rules::{CompiledRule, Occurrence, RuleIndex, enforce};
use serde_json::{Value, json};

const FEW: u64 = 10;
const MANY: u64 = 10_000;
const EVENTS: u32 = 2_000;
/// Number of measurements, of which the fastest counts.
const ROUNDS: u32 = 5;
/// Additional cost of an event that is negligible.
const UNNOTICED: Duration = Duration::from_micros(2);

fn main() -> ExitCode {
    /// The criteria of a rule, by its number.
    type Criteria = fn(u64) -> Value;
    let kinds: [(&str, Criteria); 7] = [
        ("another value", |n| json!({"trigger.body.name": {"type": "equals", "pattern": format!("n{n}")}})),
        ("a missing field", |n| json!({"trigger.body.missing": {"type": "equals", "pattern": n}})),
        ("missing fields", |n| json!({format!("trigger.body.missing{n}"): {"type": "equals", "pattern": n}})),
        ("exists", |n| json!({format!("trigger.body.missing{n}"): {"type": "exists", "pattern": ""}})),
        (
            "another start",
            |n| json!({"trigger.body.name": {"type": "startswith", "pattern": format!("n{n}")}}),
        ),
        (
            "not in a list",
            |n| json!({"trigger.body.name": {"type": "in", "pattern": ["a", format!("n{n}")]}}),
        ),
        ("other case", |n| json!({"trigger.body.name": {"type": "iequals", "pattern": format!("N{n}")}})),
    ];
    println!("{:<18} {:>12} {:>12}", "cannot match", FEW, MANY);
    let mut is_slow = false;
    for (kind, criteria) in kinds {
        let (few, many) = (an_event(FEW, criteria), an_event(MANY, criteria));
        println!("{kind:<18} {few:>12.0?} {many:>12.0?}");
        is_slow |= many > few * 3 / 2 + UNNOTICED;
    }
    if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The cost of one event with `count` rules.
fn an_event(count: u64, criteria: fn(u64) -> Value) -> Duration {
    let mut index = RuleIndex::new();
    for number in 0..count {
        let rule = json!({
            "id": Id::from_parts(1, number), "ref": format!("p.r{number}"), "enabled": true,
            "trigger": {"type": "p.t"}, "criteria": criteria(number), "action": {"ref": "core.noop"},
        });
        let rule: Rule = serde_json::from_value(rule).unwrap();
        index.insert(Arc::new(CompiledRule::new(Arc::new(rule))));
    }
    let trigger: Ref = "p.t".parse().unwrap();
    let payload = json!({"headers": {}, "body": {"name": "main", "number": 7, "list": [1, 2, 3]}});
    let occurrence = Occurrence::new(Arc::new(payload), Timestamp::default(), Arc::default());
    let round = || {
        let started = Instant::now();
        for _ in 0..EVENTS {
            black_box(enforce(&index, &trigger, black_box(&occurrence)));
        }
        started.elapsed() / EVENTS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

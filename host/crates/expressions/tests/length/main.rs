//! Whatever goes through a text costs by its length, in both languages: a loop over a short text ends well, and the same
//! loop over a long one with the error that names the limit. Nothing here goes by time.

mod jinja;
mod patterns;
mod yaql;

use std::sync::Arc;

use petrel_expressions::work::{Allowance, within};
use serde_json::{Value, json};

/// How often each operation is done.
const ROUNDS: usize = 1_000;

/// What all of the rounds may take: enough for short texts, and for a long one in some of them only.
const UNITS: u64 = 20_000_000;

const SHORT: usize = 16;

const LONG: usize = 700_000;

/// What an error says of a limit.
const LIMITS: [&str; 3] = ["was given up", "took more than", "built more than"];

/// Two texts that are equal and not the same: blanks, and a number behind them.
fn data(length: usize) -> Arc<Value> {
    let text = format!("{}7", " ".repeat(length - 1));
    Arc::new(json!({"x": text, "z": text}))
}

/// Does all of `operations` with short and with long texts, and tells at once of all that did not end as they must.
fn each_costs_its_length(operations: &[&str], evaluate: impl Fn(&str, &Arc<Value>) -> Result<(), String>) {
    let (short, long) = (data(SHORT), data(LONG));
    let mut wrong = Vec::new();
    for &operation in operations {
        let allowance = Allowance { units: UNITS, is_roomy: true, interrupt: None };
        let with_short = within(&allowance, || evaluate(operation, &short)).value;
        let with_long = within(&allowance, || evaluate(operation, &long)).value;
        let is_limited =
            with_long.as_ref().is_err_and(|error| LIMITS.iter().any(|limit| error.contains(limit)));
        if with_short.is_err() || !is_limited {
            wrong.push(format!(
                "{operation}: {with_short:?} with a short text, {with_long:?} with a long one"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

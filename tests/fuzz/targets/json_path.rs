//! JSONPath: a path in the first line, the value it looks into behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petrel_expressions::{JsonPath, work};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, value) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(path) = JsonPath::parse(path) else { return };
    let value: Value = serde_json::from_str(value)
        .unwrap_or_else(|_none| json!({"a": [{"b": 1}, {"b": {"c": null}}], "d e": "x", "1": [[], [2]]}));
    let _fields = path.plain_fields();
    // As everywhere in the host, within what an evaluation may take.
    let _all = work::evaluation(|| path.all(&value).map(|found| found.len()));
    let _first = work::evaluation(|| path.first("trigger", &value).map(|found| found.is_some()));
});

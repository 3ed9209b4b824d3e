//! Parameters, rendered and cast: `{"runner": SCHEMAS, "action": SCHEMAS, "given": {...}, "scope": {...}}`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petrel_model::Object;
use petrel_rules::parameters::{self, Given, Signature};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(case) = serde_json::from_slice::<Value>(data) else { return };
    let object =
        |name: &str| -> Object { case.get(name).and_then(Value::as_object).cloned().unwrap_or_default() };
    let signature = Signature::new(&object("runner"), &object("action"));
    let mut scope = parameters::scope(
        Value::Object(object("context")),
        Value::Object(object("config")),
        Default::default(),
    );
    for (name, value) in object("scope") {
        scope.insert(&name, value);
    }
    if let Ok(live) = parameters::live(&Given::compile(&object("given")), &signature, &scope) {
        let _finals = parameters::finals(&live, &signature, &scope);
    }
});

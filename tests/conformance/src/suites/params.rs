//! `params`: an execution's parameters, rendered and cast.

use petrel_rules::parameters::{self, Given, Signature};
use serde_json::{Value, json};

use super::case::{datastore, object, value};
use crate::answer::Answer;

pub(super) fn answer(case: &Value) -> Answer {
    match both(case) {
        Ok(answer) => Answer::Value(answer),
        Err(error) => Answer::Error(error.to_string()),
    }
}

fn both(case: &Value) -> Result<Value, parameters::Error> {
    let signature = Signature::new(&object(case, "runner_parameters"), &object(case, "action_parameters"));
    let mut scope =
        parameters::scope(value(case, "context"), Value::Object(object(case, "config")), datastore(case));
    let plain = scope.clone();
    for (name, value) in object(case, "additional_contexts") {
        scope.insert(&name, value);
    }
    let live = parameters::live(&Given::compile(&object(case, "params")), &signature, &scope)?;
    let finals = parameters::finals(&live, &signature, &plain)?;
    Ok(json!({"live": live, "runner": finals.runner, "action": finals.action}))
}

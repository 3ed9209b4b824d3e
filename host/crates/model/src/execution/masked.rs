//! Executions for those who see no secrets: the parameters and the result of one, without the values that its action
//! declares secret, what was secret when it was made, and what was made from a secret.

use std::sync::Arc;

use serde_json::Value;

use super::{Execution, LogEntry};
use crate::action::{GONE, REFUSED, output_key};
use crate::inquiry;
use crate::parameters::Parameters;
use crate::secrets::{
    Texts, has_secret, marks_places, masked, masked_at, masked_result, masked_whole, secret_texts_at,
    whole_schema,
};
use crate::{Action, Object, Status};

/// The parameters. Without `schemas`, as the action is gone, all values are masked: any of them may be a secret.
pub fn parameters(execution: &Execution, schemas: Option<&Parameters>) -> Arc<Object> {
    let given = &execution.parameters;
    if given.is_empty() {
        return Arc::clone(given);
    }
    let shown = masked(given, schemas);
    let places = &execution.context.secret_places;
    Arc::new(if places.is_empty() { shown } else { masked_at(&shown, places) })
}

/// The result; an empty object if there is none. The whole result is masked if the action is gone, or does not say any
/// more what of it is secret.
pub fn result(execution: &Execution, action: Option<&Action>) -> Arc<Value> {
    let action = known_to(execution, action);
    match execution.result.as_ref().filter(|result| !result.is_null()) {
        // The reason why an action was not run comes from the host, and quotes no secret.
        Some(result) if action.is_none() && (has_not_run(execution) || says_not_run(result)) => {
            Arc::clone(result)
        }
        Some(result) => within(result, execution, action),
        None => Arc::new(Value::Object(Object::new())),
    }
}

/// `result` without the values that `action` declares secret, and without secret parameters that it repeats.
fn within(result: &Arc<Value>, execution: &Execution, action: Option<&Action>) -> Arc<Value> {
    let Some(action) = action else { return Arc::new(masked_whole(result)) };
    let schema = &action.output_schema;
    let shown = if schema.is_empty() || !has_secret(&whole_schema(schema)) {
        Arc::clone(result)
    } else {
        Arc::new(masked_result(result, schema, output_key(&execution.runner)))
    };
    // The schema of an answer is in the result itself.
    let answer = (execution.runner == inquiry::NAME).then(|| inquiry::masked_answer(&shown)).flatten();
    let shown = answer.map_or(shown, Arc::new);
    let texts = repeatable(execution);
    if texts.is_empty() { shown } else { Arc::new(texts.masked(&shown)) }
}

/// `action`, if it still says what of the result of `execution` is secret: that which it said when that was made.
pub fn known_to<'a>(execution: &Execution, action: Option<&'a Action>) -> Option<&'a Action> {
    let marks = &execution.context.result_marks;
    action.filter(|action| marks.is_empty() || marks_places(&whole_schema(&action.output_schema), marks))
}

/// The texts of the secret parameters of `execution`, which its result and its output may repeat; none of most
/// executions.
pub fn repeatable(execution: &Execution) -> Texts {
    let (places, parts) = (&execution.context.secret_places, &execution.context.secret_parts);
    if places.is_empty() { Texts::default() } else { Texts::at(&execution.parameters, places, parts) }
}

/// The secret texts in the parameters of `execution`, for a search in what is made from them: its secret parameters, and
/// the secrets that they quote.
pub fn secret_texts(execution: &Execution) -> Vec<String> {
    let (context, parameters) = (&execution.context, &execution.parameters);
    let mut texts = secret_texts_at(parameters, &context.secret_places);
    texts.extend(context.secret_parts.iter().filter_map(|part| part.of(parameters)).map(str::to_owned));
    texts
}

/// Whether the action of the execution certainly did not begin.
fn has_not_run(execution: &Execution) -> bool {
    let log = &execution.log;
    // What the log leaves out may be that it has.
    let was_not = |entry: &LogEntry| entry.status != Status::Running && entry.left_out == 0;
    !log.is_empty() && log.iter().all(was_not)
}

/// Whether a result is the host's report that the action was gone or refused.
fn says_not_run(result: &Value) -> bool {
    // The report has an error, a code and a hint.
    let has_more = result.as_object().is_none_or(|result| result.len() > 3);
    let code = result.get("code").and_then(Value::as_str);
    !has_more && code.is_some_and(|code| [GONE, REFUSED].contains(&code))
}

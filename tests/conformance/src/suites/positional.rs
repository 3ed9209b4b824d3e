//! `positional`: the command line of a shell script action.

use petrel_model::Object;
use petrel_runners::local_shell::arguments::{Signature, arguments};
use petrel_runners::local_shell::identity::{Identity, of_program};
use serde_json::Value;

use super::case::object;
use crate::answer::Answer;
use crate::compare;

/// What we say to sudo beyond what is recorded: never to ask, and that the script does not read the password.
const OURS: [&str; 3] = ["-n", "-p", ""];
const WITHOUT_INPUT: &str = "exec </dev/null\n";

pub(super) fn answer(case: &Value) -> Answer {
    let (runner_values, action) = (object(case, "runner_parameters"), object(case, "parameters"));
    let text = |values: &Object, name: &str| values.get(name).and_then(Value::as_str).map(str::to_owned);
    let kwarg_op = text(&runner_values, "kwarg_op").unwrap_or_else(|| "--".into());
    let signature = Signature { action: &action, runner: &Object::new(), kwarg_op: &kwarg_op };
    let arguments = arguments(&object(case, "action_parameters"), signature);
    let (password, user) = (text(&runner_values, "sudo_password"), case.get("user").and_then(Value::as_str));
    let identity = match (runner_values.get("sudo") == Some(&Value::Bool(true)), user) {
        (true, _) => Identity::Root { password: password.as_deref() },
        (false, Some(user)) => Identity::User(user),
        (false, None) => Identity::Own,
    };
    let script = case.get("script").and_then(Value::as_str).unwrap_or("/opt/pack/actions/run.sh");
    let words = of_program(script, &arguments, identity, "bash");
    if identity == Identity::Own {
        return Answer::Value(words.into());
    }
    let recorded = words.into_iter().filter(|word| !OURS.contains(&word.as_str()));
    Answer::Value(recorded.map(|word| word.replacen(WITHOUT_INPUT, "", 1)).collect::<Vec<_>>().into())
}

/// The words count; the recorded line is for who starts a shell.
pub(super) fn agrees(expected: &Value, answer: &Answer) -> bool {
    compare::agrees(expected.get("argv").unwrap_or(expected), answer)
}

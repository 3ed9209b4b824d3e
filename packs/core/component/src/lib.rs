//! The component of the pack `core`, with actions that need no capabilities.
//!
//! The other actions of the pack have other runners; see `../actions/`.

#![expect(clippy::unnecessary_wraps, reason = "the form that actions have")]

use petrel_pack_sdk::{Action, Context, Error, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The input and output of `noop`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Nothing {}

/// The input of `echo`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Message {
    /// The text to print.
    pub message: String,
}

/// The output of `echo`, in the shape of the shell command's result, as StackStorm's workflows expect it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Echoed {
    /// Whether the action failed.
    pub failed: bool,
    /// Whether the action succeeded.
    pub succeeded: bool,
    /// The exit code.
    pub return_code: i32,
    /// The text.
    pub stdout: String,
    /// The error output.
    pub stderr: String,
}

fn noop(_ctx: &Context, nothing: Nothing) -> Result<Nothing, Error> {
    Ok(nothing)
}

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
fn echo(_ctx: &Context, input: Message) -> Result<Echoed, Error> {
    println!("{}", input.message);
    let stdout = input.message;
    Ok(Echoed { failed: false, succeeded: true, return_code: 0, stdout, stderr: String::new() })
}

export_actions![
    Action::new("noop", noop).description("Does nothing and succeeds.").idempotent(),
    Action::new("echo", echo).description("Prints a message and returns it.").idempotent(),
];

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::testing::Host;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_gives_what_it_should() {
        let host = Host::new();
        let echoed =
            json!({"failed": false, "succeeded": true, "return_code": 0, "stdout": "hi", "stderr": ""});
        for action in petrel_actions() {
            let (parameters, result) = match action.name() {
                "echo" => (json!({"message": "hi"}), echoed.clone()),
                _ => (json!({}), json!({})),
            };
            assert_eq!(host.run(&action, &parameters), Ok(result), "{}", action.name());
        }
    }
}

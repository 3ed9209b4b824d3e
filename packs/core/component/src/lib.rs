//! The component of the pack `core`: the actions that need nothing but themselves.
//!
//! The other actions of the pack are run by other runners; see `../actions/`.

#![expect(clippy::unnecessary_wraps, reason = "the form that actions have")]

use petrel_pack_sdk::{Action, Context, Error, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `noop` takes and gives.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Nothing {}

/// What `echo` takes.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Message {
    /// The text to give back.
    pub message: String,
}

/// What `echo` gives: what the shell's command of that name would, as workflows of StackStorm expect it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Echoed {
    /// Whether it failed.
    pub failed: bool,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The exit code.
    pub return_code: i32,
    /// The text.
    pub stdout: String,
    /// What went to the error output.
    pub stderr: String,
}

fn noop(_ctx: &Context, nothing: Nothing) -> Result<Nothing, Error> {
    Ok(nothing)
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn echo(_ctx: &Context, input: Message) -> Result<Echoed, Error> {
    println!("{}", input.message);
    let stdout = input.message;
    Ok(Echoed { failed: false, succeeded: true, return_code: 0, stdout, stderr: String::new() })
}

export_actions![
    Action::new("noop", noop).description("Does nothing and succeeds.").idempotent(),
    Action::new("echo", echo).description("Prints a message and gives it back.").idempotent(),
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

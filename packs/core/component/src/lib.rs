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

/// What `echo` takes and gives.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct Message {
    /// The text to give back.
    pub message: String,
}

fn noop(_ctx: &Context, nothing: Nothing) -> Result<Nothing, Error> {
    Ok(nothing)
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn echo(_ctx: &Context, input: Message) -> Result<Message, Error> {
    println!("{}", input.message);
    Ok(input)
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
    fn both_give_back_what_they_take() {
        let host = Host::new();
        for action in petrel_actions() {
            let parameters = if action.name() == "echo" { json!({"message": "hi"}) } else { json!({}) };
            assert_eq!(host.run(&action, &parameters), Ok(parameters), "{}", action.name());
        }
    }
}

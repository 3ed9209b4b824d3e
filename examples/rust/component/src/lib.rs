//! The actions of the pack.

mod asked;

use petrel_pack_sdk::{Action, Context, Error, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Greet {
    /// Whom to greet.
    name: String,
    /// How often.
    #[serde(default = "once")]
    times: u8,
}

fn once() -> u8 {
    1
}

#[derive(Serialize, JsonSchema)]
pub struct Greeting {
    /// What is said.
    text: String,
}

fn greet(ctx: &Context, input: Greet) -> Result<Greeting, Error> {
    if input.name.is_empty() {
        return Err(Error::invalid_input("there is nobody to greet").code("hello_rust.nobody").hint("give a name"));
    }
    ctx.info(format!("greeting {}", input.name));
    let text = format!("Hello, {}! ", input.name).repeat(input.times.into());
    Ok(Greeting { text: text.trim_end().to_owned() })
}

export_actions![
    Action::new("greet", greet).description("Greets somebody.").idempotent(),
    Action::new("count", asked::count).description("Adds to a number that is kept in a key of the pack."),
    Action::new("announce", asked::announce).description("Says a text in an event."),
    Action::new("fetch", asked::fetch).description("Reads an address."),
    Action::new("spin", asked::spin).description("Never ends by itself: the host ends it."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_greets() {
        let host = petrel_pack_sdk::testing::Host::new();
        let input = Greet { name: "Ann".into(), times: 1 };
        assert_eq!(greet(&host.context("greet"), input).unwrap().text, "Hello, Ann!");
    }
}

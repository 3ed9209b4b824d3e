//! What the actions ask of the host: keys, events and requests.

use petrel_pack_sdk::{Context, Error, ErrorKind, Request, TriggerType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub struct Count {
    /// The key.
    key: String,
    /// How much is added.
    #[serde(default = "one")]
    by: i64,
}

fn one() -> i64 {
    1
}

#[derive(Serialize, JsonSchema)]
pub struct Counted {
    /// The sum.
    count: i64,
}

pub fn count(ctx: &Context, input: Count) -> Result<Counted, Error> {
    let keys = ctx.kv();
    loop {
        let entry = keys.get(&input.key)?;
        let number: i64 = entry.as_ref().map(|entry| entry.json()).transpose()?.unwrap_or_default();
        let count = number.saturating_add(input.by);
        let expected = entry.as_ref().map(|entry| entry.version.as_str());
        match keys.cas(&input.key, expected, count.to_string(), None) {
            // Another run was faster, so that there is another number to add to.
            Err(error) if error.kind == ErrorKind::Conflict => {}
            set => return set.map(|_version| Counted { count }),
        }
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Announce {
    /// The text.
    text: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Announced {
    /// The text.
    announced: String,
}

const ANNOUNCED: TriggerType<Announce> = TriggerType::new("announced");

pub fn announce(ctx: &Context, input: Announce) -> Result<Announced, Error> {
    ctx.emit(&ANNOUNCED.event(&input)?)?;
    Ok(Announced { announced: input.text })
}

#[derive(Deserialize, JsonSchema)]
pub struct Fetch {
    /// The address.
    url: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Fetched {
    /// The status of the answer.
    status: u16,
    /// Its body.
    body: String,
}

pub fn fetch(ctx: &Context, input: Fetch) -> Result<Fetched, Error> {
    let answer = ctx.fetch(&Request::get(input.url))?;
    Ok(Fetched { status: answer.status, body: answer.text()? })
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Nothing {}

pub fn spin(_ctx: &Context, _input: Nothing) -> Result<Nothing, Error> {
    loop {
        std::hint::spin_loop();
    }
}

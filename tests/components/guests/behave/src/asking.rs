//! Actions that ask the host for keys, secrets and runs of other actions.

use std::time::Duration;

use petrel_pack_sdk::{Context, Error, ErrorKind, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What these actions take; each looks at what it needs.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Asking {
    /// A store of keys, an address or an action.
    pub(crate) at: String,
    /// A key, or a secret.
    pub(crate) name: String,
    /// A value; `{}` stands for the placeholder of the secret.
    pub(crate) value: String,
    /// The version that a key is to have, or `none` for no key.
    pub(crate) expected: String,
    /// The place of a secret: a header, the query or the body.
    pub(crate) place: String,
    /// A number of milliseconds.
    pub(crate) ttl: u64,
}

type Answer = Result<String, Error>;

pub(crate) fn kv_get(ctx: &Context, asked: Asking) -> Answer {
    let found = ctx.store(asked.at).get(&asked.name)?;
    Ok(found.map_or_else(|| "none".to_owned(), |entry| format!("{} {}", entry.version, entry.value)))
}

pub(crate) fn kv_set(ctx: &Context, asked: Asking) -> Answer {
    let ttl = (asked.ttl > 0).then(|| Duration::from_millis(asked.ttl));
    let store = ctx.store(asked.at);
    match asked.expected.as_str() {
        "" => store.set(&asked.name, asked.value, ttl),
        "none" => store.cas(&asked.name, None, asked.value, ttl),
        version => store.cas(&asked.name, Some(version), asked.value, ttl),
    }
}

pub(crate) fn kv_delete(ctx: &Context, asked: Asking) -> Answer {
    Ok(ctx.store(asked.at).delete(&asked.name)?.to_string())
}

pub(crate) fn kv_list(ctx: &Context, asked: Asking) -> Answer {
    Ok(ctx.store(asked.at).keys(&asked.name)?.join(" "))
}

/// The secret as the component sees it.
pub(crate) fn secret(ctx: &Context, asked: Asking) -> Answer {
    let secret = ctx.secret(&asked.name)?;
    Ok(format!("{} {}", secret.name(), secret.placeholder()))
}

pub(crate) fn reveal(ctx: &Context, asked: Asking) -> Answer {
    ctx.secret(&asked.name)?.reveal()
}

/// Sends the secret to an address.
pub(crate) fn send_secret(ctx: &Context, asked: Asking) -> Answer {
    let placeholder = ctx.secret(&asked.name)?.placeholder();
    let value = asked.value.replace("{}", &placeholder);
    let request = match asked.place.as_str() {
        "header" => Request::get(asked.at).header("x-token", value),
        "query" => Request::get(format!("{}?q={value}", asked.at)),
        "path" => Request::get(format!("{}/{value}", asked.at)),
        "body" => Request::new("POST", asked.at).body(value),
        other => return Err(Error::new(ErrorKind::InvalidInput, format!("there is no place {other}"))),
    };
    let answer = ctx.fetch(&request)?;
    let status = answer.status;
    Ok(format!("{status} {}", answer.text()?))
}

/// The result of another action, which is given `value` as its parameters.
pub(crate) fn call(ctx: &Context, asked: Asking) -> Answer {
    let parameters: serde_json::Value = serde_json::from_str(&asked.value)?;
    let called = ctx.call(&asked.at, &parameters)?;
    Ok(format!("{} {}", called.execution_id, called.result))
}

/// What the host says of the call.
pub(crate) fn around(ctx: &Context, _: Asking) -> Answer {
    Ok(format!("{} {}", ctx.parent_id.as_deref().unwrap_or("none"), ctx.trace_id))
}

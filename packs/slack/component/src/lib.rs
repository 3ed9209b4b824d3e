//! The component of the pack `slack`: messages to channels, by the Web API with a token or by an incoming webhook.

use std::time::Duration;

use petrel_pack_sdk::{Action, Context, Error, ErrorKind, Request, export_actions, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What Slack answers is small; of more there is no use.
const LARGEST_ANSWER: usize = 1 << 20;

/// The longest word by which Slack says why not, in bytes.
const LONGEST_WORD: usize = 64;

/// The input of `post_message`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Message {
    /// The text. Beside blocks it is what notifications show.
    pub text: Option<String>,
    /// The channel or user: an id, or a name as #general. Default is that of the configuration.
    pub channel: Option<String>,
    /// The blocks, as Slack's Block Kit has them.
    #[serde(default)]
    pub blocks: Vec<Value>,
    /// The `ts` of the message that this one answers.
    pub thread_ts: Option<String>,
}

/// The output of `post_message`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Posted {
    /// The id of the channel.
    pub channel: String,
    /// The time of the message, which names it in its channel.
    pub ts: String,
}

/// The input of `post_webhook`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Note {
    /// The text. Beside blocks it is what notifications show.
    pub text: Option<String>,
    /// The blocks, as Slack's Block Kit has them.
    #[serde(default)]
    pub blocks: Vec<Value>,
}

/// The output of `post_webhook`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Taken {
    /// Whether Slack has taken the message.
    pub ok: bool,
}

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default = "slack")]
    url: String,
    token: Option<String>,
    webhook_url: Option<String>,
    channel: Option<String>,
}

fn slack() -> String {
    "https://slack.com/api".to_owned()
}

/// What Slack answers to a method of its API.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
    channel: Option<String>,
    ts: Option<String>,
}

/// Posts a message to a channel.
///
/// # Errors
///
/// If there is nothing to post, no token or no channel, or Slack refuses the message.
pub fn post_message(ctx: &Context, message: Message) -> Result<Posted, Error> {
    let Config { url, token, channel, .. } = ctx.config()?;
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| unset("token"))?;
    let channel = message.channel.or(channel).ok_or_else(|| {
        Error::invalid_input("no channel is given, and none is configured")
            .code("slack.no_channel")
            .hint("give the parameter channel, or set channel by `petrel pack configure slack -`")
    })?;
    let mut body = content(message.text, message.blocks)?;
    body.insert("channel".into(), channel.into());
    if let Some(ts) = message.thread_ts {
        body.insert("thread_ts".into(), ts.into());
    }
    let request = Request::post(url).at(["chat.postMessage"])?.bearer(&token);
    let request = request.header("content-type", "application/json; charset=utf-8").json(&body)?;
    let answer = ctx.fetch(&request.largest_answer(LARGEST_ANSWER))?.success_with_details()?;
    let is_whole = |answer: &Answer| !answer.ok || (answer.channel.is_some() && answer.ts.is_some());
    let answer = answer.json_where(is_whole)?;
    if !answer.ok {
        return Err(refused(word(answer.error.as_deref())));
    }
    let posted = Posted { channel: answer.channel.unwrap_or_default(), ts: answer.ts.unwrap_or_default() };
    info!(ctx, channel = posted.channel, ts = posted.ts, "posted");
    Ok(posted)
}

/// Posts a message to the channel of an incoming webhook.
///
/// # Errors
///
/// If there is nothing to post or no webhook, or Slack refuses the message.
pub fn post_webhook(ctx: &Context, note: Note) -> Result<Taken, Error> {
    let Config { webhook_url, .. } = ctx.config()?;
    let url = webhook_url.filter(|url| !url.is_empty()).ok_or_else(|| unset("webhook_url"))?;
    let body = content(note.text, note.blocks)?;
    let request = Request::post_json(url, &body)?.largest_answer(LARGEST_ANSWER);
    let answer = ctx.fetch(&request).map_err(|error| without_address(error, &request.url))?;
    let status = answer.status;
    let text = answer.success_with_details().map_err(|error| not_taken(error, &request.url))?.text()?;
    if is_taken(&text) {
        return Ok(Taken { ok: true });
    }
    let shown = if repeats(&text, &request.url) { "" } else { text.as_str() };
    Err(Error::unexpected_answer(status, shown.as_bytes(), "Slack says `ok`"))
}

/// Whether this is what Slack says of a message that it takes: `ok`, or the same as JSON where a workflow is started.
fn is_taken(text: &str) -> bool {
    let is_json =
        || serde_json::from_str::<Value>(text).is_ok_and(|value| value.get("ok") == Some(&true.into()));
    text.trim() == "ok" || is_json()
}

/// The error of a webhook that refuses a message. The reason is a word in plain text, as `channel_is_archived`.
fn not_taken(error: Error, url: &str) -> Error {
    let told = error.detail("/body").map(str::trim).filter(|told| is_word(told));
    let message = told.map(|word| format!("Slack does not take the message: {word}"));
    let message = message.unwrap_or_else(|| error.message.clone());
    let details = error.details.filter(|details| !repeats(&details.to_string(), url));
    Error { message, details, ..error }
}

/// Whether a text repeats the address of a webhook, as the page of a proxy may do. It is a secret.
fn repeats(text: &str, url: &str) -> bool {
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    !path.is_empty() && text.contains(path)
}

/// The error of a webhook that was not reached, without its address, which is a secret.
fn without_address(error: Error, url: &str) -> Error {
    let address = url.split(['?', '#']).next().unwrap_or_default();
    let told = Error { message: error.message.replace(address, "to webhook_url"), ..error };
    if told.kind != ErrorKind::Denied {
        return told;
    }
    told.code("denied.http")
        .hint("grant the server: `petrel pack grant slack http=webhook`, or http=https://HOST/PATH")
}

/// The fields of both that say what is posted.
fn content(text: Option<String>, blocks: Vec<Value>) -> Result<Map<String, Value>, Error> {
    let text = text.filter(|text| !text.is_empty());
    if text.is_none() && blocks.is_empty() {
        return Err(Error::invalid_input("there is nothing to post")
            .code("slack.empty")
            .hint("give the parameter text, or blocks"));
    }
    let mut body = Map::new();
    if let Some(text) = text {
        body.insert("text".into(), text.into());
    }
    if !blocks.is_empty() {
        body.insert("blocks".into(), blocks.into());
    }
    Ok(body)
}

fn unset(name: &str) -> Error {
    Error::new(ErrorKind::Misconfigured, format!("{name} is not configured"))
        .code("slack.not_configured")
        .hint(format!("set {name} by `petrel pack configure slack -`"))
}

/// The word by which Slack says why it does not do what it is asked for. It becomes part of a code, so that what is no word, from
/// whoever answers in the place of Slack, counts as none.
fn word(told: Option<&str>) -> &str {
    told.filter(|told| is_word(told)).unwrap_or("unknown_error")
}

fn is_word(told: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !told.is_empty() && told.len() <= LONGEST_WORD && told.bytes().all(is_sign)
}

/// The error of a word by which Slack says why it does not do what it is asked for.
fn refused(word: &str) -> Error {
    use ErrorKind::{NotFound, Permanent, RateLimited, Transient, Unauthenticated};
    let (kind, hint) = match word {
        "channel_not_found" => (NotFound, "correct the channel, or invite the app to it"),
        "not_in_channel" => (Permanent, "invite the app to the channel"),
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            (Unauthenticated, "set token by `petrel pack configure slack -`")
        }
        "missing_scope" | "no_permission" => (Unauthenticated, "give the app the scope chat:write"),
        "ratelimited" | "rate_limited" => (RateLimited(Some(Duration::from_secs(30))), "post less often"),
        "internal_error" | "fatal_error" | "service_unavailable" => (Transient(None), "try again later"),
        _ => (Permanent, "look up the word at https://api.slack.com/methods/chat.postMessage"),
    };
    Error::new(kind, format!("Slack does not take the message: {word}"))
        .code(format!("slack.{word}"))
        .hint(hint)
}

export_actions![
    Action::new("post_message", post_message).description("Posts a message to a channel of Slack."),
    Action::new("post_webhook", post_webhook).description("Posts a message by an incoming webhook of Slack."),
];

#[cfg(test)]
mod tests;

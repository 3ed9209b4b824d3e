//! The actions that call GitHub's API: an issue, a comment, and the start of what GitHub runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use petrel_pack_sdk::{Context, Error, ErrorKind, Request, Response, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Config;

/// What GitHub answers to these calls is small.
const LARGEST_ANSWER: usize = 1 << 20;

/// The input of `create_issue`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Issue {
    /// The repository, as OWNER/NAME.
    pub repository: String,
    /// The title.
    pub title: String,
    /// The text, in Markdown.
    #[serde(default)]
    pub body: String,
    /// The names of its labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The accounts that are to see to it.
    #[serde(default)]
    pub assignees: Vec<String>,
}

/// The output of `create_issue`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Opened {
    /// The number in its repository.
    pub number: u64,
    /// The address of its page.
    #[serde(rename(deserialize = "html_url"))]
    pub url: String,
}

/// The input of `add_comment`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Comment {
    /// The repository, as OWNER/NAME.
    pub repository: String,
    /// The number of the issue or pull request.
    pub number: u64,
    /// The text, in Markdown.
    pub body: String,
}

/// The output of `add_comment`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Commented {
    /// The id of the comment.
    pub id: u64,
    /// The address of the comment.
    #[serde(rename(deserialize = "html_url"))]
    pub url: String,
}

/// The input of `dispatch_event`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Dispatch {
    /// The repository, as OWNER/NAME.
    pub repository: String,
    /// The kind of the event, which its workflows wait for.
    pub event_type: String,
    /// What the workflows are told: at most ten fields.
    #[serde(default)]
    pub client_payload: Map<String, Value>,
}

/// The input of `dispatch_workflow`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Start {
    /// The repository, as OWNER/NAME.
    pub repository: String,
    /// The workflow: the name of its file, or its id.
    pub workflow: String,
    /// The branch or tag to run it on.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its inputs.
    #[serde(default)]
    pub inputs: Map<String, Value>,
}

/// The output of both.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Taken {
    /// Whether GitHub has taken it.
    pub ok: bool,
}

/// Opens an issue.
///
/// # Errors
///
/// If the call fails, as [`call`] has it.
pub fn create_issue(ctx: &Context, issue: Issue) -> Result<Opened, Error> {
    let Issue { repository, title, body, labels, assignees } = issue;
    let fields = json!({"title": title, "body": body, "labels": labels, "assignees": assignees});
    let opened: Opened = call(ctx, &repository, &["issues"], &fields)?.json()?;
    info!(ctx, number = opened.number, "opened an issue in {repository}");
    Ok(opened)
}

/// Comments on an issue or a pull request.
///
/// # Errors
///
/// If the call fails, as [`call`] has it.
pub fn add_comment(ctx: &Context, comment: Comment) -> Result<Commented, Error> {
    let Comment { repository, number, body } = comment;
    let issue = number.to_string();
    let path = ["issues", issue.as_str(), "comments"];
    let commented: Commented = call(ctx, &repository, &path, &json!({"body": body}))?.json()?;
    info!(ctx, id = commented.id, "commented on {repository}#{number}");
    Ok(commented)
}

/// Sends an event to a repository.
///
/// # Errors
///
/// If the call fails, as [`call`] has it.
pub fn dispatch_event(ctx: &Context, dispatch: Dispatch) -> Result<Taken, Error> {
    let Dispatch { repository, event_type, client_payload } = dispatch;
    let fields = json!({"event_type": event_type, "client_payload": client_payload});
    let taken = taken(call(ctx, &repository, &["dispatches"], &fields)?)?;
    info!(ctx, "sent {event_type} to {repository}");
    Ok(taken)
}

/// Starts a workflow.
///
/// # Errors
///
/// If the call fails, as [`call`] has it.
pub fn dispatch_workflow(ctx: &Context, start: Start) -> Result<Taken, Error> {
    let Start { repository, workflow, reference, inputs } = start;
    let path = ["actions", "workflows", workflow.as_str(), "dispatches"];
    let taken = taken(call(ctx, &repository, &path, &json!({"ref": reference, "inputs": inputs}))?)?;
    info!(ctx, "started {workflow} of {repository} on {reference}");
    Ok(taken)
}

/// Checks an answer of which GitHub promises no content, or an object at most. A page is somebody else's.
fn taken(answer: Response) -> Result<Taken, Error> {
    let (status, body) = (answer.status, answer.bytes()?);
    if body.is_empty() || serde_json::from_slice::<Map<String, Value>>(&body).is_ok() {
        return Ok(Taken { ok: true });
    }
    Err(Error::unexpected_answer(status, &body, "GitHub answers this with no content"))
}

/// Posts `fields` to what is at `path` in a repository.
///
/// # Errors
///
/// If the repository is not named as OWNER/NAME, the address is not granted, or GitHub refuses the call. Its reason is in the
/// message, and a rate limit says when it ends.
fn call(ctx: &Context, repository: &str, path: &[&str], fields: &Value) -> Result<Response, Error> {
    let Config { url, token, .. } = ctx.config()?;
    let (owner, name) = repository.split_once('/').ok_or_else(|| {
        Error::invalid_input(format!("`{repository}` is no repository"))
            .code("github.repository")
            .hint("write it as OWNER/NAME")
    })?;
    let whole = ["repos", owner, name].into_iter().chain(path.iter().copied());
    let mut request = Request::post(url)
        .at(whole)?
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        // GitHub refuses who does not say this.
        .header("user-agent", "petrel")
        .largest_answer(LARGEST_ANSWER);
    if let Some(token) = &token {
        request = request.bearer(token);
    }
    let answer = ctx.fetch(&request.json(fields)?)?;
    let limit = limit(&answer);
    answer.success_with_details().map_err(|mut error| {
        if let Some(told) = error.reason("/body/message") {
            error.message = format!("GitHub refuses it: {told}");
        }
        if limit.is_some() {
            error.kind = ErrorKind::RateLimited(limit);
        }
        match error.kind {
            ErrorKind::Unauthenticated => error.hint("set token by `petrel pack configure github -`"),
            ErrorKind::NotFound => error.hint("correct the name, or give the token access to the repository"),
            _ => error,
        }
    })
}

/// The time until the rate limit ends, if it is the reason: GitHub then answers with 403 as often as with 429.
fn limit(answer: &Response) -> Option<Duration> {
    let is_spent = answer.header("x-ratelimit-remaining") == Some("0");
    if !matches!(answer.status, 403 | 429) || !is_spent {
        return None;
    }
    let end = answer.header("x-ratelimit-reset")?.parse().ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Duration::from_secs(end).saturating_sub(now).min(Duration::from_hours(2)))
}

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::testing::Host;

    use super::*;
    use crate::petrel_actions;

    const REPOSITORY: &str = "https://api.github.com/repos/octocat/hello-world";

    fn run(host: &Host, action: &str, parameters: &Value) -> Result<Value, Error> {
        let actions = petrel_actions();
        let action = actions.iter().find(|known| known.name() == action).unwrap();
        host.run(action, parameters)
    }

    #[test]
    fn each_action_posts_what_github_expects() {
        let page = "https://github.com/octocat/hello-world/issues/7";
        let created = json!({"number": 7, "id": 70, "html_url": page}).to_string();
        for (action, parameters, path, answer, body, result) in [
            (
                "create_issue",
                json!({"title": "t", "body": "b", "labels": ["bug"]}),
                "/issues",
                created.as_str(),
                json!({"title": "t", "body": "b", "labels": ["bug"], "assignees": []}),
                json!({"number": 7, "url": page}),
            ),
            (
                "add_comment",
                json!({"number": 7, "body": "b"}),
                "/issues/7/comments",
                created.as_str(),
                json!({"body": "b"}),
                json!({"id": 70, "url": page}),
            ),
            (
                "dispatch_event",
                json!({"event_type": "go", "client_payload": {"a": 1}}),
                "/dispatches",
                "",
                json!({"event_type": "go", "client_payload": {"a": 1}}),
                json!({"ok": true}),
            ),
            (
                "dispatch_workflow",
                json!({"workflow": "ci.yaml", "ref": "main"}),
                "/actions/workflows/ci.yaml/dispatches",
                "",
                json!({"ref": "main", "inputs": {}}),
                json!({"ok": true}),
            ),
        ] {
            let host = Host::new().configured("token", "hush");
            let host = host.answering("POST", &format!("{REPOSITORY}{path}"), 201, answer);
            let mut parameters = parameters;
            parameters["repository"] = json!("octocat/hello-world");
            assert_eq!(run(&host, action, &parameters).unwrap(), result, "{action}");
            let sent = host.requests().remove(0);
            assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), body, "{action}");
            for header in [("authorization", "Bearer hush"), ("user-agent", "petrel")] {
                assert!(sent.headers.contains(&(header.0.into(), header.1.into())), "{action} {header:?}");
            }
        }
    }

    #[test]
    fn a_refusal_says_why_and_a_limit_how_long() {
        let failed = |status: u16, headers: &[(&str, &str)]| {
            let body = r#"{"message": "no"}"#;
            let host = Host::new().answering_with(
                "POST",
                &format!("{REPOSITORY}/dispatches"),
                (status, headers),
                body,
            );
            let parameters = json!({"repository": "octocat/hello-world", "event_type": "go"});
            run(&host, "dispatch_event", &parameters).unwrap_err()
        };
        let error = failed(404, &[]);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::NotFound, "GitHub refuses it: no"));
        assert_eq!(failed(403, &[("x-ratelimit-remaining", "9")]).kind, ErrorKind::Unauthenticated);
        // That moment is long past.
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000")];
        assert_eq!(failed(403, &spent).kind, ErrorKind::RateLimited(Some(Duration::ZERO)));
        assert_eq!(
            failed(429, &[("retry-after", "5")]).kind,
            ErrorKind::RateLimited(Some(Duration::from_secs(5)))
        );
    }

    #[test]
    fn what_is_no_answer_of_github_is_an_error_that_shows_it() {
        for (action, parameters, path) in [
            ("create_issue", json!({"title": "t"}), "/issues"),
            ("add_comment", json!({"number": 7, "body": "b"}), "/issues/7/comments"),
            ("dispatch_event", json!({"event_type": "go"}), "/dispatches"),
            ("dispatch_workflow", json!({"workflow": "w", "ref": "main"}), "/actions/workflows/w/dispatches"),
        ] {
            let mut parameters = parameters;
            parameters["repository"] = json!("octocat/hello-world");
            let page = "<html>Sign in to the proxy</html>";
            let host = Host::new().answering("POST", &format!("{REPOSITORY}{path}"), 200, page);
            let error = run(&host, action, &parameters).unwrap_err();
            assert_eq!(error.code.as_deref(), Some("http.answer"), "{action}");
            assert!(error.message.contains("`<html>Sign in"), "{action}: {}", error.message);
        }
    }

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for (repository, code) in
            [("hello", "github.repository"), ("/x", "http.address"), ("../..", "http.address")]
        {
            let host = Host::new();
            let parameters = json!({"repository": repository, "event_type": "go"});
            let error = run(&host, "dispatch_event", &parameters).unwrap_err();
            assert_eq!((error.code.as_deref(), host.requests().len()), (Some(code), 0), "{repository}");
        }
    }
}

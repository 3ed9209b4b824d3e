//! The action `decide_push`: what a push means for a deployment.

use petrel_pack_sdk::{Context, Error};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern;
use crate::payload::{Push, Target};

/// The input of `decide_push`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DecidePush {
    /// The body of the webhook, as GitHub sends it.
    pub payload: Push,
    /// The branches to deploy; `*` stands for any text.
    #[serde(default = "main_only")]
    pub branches: Vec<String>,
}

fn main_only() -> Vec<String> {
    vec!["main".to_owned()]
}

/// A decision about a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Deploy the revision.
    Deploy,
    /// Do nothing.
    Ignore,
    /// Remove the deployment of the branch.
    Delete,
}

/// The output of `decide_push`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The reason, for people.
    pub reason: String,
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The branch, unless something else was pushed.
    pub branch: Option<String>,
    /// The revision to deploy.
    pub revision: Option<String>,
    /// The number of pushed commits.
    pub commits: usize,
    /// The person or program that pushed.
    pub pusher: Option<String>,
}

/// Decides.
///
/// # Errors
///
/// If the payload is none of a push.
pub fn decide_push(ctx: &Context, input: DecidePush) -> Result<Decided, Error> {
    let push = input.payload;
    let Some(repository) = push.repository.map(|repository| repository.full_name) else {
        return Err(Error::invalid_input("the payload has no repository")
            .code("github.not_a_push")
            .hint("send the body of a GitHub webhook with the content type application/json"));
    };
    let target = Target::of(push.reference.as_deref());
    let (decision, reason) = decide(&target, push.deleted, &input.branches);
    ctx.info(format!("{repository}: {reason}"));
    Ok(Decided {
        decision,
        reason,
        repository,
        branch: target.branch(),
        revision: push.after.filter(|_| decision == Decision::Deploy),
        commits: push.commits.len(),
        pusher: push.pusher.map(|pusher| pusher.name),
    })
}

fn decide(target: &Target, deleted: bool, branches: &[String]) -> (Decision, String) {
    let branch = match target {
        Target::Nothing => return (Decision::Ignore, "nothing was pushed".to_owned()),
        Target::Tag(tag) => return (Decision::Ignore, format!("{tag} is a tag")),
        Target::Branch(branch) => branch,
    };
    if !branches.iter().any(|wanted| pattern::matches(wanted, branch)) {
        return (Decision::Ignore, format!("branch {branch} is not one of {}", branches.join(", ")));
    }
    if deleted {
        return (Decision::Delete, format!("branch {branch} was deleted"));
    }
    (Decision::Deploy, format!("branch {branch} was pushed"))
}

#[cfg(test)]
mod tests;

//! The component of the example pack `github`: one action, which decides what a push means.
//!
//! What GitHub sends is in [`payload`], how branches are matched in [`pattern`]; here is the decision.

use petrel_pack_sdk::{Action, Context, Error, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod pattern;
pub mod payload;

use payload::{Push, Target};

/// What `decide_push` takes.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct DecidePush {
    /// The body of the webhook, as GitHub sends it.
    pub payload: Push,
    /// The branches to deploy; `*` stands for anything.
    #[serde(default = "main_only")]
    pub branches: Vec<String>,
}

fn main_only() -> Vec<String> {
    vec!["main".to_owned()]
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Deploy the revision.
    Deploy,
    /// Nothing.
    Ignore,
    /// Remove what was deployed from the branch.
    Delete,
}

/// What `decide_push` gives.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decided {
    /// What is to be done.
    pub decision: Decision,
    /// Why, for people.
    pub reason: String,
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The branch, unless something else was pushed.
    pub branch: Option<String>,
    /// The revision to deploy.
    pub revision: Option<String>,
    /// How many commits were pushed.
    pub commits: usize,
    /// Who pushed.
    pub pusher: Option<String>,
}

fn decide_push(ctx: &Context, input: DecidePush) -> Result<Decided, Error> {
    let push = input.payload;
    let Some(repository) = push.repository.map(|repository| repository.full_name) else {
        return Err(Error::invalid_input("the payload names no repository")
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

export_actions![
    Action::new("decide_push", decide_push)
        .description("Decides whether a push to a GitHub repository is to be deployed.")
        .idempotent(),
];

#[cfg(test)]
mod tests;

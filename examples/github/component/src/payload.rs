//! What GitHub sends about a push, as far as the decision needs it. The rest is let through unread.

use schemars::JsonSchema;
use serde::Deserialize;

/// The body of the event `push`. The event `ping` has no more than the repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Push {
    /// What was pushed, for example `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The revision after the push.
    pub after: Option<String>,
    /// Whether the push deleted the branch.
    pub deleted: bool,
    /// Where it was pushed to.
    pub repository: Option<Repository>,
    /// Who pushed.
    pub pusher: Option<Pusher>,
    /// What was pushed.
    pub commits: Vec<Commit>,
}

/// A repository.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
}

/// Who pushed.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Pusher {
    /// The account's name.
    pub name: String,
}

/// A commit.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Commit {
    /// The revision.
    pub id: String,
}

/// What a push went to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch, by its name.
    Branch(String),
    /// A tag, by its name.
    Tag(String),
    /// Nothing: it was no push.
    Nothing,
}

impl Target {
    /// What a reference of git points to.
    pub fn of(reference: Option<&str>) -> Self {
        let reference = reference.unwrap_or_default();
        if let Some(branch) = reference.strip_prefix("refs/heads/") {
            Self::Branch(branch.to_owned())
        } else if let Some(tag) = reference.strip_prefix("refs/tags/") {
            Self::Tag(tag.to_owned())
        } else {
            Self::Nothing
        }
    }

    /// The branch, if it is one.
    pub fn branch(&self) -> Option<String> {
        match self {
            Self::Branch(branch) => Some(branch.clone()),
            _ => None,
        }
    }
}

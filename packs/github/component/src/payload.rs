//! The payload of a push from GitHub, as far as the decision needs it. Other fields are ignored.

use schemars::JsonSchema;
use serde::Deserialize;

/// The body of the event `push`. The event `ping` only has the repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Push {
    /// The git reference that was pushed, for example `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The revision after the push.
    pub after: Option<String>,
    /// Whether the push deleted the branch.
    pub deleted: bool,
    /// The repository.
    pub repository: Option<Repository>,
    /// The person or program that pushed.
    pub pusher: Option<Pusher>,
    /// The pushed commits.
    pub commits: Vec<Commit>,
}

/// A repository.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
}

/// A person or program that pushes.
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

/// The target of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch, by its name.
    Branch(String),
    /// A tag, by its name.
    Tag(String),
    /// None, if the event is not a push.
    Nothing,
}

impl Target {
    /// The target that a git reference names.
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

    /// The branch, if the target is one.
    pub fn branch(&self) -> Option<String> {
        match self {
            Self::Branch(branch) => Some(branch.clone()),
            _ => None,
        }
    }
}

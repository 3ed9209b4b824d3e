//! The rights of a pack: what it asks for and is granted, within the ceiling of the host. Made when any of these changes,
//! and read at each call.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::files::{Access, Mount};
use super::grant::{Granted, PackGrant};
use super::http::{HttpRule, Target};
use super::named::{Named, Names};
use super::refusal::{Layer, Refusal};
use super::request::Request;

/// The rights of all packs, by name.
pub type RightsTable = BTreeMap<String, Arc<Rights>>;

/// The most that any pack may be granted. `None` is without bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceiling {
    /// Addresses.
    pub http: Option<Vec<HttpRule>>,
    /// Directories of the host, each with all that is below it.
    pub directories: Option<Vec<(PathBuf, Access)>>,
    /// Names of variables of the host's environment.
    pub env: Option<Vec<String>>,
    /// The kinds of names that no pack has.
    pub never: Vec<Named>,
}

/// The part of the operator's settings: grants by pack, and the ceiling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Grants by the name of the pack.
    pub grants: BTreeMap<String, Granted>,
    /// The ceiling.
    pub ceiling: Arc<Ceiling>,
}

/// The rights of a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// The pack.
    pub pack: String,
    /// What it asks for. A pack that does not say so is given what the settings grant it.
    pub asks: Option<Arc<Request>>,
    /// The addresses that are granted. A request must be one of those that are asked for, too, and within the ceiling.
    pub http: Vec<HttpRule>,
    /// The directories that its components have.
    pub mounts: Vec<Mount>,
    /// The variables that its components have.
    pub env: Vec<String>,
    /// The names that are granted. Each must be asked for, too, and its kind be within the ceiling.
    pub names: Names,
    /// The ceiling.
    pub ceiling: Arc<Ceiling>,
    /// Whether all is allowed, since an author tries what the pack needs.
    pub is_trial: bool,
}

/// The way of a request that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Whether its host may be in a private network.
    pub private: bool,
    /// The name of what the pack asks for, if it does.
    pub asked: Option<String>,
}

impl Rights {
    /// The rights of `pack`, which asks for that, by the grant of its operator and the settings.
    pub fn of(pack: &str, asks: Option<&Request>, grant: Option<&PackGrant>, given: &Given) -> Self {
        let none = Granted::default();
        let by_settings = given.grants.get(pack).unwrap_or(&none);
        // The grant is for what the pack asks for. Without a request it is for nothing.
        let by_operator = grant.filter(|_| asks.is_some()).map_or(&none, |grant| &grant.granted);
        let ceiling = &*given.ceiling;
        let mut mounts: Vec<Mount> = Vec::new();
        for mount in by_operator.files.iter().chain(&by_settings.files) {
            let asked = match asks {
                None => Some(Access::ReadWrite),
                Some(asks) => {
                    asks.files.iter().find(|wish| wish.path == mount.guest_path).map(|wish| wish.access)
                }
            };
            let is_new = !mounts.iter().any(|known| known.guest_path == mount.guest_path);
            if let (Some(asked), Some(most), true) = (asked, ceiling.access_to(&mount.host_path), is_new) {
                mounts.push(Mount { access: mount.access.min(asked).min(most), ..mount.clone() });
            }
        }
        let is_asked = |name: &&String| asks.is_none_or(|asks| asks.env.contains(name));
        let is_within = |name: &&String| ceiling.env.as_ref().is_none_or(|most| most.contains(name));
        let env = by_operator.env.iter().chain(&by_settings.env).filter(is_asked).filter(is_within);
        Self {
            pack: pack.to_owned(),
            asks: asks.cloned().map(Arc::new),
            http: by_operator.http.iter().chain(&by_settings.http).cloned().collect(),
            mounts,
            env: env.cloned().collect(),
            names: by_operator.names.clone(),
            ceiling: Arc::clone(&given.ceiling),
            is_trial: false,
        }
    }

    /// Whether a request may be made, and how.
    ///
    /// # Errors
    /// Who does not allow it, and what would.
    pub fn http(&self, target: Target<'_>) -> Result<Reach, Refusal> {
        if self.is_trial {
            return Ok(Self::tried(target));
        }
        let mut reach = Reach { private: true, asked: None };
        let refused = |layer| Err(Refusal::of(self, layer, target, false));
        // The first layer that bars private networks.
        let mut barred = None;
        if let Some(asks) = &self.asks {
            let mut covering = asks.http.iter().filter(|wish| wish.rule.covers(target));
            let private = covering.clone().any(|wish| wish.rule.private);
            let Some(wish) = covering.next() else { return refused(Layer::Request) };
            reach = Reach { private, asked: Some(wish.id.clone()) };
            barred = (!private).then_some(Layer::Request);
        }
        let ceiling = self.ceiling.http.as_ref();
        for (layer, rules) in [(Layer::Grant, Some(&self.http)), (Layer::Ceiling, ceiling)] {
            let Some(rules) = rules else { continue };
            let mut covering = rules.iter().filter(|rule| rule.covers(target)).peekable();
            if covering.peek().is_none() {
                return refused(layer);
            }
            if !covering.any(|rule| rule.private) {
                reach.private = false;
                barred = barred.or(Some(layer));
            }
        }
        match barred {
            Some(layer) if target.host.is_private() => Err(Refusal::of(self, layer, target, true)),
            _ => Ok(reach),
        }
    }

    /// The refusal of a request that is allowed, because its host turned out to be in a private network.
    pub fn private_refused(&self, target: Target<'_>) -> Refusal {
        let asks = self.asks.as_ref();
        let layer = if asks.is_some_and(|asks| bars(asks.http.iter().map(|wish| &wish.rule), target)) {
            Layer::Request
        } else if bars(self.http.iter(), target) {
            Layer::Grant
        } else {
            Layer::Ceiling
        };
        Refusal::of(self, layer, target, true)
    }
}

/// Whether none of these rules lets the request into a private network.
fn bars<'r>(mut rules: impl Iterator<Item = &'r HttpRule>, target: Target<'_>) -> bool {
    !rules.any(|rule| rule.private && rule.covers(target))
}

impl Ceiling {
    /// The operations that are permitted on a directory of the host. `None` if there are none.
    pub fn access_to(&self, directory: &Path) -> Option<Access> {
        let Some(most) = &self.directories else { return Some(Access::ReadWrite) };
        let is_plain =
            directory.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let above = most.iter().filter(|(known, _)| is_plain && directory.starts_with(known));
        above.map(|(_, access)| *access).max()
    }
}

#[cfg(test)]
mod tests;

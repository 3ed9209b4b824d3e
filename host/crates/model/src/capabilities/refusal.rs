//! The words for what a pack is refused: who does not allow it, what is allowed, and the command that would grant it.

use super::host::HostPattern;
use super::http::{HttpRule, Target};
use super::request::Request;
use super::rights::Rights;
use crate::quoted::listed;

/// The most capabilities that a hint lists.
const MOST_LISTED: usize = 5;

/// Who does not allow something. All of them must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The pack does not ask for it.
    Request,
    /// The operator has not granted it.
    Grant,
    /// The settings of the host allow it to no pack.
    Ceiling,
}

impl Layer {
    /// The name, for the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Grant => "grant",
            Self::Ceiling => "ceiling",
        }
    }
}

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who does not allow it.
    pub layer: Layer,
    /// What is allowed, and what would allow this.
    pub hint: String,
}

impl Refusal {
    /// The refusal of `target`, for being in a private network or as such.
    pub(super) fn of(rights: &Rights, layer: Layer, target: Target<'_>, is_private: bool) -> Self {
        let wanted = HttpRule::exactly(target, is_private);
        if !wanted.can_be_written() {
            // A component names any method and any host, and a hint is copied into a shell.
            let hint = "no grant can name this method or this host; write methods as GET and hosts as host.example in the component";
            return Self { layer, hint: hint.to_owned() };
        }
        let pack = &rights.pack;
        let allowed = |rules: &mut dyn Iterator<Item = String>| {
            let rules: Vec<_> = rules.collect();
            match rules.as_slice() {
                [] => "nothing".to_owned(),
                rules => listed(rules.iter().map(String::as_str), MOST_LISTED),
            }
        };
        let hint = match (layer, &rights.asks) {
            (Layer::Grant, Some(asks)) => {
                let granted = allowed(&mut rights.http.iter().map(ToString::to_string));
                let wider = all_of_it(asks, &wanted, pack);
                format!(
                    "granted is {granted}; allow this with `petrel pack grant {pack} 'http={wanted}'`{wider}"
                )
            }
            (Layer::Request, Some(asks)) => {
                let asked = allowed(&mut asks.http.iter().map(|wish| wish.rule.to_string()));
                format!(
                    "the pack asks for {asked} in its pack.yaml; its author adds `{}` to http of its capabilities, and then \
                     `petrel pack register DIRECTORY --grant` allows it",
                    entry(&wanted)
                )
            }
            (Layer::Ceiling, _) => {
                let most = rights.ceiling.http.iter().flatten();
                format!(
                    "the settings of the host allow any pack {} at most; add '{wanted}' to capabilities.max_http, and start it \
                     again",
                    allowed(&mut most.map(ToString::to_string))
                )
            }
            (Layer::Grant | Layer::Request, None) => {
                let word = if is_private { "private+" } else { "" };
                format!(
                    "allow the address with runners.grant_urls (--grant-url {pack}={word}https://HOST/PATH; private+ before it if \
                     the host's name leads into a private network), or have pack.yaml ask for it under capabilities, and grant it \
                     with `petrel pack grant {pack} 'http={wanted}'`"
                )
            }
        };
        Self { layer, hint }
    }
}

/// The command for all that the pack asks for at a host: a request may be one of many, as with a number in its path. Whoever
/// asks for many hosts is granted them one by one.
fn all_of_it(asks: &Request, wanted: &HttpRule, pack: &str) -> String {
    let is_of_one_host =
        |rule: &HttpRule| matches!(rule.host, HostPattern::Name(_) | HostPattern::Address(_));
    let is_wider = |rule: &HttpRule| is_of_one_host(rule) && rule != wanted && rule.contains(wanted);
    let wider = asks.http.iter().find(|wish| is_wider(&wish.rule));
    let told =
        |id: &str| format!(", or all that it asks for there with `petrel pack grant {pack} http={id}`");
    wider.map(|wish| told(&wish.id)).unwrap_or_default()
}

/// The entry of `pack.yaml` that asks for this.
fn entry(rule: &HttpRule) -> String {
    let list = |name: &str, values: &[String]| {
        if values.is_empty() { String::new() } else { format!(", {name}: [{}]", values.join(", ")) }
    };
    let ports: Vec<_> = rule.ports.iter().map(u16::to_string).collect();
    let private = if rule.private { ", private: true" } else { "" };
    format!(
        "- {{reason: WHAT FOR, host: \"{}\"{}{}{}{}{private}}}",
        rule.host,
        list("schemes", &rule.schemes),
        list("ports", &ports),
        list("methods", &rule.methods),
        list("paths", &rule.paths),
    )
}

impl Rights {
    /// The advice for a pack that opened a path which it does not have.
    pub fn files_hint(&self) -> String {
        let mounted: Vec<_> = self.mounts.iter().map(ToString::to_string).collect();
        let mounted = match mounted.as_slice() {
            [] => "no directory is mounted for the pack".to_owned(),
            mounted => format!(
                "only what is below the directories that are mounted for the pack can be opened: {}",
                listed(mounted.iter().map(String::as_str), MOST_LISTED)
            ),
        };
        let pack = &self.pack;
        let Some(asks) = &self.asks else {
            return format!(
                "{mounted}; mount a directory with runners.grant_directories, or open a path within one"
            );
        };
        let missing = asks.files.iter().find(|wish| {
            !self.mounts.iter().any(|mount| mount.guest_path == wish.path && mount.access >= wish.access)
        });
        match missing {
            Some(wish) => {
                let mode = if wish.access.as_str() == "rw" { ":rw" } else { "" };
                format!(
                    "{mounted}; mount {wish} with `petrel pack grant {pack} files=HOST-DIR:{}{mode}`",
                    wish.path
                )
            }
            None => {
                format!("{mounted}; its author asks for another with files in the capabilities of pack.yaml")
            }
        }
    }
}

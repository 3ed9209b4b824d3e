//! Addresses to which components may make requests: by scheme, host, port, method and path.
//!
//! In a line: `GET+POST https://*.example:8443/api`, with `private+` before the scheme if the host may be in a private
//! network. Without methods any is meant, without a port that of the scheme, and `:*` is any port.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::host::{Host, HostPattern};
use super::invalid::InvalidCapability;

const REMEDY: &str = "write [METHODS ]https://HOST[:PORT][/PATH], as in GET+POST https://*.example/api, with private+ before it \
                      for hosts in private networks";
/// The longest path, in bytes.
const LONGEST_PATH: usize = 500;
/// The longest method, in bytes.
const LONGEST_METHOD: usize = 20;
/// The most methods, ports and paths of one rule.
pub(super) const MOST_PARTS: usize = 32;

/// A request that is to be decided on. The address is in its normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host.
    pub host: Host<'a>,
    /// The port.
    pub port: u16,
    /// The path, without the query.
    pub path: &'a str,
}

/// Addresses, and the methods of requests to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HttpRule {
    /// `http`, `https`, or both; sorted, as all of these lists.
    pub schemes: Vec<String>,
    /// The hosts.
    pub host: HostPattern,
    /// The ports; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The methods; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The paths, each with all that is below it; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Whether the hosts may be in a private network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

impl HttpRule {
    /// The rule with its lists in order, without paths below others of its own. A host that is in a private network
    /// without doubt may be there.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.private |= self.host.is_private();
        self.schemes.sort();
        self.schemes.dedup();
        self.ports.sort_unstable();
        self.ports.dedup();
        self.methods.sort();
        self.methods.dedup();
        self.paths.sort();
        self.paths.dedup();
        let paths = std::mem::take(&mut self.paths);
        // All paths are below the empty one, which means any.
        if !paths.iter().any(String::is_empty) {
            let is_within =
                |path: &&String| paths.iter().any(|other| other != *path && is_below(path, other));
            self.paths = paths.iter().filter(|path| !is_within(path)).cloned().collect();
        }
        self
    }

    /// The rule for this request and no other.
    pub fn exactly(target: Target<'_>, private: bool) -> Self {
        let path = target.path.trim_end_matches('/');
        let is_told = check_path(path).is_ok() && path.len() <= LONGEST_PATH / 4;
        let rule = Self {
            schemes: vec![target.scheme.to_owned()],
            host: HostPattern::exactly(target.host),
            ports: vec![target.port],
            methods: vec![target.method.to_owned()],
            paths: is_told.then(|| path.to_owned()).into_iter().collect(),
            private,
        };
        rule.settled()
    }

    /// Whether its line is read as this rule again: one of a request may have a method or a host that no rule has.
    pub(super) fn can_be_written(&self) -> bool {
        self.to_string().parse::<Self>().is_ok_and(|read| read == *self)
    }

    /// Whether the request is one of these, apart from where its host is.
    pub fn covers(&self, target: Target<'_>) -> bool {
        self.schemes.iter().any(|scheme| scheme == target.scheme)
            && self.host.covers(target.host)
            && (self.ports.is_empty() || self.ports.contains(&target.port))
            && (self.methods.is_empty() || self.methods.iter().any(|method| method == target.method))
            && (self.paths.is_empty() || self.covers_path(target.path))
    }

    fn covers_path(&self, path: &str) -> bool {
        !leads_elsewhere(path) && self.paths.iter().any(|known| is_below(path, known))
    }

    /// The requests that both rules cover, if there are any.
    pub fn both(&self, other: &Self) -> Option<Self> {
        let schemes: Vec<_> =
            self.schemes.iter().filter(|scheme| other.schemes.contains(scheme)).cloned().collect();
        let (host, private) = (self.host.both(&other.host)?, self.private && other.private);
        if schemes.is_empty() || (host.is_private() && !private) {
            return None;
        }
        let rule = Self {
            schemes,
            host,
            ports: common(&self.ports, &other.ports)?,
            methods: common(&self.methods, &other.methods)?,
            paths: common_paths(&self.paths, &other.paths)?,
            private,
        };
        Some(rule.settled())
    }

    /// Whether all of `other` is covered.
    pub fn contains(&self, other: &Self) -> bool {
        self.both(other).is_some_and(|both| both == *other)
    }
}

/// Whether `path` begins with all parts of `known`.
fn is_below(path: &str, known: &str) -> bool {
    path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether some servers take a path for another one: `..` leads out of it beside an escaped separator, or with parameters
/// behind it (`..;`).
fn leads_elsewhere(path: &str) -> bool {
    let folded = path.to_ascii_lowercase();
    let is_dots = |part: &str| {
        let name = part.split(';').next().unwrap_or_default();
        [".", ".."].contains(&name.replace("%2e", ".").as_str())
    };
    folded.contains("%2f") || folded.contains("%5c") || folded.split('/').any(is_dots)
}

/// The common values of two lists that mean any if they are empty. `None` if there are none.
fn common<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Option<Vec<T>> {
    if one.is_empty() || other.is_empty() {
        return Some([one, other].concat());
    }
    let common: Vec<_> = one.iter().filter(|value| other.contains(value)).cloned().collect();
    (!common.is_empty()).then_some(common)
}

fn common_paths(one: &[String], other: &[String]) -> Option<Vec<String>> {
    if one.is_empty() || other.is_empty() {
        return Some([one, other].concat());
    }
    let narrower = |from: &[String], among: &[String]| -> Vec<String> {
        from.iter().filter(|path| among.iter().any(|known| is_below(path, known))).cloned().collect()
    };
    let mut common = narrower(one, other);
    common.extend(narrower(other, one));
    (!common.is_empty()).then_some(common)
}

/// Checks a method, and returns it as it is compared.
///
/// # Errors
/// When it is none.
pub fn check_method(text: &str) -> Result<String, InvalidCapability> {
    let is_sign = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    if text.is_empty() || text.len() > LONGEST_METHOD || !text.bytes().all(is_sign) {
        return Err(InvalidCapability::new(text, "is no method", "write one as GET"));
    }
    let method = text.to_ascii_uppercase();
    if method == "CONNECT" {
        return Err(InvalidCapability::new(
            text,
            "is not allowed",
            "leave it out; no component makes tunnels",
        ));
    }
    Ok(method)
}

/// Checks a path under which requests are allowed, and returns it as it is compared: without `/` at its end.
///
/// # Errors
/// When it is none, or would mean another one to a server.
pub fn check_path(text: &str) -> Result<&str, InvalidCapability> {
    let invalid = |reason: &str| {
        let remedy = "write a path as /api, without a query, .. or wildcards; all below it is meant";
        InvalidCapability::new(text, reason, remedy)
    };
    let path = text.trim_end_matches('/');
    if !text.starts_with('/') && !text.is_empty() {
        return Err(invalid("is no path, since it does not begin with /"));
    }
    if path.len() > LONGEST_PATH {
        return Err(invalid("is longer than 500 bytes"));
    }
    // In the normal form of addresses these are escaped; the last two are marks of this form.
    let is_sign = |byte: u8| byte.is_ascii_graphic() && !b"?#*\"'<>\\^`{|}".contains(&byte);
    if !path.bytes().all(is_sign) || path.contains(",/") {
        return Err(invalid("has characters that no path has"));
    }
    if leads_elsewhere(path) {
        return Err(invalid("has parts that lead elsewhere"));
    }
    Ok(path)
}

/// The ports of these schemes.
fn ports_of(schemes: &[String]) -> Vec<u16> {
    schemes.iter().map(|scheme| if scheme == "https" { 443 } else { 80 }).collect()
}

impl FromStr for HttpRule {
    type Err = InvalidCapability;

    fn from_str(text: &str) -> Result<Self, InvalidCapability> {
        let invalid = |reason: &str| InvalidCapability::new(text, reason, REMEDY);
        let text = text.trim();
        let (methods, address) = text.rsplit_once(' ').unwrap_or(("", text));
        let methods = methods.split(['+', ',']).map(str::trim).filter(|method| !method.is_empty());
        let methods: Vec<_> = methods.map(check_method).collect::<Result<_, _>>()?;
        let (words, rest) = address.split_once("://").ok_or_else(|| invalid("is no address"))?;
        let (mut schemes, mut private) = (Vec::new(), false);
        for word in words.split('+') {
            match word.to_ascii_lowercase().as_str() {
                "private" => private = true,
                scheme @ ("http" | "https") => schemes.push(scheme.to_owned()),
                _ => return Err(invalid("has a scheme other than http and https")),
            }
        }
        if schemes.is_empty() {
            return Err(invalid("has no scheme"));
        }
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit() || b"+*".contains(&byte));
        let (host, ports) = match place.rsplit_once(':') {
            Some((host, ports)) if is_port(ports) && !ports.is_empty() => (host, ports),
            _ => (place, ""),
        };
        let ports = match ports {
            "" => ports_of(&schemes),
            "*" => Vec::new(),
            ports => {
                let read = ports.split('+').map(|port| port.parse().ok().filter(|port| *port > 0));
                read.collect::<Option<_>>().ok_or_else(|| invalid("has no valid port"))?
            }
        };
        let mut paths = Vec::new();
        for path in path.replace(",/", "\n/").split('\n') {
            paths.push(check_path(path)?.to_owned());
        }
        if methods.len().max(ports.len()).max(paths.len()) > MOST_PARTS {
            return Err(invalid("has more than 32 methods, ports or paths"));
        }
        Ok(Self { schemes, host: host.parse()?, ports, methods, paths, private }.settled())
    }
}

impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            write!(f, "{} ", self.methods.join("+"))?;
        }
        // Where it is plain without the word, it is left out.
        if self.private && !self.host.is_private() {
            f.write_str("private+")?;
        }
        write!(f, "{}://{}", self.schemes.join("+"), self.host)?;
        let mut usual = ports_of(&self.schemes);
        usual.sort_unstable();
        if self.ports.is_empty() {
            f.write_str(":*")?;
        } else if self.ports != usual {
            f.write_char(':')?;
            let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
            f.write_str(&ports.join("+"))?;
        }
        f.write_str(if self.paths.is_empty() { "/" } else { "" })?;
        f.write_str(&self.paths.join(","))
    }
}

#[cfg(test)]
mod tests;

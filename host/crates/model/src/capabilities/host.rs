//! Patterns of hosts: any, all below a domain, one by name or by address.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::invalid::InvalidCapability;
use crate::private_network::is_in_private_network;

const REMEDY: &str = "write a name as host.example, *.example for all names below it, an address as 192.0.2.1 or [2001:db8::1], \
                      or * for any host";
/// The longest name, in bytes (RFC 1035).
const LONGEST: usize = 253;

/// A host in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name, in lower case.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
}

impl<'a> Host<'a> {
    /// The host as an address of the web has it, an address of IPv6 in brackets.
    pub fn of(text: &'a str) -> Self {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        bare.parse().map_or(Self::Name(text), Self::Address)
    }

    /// Whether it is written as an address in a private network. Where a name leads is known only when it is resolved.
    pub fn is_private(self) -> bool {
        matches!(self, Self::Address(address) if is_in_private_network(address))
    }
}

/// A pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    /// Any host.
    Any,
    /// All names below a domain, and not the domain itself.
    Below(String),
    /// The host of this name.
    Name(String),
    /// The host at this address.
    Address(IpAddr),
}

impl HostPattern {
    /// The pattern of one host.
    pub fn exactly(host: Host<'_>) -> Self {
        match host {
            Host::Name(name) => Self::Name(name.to_owned()),
            Host::Address(address) => Self::Address(address),
        }
    }

    /// Whether `host` fits.
    pub fn covers(&self, host: Host<'_>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(domain), Host::Name(name)) => is_below(name, domain),
            (Self::Name(known), Host::Name(name)) => known == name,
            (Self::Address(known), Host::Address(address)) => *known == address,
            _ => false,
        }
    }

    /// Whether it names one host that is in a private network without doubt.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Address(address) => is_in_private_network(*address),
            Self::Name(name) => name == "localhost",
            Self::Any | Self::Below(_) => false,
        }
    }

    /// The hosts that fit both, if there are any. Of two patterns one contains the other, or they have nothing in common.
    pub fn both(&self, other: &Self) -> Option<Self> {
        if self.contains(other) {
            Some(other.clone())
        } else if other.contains(self) {
            Some(self.clone())
        } else {
            None
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(domain), Self::Below(other)) => domain == other || is_below(other, domain),
            (Self::Below(domain), Self::Name(name)) => is_below(name, domain),
            _ => self == other,
        }
    }
}

/// Whether `name` is below `domain`.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl FromStr for HostPattern {
    type Err = InvalidCapability;

    fn from_str(text: &str) -> Result<Self, InvalidCapability> {
        let invalid = |reason: &str| InvalidCapability::new(text, reason, REMEDY);
        let lower = text.to_ascii_lowercase();
        if lower == "*" {
            return Ok(Self::Any);
        }
        if let Host::Address(address) = Host::of(&lower) {
            return Ok(Self::Address(address));
        }
        let (domain, is_below) =
            lower.strip_prefix("*.").map_or((lower.as_str(), false), |rest| (rest, true));
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if domain.is_empty() || domain.len() > LONGEST || !domain.bytes().all(is_sign) {
            return Err(invalid("is no host"));
        }
        if domain.split('.').any(str::is_empty) {
            return Err(invalid("is no host, since a part of its name is empty"));
        }
        // Programs read such a name as an address, in one of its older forms.
        let is_number = |label: &str| {
            label.bytes().all(|byte| byte.is_ascii_digit()) || label.strip_prefix("0x").is_some()
        };
        if domain.rsplit('.').next().is_some_and(is_number) {
            return Err(invalid("is no host, since its last part is a number"));
        }
        let domain = domain.to_owned();
        Ok(if is_below { Self::Below(domain) } else { Self::Name(domain) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidCapability;

    fn try_from(text: String) -> Result<Self, InvalidCapability> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(host: HostPattern) -> Self {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_their_hosts() {
        for (pattern, host, expected) in [
            ("*", "a.example", true),
            ("*", "[::1]", true),
            ("*.example", "a.example", true),
            ("*.example", "b.a.example", true),
            ("*.example", "example", false),
            ("*.example", "aexample", false),
            ("*.example", ".example", false),
            ("*.example", "a.example.evil", false),
            ("A.Example", "a.example", true),
            ("a.example", "b.a.example", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.10", false),
            ("[::ffff:192.0.2.1]", "[::ffff:c000:201]", true),
        ] {
            let read: HostPattern = pattern.parse().unwrap();
            assert_eq!(read.covers(Host::of(host)), expected, "{pattern} and {host}");
            assert_eq!(read.to_string().parse::<HostPattern>().unwrap(), read);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*.",
            "a..b",
            "a b",
            "*a.example",
            "a.*.example",
            "1.2.3",
            "0x7f.1",
            "a/b",
            "b\u{fc}cher.example",
        ] {
            let refused = text.parse::<HostPattern>().unwrap_err();
            assert!(refused.to_string().contains("host.example"), "{refused}");
        }
    }

    #[test]
    fn two_patterns_have_the_narrower_in_common_or_nothing() {
        for (one, other, common) in [
            ("*", "*.example", Some("*.example")),
            ("*.example", "*.a.example", Some("*.a.example")),
            ("*.example", "a.example", Some("a.example")),
            ("*.example", "example", None),
            ("*.example", "*.example", Some("*.example")),
            ("*.example", "192.0.2.1", None),
            ("a.example", "b.example", None),
        ] {
            let (one, other): (HostPattern, HostPattern) = (one.parse().unwrap(), other.parse().unwrap());
            for both in [one.both(&other), other.both(&one)] {
                assert_eq!(both.map(|both| both.to_string()).as_deref(), common, "{one} and {other}");
            }
        }
    }
}

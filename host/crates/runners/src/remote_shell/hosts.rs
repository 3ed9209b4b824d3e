//! The hosts that a call names, as StackStorm reads them: separated by commas, each a name or an address, with or without a
//! port. A pure function. What could be taken for an option of ssh, or for more than one word, is refused.

use std::collections::BTreeSet;

/// The greatest number of hosts of one call.
pub(super) const MOST_HOSTS: usize = 500;
/// The greatest length of the name of a host (RFC 1035, 2.3.4), with room for a zone of an IPv6 address.
const LONGEST: usize = 300;
/// The port of SSH.
pub(super) const PORT: u16 = 22;

/// A host to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The name or the address, without brackets.
    pub(super) name: String,
    /// The port that was given with it.
    pub(super) port: Option<u16>,
    /// The name of its part of the result.
    pub(super) label: String,
}

impl Host {
    /// Reads a host. The error is the reason, as the end of a sentence that begins with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, port) = split(text)?;
        if name.is_empty() {
            return Err("has no name".into());
        }
        if name.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:%".contains(c);
        if name.starts_with('-') || !name.chars().all(is_plain) {
            return Err("is no name of a host and no address".into());
        }
        Ok(Self { name: name.to_owned(), port, label: name.to_owned() })
    }

    /// The name under which its key is pinned, as in a file `known_hosts`. `port` is the one for hosts without their own.
    pub(super) fn pin(&self, port: Option<u16>) -> String {
        let name = self.name.to_ascii_lowercase();
        match self.port.or(port) {
            None | Some(PORT) => name,
            Some(port) => format!("[{name}]:{port}"),
        }
    }
}

/// The name and the port. An address of IPv6 has its port behind brackets.
fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let number = |port: &str| match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err("has a port that is not a number from 1 to 65535".to_owned()),
    };
    if let Some((name, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(port) => Ok((name, number(port)?)),
            None if rest.is_empty() => Ok((name, None)),
            None => Err("has something other than a port behind its brackets".into()),
        };
    }
    match text.split_once(':') {
        Some((name, port)) if !port.contains(':') => Ok((name, number(port)?)),
        // Several colons: an address of IPv6.
        _ => Ok((text, None)),
    }
}

/// Reads hosts, each once, in their order. The error is a sentence that names the one that is wrong.
pub(super) fn all(text: &str) -> Result<Vec<Host>, String> {
    let mut hosts: Vec<Host> = Vec::new();
    for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let host = Host::parse(one).map_err(|why| format!("the host `{}` {why}", shown(one)))?;
        if !hosts.contains(&host) {
            hosts.push(host);
        }
        if hosts.len() > MOST_HOSTS {
            return Err(format!("more than {MOST_HOSTS} hosts are named"));
        }
    }
    if hosts.is_empty() {
        return Err("no host is named".into());
    }
    // In StackStorm the result has the name without the port, so of two ports of one host only one result is left.
    let mut names = BTreeSet::new();
    let twice: BTreeSet<String> =
        hosts.iter().filter(|host| !names.insert(&host.name)).map(|host| host.name.clone()).collect();
    for host in hosts.iter_mut().filter(|host| twice.contains(&host.name)) {
        if let Some(port) = host.port {
            host.label = if host.name.contains(':') {
                format!("[{}]:{port}", host.name)
            } else {
                format!("{}:{port}", host.name)
            };
        }
    }
    Ok(hosts)
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_stackstorm_reads_them() {
        for (text, name, port, pin) in [
            ("web1.example.com", "web1.example.com", None, "web1.example.com"),
            ("Web1:5555", "Web1", Some(5555), "[web1]:5555"),
            ("10.0.1.250", "10.0.1.250", None, "10.0.1.250"),
            ("10.0.1.250:22", "10.0.1.250", Some(22), "10.0.1.250"),
            ("::1", "::1", None, "::1"),
            ("fe80::1%eth0", "fe80::1%eth0", None, "fe80::1%eth0"),
            ("[::1]", "::1", None, "::1"),
            ("[::1]:2222", "::1", Some(2222), "[::1]:2222"),
            ("[web1]:22", "web1", Some(22), "web1"),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.name.as_str(), host.port, host.pin(None).as_str()), (name, port, pin), "{text}");
        }
        assert_eq!(Host::parse("web1").unwrap().pin(Some(2222)), "[web1]:2222");
        assert_eq!(Host::parse("web1:22").unwrap().pin(Some(2222)), "web1");
    }

    #[test]
    fn what_is_no_host_is_named() {
        for (text, says) in [
            ("", "no host is named"),
            (" , ,", "no host is named"),
            ("-oProxyCommand=sh", "`-oProxyCommand=sh` is no name"),
            ("a,b c", "`b c` is no name"),
            ("a;id", "`a;id` is no name"),
            ("deploy@web1", "`deploy@web1` is no name"),
            ("web1:0", "`web1:0` has a port that is not a number"),
            ("web1:x", "a port that is not a number"),
            ("[::1]22", "behind its brackets"),
            (":22", "`:22` has no name"),
            ("a*", "is no name"),
        ] {
            let refused = all(text).unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
        let many: Vec<_> = (0..=MOST_HOSTS).map(|n| format!("h{n}")).collect();
        assert!(all(&many.join(",")).unwrap_err().contains("more than 500 hosts"));
    }

    #[test]
    fn each_host_has_a_part_of_the_result() {
        for (text, labels) in [
            ("a, b:23 ,c,", &["a", "b", "c"][..]),
            ("a,a,a", &["a"]),
            ("a:1,a:2,b", &["a:1", "a:2", "b"]),
            ("a,a:2", &["a", "a:2"]),
            ("[::1]:1,[::1]:2", &["[::1]:1", "[::1]:2"]),
        ] {
            let found: Vec<_> = all(text).unwrap().into_iter().map(|host| host.label).collect();
            assert_eq!(found, labels, "{text}");
        }
    }
}

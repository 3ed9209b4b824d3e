//! Settings: the bounds of everything that a registry or a file gives, and what differs from registry to registry.

use std::path::PathBuf;
use std::time::Duration;

use crate::reference::{Reference, checked_host};

/// The bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest manifest, and the largest first layer, in bytes.
    pub manifest: u64,
    /// The bytes of all blobs of an artifact together.
    pub artifact: u64,
    /// The bytes of all files of a pack together.
    pub unpacked: u64,
    /// The number of files of a pack.
    pub files: usize,
    /// The number of layers.
    pub layers: usize,
    /// The number of blobs that are fetched at once.
    pub downloads: usize,
    /// The time for a connection, and that a registry may be silent.
    pub silence: Duration,
    /// The bytes a second that a blob must come with in the long run.
    pub least_pace: u64,
    /// The number of times that a blob is gone on with after it was cut short.
    pub attempts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest: 1 << 20,
            artifact: 512 << 20,
            unpacked: 1 << 30,
            files: 20_000,
            layers: 100,
            downloads: 4,
            silence: Duration::from_secs(30),
            least_pace: 4 << 10,
            attempts: 5,
        }
    }
}

impl Limits {
    /// The longest time that so many bytes may take on their way.
    pub(crate) fn patience(&self, bytes: u64) -> Duration {
        Duration::from_secs(bytes / self.least_pace.max(1)).saturating_add(self.silence.saturating_mul(2))
    }
}

/// What is special about a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrySettings {
    /// The host, with its port if references have it.
    pub host: String,
    /// Whether it speaks HTTP without encryption. By default one on this machine does, and no other.
    pub plain_http: Option<bool>,
    /// Certificates in PEM to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether its certificate is not verified.
    pub skip_tls_verify: bool,
    /// The URL of the proxy on the way to it.
    pub proxy: Option<String>,
    /// The registry, with a path if need be, from which its artifacts are read instead.
    pub mirror: Option<String>,
    /// The host of its token service, which gets the login, if that is another one.
    pub token_host: Option<String>,
}

/// The settings of all registries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// The registries about which something is special.
    pub registries: Vec<RegistrySettings>,
}

impl Settings {
    /// What is special about the registry `host`.
    pub fn of(&self, host: &str) -> RegistrySettings {
        let found = self.registries.iter().find(|registry| registry.host.eq_ignore_ascii_case(host));
        found
            .cloned()
            .unwrap_or_else(|| RegistrySettings { host: host.to_owned(), ..RegistrySettings::default() })
    }

    /// The place from which an artifact is read: its mirror, if its registry has one.
    pub fn read_from(&self, reference: &Reference) -> Reference {
        let Some(mirror) = self.of(&reference.registry).mirror else { return reference.clone() };
        let (registry, above) = mirror.split_once('/').unwrap_or((&mirror, ""));
        let above = above.trim_matches('/');
        let repository = if above.is_empty() {
            reference.repository.clone()
        } else {
            format!("{above}/{}", reference.repository)
        };
        Reference { registry: registry.to_owned(), repository, ..reference.clone() }
    }
}

impl RegistrySettings {
    /// The scheme and the authority of its URLs.
    pub fn base(&self) -> String {
        // Docker Hub is the one registry whose name is not its host.
        let host = if self.host == "docker.io" { "registry-1.docker.io" } else { &self.host };
        let is_plain = self.plain_http.unwrap_or_else(|| is_loopback(host));
        format!("{}://{host}", if is_plain { "http" } else { "https" })
    }

    /// Whether `host` is the token service that gets the login: the one of the settings, or one that is known.
    pub(crate) fn is_token_host(&self, host: &str) -> bool {
        const KNOWN: [(&str, &str); 2] =
            [("docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];
        self.token_host.as_deref().is_some_and(|named| named.eq_ignore_ascii_case(host))
            || KNOWN.contains(&(self.host.as_str(), host))
    }

    /// The problem with what is written, if there is one: the key, and what is wrong.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        if let Err(error) = checked_host(&self.host) {
            return Some(("host", error.to_string()));
        }
        let is_url = |url: &str| reqwest::Url::parse(url).is_ok_and(|url| url.has_host());
        if let Some(proxy) = self.proxy.as_deref().filter(|proxy| !is_url(proxy)) {
            return Some((
                "proxy",
                format!("`{proxy}` is not a URL; write it as http://proxy.example.com:3128"),
            ));
        }
        let mirror = self.mirror.as_deref().map(|mirror| mirror.split('/').next().unwrap_or_default());
        if let Some(Err(error)) = mirror.map(checked_host) {
            return Some(("mirror", error.to_string()));
        }
        if let Some(Err(error)) = self.token_host.as_deref().map(checked_host) {
            return Some(("token_host", error.to_string()));
        }
        let is_plain = self.plain_http == Some(true);
        (is_plain && (self.skip_tls_verify || self.ca_file.is_some())).then(|| {
            (
                "plain_http",
                "there is no certificate without encryption: leave out ca_file and skip_tls_verify"
                    .to_owned(),
            )
        })
    }
}

/// Whether a host, with or without a port, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_encryption_unless_it_is_said() {
        for (host, plain_http, base) in [
            ("127.0.0.1:5000", None, "http://127.0.0.1:5000"),
            ("localhost", None, "http://localhost"),
            ("[::1]:5000", None, "http://[::1]:5000"),
            ("localhost:5000", Some(false), "https://localhost:5000"),
            ("r.example.com", None, "https://r.example.com"),
            ("r.example.com", Some(true), "http://r.example.com"),
            ("localhost.example.com", None, "https://localhost.example.com"),
            ("docker.io", None, "https://registry-1.docker.io"),
        ] {
            let settings = RegistrySettings { host: host.into(), plain_http, ..RegistrySettings::default() };
            assert_eq!(settings.base(), base);
        }
    }

    #[test]
    fn what_is_large_has_its_time() {
        let limits = |silence| Limits { silence: Duration::from_secs(silence), ..Limits::default() };
        for (silence, bytes, expected) in [
            (30, 0, Duration::from_secs(60)),
            (30, 40 << 20, Duration::from_secs(10_300)),
            (u64::MAX, 1 << 20, Duration::MAX),
        ] {
            assert_eq!(limits(silence).patience(bytes), expected, "{silence} {bytes}");
        }
    }

    #[test]
    fn what_is_read_comes_from_the_mirror() {
        let of = |mirror: &str| {
            let mirror = Some(mirror.to_owned()).filter(|mirror| !mirror.is_empty());
            let one =
                RegistrySettings { host: "r.example.com".into(), mirror, ..RegistrySettings::default() };
            Settings { registries: vec![one], ..Settings::default() }
        };
        for (mirror, reference, expected) in [
            ("", "r.example.com/a:1", "r.example.com/a:1"),
            ("m.example.com", "r.example.com/a:1", "m.example.com/a:1"),
            ("m.example.com/cache/", "r.example.com/a:1", "m.example.com/cache/a:1"),
            ("m.example.com", "other.example.com/a:1", "other.example.com/a:1"),
        ] {
            assert_eq!(of(mirror).read_from(&reference.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_its_key() {
        let plain = RegistrySettings { host: "r.example.com".into(), ..RegistrySettings::default() };
        let text = |text: &str| Some(text.to_owned());
        for (settings, key) in [
            (plain.clone(), None),
            (RegistrySettings { host: "r example".into(), ..plain.clone() }, Some("host")),
            (RegistrySettings { proxy: text("proxy"), ..plain.clone() }, Some("proxy")),
            (RegistrySettings { proxy: text("http://proxy:3128"), ..plain.clone() }, None),
            (RegistrySettings { mirror: text("https://m/"), ..plain.clone() }, Some("mirror")),
            (RegistrySettings { token_host: text("a/b"), ..plain.clone() }, Some("token_host")),
            (
                RegistrySettings { plain_http: Some(true), skip_tls_verify: true, ..plain.clone() },
                Some("plain_http"),
            ),
        ] {
            assert_eq!(settings.problem().map(|(key, _)| key), key, "{settings:?}");
        }
    }
}

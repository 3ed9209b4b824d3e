//! Grants of addresses, to which the components of a pack may make requests.

use reqwest::Url;

/// The word before an address by which the name of its host may lead into a private network.
const PRIVATE: &str = "private+";

/// A granted address: its scheme, host and port, and all paths that begin with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlGrant {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
    is_private: bool,
}

impl UrlGrant {
    /// Reads `https://HOST[:PORT][/PATH]`, or `private+https://…` for a name that may lead into a private network. An
    /// address that is written as a number, and `localhost`, are private without that word. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_private, text) = text.strip_prefix(PRIVATE).map_or((false, text), |rest| (true, rest));
        let url = Url::parse(text).ok()?;
        let has_more = url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_more || has_user || !["http", "https"].contains(&url.scheme()) {
            return None;
        }
        let host = url.host_str()?.to_owned();
        Some(Self {
            scheme: url.scheme().to_owned(),
            is_private: is_private || url.domain().is_none() || host == "localhost",
            host,
            port: url.port_or_known_default(),
            path: url.path().to_owned(),
        })
    }

    /// Whether a request to `url` is granted.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        url.scheme() == self.scheme
            && url.host_str() == Some(self.host.as_str())
            && url.port_or_known_default() == self.port
            && self.covers_path(url.path())
    }

    /// Whether the host may be in a private network.
    pub(crate) fn is_private(&self) -> bool {
        self.is_private
    }

    /// Whether `path` begins with all parts of the granted path.
    fn covers_path(&self, path: &str) -> bool {
        let granted = self.path.trim_end_matches('/');
        if granted.is_empty() {
            return true;
        }
        // Some servers take these for separators, so that `..` beside one would lead out of the path.
        let folded = path.to_ascii_lowercase();
        if folded.contains("%2f") || folded.contains("%5c") {
            return false;
        }
        path.strip_prefix(granted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_its_own_addresses() {
        for (granted, url, expected) in [
            ("https://a.example", "https://a.example/x?y=1", true),
            ("https://a.example", "https://a.example:443/", true),
            ("https://a.example", "HTTPS://A.example/", true),
            ("https://a.example", "http://a.example/", false),
            ("https://a.example", "https://a.example:8443/", false),
            ("https://a.example", "https://b.a.example/", false),
            ("https://a.example", "https://a.example.evil.example/", false),
            ("https://a.example", "https://a.example@evil.example/", false),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/x", true),
            ("http://127.0.0.1:8080/", "http://localhost:8080/x", false),
            ("https://a.example/rest/api", "https://a.example/rest/api", true),
            ("https://a.example/rest/api/", "https://a.example/rest/api/3", true),
            ("https://a.example/rest/api", "https://a.example/rest/apix", false),
            ("https://a.example/rest/api", "https://a.example/rest/api/../admin", false),
            ("https://a.example/rest/api", "https://a.example/rest/api/%2e%2e/admin", false),
            ("https://a.example/rest/api", "https://a.example/rest/api/..%2fadmin", false),
            ("private+https://a.example/", "https://a.example/", true),
        ] {
            let grant = UrlGrant::parse(granted).unwrap();
            assert_eq!(grant.covers(&Url::parse(url).unwrap()), expected, "{granted} and {url}");
        }
    }

    #[test]
    fn private_addresses_are_named_as_such() {
        for (granted, expected) in [
            ("https://a.example", false),
            ("private+https://a.example", true),
            ("http://10.0.0.1", true),
            ("http://[::1]:80", true),
            ("http://localhost", true),
        ] {
            assert_eq!(UrlGrant::parse(granted).unwrap().is_private(), expected, "{granted}");
        }
        for text in
            ["", "a.example", "ftp://a.example", "https://u:p@a.example", "https://a.example/?x", "https://"]
        {
            assert_eq!(UrlGrant::parse(text), None, "{text}");
        }
    }
}

//! Addresses that a registry names: where a redirect may lead, where an upload may go, who may get a login. Each is what a
//! hostile registry, or one that was taken over, would use to get at the logins of others or into a private network.

use std::net::IpAddr;

use reqwest::Url;

use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::settings::{RegistrySettings, is_loopback};

/// Whether two URLs lead to the same server: scheme, host and port.
pub fn is_same(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Whether a host is this machine, in any of the forms that lead there.
fn is_here(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let address = address.map(|address| address.to_canonical());
    is_loopback(name)
        || name.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// The address to which a read is redirected, and whether it is still the registry at `base`, which alone gets the
/// authorization.
///
/// # Errors
/// When the address is none for a read: without the encryption that the first had, or on this machine.
pub fn redirected(base: &Url, from: &Url, location: &str) -> Result<(Url, bool), Error> {
    let refused = |why: &str| {
        let host = base.host_str().unwrap_or_default();
        let message = format!("the registry {host} redirects to an address that is not followed: {why}");
        Error::new(Kind::Refused, message, "tell whoever runs the registry, and do not use it before")
    };
    let url = from.join(location).map_err(|error| refused(&error.to_string()))?;
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
        return Err(refused("it is no URL of HTTP"));
    }
    if from.scheme() == "https" && url.scheme() != "https" {
        return Err(refused("it is not encrypted"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it has a password"));
    }
    if is_here(host) && !is_here(base.host_str().unwrap_or_default()) {
        return Err(refused("it is on this machine"));
    }
    let is_ours = is_same(base, &url);
    Ok((url, is_ours))
}

/// The address of an upload that the registry has begun.
///
/// # Errors
/// When it is on another host: neither the pack nor the login is for that.
pub fn upload(base: &Url, location: &str, digest: &Digest) -> Result<Url, Error> {
    let found = base.join(location).ok().filter(|url| url.host_str() == base.host_str());
    let Some(found) = found else {
        let host = base.host_str().unwrap_or_default();
        let message = format!("the registry {host} wants the upload to go to another host");
        let hint = "nothing was sent there; push to that registry by its own name, if it is the right one";
        return Err(Error::new(Kind::Refused, message, hint));
    };
    // Behind a proxy many registries name the scheme and the port that they have there.
    let mut url = base.clone();
    url.set_path(found.path());
    url.set_query(found.query());
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    Ok(url)
}

/// The address of the token service that a registry names, and whether the login for the registry may go there.
///
/// # Errors
/// When it is not encrypted and not the registry itself.
pub fn token_service(base: &Url, realm: &str, settings: &RegistrySettings) -> Result<(Url, bool), Error> {
    let refused = || {
        let host = base.host_str().unwrap_or_default();
        let message = format!("the registry {host} names a token service that is not encrypted, or no URL");
        let hint = "no login was sent; tell whoever runs the registry";
        Error::new(Kind::Refused, message, hint)
    };
    let url = base.join(realm).map_err(|_not_url| refused())?;
    let has_login = !url.username().is_empty() || url.password().is_some();
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "http" | "https") || has_login || host.is_empty() {
        return Err(refused());
    }
    let is_same_host = url.host_str() == base.host_str();
    if is_same(base, &url) || (is_same_host && url.scheme() == "https") {
        return Ok((url, true));
    }
    let leads_here = is_here(host) && !is_here(base.host_str().unwrap_or_default());
    if url.scheme() != "https" || leads_here {
        return Err(refused());
    }
    let may_have = settings.is_token_host(host);
    Ok((url, may_have))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_redirect_takes_the_login_nowhere_and_leads_to_no_place_without_encryption() {
        let base = url("https://r.example.com");
        let from = url("https://r.example.com/v2/a/blobs/x");
        for (location, expected) in [
            ("/other", Some(("https://r.example.com/other", true))),
            ("https://r.example.com:443/x", Some(("https://r.example.com/x", true))),
            ("https://r.example.com:444/x", Some(("https://r.example.com:444/x", false))),
            ("https://storage.example.net/x?sig=1", Some(("https://storage.example.net/x?sig=1", false))),
            ("//storage.example.net/x", Some(("https://storage.example.net/x", false))),
            ("http://r.example.com/x", None),
            ("https://user:pw@storage.example.net/x", None),
            ("https://127.0.0.1/x", None),
            ("https://localhost/x", None),
            ("https://[::1]/x", None),
            ("https://[::ffff:127.0.0.1]/x", None),
            ("https://0.0.0.0/x", None),
            ("https://[::]/x", None),
            ("https://localhost./x", None),
            ("https://a.localhost/x", None),
            ("file:///etc/passwd", None),
            ("https://", None),
        ] {
            let found = redirected(&base, &from, location).ok();
            let found = found.as_ref().map(|(url, is_ours)| (url.as_str(), *is_ours));
            assert_eq!(found, expected, "{location}");
        }
        let plain = url("http://127.0.0.1:5000");
        assert!(!redirected(&plain, &plain, "http://127.0.0.1:6000/x").unwrap().1);
    }

    #[test]
    fn an_upload_stays_at_its_registry() {
        let base = url("https://r.example.com");
        let digest = Digest::of(b"");
        for (location, expected) in [
            ("/v2/a/blobs/uploads/1", Some("https://r.example.com/v2/a/blobs/uploads/1?digest=")),
            ("/v2/a/up?_state=x%3D", Some("https://r.example.com/v2/a/up?_state=x%3D&digest=")),
            ("http://r.example.com:5000/v2/a/up", Some("https://r.example.com/v2/a/up?digest=")),
            ("https://evil.example.net/v2/a/up", None),
            ("//evil.example.net/up", None),
        ] {
            let found = upload(&base, location, &digest).ok();
            assert_eq!(found.is_some(), expected.is_some(), "{location}");
            assert!(
                found.iter().zip(expected).all(|(found, expected)| found.as_str().starts_with(expected)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn only_the_registry_and_the_token_service_that_the_operator_names_get_the_login() {
        let of = |host: &str, token_host: Option<&str>| RegistrySettings {
            host: host.to_owned(),
            token_host: token_host.map(str::to_owned),
            ..RegistrySettings::default()
        };
        let own = of("r.example.com", None);
        for (settings, realm, expected) in [
            (&own, "https://r.example.com/token", Some(true)),
            (&own, "https://r.example.com:8443/token", Some(true)),
            (&own, "/token", Some(true)),
            (&own, "https://evil.example.net/token", Some(false)),
            (&of("r.example.com", Some("login.example.com")), "https://login.example.com/token", Some(true)),
            (&of("r.example.com", Some("login.example.com")), "https://other.example.com/token", Some(false)),
            (&of("docker.io", None), "https://auth.docker.io/token", Some(true)),
            (&of("registry.gitlab.com", None), "https://gitlab.com/jwt/auth", Some(true)),
            (&own, "http://r.example.com/token", None),
            (&own, "http://evil.example.net/token", None),
            (&own, "https://127.0.0.1/token", None),
            (&own, "https://0.0.0.0/token", None),
            (&own, "https://a:b@r.example.com/token", None),
            (&own, "ftp://r.example.com/token", None),
        ] {
            let base = url(&settings.base());
            let found = token_service(&base, realm, settings).ok().map(|(_, may_have)| may_have);
            assert_eq!(found, expected, "{realm}");
        }
        let plain = of("127.0.0.1:5000", None);
        let base = url(&plain.base());
        assert!(token_service(&base, "http://127.0.0.1:5000/token", &plain).unwrap().1);
        assert!(token_service(&base, "http://127.0.0.1:6000/token", &plain).is_err());
    }
}

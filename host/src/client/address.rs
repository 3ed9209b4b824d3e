//! The URL of a host as people give it: taken, or refused with the URL that was probably meant.

use petrel_model::nearest::nearest;

use crate::exit::Failure;

/// How a host is spoken to.
const SCHEMES: [&str; 2] = ["http", "https"];

/// `url` with its scheme in small letters, if it is the URL of a host.
///
/// # Errors
/// When it is no URL, or more than that of a host.
pub(super) fn checked(url: &str) -> Result<String, Failure> {
    if let Some(read) = of_web(url) {
        of_host(&read)?;
        // Written out, because `http:HOST` means the same.
        let rest = url.split_once(':').map_or("", |(_, rest)| rest);
        return Ok(format!("{}://{}", read.scheme(), rest.trim_start_matches('/')));
    }
    let hint = if let Some(meant) = meant(url) {
        format!("write {meant}")
    } else if url.contains("://") {
        "write it as http://HOST:PORT or https://HOST:PORT".to_owned()
    } else {
        format!("write http://{url}, or https://{url} if the host has a certificate")
    };
    Err(Failure::usage(format!("`{url}`, from --url or PETREL_URL, is not the URL of a host"), hint))
}

/// `url`, read, if it has a host that is spoken to over HTTP.
fn of_web(url: &str) -> Option<reqwest::Url> {
    let read = reqwest::Url::parse(url).ok()?;
    (SCHEMES.contains(&read.scheme()) && read.has_host()).then_some(read)
}

/// The URL that was meant where only the scheme has a slip, as in `http//HOST`.
fn meant(url: &str) -> Option<String> {
    let (before, rest) = url.split_once("//")?;
    let scheme = nearest(before.trim_end_matches([':', ';', '.', ',']), SCHEMES)?;
    let meant = format!("{scheme}://{}", rest.trim_end_matches('/'));
    of_web(&meant).map(|_url| meant)
}

/// Refuses a URL of the API, and one with a query or a fragment: the client adds the paths below the host by itself. The
/// host itself may be below a path, behind a proxy.
fn of_host(url: &reqwest::Url) -> Result<(), Failure> {
    let path = url.path().trim_end_matches('/');
    let below =
        ["/api/v1", "/auth/v1", "/api", "/auth", "/v1"].into_iter().find(|below| path.ends_with(below));
    if below.is_none() && url.query().is_none() && url.fragment().is_none() {
        return Ok(());
    }
    let mut host = url.clone();
    host.set_path(path.strip_suffix(below.unwrap_or_default()).unwrap_or(path));
    host.set_query(None);
    host.set_fragment(None);
    let hint = format!("write {}", host.as_str().trim_end_matches('/'));
    let message = format!("`{url}`, from --url or PETREL_URL, is longer than the URL of the host");
    Err(Failure::usage(message, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_however_its_scheme_is_written() {
        for (url, taken) in [
            ("http://127.0.0.1:9101", "http://127.0.0.1:9101"),
            ("https://petrel.example.com/below", "https://petrel.example.com/below"),
            ("HTTPS://localhost:1", "https://localhost:1"),
            ("http:/127.0.0.1:9101", "http://127.0.0.1:9101"),
            ("http:127.0.0.1:9101", "http://127.0.0.1:9101"),
        ] {
            assert_eq!(checked(url).unwrap(), taken, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_host_is_told_the_one_that_was_meant() {
        for (url, hint) in [
            ("127.0.0.1:9101", "write http://127.0.0.1:9101, or https://"),
            ("localhost:9101", "write http://localhost:9101, or https://"),
            ("[::1]:9101", "write http://[::1]:9101, or https://"),
            ("ftp://127.0.0.1", "http://HOST:PORT"),
            ("http://", "http://HOST:PORT"),
            ("http//127.0.0.1:9101", "write http://127.0.0.1:9101"),
            ("https//petrel.example.com/", "write https://petrel.example.com"),
            ("htp://127.0.0.1:9101", "write http://127.0.0.1:9101"),
            ("http;//127.0.0.1:9101", "write http://127.0.0.1:9101"),
            ("http://127.0.0.1:9101/api/v1", "write http://127.0.0.1:9101"),
            ("http://127.0.0.1:9101/api/", "write http://127.0.0.1:9101"),
            ("https://petrel.example.com/below/auth/v1/", "write https://petrel.example.com/below"),
            ("http://127.0.0.1:9101/?a=b#c", "write http://127.0.0.1:9101"),
        ] {
            let refused = checked(url).unwrap_err();
            assert!(refused.hint.contains(hint) && refused.message.contains(url), "{url}: {refused}");
        }
    }
}

//! The tables of single registries in the file, `[registries."HOST"]`: how a registry is reached. What is wrong in one is told
//! with its line. The settings themselves, and what they mean, are `petrel_registry::settings`'s.

use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_registry::RegistrySettings;
use toml::de::{DeTable, DeValue};

/// The section that has these tables.
pub(super) const SECTION: &str = "registries";
/// The keys of a table.
const KEYS: [&str; 6] = ["plain_http", "ca_file", "skip_tls_verify", "proxy", "mirror", "token_host"];

/// Reads the table of a registry: its host with the line, and its content.
pub(super) fn read(
    (host, at): (&str, usize),
    table: &DeTable<'_>,
    line: &dyn Fn(usize) -> usize,
) -> Result<RegistrySettings, Vec<(usize, String)>> {
    let mut registry = RegistrySettings { host: host.to_owned(), ..RegistrySettings::default() };
    let (mut problems, mut lines) = (Vec::new(), Vec::new());
    let name = format!("{SECTION}.{}", serde_json::Value::from(&*quoted(host)));
    for (key, value) in table {
        let (key, at): (&str, _) = (key.get_ref(), line(key.span().start));
        lines.push((key.to_owned(), at));
        let text = value.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let is_on = match value.get_ref() {
            DeValue::Boolean(is_on) => Some(*is_on),
            _ => None,
        };
        let (is_known, expected) = match key {
            "plain_http" => {
                registry.plain_http = is_on;
                (is_on.is_some(), "true or false")
            }
            "skip_tls_verify" => {
                registry.skip_tls_verify = is_on.unwrap_or_default();
                (is_on.is_some(), "true or false")
            }
            "ca_file" => {
                registry.ca_file = text.clone().map(Into::into);
                (text.is_some(), "the path of a file with certificates in PEM")
            }
            "proxy" => {
                registry.proxy.clone_from(&text);
                (text.is_some(), "a URL, as \"http://proxy.example.com:3128\"")
            }
            "mirror" => {
                registry.mirror.clone_from(&text);
                (text.is_some(), "another registry, as \"mirror.example.com/cache\"")
            }
            "token_host" => {
                registry.token_host.clone_from(&text);
                (text.is_some(), "the host of the token service")
            }
            other => {
                let near = nearest(other, KEYS);
                let known = || format!("there are {}", KEYS.join(", "));
                let hint = near.map_or_else(known, |near| format!("did you mean `{near}`?"));
                problems.push((at, format!("{name}: unknown key `{}`; {hint}", quoted(other))));
                continue;
            }
        };
        if !is_known {
            problems.push((at, format!("{name}: {key} must be {expected}")));
        }
    }
    // What goes together is looked at once each key is right by itself.
    if problems.is_empty()
        && let Some((key, why)) = registry.problem()
    {
        let at = lines.iter().find(|(name, _)| name == key).map_or(at, |(_, at)| *at);
        problems.push((at, format!("{name}: {key}: {why}")));
    }
    if problems.is_empty() { Ok(registry) } else { Err(problems) }
}

/// The settings of a registry on one line. A password in the URL of a proxy is not shown.
pub(super) fn told(registry: &RegistrySettings) -> String {
    let RegistrySettings { plain_http, ca_file, skip_tls_verify, proxy, mirror, token_host, .. } = registry;
    let hidden = |url: &String| match url.rsplit_once('@') {
        Some((_, host)) => format!("...@{host}"),
        None => url.clone(),
    };
    let said = [
        plain_http.map(|is_plain| format!("plain_http = {is_plain}")),
        ca_file.as_ref().map(|file| format!("ca_file = {}", file.display())),
        skip_tls_verify.then(|| "skip_tls_verify = true".to_owned()),
        proxy.as_ref().map(|proxy| format!("proxy = {}", hidden(proxy))),
        mirror.as_ref().map(|mirror| format!("mirror = {mirror}")),
        token_host.as_ref().map(|host| format!("token_host = {host}")),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<RegistrySettings, Vec<(usize, String)>> {
        let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line = |offset: usize| ends.partition_point(|end| *end < offset) + 1;
        let parsed = DeTable::parse(text).unwrap();
        read(("r.example.com", 1), parsed.get_ref(), &line)
    }

    #[test]
    fn a_table_is_read_with_all_its_keys() {
        let text = "ca_file = \"/ca.pem\"\nskip_tls_verify = true\nproxy = \"http://ada:pw@proxy:3128\"\n\
                    mirror = \"m.example.com/cache\"\ntoken_host = \"login.example.com\"\n";
        let read = table(text).unwrap();
        assert_eq!(
            (read.host.as_str(), read.plain_http, read.skip_tls_verify),
            ("r.example.com", None, true)
        );
        assert_eq!(
            told(&read),
            "ca_file = /ca.pem, skip_tls_verify = true, proxy = ...@proxy:3128, mirror = m.example.com/cache, \
             token_host = login.example.com"
        );
        assert_eq!(table("plain_http = false").unwrap().plain_http, Some(false));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, at, says) in [
            ("plain_http = \"yes\"", 1, "plain_http must be true or false"),
            ("\nca_file = 7", 2, "ca_file must be the path"),
            ("proxy = \"proxy\"", 1, "proxy: `proxy` is not a URL"),
            ("insecure = true", 1, "unknown key `insecure`; there are plain_http"),
            ("plain_htp = true", 1, "did you mean `plain_http`?"),
            ("skip_tls_verify = true\nplain_http = true", 2, "no certificate without encryption"),
        ] {
            let problems = table(text).unwrap_err();
            assert_eq!(problems[0].0, at, "{problems:?}");
            assert!(
                problems[0].1.contains(says) && problems[0].1.starts_with("registries.\"r.example.com\""),
                "{problems:?}"
            );
        }
    }
}

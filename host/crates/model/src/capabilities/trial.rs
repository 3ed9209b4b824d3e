//! A trial: a call that its author lets do all, and the least request that would have sufficed for what it used.
//!
//! The uses are texts as the host counts them: `http RULE`, a kind of names with a name, as `kv pack`, and, of a trial alone,
//! `writes STORE` and `sent NAME PLACE RULE`.

use std::collections::BTreeMap;

use super::http::{HttpRule, MOST_PARTS, Target};
use super::named::{Named, SecretPlace, SecretUse, StoreBounds};
use super::request::{HttpWish, Request};
use super::rights::{Reach, Rights};

/// The reason that the author replaces.
const REASON: &str = "WHAT FOR";

impl Rights {
    /// The rights of a trial of `pack`, which asks for that. Variables are had by name alone.
    pub fn of_trial(pack: &str, asks: Option<&Request>) -> Self {
        let env = asks.map(|asks| asks.env.clone()).unwrap_or_default();
        Self { pack: pack.to_owned(), env, is_trial: true, ..Self::default() }
    }

    /// The way of a request of a trial. What it asks for is the request itself.
    pub(super) fn tried(target: Target<'_>) -> Reach {
        let rule = HttpRule::exactly(target, target.host.is_private());
        Reach { private: true, asked: Some(rule.to_string()) }
    }

    /// The text by which a secret that a trial sends is counted.
    pub fn tried_to_send(&self, target: Target<'_>, name: &str, place: SecretPlace) -> Option<String> {
        self.is_trial.then(|| {
            let rule = HttpRule::exactly(target, target.host.is_private());
            format!("{name} {} {rule}", place.as_str())
        })
    }
}

impl Request {
    /// The least request that would have sufficed for these uses. What no request can name is left out.
    pub fn least<'u>(uses: impl IntoIterator<Item = &'u str>) -> Self {
        let (mut request, mut rules, mut sent) = (Self::default(), Vec::new(), Vec::new());
        let mut written = Vec::new();
        for used in uses {
            let Some((kind, name)) = used.split_once(' ') else { continue };
            match kind {
                "http" => rules.extend(name.parse::<HttpRule>()),
                "writes" => written.push(name),
                "sent" => sent.extend(secret_sent(name)),
                kind => {
                    if let Some(kind) = Named::of(kind).filter(|kind| kind.check(name).is_ok()) {
                        request.names.of_mut(kind).insert(name.to_owned());
                    }
                }
            }
        }
        for store in request.names.kv.iter().filter(|store| !written.contains(&store.as_str())) {
            request.stores.insert(store.clone(), StoreBounds { writes: false, ..StoreBounds::default() });
        }
        let rules = together(together(rules, |rule| &mut rule.paths), |rule| &mut rule.methods);
        request.http = rules.into_iter().enumerate().map(|(index, rule)| wish(index, rule, &sent)).collect();
        request
    }
}

/// The secret, with the address that it is sent to.
fn secret_sent(text: &str) -> Option<(HttpRule, SecretUse)> {
    let (name, rest) = text.split_once(' ')?;
    let (place, rule) = rest.split_once(' ')?;
    let place = SecretPlace::ALL.into_iter().find(|known| known.as_str() == place)?;
    Some((rule.parse().ok()?, SecretUse { name: name.to_owned(), place }))
}

fn wish(index: usize, rule: HttpRule, sent: &[(HttpRule, SecretUse)]) -> HttpWish {
    let id = if index == 0 { "api".to_owned() } else { format!("api-{}", index + 1) };
    let there = sent.iter().filter(|(to, _)| rule.contains(to));
    let mut secrets: Vec<_> = there.map(|(_, used)| used.clone()).collect();
    secrets.sort();
    secrets.dedup();
    HttpWish { id, reason: REASON.to_owned(), rule, secrets }
}

/// The rules with those made one that differ in this part alone. An empty part is any.
fn together(rules: Vec<HttpRule>, part: fn(&mut HttpRule) -> &mut Vec<String>) -> Vec<HttpRule> {
    let mut groups: BTreeMap<HttpRule, Vec<Vec<String>>> = BTreeMap::new();
    for mut rule in rules {
        let values = std::mem::take(part(&mut rule));
        groups.entry(rule).or_default().push(values);
    }
    let made = groups.into_iter().map(|(mut rule, parts)| {
        let is_any = parts.iter().any(Vec::is_empty);
        let mut values = parts.concat();
        values.sort();
        values.dedup();
        if !is_any && values.len() <= MOST_PARTS {
            *part(&mut rule) = values;
        }
        rule.settled()
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Host;

    #[test]
    fn the_least_request_names_what_was_used_and_no_more() {
        let request = Request::least([
            "http GET https://api.example.com/users",
            "http GET https://api.example.com/teams",
            "http POST https://api.example.com/users",
            "http POST https://api.example.com/teams",
            "http DELETE https://api.example.com/users",
            "http GET http://127.0.0.1:8080/",
            "http PROPFIND/1 https://odd.example/",
            "kv pack",
            "kv notes",
            "writes notes",
            "secrets token",
            "sent token header GET https://api.example.com/teams",
            "call core.local",
            "datastore_read system.jira.url",
            "kv no such label",
            "other thing",
        ]);
        let lines: Vec<_> = request.http.iter().map(|wish| format!("{} {}", wish.id, wish.rule)).collect();
        assert_eq!(
            lines,
            [
                "api GET http://127.0.0.1:8080/",
                "api-2 GET+POST https://api.example.com/teams,/users",
                "api-3 DELETE https://api.example.com/users",
            ]
        );
        let secrets = |index: usize| request.http[index].secrets.len();
        assert_eq!((secrets(0), secrets(1), secrets(2)), (0, 1, 0));
        let names: Vec<_> =
            request.names.all().map(|(kind, name)| format!("{} {name}", kind.as_str())).collect();
        assert_eq!(
            names,
            ["call core.local", "datastore_read system.jira.url", "kv notes", "kv pack", "secrets token"]
        );
        assert_eq!((request.bounds_of("notes").writes, request.bounds_of("pack").writes), (true, false));
        assert!(Request::least([]).is_empty());
    }

    #[test]
    fn a_trial_may_do_all_and_says_what_it_did() {
        let rights = Rights::of_trial("mine", None);
        let host = Host::of("api.example.com");
        let target = Target { method: "GET", scheme: "https", host, port: 443, path: "/users" };
        let reach = rights.http(target).unwrap();
        assert_eq!(reach, Reach { private: true, asked: Some("GET https://api.example.com/users".into()) });
        assert_eq!(rights.named(Named::Kv, "pack").unwrap(), "pack");
        assert_eq!(rights.places_of(target, "token"), SecretPlace::ALL);
        assert!(rights.reads_shared("any"));
        let sent = rights.tried_to_send(target, "token", SecretPlace::Body).unwrap();
        assert_eq!(sent, "token body GET https://api.example.com/users");
        assert_eq!(Rights::default().tried_to_send(target, "token", SecretPlace::Body), None);
    }

    #[test]
    fn too_many_paths_are_any() {
        let uses: Vec<_> = (0..40).map(|number| format!("http GET https://a.example/p{number}")).collect();
        let request = Request::least(uses.iter().map(String::as_str));
        let lines: Vec<_> = request.http.iter().map(|wish| wish.rule.to_string()).collect();
        assert_eq!(lines, ["GET https://a.example/"]);
    }
}

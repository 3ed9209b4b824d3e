//! The scope of a key on the command line, as `st2` has it, and what goes into requests of it.

use clap::Args;
use serde_json::{Value, json};

use super::super::session::path_segment;
use crate::client::Client;

/// The scope of a key.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The scope: system for a key that all users share, user for one of a user
    #[arg(short, long, default_value = "system")]
    pub(super) scope: String,
    /// The user whose key it is, in the scope user; only the admin may name somebody else
    #[arg(short, long)]
    pub(super) user: Option<String>,
}

impl Place {
    /// Whether it is the scope that all users share.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.scope.as_str(), "system" | "st2kv.system")
    }

    /// The part of a query that begins with `lead`. What is so by default is left out.
    pub(super) fn query(&self, lead: char, decrypt: bool) -> String {
        let mut parts = Vec::new();
        if !self.is_shared() {
            parts.push(format!("scope={}", path_segment(&self.scope)));
        }
        parts.extend(self.user.as_ref().map(|user| format!("user={}", path_segment(user))));
        if decrypt {
            parts.push("decrypt=true".to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("{lead}{}", parts.join("&")) }
    }

    /// The flags of a command line that name it. What is so by default is left out.
    pub(super) fn flags(&self) -> String {
        let scope = if self.is_shared() { String::new() } else { format!(" --scope {}", self.scope) };
        let user = self.user.as_ref().map(|user| format!(" --user {user}")).unwrap_or_default();
        scope + &user
    }

    /// The key at `path` as it is, if it is there and may be seen.
    pub(super) async fn found(&self, client: &Client, path: &str) -> Option<Value> {
        client.get(&format!("{path}{}", self.query('?', false))).await.ok()
    }

    /// Adds what is asked for to the body of a request.
    pub(super) fn add_to(&self, body: &mut Value, flags: [(&str, bool); 2], ttl: Option<u64>) {
        let Value::Object(body) = body else { return };
        let mut add = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        if let Some(user) = &self.user {
            add("user", json!(user));
        }
        for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
            add(name, json!(true));
        }
        if let Some(ttl) = ttl {
            add("ttl", json!(ttl));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_by_default_is_left_out() {
        for (scope, user, decrypt, query) in [
            ("system", None, false, ""),
            ("system", None, true, "?decrypt=true"),
            ("user", None, false, "?scope=user"),
            ("all", Some("a b"), true, "?scope=all&user=a%20b&decrypt=true"),
        ] {
            let place = Place { scope: scope.to_owned(), user: user.map(str::to_owned) };
            assert_eq!(place.query('?', decrypt), query);
        }
    }
}

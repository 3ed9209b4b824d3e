//! `petrel pack capabilities`, `grant` and `revoke`: what a pack asks for, what it may do, and what it never needed.

use petrel_api_types::capabilities::{Ask, Capabilities};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::session::{Session, path_segment};
use crate::exit::Failure;
use crate::print;

/// Show what a pack asks for, and what it is granted
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The pack
    pub(super) pack: String,
    /// Show only what was never used since the host began
    #[arg(long)]
    unused: bool,
}

/// Grant a pack what it asks for
#[derive(Debug, clap::Args)]
pub(crate) struct Grant {
    /// The pack
    pub(super) pack: String,
    /// The capabilities, as http=https://HOST/PATH, files=HOST-DIR:GUEST-PATH, env=NAME or kv=STORE
    #[arg(value_name = "CAPABILITY", required_unless_present = "all")]
    capabilities: Vec<String>,
    /// Grant all that it asks for, apart from directories and secrets that it would see
    #[arg(long)]
    all: bool,
}

/// Take back what a pack is granted; it counts at once, for what is running too
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// The pack
    pub(super) pack: String,
    /// The capabilities, as `petrel pack capabilities` shows them
    #[arg(value_name = "CAPABILITY", required_unless_present = "all")]
    capabilities: Vec<String>,
    /// Take back all that was granted with `petrel pack grant`
    #[arg(long, conflicts_with = "capabilities")]
    all: bool,
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let query = if self.unused { "?unused=true" } else { "" };
        let answer = session.client.get(&(path(&self.pack) + query)).await?;
        session.show(&answer, |shown: Capabilities<'static>| {
            let lines = if self.unused { unused(&shown) } else { all(&shown) };
            lines.iter().for_each(|line| print::line(line));
        })
    }
}

impl Grant {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let body = json!({"grant": self.capabilities, "all": self.all});
        change(session, &self.pack, &body).await
    }
}

impl Revoke {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let body = json!({"revoke": self.capabilities, "revoke_all": self.all});
        change(session, &self.pack, &body).await
    }
}

fn path(pack: &str) -> String {
    format!("/packs/{}/grants", path_segment(pack))
}

async fn change(session: &Session, pack: &str, body: &Value) -> Result<(), Failure> {
    let answer = session.client.send_json(Method::PUT, &path(pack), body).await?;
    session.show(&answer, |shown: Capabilities<'static>| {
        all(&shown).iter().for_each(|line| print::line(line));
    })
}

/// All that a pack asks for and is granted, in lines.
fn all(shown: &Capabilities<'_>) -> Vec<String> {
    let pack = &shown.pack;
    let mut lines = Vec::new();
    if shown.asks.is_empty() {
        let what = if shown.declared { "asks for nothing" } else { "does not say what it asks for" };
        lines.push(format!("{pack} {what}"));
    } else {
        lines.push(format!("{pack} asks for"));
        lines.extend(shown.asks.iter().map(asked));
    }
    if shown.grants.is_empty() {
        lines.push("and is granted nothing".to_owned());
    } else {
        lines.push("and is granted".to_owned());
        let grants = shown.grants.iter().map(|grant| {
            let by = if grant.source == "settings" { "  (by the settings)" } else { "" };
            format!("  {}{by}", grant.capability)
        });
        lines.extend(grants);
    }
    if let Some(ceiling) = &shown.ceiling {
        let kinds = [("http", &ceiling.http), ("files", &ceiling.directories), ("env", &ceiling.env)];
        let bounded = kinds.into_iter().filter_map(|(kind, most)| Some((kind, most.as_ref()?)));
        lines.extend(bounded.map(|(kind, most)| {
            let most = if most.is_empty() { "nothing".to_owned() } else { most.join(", ") };
            format!("the settings allow any pack at most, of {kind}: {most}")
        }));
        if !ceiling.never.is_empty() {
            lines.push(format!("the settings allow no pack {}", ceiling.never.join(" or ")));
        }
    }
    lines
}

/// What a pack has never used, in lines.
fn unused(shown: &Capabilities<'_>) -> Vec<String> {
    let first = match shown.asks.as_slice() {
        [] => format!("{} has used all that is counted since the host began", shown.pack),
        _ => format!("{} has not used since the host began", shown.pack),
    };
    let mut lines = vec![first];
    lines.extend(shown.asks.iter().map(asked));
    lines.push("variables are not counted, nor is what was used before the host began".to_owned());
    lines
}

/// A line on what is asked for.
fn asked(ask: &Ask<'_>) -> String {
    let granted = match &*ask.granted {
        "all" => "granted",
        "part" => "granted in part",
        _ => "not granted",
    };
    let used = match ask.uses {
        None => String::new(),
        Some(0) => ", never used".to_owned(),
        Some(1) => ", used once".to_owned(),
        Some(uses) => format!(", used {uses} times"),
    };
    let name =
        if ask.what == ask.name || ask.kind == "files" { String::new() } else { format!(" ({})", ask.name) };
    let reason = if ask.reason.is_empty() { String::new() } else { format!(": {}", ask.reason) };
    format!("  {} {}{name}{reason}; {granted}{used}", ask.kind, ask.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_shown_with_what_it_asks_for_and_is_granted() {
        let answer = json!({
            "id": "p", "pack": "p", "declared": true,
            "asks": [
                {"kind": "http", "name": "api", "what": "GET https://a.example/", "reason": "reads", "granted": "part", "uses": 2},
                {"kind": "files", "name": "/data", "what": "/data:ro", "reason": "r", "granted": "nothing", "uses": 0},
                {"kind": "env", "name": "TZ", "what": "TZ", "granted": "all"},
                {"kind": "kv", "name": "state", "what": "state", "granted": "nothing", "uses": 0},
            ],
            "grants": [
                {"capability": "http=https://a.example/x", "source": "settings"}, {"capability": "env=TZ", "source": "grant"},
            ],
            "ceiling": {"env": ["TZ"], "http": []},
        });
        let shown: Capabilities<'static> = serde_json::from_value(answer).unwrap();
        assert_eq!(
            all(&shown),
            [
                "p asks for",
                "  http GET https://a.example/ (api): reads; granted in part, used 2 times",
                "  files /data:ro: r; not granted, never used",
                "  env TZ; granted",
                "  kv state; not granted, never used",
                "and is granted",
                "  http=https://a.example/x  (by the settings)",
                "  env=TZ",
                "the settings allow any pack at most, of http: nothing",
                "the settings allow any pack at most, of env: TZ",
            ]
        );
        assert_eq!(unused(&shown)[0], "p has not used since the host began");
    }

    #[test]
    fn a_pack_that_asks_for_nothing_says_so() {
        for (declared, says) in [(true, "p asks for nothing"), (false, "p does not say what it asks for")] {
            let answer = json!({"id": "p", "pack": "p", "declared": declared});
            let shown: Capabilities<'static> = serde_json::from_value(answer).unwrap();
            assert_eq!(all(&shown), [says, "and is granted nothing"]);
            assert!(unused(&shown)[0].contains("all that is counted"));
        }
    }
}

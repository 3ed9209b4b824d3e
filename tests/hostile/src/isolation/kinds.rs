//! What is done to a host beside the innocent: each kind of hostile load, and what it needs to be there first.

use std::collections::VecDeque;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use petrel_test_support::{Answer, Broken, Client};
use serde_json::{Value, json};

use crate::victim;

/// A pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(50);
/// How many connections a flood opens.
const FLOOD: usize = 4_096;
/// How many bodies come slowly, and how slowly a byte of each.
const SLOW: (usize, Duration) = (512, Duration::from_millis(500));
/// How many items a workflow has.
const ITEMS: usize = 100_000;
/// How large a body may be, in bytes.
const LARGEST: usize = 10 << 20;

/// Templates that take more than they look like.
const BOMBS: [&str; 3] = [
    "{% for x in trigger.body.list %}{{ trigger.body | to_json_string | length }}{% endfor %}",
    "{% set box = namespace(text='xxxxxxxx') %}{% for x in range(60) %}{% set box.text = box.text ~ box.text %}{% endfor %}{{ box.text | length }}",
    "{% for x in trigger.body.list %}{{ trigger.body.text | regex_search('(x+x+)+y') }}{% endfor %}",
];

/// A kind of hostile load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Events of 10 MiB, mostly numbers.
    LargeEvents,
    /// Events whose rules have templates that take more than they look like.
    TemplateBombs,
    /// A workflow with 100,000 items.
    ManyItems,
    /// Executions that are asked for and canceled, one after the other.
    Cancels,
    /// Connections that are opened and idle, by the thousand.
    IdleConnections,
    /// Requests whose bodies come a byte at a time.
    SlowBodies,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::LargeEvents,
        Self::TemplateBombs,
        Self::ManyItems,
        Self::Cancels,
        Self::IdleConnections,
        Self::SlowBodies,
    ];

    /// As it is asked for and printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LargeEvents => "large-events",
            Self::TemplateBombs => "template-bombs",
            Self::ManyItems => "many-items",
            Self::Cancels => "cancels",
            Self::IdleConnections => "idle-connections",
            Self::SlowBodies => "slow-bodies",
        }
    }

    /// How many attackers there are.
    pub(super) fn attackers(self) -> usize {
        match self {
            Self::LargeEvents => 4,
            Self::TemplateBombs => BOMBS.len(),
            Self::Cancels => 8,
            Self::ManyItems | Self::IdleConnections | Self::SlowBodies => 1,
        }
    }

    /// Attacks until it is over, as the attacker of this number.
    pub(super) fn attack(self, scene: &Scene, number: usize, is_over: &AtomicBool) {
        let go_on = || !is_over.load(Ordering::Relaxed);
        match self {
            Self::LargeEvents => scene.repeat("large", &scene.large, go_on),
            Self::TemplateBombs => scene.repeat(&format!("bomb{number}"), &scene.bomb, go_on),
            Self::ManyItems => scene.items(go_on),
            Self::Cancels => scene.cancels(go_on),
            Self::IdleConnections => scene.idle_connections(go_on),
            Self::SlowBodies => scene.slow_bodies(go_on),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.with_context(|| format!("there is no load `{name}`; there are {names}"))
    }
}

/// A host that is ready for everybody.
#[derive(Debug)]
pub(super) struct Scene {
    /// Where it listens.
    pub(super) address: String,
    /// The admin's token.
    pub(super) token: String,
    large: Vec<u8>,
    bomb: Vec<u8>,
    items: Vec<u8>,
}

impl Scene {
    /// Makes the rules of the innocent and of all others; the pack lies in `directory`.
    pub(super) fn prepare(address: &str, token: &str, directory: &Path) -> anyhow::Result<Self> {
        let numbers = |count: usize| vec!["1"; count].join(",");
        let padding = "x".repeat(700_000);
        let scene = Self {
            address: address.to_owned(),
            token: token.to_owned(),
            large: format!("{{\"n\":[{}]}}", numbers((LARGEST - 16) / 2)).into_bytes(),
            bomb: format!("{{\"list\":[{}],\"text\":\"{padding}\"}}", numbers(500)).into_bytes(),
            items: format!(
                "{{\"action\":\"isolation.many\",\"parameters\":{{\"list\":[{}]}}}}",
                numbers(ITEMS)
            )
            .into_bytes(),
        };
        let mut client = scene.client();
        for name in ["innocent", "ordinary", "large"] {
            let criteria = json!({"trigger.body.kind": {"type": "equals", "pattern": "alert"}});
            rule(&mut client, name, &criteria, &json!({"ref": "core.noop"}))?;
        }
        for (number, bomb) in BOMBS.iter().enumerate() {
            let action = json!({"ref": "core.echo", "parameters": {"message": bomb}});
            rule(&mut client, &format!("bomb{number}"), &json!({}), &action)?;
        }
        let pack = write_pack(directory)?;
        must(&mut client, "/packs/register", &json!({"path": pack}), 200)?;
        Ok(scene)
    }

    /// A client with the admin's token.
    pub(super) fn client(&self) -> Client {
        victim::client(&self.address, &self.token)
    }

    /// Sends the same event again and again.
    fn repeat(&self, webhook: &str, body: &[u8], go_on: impl Fn() -> bool) {
        let mut client = self.client();
        let path = format!("/webhooks/{webhook}");
        while go_on() {
            if !post(&mut client, &path, body).is_ok_and(|answer| answer.status == 202) {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Keeps a workflow with many items running.
    fn items(&self, go_on: impl Fn() -> bool) {
        let mut client = self.client();
        while go_on() {
            let id = post(&mut client, "/executions", &self.items).ok().and_then(|answer| id(&answer));
            let path = id.map(|id| format!("/api/v1/executions/{id}?include_attributes=status"));
            while let Some(path) = &path
                && go_on()
            {
                std::thread::sleep(PAUSE * 4);
                let answer = client.get(path).ok();
                let status = answer.and_then(|answer| answer.json().ok());
                let status = status.and_then(|shown| Some(shown.get("status")?.as_str()?.to_owned()));
                if status.is_some_and(|status| {
                    ["succeeded", "failed", "canceled", "timeout"].contains(&status.as_str())
                }) {
                    break;
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Asks for executions that are due much later, and cancels them.
    fn cancels(&self, go_on: impl Fn() -> bool) {
        let mut client = self.client();
        let body = json!({"action": "core.noop", "delay": 3_600_000}).to_string();
        while go_on() {
            let asked = post(&mut client, "/executions", body.as_bytes()).ok();
            match asked.and_then(|answer| id(&answer)) {
                // What the answer is does not matter to the innocent.
                Some(id) => {
                    drop(client.send("DELETE", &format!("/api/v1/executions/{id}"), b""));
                }
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Holds as many connections as the host lets it, and takes new ones for the oldest.
    fn idle_connections(&self, go_on: impl Fn() -> bool) {
        let Ok(address) = self.address.parse::<SocketAddr>() else { return };
        let mut held = VecDeque::new();
        while go_on() {
            match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                Ok(stream) => held.push_back(stream),
                Err(_refused) => std::thread::sleep(PAUSE),
            }
            if held.len() >= FLOOD {
                held.drain(..FLOOD / 16);
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Sends many bodies, a byte of each at a time.
    fn slow_bodies(&self, go_on: impl Fn() -> bool) {
        let Ok(address) = self.address.parse::<SocketAddr>() else { return };
        let head = format!(
            "POST /api/v1/webhooks/ordinary HTTP/1.1\r\nHost: petrel\r\nX-Auth-Token: {}\r\nContent-Length: 1000000\r\n\r\n",
            self.token
        );
        let (many, pause) = SLOW;
        let mut held: Vec<TcpStream> = Vec::new();
        while go_on() {
            // Whom the host has hung up on is replaced.
            held.retain_mut(|stream| stream.write_all(b" ").is_ok());
            while held.len() < many && go_on() {
                let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
                    break;
                };
                let is_ready = stream.set_write_timeout(Some(PAUSE)).is_ok();
                if is_ready && stream.write_all(head.as_bytes()).is_ok() {
                    held.push(stream);
                }
            }
            std::thread::sleep(pause);
        }
    }
}

fn rule(client: &mut Client, name: &str, criteria: &Value, action: &Value) -> anyhow::Result<()> {
    let rule = json!({
        "name": name, "pack": "isolation", "enabled": true, "criteria": criteria, "action": action,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": name}},
    });
    must(client, "/rules", &rule, 201)
}

fn must(client: &mut Client, path: &str, body: &Value, status: u16) -> anyhow::Result<()> {
    let answer = post(client, path, body.to_string().as_bytes());
    let answer = answer.map_err(|broken| anyhow::anyhow!("POST {path} was not answered: {broken:?}"))?;
    ensure!(answer.status == status, "POST {path} was answered with {}: {}", answer.status, answer.text());
    Ok(())
}

/// Sends to a path below `/api/v1`.
fn post(client: &mut Client, path: &str, body: &[u8]) -> Result<Answer, Broken> {
    client.send("POST", &format!("/api/v1{path}"), body)
}

/// The id of what was made.
fn id(answer: &Answer) -> Option<String> {
    let made = answer.json().ok()?;
    Some(made.get("id")?.as_str()?.to_owned())
}

/// A pack with a workflow of as many items as it is given.
fn write_pack(directory: &Path) -> std::io::Result<PathBuf> {
    let pack = directory.join("isolation");
    fs::create_dir_all(pack.join("actions/workflows"))?;
    fs::write(
        pack.join("pack.yaml"),
        "ref: isolation\nname: isolation\ndescription: Many items.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    )?;
    fs::write(
        pack.join("actions/many.yaml"),
        "name: many\nrunner_type: orquesta\nentry_point: workflows/many.yaml\nenabled: true\nparameters: {list: {type: array}}\n",
    )?;
    fs::write(
        pack.join("actions/workflows/many.yaml"),
        "version: 1.0\ninput: [list]\ntasks: {all: {with: {items: <% ctx().list %>}, action: core.noop}}\n",
    )?;
    Ok(pack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_asked_for_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse::<Kind>().ok(), Some(kind));
        }
        assert!("nothing".parse::<Kind>().unwrap_err().to_string().contains("slow-bodies"));
    }
}

//! Reads back what a host has: every list, and everything in it by its name. What it took in must be there.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use petrel_test_support::{Answer, Broken, Client};
use serde_json::Value;

use super::findings::Findings;
use super::known::Known;
use super::request::escaped;
use crate::routes::Route;

/// How long a page is.
const PAGE: usize = 200;
/// What only grows, newest first: read on from where the last look ended.
const GROWING: [&str; 2] = ["executions", "triggerinstances"];
/// What is found by way of others, so that a page has to do.
const BY_PAGE: [&str; 1] = ["ruleenforcements"];
/// What does not come in pages.
const WHOLE: [&str; 6] = ["keys", "webhooks", "log", "status", "user", "hold"];
/// What is trimmed at each look, and to how many: each of them costs every event something, and is kept in memory.
const TRIMMED: [(&str, usize); 4] = [("apikeys", 40), ("keys", 20), ("rules", 60), ("users", 12)];
/// What hangs below a thing (output, children) is read for every so manyeth.
const BELOW: usize = 8;

/// Reads hosts, and remembers how far.
#[derive(Debug)]
pub(crate) struct Reading {
    routes: Vec<Route>,
    /// The newest id that was read, by resource.
    newest: BTreeMap<String, String>,
}

/// A host that is read, and where to say what is wrong.
pub(crate) struct Reader<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) findings: &'a Findings,
    /// How long the host keeps executions and events at least.
    pub(crate) kept: Duration,
}

impl Reader<'_> {
    /// What is at a path, which must be there.
    fn read(&mut self, path: &str) -> Result<Option<Answer>, Broken> {
        let answer = match self.client.get(path) {
            Ok(answer) => answer,
            Err(broken @ Broken::Unreachable(_)) => return Err(broken),
            Err(broken) => {
                self.findings.other(&format!("GET {} is not answered: {broken:?}", shortened(path)));
                return Ok(None);
            }
        };
        if answer.status == 404 && self.may_be_deleted(path) {
            return Ok(None);
        }
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            let said: String = said.chars().take(200).collect();
            self.findings.other(&format!("GET {} is {}: {said}", shortened(path), answer.status));
            return Ok(None);
        }
        Ok(Some(answer))
    }

    /// Whether what is at a path is so old that the host may have deleted it since it was listed.
    fn may_be_deleted(&self, path: &str) -> bool {
        let created = path
            .split('/')
            .find(|part| is_id(part))
            .and_then(|id| u64::from_str_radix(id.get(..12)?, 16).ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        created.is_some_and(|milliseconds| Duration::from_millis(milliseconds) + self.kept <= now)
    }

    fn delete(&mut self, path: &str) -> Result<(), Broken> {
        match self.client.send("DELETE", path, b"") {
            Err(broken @ Broken::Unreachable(_)) => return Err(broken),
            Ok(answer) if answer.status < 300 => {}
            other => self.findings.other(&format!(
                "DELETE {} gives {:?}",
                shortened(path),
                other.map(|answer| answer.status)
            )),
        }
        Ok(())
    }
}

/// Whether a part of a path is an id: 48 bits of Unix milliseconds and 48 of others, in hexadecimal digits.
fn is_id(part: &str) -> bool {
    part.len() == 24 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A path without ids, so that the same fault is the same finding.
fn shortened(path: &str) -> String {
    let part = |part: &str| if is_id(part) { "ID".to_owned() } else { part.chars().take(40).collect() };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.split('/').map(part).collect::<Vec<_>>().join("/");
    if query.is_empty() { path } else { format!("{path}?...") }
}

impl Reading {
    /// Reads by these routes.
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let newest = BTreeMap::new();
        Self { routes, newest }
    }

    /// Reads everything that is new, or everything there is; says what is known then.
    ///
    /// # Errors
    /// When nobody answers any more.
    pub(crate) fn look(&mut self, reader: &mut Reader<'_>, is_whole: bool) -> Result<Known, Broken> {
        let mut known = Known::default();
        if is_whole {
            self.newest.clear();
        }
        let resources: Vec<String> = self.lists().map(str::to_owned).collect();
        for resource in &resources {
            let mut names = self.list(reader, resource)?;
            if let Some((_, most)) = TRIMMED.iter().find(|(trimmed, _)| trimmed == resource) {
                for name in names.split_off(names.len().min(*most)).iter().filter(|name| *name != "admin") {
                    reader.delete(&format!("/api/v1/{resource}/{}", escaped(name)))?;
                }
            }
            self.each(reader, resource, &names)?;
            // Nobody takes the admin's own account away: it is what the harness comes in with.
            names.retain(|name| resource != "users" || name != "admin");
            known.put(resource, names);
        }
        if is_whole {
            reader.read("/api/v1/backup")?;
        }
        Ok(known)
    }

    /// What can be listed.
    fn lists(&self) -> impl Iterator<Item = &str> {
        let is_list = |route: &&Route| {
            route.methods.contains(&"GET")
                && route.path.starts_with("/api/v1/")
                && route.resource_path().matches('/').count() == 1
                && route.resource() != "backup"
        };
        self.routes.iter().filter(is_list).map(Route::resource)
    }

    /// The names in a list; nothing of what is no list.
    fn list(&mut self, reader: &mut Reader<'_>, resource: &str) -> Result<Vec<String>, Broken> {
        let is_growing = GROWING.contains(&resource);
        let known = self.newest.get(resource).cloned().unwrap_or_default();
        let (mut names, mut before): (Vec<String>, _) = (Vec::new(), String::new());
        loop {
            let query = match resource {
                whole if WHOLE.contains(&whole) => String::new(),
                paged if is_growing || BY_PAGE.contains(&paged) => format!("?limit={PAGE}{before}"),
                _ => "?limit=-1".to_owned(),
            };
            let Some(answer) = reader.read(&format!("/api/v1/{resource}{query}"))? else { break };
            let Ok(Value::Array(items)) = serde_json::from_slice(&answer.body) else { break };
            let found: Vec<String> = items.iter().filter_map(|item| name(resource, item)).collect();
            let is_last = items.len() < PAGE || found.last().is_none_or(|last| *last <= known);
            before = found.last().map(|last| format!("&before={last}")).unwrap_or_default();
            names.extend(found.into_iter().filter(|name| !is_growing || *name > known));
            if !is_growing || is_last {
                break;
            }
        }
        if let (true, Some(newest)) = (is_growing, names.first()) {
            self.newest.insert(resource.to_owned(), newest.clone());
        }
        Ok(names)
    }

    /// Reads everything of these names.
    fn each(&self, reader: &mut Reader<'_>, resource: &str, names: &[String]) -> Result<(), Broken> {
        let is_by_name = |route: &&Route| {
            route.resource() == resource
                && route.path.starts_with("/api/v1/")
                && route.variables() == 1
                && route.methods.contains(&"GET")
        };
        for route in self.routes.iter().filter(is_by_name) {
            let Some((before, rest)) = route.path.split_once('{') else { continue };
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            let step = if after.is_empty() { 1 } else { BELOW };
            for name in names.iter().step_by(step) {
                reader.read(&format!("{before}{}{after}", escaped(name)))?;
            }
        }
        Ok(())
    }
}

/// By what an item of a list is asked for; the address of a webhook.
fn name(resource: &str, item: &Value) -> Option<String> {
    let pointer = match resource {
        "rules" | "actions" | "triggers" => "/ref",
        "keys" | "users" | "runnertypes" => "/name",
        "configs" | "config_schemas" => "/pack",
        "webhooks" => "/parameters/url",
        _ => "/id",
    };
    item.pointer(pointer)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes;

    #[test]
    fn what_can_be_listed_is_found_by_the_routes() {
        let reading = Reading::new(routes::all());
        let lists: Vec<&str> = reading.lists().collect();
        for resource in
            ["actions", "executions", "rules", "ruleenforcements", "triggerinstances", "keys", "packs"]
        {
            assert!(lists.contains(&resource), "{lists:?}");
        }
        assert!(!lists.contains(&"backup"));
    }

    #[test]
    fn the_same_fault_is_the_same_finding() {
        assert_eq!(
            shortened("/api/v1/executions/0123456789abcdef01234567/output"),
            "/api/v1/executions/ID/output"
        );
        assert_eq!(shortened("/api/v1/executions?limit=5"), "/api/v1/executions?...");
    }
}

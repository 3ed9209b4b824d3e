//! The capabilities that a pack asks for: `capabilities` of `pack.yaml`.
//!
//! ```yaml
//! capabilities:
//!   http:
//!     - id: api                     # for commands; the host if it is left out
//!       reason: Read and change issues
//!       host: "*.example.com"       # a name, *.domain, an address, or * for any
//!       schemes: [https]            # https if left out
//!       ports: [443]                # those of the schemes if left out; ["*"] for any
//!       methods: [GET, POST]        # any if left out
//!       paths: [/rest/api]          # with all below; any if left out
//!       private: false              # whether the host may be in a private network
//!       secrets: [{name: api_token, in: [header]}]  # header, query or body; header if left out
//!   files:
//!     - {path: /data, access: ro, reason: Templates}
//!   env: [TZ]
//!   secrets:                        # a list is that of use
//!     use: [api_token]              # sent by the host, and not seen by components
//!     reveal: []                    # seen by components
//!   kv:                             # a list is that of stores
//!     stores:
//!       - {name: pack, access: [read, write], quota: {keys: 10000, bytes: 16MiB, value: 1MiB}}
//!     datastore_read: [system.jira.*]
//!     datastore_write: []
//!   call: [core.local]              # actions that are called; PACK.* for all of a pack
//! ```

mod named;
mod written;

use petrel_model::capabilities::{
    ASKED, Access, FileWish, HostPattern, HttpRule, HttpWish, InvalidCapability, MOST, Request,
    check_guest_path, check_method, check_path, check_variable,
};
use petrel_yaml::Node;

use crate::fields::{Fields, Problems};
use crate::problem::{Position, short};
use crate::suggestion::suggestion;
pub use written::written_capabilities;

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 200;
/// The longest name of an address, in bytes.
const LONGEST_NAME: usize = 64;
/// The most methods, ports and paths of an address.
const MOST_PARTS: usize = 32;

/// The capabilities that a pack asks for. `None` if it does not say so.
pub(super) fn capabilities(pack: Fields<'_>, problems: &mut Problems) -> Option<Request> {
    if !pack.has("capabilities") {
        return None;
    }
    let Some(node) = pack.get("capabilities") else { return Some(Request::default()) };
    let fields = Fields::of(node, "capabilities", problems)?;
    fields.refuse_unknown(&ASKED, &[], problems);
    let mut request = Request::default();
    for node in list(fields, "http", problems) {
        if let Some(wish) = http(node, problems) {
            if request.http.iter().any(|known| known.id == wish.id) {
                let message =
                    format!("two entries of http have the id {}; give one another id", short(&wish.id));
                problems.add(node.position, message);
            }
            request.http.push(wish);
        }
    }
    for node in list(fields, "files", problems) {
        if let Some(wish) = file(node, problems) {
            if request.files.iter().any(|known| known.path == wish.path) {
                let message = format!("files has {} twice; remove one", short(&wish.path));
                problems.add(node.position, message);
            }
            request.files.push(wish);
        }
    }
    request.env = names(fields, "env", problems, check_variable);
    named::read(fields, &mut request, problems);
    Some(request)
}

/// A list of a kind, of which there may be so many.
fn list<'a>(fields: Fields<'a>, kind: &str, problems: &mut Problems) -> &'a [Node] {
    let list = fields.list(kind, problems);
    if list.len() > MOST {
        let message =
            format!("{kind} has {} entries, and {MOST} is the limit; ask for wider ones", list.len());
        problems.add(fields.position(kind), message);
    }
    list.get(..MOST).unwrap_or(list)
}

/// Adds the problem of a value that cannot be read.
fn noted<T>(result: Result<T, InvalidCapability>, position: Position, problems: &mut Problems) -> Option<T> {
    result.map_err(|error| problems.add(position, error.to_string())).ok()
}

fn http(node: &Node, problems: &mut Problems) -> Option<HttpWish> {
    const KNOWN: [&str; 9] =
        ["id", "reason", "host", "schemes", "ports", "methods", "paths", "private", "secrets"];
    let like = || "{host: api.example.com, reason: WHAT FOR}".to_owned();
    let fields = Fields::of_like(node, "an entry of http", like, problems)?;
    fields.refuse_unknown(&KNOWN, &[], problems);
    let reason = reason(fields, problems);
    let host = fields.required_text("host", problems)?;
    let pattern = noted(alone(&host), fields.position("host"), problems);
    let id = fields.text("id", problems).unwrap_or(host);
    if fields.has("id") {
        noted(check_name(&id), fields.position("id"), problems);
    }
    let schemes = schemes(fields, problems);
    let ports = ports(fields, &schemes, problems)?;
    let parts = |name: &str, problems: &mut Problems| {
        let parts = fields.texts(name, problems);
        if parts.len() > MOST_PARTS {
            let message = format!("{name} has {} entries, and {MOST_PARTS} is the limit", parts.len());
            problems.add(fields.position(name), format!("{message}; make several entries of http"));
        }
        parts
    };
    let mut methods = Vec::new();
    for method in parts("methods", problems) {
        methods.extend(noted(check_method(&method), fields.position("methods"), problems));
    }
    let mut paths = Vec::new();
    for path in parts("paths", problems) {
        paths.extend(noted(check_path(&path).map(str::to_owned), fields.position("paths"), problems));
    }
    let private = fields.flag("private", false, problems);
    let secrets = named::sent(fields, problems);
    let rule = HttpRule { schemes, host: pattern?, ports, methods, paths, private };
    Some(HttpWish { id, reason: reason?, rule: rule.settled(), secrets })
}

/// The host alone: what else an address has is in other fields.
fn alone(text: &str) -> Result<HostPattern, InvalidCapability> {
    text.parse::<HostPattern>().map_err(|error| {
        let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let Ok(rule) = address.parse::<HttpRule>() else { return error };
        let remedy = format!(
            "write host: \"{}\", and the rest of the address as schemes, ports and paths, such as ports: [8080]",
            rule.host
        );
        InvalidCapability { remedy, ..error }
    })
}

fn schemes(fields: Fields<'_>, problems: &mut Problems) -> Vec<String> {
    let known = ["http", "https"];
    let written = fields.texts("schemes", problems);
    for scheme in written.iter().filter(|scheme| !known.contains(&scheme.as_str())) {
        let message = format!("{} is no scheme; {}", short(scheme), suggestion(scheme, &known));
        problems.add(fields.position("schemes"), message);
    }
    if written.is_empty() { vec!["https".to_owned()] } else { written }
}

/// The ports; empty for any.
fn ports(fields: Fields<'_>, schemes: &[String], problems: &mut Problems) -> Option<Vec<u16>> {
    let written = fields.texts("ports", problems);
    if written.is_empty() {
        return Some(schemes.iter().map(|scheme| if scheme == "https" { 443 } else { 80 }).collect());
    }
    if written.iter().any(|port| port == "*") {
        return Some(Vec::new());
    }
    let read = written.iter().map(|port| port.parse().ok().filter(|port| *port > 0));
    let ports = read.collect::<Option<Vec<u16>>>().filter(|ports| ports.len() <= MOST_PARTS);
    if ports.is_none() {
        let message = "ports must be a list of at most 32 numbers from 1 to 65535; write [443], or [\"*\"] for any port";
        problems.add(fields.position("ports"), message);
    }
    ports
}

fn file(node: &Node, problems: &mut Problems) -> Option<FileWish> {
    let like = || "{path: /data, reason: WHAT FOR}".to_owned();
    let fields = Fields::of_like(node, "an entry of files", like, problems)?;
    fields.refuse_unknown(&["path", "access", "reason"], &[], problems);
    let reason = reason(fields, problems);
    let path = fields.required_text("path", problems)?;
    noted(check_guest_path(&path), fields.position("path"), problems);
    let access = match fields.text("access", problems).as_deref() {
        None | Some("ro") => Access::ReadOnly,
        Some("rw") => Access::ReadWrite,
        Some(other) => {
            let message = format!("access is {}; write ro to read, or rw to read and write", short(other));
            problems.add(fields.position("access"), message);
            Access::ReadOnly
        }
    };
    Some(FileWish { path, access, reason: reason? })
}

/// What for: it is shown to the operator, in one line.
fn reason(fields: Fields<'_>, problems: &mut Problems) -> Option<String> {
    let reason = fields.required_text("reason", problems)?;
    if reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
        let message = format!("the reason must be one line of at most {LONGEST_REASON} bytes; shorten it");
        problems.add(fields.position("reason"), message);
    }
    Some(reason)
}

/// A list of names, each once.
fn names(
    fields: Fields<'_>,
    kind: &str,
    problems: &mut Problems,
    check: impl Fn(&str) -> Result<(), InvalidCapability>,
) -> Vec<String> {
    let mut names = fields.texts(kind, problems);
    if names.len() > MOST {
        let message = format!("{kind} has {} entries, and {MOST} is the limit", names.len());
        problems.add(fields.position(kind), message);
    }
    names.truncate(MOST);
    for name in &names {
        noted(check(name), fields.position(kind), problems);
    }
    names.sort();
    names.dedup();
    names
}

/// Checks a name within a pack.
fn check_name(name: &str) -> Result<(), InvalidCapability> {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_sign) {
        return Ok(());
    }
    let remedy = "write at most 64 letters, digits, _, - and .".to_owned();
    Err(InvalidCapability { text: short(name).into_owned(), reason: "is no name".to_owned(), remedy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::read_pack_definition;

    fn read(capabilities: &str) -> Result<Option<Request>, String> {
        let text = format!("ref: p\nname: p\ndescription: d\nversion: 1.0.0\nauthor: a\n{capabilities}");
        let read = read_pack_definition("pack.yaml", &text);
        read.map(|definition| definition.pack.capabilities.map(|request| *request))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_request_is_read_with_its_defaults() {
        assert_eq!(read("").unwrap(), None);
        for nothing in ["capabilities:\n", "capabilities: {}\n"] {
            assert_eq!(read(nothing).unwrap(), Some(Request::default()), "{nothing}");
        }
        let request = read(
            "capabilities:\n  http:\n    - {reason: r, host: a.example}\n    - {id: any, reason: r, host: '*', schemes: [http, https], ports: ['*'], methods: [get], paths: [/x/, /], private: true}\n  files:\n    - {path: /data, reason: r}\n    - {path: /out, access: rw, reason: r}\n  env: [TZ]\n  secrets: [token]\n  kv: [state]\n",
        )
        .unwrap()
        .unwrap();
        let http: Vec<_> =
            request.http.iter().map(|wish| (wish.id.as_str(), wish.rule.to_string())).collect();
        assert_eq!(
            http,
            [("a.example", "https://a.example/".into()), ("any", "GET private+http+https://*:*/".into())]
        );
        let files: Vec<_> = request.files.iter().map(ToString::to_string).collect();
        assert_eq!(files, ["/data:ro", "/out:rw"]);
        let names: Vec<_> =
            request.names.all().map(|(kind, name)| format!("{} {name}", kind.as_str())).collect();
        assert_eq!(
            (request.env, names),
            (vec!["TZ".into()], vec!["kv state".into(), "secrets token".into()])
        );
    }

    #[test]
    fn names_are_read_with_their_bounds_and_places() {
        let request = read(
            "capabilities:\n  call: [core.*]\n  http:\n    - {reason: r, host: a.example, secrets: [one, {name: two, in: [query, body]}]}\n  kv:\n    stores: [pack, {name: cache, access: [read], quota: {keys: 10, bytes: 1MiB, value: 2KiB}}]\n    datastore_read: [system.a.*]\n    datastore_write: [system.a.b]\n  secrets: {use: [one, two], reveal: [three]}\n",
        )
        .unwrap()
        .unwrap();
        let names: Vec<_> =
            request.names.all().map(|(kind, name)| format!("{} {name}", kind.as_str())).collect();
        assert_eq!(
            names,
            [
                "call core.*",
                "datastore_read system.a.*",
                "datastore_write system.a.b",
                "kv cache",
                "kv pack",
                "reveal three",
                "secrets one",
                "secrets two",
            ]
        );
        let cache = request.bounds_of("cache");
        assert_eq!((cache.writes, cache.keys, cache.bytes, cache.value), (false, 10, 1 << 20, 2 << 10));
        assert!(request.bounds_of("pack").writes && request.stores.len() == 1);
        let sent: Vec<_> = request.http[0]
            .secrets
            .iter()
            .map(|used| format!("{} {}", used.name, used.place.as_str()))
            .collect();
        assert_eq!(sent, ["one header", "two query", "two body"]);
    }

    #[test]
    fn what_is_no_request_is_refused_with_a_remedy() {
        for (capabilities, says) in [
            ("capabilities: [http]", "must be a mapping"),
            ("capabilities: {htp: []}", "did you mean http?"),
            ("capabilities: {network: []}", "known are call, env, files, http, kv, secrets"),
            ("capabilities: {http: [{host: a.example}]}", "needs a field reason"),
            ("capabilities: {http: [{reason: r}]}", "needs a field host"),
            ("capabilities: {http: [{reason: r, host: 'a b'}]}", "is no host"),
            (
                "capabilities: {http: [{reason: r, host: 'a.example:8080'}]}",
                "write host: \"a.example\", and the rest",
            ),
            (
                "capabilities: {http: [{reason: r, host: 'http://a.example/x'}]}",
                "write host: \"a.example\", and the rest",
            ),
            ("capabilities: {http: [a.example]}", "write {host: api.example.com, reason: WHAT FOR}"),
            ("capabilities: {files: [/data]}", "write {path: /data, reason: WHAT FOR}"),
            ("capabilities: {http: [{reason: r, host: a.example, method: [GET]}]}", "did you mean methods?"),
            ("capabilities: {http: [{reason: r, host: a.example, schemes: [htps]}]}", "did you mean https?"),
            ("capabilities: {http: [{reason: r, host: a.example, ports: [0]}]}", "from 1 to 65535"),
            ("capabilities: {http: [{reason: r, host: a.example, methods: [G3T]}]}", "is no method"),
            ("capabilities: {http: [{reason: r, host: a.example, paths: [x]}]}", "does not begin with /"),
            (
                "capabilities: {http: [{reason: r, host: a.example}, {reason: r, host: a.example}]}",
                "give one another id",
            ),
            ("capabilities: {files: [{path: data, reason: r}]}", "write it as /data"),
            ("capabilities: {files: [{path: /data, access: write, reason: r}]}", "write ro to read"),
            ("capabilities: {env: [PETREL_TOKEN]}", "of the host itself"),
            ("capabilities: {secrets: ['a b']}", "is no name"),
            ("capabilities: {secrets: {reveel: [a]}}", "did you mean reveal?"),
            (
                "capabilities: {http: [{reason: r, host: a.example, secrets: [a]}]}",
                "add it to use of secrets",
            ),
            (
                "capabilities: {secrets: [a], http: [{reason: r, host: a.example, secrets: [{name: a, in: [headr]}]}]}",
                "did you mean header?",
            ),
            ("capabilities: {call: [local]}", "write PACK.NAME"),
            ("capabilities: {kv: [system]}", "datastore_read and datastore_write"),
            ("capabilities: {kv: {datastore_read: [jira.*]}}", "write system. and the key"),
            ("capabilities: {kv: {stores: [{name: pack, access: [reed]}]}}", "did you mean read?"),
            (
                "capabilities: {kv: {stores: [{name: pack, quota: {bytes: 1GiB}}]}}",
                "write it as 1000 or 16MiB",
            ),
            ("capabilities: {env: TZ}", "must be a list, and is a text"),
        ] {
            let told = read(&format!("{capabilities}\n")).unwrap_err();
            assert!(told.contains(says), "{capabilities}: {told}");
            assert!(told.matches("must be a list").count() < 2, "{capabilities}: it is told once: {told}");
        }
    }
}

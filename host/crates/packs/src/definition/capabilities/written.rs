//! What a pack asks for, as it is written in its `pack.yaml`.

use std::collections::BTreeSet;

use petrel_model::Object;
use petrel_model::capabilities::{HttpRule, HttpWish, Request, SecretUse};
use serde_json::{Value, json};

/// The value of `capabilities` that is read as this request, apart from the bounds of stores in keys and bytes.
pub fn written_capabilities(request: &Request) -> Value {
    let files = request.files.iter();
    let files =
        files.map(|wish| json!({"path": wish.path, "access": wish.access.as_str(), "reason": wish.reason}));
    let stores = request.names.kv.iter().map(|name| {
        let is_whole = request.bounds_of(name).writes;
        if is_whole { json!(name) } else { json!({"name": name, "access": ["read"]}) }
    });
    let names = &request.names;
    let kv = fields([
        ("stores", stores.collect()),
        ("datastore_read", listed(&names.datastore_read)),
        ("datastore_write", listed(&names.datastore_write)),
    ]);
    let secrets = fields([("use", listed(&names.secrets)), ("reveal", listed(&names.reveal))]);
    fields([
        ("http", request.http.iter().map(address).collect()),
        ("files", files.collect()),
        ("env", request.env.iter().map(|name| json!(name)).collect()),
        ("secrets", secrets),
        ("kv", kv),
        ("call", listed(&names.call)),
    ])
}

fn listed(names: &BTreeSet<String>) -> Value {
    names.iter().map(|name| json!(name)).collect()
}

/// The fields that are not empty.
fn fields<const N: usize>(all: [(&str, Value); N]) -> Value {
    let is_filled = |value: &Value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let filled = all.into_iter().filter(|(_, value)| is_filled(value));
    Value::Object(filled.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn address(wish: &HttpWish) -> Value {
    let HttpRule { schemes, host, ports, methods, paths, private } = &wish.rule;
    let mut written = Object::new();
    let mut put = |name: &str, value: Value| written.insert(name.to_owned(), value);
    put("id", json!(wish.id));
    put("reason", json!(wish.reason));
    put("host", json!(host.to_string()));
    if *schemes != ["https"] {
        put("schemes", json!(schemes));
    }
    let usual = |scheme: &String| if scheme == "https" { 443 } else { 80 };
    let mut usual: Vec<u16> = schemes.iter().map(usual).collect();
    usual.sort_unstable();
    if ports.is_empty() {
        put("ports", json!(["*"]));
    } else if *ports != usual {
        put("ports", json!(ports));
    }
    for (name, parts) in [("methods", methods), ("paths", paths)] {
        if !parts.is_empty() {
            put(name, json!(parts));
        }
    }
    if *private && !host.is_private() {
        put("private", json!(true));
    }
    if !wish.secrets.is_empty() {
        put("secrets", wish.secrets.iter().map(sent).collect());
    }
    Value::Object(written)
}

fn sent(used: &SecretUse) -> Value {
    json!({"name": used.name, "in": [used.place.as_str()]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::read_pack_definition;
    use crate::write_yaml;

    #[test]
    fn what_is_written_is_read_as_the_same_request() {
        for capabilities in [
            "{}",
            "{http: [{id: api, reason: r, host: api.example.com, methods: [GET], paths: [/a, /b]}]}",
            "{http: [{id: api, reason: r, host: '*', schemes: [http, https], ports: ['*'], private: true}]}",
            "{http: [{id: a, reason: r, host: 127.0.0.1, schemes: [http], ports: [8080], secrets: [{name: t, in: [body, query]}]}], secrets: {use: [t], reveal: [u]}}",
            "{files: [{path: /data, access: rw, reason: r}], env: [TZ], call: [core.local]}",
            "{kv: {stores: [notes, {name: pack, access: [read]}], datastore_read: [system.a.*], datastore_write: [system.b]}}",
        ] {
            let read = |capabilities: &str| {
                let text = format!(
                    "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n{capabilities}"
                );
                read_pack_definition("pack.yaml", &text).unwrap().pack.capabilities.unwrap()
            };
            let request = read(&format!("capabilities: {capabilities}\n"));
            let written = write_yaml(&json!({"capabilities": written_capabilities(&request)}));
            assert_eq!(read(&written), request, "{written}");
        }
    }
}

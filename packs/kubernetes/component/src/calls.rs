//! The actions: to look at objects, to scale them, and to replace their pods.

use std::time::SystemTime;

use petrel_pack_sdk::{Context, Error, Request, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::{Config, Kind, is_object, send, without_managed_fields};
use crate::time::written;

/// The largest answer that is read, in bytes. Without the fields that are left out it has to fit the 2 MiB of a host.
const LARGEST_ANSWER: usize = 4 << 20;

/// The input of `get`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Asked {
    /// The kind of the objects, in the plural, as in `kubectl api-resources`: pods.
    pub resource: String,
    /// The name of one object. Default is all.
    pub name: Option<String>,
    /// The version of the kind, as v1 or apps/v1.
    #[serde(default = "v1")]
    pub api_version: String,
    /// The namespace. Default is that of the configuration.
    pub namespace: Option<String>,
    /// Whether the objects are in no namespace, as nodes, or in any.
    #[serde(default)]
    pub cluster_wide: bool,
    /// The labels that the objects have, as app=web,tier!=cache.
    pub label_selector: Option<String>,
    /// The most objects that are returned.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u32,
}

fn v1() -> String {
    "v1".to_owned()
}

fn fifty() -> u32 {
    50
}

/// The output of `get`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// The objects, without the record of who has set which field.
    pub objects: Vec<Value>,
    /// Their number.
    pub count: usize,
    /// Whether there are more.
    pub more: bool,
}

/// A list, as the cluster sends it.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    items: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct ListMetadata {
    #[serde(default, rename = "continue")]
    rest: String,
}

/// Reads objects.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the cluster refuses it.
pub fn get(ctx: &Context, asked: Asked) -> Result<Found, Error> {
    let config: Config = ctx.config()?;
    let Asked { resource, name, api_version, namespace, cluster_wide, label_selector, limit } = asked;
    let namespace = (!cluster_wide).then(|| config.namespace(namespace.as_deref()));
    let kind = Kind { api_version: &api_version, resource: &resource, namespace };
    let request = config.request("GET", &kind)?.largest_answer(LARGEST_ANSWER);
    let (objects, more) = if let Some(name) = name {
        let object = send(ctx, &request.at([name.as_str()])?)?.json_where(is_object)?;
        (vec![object], false)
    } else {
        let request = request.query("limit", &limit);
        let request = match &label_selector {
            Some(labels) => request.query("labelSelector", labels),
            None => request,
        };
        let is_list = |list: &List| list.items.iter().all(is_object);
        let List { metadata, items } = send(ctx, &request)?.json_where(is_list)?;
        (items, !metadata.rest.is_empty())
    };
    let objects: Vec<Value> = objects.into_iter().map(without_managed_fields).collect();
    info!(ctx, count = objects.len(), "read {resource}");
    Ok(Found { count: objects.len(), objects, more })
}

/// What can be scaled.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scalable {
    /// A `Deployment`.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `ReplicaSet`.
    ReplicaSet,
}

impl Scalable {
    fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::ReplicaSet => "replicasets",
        }
    }
}

/// The input of `scale`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Size {
    /// The kind of the object.
    pub kind: Scalable,
    /// The name of the object.
    pub name: String,
    /// The namespace. Default is that of the configuration.
    pub namespace: Option<String>,
    /// The number of replicas.
    pub replicas: u32,
}

/// The output of `scale`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Scaled {
    /// The number of replicas that there are to be.
    pub wanted: u32,
    /// The number of replicas that there are now.
    pub running: u32,
}

/// A `Scale`, as the cluster sends it. A number that is 0 may be left out.
#[derive(Debug, Deserialize)]
struct Scale {
    spec: Replicas,
    #[serde(default)]
    status: Replicas,
}

#[derive(Debug, Default, Deserialize)]
struct Replicas {
    #[serde(default)]
    replicas: u32,
}

/// Sets the number of replicas.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the cluster refuses it.
pub fn scale(ctx: &Context, size: Size) -> Result<Scaled, Error> {
    let config: Config = ctx.config()?;
    let Size { kind, name, namespace, replicas } = size;
    let of = ("apps/v1", kind.resource(), namespace.as_deref());
    let request = change(&config, of, [name.as_str(), "scale"])?;
    let request = request.header("content-type", "application/merge-patch+json");
    let request = request.json(&json!({"spec": {"replicas": replicas}}))?;
    let Scale { spec, status } = send(ctx, &request)?.json()?;
    info!(ctx, wanted = spec.replicas, running = status.replicas, "scaled {name}");
    Ok(Scaled { wanted: spec.replicas, running: status.replicas })
}

/// What has pods that can be replaced.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Restartable {
    /// A `Deployment`.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
}

impl Restartable {
    fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
        }
    }
}

/// The input of `rollout_restart`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Restart {
    /// The kind of the object.
    pub kind: Restartable,
    /// The name of the object.
    pub name: String,
    /// The namespace. Default is that of the configuration.
    pub namespace: Option<String>,
}

/// The output of `rollout_restart`.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Restarted {
    /// The time that its pods are marked with.
    pub restarted_at: String,
}

/// Replaces all pods of an object.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the cluster refuses it.
pub fn rollout_restart(ctx: &Context, restart: Restart) -> Result<Restarted, Error> {
    let config: Config = ctx.config()?;
    let Restart { kind, name, namespace } = restart;
    let restarted_at = written(SystemTime::now());
    let of = ("apps/v1", kind.resource(), namespace.as_deref());
    let request = change(&config, of, [name.as_str()])?;
    let request = request.header("content-type", "application/strategic-merge-patch+json");
    // As kubectl marks them: a template that has changed has its pods replaced.
    let mark = json!({"kubectl.kubernetes.io/restartedAt": restarted_at});
    let request = request.json(&json!({"spec": {"template": {"metadata": {"annotations": mark}}}}))?;
    send(ctx, &request)?.json_where(is_object)?;
    info!(ctx, "restarted {name}");
    Ok(Restarted { restarted_at })
}

/// A change of an object in a namespace.
fn change<'a>(
    config: &Config,
    (api_version, resource, namespace): (&str, &str, Option<&str>),
    path: impl IntoIterator<Item = &'a str>,
) -> Result<Request, Error> {
    let kind = Kind { api_version, resource, namespace: Some(config.namespace(namespace)) };
    Ok(config.request("PATCH", &kind)?.at(path)?.largest_answer(LARGEST_ANSWER))
}

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::ErrorKind;
    use petrel_pack_sdk::testing::Host;

    use super::*;
    use crate::petrel_actions;

    const URL: &str = "https://cluster.example:6443";

    fn host() -> Host {
        Host::new().configured("url", URL).configured("token", "hush")
    }

    fn run(host: &Host, action: usize, parameters: &Value) -> Result<Value, Error> {
        host.run(&petrel_actions()[action], parameters)
    }

    #[test]
    fn objects_are_read_by_name_and_in_lists() {
        let object = json!({"kind": "Pod", "metadata": {"name": "a", "managedFields": [{}]}});
        let plain = json!({"kind": "Pod", "metadata": {"name": "a"}});
        let list = json!({"metadata": {"continue": "x"}, "items": [object]});
        for (parameters, path, answer, more) in [
            (json!({"resource": "pods", "name": "a"}), "api/v1/namespaces/default/pods/a", &object, false),
            (json!({"resource": "pods"}), "api/v1/namespaces/default/pods?limit=50", &list, true),
            (
                json!({"resource": "deployments", "api_version": "apps/v1", "namespace": "shop", "limit": 1}),
                "apis/apps/v1/namespaces/shop/deployments?limit=1",
                &list,
                true,
            ),
            (
                json!({"resource": "nodes", "cluster_wide": true, "label_selector": "a=b"}),
                "api/v1/nodes?limit=50&labelSelector=a%3Db",
                &list,
                true,
            ),
        ] {
            let host = host().answering("GET", &format!("{URL}/{path}"), 200, answer.to_string());
            let found = run(&host, 0, &parameters).unwrap();
            assert_eq!(found, json!({"objects": [plain], "count": 1, "more": more}), "{path}");
            let header = ("authorization".to_owned(), "Bearer hush".to_owned());
            assert!(host.requests()[0].headers.contains(&header), "{path}");
        }
        for (name, value) in [("resource", "../secrets"), ("api_version", "../../x"), ("namespace", "..")] {
            let mut parameters = json!({"resource": "pods"});
            parameters[name] = json!(value);
            let host = host();
            let code = run(&host, 0, &parameters).unwrap_err().code;
            let asked: Vec<_> = host.requests().into_iter().map(|request| request.url).collect();
            // The test has no answer to what is only a strange name.
            assert!(
                code.as_deref() == Some("http.address") || asked[0].contains("..%2Fsecrets"),
                "{name} {asked:?}"
            );
        }
    }

    #[test]
    fn objects_are_scaled_and_restarted_by_patches() {
        let host = host().configured("namespace", "shop");
        let path = format!("{URL}/apis/apps/v1/namespaces/shop/deployments/web");
        let host = host
            .answering("PATCH", &format!("{path}/scale"), 200, r#"{"spec": {"replicas": 3}, "status": {}}"#)
            .answering("PATCH", &path, 200, r#"{"kind": "Deployment", "metadata": {"name": "web"}}"#);
        let object = json!({"kind": "deployment", "name": "web"});
        let mut size = object.clone();
        size["replicas"] = json!(3);
        assert_eq!(run(&host, 1, &size).unwrap(), json!({"wanted": 3, "running": 0}));
        let restarted = run(&host, 2, &object).unwrap();
        let sent = host.requests();
        let said = |index: usize| -> (String, Value) {
            let kinds = sent[index].headers.iter().filter(|(name, _)| name == "content-type");
            let kinds: Vec<_> = kinds.map(|(_, kind)| kind.as_str()).collect();
            (kinds.join(" "), serde_json::from_slice(&sent[index].body).unwrap())
        };
        let size = ("application/merge-patch+json".to_owned(), json!({"spec": {"replicas": 3}}));
        assert_eq!(said(0), size);
        let (kind, mark) = said(1);
        assert_eq!(kind, "application/strategic-merge-patch+json");
        let marked =
            &mark["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"];
        assert_eq!((marked, marked.is_string()), (&restarted["restarted_at"], true));
    }

    #[test]
    fn what_is_no_answer_of_a_cluster_is_an_error_that_shows_it() {
        let web = json!({"kind": "deployment", "name": "web"});
        let mut size = web.clone();
        size["replicas"] = json!(3);
        let pods = "api/v1/namespaces/default/pods";
        let deployments = "apis/apps/v1/namespaces/default/deployments";
        for (action, parameters, method, path) in [
            (0, json!({"resource": "pods", "name": "a"}), "GET", format!("{pods}/a")),
            (0, json!({"resource": "pods"}), "GET", format!("{pods}?limit=50")),
            (1, size, "PATCH", format!("{deployments}/web/scale")),
            (2, web, "PATCH", format!("{deployments}/web")),
        ] {
            for (answer, says) in [
                ("<html>Sign in</html>", "`<html>Sign in"),
                ("{}", "`{}`"),
                (r#"{"items": [7], "metadata": {}}"#, "`{\"items\""),
            ] {
                let host = host().answering(method, &format!("{URL}/{path}"), 200, answer);
                let error = run(&host, action, &parameters).unwrap_err();
                assert_eq!(error.code.as_deref(), Some("http.answer"), "{path} {answer}: {error}");
                assert!(error.message.contains(says), "{path}: {}", error.message);
            }
        }
    }

    #[test]
    fn a_refusal_has_the_reason_of_the_cluster() {
        let url = format!("{URL}/api/v1/namespaces/default/pods/a");
        for (status, kind) in [(403, ErrorKind::Unauthenticated), (404, ErrorKind::NotFound)] {
            let host = host().answering("GET", &url, status, r#"{"kind": "Status", "message": "no"}"#);
            let error = run(&host, 0, &json!({"resource": "pods", "name": "a"})).unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (kind, "Kubernetes refuses it: no"));
        }
        assert_eq!(
            run(&Host::new(), 0, &json!({"resource": "pods"})).unwrap_err().kind,
            ErrorKind::Misconfigured
        );
    }
}

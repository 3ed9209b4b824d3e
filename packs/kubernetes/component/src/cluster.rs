//! The cluster: its configuration, the addresses of its objects, and requests to it with the reasons of its refusals.

use petrel_pack_sdk::{Error, ErrorKind, Request, Response, Services};
use serde::Deserialize;
use serde_json::Value;

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    url: String,
    token: Option<String>,
    namespace: Option<String>,
}

impl Config {
    /// The namespace of an object for which none is given.
    pub(crate) fn namespace<'a>(&'a self, given: Option<&'a str>) -> &'a str {
        given.or(self.namespace.as_deref()).unwrap_or("default")
    }

    /// A request to objects of a kind, with the credentials.
    pub(crate) fn request(&self, method: &str, kind: &Kind<'_>) -> Result<Request, Error> {
        let Kind { api_version, resource, namespace } = kind;
        // The oldest group of the API has no name, and a place of its own.
        let place = if api_version.contains('/') { "apis" } else { "api" };
        let within = namespace.map(|namespace| ["namespaces", namespace]);
        let path = [place].into_iter().chain(api_version.split('/')).chain(within.into_iter().flatten());
        let request = Request::new(method, self.url.as_str()).at(path.chain([*resource]))?;
        let request = request.header("accept", "application/json");
        Ok(match &self.token {
            Some(token) => request.bearer(token),
            None => request,
        })
    }
}

/// A kind of objects, and where they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind<'a> {
    /// The version, as `v1` or `apps/v1`.
    pub(crate) api_version: &'a str,
    /// The kind in the plural, as in addresses: `pods`.
    pub(crate) resource: &'a str,
    /// None for objects of the cluster, and for those of all namespaces.
    pub(crate) namespace: Option<&'a str>,
}

/// Makes a request. The error of a refusal has the cluster's reason.
pub(crate) fn send(services: &Services, request: &Request) -> Result<Response, Error> {
    services.fetch(request)?.success_with_details().map_err(|mut error| {
        if let Some(told) = error.reason("/body/message") {
            error.message = format!("Kubernetes refuses it: {told}");
        }
        match error.kind {
            ErrorKind::Unauthenticated => {
                error.hint("set token by `petrel pack configure kubernetes -`, and let its account do this")
            }
            _ => error,
        }
    })
}

/// Whether this is an object as the API has them, which all have names. The page of a proxy is none.
pub(crate) fn is_object(value: &Value) -> bool {
    value.pointer("/metadata/name").is_some_and(Value::is_string)
}

/// Takes away the record of who has set which field, which is often the larger part of an object.
pub(crate) fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

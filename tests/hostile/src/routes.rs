//! The routes of the API, read from the source that makes the router: a route that is added there is attacked
//! from then on, whether or not somebody thinks of it here.

/// Where the routes below `/api/v1` are.
const RESOURCES: &str = include_str!("../../../host/crates/api/src/resources.rs");

/// What is elsewhere: path, methods, whether everybody may come in. A test counts them.
const OTHERS: &[(&str, &[&str], bool)] = &[
    ("/healthz", &["GET"], true),
    ("/readyz", &["GET"], true),
    ("/metrics", &["GET"], false),
    ("/auth/v1/tokens", &["POST"], true),
    ("/auth/v1/tokens", &["DELETE"], false),
    ("/auth/v1/tokens/validate", &["POST"], true),
    ("/tokens", &["POST"], true),
    ("/tokens/validate", &["POST"], true),
    // They take every method, and these stand for all.
    ("/api/v1/sensors/{name}/webhook", &["GET", "POST"], true),
    ("/api/v1/sensors/{name}/webhook/{*path}", &["GET", "POST"], true),
];

/// How a handler is bound to a method.
const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("delete", "DELETE"), ("patch", "PATCH")];

/// A path of the API with its methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// From the root, with `{name}` for what varies: `/api/v1/rules/{name}`.
    pub path: String,
    /// The methods that it takes.
    pub methods: Vec<&'static str>,
    /// Whether it is for everybody.
    pub is_open: bool,
}

impl Route {
    /// What comes behind `/api/v1`; the whole path of what is elsewhere.
    pub fn resource_path(&self) -> &str {
        self.path.strip_prefix("/api/v1").unwrap_or(&self.path)
    }

    /// The first part of [`Self::resource_path`]: `rules`.
    pub fn resource(&self) -> &str {
        self.resource_path().split('/').nth(1).unwrap_or_default()
    }

    /// How many parts of the path vary.
    pub fn variables(&self) -> usize {
        self.path.matches('{').count()
    }

    /// Whether a request costs the host so much that few are sent: passwords are hashed, everything is copied.
    pub fn is_dear(&self) -> bool {
        ["backup", "users", "tokens"].contains(&self.resource()) || self.path.contains("/tokens")
    }
}

/// Every route.
pub fn all() -> Vec<Route> {
    let below = read(RESOURCES).into_iter().map(|(path, methods)| Route {
        path: format!("/api/v1{path}"),
        methods,
        is_open: false,
    });
    let others = OTHERS.iter().map(|(path, methods, is_open)| Route {
        path: (*path).to_owned(),
        methods: methods.to_vec(),
        is_open: *is_open,
    });
    below.chain(others).collect()
}

/// Every `.route("PATH", HANDLERS)` of a source.
fn read(source: &str) -> Vec<(String, Vec<&'static str>)> {
    source
        .split(".route(")
        .skip(1)
        .filter_map(|rest| {
            let (path, handlers) = rest.split_once('"')?.1.split_once('"')?;
            let methods = METHODS.iter().filter(|(word, _)| calls(handlers, word));
            Some((path.to_owned(), methods.map(|(_, method)| *method).collect()))
        })
        .collect()
}

/// Whether `text` calls the function `name`.
fn calls(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&format!("{name}("))
        .any(|(at, _)| !text.get(..at).is_some_and(|before| before.ends_with(is_part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many routes a source binds.
    fn bound(source: &str) -> usize {
        source.matches(".route(").count()
    }

    #[test]
    fn no_route_is_forgotten() {
        let found = read(RESOURCES);
        assert_eq!(found.len(), bound(RESOURCES));
        assert!(found.len() > 40, "{found:?}");
        for (path, methods) in &found {
            assert!(path.starts_with('/') && !methods.is_empty(), "{path}: {methods:?}");
        }
        assert!(found.contains(&("/executions/{id}".into(), vec!["GET", "PUT", "DELETE"])), "{found:?}");
        assert!(found.contains(&("/rules/{name}/enabled".into(), vec!["PUT"])), "{found:?}");
        // What is bound elsewhere is listed in OTHERS: look there when one of these has changed.
        assert_eq!(bound(include_str!("../../../host/crates/api/src/resources/tokens.rs")), 2);
        assert_eq!(bound(include_str!("../../../host/crates/api/src/resources/health.rs")), 3);
        assert_eq!(bound(include_str!("../../../host/crates/api/src/resources/sensors.rs")), 2);
    }

    #[test]
    fn a_route_knows_its_parts() {
        let route = |path: &str| Route { path: path.into(), methods: vec!["GET"], is_open: false };
        let rules = route("/api/v1/rules/{name}");
        assert_eq!(
            (rules.resource_path(), rules.resource(), rules.variables()),
            ("/rules/{name}", "rules", 1)
        );
        assert!(!rules.is_dear() && route("/auth/v1/tokens").is_dear() && route("/api/v1/backup").is_dear());
    }
}

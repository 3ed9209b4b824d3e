//! The name that is likely meant by one that a parameter refers to and that does not exist.

use petrel_expressions::DATASTORE;
use petrel_expressions::words::dashed;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;

use super::error::Error;
use super::graph::{Node, Nodes};

/// Adds to an error about a name that does not exist the one that is likely meant.
pub(super) fn with_meant_name(error: Error, nodes: &Nodes<'_>) -> Error {
    /// Largest number of parameters whose names are compared.
    const MOST_COMPARED: usize = 100;
    let Error::Unsatisfied { parameter, name } = &error else { return error };
    let templates = match nodes.get(parameter) {
        Some(Node::Template(parameter)) => parameter.templates(),
        Some(Node::Value(_)) | None => Vec::new(),
    };
    let others = nodes.iter().map(|(name, _)| name).filter(|other| other != parameter).take(MOST_COMPARED);
    let known = ["trigger", DATASTORE, "action_context", "config_context"].into_iter().chain(others);
    let dashed = templates.iter().find_map(|template| dashed(template.source(), Some(name)));
    let meant = dashed.or_else(|| nearest(name, known).map(|near| format!("did you mean {}?", quoted(near))));
    match meant {
        Some(missing) => Error::Missing { error: Box::new(error), missing },
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use petrel_expressions::Scope;
    use petrel_model::Object;
    use serde_json::json;

    use super::super::{Given, Signature, live};

    #[test]
    fn the_name_that_is_likely_meant_is_told() {
        for (template, says) in [
            ("{{ triger.body.x }}", Some("did you mean trigger?")),
            ("{{ hst }}", Some("did you mean host?")),
            ("{{ trigger.body.my-key }}", Some("a name with a dash is read by `trigger.body['my-key']`")),
            ("{{ colour }}", None),
        ] {
            let given =
                Object::from_iter([("cmd".to_owned(), json!(template)), ("host".to_owned(), json!("h"))]);
            let scope = Scope::new().with("trigger", json!({"body": {}}));
            let error = live(&Given::compile(&given), &Signature::default(), &scope).unwrap_err().to_string();
            assert!(error.starts_with("parameter cmd refers to "), "{error}");
            let told = error.split_once("check the name").map(|(_, told)| told).unwrap_or_default();
            assert_eq!(told.strip_prefix("; ").is_some(), says.is_some(), "{error}");
            assert!(told.ends_with(says.unwrap_or_default()), "{error}");
        }
    }
}

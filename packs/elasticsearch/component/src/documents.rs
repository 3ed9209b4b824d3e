//! The actions `index` and `search`.

use petrel_pack_sdk::{Context, Error, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::server::{Config, send};

/// The input of `index`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Document {
    /// The index.
    pub index: String,
    /// The document.
    pub document: Map<String, Value>,
    /// The id: one that exists is replaced. Default is a new one.
    pub id: Option<String>,
    /// Whether to wait until searches find it.
    #[serde(default)]
    pub wait: bool,
}

/// The output of `index`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Indexed {
    /// The index.
    #[serde(rename(deserialize = "_index"))]
    pub index: String,
    /// The id.
    #[serde(rename(deserialize = "_id"))]
    pub id: String,
    /// The version of the document.
    #[serde(rename(deserialize = "_version"))]
    pub version: u64,
    /// The outcome: created or updated.
    pub result: String,
}

/// Writes a document.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the server refuses the document.
pub fn index(ctx: &Context, document: Document) -> Result<Indexed, Error> {
    let config: Config = ctx.config()?;
    let Document { index, document, id, wait } = document;
    let request = match &id {
        Some(id) => config.request("PUT", [index.as_str(), "_doc", id.as_str()])?,
        None => config.request("POST", [index.as_str(), "_doc"])?,
    };
    let request = if wait { request.query("refresh", "wait_for") } else { request };
    let indexed: Indexed = send(ctx, &request.json(&document)?)?;
    info!(ctx, id = indexed.id, version = indexed.version, "{} in {index}", indexed.result);
    Ok(indexed)
}

/// The input of `search`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Search {
    /// The index, or several by commas, or a pattern as logs-*.
    pub index: String,
    /// The query. Default is all documents.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// The most documents that are returned.
    #[serde(default = "ten")]
    #[schemars(range(max = 1000))]
    pub size: u32,
    /// The order, as the server has it, `[{"@timestamp": "desc"}]` for example.
    #[serde(default)]
    pub sort: Vec<Value>,
    /// The fields of the documents that are returned. Default is all.
    #[serde(default)]
    pub fields: Vec<String>,
}

fn ten() -> u32 {
    10
}

/// A document that was found.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Hit {
    /// The index.
    #[serde(rename(deserialize = "_index"))]
    pub index: String,
    /// The id.
    #[serde(rename(deserialize = "_id"))]
    pub id: String,
    /// The document.
    #[serde(rename(deserialize = "_source"), default)]
    pub document: Map<String, Value>,
}

/// The output of `search`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Searched {
    /// The number of documents that match; from 10,000 on the server may not count further.
    pub total: u64,
    /// Those that are returned.
    pub hits: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    hits: Hits,
}

#[derive(Debug, Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<Hit>,
}

#[derive(Debug, Deserialize)]
struct Total {
    value: u64,
}

/// Searches.
///
/// # Errors
///
/// If the pack is not configured, the address is not granted, or the server does not understand the search.
pub fn search(ctx: &Context, search: Search) -> Result<Searched, Error> {
    let config: Config = ctx.config()?;
    let Search { index, query, size, sort, fields } = search;
    let query = if query.is_empty() { json!({"match_all": {}}) } else { Value::Object(query) };
    let mut body = json!({"query": query, "size": size});
    if let Value::Object(body) = &mut body {
        if !sort.is_empty() {
            body.insert("sort".to_owned(), sort.into());
        }
        if !fields.is_empty() {
            body.insert("_source".to_owned(), fields.into());
        }
    }
    let request = config.request("POST", [index.as_str(), "_search"])?.json(&body)?;
    let Answer { hits: Hits { total, hits } } = send(ctx, &request)?;
    info!(ctx, total = total.value, returned = hits.len(), "searched {index}");
    Ok(Searched { total: total.value, hits })
}

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::ErrorKind;
    use petrel_pack_sdk::testing::Host;

    use super::*;
    use crate::petrel_actions;

    fn host() -> Host {
        Host::new().configured("url", "http://search.example:9200/").configured("username", "ann")
    }

    fn run(host: &Host, action: usize, parameters: &Value) -> Result<Value, Error> {
        host.run(&petrel_actions()[action], parameters)
    }

    #[test]
    fn a_document_is_written_under_its_id_or_a_new_one() {
        let answer = json!({"_index": "logs", "_id": "7", "_version": 2, "result": "updated", "_shards": {}});
        for (more, method, path) in [
            (json!({}), "POST", "logs/_doc"),
            (json!({"id": "7"}), "PUT", "logs/_doc/7"),
            (json!({"id": "a/b", "wait": true}), "PUT", "logs/_doc/a%2Fb?refresh=wait_for"),
        ] {
            let host = host().answering(
                method,
                &format!("http://search.example:9200/{path}"),
                201,
                answer.to_string(),
            );
            let mut parameters = more;
            parameters["index"] = json!("logs");
            parameters["document"] = json!({"level": "error"});
            let written = run(&host, 0, &parameters).unwrap();
            let expected = json!({"index": "logs", "id": "7", "version": 2, "result": "updated"});
            assert_eq!(written, expected, "{path}");
            let sent = host.requests().remove(0);
            assert_eq!(sent.body, br#"{"level":"error"}"#);
            assert!(sent.headers.contains(&("authorization".into(), "Basic YW5uOg==".into())), "{path}");
        }
    }

    #[test]
    fn a_search_returns_what_it_finds() {
        let url = "http://search.example:9200/logs-%2A/_search";
        let hit = json!({"_index": "logs-1", "_id": "7", "_score": 1.0, "_source": {"level": "error"}});
        let answer = json!({"took": 3, "hits": {"total": {"value": 12, "relation": "eq"}, "hits": [hit]}});
        for (more, body) in [
            (json!({}), json!({"query": {"match_all": {}}, "size": 10})),
            (
                json!({"query": {"match": {"a": 1}}, "size": 1, "sort": ["_doc"], "fields": ["level"]}),
                json!({"query": {"match": {"a": 1}}, "size": 1, "sort": ["_doc"], "_source": ["level"]}),
            ),
        ] {
            let host = host().configured("api_key", "hush").answering("POST", url, 200, answer.to_string());
            let mut parameters = more;
            parameters["index"] = json!("logs-*");
            let expected = json!({
                "total": 12, "hits": [{"index": "logs-1", "id": "7", "document": {"level": "error"}}],
            });
            assert_eq!(run(&host, 1, &parameters).unwrap(), expected);
            let sent = host.requests().remove(0);
            assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), body);
            assert!(sent.headers.contains(&("authorization".into(), "ApiKey hush".into())));
        }
    }

    #[test]
    fn what_is_no_answer_of_the_server_is_an_error_that_shows_it() {
        for (action, parameters, path) in [
            (0, json!({"index": "logs", "document": {}}), "logs/_doc"),
            (1, json!({"index": "logs"}), "logs/_search"),
        ] {
            for (answer, says) in
                [("<html>Sign in</html>", "`<html>Sign in"), (r#"{"took": 3}"#, "`{\"took\": 3}`")]
            {
                let host =
                    host().answering("POST", &format!("http://search.example:9200/{path}"), 200, answer);
                let error = run(&host, action, &parameters).unwrap_err();
                assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Permanent, Some("http.answer")));
                assert!(error.message.contains(says), "{path}: {}", error.message);
            }
        }
    }

    #[test]
    fn a_refusal_has_the_reason_of_the_server() {
        let url = "http://search.example:9200/none/_search";
        let body = r#"{"error": {"type": "index_not_found_exception", "reason": "no such index [none]"}}"#;
        let host = host().answering("POST", url, 404, body);
        let error = run(&host, 1, &json!({"index": "none"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(error.message, "Elasticsearch refuses it: no such index [none]");
        let error = run(&Host::new(), 1, &json!({"index": "none"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Misconfigured);
    }
}

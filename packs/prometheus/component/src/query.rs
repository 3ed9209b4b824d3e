//! The action `query`: an expression at one time (`/api/v1/query`).

use std::collections::BTreeMap;

use petrel_pack_sdk::{Context, Error, ErrorKind, Request, info};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest answer, in bytes: a result of it stays below the 2 MiB of a host.
const LARGEST_ANSWER: usize = 1 << 20;

/// The input of `query`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Asked {
    /// The expression, in the language of Prometheus.
    pub query: String,
    /// The time, in seconds since 1970 or as 2026-11-30T12:00:00Z. Default is now.
    pub time: Option<String>,
}

/// A value of a series.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Sample {
    /// The labels of the series; none for a number.
    pub labels: BTreeMap<String, String>,
    /// The time, in seconds since 1970.
    pub time: f64,
    /// The value as a text, which may be `NaN` or `+Inf`.
    pub value: String,
}

/// The output of `query`.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Queried {
    /// The kind of the result: vector, matrix, scalar or string.
    pub kind: String,
    /// The last value of each series.
    pub samples: Vec<Sample>,
    /// The number of series.
    pub count: usize,
    /// What the server remarks on the query.
    pub warnings: Vec<String>,
}

/// The part of the configuration that the action reads.
#[derive(Debug, Deserialize)]
struct Config {
    url: Option<String>,
    token: Option<String>,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
struct Answer {
    data: Outcome,
    #[serde(default)]
    warnings: Vec<String>,
}

/// The kinds of results.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Outcome {
    Vector(Vec<Series>),
    Matrix(Vec<Series>),
    Scalar((f64, String)),
    String((f64, String)),
}

/// A series of a vector or of a matrix.
#[derive(Debug, Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Asks.
///
/// # Errors
///
/// If no server is configured or granted, or it does not understand the query.
pub fn query(ctx: &Context, asked: Asked) -> Result<Queried, Error> {
    let Config { url, token } = ctx.config()?;
    let url = url.ok_or_else(|| {
        Error::new(ErrorKind::Misconfigured, "url is not configured")
            .code("prometheus.not_configured")
            .hint("set url by `petrel pack configure prometheus -`")
    })?;
    let Asked { query, time } = asked;
    let mut request = Request::get(url).at(["api", "v1", "query"])?.query("query", &query);
    if let Some(time) = &time {
        request = request.query("time", time);
    }
    if let Some(token) = &token {
        request = request.bearer(token);
    }
    let answer = ctx.fetch(&request.largest_answer(LARGEST_ANSWER))?.success_with_details();
    let Answer { data, warnings } = answer
        .map_err(|mut error| {
            if let Some(told) = error.reason("/body/error") {
                error.message = format!("Prometheus refuses the query: {told}");
            }
            error
        })?
        .json()?;
    let (kind, samples) = match data {
        Outcome::Vector(series) => ("vector", last(series)),
        Outcome::Matrix(series) => ("matrix", last(series)),
        Outcome::Scalar(value) => ("scalar", alone(value)),
        Outcome::String(value) => ("string", alone(value)),
    };
    info!(ctx, count = samples.len(), "asked for {query}");
    Ok(Queried { kind: kind.to_owned(), count: samples.len(), samples, warnings })
}

/// The last value of each series.
fn last(series: Vec<Series>) -> Vec<Sample> {
    let last = |Series { metric, value, mut values }: Series| {
        let (time, value) = value.or_else(|| values.pop())?;
        Some(Sample { labels: metric, time, value })
    };
    series.into_iter().filter_map(last).collect()
}

/// A value that is of no series.
fn alone((time, value): (f64, String)) -> Vec<Sample> {
    vec![Sample { labels: BTreeMap::new(), time, value }]
}

#[cfg(test)]
mod tests {
    use petrel_pack_sdk::testing::Host;
    use serde_json::{Value, json};

    use super::*;
    use crate::petrel_actions;

    const URL: &str = "http://prometheus.example:9090/api/v1/query?query=up%20%3D%3D%200";

    fn host() -> Host {
        Host::new().configured("url", "http://prometheus.example:9090/").configured("token", "hush")
    }

    fn asked(status: u16, answer: &Value) -> Result<Value, Error> {
        let host = host().answering("GET", URL, status, answer.to_string());
        let queried = host.run(&petrel_actions()[0], &json!({"query": "up == 0"}));
        assert!(host.requests()[0].headers.contains(&("authorization".into(), "Bearer hush".into())));
        queried
    }

    #[test]
    fn the_last_value_of_each_series_is_told() {
        let labels = json!({"__name__": "up", "job": "api"});
        for (kind, result, samples) in [
            (
                "vector",
                json!([{"metric": labels, "value": [1.5, "0"]}]),
                json!([{"labels": labels, "time": 1.5, "value": "0"}]),
            ),
            (
                "matrix",
                json!([{"metric": labels, "values": [[1.0, "1"], [2.0, "NaN"]]}, {"metric": {}, "values": []}]),
                json!([{"labels": labels, "time": 2.0, "value": "NaN"}]),
            ),
            ("scalar", json!([3.0, "7"]), json!([{"labels": {}, "time": 3.0, "value": "7"}])),
            ("string", json!([3, "a"]), json!([{"labels": {}, "time": 3.0, "value": "a"}])),
            ("vector", json!([]), json!([])),
        ] {
            let answer = json!({"status": "success", "data": {"resultType": kind, "result": result}});
            let count = samples.as_array().unwrap().len();
            let expected = json!({"kind": kind, "samples": samples, "count": count, "warnings": []});
            assert_eq!(asked(200, &answer).unwrap(), expected);
        }
    }

    #[test]
    fn a_refusal_is_in_the_words_of_the_server() {
        let answer = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
        let error = asked(400, &answer).unwrap_err();
        assert_eq!(error.message, "Prometheus refuses the query: parse error");
        let error = Host::new().run(&petrel_actions()[0], &json!({"query": "up"})).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Misconfigured);
    }

    #[test]
    fn what_is_no_answer_of_a_prometheus_is_an_error_that_shows_it() {
        let data = |kind: &str, result: Value| json!({"data": {"resultType": kind, "result": result}});
        for answer in [
            json!("Sign in"),
            json!({"status": "success"}),
            data("vector", json!("Sign in")),
            data("scalar", json!([1.5])),
            data("novel", json!([])),
        ] {
            let error = asked(200, &answer).unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (ErrorKind::Permanent, Some("http.answer")),
                "{answer}"
            );
            assert!(error.message.ends_with(&format!("`{answer}`")), "{}", error.message);
        }
    }

    #[test]
    fn a_query_may_be_about_another_time() {
        let url = "http://prometheus.example:9090/api/v1/query?query=up&time=2026-11-30T12%3A00%3A00Z";
        let answer = json!({"data": {"resultType": "scalar", "result": [1, "1"]}, "warnings": ["slow"]});
        let host = host().answering("GET", url, 200, answer.to_string());
        let asked = json!({"query": "up", "time": "2026-11-30T12:00:00Z"});
        assert_eq!(host.run(&petrel_actions()[0], &asked).unwrap()["warnings"], json!(["slow"]));
    }
}

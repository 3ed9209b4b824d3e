//! `/sensortypes`: the sensors of packs, under StackStorm's name, and how each is. `/sensors/{ref}/webhook` gives a request
//! to a sensor, without any credential: the sensor itself decides who may send what.

use axum::Json;
use axum::Router;
use axum::body::Body as AnswerBody;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use petrel_api_types as wire;
use petrel_engine::triggers::Received;
use petrel_model::Timestamp;
use serde::Deserialize;

use crate::body::{self, Held};
use crate::extensions::Peer;
use crate::extract::{Body, JsonBody, Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// Headers with credentials of this host.
const OWN_CREDENTIALS: [&str; 2] = ["st2-api-key", "x-auth-token"];
/// The largest body of a request to a sensor, in bytes.
const LARGEST_REQUEST: usize = 1 << 20;

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::SENSORS)?;
    let _glance = asked.glance(&api).await?;
    let sensors = api.engine.triggers().all_sensors();
    asked.answer(&api, sensors.iter(), |sensor| views::sensor(sensor, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    shown(&api, &name, secrets)
}

/// The body of a change. StackStorm's client sends the whole sensor back, and only this counts.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    enabled: bool,
}

impl Body for Change {
    const IGNORES_OTHERS: bool = true;
}

pub(crate) async fn change(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(Change { enabled }): JsonBody<Change>,
) -> Result<Response, ApiError> {
    api.engine.catalog().set_sensor_enabled(&name, enabled).await?;
    shown(&api, &name, Secrets::Masked)
}

pub(crate) async fn poll(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    api.engine.triggers().poll_sensor(&name)?;
    shown(&api, &name, Secrets::Masked)
}

pub(crate) async fn restart(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    api.engine.triggers().restart_sensor(&name).await?;
    shown(&api, &name, Secrets::Masked)
}

pub(crate) async fn reset(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    api.engine.triggers().reset_sensor(&name).await?;
    shown(&api, &name, Secrets::Masked)
}

/// The last lines that a sensor has logged.
pub(crate) async fn logs(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let lines = api.engine.triggers().sensor_lines(&name)?;
    let line = |at: Timestamp, line: String| wire::sensor::SensorLine { at, line: line.into() };
    let lines: Vec<_> = lines.into_iter().map(|shown| line(shown.at, shown.text)).collect();
    Ok(Json(lines).into_response())
}

fn shown(api: &Api, name: &str, secrets: Secrets) -> Result<Response, ApiError> {
    let sensor = api.engine.triggers().sensor(name)?;
    Ok(Json(views::sensor(&sensor, secrets)).into_response())
}

/// The routes of requests to sensors, outside of the authentication.
pub(crate) fn open() -> Router<Api> {
    ["/api/v1", "/v1", ""].into_iter().fold(Router::new(), |router, prefix| {
        router
            .route(&format!("{prefix}/sensors/{{name}}/webhook"), any(receive))
            .route(&format!("{prefix}/sensors/{{name}}/webhook/{{*path}}"), any(receive_below))
    })
}

async fn receive(
    State(api): State<Api>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    give(&api, &name, "/".to_owned(), request).await
}

async fn receive_below(
    State(api): State<Api>,
    Path((name, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    give(&api, &name, format!("/{path}"), request).await
}

/// Gives a request to a sensor. The answer is the sensor's, once its events are stored.
async fn give(api: &Api, name: &str, path: String, request: Request) -> Result<Response, ApiError> {
    // An unknown sensor is refused first, since the body does not matter.
    api.engine.triggers().takes_requests(name)?;
    let address = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip().to_canonical());
    let held = Held::by(address);
    let method = request.method().as_str().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    // Those of this host are nothing that a pack may learn. Its own senders may well use the others.
    let headers = request.headers().iter().filter(|(name, _)| !OWN_CREDENTIALS.contains(&name.as_str()));
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let body = body::read_within(api, &held, request, LARGEST_REQUEST).await?;
    let request = Received { method, path, query, headers, body: body.into() };
    let answer = api.engine.triggers().give_request(name, request).await?;
    let is_json = matches!(answer.body.first(), Some(b'{' | b'['));
    let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(AnswerBody::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

//! `/clock`: the time of the host, by which it runs what is due.

use axum::Json;
use axum::extract::State;
use petrel_api_types::clock::HostTime;

use crate::Api;
use crate::said::Nothing;

pub(crate) async fn now(State(api): State<Api>, _: Nothing) -> Json<HostTime> {
    Json(HostTime { now: api.engine.now() })
}

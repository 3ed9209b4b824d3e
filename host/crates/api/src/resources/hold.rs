//! `/hold`: executions that were in flight when the backup was made from which this host was restored. They rest,
//! since they may have gone on where the backup comes from. `GET` counts them. `DELETE`, for the admin only, lets all
//! of them go on, and counts what became of each.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use petrel_access::ADMIN;
use petrel_api_types::host::{Hold, Resumed};

use crate::extensions::User;
use crate::said::Nothing;
use crate::{Api, ApiError};

pub(crate) async fn look(State(api): State<Api>, _: Nothing) -> Json<Hold> {
    Json(Hold { held: api.engine.reads().held() })
}

pub(crate) async fn lift(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
) -> Result<Json<Resumed>, ApiError> {
    if user != ADMIN {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("`{user}` may not resume the executions held since the restore"),
            format!("ask the user `{ADMIN}`"),
        ));
    }
    let resumed = api.engine.executions().resume_all().await?;
    if resumed.held > 0 {
        let (abandoned, canceled) = (resumed.report.abandoned, resumed.report.canceled);
        tracing::warn!(
            user,
            held = resumed.held,
            going_on = resumed.going_on(),
            abandoned,
            canceled,
            "executions held since the restore were resumed"
        );
        resumed.report.log("resumed held executions");
    }
    Ok(Json(Resumed {
        held: resumed.held,
        resumed: resumed.going_on(),
        abandoned: resumed.report.abandoned,
        canceled: resumed.report.canceled,
    }))
}

//! `/hold`: executions that were in flight at the backup that this host is restored from. They rest, since they may go
//! on where the backup is from. `GET` says how many there are, `DELETE` lets all of them go on, and says how many do and
//! what became of the others: that is the admin's.

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
) -> Result<Json<Resumed>, ApiError> {
    if user != ADMIN {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("`{user}` may not let go on what is held since the restore"),
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
            "what was held goes on, but for what was abandoned or canceled"
        );
        resumed.report.log("took up what was held");
    }
    Ok(Json(Resumed {
        held: resumed.held,
        resumed: resumed.going_on(),
        abandoned: resumed.report.abandoned,
        canceled: resumed.report.canceled,
    }))
}

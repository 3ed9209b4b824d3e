//! The routes below `/api/v1`. Each resource has a file, and this file maps paths to their handlers.

use axum::Router;
use axum::routing::{get, post};

use crate::Api;

mod actions;
mod api_keys;
pub(crate) mod backup;
mod configs;
mod content_types;
mod enforcements;
mod executions;
mod grants;
pub(crate) mod health;
mod hold;
mod host_keys;
mod inquiries;
mod keys;
mod maintenance;
mod mistaken;
pub(crate) mod packs;
mod policies;
mod purge;
mod replays;
mod rules;
pub(crate) mod sensors;
mod timers;
pub(crate) mod tokens;
mod traces;
mod trigger_instances;
mod triggers;
mod users;
mod webhooks;
mod workflows;

/// All routes below `/api/v1`.
pub(crate) fn router() -> Router<Api> {
    executed().merge(decided()).merge(kept())
}

/// The routes of what is run: actions, executions, and what has them wait.
fn executed() -> Router<Api> {
    Router::new()
        .route("/actions", get(actions::list))
        .route("/actions/{reference}", get(actions::one))
        .route("/actions/views/parameters/{reference}", get(actions::parameters))
        .route("/runnertypes", get(actions::runner_types))
        .route("/runnertypes/{name}", get(actions::runner_type))
        .route("/executions", get(executions::list).post(executions::create))
        .route("/executions/cancel", post(executions::cancellation::cancel))
        .route("/executions/{id}", get(executions::one).put(executions::change).delete(executions::cancel))
        .route("/executions/{id}/re_run", post(executions::again::rerun))
        .route("/executions/{id}/output", get(executions::output::show))
        .route("/executions/{id}/attribute/{attribute}", get(executions::attribute))
        .route("/executions/{id}/children", get(executions::children::list))
        .route("/executions/{id}/result", get(executions::result))
        .route("/policies", get(policies::list).post(policies::create))
        .route("/policies/{name}", get(policies::one).put(policies::update).delete(policies::delete))
        .route("/policies/{name}/enabled", axum::routing::put(policies::set_enabled))
        .route("/policytypes", get(policies::list_types))
        .route("/policytypes/{reference}", get(policies::one_type))
        .route("/inquiries", get(inquiries::list))
        .route("/inquiries/{id}", get(inquiries::one).put(inquiries::respond))
        .route("/hold", get(hold::look).delete(hold::lift))
        .route("/workflows/inspect", post(workflows::inspect))
}

/// The routes of what is noticed and decided: events, sources of events, and rules.
fn decided() -> Router<Api> {
    Router::new()
        .route("/rules", get(rules::list).post(rules::create))
        .route("/rules/test", post(rules::trial::test))
        .route("/rules/{name}", get(rules::one).put(rules::update).delete(rules::delete))
        .route("/rules/{name}/enabled", axum::routing::put(rules::set_enabled))
        .route("/rules/{name}/resume", post(rules::resume))
        .route("/rules/{name}/why", get(rules::trial::why))
        .route("/ruleenforcements", get(enforcements::list))
        .route("/ruleenforcements/{id}", get(enforcements::one))
        .route("/ruleenforcements/{id}/replay", post(replays::replay))
        .route("/sensortypes", get(sensors::list))
        .route("/sensortypes/{reference}", get(sensors::one).put(sensors::change))
        .route("/sensortypes/{reference}/logs", get(sensors::logs))
        .route("/sensortypes/{reference}/poll", post(sensors::poll))
        .route("/sensortypes/{reference}/restart", post(sensors::restart))
        .route("/sensortypes/{reference}/reset_cursor", post(sensors::reset))
        .route("/timers", get(timers::list))
        .route("/timers/{reference}", get(timers::one))
        .route("/traces", get(traces::list))
        .route("/traces/{id}", get(traces::one))
        .route("/triggers", get(triggers::list_triggers).post(triggers::made::create_trigger))
        .route("/triggers/{reference}", get(triggers::one_trigger).put(triggers::made::update_trigger))
        .route("/triggers/{reference}", axum::routing::delete(triggers::made::delete_trigger))
        .route("/triggertypes", get(triggers::list).post(triggers::made::create))
        .route("/triggertypes/{reference}", get(triggers::one).put(triggers::made::update))
        .route("/triggertypes/{reference}", axum::routing::delete(triggers::made::delete))
        .route("/triggerinstances", get(trigger_instances::list).post(trigger_instances::sent::create))
        .route("/triggerinstances/{id}", get(trigger_instances::one))
        .route("/triggerinstances/{id}/why", get(trigger_instances::why))
        .route("/triggerinstances/{id}/re_emit", post(trigger_instances::sent::again))
        .route("/webhooks", get(webhooks::list))
        .route("/webhooks/{*url}", get(webhooks::one).post(webhooks::receive))
        .route("/maintenance", get(maintenance::list).post(maintenance::create))
        .route("/maintenance/{name}", get(maintenance::one).delete(maintenance::delete))
}

/// The routes of what is kept: packs, configurations, keys, users, and the host itself.
fn kept() -> Router<Api> {
    Router::new()
        .route("/user", get(users::me))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{name}", get(users::one).delete(users::delete))
        .route("/users/{name}/password", axum::routing::put(users::set_password))
        .route("/admin_token/rotate", post(users::rotate_admin_token))
        .route("/apikeys", get(api_keys::list).post(api_keys::create))
        .route("/apikeys/{id}", get(api_keys::one).put(api_keys::change).delete(api_keys::delete))
        .route("/backup", get(backup::make))
        .route("/purge", post(purge::purge))
        .route("/log", get(health::log_level).put(health::set_log_level))
        .route("/status", get(health::status))
        .route("/hostkeys", get(host_keys::list).post(host_keys::pin))
        .route("/hostkeys/{host}", get(host_keys::one).delete(host_keys::forget))
        .route("/keys", get(keys::list))
        .route("/keys/{*name}", get(keys::one).put(keys::set).delete(keys::delete))
        .route("/configs", get(configs::list))
        .route("/configs/{pack}", get(configs::one).put(configs::configure).delete(configs::forget))
        .route("/config_schemas", get(configs::schemas))
        .route("/config_schemas/{pack}", get(configs::schema))
        .route("/packs", get(packs::list))
        .route("/packs/views/progress", get(packs::progress))
        .route("/packs/{name}", get(packs::one).delete(packs::remove))
        .route("/packs/{name}/grants", get(grants::show).put(grants::change).delete(grants::revoke))
        .route("/packs/register", post(packs::register))
        .route("/packs/install", post(packs::install))
}

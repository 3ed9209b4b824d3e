//! What settings may not be together, or would do harm. What a single value must be is in `value.rs`.

use tracing_subscriber::EnvFilter;

use super::table::Settings;
use crate::exit::Failure;
use crate::grants;

/// Settings that would do harm are refused.
pub(super) fn check(settings: &Settings) -> Result<(), Failure> {
    let (server, tls) = (&settings.server, &settings.tls);
    if tls.certificate.is_some() != tls.key.is_some() {
        let missing = if tls.key.is_none() { "tls.key" } else { "tls.certificate" };
        return Err(Failure::usage(
            format!("a certificate and its key go together, and {missing} is empty"),
            "give both, or neither for plain HTTP",
        ));
    }
    if tls.certificate.is_none() && !server.listen.ip().is_loopback() && !server.allow_plain_http {
        return Err(Failure::usage(
            format!(
                "{} can be reached from other machines, and tokens would travel in clear text",
                server.listen
            ),
            "give --tls-certificate and --tls-key, listen on 127.0.0.1 behind a proxy that speaks TLS, or say --allow-plain-http",
        ));
    }
    if settings.engine.process_slots == 0 || settings.engine.component_slots == 0 {
        return Err(Failure::usage("with no slots nothing would ever run", "give at least 1"));
    }
    if server.idle_seconds == 0 {
        return Err(Failure::usage(
            "with server.idle_seconds = 0 nobody could send anything",
            "give at least 1",
        ));
    }
    if settings.expressions.max_seconds == 0 {
        return Err(Failure::usage(
            "with expressions.max_seconds = 0 no expression could take long",
            "give at least 1",
        ));
    }
    if settings.auth.token_seconds == 0 {
        return Err(Failure::usage("with auth.token_seconds = 0 nobody could sign in", "give at least 1"));
    }
    EnvFilter::try_new(&settings.log.level).map_err(|error| {
        Failure::usage(
            format!("log.level is `{}`, which is no level: {error}", settings.log.level),
            "write error, warn, info, debug or trace, or levels by part, as in warn,petrel_engine=debug",
        )
    })?;
    grants::parse(&settings.runners.grant_directories).map(drop)
}

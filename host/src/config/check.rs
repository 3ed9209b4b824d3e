//! Checks of settings that would be harmful alone or together. `value.rs` checks the form of single values.

use petrel_model::quoted::quoted;
use petrel_packs::plain_file;

use super::table::Settings;
use crate::exit::Failure;
use crate::log;

/// The greatest number of times for which a timer catches up: looking for more would take long.
const MOST_CATCH_UP: usize = 1000;
/// The memory that 32 bits can address, in MiB.
const LARGEST_MEMORY_MIB: usize = 4096;
/// The greatest number of seconds that a poll of a sensor may take: a day.
const LONGEST_POLL: u64 = 86_400;

/// Refuses harmful settings.
pub(super) fn check(settings: &Settings) -> Result<(), Failure> {
    let (server, tls) = (&settings.server, &settings.tls);
    if tls.certificate.is_some() != tls.key.is_some() {
        let missing = if tls.key.is_none() { "tls.key" } else { "tls.certificate" };
        return Err(Failure::usage(
            format!("a certificate and its key go together, and {missing} is empty"),
            "give both, or neither for plain HTTP",
        ));
    }
    // A missing file is reported by its reader. A FIFO must be found here, because reading it would wait for ever.
    for file in [&tls.certificate, &tls.key].into_iter().flatten() {
        if let Err(error) = plain_file::length(file)
            && error.kind() == std::io::ErrorKind::InvalidInput
        {
            let message = format!("the certificate or key {} cannot be read: {error}", file.display());
            return Err(Failure::usage(message, "name the files with them in tls.certificate and tls.key"));
        }
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
    check_numbers(settings)?;
    check_registries(settings)?;
    let most = settings.timers.max_catch_up;
    if !(1..=MOST_CATCH_UP).contains(&most) {
        let message = format!("timers.max_catch_up is {most}");
        return Err(Failure::usage(message, format!("give 1 to {MOST_CATCH_UP}")));
    }
    if settings.webhooks.dedup_window.0.is_some_and(|window| window.is_zero()) {
        let message =
            "with webhooks.dedup_window = 0s every delivery that comes again would be taken in again";
        return Err(Failure::usage(message, "give at least 1s"));
    }
    log::filter(&settings.log.level).map_err(|error| {
        Failure::usage(
            format!("log.level is `{}`, which is not a log level: {error}", quoted(&settings.log.level)),
            "write error, warn, info, debug or trace, or levels by module, as in warn,petrel=debug",
        )
    })?;
    settings.given().map(drop)
}

/// Refuses bounds within which no pack could be fetched.
fn check_registries(settings: &Settings) -> Result<(), Failure> {
    let of_all = &settings.registries;
    let useless = [
        (of_all.max_pack_mib == 0, "registries.max_pack_mib"),
        (of_all.timeout_seconds == 0, "registries.timeout_seconds"),
        (of_all.downloads == 0, "registries.downloads"),
    ];
    match useless.into_iter().find(|(is_useless, _)| *is_useless) {
        Some((_, key)) => {
            Err(Failure::usage(format!("with {key} = 0 no pack could be fetched"), "give at least 1"))
        }
        None => Ok(()),
    }
}

/// Refuses numbers with which nothing would work.
fn check_numbers(settings: &Settings) -> Result<(), Failure> {
    let Settings {
        server, engine, workflows, sensors, datastore, expressions, components, auth, ssh, ..
    } = settings;
    for (is_useless, key, consequence) in [
        (engine.process_slots == 0, "engine.process_slots", "no process would ever run"),
        (engine.component_slots == 0, "engine.component_slots", "no component would ever run"),
        (workflows.max_descendants == 0, "workflows.max_descendants", "no workflow would ever run"),
        (workflows.items_window == 0, "workflows.items_window", "no items of a task would ever run"),
        (workflows.max_tasks_in_step == 0, "workflows.max_tasks_in_step", "no workflow would ever run"),
        (workflows.max_tasks == 0, "workflows.max_tasks", "no workflow would ever run"),
        (workflows.max_variables_mib == 0, "workflows.max_variables_mib", "no workflow would ever run"),
        (sensors.concurrency == 0, "sensors.concurrency", "no sensor would ever run"),
        (sensors.poll_timeout == 0, "sensors.poll_timeout", "no sensor could answer"),
        (datastore.max_mib == 0, "datastore.max_mib", "no key could be set"),
        (server.idle_seconds == 0, "server.idle_seconds", "nobody could send anything"),
        (server.max_connections == 0, "server.max_connections", "nobody could ask anything"),
        (
            server.max_connections_per_address == 0,
            "server.max_connections_per_address",
            "nobody could ask anything",
        ),
        (server.max_in_flight_mib == 0, "server.max_in_flight_mib", "nothing could be accepted"),
        (ssh.connect_timeout == 0, "ssh.connect_timeout", "no host could be reached"),
        (ssh.max_parallel == 0, "ssh.max_parallel", "no host would ever work"),
        (components.memory_mib == 0, "components.memory_mib", "no component could run"),
        (components.max_memory_mib == 0, "components.max_memory_mib", "no component could run"),
        (components.max_cpu_seconds == 0, "components.max_cpu_seconds", "no component could run"),
        (engine.results_mib == 0, "engine.results_mib", "nothing could return a result"),
        (expressions.max_seconds == 0, "expressions.max_seconds", "no expression could take long"),
        (
            settings.virtualenvs.timeout_seconds == 0,
            "virtualenvs.timeout_seconds",
            "nothing could be installed",
        ),
        (auth.token_seconds == 0, "auth.token_seconds", "nobody could sign in"),
    ] {
        if is_useless {
            return Err(Failure::usage(format!("with {key} = 0 {consequence}"), "give at least 1"));
        }
    }
    if components.max_memory_mib > LARGEST_MEMORY_MIB {
        let message = format!("components.max_memory_mib is {}", components.max_memory_mib);
        return Err(Failure::usage(
            message,
            format!("give at most {LARGEST_MEMORY_MIB}: a component has no more to address"),
        ));
    }
    if sensors.poll_timeout > LONGEST_POLL {
        let message = format!("sensors.poll_timeout is {}", sensors.poll_timeout);
        return Err(Failure::usage(
            message,
            format!("give at most {LONGEST_POLL}: a sensor with more to do is a stream"),
        ));
    }
    if !(1..=100).contains(&engine.waiting_share) {
        let message = format!("engine.waiting_share is {} percent", engine.waiting_share);
        return Err(Failure::usage(message, "give 1 to 100"));
    }
    Ok(())
}

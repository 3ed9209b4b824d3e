//! The log on standard error, as text or as JSON, with a level that can be changed while the host runs.

use std::io::IsTerminal as _;

use petrel_api::LogControl;
use petrel_model::quoted::quoted;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{LogFormat, Settings};

/// The level in force, and the handle to change it.
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

/// The levels, from the most quiet one on.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The greatest length of a level, in bytes: every line of the log is compared with each of its parts.
const LONGEST: usize = 1_000;

/// The filter for `level`. Blanks around its parts mean nothing.
///
/// # Errors
/// When `level` is too long, or a part of it is not a level, or not the level of a module.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    if level.len() > LONGEST {
        return Err(format!("it has {} bytes, and {LONGEST} is the limit", level.len()));
    }
    let parts = level.split(',').map(part).collect::<Result<Vec<_>, _>>()?;
    EnvFilter::try_new(parts.join(",")).map_err(|error| error.to_string())
}

/// A part of a level, as the library reads it. With a blank in it, or without a level, the library would take it for the
/// name of a module, and disable everything else.
fn part(written: &str) -> Result<String, String> {
    let written = written.trim();
    if let Some((module, _span)) = written.split_once('[') {
        return checked_module(module).map(|()| written.to_owned());
    }
    let (module, level) = match written.split_once('=') {
        Some((module, level)) => (Some(module.trim()), level.trim()),
        None => (None, written),
    };
    if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
        return Err(format!("`{}` is none of {}", quoted(level), LEVELS.join(", ")));
    }
    match module {
        None => Ok(level.to_owned()),
        Some("") => Err(format!("`{written}` names no module")),
        Some(module) => checked_module(module).map(|()| format!("{module}={level}")),
    }
}

/// Refuses what can be the name of no module.
fn checked_module(name: &str) -> Result<(), String> {
    if name.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Err(format!("`{}` is the name of no module", quoted(name).escape_debug()));
    }
    Ok(())
}

/// Starts the log.
pub(crate) fn start(settings: &Settings) -> Level {
    // An invalid level was refused with the other settings.
    let (filter, handle) = reload::Layer::new(filter(&settings.log.level).unwrap_or_default());
    let registry = tracing_subscriber::registry().with(filter);
    // Colours are for people: a journal or a file gets plain lines.
    let in_colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(in_colour);
    match settings.log.format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json()).init(),
    }
    Level(handle)
}

impl LogControl for Level {
    fn level(&self) -> String {
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    fn set_level(&self, level: &str) -> Result<(), String> {
        let filter = filter(level)?;
        self.0.reload(filter).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_alone_is_a_level_and_parts_have_one() {
        for (level, is_read_as) in [
            ("off", "off"),
            ("warn", "warn"),
            ("INFO", "info"),
            ("trace", "trace"),
            (" debug ", "debug"),
            ("warn,petrel=debug", "petrel=debug,warn"),
            ("petrel=debug, error", "petrel=debug,error"),
            ("info ,petrel=debug", "petrel=debug,info"),
            ("info , petrel = DEBUG ", "petrel=debug,info"),
            ("info,petrel::api=debug", "petrel::api=debug,info"),
        ] {
            let filter = filter(level).map(|filter| filter.to_string());
            assert_eq!(filter.as_deref(), Ok(is_read_as), "{level}");
        }
        assert!(filter("warn,[execution]=debug").is_ok());
        let (long, many) = ("x".repeat(100_000), "petrel=debug,".repeat(50_000));
        for (level, says) in [
            ("loud", "`loud` is none of off, error, warn, info, debug, trace"),
            ("warning", "`warning` is none of"),
            // The name of a module, without its level: all else would be off.
            ("petrel", "`petrel` is none of"),
            ("petrel::api", "`petrel::api` is none of"),
            ("warn,petrel", "`petrel` is none of"),
            ("petrel=loud", "`loud` is none of"),
            ("petrel=", "`` is none of"),
            ("info,", "`` is none of"),
            ("=debug", "`=debug` names no module"),
            ("info petrel=debug", "`info petrel` is the name of no module"),
            ("info [x]=debug", "is the name of no module"),
            (long.as_str(), "it has 100000 bytes, and 1000 is the limit"),
            (many.as_str(), "bytes, and 1000 is the limit"),
        ] {
            let refused = filter(level).err();
            assert!(refused.as_ref().is_some_and(|told| told.contains(says)), "{says}: {refused:?}");
        }
    }
}

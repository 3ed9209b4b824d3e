//! The log on standard error, as text or as JSON, with a level that can be changed while the host runs.

use std::io::IsTerminal as _;

use petrel_api::LogControl;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{LogFormat, Settings};

/// The level in force, and the handle to change it.
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

/// The filter for `level`.
///
/// # Errors
/// When `level` is not a level. A single word must be one: the library would take any other word for the name of a
/// module, and disable everything else.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let words = level.split(',').map(str::trim).filter(|word| !word.contains(['=', '[', ':']));
    let stranger = words.into_iter().find(|word| !LEVELS.contains(&word.to_ascii_lowercase().as_str()));
    match stranger {
        Some(stranger) => Err(format!("`{stranger}` is none of {}", LEVELS.join(", "))),
        None => EnvFilter::try_new(level).map_err(|error| error.to_string()),
    }
}

/// Starts the log.
pub(crate) fn start(settings: &Settings) -> Level {
    // An invalid level was refused with the other settings.
    let (filter, handle) = reload::Layer::new(EnvFilter::new(&settings.log.level));
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
        for level in
            ["off", "warn", "INFO", "trace", "warn,petrel_engine=debug", "petrel_engine=debug, error"]
        {
            assert!(filter(level).is_ok(), "{level}: {:?}", filter(level).err());
        }
        for (level, says) in [
            ("loud", "`loud` is none of off, error, warn, info, debug, trace"),
            ("warning", "`warning` is none of"),
            // The name of a part, without its level: all else would be off.
            ("petrel_engine", "`petrel_engine` is none of"),
            ("warn,petrel_engine", "`petrel_engine` is none of"),
            ("petrel_engine=loud", ""),
        ] {
            let refused = filter(level).err();
            assert!(refused.as_ref().is_some_and(|told| told.contains(says)), "{level}: {refused:?}");
        }
    }
}

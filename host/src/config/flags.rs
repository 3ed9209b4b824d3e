//! The settings as flags: one for each row of the table, and `--config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};
use petrel_runners::local_shell::identity::quoted;

use super::layers::rows;
use super::table::Row;
use super::value::{Kind, Raw};

/// The flags that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// The configuration file.
    pub(super) config: Option<PathBuf>,
    /// Values by the full name of the setting.
    pub(super) given: BTreeMap<&'static str, Raw>,
}

impl Flags {
    /// Sets `key` to `value`, as if by its flag.
    pub(crate) fn and(mut self, key: &'static str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.given.insert(key, Raw::Written(value));
        }
        self
    }

    /// The flags as words of a command line, each after a blank, for a command in a message.
    pub(crate) fn words(&self) -> String {
        let config =
            self.config.iter().map(|file| format!(" --config={}", quoted(&file.display().to_string())));
        let given = rows().filter_map(|row| {
            let value = match self.given.get(row.key)? {
                Raw::Written(text) | Raw::Text(text) => text.clone(),
                Raw::List(texts) => texts.join(","),
                Raw::Switch(on) => on.to_string(),
                Raw::Number(number) => number.to_string(),
                Raw::Other(_) => return None,
            };
            Some(format!(" --{}={}", row.flag, quoted(&value)))
        });
        config.chain(given).collect()
    }
}

fn argument(row: &'static Row) -> Arg {
    let default = if row.default.is_empty() || row.kind == Kind::Switch {
        String::new()
    } else {
        format!(" [default: {}]", row.default)
    };
    let about = row.about.join("").trim().trim_end_matches('.').to_owned();
    let argument = Arg::new(row.key)
        .long(row.flag)
        .value_name(row.placeholder)
        .help(format!("{about}{default} [env: {}]", row.variable));
    match row.kind {
        Kind::One => argument,
        Kind::Switch => argument
            .num_args(0..=1)
            // Otherwise the next word would be taken for the value.
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true),
        Kind::List => argument.action(ArgAction::Append).value_delimiter(','),
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config").long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf)).help(
            "The configuration file [default: /etc/petrel/petrel.toml, or petrel/petrel.toml in the XDG configuration home] [env: PETREL_CONFIG]",
        );
        command.arg(config).args(rows().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self { config: matches.get_one::<PathBuf>("config").cloned(), ..Self::default() };
        for row in rows() {
            let Some(values) = matches.get_many::<String>(row.key) else { continue };
            let values: Vec<_> = values.cloned().collect();
            let raw = match row.kind {
                Kind::List => Raw::List(values),
                Kind::One | Kind::Switch => Raw::Written(values.concat()),
            };
            flags.given.insert(row.key, raw);
        }
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_said_as_they_are_given() {
        let given = [
            ("server.data_dir", Raw::Written("/my data".into())),
            ("store.engine", Raw::Written("redb".into())),
            ("engine.process_slots", Raw::Number(2)),
        ];
        let flags = Flags { config: Some("a.toml".into()), given: given.into() };
        assert_eq!(
            flags.words(),
            " --config=a.toml --data-dir='/my data' --process-slots=2 --store-engine=redb"
        );
        assert_eq!(Flags::default().words(), "");
    }

    #[test]
    fn the_help_of_a_flag_stands_by_itself() {
        // In the help there is no heading of a section to which such a word could point.
        let pointing = ["them", "these", "those"];
        for row in rows() {
            let about = row.about.join("");
            let words: Vec<_> = about.split_whitespace().collect();
            assert!(words.len() >= 4 && about.trim().ends_with('.'), "{}: {about}", row.key);
            assert!(!words.iter().any(|word| pointing.contains(word)), "{}: {about}", row.key);
        }
    }
}

//! Settings as text: the values in force with their sources, and the reference of all settings.

use std::path::Path;

use serde_json::{Value, json};

use super::Configuration;
use super::layers::{Origin, rows};
use super::registries;
use super::table::TABLE;
use super::trust;
use super::value::{Kind, Raw};

/// A file with every setting, its default and its description. The defaults are comments.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Every setting of petrel, with its default. A flag wins over a variable, a variable over this file.\n\
         # The file is the one that --config or PETREL_CONFIG names, else /etc/petrel/petrel.toml,\n\
         # else petrel/petrel.toml in the XDG configuration home.\n",
    );
    for section in TABLE {
        text.push('\n');
        section.about.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
        text.push_str(&format!("[{}]\n", section.name));
        for row in section.rows {
            text.push('\n');
            row.about.iter().for_each(|line| text.push_str(&format!("#{line}\n")));
            text.push_str(&format!("# {}; {}; --{}\n", row.expected, row.variable, row.flag));
            text.push_str(&format!(
                "#{} = {}\n",
                row.name,
                default_as_toml(row.default, row.kind, row.expected)
            ));
        }
    }
    text
}

/// Every setting by its full name: its default, its description, and what sets it.
pub(crate) fn reference_as_json() -> Value {
    let settings = rows().map(|row| {
        let about: Vec<_> = row.about.iter().copied().map(str::trim).collect();
        let setting = json!({
            "default": default_as_json(row.default, row.kind, row.expected),
            "description": about.join(" "),
            "expected": row.expected,
            "variable": row.variable,
            "flag": format!("--{}", row.flag),
        });
        (row.key.to_owned(), setting)
    });
    Value::Object(settings.collect())
}

fn default_as_json(default: &str, kind: Kind, expected: &str) -> Value {
    match kind {
        Kind::Switch => json!(default == "true"),
        Kind::List => json!(default.split(',').filter(|text| !text.is_empty()).collect::<Vec<_>>()),
        Kind::One if is_number(expected) => json!(default.parse::<u64>().ok()),
        Kind::One => json!(default),
    }
}

/// Whether values of this description are numbers.
fn is_number(expected: &str) -> bool {
    expected.starts_with("a whole number")
}

fn default_as_toml(default: &str, kind: Kind, expected: &str) -> String {
    match kind {
        Kind::Switch => default.to_owned(),
        Kind::List if default.is_empty() => "[]".to_owned(),
        Kind::List => Raw::List(default.split(',').map(str::to_owned).collect()).as_toml(),
        Kind::One if is_number(expected) => default.to_owned(),
        Kind::One => Raw::Text(default.to_owned()).as_toml(),
    }
}

/// The values in force, one on each line, with their sources if `with_origin`.
pub(crate) fn as_text(configuration: &Configuration, with_origin: bool) -> String {
    let lines: Vec<_> = in_force(configuration)
        .map(|(key, value, origin)| (format!("{key} = {}", value.as_toml()), origin))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    let lines = lines.into_iter().map(|(line, origin)| {
        if with_origin { format!("{line:width$}  # {origin}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

/// The values in force as an object: values and sources by full name.
pub(crate) fn as_json(configuration: &Configuration) -> Value {
    let settings = in_force(configuration).map(|(key, value, origin)| {
        let value = match value {
            Raw::Written(text) | Raw::Text(text) => json!(text),
            Raw::Number(number) => json!(number),
            Raw::Switch(on) => json!(on),
            Raw::List(texts) => json!(texts),
            Raw::Other(_) => Value::Null,
        };
        (key, json!({"value": value, "origin": origin}))
    });
    Value::Object(settings.collect())
}

fn in_force(configuration: &Configuration) -> impl Iterator<Item = (String, Raw, String)> {
    let settings = &configuration.settings;
    let values = settings.values();
    let of_file = &configuration.layers.file;
    let guards = of_file.guards.iter().map(move |(guard, line)| {
        let origin = Origin::File(of_file.path.clone(), *line).to_string();
        (format!("webhooks.{}", json!(guard.url)), Raw::Text(guard.to_string()), origin)
    });
    let of_registries = of_file.registries.iter().map(move |(registry, line)| {
        let origin = Origin::File(of_file.path.clone(), *line).to_string();
        (format!("registries.{}", json!(registry.host)), Raw::Text(registries::told(registry)), origin)
    });
    let of_trust = of_file.trust.iter().map(move |(rule, line)| {
        let origin = Origin::File(of_file.path.clone(), *line).to_string();
        (format!("trust.{}", json!(rule.pattern)), Raw::Text(trust::told(rule)), origin)
    });
    let rows = rows().zip(values).map(move |(row, value)| {
        // An unset directory has a default place, which is shown.
        let is_unnamed = matches!(&value, Raw::Text(text) if text.is_empty());
        let value = match row.key {
            "server.data_dir" if is_unnamed => placed(&settings.data_dir()),
            "packs.config_dir" if is_unnamed => placed(&settings.data_dir().join("configs")),
            "registries.lock_file" if is_unnamed => placed(&settings.lock_file()),
            _ => value,
        };
        (row.key.to_owned(), value, configuration.layers.find(row).1.to_string())
    });
    rows.chain(guards).chain(of_registries).chain(of_trust)
}

fn placed(path: &Path) -> Raw {
    Raw::Text(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Flags;

    #[test]
    fn the_reference_in_the_repository_is_the_one_that_is_printed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/petrel.toml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            committed,
            reference(),
            "`cargo run -- config reference > host/petrel.toml` writes it anew"
        );
    }

    #[test]
    fn the_reference_reads_as_the_defaults() {
        let text: String = reference()
            .lines()
            .map(|line| {
                // A default is a comment without a blank behind its mark.
                let rest =
                    line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && rest.contains(" = "));
                format!("{}\n", rest.unwrap_or(line))
            })
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("petrel.toml");
        std::fs::write(&path, text).unwrap();
        let flags = Flags { config: Some(path), ..Flags::default() };
        let from_file = Configuration::with(&flags, BTreeMap::default()).unwrap();
        let mut defaults = Configuration::with(&Flags::default(), BTreeMap::default()).unwrap().settings;
        defaults.file.clone_from(&from_file.settings.file);
        assert_eq!(from_file.settings, defaults);
        assert!(in_force(&from_file).all(|(_, _, origin)| origin.contains("petrel.toml:")));
    }

    #[test]
    fn programs_get_every_setting_with_its_default() {
        let shown = reference_as_json();
        assert_eq!(shown.as_object().unwrap().len(), rows().count());
        for (key, default) in [
            ("server.listen", json!("127.0.0.1:9101")),
            ("server.idle_seconds", json!(30)),
            ("server.allow_plain_http", json!(false)),
            ("runners.decode_scalars", json!(true)),
        ] {
            assert_eq!(shown[key]["default"], default, "{key}");
        }
        let listen = &shown["server.listen"];
        assert_eq!((&listen["variable"], &listen["flag"]), (&json!("PETREL_LISTEN"), &json!("--listen")));
        let mut lists = rows().filter(|row| row.kind == Kind::List);
        assert!(lists.all(|row| shown[row.key]["default"].is_array()));
        let mut numbers = rows().filter(|row| is_number(row.expected));
        assert!(numbers.all(|row| shown[row.key]["default"].is_u64()));
    }

    #[test]
    fn places_that_nobody_has_named_are_shown() {
        let given = [("server.data_dir", Raw::Written("/d".into()))].into();
        for flags in [Flags::default(), Flags { given, ..Flags::default() }] {
            let configuration = Configuration::with(&flags, BTreeMap::default()).unwrap();
            let data_dir = configuration.settings.data_dir();
            let shown = as_json(&configuration);
            assert_eq!(shown["server.data_dir"]["value"], json!(data_dir));
            assert_eq!(shown["packs.config_dir"]["value"], json!(data_dir.join("configs")));
        }
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        for row in rows() {
            let line = format!("| `{}` | `--{}` | `{}` |", row.key, row.flag, row.variable);
            assert!(readme.contains(&line), "README.md has no line with {line}");
        }
    }
}

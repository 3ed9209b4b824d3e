//! The configuration file: its place and its values, each with its line. `table.rs` defines the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use petrel_api::guard::Guard;
use petrel_model::count::counted;
use petrel_model::nearest::nearest;
use petrel_packs::limits::MOST_PROBLEMS;
use petrel_packs::plain_file;
use petrel_registry::{RegistrySettings, trust};
use toml::de::{DeTable, DeValue};

use super::layers::rows;
use super::registries;
use super::table::TABLE;
use super::trust as trusted;
use super::value::Raw;
use super::webhooks;
use crate::exit::Failure;

/// The path of the machine's file.
const OF_THE_MACHINE: &str = "/etc/petrel/petrel.toml";

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The values in a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct File {
    /// The path of the file.
    pub(super) path: PathBuf,
    /// Values with their lines, by the full name of the setting.
    pub(super) values: BTreeMap<String, (Raw, usize)>,
    /// The settings of single webhooks with the lines of their tables.
    pub(super) guards: Vec<(Guard, usize)>,
    /// The settings of single registries with the lines of their tables.
    pub(super) registries: Vec<(RegistrySettings, usize)>,
    /// The trust in packs of some repositories with the lines of their tables.
    pub(super) trust: Vec<(trust::Rule, usize)>,
}

/// The file to read: the given one, or the machine's, or the user's, the first that exists.
pub(super) fn find(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| {
        let of_the_user = crate::data_directory::config_home().map(|home| home.join("petrel.toml"));
        [Some(PathBuf::from(OF_THE_MACHINE)), of_the_user].into_iter().flatten().find(|path| path.is_file())
    })
}

/// As [`find`], for a client: one of the usual files that this user may not read counts as absent.
pub(super) fn find_readable(named: Option<PathBuf>) -> Option<PathBuf> {
    let is_named = named.is_some();
    find(named).filter(|path| is_named || std::fs::File::open(path).is_ok())
}

/// Reads a file. All problems are reported at once, each with its line.
pub(super) fn read(path: &Path) -> Result<File, Failure> {
    let text = plain_file::read_text(path, LARGEST).map_err(|error| {
        Failure::usage(
            format!("the configuration {} cannot be read: {error}", path.display()),
            "check the path in --config or PETREL_CONFIG; `petrel config reference` prints a file to start from",
        )
    })?;
    let (values, guards, (registries, trust)) = parse(&text).map_err(|problems| {
        let lines: Vec<_> =
            problems.iter().map(|(line, message)| format!("{}:{line}: {message}", path.display())).collect();
        Failure::usage(
            lines.join("\n"),
            "`petrel config reference` shows every key with its type and default",
        )
    })?;
    Ok(File { path: path.to_owned(), values, guards, registries, trust })
}

type Problems = Vec<(usize, String)>;

/// The settings of single registries, and the trust in some repositories, with their lines.
type OfRegistries = (Vec<(RegistrySettings, usize)>, Vec<(trust::Rule, usize)>);

/// The values and the settings of single webhooks and registries in a file, with their lines.
type Parsed = (BTreeMap<String, (Raw, usize)>, Vec<(Guard, usize)>, OfRegistries);

/// Parses `text`, or returns all problems with their lines.
fn parse(text: &str) -> Result<Parsed, Problems> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
    let line = |offset: usize| ends.partition_point(|end| *end < offset) + 1;
    let table = DeTable::parse(text).map_err(|error| {
        let at = line(error.span().unwrap_or_default().start);
        let written = text.lines().nth(at - 1).unwrap_or_default();
        let message = error.message();
        vec![(at, unquoted(written).map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}")))]
    })?;
    let (mut values, mut guards, mut urls) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    let (mut of_registries, mut of_trust) = OfRegistries::default();
    let mut problems = Problems::new();
    let mut more = 0;
    let mut note = |at: usize, message: &dyn Fn() -> String| {
        if problems.len() < MOST_PROBLEMS {
            problems.push((at, message()));
        } else {
            more += 1;
        }
    };
    for (section, inner) in table.get_ref() {
        let (name, at) = (section.get_ref().as_ref(), line(section.span().start));
        let (Some(known), DeValue::Table(inner)) =
            (TABLE.iter().find(|known| known.name == name), inner.get_ref())
        else {
            note(at, &|| unknown_section(name));
            continue;
        };
        for (key, value) in inner {
            let (name, at) = (key.get_ref().as_ref(), line(key.span().start));
            if let (webhooks::SECTION, DeValue::Table(of_one)) = (known.name, value.get_ref()) {
                let is_first = urls.insert(name.trim_matches('/'));
                match webhooks::read((name, at), of_one, &line, is_first) {
                    Ok(guard) => guards.push((guard, at)),
                    Err(found) => found.iter().for_each(|(at, message)| note(*at, &|| message.clone())),
                }
            } else if let (registries::SECTION, DeValue::Table(of_one)) = (known.name, value.get_ref()) {
                match registries::read((name, at), of_one, &line) {
                    Ok(registry) => of_registries.push((registry, at)),
                    Err(found) => found.iter().for_each(|(at, message)| note(*at, &|| message.clone())),
                }
            } else if let (trusted::SECTION, DeValue::Table(of_one)) = (known.name, value.get_ref()) {
                match trusted::read((name, at), of_one, &line) {
                    Ok(rule) => of_trust.push((rule, at)),
                    Err(found) => found.iter().for_each(|(at, message)| note(*at, &|| message.clone())),
                }
            } else if known.rows.iter().any(|row| row.name == name) {
                values.insert(format!("{}.{name}", known.name), (raw(value.get_ref()), at));
            } else {
                note(at, &|| unknown_key(known.name, name));
            }
        }
    }
    if more > 0 {
        problems
            .push((ends.len() + 1, format!("and {}; correct these first", counted(more, "more problem"))));
    }
    if problems.is_empty() { Ok((values, guards, (of_registries, of_trust))) } else { Err(problems) }
}

/// The remedy for a line whose value is a text without quotes, if it is one.
fn unquoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split(" #").next().unwrap_or_default().trim());
    let is_bare = !value.is_empty() && !value.contains(['"', '\'', '[', '{', '\\']);
    let is_text = is_bare && DeTable::parse(&format!("value = {value}")).is_err();
    is_text.then(|| format!("put the text in quotes: {key} = \"{value}\""))
}

fn unknown_section(name: &str) -> String {
    let sections = TABLE.iter().map(|section| section.name);
    let hint = if name == webhooks::SECTION {
        format!("it is a section: write [{name}] for all webhooks, {} for one", webhooks::TABLE_OF_ONE)
    } else if TABLE.iter().any(|section| section.name == name) {
        format!("it is a section: write [{name}]")
    } else if let Some(row) = rows().find(|row| row.name == name) {
        format!("it belongs into a section: {}", row.key)
    } else if let Some(near) = nearest(name, sections.clone()) {
        format!("did you mean [{near}]?")
    } else {
        format!("there are {}", sections.map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", "))
    };
    format!("unknown section `{name}`; {hint}")
}

fn unknown_key(section: &str, name: &str) -> String {
    let of_section = || rows().filter(|row| row.key.starts_with(&format!("{section}.")));
    let hint = if let Some(near) = nearest(name, of_section().map(|row| row.name)) {
        format!("did you mean `{section}.{near}`?")
    } else if section == webhooks::SECTION && webhooks::is_of_one(name) {
        format!("it is of a single webhook: write {} above it", webhooks::TABLE_OF_ONE)
    } else if let Some(row) = rows().find(|row| row.name == name) {
        format!("did you mean `{}`?", row.key)
    } else {
        let known: Vec<_> = of_section().map(|row| row.name).collect();
        let of_one =
            (section == webhooks::SECTION).then(|| format!(", and {} for one", webhooks::TABLE_OF_ONE));
        format!("in [{section}] there are {}{}", known.join(", "), of_one.unwrap_or_default())
    };
    format!("unknown key `{section}.{name}`; {hint}")
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(on) => Raw::Switch(*on),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Raw::Number(number),
            Err(_too_large) => Raw::Other("number that is too large"),
        },
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            Option::map_or(texts, Raw::Other("list of something else"), Raw::List)
        }
        other => Raw::Other(other.type_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_their_lines() {
        let text = "# a comment\n[server]\nlisten = \"127.0.0.1:80\"\n\n[engine]\nprocess_slots = 0x10\n\
                    [runners]\ngrant_directories = [\"a=/b:/c\"]\n";
        let (values, ..) = parse(text).unwrap();
        let found: Vec<_> = values.into_iter().map(|(key, (raw, line))| (key, raw.as_toml(), line)).collect();
        let expected = [
            ("engine.process_slots", "16", 6),
            ("runners.grant_directories", "[\"a=/b:/c\"]", 8),
            ("server.listen", "\"127.0.0.1:80\"", 3),
        ];
        assert_eq!(found, expected.map(|(key, raw, line)| (key.to_owned(), raw.to_owned(), line)));
        assert_eq!(parse("server.listen = \"x\"").unwrap().0.len(), 1);
    }

    #[test]
    fn what_is_not_known_is_told_with_its_line_and_the_nearest() {
        for (text, at, says) in [
            ("[server]\nlisen = 1", 2, "unknown key `server.lisen`; did you mean `server.listen`?"),
            ("[server]\nprocess_slots = 1", 2, "did you mean `engine.process_slots`?"),
            ("\n[sever]\n", 2, "unknown section `sever`; did you mean [server]?"),
            ("listen = \"x\"", 1, "it belongs into a section: server.listen"),
            ("server = 1", 1, "it is a section: write [server]"),
            (
                "[[webhooks]]\nurl = \"github\"",
                1,
                "write [webhooks] for all webhooks, [webhooks.\"URL\"] for one",
            ),
            ("[webhooks]\nurl = \"github\"", 2, "write [webhooks.\"URL\"] above it"),
            ("[webhooks]\nsignature = \"github\"", 2, "write [webhooks.\"URL\"] above it"),
            ("[webhooks]\ncolour = 1", 2, ", and [webhooks.\"URL\"] for one"),
            ("[colour]\na = 1", 1, "there are [server], "),
            ("[log]\ncolour = 1", 2, "in [log] there are level, format"),
            ("[server\n", 1, ""),
            (
                "[server]\nlisten = 127.0.0.1:9317 # here\n",
                2,
                "put the text in quotes: listen = \"127.0.0.1:9317\"",
            ),
            ("[server]\ndata_dir = /var/lib/petrel", 2, "in quotes: data_dir = \"/var/lib/petrel\""),
            ("[server]\nlisten = \"a\"\nlisten = \"b\"", 3, "duplicate key"),
        ] {
            let problems = parse(text).unwrap_err();
            assert_eq!(problems[0].0, at, "{problems:?}");
            assert!(problems[0].1.contains(says), "{problems:?}");
        }
        assert_eq!(parse("[server]\na = 1\nb = 2\n[x]\n").unwrap_err().len(), 3);
        let many: String = (0..20_000).map(|number| format!("key{number} = 1\n")).collect();
        let problems = parse(&format!("[server]\n{many}")).unwrap_err();
        assert_eq!(problems.len(), 101);
        assert_eq!(problems[100].1, "and 19900 more problems; correct these first");
    }

    #[test]
    fn a_file_that_is_none_is_not_waited_for() {
        for path in [Path::new("/dev/zero"), Path::new("/")] {
            let failure = read(path).unwrap_err();
            assert!(failure.message.contains("must be a plain file"), "{failure}");
        }
    }
}

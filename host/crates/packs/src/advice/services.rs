//! Finds calls of StackStorm's `action_service` that Petrel does not provide, since an action that reaches such a call
//! fails. They are reported at registration, by file and line. Files of the pack that an action imports are scanned as
//! well, line by line; whether a call is ever reached is not determined. [`super::imports`] knows which imports Petrel does
//! not provide, and [`config_keys`] about reads of the configuration.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::Action;
use petrel_model::count::counted;
use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;

use super::config_keys::{self, Read, is_of_name};
use super::imports::{self, LARGEST, names};
use crate::limits::MOST_PROBLEMS;
use crate::problem::short;
use crate::source::Source;

/// The attribute of the service that has all of its methods as well.
const DATASTORE: &str = "datastore_service";

/// The methods of the service, in `python/st2common/runners/utils.py` of `petrel-runners`.
const OFFERED: [&str; 5] = ["delete_value", "get_user_info", "get_value", "list_values", "set_value"];

/// Largest number of files that are scanned for one action, and for a pack.
const MOST_FILES_OF_ACTION: usize = 100;
const MOST_FILES: usize = 2_000;

/// Advice on the files of Python actions, one sentence each: calls, imports of the files that they import, and keys that
/// the schema `config_schema` of the configuration does not declare.
pub(super) fn on_files<'a>(
    actions: impl Iterator<Item = &'a Action>,
    source: &dyn Source,
    config_schema: Option<&Parameters>,
) -> Vec<String> {
    let mut look = Look { source, files: BTreeMap::new(), reached: BTreeSet::new() };
    for action in actions.filter(|action| action.runner_type == "python-script") {
        look.follow(&format!("actions/{}", action.entry_point));
    }
    let Look { files, reached, .. } = look;
    let read: Vec<(&String, &PythonFile)> =
        reached.iter().filter_map(|file| Some((file, files.get(file)?.as_ref()?))).collect();
    let mut notes = Vec::new();
    for (file, read) in &read {
        notes.extend(read.calls.iter().map(|(line, method)| told(file, *line, method)));
    }
    notes.extend(not_offered(&read));
    // A pack without a schema takes any configuration.
    notes.extend(config_schema.map(|schema| undeclared(&read, schema)).unwrap_or_default());
    let more = notes.len().saturating_sub(MOST_PROBLEMS);
    if more > 0 {
        notes.truncate(MOST_PROBLEMS);
        notes.push(format!("and {} on files of Python; see to these first", counted(more, "more remark")));
    }
    notes
}

/// Notes on modules that Petrel does not provide: one for each, however many files import it.
fn not_offered(files: &[(&String, &PythonFile)]) -> Vec<String> {
    let mut importers: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (file, read) in files {
        for module in &read.strangers {
            importers.entry(module.as_str()).or_insert((file.as_str(), 0)).1 += 1;
        }
    }
    let told = importers.into_iter().map(|(module, (first, count))| {
        let import = match count.saturating_sub(1) {
            0 => "imports".to_owned(),
            1 => "and 1 more file import".to_owned(),
            more => format!("and {more} more files import"),
        };
        format!(
            "{first} {import} {}, which Petrel does not offer, so that an action that imports it fails; {}",
            short(module),
            imports::remedy(module)
        )
    });
    told.collect()
}

/// Notes on keys of the configuration that `schema` does not declare. None if a file changes the configuration, since that
/// may be the base class of the others.
fn undeclared(files: &[(&String, &PythonFile)], schema: &Parameters) -> Vec<String> {
    if files.iter().any(|(_, read)| read.changes_config) {
        return Vec::new();
    }
    // One note for each key, wherever it is read.
    let mut places: BTreeMap<&Read, Vec<String>> = BTreeMap::new();
    for (file, read) in files {
        for (line, key) in &read.keys {
            places.entry(key).or_default().push(format!("{file}:{line}"));
        }
    }
    places.iter().filter_map(|(key, places)| config_keys::told(places, key, schema)).collect()
}

fn told(file: &str, line: usize, method: &str) -> String {
    let near = nearest(method, OFFERED).map(|near| format!("did you mean {near}?"));
    format!(
        "{file}:{line}: action_service.{} does not exist here, so that an action that comes to it fails; {}",
        short(method),
        near.unwrap_or_else(|| "have it do without, or call the API".to_owned())
    )
}

/// A Python file of the pack: its imports and calls.
struct PythonFile {
    /// Its imports, as written.
    modules: Vec<String>,
    /// Line numbers, from 1, and methods of calls that Petrel does not provide.
    calls: Vec<(usize, String)>,
    /// Imported modules of StackStorm that Petrel does not provide.
    strangers: BTreeSet<String>,
    /// Line numbers, from 1, and reads of the configuration.
    keys: Vec<(usize, Read)>,
    /// Whether it changes the configuration that it was given.
    changes_config: bool,
}

impl PythonFile {
    fn of(text: &str) -> Self {
        // A comment may mention a call, so it is cut off first.
        let code = || text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let calls = code().zip(1..).flat_map(|(line, number)| {
            called(line).into_iter().map(move |method| (number, method.to_owned()))
        });
        Self {
            modules: code().flat_map(|line| modules(line.trim())).collect(),
            calls: calls.collect(),
            strangers: imports::not_offered(text),
            keys: code()
                .zip(1..)
                .flat_map(|(line, number)| config_keys::read(line).into_iter().map(move |key| (number, key)))
                .collect(),
            changes_config: code().any(config_keys::is_changed),
        }
    }
}

/// The scanned files, each once.
struct Look<'a> {
    source: &'a dyn Source,
    /// By path. `None` for a file that does not exist, since its module belongs to somebody else.
    files: BTreeMap<String, Option<PythonFile>>,
    /// The files that actions consist of.
    reached: BTreeSet<String>,
}

impl Look<'_> {
    /// Scans a script and the files of its pack that it imports, directly or not. Imports start from the script's own
    /// directory, as in Python.
    fn follow(&mut self, script: &str) {
        let root = folder(script);
        let (mut open, mut seen) = (vec![script.to_owned()], BTreeSet::new());
        while let Some(path) = open.pop() {
            if seen.len() >= MOST_FILES_OF_ACTION || seen.contains(&path) {
                continue;
            }
            let Some(file) = self.file(&path) else { continue };
            open.extend(file.modules.iter().flat_map(|module| places(root, &path, module)));
            self.reached.insert(path.clone());
            seen.insert(path);
        }
    }

    fn file(&mut self, path: &str) -> Option<&PythonFile> {
        if !self.files.contains_key(path) {
            if self.files.len() >= MOST_FILES {
                return None;
            }
            let text = self.source.read(path, LARGEST).ok();
            self.files.insert(path.to_owned(), text.map(|text| PythonFile::of(&text)));
        }
        self.files.get(path)?.as_ref()
    }
}

/// The possible paths of a module that `file` imports, for an action whose script is in `root`.
fn places(root: &str, file: &str, module: &str) -> Vec<String> {
    let name = module.trim_start_matches('.');
    let mut base = root;
    // One dot stands for the directory of the file, and each further one for the directory above.
    for level in 0..module.len() - name.len() {
        base = folder(if level == 0 { file } else { base });
    }
    let path = if name.is_empty() { base.to_owned() } else { format!("{base}/{}", name.replace('.', "/")) };
    vec![format!("{path}.py"), format!("{path}/__init__.py")]
}

/// The directory of a path within the pack.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _name)| folder)
}

/// The modules that a line imports, including imported names that may be modules.
fn modules(line: &str) -> Vec<String> {
    if let Some(modules) = line.strip_prefix("import ") {
        return names(modules).map(str::to_owned).collect();
    }
    let Some((module, what)) = line.strip_prefix("from ").and_then(|rest| rest.split_once(" import ")) else {
        return Vec::new();
    };
    let module = module.trim();
    let between = if module.ends_with('.') { "" } else { "." };
    let named = names(what).map(|name| format!("{module}{between}{name}"));
    std::iter::once(module.to_owned()).chain(named).collect()
}

/// The methods of the service in a line of code that Petrel does not provide. Private ones are not meant to be called.
fn called(line: &str) -> Vec<&str> {
    let behind = line.match_indices("action_service.").filter_map(|(start, word)| {
        let is_word = line.get(..start)?.chars().next_back().is_none_or(|char| !is_of_name(char));
        let behind = line.get(start + word.len()..).filter(|_| is_word)?;
        let (name, rest) = name(behind);
        if name == DATASTORE { Some(self::name(rest.strip_prefix('.')?).0) } else { Some(name) }
    });
    let is_meant = |name: &&str| !name.is_empty() && !name.starts_with('_') && !OFFERED.contains(name);
    behind.filter(is_meant).collect()
}

/// Splits a text after the name at its beginning.
fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|char| !is_of_name(char)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Embedded;

    #[test]
    fn calls_of_the_service_are_found_where_they_are() {
        for (line, expected) in [
            ("token = self.action_service.get_key(name + user)", &["get_key"][..]),
            ("token = self.action_service.get_value(name + user)", &[]),
            ("self.action_service.datastore_service.set_key(", &["set_key"]),
            ("self.action_service.datastore_service.set_value(", &[]),
            ("store = self.action_service.datastore_service", &[]),
            ("a = action_service.list_values(); b = action_service.nothing", &["nothing"]),
            ("super().__init__(config, action_service)", &[]),
            ("self.action_service._action_wrapper._pack", &[]),
            ("self.my_action_service.get_key('x')", &[]),
        ] {
            assert_eq!(called(line), expected, "{line}");
        }
    }

    #[test]
    fn what_actions_import_of_their_pack_is_looked_through() {
        let action = |entry_point: &str| {
            let action = serde_json::json!({
                "ref": "demo.a", "runner_type": "python-script", "description": "", "entry_point": entry_point,
            });
            serde_json::from_value::<Action>(action).unwrap()
        };
        let files: &[(&str, &[u8])] = &[
            ("actions/one.py", b"from lib.base import Base\nimport json\n\nclass One(Base):\n    pass\n"),
            ("actions/two.py", b"from lib import base\nimport st2common.bootstrap.base\n# self.action_service.get_key('x')\n"),
            ("actions/lib/__init__.py", b""),
            (
                "actions/lib/base.py",
                b"from . import store\nimport lib.base\n\n\nself.action_service.get_user()\n",
            ),
            ("actions/lib/store.py", b"import st2common.bootstrap.base\n\nself.action_service.set_valeu('a', 1)\n"),
            ("actions/lib/unused.py", b"self.action_service.get_key('x')\n"),
            ("actions/sub/three.py", b"from lib.base import Base\nself.action_service.nothing()\n"),
        ];
        let actions = ["one.py", "two.py", "sub/three.py", "gone.py"].map(action);
        let notes = on_files(actions.iter(), &Embedded(files), None);
        let begin = [
            "actions/lib/base.py:5: action_service.get_user does not exist here",
            "actions/lib/store.py:3: action_service.set_valeu does not exist here, so that an action that comes to it fails; did you mean set_value?",
            "actions/sub/three.py:2: action_service.nothing does not exist here",
            "actions/lib/store.py and 1 more file import st2common.bootstrap.base, which Petrel does not offer",
        ];
        assert_eq!(notes.len(), begin.len(), "{notes:#?}");
        for (note, begin) in notes.iter().zip(begin) {
            assert!(note.starts_with(begin), "{note}");
        }
    }

    #[test]
    fn a_key_that_the_schema_lacks_is_told_unless_the_configuration_is_changed() {
        let action = serde_json::json!({
            "ref": "demo.a", "runner_type": "python-script", "description": "", "entry_point": "one.py",
        });
        let action = serde_json::from_value::<Action>(action).unwrap();
        let schema = serde_json::json!({"greeting": {"type": "string"}});
        let one: &[u8] = b"from lib.base import Base\nclass One(Base):\n    def run(self):\n        return self.config['greetng']\n";
        for (base, count) in [
            (&b"class Base: pass\n"[..], 1),
            (&b"# self.config = 1\n"[..], 1),
            (&b"class Base:\n    def __init__(self, config):\n        self.config = config['all']\n"[..], 0),
        ] {
            let files: &[(&str, &[u8])] = &[("actions/one.py", one), ("actions/lib/base.py", base)];
            let notes = on_files([&action].into_iter(), &Embedded(files), schema.as_object());
            assert_eq!(notes.len(), count, "{notes:?}");
            let is_said = |note: &String| {
                note.starts_with("actions/one.py:4: self.config is asked for the key greetng")
                    && note.contains("greeting?")
            };
            assert!(notes.iter().all(is_said), "{notes:?}");
        }
    }

    #[test]
    fn what_is_called_offered_is_what_the_service_does() {
        const SERVICE: &str = include_str!("../../../runners/python/st2common/runners/utils.py");
        let (_, class) = SERVICE.split_once("class ActionService").unwrap();
        let methods = class.split("    def ").skip(1).filter_map(|method| Some(method.split_once('(')?.0));
        let mut offered: Vec<_> =
            methods.filter(|name| !name.starts_with('_') && *name != DATASTORE).collect();
        offered.sort_unstable();
        assert_eq!(offered, OFFERED);
    }
}

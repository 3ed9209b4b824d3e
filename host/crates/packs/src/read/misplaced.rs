//! Finds files that look like content and are not read, since they or their directory have another name than StackStorm's:
//! `action/` in the place of `actions/`, `config.shema.yaml` in that of `config.schema.yaml`, `rules/a.ymal`.

use petrel_model::nearest::nearest;
use petrel_model::quoted::listed;

use crate::problem::short;
use crate::source::Source;

/// The directories that are read, or will be.
const READ: [&str; 6] = ["actions", "aliases", "policies", "rules", "sensors", "triggers"];

/// Names that are too far from the right one to be recognized.
const OTHERS: [(&str, &str); 5] = [
    ("alias", "aliases"),
    ("chains", "actions/chains"),
    ("policy", "policies"),
    ("workflow", "actions/workflows"),
    ("workflows", "actions/workflows"),
];

/// The files directly in a pack that are read.
const FILES: [&str; 3] = ["pack.yaml", "config.schema.yaml", "requirements.txt"];

/// The files in which old packs had values of their configuration.
const VALUES: [&str; 2] = ["config.yaml", "config.yml"];

/// The endings of metadata. As in StackStorm, others do not count, not even in capitals.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// Largest number of directories that are reported, and of files.
const MOST: usize = 20;

/// Largest number of files that one note names.
const MOST_NAMED: usize = 5;

/// A note for each directory of the pack whose name is nearly one of those that are read, if it holds such files, for each
/// directory that is read and holds files whose ending is nearly that of metadata, and for each such file directly in the pack.
pub(super) fn notes(source: &dyn Source) -> Vec<String> {
    let mut notes = of_folders(source);
    notes.extend(READ.iter().filter_map(|folder| of_endings(folder, source)));
    notes.extend(of_files(source));
    notes
}

/// The rest of a message about a `pack.yaml` that cannot be read, if there is a file of nearly that name instead.
pub(super) fn in_place_of_pack(source: &dyn Source) -> Option<String> {
    let names = source.list("").unwrap_or_default();
    let is_near = |name: &&String| nearest(name, ["pack.yaml"]).is_some();
    let meant = names.iter().find(is_near).filter(|_| !names.iter().any(|name| name == "pack.yaml"))?;
    Some(format!(", and it is likely {}: rename that to pack.yaml", short(meant)))
}

fn of_endings(folder: &str, source: &dyn Source) -> Option<String> {
    let names = source.list(folder).ok()?;
    let odd: Vec<_> = names.iter().map(String::as_str).filter(|name| has_odd_ending(name)).collect();
    let first = odd.first()?;
    let (stem, _) = first.rsplit_once('.')?;
    let verb = if odd.len() == 1 { "is" } else { "are" };
    Some(format!(
        "{} in {folder}/ {verb} ignored, since only files that end with .yaml or .yml are read; did you mean {}.yaml? Rename it",
        listed(odd.iter().copied(), MOST_NAMED),
        short(stem)
    ))
}

/// Whether the ending of a file is nearly that of metadata. Hidden files and backups belong to editors.
fn has_odd_ending(name: &str) -> bool {
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let is_odd =
        ending.starts_with(['y', 'Y']) && !ENDINGS.contains(&ending) && nearest(ending, ENDINGS).is_some();
    is_odd && !name.starts_with('.') && !name.ends_with('~')
}

fn of_files(source: &dyn Source) -> Vec<String> {
    let names = source.list("").unwrap_or_default();
    let is_there = |file: &str| names.iter().any(|name| name == file);
    let meant = names.iter().filter(|name| !FILES.contains(&name.as_str()) && !name.starts_with('.'));
    // Beside the right file, another one is likely the author's own.
    let meant = meant.filter_map(|name| Some((name, nearest(name, FILES).filter(|file| !is_there(file))?)));
    let told = meant.take(MOST).map(|(name, file)| {
        let name = short(name);
        format!("{name} is ignored, since nothing reads a file of this name; did you mean {file}? Rename it")
    });
    let values = names.iter().filter(|name| VALUES.contains(&name.as_str())).map(|name| {
        format!(
            "{name} is ignored, since a pack declares its configuration in config.schema.yaml and contains no values of it; \
             `petrel pack configure PACK {name}` gives them"
        )
    });
    told.chain(values).collect()
}

fn of_folders(source: &dyn Source) -> Vec<String> {
    let folders = source.folders("").unwrap_or_default();
    let meant = folders.iter().filter_map(|folder| Some((folder.as_str(), meant(folder)?)));
    let holding = meant.filter_map(|(folder, meant)| {
        let names = source.list(folder).ok()?;
        // As files are read: by these endings, in small letters.
        let is_metadata =
            |name: &&String| matches!(name.rsplit_once('.'), Some((_, ending)) if ENDINGS.contains(&ending));
        let first = names.iter().find(is_metadata)?;
        let count = names.iter().filter(is_metadata).count();
        Some(note(folder, meant, first, count))
    });
    holding.take(MOST).collect()
}

/// The directory with the files that belong in `meant`.
fn meant(folder: &str) -> Option<&'static str> {
    if READ.contains(&folder) || folder.starts_with('.') {
        return None;
    }
    let other = OTHERS.iter().find(|(other, _)| other.eq_ignore_ascii_case(folder));
    other.map(|(_, meant)| *meant).or_else(|| nearest(folder, READ))
}

fn note(folder: &str, meant: &str, first: &str, count: usize) -> String {
    let files = match count {
        1 => format!("{}/{}", short(folder), short(first)),
        count => format!("{}/{} and {} more", short(folder), short(first), count.saturating_sub(1)),
    };
    let verb = if count == 1 { "is" } else { "are" };
    let remedy = match meant.split_once('/') {
        Some(_) => format!("move them to {meant}, and name them so in entry_point"),
        None => format!("did you mean {meant}/? Rename the directory"),
    };
    format!("{files} {verb} ignored, since nothing is read from {}/; {remedy}", short(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Directory;

    #[test]
    fn a_directory_with_nearly_the_right_name_is_told() {
        for (files, says) in [
            (&["actions/a.yaml", "rules/r.yaml"][..], None),
            (
                &["action/a.yaml"],
                Some("action/a.yaml is ignored, since nothing is read from action/; did you mean actions/?"),
            ),
            (&["rule/a.yaml", "rule/b.yml"], Some("rule/a.yaml and 1 more are ignored")),
            (&["Sensors/a.yaml"], Some("did you mean sensors/?")),
            (&["workflows/a.yaml"], Some("move them to actions/workflows")),
            (&["polices/a.yaml"], Some("did you mean policies/?")),
            (
                &["config.shema.yaml"],
                Some("config.shema.yaml is ignored, since nothing reads a file of this name"),
            ),
            (&["config_schema.yml"], Some("did you mean config.schema.yaml?")),
            (&["config.schema.yml"], Some("did you mean config.schema.yaml?")),
            (&["requirement.txt"], Some("did you mean requirements.txt?")),
            (&["config.yml"], Some("`petrel pack configure PACK config.yml` gives them")),
            (
                &["rules/r.ymal", "rules/s.yaml"],
                Some(
                    "r.ymal in rules/ is ignored, since only files that end with .yaml or .yml are read; did you mean r.yaml?",
                ),
            ),
            (&["actions/a.YAML", "actions/b.yalm"], Some("a.YAML, b.yalm in actions/ are ignored")),
            (&["actions/a.yaml~", "actions/.a.ymal", "actions/a.xml", "actions/a.py"], None),
            (&["config.schema.yaml", "config.schema.yml", "requirements-tests.txt", "packs.yaml.bak"], None),
            // A directory without metadata is the author's own.
            (&["action/a.py", "etc/a.yaml", "tests/a.yaml", ".rules/a.yaml"], None),
        ] {
            let place = tempfile::tempdir().unwrap();
            for file in files {
                let path = place.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            let notes = notes(&Directory::open(place.path()).unwrap());
            assert_eq!(notes.len(), usize::from(says.is_some()), "{files:?}: {notes:?}");
            assert!(says.is_none_or(|says| notes[0].contains(says)), "{files:?}: {notes:?}");
        }
    }

    #[test]
    fn a_file_in_place_of_the_definition_is_named() {
        for (files, says) in [
            (&["Pack.yaml"][..], Some("it is likely Pack.yaml: rename that to pack.yaml")),
            (&["pack.yml"], Some("it is likely pack.yml")),
            (&["README.md", "package.json"], None),
            // It cannot be read for another reason.
            (&["pack.yaml", "pack.yml"], None),
        ] {
            let place = tempfile::tempdir().unwrap();
            files.iter().for_each(|file| std::fs::write(place.path().join(file), "").unwrap());
            let said = in_place_of_pack(&Directory::open(place.path()).unwrap());
            assert_eq!(said.is_some(), says.is_some(), "{files:?}: {said:?}");
            assert!(says.is_none_or(|says| said.unwrap_or_default().contains(says)), "{files:?}");
        }
    }
}

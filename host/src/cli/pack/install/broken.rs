//! What a new version of a pack has broken: parts that cannot run, and in which nothing was wrong in the version before. A mistake in one
//! part keeps no pack from being registered, so whoever installs it is told, with the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::quoted::listed;
use petrel_packs::{Directory, PackContents, Source, read_pack};
use petrel_registry::Fetched;

/// The first bytes of a component, and the end of the name of its file.
const HEAD: [u8; 5] = *b"\0asm\x0d";
const END: &str = "wasm";
/// The parts that a warning names.
const MOST_NAMED: usize = 5;

/// The parts of a pack.
struct Parts {
    /// Those in which nothing is found wrong.
    whole: BTreeSet<String>,
    /// Those that cannot run, with the reason.
    ill: BTreeMap<String, String>,
}

impl Parts {
    /// The parts of the pack in a directory. `None` if it cannot be read.
    fn of(root: &Path) -> Option<Self> {
        let source = Directory::open(root).ok()?;
        let contents = read_pack(&source).ok()?;
        let PackContents { actions, sensors, sensors_left_out, rules, refused, refused_rules, .. } = contents;
        let refused = refused.into_iter().map(|(name, problems)| (format!("action {name}"), problems));
        let refused_rules =
            refused_rules.into_iter().map(|(name, problems)| (format!("rule {name}"), problems));
        let refused = refused.chain(refused_rules).map(|(part, problems)| {
            let why = problems.first().map(ToString::to_string);
            (part, why.unwrap_or_default())
        });
        // A sensor goes by its file, which is known even if it cannot be parsed.
        let left_out = sensors_left_out.into_iter().map(|file| {
            let why = format!("{file} is not valid");
            (format!("sensor {file}"), why)
        });
        let mut ill: BTreeMap<String, String> = refused.chain(left_out).collect();
        let actions = actions.into_iter().map(|action| {
            let is_component = action.runner_type == COMPONENT_RUNNER;
            let file = if is_component { action.entry_point } else { String::new() };
            (format!("action {}", action.reference.name()), file)
        });
        let sensors = sensors
            .into_iter()
            .map(|sensor| (format!("sensor {}", sensor.metadata_file), sensor.entry_point));
        let rules = rules.into_iter().map(|rule| (format!("rule {}", rule.name), String::new()));
        let mut whole = BTreeSet::new();
        for (part, file) in actions.chain(sensors).chain(rules) {
            if ill.contains_key(&part) {
                continue;
            }
            if is_sound(&source, &file) {
                whole.insert(part);
            } else {
                ill.insert(part, format!("{file} is no component"));
            }
        }
        Some(Self { whole, ill })
    }
}

/// Whether a file of a pack is a component, if its name says so.
fn is_sound(source: &dyn Source, file: &str) -> bool {
    let is_named = Path::new(file).extension().is_some_and(|end| end == END);
    !is_named || source.start(file).is_ok_and(|start| start.starts_with(&HEAD))
}

/// The warning about what the version of `pack` in `new` has broken, beside that in `old`, if there is something.
pub(super) fn warning(pack: &str, old: &Path, new: &Path) -> Option<String> {
    let (before, now) = (Parts::of(old)?, Parts::of(new)?);
    let broken = now.ill.iter().filter(|(part, _)| before.whole.contains(*part));
    let broken: Vec<_> = broken.map(|(part, why)| format!("{part} ({why})")).collect();
    if broken.is_empty() {
        return None;
    }
    // What was registered from elsewhere is no version to go back to.
    let back = match Fetched::digest_in(old) {
        Some(_) => format!("petrel pack rollback {pack}"),
        None => format!("petrel pack register {}", old.display()),
    };
    Some(format!(
        "warning: {pack} has parts that cannot run, and that could in the version before: {}; `{back}` goes back to that",
        listed(broken.iter().map(String::as_str), MOST_NAMED)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "name: say\nrunner_type: noop\n";
    const SENSOR: &str = "class_name: Count\nentry_point: ../wasm/count.wasm\nenabled: true\ntrigger_types: [{name: counted}]\n";

    /// A pack with an action, a sensor and its component.
    fn pack(root: &Path, action: &str, component: &[u8]) {
        for (file, content) in [
            ("pack.yaml", &b"ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\nwasm: {components: [{name: count, path: wasm/count.wasm}]}\n"[..]),
            ("actions/say.yaml", action.as_bytes()),
            ("sensors/count.yaml", SENSOR.as_bytes()),
            ("wasm/count.wasm", component),
        ] {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
    }

    #[test]
    fn what_was_whole_before_and_is_not_any_more_is_told() {
        let place = tempfile::tempdir().unwrap();
        let sound = b"\0asm\x0d\0\x01\0";
        for (name, action, component) in [
            ("whole", WHOLE, &sound[..]),
            ("same", WHOLE, sound),
            ("action", "name: [", sound),
            ("sensor", WHOLE, b"junk"),
        ] {
            pack(&place.path().join(name), action, component);
        }
        for (old, new, says) in [
            ("whole", "same", None),
            ("whole", "action", Some("action say (actions/say.yaml")),
            ("whole", "sensor", Some("sensor sensors/count.yaml (wasm/count.wasm is no component)")),
            ("action", "action", None),
            ("sensor", "whole", None),
            ("gone", "action", None),
        ] {
            let (old, new) = (place.path().join(old), place.path().join(new));
            let told = warning("mine", &old, &new);
            assert_eq!(told.is_some(), says.is_some(), "{old:?} {new:?}: {told:?}");
            assert!(told.iter().zip(says).all(|(told, says)| told.contains(says)), "{told:?}");
            assert!(told.iter().all(|told| told.contains("petrel pack register ")), "{told:?}");
        }
    }
}

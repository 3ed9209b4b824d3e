//! Packs that a pack depends on, and that are not registered.

use petrel_model::Pack;
use petrel_model::names::{self, WITHOUT_OWN_PACK};
use serde_json::Value;

use crate::content::Content;

/// The notes on `dependencies` of the pack that are not registered.
pub(super) fn without_dependencies(content: &Content, pack: &Pack) -> Vec<String> {
    let named = pack.other.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    let missing = named.filter_map(Value::as_str).filter(|text| {
        let name = dependency(text);
        names::check_pack(name).is_ok() && content.pack(name).is_err()
    });
    missing
        .map(|text| {
            let name = dependency(text);
            let depends = format!("the pack `{}` depends on the pack `{name}`", pack.reference);
            if names::is_own_pack(name) {
                format!("{depends}, which is not part of this version; {WITHOUT_OWN_PACK}")
            } else {
                format!("{depends}, which is not registered; register it too")
            }
        })
        .collect()
}

/// The name of the pack in a dependency, which may be a repository, and may have a version.
fn dependency(text: &str) -> &str {
    let (address, _version) = text.split_once('=').unwrap_or((text, ""));
    let name = address.rsplit('/').next().unwrap_or(address);
    let name = name.strip_suffix(".git").unwrap_or(name);
    name.strip_prefix("stackstorm-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_a_name_or_a_repository_with_a_version_or_without() {
        for text in ["csv", "csv=1.0.0", "https://example.com/stackstorm-csv.git", "file:///packs/csv=main"] {
            assert_eq!(dependency(text), "csv", "{text}");
        }
    }
}

//! Tags that are versions, and their order.

use semver::Version;

/// The newest version among tags that is newer than `than`. A version before its release (`2.0.0-rc.1`) counts only for who has
/// such a one of the same release.
pub fn newer<'t>(tags: impl IntoIterator<Item = &'t str>, than: &str) -> Option<&'t str> {
    let than = version(than)?;
    let versions = tags.into_iter().filter_map(|tag| Some((version(tag)?, tag)));
    let fitting = versions.filter(|(found, _)| {
        let same_release = (found.major, found.minor, found.patch) == (than.major, than.minor, than.patch);
        *found > than && (found.pre.is_empty() || (same_release && !than.pre.is_empty()))
    });
    fitting.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, tag)| tag)
}

/// The version in a tag, in which `_` stands for `+`. Tags such as `1`, `4.0` and `latest` move, and are none.
pub fn version(tag: &str) -> Option<Version> {
    Version::parse(&tag.replace('_', "+")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_found_among_other_tags() {
        let tags = [
            "1.2.0",
            "1.10.0",
            "1.9.9",
            "latest",
            "2",
            "1.11",
            "sha256-00.sig",
            "2.0.0-rc.1",
            "2.0.0-rc.2",
            "1.10.0_linux",
            "v3.0.0",
        ];
        for (than, expected) in [
            ("1.2.0", Some("1.10.0_linux")),
            ("1.10.0", Some("1.10.0_linux")),
            ("1.10.0+linux", None),
            ("1.10.1", None),
            ("2.0.0-rc.1", Some("2.0.0-rc.2")),
            ("2.0.0-rc.2", None),
            ("0.0.1", Some("1.10.0_linux")),
            ("1.0", None),
            ("dev", None),
        ] {
            assert_eq!(newer(tags, than), expected, "{than}");
        }
    }
}

//! The tags of a repository, and the order of those that are versions.

use reqwest::header::LINK;
use semver::Version;
use serde_json::Value;

use crate::error::Error;
use crate::reference::is_tag;
use crate::registry::{Ask, Registry};

/// The largest page of a list of tags, in bytes, and the pages of one that are asked for.
const LARGEST_LIST: u64 = 4 << 20;
const MOST_PAGES: usize = 20;

impl Registry {
    /// Tags of a repository, up to a number of pages. What can be none is left out.
    ///
    /// # Errors
    /// When there is no such repository, or the registry does not answer.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let what = format!("{}/{repository}", self.host());
        let mut tags: Vec<String> = Vec::new();
        for _ in 0..MOST_PAGES {
            let after = tags.last().map(|last| format!("&last={last}")).unwrap_or_default();
            let url = self.url(&format!("/v2/{repository}/tags/list?n=1000{after}"))?;
            let response = self.checked(self.send(&Ask::read(url, repository)).await?, &what).await?;
            let goes_on = response.headers().contains_key(LINK);
            let list = self.bounded(response, LARGEST_LIST, "its list of tags").await?;
            let list = serde_json::from_slice::<Value>(&list).unwrap_or_default();
            let page = list.get("tags").and_then(Value::as_array).into_iter().flatten();
            let before = tags.len();
            tags.extend(page.filter_map(Value::as_str).filter(|tag| is_tag(tag)).map(str::to_owned));
            if !goes_on || tags.len() == before {
                break;
            }
        }
        Ok(tags)
    }
}

/// The versions among tags that are newer than `than`, the newest first. A version before its release (`2.0.0-rc.1`) counts only
/// for who has such a one of the same release.
pub fn newer<'t>(tags: impl IntoIterator<Item = &'t str>, than: &str) -> Vec<&'t str> {
    let Some(than) = version(than) else { return Vec::new() };
    let versions = tags.into_iter().filter_map(|tag| Some((version(tag)?, tag)));
    let fitting = versions.filter(|(found, _)| {
        let same_release = (found.major, found.minor, found.patch) == (than.major, than.minor, than.patch);
        *found > than && (found.pre.is_empty() || (same_release && !than.pre.is_empty()))
    });
    let mut fitting: Vec<_> = fitting.collect();
    fitting.sort_by(|(one, _), (other, _)| other.cmp(one));
    fitting.into_iter().map(|(_, tag)| tag).collect()
}

/// Whether a tag that is a version is another one than that of the pack in it. What stands behind `+` does not count.
pub fn is_mistaken(tag: &str, found: &str) -> bool {
    let of = |version: Version| (version.major, version.minor, version.patch, version.pre);
    match (version(tag).map(of), version(found).map(of)) {
        (Some(said), Some(found)) => said != found,
        _ => false,
    }
}

/// The version in a tag, in which `_` stands for `+`. Tags such as `1`, `4.0` and `latest` move, and are none.
pub fn version(tag: &str) -> Option<Version> {
    Version::parse(&tag.replace('_', "+")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_are_found_among_other_tags() {
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
            ("1.2.0", &["1.10.0_linux", "1.10.0", "1.9.9"][..]),
            ("1.10.0", &["1.10.0_linux"]),
            ("1.10.0+linux", &[]),
            ("1.10.1", &[]),
            ("2.0.0-rc.1", &["2.0.0-rc.2"]),
            ("2.0.0-rc.2", &[]),
            ("0.0.1", &["1.10.0_linux", "1.10.0", "1.9.9", "1.2.0"]),
            ("1.0", &[]),
            ("dev", &[]),
        ] {
            assert_eq!(newer(tags, than), expected, "{than}");
        }
    }

    #[test]
    fn a_tag_that_is_a_version_says_which_one() {
        for (tag, found, expected) in [
            ("1.2.0", "1.2.0", false),
            ("1.2.0_linux", "1.2.0+linux", false),
            ("1.2.0", "1.2.0+linux", false),
            ("9.9.9", "1.2.0", true),
            ("1.2.0-rc.1", "1.2.0", true),
            // These name no version.
            ("latest", "1.2.0", false),
            ("2", "1.2.0", false),
            ("1.2.0", "dev", false),
        ] {
            assert_eq!(is_mistaken(tag, found), expected, "{tag} {found}");
        }
    }
}

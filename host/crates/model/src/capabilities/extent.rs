//! How much of what a pack asks for it has.

use super::files::FileWish;
use super::http::HttpRule;
use super::named::Named;
use super::rights::Rights;

/// How much of something that is asked for is granted, within the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// A part of it.
    Part,
    /// Nothing of it.
    Nothing,
}

impl Extent {
    /// `all`, `part` or `nothing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Part => "part",
            Self::Nothing => "nothing",
        }
    }

    fn of(is_all: bool, is_part: bool) -> Self {
        match (is_all, is_part) {
            (true, _) => Self::All,
            (false, true) => Self::Part,
            (false, false) => Self::Nothing,
        }
    }
}

impl Rights {
    /// How much of these addresses the pack has. What several grants cover together counts as a part.
    pub fn extent_of_http(&self, asked: &HttpRule) -> Extent {
        let granted: Vec<_> = self.http.iter().filter_map(|rule| rule.both(asked)).collect();
        let within: Vec<_> = match &self.ceiling.http {
            None => granted,
            Some(most) => {
                granted.iter().flat_map(|rule| most.iter().filter_map(|known| known.both(rule))).collect()
            }
        };
        Extent::of(within.contains(asked), !within.is_empty())
    }

    /// How much of this directory the pack has.
    pub fn extent_of_files(&self, asked: &FileWish) -> Extent {
        let mount = self.mounts.iter().find(|mount| mount.guest_path == asked.path);
        Extent::of(mount.is_some_and(|mount| mount.access >= asked.access), mount.is_some())
    }

    /// Whether the pack has this name, or all that the pattern covers.
    pub fn extent_of_name(&self, kind: Named, name: &str) -> Extent {
        Extent::of(self.named(kind, name).is_ok(), false)
    }

    /// Whether the pack has this variable.
    pub fn extent_of_env(&self, name: &str) -> Extent {
        Extent::of(self.env.iter().any(|known| known == name), false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::capabilities::{Access, Ceiling, Mount};

    #[test]
    fn what_is_granted_is_all_a_part_or_nothing() {
        let rules =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<HttpRule>>();
        for (granted, ceiling, expected) in [
            (&["https://*"][..], None, Extent::All),
            (&["GET https://*"], None, Extent::Part),
            (&["https://b.example"], None, Extent::Nothing),
            (&["https://*"], Some(&["GET https://*"][..]), Extent::Part),
            (&["https://*"], Some(&[]), Extent::Nothing),
        ] {
            let ceiling = Ceiling { http: ceiling.map(rules), ..Ceiling::default() };
            let rights = Rights { http: rules(granted), ceiling: Arc::new(ceiling), ..Rights::default() };
            assert_eq!(rights.extent_of_http(&"https://a.example".parse().unwrap()), expected, "{granted:?}");
        }
        let mount = Mount { host_path: "/srv".into(), guest_path: "/data".into(), access: Access::ReadOnly };
        let rights = Rights { mounts: vec![mount], env: vec!["TZ".into()], ..Rights::default() };
        let wish = |path: &str, access| FileWish { path: path.into(), access, reason: String::new() };
        for (wish, expected) in [
            (wish("/data", Access::ReadOnly), Extent::All),
            (wish("/data", Access::ReadWrite), Extent::Part),
            (wish("/other", Access::ReadOnly), Extent::Nothing),
        ] {
            assert_eq!(rights.extent_of_files(&wish), expected, "{wish}");
        }
        assert_eq!(
            (rights.extent_of_env("TZ"), rights.extent_of_env("HOME")),
            (Extent::All, Extent::Nothing)
        );
    }
}

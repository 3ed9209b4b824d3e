//! Parts of paths, as in Python's `posixpath`.

/// The part after the last slash.
pub fn basename(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The part before the last slash, without trailing slashes.
pub fn dirname(path: &str) -> &str {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    let head = path.get(..end).unwrap_or_default();
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_their_last_slash() {
        for (path, name, directory) in [
            ("/a/b.txt", "b.txt", "/a"),
            ("/a/b/", "", "/a/b"),
            ("b", "b", ""),
            ("/b", "b", "/"),
            ("//b", "b", "//"),
            ("a//b", "b", "a"),
            ("", "", ""),
        ] {
            assert_eq!((basename(path), dirname(path)), (name, directory), "{path}");
        }
    }
}

//! JSON pointers (RFC 6901), which name the place of a value within another.

/// The part of a pointer for the field `name`: `/name`, escaped.
pub fn step(name: &str) -> String {
    // `~` comes first. Otherwise the `~` of an escaped slash would be escaped again.
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The names and indexes that a pointer goes through.
pub fn steps(pointer: &str) -> impl Iterator<Item = String> {
    // `~0` comes last. Otherwise `~01`, which is `~1`, would become a slash.
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
}

/// The name of the first field that a pointer leads to. Empty for the pointer of the whole.
pub fn first(pointer: &str) -> String {
    steps(pointer).next().unwrap_or_default()
}

/// The rest of `pointer` behind `above`, if it leads to that place or to one within it.
pub fn within<'p>(pointer: &'p str, above: &str) -> Option<&'p str> {
    pointer.strip_prefix(above).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_name_is_a_step() {
        for name in ["a", "", "a/b~c", "~1", "ü ."] {
            let pointer = format!("{}/0", step(name));
            assert_eq!(json!({name: ["x"]}).pointer(&pointer), Some(&json!("x")), "{name}");
            assert_eq!(first(&pointer), name);
            assert!(steps(&pointer).eq([name, "0"]), "{name}");
        }
        assert_eq!(first(""), "");
    }

    #[test]
    fn a_place_is_within_itself_and_beside_one_that_begins_alike() {
        for (pointer, above, rest) in
            [("/a/b", "/a", Some("/b")), ("/a", "/a", Some("")), ("/ab", "/a", None), ("/a", "", Some("/a"))]
        {
            assert_eq!(within(pointer, above), rest, "{pointer} {above}");
        }
    }
}

//! Names that an expression uses and nobody has, and how that is said: with the nearest that there is. Who uses which
//! names is known in `petrel-jinja` and `petrel-yaql`.

/// What a name stands for where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `name()`
    Function,
    /// `value.name()`
    Method,
    /// `value | name`
    Filter,
    /// `value is name`
    Test,
}

impl Role {
    fn noun(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Filter => "filter",
            Self::Test => "test",
        }
    }
}

/// That nobody has `name`, of which `known` are the ones that there are.
pub fn unknown<'a>(role: Role, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let noun = role.noun();
    match nearest(name, known) {
        Some(near) => format!("unknown {noun} \"{name}\"; did you mean \"{near}\"?"),
        None => format!("unknown {noun} \"{name}\"; check its name"),
    }
}

/// The name that differs from `name` in the fewest letters, if those are few enough for a slip.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let limit = (length / 3).clamp(1, 3);
    let lower = name.to_lowercase();
    let near = known.filter_map(|known| {
        // They differ by their lengths at least; to say more costs the product of these.
        let may_be = known.chars().count().abs_diff(length) <= limit;
        let distance = may_be.then(|| strsim::damerau_levenshtein(&lower, &known.to_lowercase()))?;
        (distance <= limit).then_some((distance, known))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told_if_it_is_near() {
        let known = ["succeeded", "failed", "completed", "ctx"];
        for (name, near) in [
            ("succeded", Some("succeeded")),
            ("Failed", Some("failed")),
            ("cxt", Some("ctx")),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), near, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), known.into_iter()), None);
    }
}

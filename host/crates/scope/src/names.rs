//! Messages for unknown names in expressions, with the nearest known name. `petrel-jinja` and `petrel-yaql` find the
//! names.

use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;

/// The role of a name in an expression.
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

/// The names of Jinja that are left out, each with the remedy.
const LEFT_OUT: [(Role, &str, &str); 2] = [
    (Role::Function, "lipsum", "it gives a text by chance; write the text itself"),
    (Role::Filter, "urlize", "write the link itself, as in <a href=\"{{ URL | e }}\">"),
];

/// The message that `name` is unknown; `known` are the existing names.
pub fn unknown<'a>(role: Role, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let noun = role.noun();
    if let Some((_, _, remedy)) = LEFT_OUT.iter().find(|(left, known, _)| (*left, *known) == (role, name)) {
        return format!("the {noun} \"{name}\" of Jinja is not offered; {remedy}");
    }
    let near = nearest(name, known);
    let name = quoted(name);
    match near {
        Some(near) => format!("unknown {noun} \"{name}\"; did you mean \"{near}\"?"),
        None => format!("unknown {noun} \"{name}\"; check its name"),
    }
}

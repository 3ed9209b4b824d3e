//! Names that an expression uses and nobody has, and how that is said: with the nearest that there is. Who uses which
//! names is known in `petrel-jinja` and `petrel-yaql`.

use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;

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
    let near = nearest(name, known);
    let name = quoted(name);
    match near {
        Some(near) => format!("unknown {noun} \"{name}\"; did you mean \"{near}\"?"),
        None => format!("unknown {noun} \"{name}\"; check its name"),
    }
}

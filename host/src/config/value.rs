//! The values of settings: their form in flags, variables and the file, their checks, and their text in the file.
//! `table.rs` defines the settings.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use petrel_model::Status;
use petrel_model::breaker::CircuitBreaker;
use petrel_persistence_embedded::Engine as StoreEngine;

/// A value before it is parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// Plain text from a flag, a variable or the defaults, which may be a value of any type.
    Written(String),
    /// A string in the file.
    Text(String),
    /// A whole number in the file.
    Number(i64),
    /// `true` or `false` in the file.
    Switch(bool),
    /// Strings in the file.
    List(Vec<String>),
    /// Something in the file that no setting can be, with the word for it.
    Other(&'static str),
}

impl Raw {
    /// The value as it would stand in the file.
    pub(crate) fn as_toml(&self) -> String {
        match self {
            Self::Written(text) | Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Switch(on) => on.to_string(),
            Self::List(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Other(kind) => format!("a {kind}"),
        }
    }
}

/// A string of TOML, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The form of a value, for flags and for the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A single value.
    One,
    /// A switch: a flag without a value turns it on.
    Switch,
    /// Several values: a flag may be repeated, and commas separate values.
    List,
}

/// A type of settings.
pub(crate) trait Value: Sized {
    /// The description of valid values, for messages: "must be ...".
    const EXPECTED: &'static str;
    /// The form of values.
    const KIND: Kind = Kind::One;

    /// Parses `raw`.
    fn read(raw: &Raw) -> Option<Self>;

    /// Writes the value as it would stand in the file.
    fn write(&self) -> Raw;
}

fn text(raw: &Raw) -> Option<&str> {
    match raw {
        Raw::Written(text) | Raw::Text(text) => Some(text),
        _ => None,
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(str::to_owned)
    }

    fn write(&self) -> Raw {
        Raw::Text(self.clone())
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address with a port, as 127.0.0.1:9101 or [::1]:9101";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw)?.parse().ok()
    }

    fn write(&self) -> Raw {
        Raw::Text(self.to_string())
    }
}

/// A path; an empty text is none.
impl Value for Option<PathBuf> {
    const EXPECTED: &'static str = "a path, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(|text| (!text.is_empty()).then(|| PathBuf::from(text)))
    }

    fn write(&self) -> Raw {
        Raw::Text(self.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";
    const KIND: Kind = Kind::Switch;

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::Switch(on) => Some(*on),
            Raw::Written(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" | "" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn write(&self) -> Raw {
        Raw::Switch(*self)
    }
}

macro_rules! number {
    ($($kind:ty),+) => {$(
        impl Value for $kind {
            const EXPECTED: &'static str = "a whole number, 0 or more";

            fn read(raw: &Raw) -> Option<Self> {
                match raw {
                    Raw::Number(number) => Self::try_from(*number).ok(),
                    Raw::Written(text) => text.trim().parse().ok(),
                    _ => None,
                }
            }

            fn write(&self) -> Raw {
                Raw::Number(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )+};
}

number!(usize, u64);

impl Value for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";
    const KIND: Kind = Kind::List;

    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::List(texts) => Some(texts.clone()),
            Raw::Written(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            _ => None,
        }
    }

    fn write(&self) -> Raw {
        Raw::List(self.clone())
    }
}

/// Final statuses of executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statuses(pub(crate) Vec<Status>);

impl Value for Statuses {
    const EXPECTED: &'static str = "a list of succeeded, failed, timeout, canceled, abandoned";
    const KIND: Kind = Kind::List;

    fn read(raw: &Raw) -> Option<Self> {
        let statuses = Vec::<String>::read(raw)?;
        let read = |text: &String| text.parse().ok().filter(|status: &Status| status.is_final());
        statuses.iter().map(read).collect::<Option<_>>().map(Self)
    }

    fn write(&self) -> Raw {
        Raw::List(self.0.iter().map(|status| status.as_str().to_owned()).collect())
    }
}

/// Makes a setting of an enumeration with a word for each of its variants.
macro_rules! words {
    ($(#[$about:meta])* $name:ident: $expected:literal { $($(#[$variant_about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_about])* $variant),+ }

        impl Value for $name {
            const EXPECTED: &'static str = $expected;

            fn read(raw: &Raw) -> Option<Self> {
                match text(raw)? {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn write(&self) -> Raw {
                Raw::Text(match self { $(Self::$variant => $word),+ }.to_owned())
            }
        }
    };
}

impl Value for StoreEngine {
    const EXPECTED: &'static str = "\"sled\" or \"redb\"";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw)?.parse().ok()
    }

    fn write(&self) -> Raw {
        Raw::Text(self.name().to_owned())
    }
}

/// A span of time in whole seconds; without one it is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Option<Duration>);

/// The units that spans are written in, with their seconds, largest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl Value for Span {
    const EXPECTED: &'static str = "a span of time as 30d, 12h, 10m or 45s, or \"forever\"";

    fn read(raw: &Raw) -> Option<Self> {
        let text = text(raw)?.trim();
        if text == "forever" {
            return Some(Self(None));
        }
        let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Self(Some(Duration::from_secs(count.checked_mul(seconds)?))))
    }

    fn write(&self) -> Raw {
        let Some(span) = self.0 else { return Raw::Text("forever".into()) };
        let seconds = span.as_secs();
        let unit = UNITS.into_iter().find(|(_, of)| seconds.is_multiple_of(*of));
        let (unit, of) = unit.unwrap_or(("s", 1));
        Raw::Text(format!("{}{unit}", seconds / of))
    }
}

/// The circuit breaker of rules; an empty text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breaker(pub(crate) Option<CircuitBreaker>);

impl Value for Breaker {
    const EXPECTED: &'static str =
        "a number of failures with a time and a pause, as \"5 in 10m, 15m\", or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let text = text(raw)?.trim();
        if text.is_empty() {
            return Some(Self(None));
        }
        let (failures, times) = text.split_once(" in ")?;
        let (within, pause) = times.split_once(',')?;
        let breaker = CircuitBreaker {
            failures: failures.trim().parse().ok()?,
            within: within.trim().parse().ok()?,
            pause: pause.trim().parse().ok()?,
        };
        breaker.misfit().is_none().then_some(Self(Some(breaker)))
    }

    fn write(&self) -> Raw {
        let told = |breaker: CircuitBreaker| {
            format!("{} in {}, {}", breaker.failures, breaker.within, breaker.pause)
        };
        Raw::Text(self.0.map(told).unwrap_or_default())
    }
}

/// A text; an empty one is none.
impl Value for Option<String> {
    const EXPECTED: &'static str = "a text, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        text(raw).map(|text| (!text.is_empty()).then(|| text.to_owned()))
    }

    fn write(&self) -> Raw {
        Raw::Text(self.clone().unwrap_or_default())
    }
}

words! {
    /// What becomes of times at which a timer was due and could not fire.
    Misfire: "\"fire-once\", \"skip\" or \"catch-up\"" {
        /// The timer fires once for all of them.
        FireOnce = "fire-once",
        /// The same, but not for those while the host was down.
        Skip = "skip",
        /// The timer fires for each of them.
        CatchUp = "catch-up",
    }
}

words! {
    /// How the log is written.
    LogFormat: "\"text\" or \"json\"" {
        /// Lines for people.
        Text = "text",
        /// An object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Raw {
        Raw::Written(text.into())
    }

    #[test]
    fn each_type_reads_what_it_is_and_nothing_else() {
        assert_eq!(usize::read(&written("16")), Some(16));
        assert_eq!(usize::read(&Raw::Number(16)), Some(16));
        for wrong in
            [written("few"), written("-1"), Raw::Number(-1), Raw::Text("16".into()), Raw::Switch(true)]
        {
            assert_eq!(u64::read(&wrong), None, "{wrong:?}");
        }
        assert_eq!(
            [written("yes"), written("0"), Raw::Switch(true)].map(|raw| bool::read(&raw)),
            [Some(true), Some(false), Some(true)]
        );
        assert_eq!(bool::read(&Raw::Text("true".into())), None);
        assert_eq!(Vec::read(&written("a, b,")), Some(vec!["a".to_owned(), "b".into()]));
        assert_eq!(Vec::<String>::read(&Raw::Text("a".into())), None);
        assert_eq!(Option::<PathBuf>::read(&written("")), Some(None));
        assert_eq!(StoreEngine::read(&written("redb")), Some(StoreEngine::Redb));
        assert_eq!(StoreEngine::read(&written("rocksdb")), None);
        let breaker = |text| Breaker::read(&written(text));
        assert_eq!(breaker(""), Some(Breaker(None)));
        assert_eq!(
            breaker("5 in 10m, 15m").map(|read| read.write()),
            Some(Raw::Text("5 in 10m, 15m".into()))
        );
        assert_eq!([breaker("5"), breaker("0 in 10m, 15m"), breaker("5 in 10m, 25h")], [None, None, None]);
        let span = |text| Span::read(&written(text)).map(|span| span.0.map(|span| span.as_secs()));
        assert_eq!(span("30d"), Some(Some(30 * 86_400)));
        assert_eq!(
            (span("90m"), span("1s"), span("forever")),
            (Some(Some(5_400)), Some(Some(1)), Some(None))
        );
        assert_eq!((span("30"), span("d"), span("-1d"), span("1 week")), (None, None, None, None));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let address: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(SocketAddr::read(&address.write()), Some(address));
        assert_eq!(LogFormat::read(&LogFormat::Json.write()), Some(LogFormat::Json));
        for text in ["30d", "12h", "90m", "45s", "forever"] {
            assert_eq!(Span::read(&written(text)).map(|span| span.write()), Some(Raw::Text(text.into())));
        }
        assert_eq!(vec!["a\"b".to_owned(), "c".into()].write().as_toml(), r#"["a\"b", "c"]"#);
        assert_eq!((true.write().as_toml(), 7_usize.write().as_toml()), ("true".into(), "7".into()));
    }
}

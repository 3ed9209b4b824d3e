//! Macros that write to the log with fields: `info!(ctx, count = n, "found {n}")`. Their parts are public for their expansion
//! in the author's crate only.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Level, Services};

/// Writes a message, with fields if there are any.
pub fn write(services: &Services, level: Level, message: &str, fields: Map<String, Value>) {
    if fields.is_empty() {
        services.log(level, message);
    } else {
        services.log_with(level, message, &Value::Object(fields));
    }
}

/// The value of a field; null if it cannot be written as JSON.
pub fn field<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Writes to the log at a [`Level`], with fields before the message, and the arguments of `format!` behind it:
/// `log!(ctx, Level::Warn, host = name, "cannot reach {name}")`.
#[macro_export]
macro_rules! log {
    ($ctx:expr, $level:expr, $($field:ident = $value:expr,)* $message:literal $($arguments:tt)*) => {
        $crate::logging::write(
            $ctx,
            $level,
            &::std::format!($message $($arguments)*),
            [$((::std::stringify!($field).to_owned(), $crate::logging::field(&$value))),*].into_iter().collect(),
        )
    };
}

/// As [`log!`], at the level debug.
#[macro_export]
macro_rules! debug {
    ($ctx:expr, $($rest:tt)+) => { $crate::log!($ctx, $crate::Level::Debug, $($rest)+) };
}

/// As [`log!`], at the level info.
#[macro_export]
macro_rules! info {
    ($ctx:expr, $($rest:tt)+) => { $crate::log!($ctx, $crate::Level::Info, $($rest)+) };
}

/// As [`log!`], at the level warn.
#[macro_export]
macro_rules! warn {
    ($ctx:expr, $($rest:tt)+) => { $crate::log!($ctx, $crate::Level::Warn, $($rest)+) };
}

/// As [`log!`], at the level error.
#[macro_export]
macro_rules! error {
    ($ctx:expr, $($rest:tt)+) => { $crate::log!($ctx, $crate::Level::Error, $($rest)+) };
}

#[cfg(test)]
mod tests {
    use crate::testing::Host;

    #[test]
    fn a_line_has_its_fields_and_its_message() {
        let host = Host::new();
        let ctx = &host.context("a");
        let (name, count) = ("x", 2);
        crate::info!(ctx, "plain");
        crate::warn!(ctx, count = count, host = name, "found {count} of {}", name);
        crate::error!(&host.sensor_context("s"), why = Some("gone"), "it ended");
        crate::debug!(ctx, "{{}}");
        let expected = [
            "INFO plain",
            r#"WARN found 2 of x {"count":2,"host":"x"}"#,
            r#"ERROR it ended {"why":"gone"}"#,
            "DEBUG {}",
        ];
        assert_eq!(host.logged(), expected);
    }
}

//! Media types, as in the header `Content-Type` (RFC 9110, section 8.3).

/// The type without parameters, such as `text/html` for `text/html; charset=utf-8`, in its original case.
pub fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether the type is `wanted`, ignoring case and parameters.
pub fn is(content_type: &str, wanted: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case(wanted)
}

/// Whether the type is JSON: `application/json`, or one based on it such as `application/problem+json` (RFC 6839).
pub fn is_json(content_type: &str) -> bool {
    let is_built_on_it = |(_, kind): (&str, &str)| {
        kind.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
    };
    is(content_type, "application/json") || essence(content_type).split_once('/').is_some_and(is_built_on_it)
}

/// The value of a parameter, such as `utf-8` in `text/html; charset="utf-8"`. Also reads `Content-Disposition`.
pub fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (found, value) = rest.split_once('=')?;
        let (value, after) = if let Some(quoted) = value.trim_start().strip_prefix('"') {
            unquoted(quoted)
        } else {
            let (value, after) = value.split_once(';').unwrap_or((value, ""));
            (value.trim().to_owned(), after)
        };
        // The text before the name may contain parameters without a value.
        let found = found.rsplit(';').next().unwrap_or_default().trim();
        if found.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// Splits a text after an opening quote into the quoted part, without escapes, and the remainder.
fn unquoted(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => text.extend(chars.next()),
            char => text.push(char),
        }
    }
    let rest = chars.as_str();
    (text, rest.trim_start().strip_prefix(';').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_in_all_its_forms() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            (" application/json ;x", true),
            ("application/problem+json", true),
            ("application/vnd.github.v3+JSON; q=1", true),
            ("application/jsonp", false),
            ("application/x-ndjson", false),
            ("text/plain; a=application/json", false),
            ("+json", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn parameters_are_found_by_name() {
        for (header, name, expected) in [
            ("text/html; charset=utf-8", "charset", Some("utf-8")),
            ("text/html; Charset=\"utf-8\" ; b=c", "charset", Some("utf-8")),
            ("text/html; a=\"b; charset=c\"; charset=d", "charset", Some("d")),
            ("form-data; name=\"a \\\"b\\\"\"; filename=x", "name", Some("a \"b\"")),
            ("form-data; name=\"\"; filename=x", "filename", Some("x")),
            ("form-data; x; name=a", "name", Some("a")),
            ("form-data; name=\"a", "name", Some("a")),
            ("form-data; filename=x", "name", None),
            ("form-data", "name", None),
        ] {
            assert_eq!(parameter(header, name).as_deref(), expected, "{header}");
        }
    }
}

//! The value of a scalar in YAML 1.1, as `PyYAML` reads it. Dates stay text, since JSON has none.

use serde_json::{Number, Value};

use crate::error::quoted;

/// The value of `text`. `wanted` is the type that a tag asks for.
pub(crate) fn resolve(text: &str, is_plain: bool, wanted: Option<&str>) -> Result<Value, String> {
    let meant = || plain(text);
    match wanted {
        None if is_plain => meant(),
        None | Some("str") => Ok(Value::from(text)),
        Some(kind) => {
            let value = meant()?;
            let fits = match kind {
                "bool" => value.is_boolean(),
                "int" => value.is_i64() || value.is_u64(),
                "float" => value.is_number(),
                "null" => value.is_null(),
                "timestamp" => return Ok(Value::from(text)),
                _ => return Err(format!("the tag !!{} is not known; remove it", quoted(kind))),
            };
            // PyYAML makes a float of an integer with this tag: `!!float 1` is 1.0.
            let value = if kind == "float" { value.as_f64().map_or(value, Value::from) } else { value };
            if fits {
                Ok(value)
            } else {
                Err(format!("`{}` is not a value of type {kind}; correct it", quoted(text)))
            }
        }
    }
}

/// Whether a plain scalar is text, also for readers that know dates, `=` and `<<`.
pub(crate) fn is_text(text: &str) -> bool {
    let is_special = matches!(text, "=" | "<<") || is_timestamp(text);
    !is_special && plain(text).is_ok_and(|value| value.is_string())
}

/// Recognizes `2020-01-02`, also with a time: `2020-1-2T3:04:05.6 +01:00`.
fn is_timestamp(text: &str) -> bool {
    let numbers = |text: &str, separator: char, lengths: &[(usize, usize)]| {
        let parts: Vec<_> = text.split(separator).collect();
        let fits = |(part, (least, most)): (&&str, &(usize, usize))| {
            (*least..=*most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        parts.len() == lengths.len() && parts.iter().zip(lengths).all(fits)
    };
    if !text.is_ascii() {
        return false;
    }
    let Some(end) = text.find(['T', 't', ' ', '\t']) else {
        return numbers(text, '-', &[(4, 4), (2, 2), (2, 2)]);
    };
    let (date, rest) = text.split_at(end);
    let time = rest.trim_start_matches([' ', '\t']).trim_start_matches(['T', 't']);
    let (clock, zone) = match time.find(['Z', '+', '-', ' ', '\t']) {
        Some(end) => time.split_at(end),
        None => (time, ""),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let zone = zone.trim_start_matches([' ', '\t']);
    let is_zone = match zone.strip_prefix(['+', '-']) {
        Some(offset) => numbers(offset, ':', &[(1, 2)]) || numbers(offset, ':', &[(1, 2), (2, 2)]),
        None => zone.is_empty() || zone == "Z",
    };
    numbers(date, '-', &[(4, 4), (1, 2), (1, 2)])
        && numbers(clock, ':', &[(1, 2), (2, 2), (2, 2)])
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && is_zone
}

fn plain(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        _ => {}
    }
    // PyYAML chooses its patterns by the first character. No number begins with any other one.
    if !text.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '+' | '-' | '.')) {
        return Ok(Value::from(text));
    }
    if let Some(value) = integer(text) {
        let value = value?;
        let signed = i64::try_from(value).map(Number::from);
        let number = signed.or_else(|_negative_or_large| u64::try_from(value).map(Number::from));
        return number.map(Value::Number).map_err(|_too_large| too_large(text));
    }
    match float(text) {
        Some(value) => Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| format!("{} has no JSON form; put it in quotes", quoted(text))),
        None => Ok(Value::from(text)),
    }
}

fn too_large(text: &str) -> String {
    format!("{} is beyond 64 bits; put it in quotes", quoted(text))
}

/// Splits a number into its sign and the rest without underscores. `None` if an underscore is misplaced: before the
/// first digit, after a colon, in an exponent, in a word.
fn unsigned(text: &str) -> Option<(bool, String)> {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest.contains('_') {
        let whole = rest.split('.').next().unwrap_or_default();
        let behind_colon = whole.split_once(':').is_some_and(|(_, behind)| behind.contains('_'));
        let is_prefixed = ["0b", "0x"].iter().any(|prefix| rest.starts_with(prefix));
        let is_exponent_split =
            rest.rsplit_once(['e', 'E']).is_some_and(|(_, exponent)| exponent.contains('_'));
        let is_word = rest.contains(|char: char| char.is_ascii_alphabetic() && !matches!(char, 'e' | 'E'));
        let is_wrong = behind_colon || is_exponent_split || is_word;
        if rest.starts_with('_') || rest.starts_with("._") || (is_wrong && !is_prefixed) {
            return None;
        }
    }
    Some((text.starts_with('-'), rest.replace('_', "")))
}

/// Parses an integer in base 2, 8 (with a leading zero), 10, 16 or 60. `None` if it is not an integer.
fn integer(text: &str) -> Option<Result<i128, String>> {
    let (negative, digits) = unsigned(text)?;
    // PyYAML's pattern takes this for a number, and its constructor then fails.
    if matches!(digits.as_str(), "0b" | "0x") && text.ends_with('_') {
        return Some(Err(format!("{} is a number without digits; put it in quotes", quoted(text))));
    }
    let all =
        |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|char| char.is_digit(radix));
    let parsed = if let Some(digits) = digits.strip_prefix("0b").filter(|digits| all(digits, 2)) {
        i128::from_str_radix(digits, 2)
    } else if let Some(digits) = digits.strip_prefix("0x").filter(|digits| all(digits, 16)) {
        i128::from_str_radix(digits, 16)
    } else if digits.len() > 1 && digits.starts_with('0') && all(&digits, 8) {
        // A zero in front means base 8 in YAML 1.1. `08` is not in base 8, and PyYAML's decimal pattern
        // allows no zero in front, so it is text.
        i128::from_str_radix(&digits, 8)
    } else if all(&digits, 10) && (digits == "0" || !digits.starts_with('0')) {
        digits.parse()
    } else {
        // YAML 1.1 has numbers in base 60, for times: `1:30` is 90.
        let parts: Vec<_> = digits.split(':').collect();
        let is_sixty =
            |part: &&str| all(part, 10) && part.len() <= 2 && part.parse().is_ok_and(|part: u8| part < 60);
        let (first, rest) = parts.split_first()?;
        if rest.is_empty() || !rest.iter().all(is_sixty) || !all(first, 10) || first.starts_with('0') {
            return None;
        }
        let part = |part: &&str| part.parse::<i128>().unwrap_or(0);
        let first = first.parse::<i128>().ok().filter(|first| *first < 1 << 64)?;
        Ok(rest.iter().fold(first, |sum, next| sum.saturating_mul(60).saturating_add(part(next))))
    };
    Some(
        parsed.map(|value| if negative { -value } else { value }).map_err(|_too_many_digits| too_large(text)),
    )
}

/// Parses a float, which needs a dot, and a sign in its exponent.
fn float(text: &str) -> Option<f64> {
    let (negative, digits) = unsigned(text)?;
    let signed = |value: f64| if negative { -value } else { value };
    match digits.as_str() {
        ".inf" | ".Inf" | ".INF" => return Some(signed(f64::INFINITY)),
        // PyYAML's pattern has a sign before `.inf` but none before `.nan`.
        ".nan" | ".NaN" | ".NAN" if !text.starts_with(['+', '-']) => return Some(f64::NAN),
        _ => {}
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits.as_str(), None),
    };
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.')?;
    let has_sign =
        |exponent: &str| exponent.strip_prefix(['+', '-']).is_some_and(|e| !e.is_empty() && is_digits(e));
    if !is_digits(fraction) || !exponent.is_none_or(has_sign) {
        return None;
    }
    if let (Some((hours, rest)), None) = (whole.split_once(':'), exponent) {
        return sexagesimal(hours, rest, fraction).map(signed);
    }
    // PyYAML's pattern has no sign before a number that begins with its dot: `-.5` is text.
    let is_bare_fraction = whole.is_empty() && (fraction.is_empty() || text.starts_with(['+', '-']));
    if !is_digits(whole) || is_bare_fraction {
        return None;
    }
    digits.parse().ok().map(signed)
}

fn sexagesimal(first: &str, rest: &str, fraction: &str) -> Option<f64> {
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let mut sum: f64 = Some(first).filter(|first| is_digits(first))?.parse().ok()?;
    for part in rest.split(':') {
        let part = Some(part).filter(|part| is_digits(part) && part.len() <= 2)?;
        sum = sum * 60.0 + part.parse::<u8>().ok().filter(|part| *part < 60).map(f64::from)?;
    }
    Some(sum + format!("0.{fraction}").parse::<f64>().unwrap_or(0.0))
}

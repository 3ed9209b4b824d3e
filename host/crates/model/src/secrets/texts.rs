//! Secret texts in what an action returned or wrote, which may repeat what it was given. [`Places`](super::Places)
//! does the same for parameters that are handed on.

use std::cmp::Reverse;

use serde_json::Value;

use super::{MASK, SecretPart, masked_whole, secret_texts_at, telling};
use crate::output::OutputLine;
use crate::{Object, size};

/// The most work of a search, as the number of texts times the bytes that are searched: some hundredths of a second.
/// Values for which it takes more are masked as a whole.
pub(super) const MOST_WORK: usize = 64 << 20;

/// The secret texts in the parameters of an execution, longest first. By default none.
#[derive(Debug, Default)]
pub struct Texts(Vec<String>);

impl Texts {
    /// The texts and numbers of four characters or more at these [places](super::Places), and these `parts`, also line by
    /// line, and as they stand within JSON.
    pub fn at(parameters: &Object, places: &[String], parts: &[SecretPart]) -> Self {
        let mut texts = secret_texts_at(parameters, places);
        texts.extend(parts.iter().filter_map(|part| part.of(parameters)).map(str::to_owned));
        // Output is stored and searched line by line, so a secret of several lines is never there in one
        // piece.
        let lines = texts.iter().filter(|text| text.contains('\n')).flat_map(|text| text.lines());
        let mut others: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
        others.extend(texts.iter().filter_map(|text| in_json(text)));
        texts.append(&mut others);
        // What only looks like a mask tells nothing, and would be replaced again and again.
        texts.retain(|text| text.chars().any(|char| char != '*'));
        let mut texts = telling(texts);
        texts.sort_by(|one, other| (Reverse(one.len()), one).cmp(&(Reverse(other.len()), other)));
        texts.dedup();
        Self(texts)
    }

    /// Whether there are none, so that nothing needs to be searched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` with [`MASK`] in the place of these texts.
    pub fn masked(&self, value: &Value) -> Value {
        if self.is_too_much(size::of_value(value)) { masked_whole(value) } else { self.hidden(value) }
    }

    /// Puts [`MASK`] in the place of these texts in `lines`.
    pub fn hide_in(&self, lines: &mut [OutputLine]) {
        if self.is_empty() {
            return;
        }
        let is_too_much = self.is_too_much(lines.iter().map(|line| line.text.len()).sum());
        for line in lines {
            if is_too_much {
                MASK.clone_into(&mut line.text);
            } else if let Some(shown) = self.hidden_in(&line.text) {
                line.text = shown;
            }
        }
    }

    fn is_too_much(&self, bytes: usize) -> bool {
        self.0.len().saturating_mul(bytes) > MOST_WORK
    }

    fn hidden(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.hidden_in(text).map_or_else(|| value.clone(), Value::String),
            Value::Number(number) if self.0.contains(&number.to_string()) => Value::from(MASK),
            Value::Array(items) => items.iter().map(|item| self.hidden(item)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    (self.hidden_in(name).unwrap_or_else(|| name.clone()), self.hidden(value))
                };
                Value::Object(fields.iter().map(field).collect())
            }
            _ => value.clone(),
        }
    }

    /// `text` without these texts, if it has any of them.
    fn hidden_in(&self, text: &str) -> Option<String> {
        let mut shown: Option<String> = None;
        for secret in &self.0 {
            let now = shown.as_deref().unwrap_or(text);
            if now.contains(secret.as_str()) {
                shown = Some(now.replace(secret.as_str(), MASK));
            }
        }
        shown
    }
}

/// `text` as it stands between the quotes of JSON, if that differs.
fn in_json(text: &str) -> Option<String> {
    let quoted = Value::from(text).to_string();
    let within = quoted.strip_prefix('"')?.strip_suffix('"')?;
    (within != text).then(|| within.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::secret_parts;
    use super::*;
    use crate::output::Stream;

    fn object(value: &Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    fn texts() -> Texts {
        let given = json!({
            "pw": "s3cret", "long": "s3cret-and-more", "pin": 12345, "short": "abc", "stars": "****", "open": "open",
            "pem": "first line\nsecond \"line\"\n", "login": {"password": "hushhush", "user": "user"},
        });
        let places = ["/pw", "/long", "/pin", "/short", "/stars", "/pem", "/login/password"];
        Texts::at(&object(&given), &places.map(str::to_owned), &[])
    }

    #[test]
    fn what_was_secret_is_masked_wherever_it_is_repeated() {
        for (result, shown) in [
            (json!({"note": "s3cret"}), json!({"note": MASK})),
            (json!({"stdout": "pw=s3cret;"}), json!({"stdout": format!("pw={MASK};")})),
            (
                json!(["s3cret-and-more", 12345, "12345!", 1234]),
                json!([MASK, MASK, format!("{MASK}!"), 1234]),
            ),
            (json!({"hushhush": {"user": "user"}}), json!({MASK: {"user": "user"}})),
            (json!("first line"), json!(MASK)),
            (
                json!("{\"pem\": \"first line\\nsecond \\\"line\\\"\\n\"}"),
                json!(format!("{{\"pem\": \"{MASK}\"}}")),
            ),
            // Too short a text is in too many others.
            (
                json!({"abc": "abc ****", "open": ["open", true, null]}),
                json!({"abc": "abc ****", "open": ["open", true, null]}),
            ),
        ] {
            assert_eq!(texts().masked(&result), shown, "{result}");
        }
    }

    #[test]
    fn lines_of_output_are_masked_alike() {
        let line = |text: &str| OutputLine { stream: Stream::Stdout, text: text.to_owned() };
        let mut lines = ["pw=s3cret", "second \"line\"", "open"].map(line);
        texts().hide_in(&mut lines);
        assert_eq!(lines.each_ref().map(|line| &*line.text), [format!("pw={MASK}").as_str(), MASK, "open"]);
    }

    #[test]
    fn a_part_is_masked_wherever_it_is_repeated() {
        let given = object(&json!({"cmd": "login -p s3cret-pw; whoami"}));
        let parts = secret_parts(&given, &["s3cret-pw".to_owned()]);
        let texts = Texts::at(&given, &["/cmd".to_owned()], &parts);
        for (result, shown) in [
            (json!("s3cret-pw"), json!(MASK)),
            (json!("login -p s3cret-pw; whoami"), json!(MASK)),
            (json!("whoami"), json!("whoami")),
        ] {
            assert_eq!(texts.masked(&result), shown, "{result}");
        }
    }

    #[test]
    fn what_would_take_long_to_search_is_masked_as_a_whole() {
        let many: Vec<_> = (0..1000).map(|n| format!("secret{n}")).collect();
        let texts = Texts::at(&object(&json!({"many": many})), &["/many".to_owned()], &[]);
        let large = json!({"a": "x".repeat(100_000), "b": null});
        assert_eq!(texts.masked(&large), masked_whole(&large));
        assert_eq!(Texts::default().masked(&large), large);
        assert!(Texts::default().is_empty());
    }
}

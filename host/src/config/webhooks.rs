//! The tables of single webhooks in the file, `[webhooks."URL"]`: who may send to a webhook and how often. What is wrong in one is
//! told with its line. The settings themselves, and what they mean, are `petrel_api::guard`'s.

use std::time::Duration;

use petrel_api::guard::{Admission, Encoding, Guard, Rate, Scheme, Timed};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use toml::de::{DeTable, DeValue};

use super::value::{Raw, Span, Value as _};

/// The section that has these tables.
pub(super) const SECTION: &str = "webhooks";
/// The head of such a table.
pub(super) const TABLE_OF_ONE: &str = "[webhooks.\"URL\"]";
/// The keys of a table.
const KEYS: [&str; 6] = ["auth", "signature", "secret", "tolerance", "rate_limit", "delivery_header"];
/// The keys of a signature in a form of its own.
const FORM: [&str; 5] = ["header", "prefix", "encoding", "timestamp", "signed"];
/// How far a timestamp may be from the present time, if the table does not say.
const TOLERANCE: Duration = Duration::from_mins(5);
/// The longest name of a header.
const LONGEST_HEADER: usize = 100;

/// Whether `key` belongs into the table of a single webhook, or is what names that webhook.
pub(super) fn is_of_one(key: &str) -> bool {
    key == "url" || KEYS.contains(&key)
}

/// The problems of a table, with their lines.
type Problems = Vec<(usize, String)>;

/// Reads the table of a webhook: its URL with the line, its content, and whether it is the first
/// of this webhook.
pub(super) fn read(
    (written, at): (&str, usize),
    table: &DeTable<'_>,
    line: &dyn Fn(usize) -> usize,
    is_first: bool,
) -> Result<Guard, Problems> {
    let url = written.trim_matches('/');
    let mut of =
        Reader { name: format!("{SECTION}.{}", quoted_key(written)), line, problems: Problems::new() };
    if url.is_empty() {
        of.problem(at, "the URL is empty; write it as trigger.parameters.url of the rules has it");
    } else if !is_first {
        of.problem(at, "the webhook has a table already; make one of both");
    }
    let said = of.said(table);
    // What goes together is looked at once each key is right by itself.
    let admission = if of.problems.is_empty() { of.admission(at, &said) } else { None };
    match admission {
        Some(admission) if of.problems.is_empty() => {
            let usual = said.signature.as_ref().and_then(|(known, _)| known.delivery_header());
            let delivery_header = match said.delivery_header {
                Some(named) => Some(named).filter(|name| !name.is_empty()),
                None => usual.map(str::to_owned),
            };
            Ok(Guard { url: url.to_owned(), admission, rate: said.rate, delivery_header })
        }
        _ => Err(of.problems),
    }
}

/// A key of TOML that may have any characters.
fn quoted_key(text: &str) -> String {
    serde_json::Value::from(&*quoted(text)).to_string()
}

/// The forms of signatures.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Github,
    Slack,
    Stripe,
    Own(Scheme),
}

impl Form {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "github" => Self::Github,
            "slack" => Self::Slack,
            "stripe" => Self::Stripe,
            _ => return None,
        })
    }

    fn scheme(&self) -> Scheme {
        match self {
            Self::Github => Scheme::github(),
            Self::Slack => Scheme::slack(),
            Self::Stripe => Scheme::stripe(),
            Self::Own(scheme) => scheme.clone(),
        }
    }

    /// The header in which the sender names a delivery.
    fn delivery_header(&self) -> Option<&'static str> {
        (*self == Self::Github).then_some("x-github-delivery")
    }
}

/// What a table says, with the lines of what depends on other keys.
#[derive(Default)]
struct Said {
    auth: Option<(String, usize)>,
    signature: Option<(Form, usize)>,
    secret: Option<(String, usize)>,
    tolerance: Option<(Duration, usize)>,
    rate: Option<Rate>,
    delivery_header: Option<String>,
}

/// A table that is being read.
struct Reader<'a> {
    name: String,
    line: &'a dyn Fn(usize) -> usize,
    problems: Problems,
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, what: &str) {
        self.problems.push((at, format!("{}: {what}", self.name)));
    }

    /// A value that is `None` because it is not what it must be.
    fn must<T>(&mut self, value: Option<T>, at: usize, key: &str, expected: &str) -> Option<T> {
        if value.is_none() {
            self.problem(at, &format!("{key} must be {expected}"));
        }
        value
    }

    fn unknown(&mut self, at: usize, key: &str, known: &[&str]) {
        let hint = match nearest(key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        self.problem(at, &format!("unknown key `{}`; {hint}", quoted(key)));
    }

    fn said(&mut self, table: &DeTable<'_>) -> Said {
        let mut said = Said::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let (at, value) = ((self.line)(key.span().start), value.get_ref());
            let text = value.as_str();
            match name {
                "auth" => {
                    let word = text.filter(|word| ["token", "signature", "open"].contains(word));
                    let word = self.must(word, at, name, "\"token\", \"signature\" or \"open\"");
                    said.auth = word.map(|word| (word.to_owned(), at));
                }
                "signature" => said.signature = self.form(value, at).map(|form| (form, at)),
                "secret" => {
                    let expected = "the name of a key of the datastore, as \"{{ st2kv.system.KEY }}\"; `petrel key set KEY --encrypt -` reads the secret from standard input";
                    let key = self.must(text.and_then(key_of), at, name, expected);
                    said.secret = key.map(|key| (key.to_owned(), at));
                }
                "tolerance" => {
                    let span = text.and_then(|text| Span::read(&Raw::Text(text.to_owned()))?.0);
                    let span = span.filter(|span| !span.is_zero());
                    let span = self.must(span, at, name, "a span of time as \"5m\" or \"45s\"");
                    said.tolerance = span.map(|span| (span, at));
                }
                "rate_limit" => {
                    let rate = text.and_then(Rate::read);
                    said.rate = self.must(
                        rate,
                        at,
                        name,
                        "a number of events in a time, as \"5/s\", \"100/min\" or \"1000/h\"",
                    );
                }
                "delivery_header" => {
                    let header = text
                        .and_then(|text| if text.is_empty() { Some(String::new()) } else { header(text) });
                    said.delivery_header =
                        self.must(header, at, name, "the name of a header, or empty for none");
                }
                other => self.unknown(at, other, &KEYS),
            }
        }
        said
    }

    /// The form of signatures: by the name of a known sender, or described.
    fn form(&mut self, value: &DeValue<'_>, at: usize) -> Option<Form> {
        const EXPECTED: &str = "\"github\", \"slack\", \"stripe\", or a table as {header = \"X-Signature\", prefix = \"sha256=\", encoding = \"hex\"}";
        match value {
            DeValue::Table(table) => self.own_form(table, at).map(Form::Own),
            other => {
                let known = other.as_str().and_then(Form::named);
                self.must(known, at, "signature", EXPECTED)
            }
        }
    }

    fn own_form(&mut self, table: &DeTable<'_>, at: usize) -> Option<Scheme> {
        let mut scheme = Scheme { header: String::new(), prefix: String::new(), ..Scheme::github() };
        let mut signed = None;
        for (key, value) in table {
            let (name, text): (&str, _) = (key.get_ref(), value.get_ref().as_str());
            let of_form = format!("signature.{name}");
            match name {
                "header" => {
                    scheme.header = self.must(text.and_then(header), at, &of_form, "the name of a header")?;
                }
                "prefix" => self.must(text, at, &of_form, "a text")?.clone_into(&mut scheme.prefix),
                "encoding" => {
                    let encoding = match text {
                        Some("hex") => Some(Encoding::Hex),
                        Some("base64") => Some(Encoding::Base64),
                        _ => None,
                    };
                    scheme.encoding = self.must(encoding, at, &of_form, "\"hex\" or \"base64\"")?;
                }
                "timestamp" => {
                    let name = text.and_then(header);
                    scheme.timed = Timed::ByHeader(self.must(name, at, &of_form, "the name of a header")?);
                }
                "signed" => {
                    let parts = text.and_then(|text| text.strip_suffix("{body}")?.split_once("{timestamp}"));
                    signed =
                        Some(self.must(parts, at, &of_form, "what is signed, as \"{timestamp}.{body}\"")?);
                }
                other => self.unknown(at, other, &FORM),
            }
        }
        if scheme.header.is_empty() {
            self.problem(at, "signature needs the key header, the name of the header with the signature");
            return None;
        }
        let (lead, middle) = self.around_the_time(at, signed, &scheme.timed)?;
        (scheme.lead, scheme.middle) = (lead.to_owned(), middle.to_owned());
        Some(scheme)
    }

    /// The texts that are signed before and behind the time. A guess would be wrong for senders that sign the body alone:
    /// each of their events would be refused, or the time would be anybody's to choose.
    fn around_the_time<'t>(
        &mut self,
        at: usize,
        signed: Option<(&'t str, &'t str)>,
        timed: &Timed,
    ) -> Option<(&'t str, &'t str)> {
        let problem = match (signed, timed) {
            (None, Timed::Never) => return Some(("", "")),
            (Some(parts), Timed::ByHeader(_) | Timed::InList) => return Some(parts),
            (Some(_), Timed::Never) => {
                "signature.signed needs the key timestamp, the name of the header with the time"
            }
            (None, Timed::ByHeader(_) | Timed::InList) => {
                "signature.timestamp needs the key signed, which says how the time is signed with the body, as signed = \
                 \"{timestamp}.{body}\"; if the sender signs the body alone, leave timestamp out"
            }
        };
        self.problem(at, problem);
        None
    }

    /// Who may send, if what the table says goes together.
    fn admission(&mut self, at: usize, said: &Said) -> Option<Admission> {
        let usual = if said.signature.is_some() { "signature" } else { "token" };
        let auth = said.auth.as_ref().map_or(usual, |(auth, _)| auth.as_str());
        if auth != "signature" {
            let lines = [
                ("signature", said.signature.as_ref().map(|(_, at)| *at)),
                ("secret", said.secret.as_ref().map(|(_, at)| *at)),
                ("tolerance", said.tolerance.map(|(_, at)| at)),
            ];
            for (key, at) in lines.into_iter().filter_map(|(key, at)| Some((key, at?))) {
                self.problem(at, &format!("{key} has no effect with auth = \"{auth}\"; remove one of them"));
            }
            return Some(if auth == "open" { Admission::Open } else { Admission::Token });
        }
        let (Some((form, _)), Some((secret, _))) = (&said.signature, &said.secret) else {
            let missing = if said.signature.is_none() { "signature" } else { "secret" };
            self.problem(at, &format!("auth = \"signature\" needs the key {missing}"));
            return None;
        };
        let scheme = form.scheme();
        if let (Some((_, at)), Timed::Never) = (said.tolerance, &scheme.timed) {
            self.problem(at, "tolerance has no effect: these signatures have no time; remove it");
        }
        let tolerance = said.tolerance.map_or(TOLERANCE, |(tolerance, _)| tolerance);
        Some(Admission::Signature { scheme, secret: secret.clone(), tolerance })
    }
}

/// The key in `{{ st2kv.system.KEY }}`.
fn key_of(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    inner.strip_prefix("st2kv.system.").filter(|key| !key.is_empty() && !key.contains(char::is_whitespace))
}

/// The name of a header in lower case.
fn header(text: &str) -> Option<String> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    let is_name = !text.is_empty() && text.len() <= LONGEST_HEADER && text.chars().all(is_plain);
    is_name.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;

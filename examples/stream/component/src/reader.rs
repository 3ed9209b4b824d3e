//! A reader of server-sent events, line by line, as the HTML standard has them ("interpreting an event stream").

use std::time::Duration;

/// The pause before the connection is made anew, unless the server asks for another one; and the longest.
const PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The longest text of a message, in bytes: a host takes payloads of 1 MiB.
const LONGEST: usize = 512 << 10;

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its kind.
    pub(crate) kind: String,
    /// Its id, if it has one.
    pub(crate) id: Option<String>,
    /// Its text.
    pub(crate) data: String,
}

/// What was read so far. It outlives a connection: ids go on, and the message that broke off is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: String,
    data: String,
    /// Whether the message has a text, which may be an empty line.
    has_data: bool,
    /// The id of the message, once it is whole.
    id: Option<String>,
    last_id: String,
    is_too_long: bool,
    pause: Duration,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            kind: String::new(),
            data: String::new(),
            has_data: false,
            id: None,
            last_id: String::new(),
            is_too_long: false,
            pause: PAUSE,
        }
    }
}

impl Reader {
    /// The id to go on from, as the header `Last-Event-ID` names it. None if no message had one.
    pub(crate) fn last_id(&self) -> Option<&str> {
        Some(self.last_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The pause before the connection is made anew.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// Forgets the message that was not whole when the connection broke.
    pub(crate) fn begin(&mut self) {
        self.clear();
    }

    /// Takes a line, without its end. Gives the message that an empty one ends.
    pub(crate) fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            return self.end();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => value.clone_into(&mut self.kind),
            "data" => self.text(value),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" => {
                if let Ok(milliseconds) = value.parse() {
                    self.pause = Duration::from_millis(milliseconds).min(LONGEST_PAUSE);
                }
            }
            // A comment, which keeps the connection open, or a field of somebody's own.
            _ => {}
        }
        None
    }

    fn text(&mut self, value: &str) {
        self.is_too_long |= self.data.len() + value.len() >= LONGEST;
        if self.is_too_long {
            return;
        }
        if self.has_data {
            self.data.push('\n');
        }
        self.data.push_str(value);
        self.has_data = true;
    }

    fn end(&mut self) -> Option<Message> {
        if let Some(id) = &self.id {
            self.last_id.clone_from(id);
        }
        let is_whole = self.has_data && !self.is_too_long;
        let kind = if self.kind.is_empty() { "message" } else { &self.kind };
        let message = is_whole.then(|| Message {
            kind: kind.to_owned(),
            id: self.id.clone().filter(|id| !id.is_empty()),
            data: self.data.clone(),
        });
        self.clear();
        message
    }

    fn clear(&mut self) {
        self.kind.clear();
        self.data.clear();
        self.id = None;
        (self.has_data, self.is_too_long) = (false, false);
    }
}

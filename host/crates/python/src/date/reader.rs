//! The reader of dates: walks through the words of a text and interprets each.

use super::parts::Parts;
use super::{full_year, names, words};

/// The facts that the words state.
#[derive(Debug, Default)]
pub(super) struct DateFacts {
    pub(super) year: Option<i64>,
    /// Whether the year was written with its century.
    pub(super) is_full_year: bool,
    pub(super) month: Option<i64>,
    pub(super) day: Option<i64>,
    /// The day of the week, 0 for Monday.
    pub(super) weekday: Option<i8>,
    pub(super) hour: Option<i64>,
    pub(super) minute: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) micros: Option<i64>,
    /// The name of a time zone.
    pub(super) zone: Option<String>,
    /// The offset in seconds east of UTC.
    pub(super) offset: Option<i64>,
}

impl DateFacts {
    /// Whether the words state anything at all.
    pub(super) fn has_something(&self) -> bool {
        let date = [self.year, self.month, self.day, self.weekday.map(i64::from)];
        let time = [self.hour, self.minute, self.second, self.micros];
        date.iter().chain(&time).any(Option::is_some)
    }
}

/// Reads `text`; `None` if it has a word that no date has.
pub(super) fn read(text: &str, this_year: i64) -> Option<DateFacts> {
    let (parts, found) = (Parts::default(), DateFacts::default());
    let mut reader = Reader { words: words::split(text), at: 0, this_year, parts, found };
    while let Some(word) = reader.words.get(reader.at).cloned() {
        reader.word(&word)?;
        reader.at += 1;
    }
    let (year, month, day) = reader.parts.resolve()?;
    Some(DateFacts { year, month, day, is_full_year: reader.parts.is_full_year, ..reader.found })
}

/// A number, with or without a fraction.
#[derive(Clone, Copy)]
struct Number<'a> {
    whole: i64,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    fn read(word: &'a str) -> Option<Self> {
        let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let whole = whole.parse().ok().filter(|_| are_digits(whole) && are_digits(fraction))?;
        Some(Self { whole, fraction })
    }

    /// The fraction in sixtieths: minutes of an hour, or seconds of a minute. `None` without a fraction.
    fn sixtieths(self) -> Option<i64> {
        /// The digits that fit into an integer.
        const DIGITS: usize = 15;
        let digits = self.fraction.get(..DIGITS).unwrap_or(self.fraction).trim_end_matches('0');
        let places = u32::try_from(digits.len()).ok()?;
        digits.parse::<i64>().ok().map(|value| 60 * value / 10_i64.pow(places))
    }
}

/// The number in a part of `word`.
fn part(word: &str, from: usize, to: usize) -> Option<i64> {
    let digits = word.get(from..to)?;
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Seconds and microseconds.
fn seconds(word: &str) -> Option<(i64, i64)> {
    let number = Number::read(word)?;
    let fraction: String = number.fraction.chars().take(6).collect();
    Some((number.whole, format!("{fraction:0<6}").parse().ok()?))
}

/// The hour in 24, from an hour in 12.
fn adjusted(hour: i64, is_afternoon: bool) -> i64 {
    match (hour, is_afternoon) {
        (12, false) => 0,
        (..12, true) => hour + 12,
        _ => hour,
    }
}

struct Reader {
    words: Vec<String>,
    /// The index of the present word. A word that takes in later ones moves it to the last of them.
    at: usize,
    this_year: i64,
    parts: Parts,
    found: DateFacts,
}

impl Reader {
    /// The word at a distance behind the present one.
    fn peek(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead).map(String::as_str)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        if word.starts_with(|char: char| char.is_ascii_digit()) {
            return self.number(word);
        }
        if let Some(weekday) = names::weekday(word) {
            self.found.weekday = Some(weekday);
            return Some(());
        }
        if let Some(month) = names::month(word) {
            return self.month(month);
        }
        if let Some(is_afternoon) = names::half(word) {
            let hour = self.found.hour.filter(|hour| (0..=12).contains(hour))?;
            self.found.hour = Some(adjusted(hour, is_afternoon));
            return Some(());
        }
        if self.found.offset.is_none() && self.could_be_zone(word) {
            self.zone(word);
            return Some(());
        }
        match word {
            "+" | "-" if self.found.hour.is_some() => self.offset(word == "-"),
            _ => names::is_filler(word).then_some(()),
        }
    }

    fn number(&mut self, word: &str) -> Option<()> {
        let (number, length) = (Number::read(word)?, word.len());
        let ends_here = self.peek(1).is_none_or(|next| next != ":" && names::unit(next).is_none());
        if self.parts.len() == 3 && matches!(length, 2 | 4) && self.found.hour.is_none() && ends_here {
            // Behind a date: `T23`, `T2359`.
            self.found.hour = Some(part(word, 0, 2)?);
            if length == 4 {
                self.found.minute = Some(part(word, 2, 4)?);
            }
            return Some(());
        }
        if length == 6 || (length > 6 && word.find('.') == Some(6)) {
            return self.six_digits(word);
        }
        if matches!(length, 8 | 12 | 14) {
            return self.date_in_a_row(word);
        }
        if let Some(unit_at) = self.unit_at() {
            return self.with_unit(word, number, unit_at);
        }
        if self.peek(1) == Some(":") && self.peek(2).is_some() {
            return self.clock(number.whole);
        }
        self.of_date(word, number.whole)
    }

    /// `YYMMDD`, or `HHMMSS` with or without a fraction.
    fn six_digits(&mut self, word: &str) -> Option<()> {
        if self.parts.len() == 0 && !word.contains('.') {
            self.parts.push_text(word.get(..2)?)?;
            self.parts.push_text(word.get(2..4)?)?;
            return self.parts.push_text(word.get(4..)?);
        }
        let (second, micros) = seconds(word.get(4..)?)?;
        (self.found.hour, self.found.minute) = (Some(part(word, 0, 2)?), Some(part(word, 2, 4)?));
        (self.found.second, self.found.micros) = (Some(second), Some(micros));
        Some(())
    }

    /// `YYYYMMDD`, with `HHMM` or `HHMMSS` behind it.
    fn date_in_a_row(&mut self, word: &str) -> Option<()> {
        self.parts.push_year(part(word, 0, 4)?, true)?;
        self.parts.push_text(word.get(4..6)?)?;
        self.parts.push_text(word.get(6..8)?)?;
        if word.len() > 8 {
            (self.found.hour, self.found.minute) = (Some(part(word, 8, 10)?), Some(part(word, 10, 12)?));
        }
        if word.len() > 12 {
            self.found.second = Some(part(word, 12, 14)?);
        }
        Some(())
    }

    /// The index of the unit of the present number, as in `12h`, `12 h` and `12h04`.
    fn unit_at(&self) -> Option<usize> {
        let word = |place: Option<usize>| place.and_then(|place| self.words.get(place)).map(String::as_str);
        let unit = |place: Option<usize>| place.filter(|_| word(place).and_then(names::unit).is_some());
        let (before, last) = (self.at.checked_sub(1), self.words.len().checked_sub(1));
        let behind_blank =
            |place: Option<usize>, blank: Option<usize>| unit(place).filter(|_| word(blank) == Some(" "));
        unit(Some(self.at + 1))
            .or_else(|| behind_blank(Some(self.at + 2), Some(self.at + 1)))
            .or_else(|| unit(before))
            .or_else(|| behind_blank(self.at.checked_sub(2), before).filter(|_| last == Some(self.at)))
    }

    fn with_unit(&mut self, word: &str, number: Number<'_>, unit_at: usize) -> Option<()> {
        let unit = self.words.get(unit_at).and_then(|unit| names::unit(unit))?;
        // A unit in front of the number belongs to the number before it, and this one has the next smaller unit.
        let unit = if unit_at > self.at { unit } else { unit + 1 };
        self.at = self.at.max(unit_at);
        match unit {
            0 => {
                self.found.hour = Some(number.whole);
                self.found.minute = number.sixtieths().or(self.found.minute);
            }
            1 => (self.found.minute, self.found.second) = (Some(number.whole), number.sixtieths()),
            2 => {
                let (second, micros) = seconds(word)?;
                (self.found.second, self.found.micros) = (Some(second), Some(micros));
            }
            _ => {}
        }
        Some(())
    }

    /// `HH:MM`, with seconds or the fraction of a minute.
    fn clock(&mut self, hour: i64) -> Option<()> {
        let minutes = Number::read(self.peek(2)?)?;
        let (minute, mut second) = (minutes.whole, minutes.sixtieths());
        let mut words = 2;
        if let (Some(":"), Some(text)) = (self.peek(3), self.peek(4)) {
            let (whole, micros) = seconds(text)?;
            second = Some(whole);
            self.found.micros = Some(micros);
            words = 4;
        }
        (self.found.hour, self.found.minute, self.found.second) = (Some(hour), Some(minute), second);
        self.at += words;
        Some(())
    }

    /// A year, a month or a day, or the hour before `am` and `pm`.
    fn of_date(&mut self, word: &str, whole: i64) -> Option<()> {
        let (next, after) = (self.peek(1).map(str::to_owned), self.peek(2).and_then(names::half));
        match next.as_deref() {
            Some(separator @ ("-" | "/" | ".")) => self.separated(word, separator),
            next if next.is_none_or(names::is_filler) => {
                match after {
                    Some(is_afternoon) => {
                        self.found.hour = Some(adjusted(whole, is_afternoon));
                        self.at += 1;
                    }
                    None => self.parts.push_number(whole)?,
                }
                self.at += 1;
                Some(())
            }
            next => {
                let half = next.and_then(names::half).filter(|_| (0..24).contains(&whole));
                if let Some(is_afternoon) = half {
                    self.found.hour = Some(adjusted(whole, is_afternoon));
                    self.at += 1;
                    return Some(());
                }
                if self.parts.could_be_day(whole)? { self.parts.push_number(whole) } else { None }
            }
        }
    }

    /// `01-02` or `01-Feb`, and a third part after the same separator.
    fn separated(&mut self, word: &str, separator: &str) -> Option<()> {
        self.parts.push_text(word)?;
        let Some(second) = self.peek(2).filter(|second| !names::is_filler(second)).map(str::to_owned) else {
            self.at += 1;
            return Some(());
        };
        self.month_or_number(&second)?;
        if self.peek(3) != Some(separator) {
            self.at += 2;
            return Some(());
        }
        let third = self.peek(4)?.to_owned();
        self.month_or_number(&third)?;
        self.at += 4;
        Some(())
    }

    fn month_or_number(&mut self, word: &str) -> Option<()> {
        match names::month(word) {
            Some(month) => self.parts.push_month(month),
            None => self.parts.push_text(word),
        }
    }

    /// Words after the name of a month: `Jan-01`, `Jan-01-99`, `Jan of 99`.
    fn month(&mut self, month: i64) -> Option<()> {
        self.parts.push_month(month)?;
        if let Some(separator @ ("-" | "/")) = self.peek(1) {
            let third = (self.peek(3) == Some(separator)).then(|| self.peek(4).map(str::to_owned));
            let second = self.peek(2)?.to_owned();
            self.parts.push_text(&second)?;
            self.at += 2;
            if let Some(third) = third {
                self.parts.push_text(&third?)?;
                self.at += 2;
            }
            return Some(());
        }
        let is_of = self.peek(2).is_some_and(|word| word.eq_ignore_ascii_case("of"));
        if self.peek(1) == Some(" ") && is_of && self.peek(3) == Some(" ") {
            let Some(year) = self.peek(4) else { return Some(()) };
            if let Some(year) = part(year, 0, year.len()) {
                self.parts.push_year(full_year(year, self.this_year), true)?;
            }
            self.at += 4;
        }
        Some(())
    }

    /// Whether `word` can be the name of a time zone. Such names are ambiguous, so only those of UTC count later.
    fn could_be_zone(&self, word: &str) -> bool {
        let is_upper = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        self.found.hour.is_some() && self.found.zone.is_none() && (is_upper || word == "z")
    }

    fn zone(&mut self, word: &str) {
        self.found.zone = Some(word.to_owned());
        self.found.offset = (word == "z").then_some(0);
        // `GMT+3` means that the local time plus three hours is GMT, the reverse of `+3` alone. dateutil follows
        // POSIX here.
        let turned = match self.peek(1) {
            Some("+") => "-",
            Some("-") => "+",
            _ => return,
        };
        if let Some(sign) = self.words.get_mut(self.at + 1) {
            turned.clone_into(sign);
        }
        self.found.offset = None;
        if names::is_utc(word) {
            self.found.zone = None;
        }
    }

    /// `+hh`, `+hhmm` or `+hh:mm`, with or without a zone in brackets.
    fn offset(&mut self, is_behind: bool) -> Option<()> {
        let digits = self.peek(1)?.to_owned();
        let (hours, minutes) = match (digits.len(), self.peek(2), self.peek(3)) {
            (4, ..) => (part(&digits, 0, 2)?, part(&digits, 2, 4)?),
            (1 | 2, Some(":"), minutes) => {
                let minutes = minutes.filter(|minutes| minutes.len() <= 4)?;
                let minutes = part(minutes, 0, minutes.len())?;
                self.at += 2;
                (part(&digits, 0, digits.len())?, minutes)
            }
            (1 | 2, ..) => (part(&digits, 0, digits.len())?, 0),
            _ => return None,
        };
        let seconds = hours * 3600 + minutes * 60;
        self.found.offset = Some(if is_behind { -seconds } else { seconds });
        let is_framed = self.peek(2).is_some_and(names::is_filler)
            && self.peek(3) == Some("(")
            && self.peek(5) == Some(")");
        let zone = self.peek(4).filter(|zone| is_framed && zone.len() >= 3 && self.could_be_zone(zone));
        if let Some(zone) = zone.map(str::to_owned) {
            self.found.zone = Some(zone);
            self.at += 4;
        }
        self.at += 1;
        Some(())
    }
}

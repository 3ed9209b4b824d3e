//! Times in free text, as Python's `dateutil` reads them: `2020-01-02T03:04:05Z`, `Jan 2, 2020 3pm`,
//! `02.01.2020` (month first). What the text does not tell is that of 1 January 1970, since there is no clock
//! here.

use jiff::civil;

use super::super::error::Error;
use super::format::{DAYS, MONTHS};
use super::{DateTime, SECOND};

/// Reads `text`.
pub(in crate::yaql) fn parse(text: &str) -> Result<DateTime, Error> {
    /// No date has more bytes.
    const LENGTH: usize = 256;
    let mut guess = Guess::default();
    let words = if text.len() > LENGTH { Vec::new() } else { words(text) };
    let read = guess.read(&words).and_then(|()| guess.civil());
    match read {
        Some(civil) => DateTime::from_civil(civil, guess.offset.unwrap_or(0)),
        None => Err(Error::value(format!(
            "Unknown string format: {}",
            text.chars().take(100).collect::<String>()
        ))),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Number(String),
    Name(String),
    Mark(char),
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for char in text.chars() {
        match (char, words.last_mut()) {
            ('0'..='9', Some(Word::Number(number))) => number.push(char),
            ('0'..='9', _) => words.push(Word::Number(char.into())),
            (_, Some(Word::Name(name))) if char.is_alphabetic() => name.extend(char.to_lowercase()),
            (_, _) if char.is_alphabetic() => words.push(Word::Name(char.to_lowercase().collect())),
            _ => words.push(Word::Mark(char)),
        }
    }
    words
}

#[derive(Debug, Default)]
struct Guess {
    /// Numbers of a date whose meaning is not yet known, and how many digits they had.
    parts: Vec<(i32, usize)>,
    month: Option<i32>,
    /// How many parts came before the name of the month.
    before_month: usize,
    hour: Option<i32>,
    minute: i32,
    second: i32,
    micros: i32,
    is_afternoon: Option<bool>,
    offset: Option<i64>,
    has_weekday: bool,
}

impl Guess {
    fn read(&mut self, words: &[Word]) -> Option<()> {
        let mut rest = words;
        while let [first, after @ ..] = rest {
            rest = match first {
                Word::Number(number) => self.number(number, after)?,
                Word::Name(name) => self.name(name, after)?,
                Word::Mark(sign @ ('+' | '-')) if self.hour.is_some() && self.offset.unwrap_or(0) == 0 => {
                    self.zone(*sign, after)?
                }
                Word::Mark(mark) if " ,.-/;()'\t\n".contains(*mark) => after,
                Word::Mark(_) => return None,
            };
        }
        (self.hour.is_some() || self.month.is_some() || !self.parts.is_empty() || self.has_weekday)
            .then_some(())
    }

    fn number<'a>(&mut self, number: &str, after: &'a [Word]) -> Option<&'a [Word]> {
        let value: i32 = number.parse().ok()?;
        match (number.len(), after) {
            (_, [Word::Mark(':'), Word::Number(minute), rest @ ..]) if self.hour.is_none() => {
                self.hour = Some(value);
                self.minute = minute.parse().ok()?;
                self.seconds(rest)
            }
            (_, [Word::Mark(' '), Word::Name(half), rest @ ..] | [Word::Name(half), rest @ ..])
                if matches!(half.as_str(), "am" | "pm" | "a" | "p") && self.hour.is_none() =>
            {
                self.hour = Some(value);
                self.half(half)?;
                Some(rest)
            }
            (_, [Word::Name(unit), rest @ ..]) if matches!(unit.as_str(), "h" | "m" | "s") => {
                match unit.as_str() {
                    "h" => self.hour = Some(value),
                    "m" => self.minute = value,
                    _ => self.second = value,
                }
                self.hour.get_or_insert(0);
                Some(rest)
            }
            (8, _) if self.parts.is_empty() => {
                self.parts = vec![(value / 10_000, 4), (value / 100 % 100, 2), (value % 100, 2)];
                Some(after)
            }
            (6 | 4, rest) if self.hour.is_none() && self.parts.len() == 3 => {
                let (time, second) = if number.len() == 6 { (value / 100, value % 100) } else { (value, 0) };
                (self.hour, self.minute, self.second) = (Some(time / 100), time % 100, second);
                Some(rest)
            }
            (length @ 1..=4, rest) => {
                self.parts.push((value, length));
                (self.parts.len() <= 3).then_some(rest)
            }
            _ => None,
        }
    }

    /// Seconds after minutes, with a fraction.
    fn seconds<'a>(&mut self, after: &'a [Word]) -> Option<&'a [Word]> {
        let [Word::Mark(':'), Word::Number(second), rest @ ..] = after else { return Some(after) };
        self.second = second.parse().ok()?;
        let [Word::Mark('.' | ','), Word::Number(fraction), rest @ ..] = rest else { return Some(rest) };
        let fraction: String = fraction.chars().take(6).collect();
        self.micros = format!("{fraction:0<6}").parse().ok()?;
        Some(rest)
    }

    fn name<'a>(&mut self, name: &str, after: &'a [Word]) -> Option<&'a [Word]> {
        let is = |full: &str| {
            let full = full.to_lowercase();
            full == name || full.get(..3) == Some(name) || (name == "sept" && full == "september")
        };
        if let Some(month) = MONTHS.iter().position(|month| is(month)) {
            self.before_month = self.parts.len();
            return match self.month.replace(i32::try_from(month).ok()? + 1) {
                None => Some(after),
                Some(_) => None,
            };
        }
        if DAYS.iter().any(|day| is(day)) {
            self.has_weekday = true;
            return Some(after);
        }
        match name {
            "z" | "utc" | "gmt" if self.hour.is_some() => self.offset = Some(0),
            "am" | "pm" | "a" | "p" => self.half(name)?,
            "t" | "at" | "on" | "and" | "ad" | "of" | "st" | "nd" | "rd" | "th" => {}
            _ => return None,
        }
        Some(after)
    }

    fn half(&mut self, name: &str) -> Option<()> {
        self.is_afternoon = Some(name.starts_with('p'));
        self.hour.filter(|hour| (0..=12).contains(hour)).map(|_| ())
    }

    fn zone<'a>(&mut self, sign: char, after: &'a [Word]) -> Option<&'a [Word]> {
        let [Word::Number(digits), rest @ ..] = after else { return None };
        let value: i64 = digits.parse().ok()?;
        let (hours, minutes, rest) = match (digits.len(), rest) {
            (2, [Word::Mark(':'), Word::Number(minutes), rest @ ..]) => (value, minutes.parse().ok()?, rest),
            (1 | 2, rest) => (value, 0, rest),
            (4, rest) => (value / 100, value % 100, rest),
            _ => return None,
        };
        let seconds = hours * 3600 + minutes * 60;
        self.offset = Some(if sign == '-' { -seconds } else { seconds } * SECOND);
        (hours < 24).then_some(rest)
    }

    fn civil(&self) -> Option<civil::DateTime> {
        let (year, month, day) = self.date()?;
        let hour = match (self.hour.unwrap_or(0), self.is_afternoon) {
            (hour, Some(is_afternoon)) => hour % 12 + if is_afternoon { 12 } else { 0 },
            (hour, None) => hour,
        };
        let small = |number: i32| i8::try_from(number).ok();
        let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
        let time =
            civil::Time::new(small(hour)?, small(self.minute)?, small(self.second)?, self.micros * 1000);
        Some(date.to_datetime(time.ok()?))
    }

    /// Year, month and day. A number of four digits or above 31 is a year; else the month comes first.
    fn date(&self) -> Option<(i32, i32, i32)> {
        let is_year = |(value, digits): (i32, usize)| digits > 2 || value > 31;
        let full = |(value, digits): (i32, usize)| match (digits > 2, value < 69) {
            (true, _) => value,
            (false, true) => value + 2000,
            (false, false) => value + 1900,
        };
        Some(match (self.month, self.parts.as_slice()) {
            (None, []) => (1970, 1, 1),
            (None, [one]) if is_year(*one) => (full(*one), 1, 1),
            (None, [one]) => (1970, 1, one.0),
            (None, [one, other]) if is_year(*one) => (full(*one), other.0, 1),
            (None, [one, other]) if is_year(*other) => (full(*other), one.0, 1),
            (None, [one, other]) if one.0 > 12 => (1970, other.0, one.0),
            (None, [one, other]) => (1970, one.0, other.0),
            (None, [one, two, three]) if is_year(*one) && two.0 > 12 => (full(*one), three.0, two.0),
            (None, [one, two, three]) if is_year(*one) => (full(*one), two.0, three.0),
            (None, [one, two, three]) if one.0 > 12 => (full(*three), two.0, one.0),
            (None, [one, two, three]) => (full(*three), one.0, two.0),
            (Some(month), []) => (1970, month, 1),
            (Some(month), [one]) if is_year(*one) => (full(*one), month, 1),
            (Some(month), [one]) => (1970, month, one.0),
            (Some(month), [one, other]) if is_year(*one) => (full(*one), month, other.0),
            (Some(month), [one, other]) => (full(*other), month, one.0),
            _ => return None,
        })
    }
}

//! Dates in the many forms that payloads hold, as Python's `dateutil` reads them: ISO 8601 in all its
//! spellings, `Jun 15 2021 11:59 AM`, `15/06/2021`. Without an offset a time is in UTC; parts that are not
//! written are those of today at midnight.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use petrel_model::Timestamp;

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date; write it as 2026-11-20T12:00:00Z")]
pub struct InvalidDate(String);

pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, InvalidDate> {
    let read = || {
        let mut reader = Reader { rest: text, parts: Parts::default(), after_t: false };
        reader.read()?;
        reader.parts.resolve(now)
    };
    read().ok_or_else(|| InvalidDate(text.to_owned()))
}

#[derive(Default)]
struct Parts {
    /// Numbers of the date in the order written, with how many digits they had.
    numbers: Vec<(i64, usize)>,
    month: Option<i64>,
    hour: Option<i64>,
    minute: i64,
    second: i64,
    micros: i64,
    afternoon: Option<bool>,
    offset: Option<i64>,
}

struct Reader<'a> {
    rest: &'a str,
    parts: Parts,
    after_t: bool,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FILLERS: [&str; 9] = ["at", "on", "and", "ad", "of", "st", "nd", "rd", "th"];

impl<'a> Reader<'a> {
    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !test(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn read(&mut self) -> Option<()> {
        while let Some(char) = self.rest.chars().next() {
            match char {
                '0'..='9' => self.number()?,
                '+' | '-' if self.parts.hour.is_some() && self.parts.offset.is_none() => self.offset()?,
                ' ' | ',' | '.' | '/' | '-' | ';' | '\'' => self.rest = self.rest.strip_prefix(char)?,
                _ if char.is_ascii_alphabetic() => self.word()?,
                _ => return None,
            }
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let digits = self.take_while(|char| char.is_ascii_digit());
        if digits.len() > 14 {
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        if self.parts.hour.is_none() && self.rest.starts_with(':') {
            return self.time(number);
        }
        let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<i64>().ok());
        let is_first = self.parts.numbers.is_empty();
        match digits.len() {
            length @ (8 | 12 | 14) if is_first => {
                self.parts.numbers = vec![(part(0, 4)?, 4), (part(4, 6)?, 2), (part(6, 8)?, 2)];
                if length > 8 {
                    self.clock(part(8, 10)?, part(10, 12)?, part(12, 14).unwrap_or(0));
                }
            }
            4 | 6 if self.after_t => {
                self.clock(part(0, 2)?, part(2, 4)?, part(4, 6).unwrap_or(0));
                self.fraction();
            }
            2 if self.after_t => self.clock(number, 0, 0),
            length => match self.half_of_day() {
                Some(afternoon) => {
                    self.clock(number, 0, 0);
                    self.parts.afternoon = Some(afternoon);
                }
                None => self.parts.numbers.push((number, length)),
            },
        }
        Some(())
    }

    fn clock(&mut self, hour: i64, minute: i64, second: i64) {
        self.parts.hour = Some(hour);
        self.parts.minute = minute;
        self.parts.second = second;
        self.after_t = false;
    }

    fn time(&mut self, hour: i64) -> Option<()> {
        self.rest = self.rest.strip_prefix(':')?;
        let minute = self.take_while(|char| char.is_ascii_digit()).parse().ok()?;
        let mut second = 0;
        if let Some(rest) = self.rest.strip_prefix(':') {
            self.rest = rest;
            second = self.take_while(|char| char.is_ascii_digit()).parse().ok()?;
        }
        self.clock(hour, minute, second);
        self.fraction();
        self.parts.afternoon = self.half_of_day();
        Some(())
    }

    /// `.123456`, to the microsecond.
    fn fraction(&mut self) {
        let Some(rest) =
            self.rest.strip_prefix(['.', ',']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        else {
            return;
        };
        self.rest = rest;
        let digits = self.take_while(|char| char.is_ascii_digit());
        let six: String = digits.chars().chain(std::iter::repeat('0')).take(6).collect();
        self.parts.micros = six.parse().unwrap_or(0);
    }

    fn half_of_day(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let word: String = rest.chars().take(2).collect::<String>().to_ascii_lowercase();
        let afternoon = match word.as_str() {
            "am" => false,
            "pm" => true,
            _ => return None,
        };
        let after = rest.get(2..).filter(|after| !after.starts_with(|char: char| char.is_alphanumeric()))?;
        self.rest = after;
        Some(afternoon)
    }

    /// `+hh`, `+hhmm` or `+hh:mm`.
    fn offset(&mut self) -> Option<()> {
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.get(1..)?;
        let digits = self.take_while(|char| char.is_ascii_digit());
        let (hours, minutes) = match digits.len() {
            1 | 2 => match self.rest.strip_prefix(':') {
                Some(rest) => {
                    self.rest = rest;
                    (digits, self.take_while(|char| char.is_ascii_digit()))
                }
                None => (digits, "0"),
            },
            4 => digits.split_at_checked(2)?,
            _ => return None,
        };
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        self.parts.offset = Some(sign * (hours * 60 + minutes) * 60);
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let written = self.take_while(|char| char.is_ascii_alphabetic());
        // Names of time zones are ambiguous, so all but UTC are passed over, as the original does.
        let is_zone =
            (3..=5).contains(&written.len()) && written.bytes().all(|byte| byte.is_ascii_uppercase());
        let word = written.to_ascii_lowercase();
        let is = |name: &&str| word.len() >= 3 && name.starts_with(&word);
        match word.as_str() {
            "t" => self.after_t = true,
            "z" | "utc" | "gmt" => self.parts.offset = Some(0),
            word if FILLERS.contains(&word) => {}
            _ if WEEKDAYS.iter().any(&is) => {}
            _ if is_zone && self.parts.hour.is_some() => {}
            _ => {
                let month = MONTHS.iter().position(is)?;
                self.parts.month = i64::try_from(month + 1).ok();
            }
        }
        Some(())
    }
}

impl Parts {
    fn resolve(&self, now: Timestamp) -> Option<Timestamp> {
        let today = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?.to_zoned(TimeZone::UTC).date();
        let (this_year, this_month) = (i64::from(today.year()), i64::from(today.month()));
        let (year, month, day) = self.date()?;
        if self.hour.is_none() && (year, month, day) == (None, None, None) {
            return None;
        }
        let year =
            year.map_or(this_year, |(year, digits)| if digits <= 2 { near(year, this_year) } else { year });
        let month = month.unwrap_or(this_month);
        let day = day.unwrap_or_else(|| i64::from(today.day()));
        let hour = match (self.hour.unwrap_or(0), self.afternoon) {
            (hour, Some(_)) if !(0..=12).contains(&hour) => return None,
            (12, Some(false)) => 0,
            (hour @ ..=11, Some(true)) => hour + 12,
            (hour, _) => hour,
        };
        let time = DateTime::new(
            year.try_into().ok()?,
            month.try_into().ok()?,
            day.try_into().ok()?,
            hour.try_into().ok()?,
            self.minute.try_into().ok()?,
            self.second.try_into().ok()?,
            (self.micros * 1000).try_into().ok()?,
        );
        let offset = Offset::from_seconds(self.offset.unwrap_or(0).try_into().ok()?).ok()?;
        let time = offset.to_timestamp(time.ok()?).ok()?;
        Some(Timestamp::from_micros(time.as_microsecond()))
    }

    /// Which number is what: a year has four digits or is beyond 31; else month, day, year, as Americans
    /// write it, unless the first number cannot be a month.
    fn date(&self) -> Option<Date> {
        let is_year = |(value, digits): (i64, usize)| digits >= 3 || value > 31;
        let day_first = |first: (i64, usize), second: (i64, usize)| {
            if first.0 > 12 { (Some(second.0), Some(first.0)) } else { (Some(first.0), Some(second.0)) }
        };
        Some(match (self.month, self.numbers.as_slice()) {
            (month, []) => (None, month, None),
            (month, [year]) if is_year(*year) => (Some(*year), month, None),
            (month, [day]) => (None, month, Some(day.0)),
            (Some(month), [year, day] | [day, year]) if is_year(*year) => {
                (Some(*year), Some(month), Some(day.0))
            }
            (Some(month), [day, year]) => (Some(*year), Some(month), Some(day.0)),
            (None, [year, month] | [month, year]) if is_year(*year) => (Some(*year), Some(month.0), None),
            (None, [first, second]) => {
                let (month, day) = day_first(*first, *second);
                (None, month, day)
            }
            (None, [year, first, second]) if is_year(*year) => {
                if first.0 > 12 {
                    (Some(*year), Some(second.0), Some(first.0))
                } else {
                    (Some(*year), Some(first.0), Some(second.0))
                }
            }
            (None, [first, second, year]) => {
                let (month, day) = day_first(*first, *second);
                (Some(*year), month, day)
            }
            _ => return None,
        })
    }
}

/// Year (with its digits), month, day.
type Date = (Option<(i64, usize)>, Option<i64>, Option<i64>);

/// The year that ends in these two digits and is nearest.
fn near(year: i64, this_year: i64) -> i64 {
    let year = this_year - this_year.rem_euclid(100) + year;
    if year >= this_year + 50 {
        year - 100
    } else if year < this_year - 50 {
        year + 100
    } else {
        year
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        let moment: Timestamp = "2021-06-15T11:59:00Z".parse().unwrap();
        let now = "2021-06-15T12:00:00Z".parse().unwrap();
        for text in [
            "2021-06-15T11:59:00Z",
            "2021-06-15 11:59:00",
            "2021-06-15T11:59",
            "2021-06-15T13:59:00+02:00",
            "2021-06-15T06:59:00-0500",
            "2021-06-15T11:59:00.000000",
            "20210615T115900Z",
            "20210615115900",
            "15/06/2021 11:59",
            "06/15/2021 11:59 AM",
            "Jun 15 2021 11:59 AM",
            "15 June 2021 11:59",
            "Tue, 15 Jun 2021 11:59:00 GMT",
            "June 15th, 2021 at 11:59",
            "11:59",
            "15.06.21 11:59",
            "2021-06-15 11:59 EST",
        ] {
            assert_eq!(parse(text, now), Ok(moment), "{text}");
        }
        let midnight = "2021-06-15T00:00:00Z".parse().unwrap();
        assert_eq!((parse("2021-06-15", now), parse("12 AM", now)), (Ok(midnight), Ok(midnight)));
        for text in ["", "not a date", "1623758340", "2021-13-45", "2021-06-15T25:00", "Z", "13 pm"] {
            assert_eq!(parse(text, now), Err(InvalidDate(text.into())), "{text}");
        }
    }
}

//! Times in the formats of Python's `strftime` and `strptime`, with English names.

use jiff::civil;

use super::super::error::Error;
use super::{DateTime, SECOND, offset_text};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The first three letters of a name.
fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// `time` in `format`. An unknown directive stays as it is.
pub(crate) fn write(time: DateTime, format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some(directive) => match directive_text(time, directive) {
                Some(text) => out.push_str(&text),
                None => out.extend(['%', directive]),
            },
            None => out.push('%'),
        }
    }
    out
}

fn directive_text(time: DateTime, directive: char) -> Option<String> {
    let civil = time.civil();
    let weekday = usize::try_from(civil.weekday().to_monday_zero_offset()).unwrap_or(0);
    let month = usize::try_from(civil.month() - 1).unwrap_or(0);
    let (day_name, month_name) = (DAYS.get(weekday)?, MONTHS.get(month)?);
    let hour12 = (civil.hour() + 11) % 12 + 1;
    let week = civil.date().iso_week_date();
    let of_year = i64::from(civil.day_of_year());
    let weekday = i64::from(civil.weekday().to_monday_zero_offset());
    Some(match directive {
        'a' => short(day_name).into(),
        'A' => (*day_name).into(),
        'b' | 'h' => short(month_name).into(),
        'B' => (*month_name).into(),
        'c' => write(time, "%a %b %e %H:%M:%S %Y"),
        'C' => format!("{:02}", civil.year() / 100),
        'd' => format!("{:02}", civil.day()),
        'D' | 'x' => write(time, "%m/%d/%y"),
        'e' => format!("{:2}", civil.day()),
        'f' => format!("{:06}", civil.subsec_nanosecond() / 1000),
        'F' => write(time, "%Y-%m-%d"),
        'G' => week.year().to_string(),
        'H' => format!("{:02}", civil.hour()),
        'I' => format!("{hour12:02}"),
        'j' => format!("{of_year:03}"),
        'k' => format!("{:2}", civil.hour()),
        'l' => format!("{hour12:2}"),
        'm' => format!("{:02}", civil.month()),
        'M' => format!("{:02}", civil.minute()),
        'n' => "\n".into(),
        'p' => if civil.hour() < 12 { "AM" } else { "PM" }.into(),
        'r' => write(time, "%I:%M:%S %p"),
        'R' => write(time, "%H:%M"),
        's' => time.micros.div_euclid(SECOND).to_string(),
        'S' => format!("{:02}", civil.second()),
        't' => "\t".into(),
        'T' | 'X' => write(time, "%H:%M:%S"),
        'u' => (weekday + 1).to_string(),
        'U' => format!("{:02}", (of_year + 6 - (weekday + 1) % 7) / 7),
        'V' => format!("{:02}", week.week()),
        'w' => ((weekday + 1) % 7).to_string(),
        'W' => format!("{:02}", (of_year + 6 - weekday) / 7),
        'y' => format!("{:02}", civil.year() % 100),
        'Y' => civil.year().to_string(),
        'z' => offset_text(time.offset, ""),
        'Z' if time.offset == 0 => "UTC".into(),
        'Z' => String::new(),
        '%' => "%".into(),
        _ => return None,
    })
}

/// A time while it is being read.
struct Reading<'a> {
    rest: &'a str,
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    is_afternoon: Option<bool>,
    minute: i8,
    second: i8,
    micros: i32,
    offset: i64,
    day_of_year: Option<i16>,
}

/// Reads `text` by `format`. Parts that the format leaves out are those of 1 January 1900, in UTC.
pub(crate) fn parse(text: &str, format: &str) -> Result<DateTime, Error> {
    let mut reading = Reading {
        rest: text,
        year: 1900,
        month: 1,
        day: 1,
        hour: 0,
        is_afternoon: None,
        minute: 0,
        second: 0,
        micros: 0,
        offset: 0,
        day_of_year: None,
    };
    let read = reading.read(format);
    match read.filter(|()| reading.rest.is_empty()).and_then(|()| reading.civil()) {
        Some(civil) => DateTime::from_civil(civil, reading.offset),
        None => Err(Error::value(format!("time data '{text}' does not match format '{format}'"))),
    }
}

impl Reading<'_> {
    fn read(&mut self, format: &str) -> Option<()> {
        let mut chars = format.chars();
        while let Some(char) = chars.next() {
            if char == '%' {
                self.directive(chars.next()?)?;
            } else if char.is_whitespace() {
                self.rest = self.rest.trim_start();
            } else {
                let mut rest = self.rest.chars();
                let next = rest.next()?;
                if !next.to_lowercase().eq(char.to_lowercase()) {
                    return None;
                }
                self.rest = rest.as_str();
            }
        }
        Some(())
    }

    fn directive(&mut self, directive: char) -> Option<()> {
        match directive {
            'Y' => self.year = i16::try_from(self.number(4, 4)?).ok().filter(|year| *year > 0)?,
            'y' => {
                let year = i16::try_from(self.number(2, 2)?).ok()?;
                // The century as Python chooses it.
                self.year = if year < 69 { 2000 } else { 1900 } + year;
            }
            'm' => self.month = self.small(2, 1, 12)?,
            'd' => self.day = self.small(2, 1, 31)?,
            'H' => self.hour = self.small(2, 0, 23)?,
            'I' => self.hour = self.small(2, 1, 12)?,
            'M' => self.minute = self.small(2, 0, 59)?,
            // As in Python, which refuses a leap second only afterwards.
            'S' => self.second = self.small(2, 0, 61)?,
            'f' => {
                let digits = self.digits(1, 6)?;
                self.micros = format!("{digits:0<6}").parse().ok()?;
            }
            'j' => self.day_of_year = Some(i16::try_from(self.number(1, 3)?).ok()?),
            'b' | 'h' => self.month = i8::try_from(self.name(MONTHS.map(short))? + 1).ok()?,
            'B' => self.month = i8::try_from(self.name(MONTHS)? + 1).ok()?,
            'a' => {
                // As in Python, the weekday is read, but not compared with the date.
                self.name(DAYS.map(short))?;
            }
            'A' => {
                self.name(DAYS)?;
            }
            'p' => self.is_afternoon = Some(self.name(["am", "pm"])? == 1),
            'w' | 'u' => {
                self.small(1, 0, 7)?;
            }
            'U' | 'W' => {
                self.small(2, 0, 53)?;
            }
            'z' => self.offset = self.zone()?,
            'Z' => {
                self.name(["utc", "gmt"])?;
            }
            'T' | 'X' => self.read("%H:%M:%S")?,
            'D' | 'x' => self.read("%m/%d/%y")?,
            'F' => self.read("%Y-%m-%d")?,
            'R' => self.read("%H:%M")?,
            'c' => self.read("%a %b %d %H:%M:%S %Y")?,
            '%' => self.rest = self.rest.strip_prefix('%')?,
            _ => return None,
        }
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<String> {
        let digits: String = self.rest.chars().take(most).take_while(char::is_ascii_digit).collect();
        if digits.len() < least {
            return None;
        }
        self.rest = self.rest.get(digits.len()..)?;
        Some(digits)
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        self.digits(least, most)?.parse().ok()
    }

    /// A number of at most `digits` digits within two bounds. Fewer digits are taken if more would exceed them.
    fn small(&mut self, digits: usize, least: i8, most: i8) -> Option<i8> {
        let rest = self.rest;
        for length in (1..=digits).rev() {
            self.rest = rest;
            let number = self.number(length, length).and_then(|number| i8::try_from(number).ok());
            if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
                return Some(number);
            }
        }
        None
    }

    /// The index of the name that comes next, in any case.
    fn name<const N: usize>(&mut self, names: [&str; N]) -> Option<usize> {
        let found = names.iter().position(|name| {
            self.rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name))
        })?;
        self.rest = self.rest.get(names.get(found)?.len()..)?;
        Some(found)
    }

    fn zone(&mut self) -> Option<i64> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(0);
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.number(2, 2)?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = self.number(2, 2)?;
        Some(sign * i64::from(hours * 3600 + minutes * 60) * SECOND)
    }

    fn civil(&self) -> Option<civil::DateTime> {
        let hour = match self.is_afternoon {
            Some(is_afternoon) => self.hour % 12 + if is_afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let date = match self.day_of_year {
            Some(day) => civil::Date::new(self.year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None => civil::Date::new(self.year, self.month, self.day).ok()?,
        };
        let time = civil::Time::new(hour, self.minute, self.second, self.micros * 1000).ok()?;
        Some(date.to_datetime(time))
    }
}

//! The numbers of a date, and the decision which of them is the year, the month and the day.

use jiff::civil;

/// The numbers of a date, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Parts {
    values: Vec<i64>,
    /// The index of the year, if its number shows that it is one.
    year_at: Option<usize>,
    /// The index of the month, if it was written by name.
    month_at: Option<usize>,
    /// Whether the year was written with its century.
    pub(super) is_full_year: bool,
}

/// Year, month and day.
type Date = (Option<i64>, Option<i64>, Option<i64>);

impl Parts {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Adds digits: more than two are a year.
    pub(super) fn push_text(&mut self, digits: &str) -> Option<()> {
        let value = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        self.push(value, digits.len() > 2)
    }

    /// Adds a number: one above 100 is a year.
    pub(super) fn push_number(&mut self, number: i64) -> Option<()> {
        self.push(number, number > 100)
    }

    /// Adds a year, with or without its century.
    pub(super) fn push_year(&mut self, year: i64, is_full: bool) -> Option<()> {
        self.is_full_year |= is_full;
        self.push_at_year(year)
    }

    /// Adds a month that was written by name.
    pub(super) fn push_month(&mut self, month: i64) -> Option<()> {
        if self.month_at.replace(self.values.len()).is_some() {
            return None;
        }
        self.values.push(month);
        Some(())
    }

    fn push(&mut self, value: i64, is_year: bool) -> Option<()> {
        if is_year {
            self.is_full_year = true;
            return self.push_at_year(value);
        }
        self.values.push(value);
        Some(())
    }

    fn push_at_year(&mut self, year: i64) -> Option<()> {
        if self.year_at.replace(self.values.len()).is_some() {
            return None;
        }
        self.values.push(year);
        Some(())
    }

    /// Whether `value` can be a day of the month so far; `None` if that month does not exist.
    pub(super) fn could_be_day(&self, value: i64) -> Option<bool> {
        let at = |place: Option<usize>| place.and_then(|place| self.values.get(place)).copied();
        let last = match (at(self.year_at), at(self.month_at)) {
            (_, None) => 31,
            (year, Some(month)) => {
                // As in dateutil, a year that is not known counts as a leap year, so that 29 February is
                // possible.
                let (year, month) = (i16::try_from(year.unwrap_or(2000)).ok()?, i8::try_from(month).ok()?);
                civil::Date::new(year, month, 1).ok()?.days_in_month()
            }
        };
        Some((1..=i64::from(last)).contains(&value))
    }

    /// Assigns the numbers; `None` if there are too many. A number above 31 is the year; otherwise the month comes
    /// first, as Americans write it, unless the first number cannot be a month.
    pub(super) fn resolve(&self) -> Option<Date> {
        let at = |place: usize| self.values.get(place).copied();
        match (self.year_at, self.month_at, self.values.len()) {
            (Some(year), None, 1) => return Some((at(year), None, None)),
            (None, Some(month), 1) => return Some((None, at(month), None)),
            (Some(year), Some(month), 2) => return Some((at(year), at(month), None)),
            (Some(year), Some(month), 3) => {
                let day = (0..3).find(|place| ![year, month].contains(place))?;
                return Some((at(year), at(month), at(day)));
            }
            _ => {}
        }
        let (year, month, day) = match (self.month_at, self.values.as_slice()) {
            (_, []) => return Some((None, None, None)),
            (_, &[one]) if one > 31 => return Some((Some(one), None, None)),
            (_, &[one]) => return Some((None, None, Some(one))),
            (Some(0), &[month, other]) | (Some(_), &[other, month]) if other > 31 => {
                return Some((Some(other), Some(month), None));
            }
            (None, &[year, month]) if year > 31 => return Some((Some(year), Some(month), None)),
            (None, &[month, year]) if year > 31 => return Some((Some(year), Some(month), None)),
            (Some(0) | None, &[month, day]) | (Some(_), &[day, month]) => {
                return Some((None, Some(month), Some(day)));
            }
            (Some(0), &[month, year, day]) if year > 31 => (year, month, day),
            (Some(1), &[year, month, day]) if year > 31 => (year, month, day),
            (Some(_), &[day, year, month]) if year > 31 => (year, month, day),
            (None, &[year, month, day]) if year > 31 || self.year_at == Some(0) => (year, month, day),
            (None, &[day, month, year]) if day > 12 => (year, month, day),
            (Some(0) | None, &[month, day, year])
            | (Some(1), &[day, month, year])
            | (Some(_), &[year, day, month]) => (year, month, day),
            _ => return None,
        };
        Some((Some(year), Some(month), Some(day)))
    }
}

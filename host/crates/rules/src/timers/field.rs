//! The eight fields of a cron timer: what each reads of a local time, and which values it can have.

use jiff::civil::DateTime;

/// A field. The order is that of [`FIELDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    Month,
    Day,
    /// The week of the year by ISO 8601.
    Week,
    /// The day of the week, from Monday, which is 0.
    DayOfWeek,
    Hour,
    Minute,
    Second,
}

/// All fields, from the longest to the shortest: the order in which a time is looked for.
pub(super) const FIELDS: [Field; 8] = [
    Field::Year,
    Field::Month,
    Field::Day,
    Field::Week,
    Field::DayOfWeek,
    Field::Hour,
    Field::Minute,
    Field::Second,
];

impl Field {
    /// The name of its parameter.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Week => "week",
            Self::DayOfWeek => "day_of_week",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }

    /// The least and the greatest value that it can have at any time.
    pub(super) fn bounds(self) -> (i64, i64) {
        match self {
            Self::Year => (1970, 9999),
            Self::Month => (1, 12),
            Self::Day => (1, 31),
            Self::Week => (1, 53),
            Self::DayOfWeek => (0, 6),
            Self::Hour => (0, 23),
            Self::Minute | Self::Second => (0, 59),
        }
    }

    /// The least value.
    pub(super) fn first(self) -> i64 {
        self.bounds().0
    }

    /// The greatest value at `local`: a month has 28 to 31 days.
    pub(super) fn last(self, local: DateTime) -> i64 {
        match self {
            Self::Day => i64::from(local.date().days_in_month()),
            other => other.bounds().1,
        }
    }

    /// Its value at `local`.
    pub(super) fn of(self, local: DateTime) -> i64 {
        match self {
            Self::Year => i64::from(local.year()),
            Self::Month => i64::from(local.month()),
            Self::Day => i64::from(local.day()),
            Self::Week => i64::from(local.date().iso_week_date().week()),
            Self::DayOfWeek => i64::from(local.weekday().to_monday_zero_offset()),
            Self::Hour => i64::from(local.hour()),
            Self::Minute => i64::from(local.minute()),
            Self::Second => i64::from(local.second()),
        }
    }

    /// Whether a time is made of it; weeks and their days follow from the date.
    pub(super) fn is_part(self) -> bool {
        !matches!(self, Self::Week | Self::DayOfWeek)
    }

    /// Whether it is shorter than `other`.
    pub(super) fn is_within(self, other: Self) -> bool {
        place(self) > place(other)
    }

    /// `local` with this field set to `value` and all shorter ones to their least values; `None` for a date that does
    /// not exist.
    pub(super) fn set(self, local: DateTime, value: i64) -> Option<DateTime> {
        let part = |field: Self| {
            let value = if field == self {
                value
            } else if field.is_within(self) {
                field.first()
            } else {
                field.of(local)
            };
            i8::try_from(value).ok()
        };
        let year = if self == Self::Year { i16::try_from(value).ok()? } else { local.year() };
        let (month, day) = (part(Self::Month)?, part(Self::Day)?);
        DateTime::new(year, month, day, part(Self::Hour)?, part(Self::Minute)?, part(Self::Second)?, 0).ok()
    }
}

/// The place of a field in [`FIELDS`].
fn place(field: Field) -> usize {
    FIELDS.iter().position(|other| *other == field).unwrap_or(FIELDS.len())
}

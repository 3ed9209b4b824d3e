//! What may stand in a field of a cron timer: `*`, `*/5`, `3`, `1-5`, `1-59/2`, `jan-mar`, `mon-fri`, `2nd tue`,
//! `last fri`, `last`; several are separated by commas.

use jiff::civil::DateTime;

use super::field::Field;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const PLACES: [&str; 6] = ["1st", "2nd", "3rd", "4th", "5th", "last"];

/// Largest number of expressions in a field. No more can make sense, but for years.
const MOST: usize = 100;

/// One of the expressions of a field, or all of its ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expression {
    /// Each `step`-th value from `first` on, to `last` or to the greatest value that there is.
    Range { first: i64, last: Option<i64>, step: i64 },
    /// The values whose bits are set: all ranges of a field in one, since a search may go over 400 years.
    Values(u64),
    /// The `place`-th of these weekdays in a month, from 0; `None`: the last.
    Weekday { place: Option<i64>, weekday: i64 },
    /// The last day of a month.
    LastDay,
}

impl Expression {
    /// The expressions of `field` in `text`, which are separated by commas; else what is wrong and the remedy.
    pub(super) fn list(field: Field, text: &str) -> Result<Vec<Self>, String> {
        if text.split(',').nth(MOST).is_some() {
            return Err(format!("it must have at most {MOST} parts; write ranges"));
        }
        let found = text.split(',').map(|one| Self::one(field, one.trim()));
        let mut found = found.collect::<Result<Vec<_>, _>>()?;
        if field != Field::Year {
            let values = found.iter().filter_map(|one| one.values(field)).fold(0, |all, one| all | one);
            found.retain(|one| one.values(field).is_none());
            found.extend(Some(Self::Values(values)).filter(|_| values != 0));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The values of a range in `field`, as bits; `None` for everything else.
    fn values(self, field: Field) -> Option<u64> {
        let Self::Range { first, last, step } = self else { return None };
        let (_, greatest) = field.bounds();
        let values = (first..=last.unwrap_or(greatest)).step_by(usize::try_from(step).ok()?);
        Some(
            values
                .filter_map(|value| 1_u64.checked_shl(u32::try_from(value).ok()?))
                .fold(0, |all, one| all | one),
        )
    }

    /// The expression `text`.
    fn one(field: Field, text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        if let Some(found) = numbers(field, &text)? {
            return Ok(found);
        }
        let found = match field {
            Field::Month => names(&text, &MONTHS, 1)?,
            Field::DayOfWeek => names(&text, &WEEKDAYS, 0)?,
            Field::Day if text == "last" => Some(Self::LastDay),
            Field::Day => weekday(&text)?,
            _ => None,
        };
        found.ok_or_else(|| format!("it must be {}", possible(field)))
    }

    /// Its least value that is not below that of `local` in `field`; `None` where there is none.
    pub(super) fn next(self, field: Field, local: DateTime) -> Option<i64> {
        let (now, greatest) = (field.of(local), field.last(local));
        let found = match self {
            Self::Range { first, last, step } => {
                let least = first.max(field.first());
                let found = now.max(least);
                let past = (found - least).rem_euclid(step);
                let found = if past == 0 { found } else { found + step - past };
                Some(found).filter(|found| last.is_none_or(|last| *found <= last))
            }
            Self::Values(bits) => {
                let left = bits.checked_shr(u32::try_from(now).ok()?).filter(|left| *left != 0);
                left.map(|left| now + i64::from(left.trailing_zeros()))
            }
            Self::LastDay => Some(greatest),
            Self::Weekday { place, weekday } => {
                let first = i64::from(local.date().first_of_month().weekday().to_monday_zero_offset());
                let first = 1 + (weekday - first).rem_euclid(7);
                let last = first + (greatest - first) / 7 * 7;
                Some(place.map_or(last, |place| first + 7 * place)).filter(|day| *day >= now)
            }
        };
        found.filter(|found| *found <= greatest)
    }
}

/// `*` or `N` or `N-M`, with or without `/STEP`; `None` for everything else.
fn numbers(field: Field, text: &str) -> Result<Option<Expression>, String> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (text, None),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (first, Some(last)),
        None => (range, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_first = range == "*" || is_number(first);
    if !is_first || !last.is_none_or(is_number) || !step.is_none_or(is_number) {
        return Ok(None);
    }
    // What has more digits is too large as well.
    let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
    let (least, greatest) = field.bounds();
    let first = if range == "*" { least } else { number(first) };
    let last = match last.map(number) {
        None if range != "*" && step.is_none() => Some(first),
        last => last,
    };
    if [Some(first), last].into_iter().flatten().any(|value| !(least..=greatest).contains(&value)) {
        return Err(format!("its values are {least} to {greatest}"));
    }
    if last.is_some_and(|last| last < first) {
        return Err(backwards());
    }
    let width = last.unwrap_or(greatest) - first;
    match step.map(number) {
        Some(step) if !(1..=width.max(1)).contains(&step) => {
            Err(format!("the step of this range can be 1 to {}", width.max(1)))
        }
        step => Ok(Some(Expression::Range { first, last, step: step.unwrap_or(1) })),
    }
}

/// `NAME` or `NAME-NAME`; the first of `known` has the value `least`. `None` where the text is neither.
fn names(text: &str, known: &[&str], least: i64) -> Result<Option<Expression>, String> {
    let value = |name: &str| {
        let place = known.iter().position(|known| *known == name)?;
        i64::try_from(place).ok().map(|place| place + least)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(first), Some(last)) = (value(first), value(last)) else { return Ok(None) };
    if last < first {
        return Err(backwards());
    }
    Ok(Some(Expression::Range { first, last: Some(last), step: 1 }))
}

/// `2nd tue` or `last fri`; `None` where the text is neither.
fn weekday(text: &str) -> Result<Option<Expression>, String> {
    let Some((place, name)) = text.split_once(' ') else { return Ok(None) };
    let Some(place) = PLACES.iter().position(|known| *known == place) else { return Ok(None) };
    let weekday = WEEKDAYS.iter().position(|known| *known == name.trim());
    let weekday = weekday.ok_or_else(|| format!("its weekdays are {}", WEEKDAYS.join(", ")))?;
    let place = i64::try_from(place).ok().filter(|place| *place < 5);
    Ok(i64::try_from(weekday).ok().map(|weekday| Expression::Weekday { place, weekday }))
}

/// The error about a range whose end is before its start.
fn backwards() -> String {
    "a range must not end before it starts; write it as two, separated by a comma".to_owned()
}

/// What can stand in `field`, for an error.
fn possible(field: Field) -> String {
    let (least, greatest) = field.bounds();
    let names = match field {
        Field::Month => ", names such as jan-mar",
        Field::DayOfWeek => " (0 is Monday), names such as mon-fri",
        Field::Day => ", weekdays such as 2nd tue and last fri, or last",
        _ => "",
    };
    format!(
        "*, */STEP, numbers and ranges from {least} to {greatest}{names}; several are separated by commas"
    )
}

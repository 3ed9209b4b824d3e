//! The times of a cron timer.
//!
//! A time is looked for from the longest field to the shortest: a field without a value at or after the present one
//! makes the next longer field grow, and what is shorter begins again. Where the clocks are changed, a time that they
//! skip is due when it would have come, and one that comes twice is due twice. (Source: `APScheduler` 3.11,
//! `triggers/cron`.)

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use petrel_model::Timestamp;
use serde_json::{Map, Value};

use super::expression::Expression;
use super::field::{FIELDS, Field};
use super::{TimerError, at_local, in_quotes, only, whole_second, wrong};

/// The Gregorian calendar repeats itself, weekdays included, after so many years: what has not come by then never does.
const CYCLE: i16 = 400;

/// A timer that is due at each time whose fields match.
#[derive(Debug, Clone)]
pub struct Cron {
    fields: Vec<(Field, Vec<Expression>)>,
    zone: TimeZone,
}

/// A local time, and whether it is the second of two that the clocks show alike.
#[derive(Clone, Copy)]
struct Local {
    civil: DateTime,
    is_second: bool,
}

impl Cron {
    /// The timer with these parameters in `zone`. Fields that are not given and shorter than the shortest that is are
    /// at their least value, the others at any.
    pub(super) fn new(given: &Map<String, Value>, zone: TimeZone) -> Result<Self, TimerError> {
        let mut known: Vec<_> = FIELDS.iter().map(|field| field.name()).collect();
        known.push("timezone");
        only(given, &known)?;
        let shortest = FIELDS.iter().rposition(|field| given.contains_key(field.name()));
        let mut fields = Vec::with_capacity(FIELDS.len());
        for (place, field) in FIELDS.into_iter().enumerate() {
            let text = match given.get(field.name()) {
                Some(value) => text_of(field, value)?,
                None if shortest.is_some_and(|shortest| shortest < place) && field.is_part() => {
                    field.first().to_string()
                }
                None => "*".to_owned(),
            };
            let expressions = Expression::list(field, &text).map_err(|must| {
                wrong(field.name(), in_quotes(&text), &clock(field, &text).unwrap_or(must))
            })?;
            fields.push((field, expressions));
        }
        Ok(Self { fields, zone })
    }

    /// The first time at or after `from` that matches; `None` when none ever does.
    pub(super) fn next(&self, from: Timestamp) -> Option<Timestamp> {
        let mut local = self.local(whole_second(from)?);
        let last_year = local.civil.year().saturating_add(CYCLE);
        let mut place = 0;
        while let Some((field, expressions)) = self.fields.get(place) {
            let now = field.of(local.civil);
            let next = expressions.iter().filter_map(|one| one.next(*field, local.civil)).min();
            let grown = match next {
                Some(next) if next == now => {
                    place += 1;
                    continue;
                }
                Some(next) if field.is_part() => {
                    // A year that is named may be farther away than the calendar's cycle.
                    local.civil = field.set(local.civil, next)?;
                    place += 1;
                    continue;
                }
                // A week or a weekday cannot be set: the day before it in the order grows until it fits.
                Some(_) => self.grow(local, place)?,
                None => self.grow(local, place.checked_sub(1)?)?,
            };
            (local, place) = grown;
            if local.civil.year() > last_year.max(self.last_named_year()) {
                return None;
            }
        }
        let instant = at_local(&self.zone, local.civil, local.is_second)?;
        Some(Timestamp::from_micros(instant.as_microsecond()))
    }

    /// The greatest year that the field of years names, so that a far one is found; 0 if it names none.
    fn last_named_year(&self) -> i16 {
        let years =
            self.fields.iter().filter(|(field, _)| *field == Field::Year).flat_map(|(_, years)| years);
        let greatest = years.filter_map(|year| match year {
            Expression::Range { first, last, .. } => Some(last.unwrap_or(*first)),
            Expression::Values(_) | Expression::Weekday { .. } | Expression::LastDay => None,
        });
        greatest.max().and_then(|year| i16::try_from(year).ok()).unwrap_or(0)
    }

    /// `local` with the field at `place` one higher and all shorter ones at their least, or the next longer field where
    /// it has no higher value; and the place of the field that has grown. `None` after the last year.
    fn grow(&self, local: Local, mut place: usize) -> Option<(Local, usize)> {
        loop {
            let (field, _) = self.fields.get(place)?;
            let now = field.of(local.civil);
            if field.is_part() && now < field.last(local.civil) {
                let civil = field.set(local.civil, now + 1)?;
                // The clocks may be changed on the way: what counts is how long it is until then.
                let passing = civil.duration_since(local.civil);
                let instant =
                    at_local(&self.zone, local.civil, local.is_second)?.checked_add(passing).ok()?;
                return Some((self.local(instant), place));
            }
            place = place.checked_sub(1)?;
        }
    }

    /// The local time of an instant.
    fn local(&self, instant: jiff::Timestamp) -> Local {
        let civil = self.zone.to_datetime(instant);
        Local { civil, is_second: at_local(&self.zone, civil, false) != Some(instant) }
    }
}

/// The remedy for a time of day in the place of its hour. YAML reads `3:30` without quotes as 210, which is to base 60.
fn clock(field: Field, text: &str) -> Option<String> {
    if field != Field::Hour {
        return None;
    }
    let (hour, minute) = if let Some((hour, minute)) = text.split_once(':') {
        (hour.trim().parse().ok()?, minute.split(':').next()?.trim().parse().ok()?)
    } else {
        let number = text.parse::<i64>().ok().filter(|number| *number >= 60)?;
        (number.div_euclid(60), number.rem_euclid(60))
    };
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute);
    let read = if text.contains(':') { "" } else { ", as YAML reads a time without quotes" };
    is_time.then(|| {
        format!("if {hour}:{minute:02} is meant{read}, it must be hour: {hour} and minute: {minute}")
    })
}

/// The text of a field's value, which is a text or a whole number.
fn text_of(field: Field, value: &Value) -> Result<String, TimerError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if number.is_i64() => Ok(number.to_string()),
        other => Err(wrong(field.name(), other.to_string(), "it must be a text or a whole number")),
    }
}

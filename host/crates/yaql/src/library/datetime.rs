//! Times and spans of time. [`super::super::time`] has the calendar and the formats.

use jiff::civil;
use petrel_python::work;

use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::number::Number;
use super::super::term::Term;
use super::super::time::{DateTime, SECOND, TimeSpan, format};
use super::arguments::Arguments;
use super::signature::{Function, Type, function, method, optional, required};

/// The work of parsing a date in free text, which is short.
const FREE_TEXT: u64 = 4_000;

/// Charges for the directives of a format, the longest of which consists of seven others.
fn directives(format: &str) -> Result<(), Error> {
    /// The work of one directive.
    const DIRECTIVE: u64 = 500;
    Ok(work::charge((format.matches('%').count() as u64).saturating_mul(DIRECTIVE))?)
}

pub(super) const TABLE: &[Function] = &[
    function(
        "datetime",
        &[
            required("year", Type::Integer),
            required("month", Type::Integer),
            required("day", Type::Integer),
            optional("hour", Type::Integer),
            optional("minute", Type::Integer),
            optional("second", Type::Integer),
            optional("microsecond", Type::Integer),
            optional("offset", Type::TimeSpan),
        ],
        |_, args| {
            let fields = std::array::from_fn(|index| args.integer_or(index, 0));
            from_fields(fields, args.span(7).micros).map(Term::DateTime)
        },
    ),
    function(
        "datetime",
        &[required("timestamp", Type::Number), optional("offset", Type::TimeSpan)],
        |_, args| {
            let seconds = args.number(0)?;
            let micros =
                TimeSpan::from_number(seconds.multiply(Number::Integer(i128::from(SECOND)))?)?.micros;
            DateTime { micros, offset: args.span(1).micros }.checked().map(Term::DateTime)
        },
    ),
    function(
        "datetime",
        &[required("string", Type::Text), optional("format", Type::Text).nullable()],
        |run, args| {
            let text = args.text(0)?;
            let time = if let Some(format) = args.optional_text(1).filter(|format| !format.is_empty()) {
                directives(&format)?;
                format::parse(&text, &format)?
            } else {
                work::charge(FREE_TEXT)?;
                DateTime::from_text(&text, moment(run))?
            };
            Ok(Term::DateTime(time))
        },
    ),
    function(
        "timespan",
        &[
            optional("days", Type::Integer),
            optional("hours", Type::Integer),
            optional("minutes", Type::Integer),
            optional("seconds", Type::PureInteger),
            optional("milliseconds", Type::PureInteger),
            optional("microseconds", Type::PureInteger),
        ],
        timespan,
    ),
    function("now", &[optional("offset", Type::TimeSpan).nullable()], |run, args| {
        Ok(Term::DateTime(DateTime { micros: moment(run), offset: args.span(0).micros }))
    }),
    // The time zone of the host must not influence a workflow, so the local zone is UTC.
    function("localtz", &[], |_, _| Ok(Term::TimeSpan(TimeSpan { micros: 0 }))),
    function("utctz", &[], |_, _| Ok(Term::TimeSpan(TimeSpan { micros: 0 }))),
    method(
        "replace",
        &[
            required("dt", Type::DateTime),
            optional("year", Type::Integer).nullable(),
            optional("month", Type::Integer).nullable(),
            optional("day", Type::Integer).nullable(),
            optional("hour", Type::Integer).nullable(),
            optional("minute", Type::Integer).nullable(),
            optional("second", Type::Integer).nullable(),
            optional("microsecond", Type::Integer).nullable(),
            optional("offset", Type::TimeSpan).nullable(),
        ],
        replace,
    ),
    method("format", &[required("dt", Type::DateTime), required("format", Type::Text)], |run, args| {
        let format = args.text(1)?;
        // The longest directive writes a date and a clock.
        directives(&format)?;
        run.allocate(format.len() * 16)?;
        let text = format::write(args.time(0)?, &format);
        Ok(Term::from(text))
    }),
];

/// The moment of the evaluation, in microseconds since 1970.
fn moment(run: &Run<'_>) -> i64 {
    run.scope.map_or(0, |scope| scope.moment.micros)
}

fn from_fields(fields: [i128; 7], offset: i64) -> Result<DateTime, Error> {
    let [year, month, day, hour, minute, second, micro] = fields;
    let check = |name: &str, value: i128, least: i128, most: i128| {
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        Err(Error::value(format!("{name} must be in {least}..{most}")))
    };
    check("year", year, 1, 9999)?;
    check("month", month, 1, 12)?;
    check("hour", hour, 0, 23)?;
    check("minute", minute, 0, 59)?;
    check("second", second, 0, 59)?;
    check("microsecond", micro, 0, 999_999)?;
    let small =
        |value: i128| i8::try_from(value).map_err(|_large| Error::value("day is out of range for month"));
    let year = i16::try_from(year).map_err(|_large| Error::value("year must be in 1..9999"))?;
    let nanos =
        i32::try_from(micro * 1000).map_err(|_large| Error::value("microsecond must be in 0..999999"))?;
    let civil = civil::DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        nanos,
    );
    let civil = civil.map_err(|_range| Error::value("day is out of range for month"))?;
    DateTime::from_civil(civil, check_offset(offset)?)
}

fn check_offset(offset: i64) -> Result<i64, Error> {
    if offset.abs() < super::super::time::DAY {
        return Ok(offset);
    }
    Err(Error::value("an offset must be strictly between -24 and 24 hours"))
}

fn timespan(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    const UNITS: [i128; 6] = [86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1000, 1];
    let mut micros = 0_i128;
    for (index, unit) in UNITS.into_iter().enumerate() {
        let part = args.integer_or(index, 0).checked_mul(unit);
        // A number that `new` refuses as too large.
        micros = part.and_then(|part| micros.checked_add(part)).unwrap_or(i128::MAX);
    }
    TimeSpan::new(micros).map(Term::TimeSpan)
}

fn replace(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let time = args.time(0)?;
    let civil = time.civil();
    let old = [
        i128::from(civil.year()),
        i128::from(civil.month()),
        i128::from(civil.day()),
        i128::from(civil.hour()),
        i128::from(civil.minute()),
        i128::from(civil.second()),
        i128::from(civil.subsec_nanosecond() / 1000),
    ];
    let mut index = 0;
    let fields = old.map(|old| {
        index += 1;
        args.integer_or(index, old)
    });
    let offset = match args.given(8) {
        Some(Term::TimeSpan(span)) => span.micros,
        _ => time.offset,
    };
    from_fields(fields, offset).map(Term::DateTime)
}

/// `term.name` where `term` is neither a mapping nor iterable: a part of a time or a span.
///
/// # Errors
/// When there is no such part.
pub(crate) fn property(_run: &Run<'_>, term: &Term, name: &str) -> Result<Term, Error> {
    const OF_TIMES: [&str; 12] = [
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "date",
        "time",
        "weekday",
        "utc",
        "offset",
    ];
    const OF_SPANS: [&str; 6] = ["microseconds", "milliseconds", "seconds", "minutes", "hours", "days"];
    let value = match term {
        Term::DateTime(time) => time_property(*time, name)?,
        Term::TimeSpan(span) => span_property(*span, name),
        _ => None,
    };
    let function = || format!("#property#{name}");
    value.ok_or_else(|| {
        if OF_TIMES.contains(&name) || OF_SPANS.contains(&name) || name == "timestamp" {
            ErrorKind::NoMatchingFunction(function()).into()
        } else {
            ErrorKind::UnknownFunction(function()).into()
        }
    })
}

fn time_property(time: DateTime, name: &str) -> Result<Option<Term>, Error> {
    let civil = time.civil();
    let start = || DateTime::from_civil(civil.date().at(0, 0, 0, 0), time.offset);
    Ok(Some(match name {
        "year" => Term::Integer(i128::from(civil.year())),
        "month" => Term::Integer(i128::from(civil.month())),
        "day" => Term::Integer(i128::from(civil.day())),
        "hour" => Term::Integer(i128::from(civil.hour())),
        "minute" => Term::Integer(i128::from(civil.minute())),
        "second" => Term::Integer(i128::from(civil.second())),
        "microsecond" => Term::Integer(i128::from(civil.subsec_nanosecond() / 1000)),
        "weekday" => Term::Integer(i128::from(civil.weekday().to_monday_zero_offset())),
        "date" => Term::DateTime(start()?),
        "time" => Term::TimeSpan(TimeSpan { micros: time.micros - start()?.micros }),
        "utc" => Term::DateTime(DateTime { offset: 0, ..time }.checked()?),
        "offset" => Term::TimeSpan(TimeSpan { micros: time.offset }),
        "timestamp" => Term::Float(per(time.micros, SECOND)),
        _ => return Ok(None),
    }))
}

fn span_property(span: TimeSpan, name: &str) -> Option<Term> {
    let unit = match name {
        "microseconds" => return Some(Term::Integer(i128::from(span.micros))),
        "milliseconds" => 1000,
        "seconds" => SECOND,
        "minutes" => 60 * SECOND,
        "hours" => 3600 * SECOND,
        "days" => 86_400 * SECOND,
        _ => return None,
    };
    Some(Term::Float(per(span.micros, unit)))
}

fn per(micros: i64, unit: i64) -> f64 {
    let float = |number: i64| Number::Integer(i128::from(number)).float();
    float(micros) / float(unit)
}

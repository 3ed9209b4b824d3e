//! The names in dates, in any case.

const MONTHS: [&[&str]; 12] = [
    &["jan", "january"],
    &["feb", "february"],
    &["mar", "march"],
    &["apr", "april"],
    &["may"],
    &["jun", "june"],
    &["jul", "july"],
    &["aug", "august"],
    &["sep", "sept", "september"],
    &["oct", "october"],
    &["nov", "november"],
    &["dec", "december"],
];
const WEEKDAYS: [&[&str]; 7] = [
    &["mon", "monday"],
    &["tue", "tuesday"],
    &["wed", "wednesday"],
    &["thu", "thursday"],
    &["fri", "friday"],
    &["sat", "saturday"],
    &["sun", "sunday"],
];
const UNITS: [&[&str]; 3] =
    [&["h", "hour", "hours"], &["m", "minute", "minutes"], &["s", "second", "seconds"]];
const HALVES: [&[&str]; 2] = [&["am", "a"], &["pm", "p"]];
const UTC: [&str; 3] = ["utc", "gmt", "z"];
const FILLERS: [&str; 18] =
    [" ", ".", ",", ";", "-", "/", "'", "at", "on", "and", "ad", "m", "t", "of", "st", "nd", "rd", "th"];

fn is_among(names: &[&str], word: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn place(names: &[&[&str]], word: &str) -> Option<usize> {
    names.iter().position(|names| is_among(names, word))
}

/// The number of a month, from 1 on.
pub(super) fn month(word: &str) -> Option<i64> {
    place(&MONTHS, word).and_then(|place| i64::try_from(place + 1).ok())
}

/// The number of a day of the week, 0 for Monday.
pub(super) fn weekday(word: &str) -> Option<i8> {
    place(&WEEKDAYS, word).and_then(|place| i8::try_from(place).ok())
}

/// The number of a unit: 0 for hours, 1 for minutes, 2 for seconds.
pub(super) fn unit(word: &str) -> Option<usize> {
    place(&UNITS, word)
}

/// Whether `word` means the afternoon; `None` if it is neither half of the day.
pub(super) fn half(word: &str) -> Option<bool> {
    place(&HALVES, word).map(|place| place == 1)
}

/// Whether `word` is a name of UTC.
pub(super) fn is_utc(word: &str) -> bool {
    is_among(&UTC, word)
}

/// Whether `word` has no meaning in a date.
pub(super) fn is_filler(word: &str) -> bool {
    is_among(&FILLERS, word)
}

//! How sources look: each says what it is for, none is too long, none is unfinished, none knows the machine
//! it was written on; and only those read a clock that may.

use petrel_architecture::text_files;

use crate::dependencies::PURE;
use crate::{assert_none, sources};

/// At so many lines a file is surely two.
const LONGEST: usize = 600;

/// Who reads the wall clock. The second tells a component when its time is up.
const READ_THE_CLOCK: [&str; 2] =
    ["host/crates/engine-core/src/clock.rs", "host/crates/pack-runtime/src/component_runner.rs"];

#[test]
fn every_source_says_what_it_is_for() {
    let wrong: Vec<_> =
        sources().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    assert_none(&wrong, "begin the file with `//!`: what it is responsible for, and where its neighbour is");
}

#[test]
fn no_source_of_the_host_is_too_long() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|file| file.path.starts_with("host/") && !file.path.contains("/tests/"))
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&wrong, "split the file by what it is responsible for");
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    // Written in two parts, so that this file does not find itself.
    let marks = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore")];
    let wrong: Vec<_> = sources()
        .into_iter()
        .flat_map(|file| {
            let found = marks.into_iter().filter(|mark| file.text.contains(mark));
            found.map(|mark| format!("{}: {mark}", file.path)).collect::<Vec<_>>()
        })
        .collect();
    assert_none(&wrong, "finish it, or take it out");
}

#[test]
fn no_file_names_a_place_on_somebody_s_machine() {
    let places =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Use", "rs/")];
    let mut wrong = Vec::new();
    for file in text_files().unwrap() {
        for (number, line) in file.text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&wrong, "write a path that is true everywhere");
}

#[test]
fn lines_of_the_log_have_fields_and_no_debug_text() {
    let kinds = ["error", "warn", "info", "debug", "trace", "error_span", "info_span", "debug_span"];
    let mut wrong = Vec::new();
    for file in sources().into_iter().filter(|file| file.path.starts_with("host/")) {
        for start in kinds.map(|kind| format!("tracing::{kind}!(")) {
            for (at, _) in file.text.match_indices(&start) {
                let line = call(file.text.get(at..).unwrap_or_default());
                if [" ?", "(?", ":?}"].iter().any(|mark| line.contains(mark)) {
                    wrong.push(format!("{}: {line}", file.path));
                }
            }
        }
    }
    assert_none(&wrong, "log each part as a field of its own, by its value or with %");
}

/// The call that `text` begins with, to its closing parenthesis.
fn call(text: &str) -> &str {
    let mut depth = 0_usize;
    let end = text.find(|character: char| {
        depth = match character {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        character == ')' && depth == 0
    });
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[test]
fn pure_crates_touch_nothing_outside() {
    let words = [
        "async fn",
        ".await",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "Instant::now",
        "SystemTime",
        "Timestamp::now",
        "Zoned::now",
        // Their order differs from run to run.
        "HashMap",
        "HashSet",
    ];
    let mut wrong = Vec::new();
    for file in sources() {
        // What measures them may read a clock.
        let is_bench = file.path.contains("/benches/");
        // What looks after the compiler before a crate is built is no part of it.
        let is_build = file.path.ends_with("/build.rs");
        if !is_bench && !is_build && PURE.iter().any(|(_, directory)| file.path.starts_with(directory)) {
            let found = words.iter().filter(|word| file.text.contains(**word));
            wrong.extend(found.map(|word| format!("{}: {word}", file.path)));
        }
    }
    assert_none(&wrong, "a pure crate takes what it needs of the outside as data");
}

#[test]
fn only_one_file_tells_the_host_what_time_it_is() {
    let reads = ["SystemTime::now", "Timestamp::now(", "Zoned::now("];
    let readers: Vec<_> = sources()
        .into_iter()
        .filter(|file| file.path.starts_with("host/") && file.path.contains("/src/"))
        .filter(|file| reads.iter().any(|read| file.text.contains(read)))
        .map(|file| file.path)
        .collect();
    assert_eq!(readers, READ_THE_CLOCK);
}

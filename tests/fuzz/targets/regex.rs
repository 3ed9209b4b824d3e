//! Python's regular expressions: a pattern in the first line, the text behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petrel_python::regex::{Flags, Regex};

fuzz_target!(|data: &[u8]| {
    let Some((flags, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\n').unwrap_or((text, "aab"));
    let flags = Flags {
        ignore_case: flags & 1 != 0,
        dot_all: flags & 2 != 0,
        at_start: flags & 4 != 0,
    };
    let Ok(regex) = Regex::new(pattern, flags) else { return };
    let _is_match = regex.is_match(text);
    for found in regex.matches(text).unwrap_or_default() {
        assert!(text.get(found.range).is_some(), "a match lies within the text, between characters");
    }
    let _names = regex.group_names();
});

//! Packs: files in one text, each behind a line `=== PATH`. A pack is read, or every problem of it is said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petrel_packs::{Embedded, read_pack};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parts = text.split("=== ").skip(1).take(40);
    let files: Vec<(&str, &[u8])> =
        parts.filter_map(|part| part.split_once('\n')).map(|(path, text)| (path, text.as_bytes())).collect();
    if let Err(problems) = read_pack(&Embedded(&files)) {
        assert!(!problems.is_empty(), "a pack is refused for a reason");
        for problem in problems {
            assert!(!problem.to_string().is_empty());
        }
    }
});

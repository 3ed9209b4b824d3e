//! YAML 1.1: any text is a value or an error with its place, by every reader, and the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = petrel_yaml::parse_node(text) {
        assert!(error.position.line >= 1 && error.position.column >= 1, "{error}");
        // A place within the text, or right behind it.
        assert!(error.position.line.max(error.position.column) <= text.len() + 1, "{error}");
        assert!(!error.message.is_empty());
    }
    let _document = petrel_yaml::parse(text);
    assert_eq!(petrel_yaml::parse_loosely(text).ok(), petrel_yaml::parse_loosely(text).ok());
    let _is_text = petrel_yaml::is_text(text);
});

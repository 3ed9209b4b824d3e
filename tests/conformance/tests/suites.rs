//! All suites, where the recorded cases are at hand: `PETREL_CONFORMANCE` names their directory.

use std::path::PathBuf;

use conformance::exceptions::Exceptions;
use conformance::suites::{SUITES, orquesta};

/// The directory of the recorded cases, if it is at hand.
#[expect(clippy::print_stdout, reason = "who reads the output of tests is to know")]
fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os("PETREL_CONFORMANCE").map(PathBuf::from);
    if directory.is_none() {
        let is_required = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
        assert!(
            !is_required,
            "PETREL_TEST_ALL=1 needs PETREL_CONFORMANCE, the directory of the recorded cases"
        );
        println!("SKIPPED: set PETREL_CONFORMANCE to the directory of the recorded cases");
    }
    directory
}

#[test]
fn every_suite_agrees_but_for_known_differences() {
    let Some(directory) = directory() else { return };
    let exceptions = Exceptions::read().unwrap();
    for suite in SUITES {
        let file = directory.join("expressions").join(format!("{}.jsonl", suite.name));
        let cases = if file.exists() { file } else { directory.join(suite.name) };
        let report = conformance::run(suite, &[cases]).unwrap();
        assert!(!report.passed.is_empty(), "{}: no cases", suite.name);
        let unknown: Vec<_> = report
            .differences
            .iter()
            .filter(|difference| exceptions.reason(suite.name, &difference.id).is_none())
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:#?}", suite.name);
    }
}

#[test]
fn a_workflow_goes_on_from_any_prefix_of_its_log() {
    let Some(directory) = directory() else { return };
    let mut events = 0;
    for case in conformance::cases(&directory.join("orquesta")).unwrap() {
        let prefixes = orquesta::resumes_after_every_event(&case);
        events += prefixes.unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
    }
    assert!(events > 1_000, "only {events} events were looked at");
}

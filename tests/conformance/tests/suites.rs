//! All suites, where the recorded cases are at hand: `PETREL_CONFORMANCE` names their directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use conformance::Difference;
use conformance::exceptions::Exceptions;
use conformance::suites::{Mode, SUITES, Suite, orquesta};
use petrel_test_support::skip;

/// The directory of the recorded cases, if it is at hand.
fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os("PETREL_CONFORMANCE").map(PathBuf::from);
    if directory.is_none() {
        skip("PETREL_CONFORMANCE names no directory of recorded cases");
    }
    directory
}

/// The directory of the cases from the field: `PETREL_CASES`, or beside the recorded ones.
fn cases_from_the_field() -> Option<PathBuf> {
    let beside = |recorded: PathBuf| recorded.parent().map(|parent| parent.join("cases"));
    let named = std::env::var_os("PETREL_CASES").map(PathBuf::from);
    let directory = named.or_else(|| directory().and_then(beside))?.join("orquesta");
    if !directory.is_dir() {
        skip(&format!("{} does not exist; PETREL_CASES names the cases from the field", directory.display()));
        return None;
    }
    Some(directory)
}

/// What differs from what was recorded, but for what differs in any case.
#[expect(clippy::unwrap_used, reason = "this is a part of a test")]
fn differences(directory: &Path, suite: Suite, mode: Mode) -> Vec<Difference> {
    let exceptions = Exceptions::read().unwrap();
    let file = directory.join("expressions").join(format!("{}.jsonl", suite.name));
    let cases = if file.exists() { file } else { directory.join(suite.name) };
    let report = conformance::run(suite, &[cases], mode).unwrap();
    assert!(!report.passed.is_empty(), "{}: no cases", suite.name);
    let mut differences = report.differences;
    differences.retain(|difference| exceptions.reason(suite.name, &difference.id).is_none());
    differences
}

#[test]
fn every_suite_agrees_but_for_known_differences() {
    let Some(directory) = directory() else { return };
    for suite in SUITES {
        let unknown = differences(&directory, suite, Mode::Again);
        assert!(unknown.is_empty(), "{}: {unknown:#?}", suite.name);
    }
}

#[test]
fn where_results_are_data_exactly_those_cases_differ_that_rely_on_evaluating_again() {
    let Some(directory) = directory() else { return };
    let listed = Exceptions::of_data().unwrap();
    for suite in SUITES {
        let differences = differences(&directory, suite, Mode::Data);
        let differing: BTreeSet<_> = differences.iter().map(|difference| difference.id.as_str()).collect();
        assert_eq!(differing, listed.cases(suite.name).collect(), "{}", suite.name);
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

#[test]
fn random_workflows_from_the_field_agree_but_for_known_differences() {
    let Some(directory) = cases_from_the_field() else { return };
    let exceptions = Exceptions::read().unwrap();
    let suite = SUITES.into_iter().find(|suite| suite.name == "orquesta").unwrap();
    let report = conformance::run(suite, &[directory], Mode::Again).unwrap();
    assert!(!report.passed.is_empty(), "no cases");
    let mut unknown = report.differences;
    unknown.retain(|difference| exceptions.reason(suite.name, &difference.id).is_none());
    assert!(unknown.is_empty(), "{unknown:#?}");
}

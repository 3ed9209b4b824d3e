//! All suites, where the recorded cases are at hand: `PETREL_CONFORMANCE` names their directory.

use std::path::Path;

use conformance::exceptions::Exceptions;
use conformance::suites::SUITES;

#[test]
fn every_suite_agrees_but_for_known_differences() {
    let Some(directory) = std::env::var_os("PETREL_CONFORMANCE") else {
        let is_required = std::env::var("PETREL_TEST_ALL").is_ok_and(|value| value == "1");
        assert!(
            !is_required,
            "PETREL_TEST_ALL=1 needs PETREL_CONFORMANCE, the directory of the recorded cases"
        );
        eprintln!("skipped: set PETREL_CONFORMANCE to the directory of the recorded cases");
        return;
    };
    let exceptions = Exceptions::read().unwrap();
    for suite in SUITES {
        let file = Path::new(&directory).join("expressions").join(format!("{}.jsonl", suite.name));
        let report = conformance::run(suite, &[file]).unwrap();
        assert!(!report.passed.is_empty(), "{}: no cases", suite.name);
        let unknown: Vec<_> = report
            .differences
            .iter()
            .filter(|difference| exceptions.reason(suite.name, &difference.id).is_none())
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:#?}", suite.name);
    }
}

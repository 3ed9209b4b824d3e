//! `conformance [--data] SUITE PATH...`: with `--data` what expressions give is not evaluated again. Prints each difference, then the counts. The exit code is 1 for a difference
//! that `exceptions.toml` does not list, and 2 for a wrong command line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::path::PathBuf;
use std::process::ExitCode;

use conformance::exceptions::Exceptions;
use conformance::suites::{Mode, SUITES};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_data = arguments.next_if(|argument| argument == "--data").is_some();
    let mode = if is_data { Mode::Data } else { Mode::Again };
    let name = arguments.next().unwrap_or_default();
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let Some(suite) = SUITES.into_iter().find(|suite| suite.name == name) else {
        let names = SUITES.map(|suite| suite.name).join(", ");
        eprintln!("`{name}` is not a suite; suites are {names}");
        return ExitCode::from(2);
    };
    if paths.is_empty() {
        eprintln!(
            "no cases; usage: conformance SUITE PATH..., a path being a .jsonl file or a directory of .json files"
        );
        return ExitCode::from(2);
    }
    // Panics are part of the report.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome =
        Exceptions::read().and_then(|exceptions| Ok((exceptions, conformance::run(suite, &paths, mode)?)));
    let (exceptions, report) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::from(2);
        }
    };
    let mut is_clean = true;
    for difference in &report.differences {
        let reason = exceptions.reason(suite.name, &difference.id);
        is_clean &= reason.is_some();
        println!(
            "{}{}",
            difference.id,
            reason.map(|reason| format!(" (known: {reason})")).unwrap_or_default()
        );
        println!("  input    {}", difference.input);
        println!("  expected {}", difference.expected);
        println!("  got      {}", difference.got);
    }
    for id in &report.passed {
        if exceptions.reason(suite.name, id).is_some() {
            println!("{id} passes and need not be listed in exceptions.toml");
        }
    }
    println!("{} passed, {} failed", report.passed.len(), report.differences.len());
    ExitCode::from(u8::from(!is_clean))
}

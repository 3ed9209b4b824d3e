//! Python with the modules of other projects, for tests that compare with them or drive them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::wait::skip;

/// An interpreter of Python that has `module`: the one in `PETREL_TEST_PYTHON`, else `python3`. `None`, reported by
/// [`skip`], if it lacks the module.
///
/// # Panics
/// With `PETREL_TEST_ALL=1` if it lacks the module.
pub fn python(module: &str) -> Option<PathBuf> {
    let program = std::env::var_os("PETREL_TEST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    match lacks(&program, module) {
        None => Some(program),
        Some(why) => {
            skip(&format!("{why}; PETREL_TEST_PYTHON names a Python that has it, which .ci/run installs"));
            None
        }
    }
}

/// Why `program` cannot import `module`; `None` if it can.
fn lacks(program: &Path, module: &str) -> Option<String> {
    let shown = program.display();
    match Command::new(program).args(["-c", &format!("import {module}")]).output() {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some(format!("{shown} has no module {module}")),
        Err(error) => Some(format!("{shown} cannot be started ({error}), and the module {module} is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_missing_is_named() {
        for (program, module, expected) in [
            ("true", "yaml", None),
            ("false", "yaml", Some("false has no module yaml")),
            ("/no/python", "yaml", Some("/no/python cannot be started")),
        ] {
            let why = lacks(Path::new(program), module);
            let is_expected = match expected {
                None => why.is_none(),
                Some(beginning) => why.as_deref().is_some_and(|why| why.starts_with(beginning)),
            };
            assert!(is_expected, "{program}: {why:?}");
        }
    }
}

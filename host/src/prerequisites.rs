//! Prerequisites of actions on this machine, checked once when the host starts, which is better than an error of each
//! action. Runners report whatever an action lacks in addition.

use std::process::{Command, Stdio};

use petrel_runners::python_script;

use crate::exit::Failure;

/// Refuses a user in `runners.run_as` who does not exist on this machine.
pub(crate) fn check_user(user: Option<&str>) -> Result<(), Failure> {
    let Some(user) = user else { return Ok(()) };
    // `id` finds users as sudo does, directory services included. Without `id`, sudo will report an unknown user.
    let asked = Command::new("id")
        .args(["-u", "--", user])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match asked {
        Ok(status) if !status.success() => Err(Failure::usage(
            format!("runners.run_as is `{user}`, and there is no such user on this machine"),
            "name a user that exists, or leave it empty to run commands as the host's own",
        )),
        _ => Ok(()),
    }
}

/// Warns of a missing interpreter for Python actions. Everything else works without it.
pub(crate) fn warn_of_python(options: &python_script::Options) {
    if options.find_interpreter().is_none() {
        tracing::warn!(
            interpreter = options.interpreter,
            "Python actions will fail: the program in runners.python does not exist; install Python 3.8 or newer, or give --python PATH"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_whom_nobody_knows_is_refused_by_name() {
        assert!(check_user(None).is_ok());
        assert!(check_user(Some("root")).is_ok());
        let refused = check_user(Some("no-such-user-here")).unwrap_err();
        assert!(refused.message.contains("runners.run_as is `no-such-user-here`"), "{}", refused.message);
        // No option of `id`.
        assert!(check_user(Some("--version")).is_err());
    }
}

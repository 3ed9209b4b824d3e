//! What to think about in a pack that can be registered as it is: secrets that would show, scripts that would not
//! start. What must be corrected is found in [`crate::read`].

use petrel_model::Action;
use petrel_model::parameters::Schema;

use crate::source::Source;

/// Runners that hand parameters to a script as its arguments.
const SCRIPT_RUNNERS: [&str; 2] = ["local-shell-script", "remote-shell-script"];

/// What there is to say about an action, a sentence each, with its metadata file in front.
pub(crate) fn on_action(file: &str, action: &Action, source: &dyn Source) -> Vec<String> {
    if !SCRIPT_RUNNERS.contains(&action.runner_type.as_str()) {
        return Vec::new();
    }
    let secrets = action.parameters.iter().filter(|(name, schema)| {
        // The runner hands its own over by standard input.
        *name != "sudo_password" && Schema::of(schema).is_secret()
    });
    let secrets = secrets.map(|(name, _)| {
        format!(
            "{file}: the secret parameter {name} becomes an argument of the script, which everybody on the machine \
             can read; make it an action of python-script, or hand it over in env"
        )
    });
    let script = format!("actions/{}", action.entry_point);
    let start = source.start(&script).unwrap_or_default();
    let runs_itself = start.starts_with(b"#!") || start.starts_with(b"\x7fELF");
    let interpreter = (!runs_itself).then(|| {
        format!("{file}: {script} does not say what interprets it; begin it with a line such as #!/bin/sh")
    });
    let run_bit = (!source.is_executable(&script))
        .then(|| format!("{file}: {script} has no run bit; set it: chmod +x {script}"));
    secrets.chain(interpreter).chain(run_bit).collect()
}

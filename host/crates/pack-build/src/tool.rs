//! The tools of languages: where they are found, and how they are run.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::Error;
use crate::language::Language;

/// A tool that is installed by one command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    /// The names of its program, the likeliest first.
    pub(crate) programs: &'static [&'static str],
    /// The command that installs it.
    pub(crate) command: &'static str,
}

impl Tool {
    /// The program: in one of `beside`, directories of programs that belong to the pack, or else on the path.
    ///
    /// # Errors
    /// It is nowhere.
    pub(crate) fn find(&self, language: Language, beside: &[PathBuf]) -> Result<PathBuf, Error> {
        let path = env::var_os("PATH").unwrap_or_default();
        // A relative place would be another one in the directory in which the tool is run.
        let on_path = env::split_paths(&path).filter(|place| place.is_absolute());
        let places: Vec<_> = beside.iter().cloned().chain(on_path).collect();
        let found = self
            .programs
            .iter()
            .find_map(|program| places.iter().map(|place| place.join(program)).find(|file| is_program(file)));
        found.ok_or_else(|| Error::NoTool { tool: self.name, language, command: self.command.to_owned() })
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A command that asks for nothing and whose messages all go to standard error, so that standard output has results only.
pub(crate) fn command(program: impl AsRef<OsStr>, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null()).stdout(io::stderr());
    command
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be started, or fails.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let name = name_of(command);
    let ended = command.status();
    told(&name, ended)
}

/// Runs a command to its end, and gives what it has written to standard output.
///
/// # Errors
/// As [`run`].
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let name = name_of(command);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    match command.output() {
        Ok(output) => told(&name, Ok(output.status)).map(|()| output.stdout),
        Err(error) => told(&name, Err(error)).map(|()| Vec::new()),
    }
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or_else(|| command.get_program()).to_string_lossy().into_owned()
}

fn told(tool: &str, ended: io::Result<ExitStatus>) -> Result<(), Error> {
    let how = match ended {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("with {status}"),
        Err(error) => format!("since it cannot be started: {error}"),
    };
    Err(Error::Failed { tool: tool.to_owned(), how })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOOL: Tool =
        Tool { name: "a tool", programs: &["no-such-tool", "a-tool-of-mine"], command: "get tool" };

    #[test]
    fn a_tool_is_found_beside_the_pack_or_the_command_that_installs_it_is_told() {
        let place = tempfile::tempdir().unwrap();
        let beside = [place.path().to_owned()];
        let missing = TOOL.find(Language::Go, &beside).unwrap_err();
        assert_eq!(missing.to_string(), "a tool is not installed, which builds packs in Go");
        assert_eq!(missing.hint(), "install it: get tool");
        let file = place.path().join("a-tool-of-mine");
        fs::write(&file, "").unwrap();
        assert!(TOOL.find(Language::Go, &beside).is_err(), "it is no program");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(TOOL.find(Language::Go, &beside).unwrap(), file);
    }
}
